#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 at random moments: no acknowledged item or event is lost, no half item is visible, and the
# next run carries on. KILLS sets how often each is tried (100).

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	KILLS=${KILLS:-100}
	RANDOM=${SEED:-4711}
}
teardown() { world_end; }

# after MILLISECONDS kill -9 PID; *dead* tells whether it was still running
shoot() {
	sleep "$(printf '0.%03d' "$1")"
	if kill -9 "$2" 2>/dev/null; then dead=1; else dead=0; fi
	rc=0
	wait "$2" 2>/dev/null || rc=$?
	# a run that came through was quicker than thought: aim earlier
	[ "$dead" -eq 1 ] || span=$((span * 9 / 10 + 1))
}

# Complete lines of a journal: what a reader may count on.
complete() {
	grep -c '"mac":"[0-9a-f]*"}$' "$1" || :
}

# what was complete before is still there, byte for byte
prefix_kept() {
	local n

	n=$(stat -c %s "$2")
	cmp -n "$n" "$1" "$2"
}

@test "ingest killed at random moments" {
	J=$(journal cap)
	"$MKIMAGES" some 12 3 >/dev/null
	for d in a b c d e f; do mkdir -p src && cp -r some "src/$d"; done
	# aim at the time that a whole run takes here
	t0=${EPOCHREALTIME/./}
	"$CUSTODY" --node cap ingest archive src --collection whole --quiet
	span=$(((${EPOCHREALTIME/./} - t0) / 1000 + 2))
	killed=0 acked=0
	for ((i = 0; i < KILLS; i++)); do
		grep '"}$' "$J" >kept
		"$CUSTODY" --node cap ingest archive src --collection "k$i" --quiet >out.json --json &
		shoot $((RANDOM % span)) $!
		killed=$((killed + dead))
		prefix_kept "$J" kept
		if [ "$rc" -eq 0 ]; then
			# it said it was done: all of it is in the log
			acked=$((acked + 1))
			a=$(jq -r .accession out.json)
			n=$(jq -r .items out.json)
			[ "$(jq -s --arg a "$a" '[.[]|select(.type=="ingest" and .accession==$a)]|length' "$J")" = "$n" ]
			logged cap ".type==\"accession-closed\" and .accession==\"$a\""
		fi
		if ((i % 10 == 0)); then
			run "$CUSTODY" verify archive
			[ "$status" -eq 0 ] || { echo "run $i: $output"; false; }
		fi
	done
	echo "# killed $killed of $KILLS, $acked ran to the end" >&3
	[ "$killed" -gt 0 ]
	"$CUSTODY" --node cap ingest archive src --collection last
	"$CUSTODY" verify archive
	# every item that is shown is whole
	world_release all otay
	"$CUSTODY" --node ws ls archive >tops
	tops=()
	while IFS= read -r t; do tops+=("${t%/}"); done <tops
	world_request every "${tops[@]}"
	world_authorise every
	"$CUSTODY" --node ws import archive every.auth
	world_mount
	shown=0
	for c in mnt/k* mnt/whole mnt/last; do
		[ -d "$c" ] || continue
		while IFS= read -r f; do
			cmp "$c/$f" "src/$f"
			shown=$((shown + 1))
		done < <(cd "$c" && find . -type f)
	done
	[ "$shown" -eq "$(jq -s '[.[]|select(.type=="ingest")]|length' "$J")" ] ||
		[ "$shown" -eq $(($(jq -s '[.[]|select(.type=="ingest")]|length' "$J") - $(images | wc -l))) ]
	(cd mnt/last && find . -type f | sort) >a
	(cd src && find . -type f | sort) >b
	cmp a b
	world_umount
}

@test "import killed at random moments" {
	J=$(journal ws)
	world_request t otay/us/car1.jpg
	world_authorise t
	t0=${EPOCHREALTIME/./}
	"$CUSTODY" --node ws import archive t.auth
	span=$(((${EPOCHREALTIME/./} - t0) / 1000 + 2))
	killed=0
	for ((i = 0; i < KILLS; i++)); do
		world_request r otay/us/car1.jpg 2>/dev/null
		world_authorise r 2>/dev/null
		serial=$(sed -n 's/^serial: //p' r.auth)
		grep '"}$' "$J" >kept
		"$CUSTODY" --node ws import archive r.auth >/dev/null 2>&1 &
		shoot $((RANDOM % span)) $!
		killed=$((killed + dead))
		prefix_kept "$J" kept
		n=$(jq -s --arg s "$serial" '[.[]|select(.type=="admitted" and .document==$s)]|length' \
			<(grep '"}$' "$J"))
		[ "$n" -le 1 ]
		[ "$rc" -ne 0 ] || [ "$n" -eq 1 ]
		# the next run carries on: taken now, or known already
		run "$CUSTODY" --node ws import archive r.auth
		if [ "$n" -eq 1 ]; then
			[ "$status" -eq 7 ] && [[ "$output" == *serial* ]]
		else
			[ "$status" -eq 0 ] || { echo "run $i: $output"; false; }
		fi
		"$CUSTODY" --node ws why archive otay/us/car1.jpg >/dev/null
	done
	echo "# killed $killed of $KILLS" >&3
	"$CUSTODY" verify archive
	world_mount
	same us/car1.jpg
	world_umount
}

@test "two nodes ingest into one archive at once" {
	world_node cap2 ingest
	"$MKIMAGES" src 8 3 >/dev/null
	for i in 1 2 3; do
		"$CUSTODY" --node cap ingest archive src --collection "a$i" --quiet >/dev/null &
		p1=$!
		"$CUSTODY" --node cap2 ingest archive src --collection "b$i" --quiet >/dev/null &
		p2=$!
		# and the same node twice: one journal, two writers by turns
		"$CUSTODY" --node cap ingest archive src --collection "c$i" --quiet >/dev/null &
		p3=$!
		wait "$p1" && wait "$p2" && wait "$p3"
	done
	"$CUSTODY" verify archive
	n=$(find src -type f | wc -l)
	for c in a1 a2 a3 b1 b2 b3 c1 c2 c3; do
		[ "$("$CUSTODY" --node ws ls -R archive "$c" | grep -c '\.jpg$\|\.txt$\|\.csv$')" -eq "$n" ]
	done
}
