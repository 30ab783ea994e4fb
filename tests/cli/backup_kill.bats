#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Backup, restore and repair, killed where they make a system call drawn at random: nothing that was
# acknowledged is lost, nothing half done counts, and the next run goes on. KILLS says how often in all
# (60; 'make check-integration' sets 1000).

load ../lib/common

setup_file() { common_make ready; }
setup() {
	common_copy
	KILLS=${KILLS:-60}
	killat=$(dirname "$MKIMAGES")/../crash/killat
}
teardown() { world_end; }

# old/ is an archive, archive/ the same one later; bak/ has old/, whole.bak/ archive/ too.
ready() {
	set -e
	world_archive
	world_node cap ingest
	world_images 1
	mkdir one two
	for i in 1 2; do
		cp images/us/car1.jpg "one/$i.jpg"
		cp images/us/car1.jpg "two/$i.jpg"
	done
	custody --node cap ingest archive one --collection one
	world_node ws reader
	custody --node ws ls archive
	cp -a archive old
	custody backup old bak
	custody --node cap ingest archive two --collection two
	custody --node ws ls archive
	cp -a bak whole.bak
	custody backup archive whole.bak
}
digest() { (cd "$1" && find . -type f ! -name backup.state -exec sha256sum {} + | sort | sha256sum); }
# without what the repairing node logs
rest() { (cd "$1" && find . -type f ! -path './journal/*' ! -name '.*.tmp' -exec sha256sum {} + |
	sort | sha256sum); }

# calls COMMAND...: how many system calls it makes
calls() { "$killat" 0 "$@" 2>&1 >/dev/null | tail -n 1; }
# at N: a call out of N, from the first quarter on as a rule: it starts up before that
at() { echo $((1 + (RANDOM * 32768 + RANDOM) % $1)); }
# killed N COMMAND...: says so if it was
killed() {
	local code=0

	"$killat" "$@" >out 2>&1 || code=$?
	[ "$code" -eq 137 ] || [ "$code" -eq 0 ] || { cat out; echo "exit $code at call $1"; return 1; }
	last=$code
}

@test "a backup that is killed: the generations there are stay whole, and the next run goes on" {
	old=$(digest old) new=$(digest archive)
	cp -a bak run && n=$(calls "$CUSTODY" backup archive run --keep 1) && rm -rf run
	kills=0
	for ((i = 0; i < (KILLS + 2) / 3; i++)); do
		rm -rf run && cp -a bak run
		for ((k = 0; k < 1 + RANDOM % 3; k++)); do # the run that goes on is killed too
			call=$(at "$n")
			killed "$call" "$CUSTODY" backup archive run --keep 1
			[ "$last" -ne 137 ] || kills=$((kills + 1))
			found=0
			for g in run/0*; do
				d=$(digest "$g")
				[ "$d" = "$old" ] || [ "$d" = "$new" ] || { echo "call $call: $g"; return 1; }
				found=$((found + 1))
			done
			[ "$found" -ge 1 ]
			# acknowledged: then it is there
			[ "$last" -ne 0 ] || [ "$(digest run/00000002)" = "$new" ]
		done
		custody backup archive run --keep 1 -q
		[ "$(digest run/00000002)" = "$new" ] && [ "$(ls -d run/0* run/partial run/discarded 2>/dev/null)" = run/00000002 ]
	done
	custody verify run -q
	[ "$kills" -ge $((KILLS / 6)) ]
}

@test "a restore that is killed: no archive, or all of it, and the next run goes on" {
	want=$(digest archive)
	n=$(calls "$CUSTODY" restore whole.bak run) && rm -rf run run.partial
	kills=0
	for ((i = 0; i < (KILLS + 2) / 3; i++)); do
		rm -rf run run.partial
		for ((k = 0; k < 1 + RANDOM % 3; k++)); do
			[ ! -e run ] || break
			call=$(at "$n")
			killed "$call" "$CUSTODY" restore whole.bak run
			[ "$last" -ne 137 ] || kills=$((kills + 1))
			[ ! -e run ] || [ "$(digest run)" = "$want" ] || { echo "call $call"; return 1; }
			[ "$last" -ne 0 ] || [ -e run ]
		done
		[ -e run ] || custody restore whole.bak run -q
		[ "$(digest run)" = "$want" ] && [ ! -e run.partial ]
	done
	custody verify run -q
	[ "$kills" -ge $((KILLS / 6)) ]
}

@test "a repair that is killed: what was intact stays so, and the next run mends the rest" {
	want=$(rest archive)
	seg=$(cd archive && ls segments/*/*.seg | head -n 1)
	gone=$(cd archive && ls segments/*/*.seg | tail -n 1)
	doc=$(cd archive && grep -l 'role: ingest' documents/*.enrolment)
	cp -a archive damaged
	flip "damaged/$seg" 700
	flip "damaged/$seg" $(($(stat -c %s "damaged/$seg") - 20))
	rm "damaged/$gone" "damaged/$doc"
	rm -rf run node && cp -a damaged run && cp -a ws node
	n=$(calls "$CUSTODY" --node node repair run --from whole.bak)
	[ "$want" = "$(rest run)" ]
	kills=0
	for ((i = 0; i < (KILLS + 2) / 3; i++)); do
		rm -rf run node && cp -a damaged run && cp -a ws node
		call=$(at "$n")
		killed "$call" "$CUSTODY" --node node repair run --from whole.bak
		[ "$last" -ne 137 ] || kills=$((kills + 1))
		[ "$last" -ne 0 ] || [ "$want" = "$(rest run)" ]
		custody --node node repair run --from whole.bak -q || { echo "call $call"; return 1; }
		[ "$want" = "$(rest run)" ] || { echo "call $call"; return 1; }
	done
	custody verify run -q
	jq -es 'any(.[]; .type == "repaired")' run/journal/*.jsonl >/dev/null
	[ "$kills" -ge $((KILLS / 6)) ]
}
