#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a contractor with root can do to a log, one by one: each is detected, and called by its name.
# What else there is to each of them is in attack_log, attack_rollback, prove_witness and ../fuse.

load ../lib/common

ready() {
	set -e
	common_ready
	world_release r otay/us/car1.jpg
	cp -a archive older
	cp -a ws ws.older
	mkdir more
	echo more >more/more.txt
	custody --node cap ingest archive more --collection more
	world_request q otay/mx/car2.jpg
	custody --node ws ls archive >/dev/null
}
setup_file() { common_make ready; }
setup() {
	common_copy
	J=$(grep -l '"type":"ingest"' archive/journal/*.jsonl)
	N=$(basename "$J" .jsonl)
	cp "$J" good
}
teardown() { world_end; }

ws() { custody --node ws "$@"; }

# verify_says WORDS...: exit 4, and a finding about the journal has each of them
verify_says() {
	run --separate-stderr custody verify archive
	[ "$status" -eq 4 ] || { echo "exit $status: $output $stderr" >&2; return 1; }
	for words; do
		grep -qF "$words" <<<"$(grep -F "journal $N" <<<"$output")" ||
			{ printf 'no "%s" in: %s\n' "$words" "$output" >&2; return 1; }
	done
}

@test "edit: the line is named" {
	sed -i '6s/"offset":[0-9]*/"offset":4096/' "$J"
	verify_says 'are not those that its checkpoint covers'
	# Who shows the line itself names it.
	run -4 --separate-stderr ws log archive --journal "$N"
	talks 'not what was logged'
}

@test "drop: the place where lines are missing is named" {
	sed -i 6d "$J"
	verify_says 'line 6' 'lines are missing or moved'
}

@test "reorder: the lines that were moved are named" {
	sed '6{h;d};7{G}' good >"$J"
	verify_says 'line 6' 'lines are missing or moved'
}

@test "truncate: the length that was signed is named, and what the log has" {
	head -n -3 good >"$J"
	verify_says "$(($(wc -l <good) - 3))" "$(wc -l <good)"
	fails 4 "rolled back" ws ls archive
}

@test "back-date: a line whose time is before the one before it is named" {
	sed -i '8s/"time":"20[0-9][0-9]-/"time":"2001-/' "$J"
	verify_says 'line 8' 'its time is before that of the line before it'
}

@test "restore an old copy: refused, with what was seen and what is there" {
	rm -r archive
	cp -a older archive
	fails 4 "rolled back or forked" ws ls archive
	talks "were seen before"
	fails 4 "rolled back or forked" custody --node cap ingest archive more --collection x
	mkdir -p mnt
	fails 4 "rolled back or forked" "$CUSTODYFS" --node ws archive mnt
}


@test "replay: an authorisation is taken once, by its serial" {
	fails 7 "its serial is in the log already: a document is taken once" ws import archive r.auth
	logged ws '.type=="refused" and .reason=="replayed"'
}

@test "swap index: another node's, an older one, an empty one is none, and is made anew" {
	ws ls -R archive >want
	world_node other reader
	custody --node other ls archive >/dev/null
	index=$(echo ws/archives/*/index)
	for from in other/archives/*/index ws.older/archives/*/index; do
		rm -r "$index"
		cp -a "$from" "$index"
		ok ws ls -R archive
		cmp want - <<<"$output"
	done
	rm -r "$index"
	cp -a other/archives/*/index "$index"
	ok ws ls -R archive
	talks "index"
}

@test "a thief of a revoked key takes the officers out of archive.txt: not imported" {
	world_keys thief
	authority rotate auth --add-key thief.pub --sign-with officer --sign-with thief -o two.txt
	ws import archive two.txt
	cp -a auth stolen
	ok authority revoke auth --key thief.pub --reason stolen --sign-with officer -o v
	ok ws import archive v
	ok authority rotate stolen --remove-key officer.pub --sign-with thief -o evil.txt
	fails 7 "was revoked" ws import archive evil.txt
	grep -q "$(cut -d' ' -f2 officer.pub)" archive/archive.txt
	# the officer can put the thief out
	ok authority rotate auth --remove-key thief.pub --sign-with officer -o good.txt
	ok ws import archive good.txt
	run ! grep -q "$(cut -d' ' -f2 thief.pub)" archive/archive.txt
	ok custody verify archive
}
