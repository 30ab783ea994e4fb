#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody verify: what it finds, what it names, what it says about the rest, and its exit codes.

load ../lib/common

setup_file() { common_make common_ready; }
setup() { common_copy; }
teardown() { world_end; }

seg() { echo archive/segments/*/*.seg; }
cap_journal() { grep -l '"type":"ingest"' archive/journal/*.jsonl; }
# place PATH: "ITEM OFFSET LENGTH HEADLEN" of an item's frame
place() {
	local id

	id=$(custody --node ws show archive "$1" --json | jq -r .item)
	jq -r --arg i "$id" 'select(.type == "ingest" and .item == $i) |
		"\(.item) \(.offset) \(.length) \(.headlen)"' "$(cap_journal)"
}

# damaged COMMAND...: verify finds damage (exit 4) and says so on standard output
damaged() {
	run --separate-stderr custody verify archive "$@"
	[ "$status" -eq 4 ] && return 0
	printf 'exit %s, not 4\nstdout: %s\nstderr: %s\n' "$status" "$output" "$stderr" >&2
	return 1
}

@test "all is well: sums and one hash, without a node" {
	ok custody verify archive
	says "damaged     0"
	grep -qE '^root        [0-9a-f]{64}$' <<<"$output"
	root=$(awk '/^root/ { print $2 }' <<<"$output")
	ok custody verify archive --json
	json 'length == 1'
	json ".[0] | .damaged == 0 and .unchecked == 0 and .root == \"$root\""
	json ".[0].items == $(find images -type f | wc -l) and .[0].journals == 2"
	ok custody verify archive --quiet
	[ -z "$output" ]
}

@test "it changes nothing, and needs to change nothing" {
	before=$(find archive -type f -exec sha256sum {} + | sort | sha256sum)
	chmod -R a-w archive
	ok custody verify archive --workers 2
	chmod -R u+w archive
	[ "$before" = "$(find archive -type f -exec sha256sum {} + | sort | sha256sum)" ]
}

@test "the hash changes with the log" {
	first=$(custody verify archive --json | jq -r .root)
	[ "$first" = "$(custody verify archive --quick --json | jq -r .root)" ]
	custody --node ws request archive otay/us --case C --purpose P -o r.req
	[ "$first" != "$(custody verify archive --json | jq -r .root)" ]
}

@test "a flipped byte: the item and the range are named, the others are checked" {
	read -r item off len head < <(place otay/us/car1.jpg)
	flip "$(seg)" $((off + head + 1000))
	damaged
	says "$item"
	[ "$(grep -c '^damaged: ' <<<"$output")" -eq 1 ]
	says "damaged     1"
	damaged --json
	json "map(select(.damage)) | length == 1 and .[0].item == \"$item\""
	json "map(select(.damage))[0] | .offset >= $off and .offset + .length <= $off + $len"
	json ".[-1].items == $(find images -type f | wc -l)"
	# a quick look does not read items
	ok custody verify archive --quick
}

@test "a flipped byte in a frame's head, in a segment's header" {
	read -r item off _ _ < <(place otay/us/car1.jpg)
	flip "$(seg)" $((off + 100))
	damaged
	says "$item"
	flip "$(seg)" $((off + 100))
	ok custody verify archive
	flip "$(seg)" 60
	damaged
}

@test "a segment that is cut off, or gone" {
	cp "$(seg)" whole
	truncate -s -100 "$(seg)"
	damaged
	file=$(seg)
	rm "$file"
	damaged
	says "$(basename "$file" .seg)"
	cp whole "$file"
	ok custody verify archive
}

@test "zeros, and one item's bytes in another's place" {
	read -r item off _ head < <(place otay/us/car1.jpg)
	cp "$(seg)" whole
	dd if=/dev/zero of="$(seg)" bs=1 seek=$((off + head)) count=64 conv=notrunc status=none
	damaged
	says "$item"
	cp whole "$(seg)"
	read -r other from _ fhead < <(place otay/us/car3.jpg)
	dd if=whole of="$(seg)" bs=1 skip=$((from + fhead)) seek=$((off + head)) count=16400 \
		conv=notrunc status=none
	damaged
	says "$item"
	run ! grep -q "$other" <<<"$output"
}

@test "a journal line that was changed, taken out, added" {
	j=$(cap_journal)
	cp "$j" whole
	sed -i '2s/"uid":[0-9]*/"uid":77/' "$j"
	damaged
	sed 5d whole >"$j"
	damaged
	(cat whole && tail -n 1 whole) >"$j"
	run custody verify archive
	[ "$status" -ne 0 ] || [[ "$output" == *"unsigned"* ]]
	head -n -3 whole >"$j"
	damaged
	cp whole "$j"
	ok custody verify archive
}

@test "a checkpoint that was changed, put back, taken away" {
	j=$(cap_journal)
	cp "${j%.jsonl}.checkpoint" old
	echo more >more.txt
	custody --node cap ingest archive more.txt --collection c
	cp "${j%.jsonl}.checkpoint" new
	sed '2s/.*/3/' new >"${j%.jsonl}.checkpoint"
	damaged
	cp new "${j%.jsonl}.checkpoint"
	ok custody verify archive
	# one of before is a good one: what came later is not signed for
	cp old "${j%.jsonl}.checkpoint"
	ok custody verify archive
	says "unsigned"
	ok custody verify archive --checkpoint new
	# a log that was put back together with it is good by itself; whoever kept the later one knows
	# better
	cp "$j" whole
	head -n "$(sed -n 2p old)" whole >"$j"
	run custody verify archive --quick
	damaged --checkpoint new
	cp whole "$j"
	rm "${j%.jsonl}.checkpoint"
	run custody verify archive
	[ "$status" -ne 0 ]
}

@test "--checkpoint: of before, of another archive, none at all" {
	custody --node cap checkpoint archive -o early
	echo more >more.txt
	custody --node cap ingest archive more.txt --collection c
	ok custody verify archive --checkpoint early
	# a whole log of another history, which is good by itself
	rm -r archive
	world_archive_again
	fails 5 "not of this archive" custody verify archive --checkpoint early
	fails 1 "nothing-there" custody verify archive --checkpoint nothing-there
	fails 5 "" custody verify archive --checkpoint officer.pub
}
world_archive_again() { authority create-archive auth archive --sign-with officer; }

@test "documents: changed, gone, added by somebody" {
	d=$(grep -l '^role: ingest' archive/documents/*.enrolment)
	cp "$d" whole
	sed -i 's/^name: .*/name: other/' "$d"
	damaged
	rm "$d"
	run custody verify archive
	[ "$status" -ne 0 ]
	cp whole "$d"
	ok custody verify archive
}

@test "archive.txt that was changed: exit 4 before all else" {
	sed -i 's/^threshold: 1/threshold: 1 /' archive/archive.txt
	run custody verify archive
	[ "$status" -ge 4 ]
	[ "$status" -le 5 ]
	world_keys stranger
	authority init auth2 --key stranger.pub --no-passphrase
	authority create-archive auth2 other --sign-with stranger
	# another authority's description, good by itself, does not make its own of this archive
	cp other/archive.txt archive/archive.txt
	run custody verify archive
	[ "$status" -ne 0 ]
}

@test "what is no archive: exit 5; nothing there: exit 1" {
	fails 1 "nowhere is not there" custody verify nowhere
	mkdir empty
	fails 5 "not an archive" custody verify empty
	fails 5 "not an archive" custody verify officer.pub
	run --separate-stderr custody verify empty --json
	[ "$status" -eq 5 ]
	json '.[0].error == "foreign"'
	rm -r archive/segments
	fails 4 "segments is missing" custody verify archive
}

@test "what can't be read is not called damaged" {
	as=()
	if [ "$(id -u)" -eq 0 ]; then
		chmod -R a+rX . && chown -R 65534 archive
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	chmod 000 "$(seg)"
	run --separate-stderr "${as[@]}" "$CUSTODY" verify archive
	[ "$status" -eq 1 ]
	says "not checked: "
	says "damaged     0"
}

@test "an archive without a single event" {
	authority create-archive auth new --sign-with officer
	ok custody verify new
	says "journals    0, 0 events"
	says "items       0"
}

@test "the order of the options does not matter" {
	ok custody verify --quick --json archive
	json '.[0].quick'
	ok custody --json verify archive --quick
	json '.[0].quick'
}

@test "an enrolment that was signed, and nobody has imported yet, is no damage after a rotation" {
	ok custody --node later node-init archive --role reader --no-passphrase -o later.req
	ok authority enrol auth later.req --sign-with officer -o later.enrol
	ok authority rotate auth --new-witness --sign-with officer -o next.txt
	ok custody --node ws import archive next.txt
	ok custody verify archive
	ok custody --node later import archive later.enrol
	ok custody verify archive
	# once a log has it, it is missed
	rm "archive/documents/$(sed -n 's/^serial: //p' later.enrol).enrolment"
	run -4 custody verify archive
}
