#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Receipts of logs that a witness has cosigned: its cosignature is carried and checked, by custody check
# and by a script in another language; and what the holder of the node's key tries all the same.

load ../lib/common

# cosign: have the capture node's log cosigned
cosign() {
	custody --node cap checkpoint archive --for-witness -o ask
	authority witness auth ask -o answer
	custody --node cap import archive answer
}
ready() {
	set -e
	common_ready
	cosign
	echo late >late.txt
	custody --node cap ingest archive late.txt --collection late
	custody --node ws prove archive otay/us/car1.jpg -o a
	custody --node ws prove archive late/late.txt -o late
}
setup_file() {
	export CHECK="$BATS_TEST_DIRNAME/../receipt/check.mjs"
	common_make ready
}
setup() { common_copy; }
teardown() { world_end; }

cap_journal() { grep -l '"type":"ingest"' archive/journal/*.jsonl; }

# broken FILE WORDS: both programs find it out, exit 4; custody check says WORDS
broken() {
	run --separate-stderr custody check "$1"
	if [ "$status" -ne 4 ] || [[ "$output" != *"$2"* ]]; then
		printf 'exit %s, not 4 with "%s": %s\n' "$status" "$2" "$output" >&2
		return 1
	fi
	command -v node >/dev/null || return 0
	run node "$CHECK" "$1"
	[ "$status" -eq 4 ] && return 0
	printf 'check.mjs: exit %s: %s\n' "$status" "$output" >&2
	return 1
}

# parts FILE: each part in a file of its own, as custodyfs-format(5) says
parts() {
	rm -f part[0-9]*
	LC_ALL=C awk 'left > 0 { left -= length + 1; print >f; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2
			f = "part" ++n "." substr($1, 1, length($1) - 1) }' "$1"
}

# without KIND... <RECEIPT: all but the parts of these kinds
without() {
	LC_ALL=C awk -v kinds=" $* " 'left > 0 { left -= length + 1; if (!drop) print; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2
			drop = index(kinds, " " substr($1, 1, length($1) - 1) " ")
			if (drop) next }
		1'
}

# with KIND FILE <RECEIPT: FILE in the place of each part of that kind
with() {
	LC_ALL=C awk -v kind="$1: " -v file="$2" -v size="$(wc -c <"$2")" '
		left > 0 { left -= length + 1; if (!drop) print; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2; drop = index($0, kind) == 1
			if (drop) { print kind size; while ((getline line <file) > 0) print line; close(file); next } }
		1'
}

@test "the cosignature is in it, and checked; by index, scan and capture node the same" {
	ok custody check a --witnessed
	says "cosigned 20"
	[ "${lines[-1]}" = "verdict       good: 2 events of 1 log proved" ]
	ok custody check a --json
	json ".[0].logs[0].cosigned == $(sed -n 2p answer) and (.[0].logs[0].witnesses | length) == 1"
	parts a
	cmp part*.cosigned answer
	# each proof is a tlog-proof whose checkpoint is the cosigned one, verbatim
	for p in part*.proof; do
		sed '1,/^$/d' "$p" | cmp - answer
	done
	# and the consistency proof is what another witness could be asked
	grep -qx "old $(sed -n 2p answer)" part*.consistency
	sed '1,/^$/d' part*.consistency | cmp - "$(cap_journal | sed 's/jsonl$/checkpoint/')"
	id=$(sed -n 's/^item: //p' a)
	custody prove archive "$id" -o b
	cmp a b
	custody --node cap prove archive "$id" -o b
	cmp a b
	command -v node >/dev/null || skip "no node: the second opinion is not asked"
	ok node "$CHECK" a
	says "good: 2 events, 2 witnessed"
}

@test "what was logged since is the node's word alone, and said to be" {
	ok custody check late
	says "its first $(sed -n 2p answer) cosigned"
	run --separate-stderr custody check late --witnessed
	[ "$status" -eq 5 ]
	says "is that node's word alone: no witness has cosigned it"
	# until it is cosigned too
	cosign
	custody --node ws prove archive late/late.txt -o b
	ok custody check b --witnessed
	# without a witness altogether
	rm archive/journal/*.cosigned
	custody --node ws prove archive otay/us/car1.jpg -o c
	ok custody check c
	says "none: the log is the node's word alone"
	run --separate-stderr custody check c --witnessed
	[ "$status" -eq 5 ]
}

@test "a cosigned checkpoint that is not good is told of, and not in it" {
	flip "$(echo archive/journal/*.cosigned)" 150
	ok custody --node ws prove archive otay/us/car1.jpg -o b
	talks "no cosignature is in the receipt"
	ok custody check b
}

@test "cosignature, cosigned checkpoint, consistency proof: changed, taken out, put in" {
	sed 's/\(custodyfs-witness\/.* .\{30\}\)..../\1AAAA/' a >b
	broken b "the cosigned checkpoint of node"
	# the time at which the witness saw it
	sed 's/\(— custodyfs-witness\/[^ ]* .\{12\}\)../\1AA/' a >b
	broken b "the cosigned checkpoint of node"
	parts a
	grep -v custodyfs-witness answer >x
	with cosigned x <a >b
	broken b "no witness that archive.txt names has cosigned"
	without cosigned consistency <a >b
	broken b "is not proved"
	without cosigned <a >b
	broken b "nothing to begin at"
	without consistency <a >b
	broken b "not proved to go on"
	sed -E '2{s/^A/B/;t;s/./A/}' part*.consistency >x
	with consistency x <a >b
	broken b "not proved to go on"
	sed '1s/old .*/old 1/' part*.consistency >x
	with consistency x <a >b
	broken b "not proved to go on"
	sed 2d part*.consistency >x
	with consistency x <a >b
	broken b "not proved to go on"
	# proofs by the node's own checkpoint alone do not do where a witness saw the event
	rm archive/journal/*.cosigned
	custody --node ws prove archive otay/us/car1.jpg -o plain
	parts plain
	with proof "$(ls part*.proof | head -n 1)" <a >b
	broken b "is not proved"
}

@test "another archive's witness does not count" {
	# an archive of the contractor's own, with the same id and nodes, is told by its keys alone; but
	# its witness can't be put into the true one
	v=$(sed -n 's/^witness: //p' archive/archive.txt)
	world_keys stranger
	authority init other --key stranger.pub --no-passphrase
	w=$(sed -n 's/^witness: //p' other/authority.txt)
	[ "$v" != "$w" ]
	sed "s|^witness: .*|witness: $w|" a >b
	broken b "archive.txt is not good"
}

# rewritten: the holder of the capture node's key and state turns it back to before the late item, and
# logs something else in its place
rewritten() {
	set -e
	common_ready
	cp -a archive before && cp -a cap cap-before
	echo one >one.txt
	custody --node cap ingest archive one.txt --collection one
	cosign
	cp "$(echo archive/journal/*.cosigned)" seen
	custody --node ws prove archive one/one.txt -o true
	rm -rf archive cap ws
	mv before archive && mv cap-before cap
	world_node ws reader
	for i in 1 2 3; do
		echo "$i" >two.txt
		custody --node cap ingest archive two.txt --collection "two$i"
	done
}

@test "a log that was rewritten with the node's own key: prove, check and the witness name it" {
	mkdir sub && cd sub
	rewritten >/dev/null 2>&1
	id=$(custody --node ws show archive two1/two.txt --json | jq -r .item)
	# the archive alone looks well
	ok custody prove archive "$id" -o fork
	ok custody check fork
	says "none: the log is the node's word alone"
	# with what the witness saw, it does not
	j=$(cap_journal)
	cp seen "${j%.jsonl}.cosigned"
	fails 4 "was turned back or forked" custody prove archive "$id" -o x
	fails 4 "was turned back or forked" custody --node ws prove archive "$id" -o x
	[ ! -e x ]
	# put together by hand
	parts true
	LC_ALL=C awk -v n="$(wc -c <seen)" 'left > 0 { left -= length + 1; print; if (left == 0 && mine) {
			print "cosigned: " n; while ((getline line <"seen") > 0) print line
			print "consistency: " c; while ((getline line <"cons") > 0) print line; mine = 0 }
			next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2; mine = /^checkpoint/ } 1' \
		c="$( (sed -n '1,/^$/p' part*.consistency 2>/dev/null || printf 'old %s\n\n' "$(sed -n 2p seen)"
			cat "${j%.jsonl}.checkpoint") | tee cons | wc -c)" fork >b
	run --separate-stderr custody check b
	[ "$status" -eq 4 ]
	says "not proved to go on from the"
	# and the witness cosigns nothing of it
	rm "${j%.jsonl}.cosigned"
	custody --node cap checkpoint archive --for-witness --old "$(sed -n 2p seen)" -o ask
	fails 4 "forked" authority witness auth ask -o y
}
