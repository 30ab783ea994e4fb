#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A file that was found somewhere: is it ours, and who could have let it out?

load ../lib/common

mkevents() { "$(dirname "$MKIMAGES")/mkevents" "$@"; }
ws() { custody --node ws "$@"; }
item() { ws show archive "$1" --json | jq -r .item; }
serial() { sed -n 's/^serial: //p' "$1.auth"; }
sum() { sha256sum "$1" | cut -d' ' -f1; }

ready() {
	set -e
	common_ready
	mkdir mehr
	printf 'ein Bild' >'mehr/Grüße 車.txt'
	: >mehr/empty
	custody --node cap ingest archive mehr --collection Zürich
	world_release one otay/us/car1.jpg
	acc=$(ws show archive otay/us/car1.jpg --json | jq -r .accession)
	custody --node ws request archive --accession "$acc" --case C-2 --purpose all -o two.req
	world_authorise two --users root
	custody --node ws import archive two.auth
	echo "opened item=$(item otay/us/car1.jpg) release=$(serial one) uid=1000 user=alice program=cp handle=1
closed item=$(item otay/us/car1.jpg) release=$(serial one) handle=1 bytes=77
refused what=open reason=not-covered item=$(item otay/us/car3.jpg) uid=1001 user=mallory program=grep count=1" |
		mkevents ws archive
	# as it comes back from elsewhere: another name, another time
	cp images/us/car1.jpg found-on-the-net.jpg
	cp images/us/car3.jpg other.jpg
	head -c -1 images/us/car1.jpg >cut.jpg
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

@test "trace: a file that is ours, whatever it is called: its releases and who opened it" {
	ok ws trace archive found-on-the-net.jpg
	says "found-on-the-net.jpg: otay/us/car1.jpg"
	says "$(serial one)"
	says "$(serial two)"
	says "with its whole accession"
	says "case       C-1"
	says "$(ssh-keygen -lf officer.pub | cut -d' ' -f2)"
	says "alice with cp"
	says "77 B read"
	ok ws trace archive found-on-the-net.jpg --json
	json 'length == 1 and (.[0] | .found and .path == "otay/us/car1.jpg" and .user != ""
		and (.releases | length == 2) and .releases[0].case == "C-1"
		and (.releases[1] | .by_accession and .users == ["root"] and (.signed_by | length == 1))
		and ([.history[].type] | index("ingest") != null and index("opened") != null
			and index("closed") != null))'
	[ "$(jq -r .releases[0].authorisation <<<"$output")" = "$(serial one)" ]
}

@test "trace: what is not here is told of, exit code 1" {
	run --separate-stderr ws trace archive cut.jpg
	[ "$status" -eq 1 ]
	[ "$output" = "cut.jpg: not in custody here" ]
	[ -z "$stderr" ]
	run --separate-stderr ws trace archive cut.jpg found-on-the-net.jpg --json
	[ "$status" -eq 1 ]
	json 'length == 2 and any(.found and .file == "found-on-the-net.jpg")
		and any((.found | not) and .file == "cut.jpg")'
	run --separate-stderr ws trace archive cut.jpg -q
	[ "$status" -eq 1 ] && [ -z "$output$stderr" ]
	ok ws trace archive found-on-the-net.jpg -q
	[ -z "$output" ]
}

@test "trace: by digest, by standard input, by a list of names, and empty files" {
	ok ws trace archive --digest "$(sum found-on-the-net.jpg)" --json
	json '.[0].path == "otay/us/car1.jpg"'
	ok ws trace archive - --json <found-on-the-net.jpg
	json '.[0].path == "otay/us/car1.jpg"'
	cp 'mehr/Grüße 車.txt' $'x\ny'
	printf '%s\0' $'x\ny' other.jpg found-on-the-net.jpg >list
	ok ws trace archive -0 --json <list
	json '[.[].path] == ["Zürich/Grüße 車.txt", "otay/us/car3.jpg", "otay/us/car1.jpg"]'
	: >nothing
	ok ws trace archive nothing --json
	json '.[0].path == "Zürich/empty" and .[0].size == 0 and .[0].releases == []'
	ok ws trace archive nothing
	says "never, as far as the log is here"
}

@test "trace: the same file in custody twice is two items" {
	custody --node cap ingest archive images --collection again
	ok ws trace archive found-on-the-net.jpg --json
	json '[.[].path] | sort == ["again/us/car1.jpg", "otay/us/car1.jpg"]'
	json 'map(select(.path == "again/us/car1.jpg")) | .[0].releases == []'
	# twice on the command line as well
	ok ws trace archive found-on-the-net.jpg images/us/car1.jpg --json
	json 'length == 4'
}

@test "trace shows no other digest, and none lies anywhere on disk" {
	ok ws trace archive found-on-the-net.jpg other.jpg --json
	for f in images/us/car1.jpg images/us/car3.jpg images/manifest.csv mehr/empty; do
		run ! grep -q "$(sum "$f")" <<<"$output"
		run ! grep -rqF "$(sum "$f")" archive ws
		# as bytes, whole or the first half
		h=$(sum "$f" | cut -c1-32 | sed 's/../\\x&/g')
		LC_ALL=C run ! grep -rqaP "$h" archive ws
	done
	# it would be seen if it were there
	sum images/us/car1.jpg | xxd -r -p >>ws/seen
	LC_ALL=C grep -rqaP "$(sum images/us/car1.jpg | cut -c1-32 | sed 's/../\\x&/g')" ws
}

@test "trace after reindex, and from a node that was not there before" {
	ws reindex archive
	ok ws trace archive found-on-the-net.jpg other.jpg
	world_node late reader
	ok custody --node late trace archive found-on-the-net.jpg --json
	json '.[0].path == "otay/us/car1.jpg" and (.[0].releases | length == 2)'
}

@test "trace: an item that can't be read could be the one: exit code 4, not 1" {
	seg=$(ws show archive otay/us/car1.jpg --json | jq -r .segment)
	f=archive/segments/${seg:0:2}/$seg.seg
	# found in the index, but not to be compared any more
	mv "$f" away
	run --separate-stderr ws trace archive found-on-the-net.jpg
	[ "$status" -eq 4 ]
	talks "can't be looked at"
	[ "$output" = "found-on-the-net.jpg: can't be said: items here can't be read" ]
	run --separate-stderr ws trace archive found-on-the-net.jpg --json
	[ "$status" -eq 4 ]
	json '.[0].found == false and .[0].unsure == true'
	# never indexed: nothing to find it by
	ws reindex archive 2>/dev/null || :
	run --separate-stderr ws trace archive found-on-the-net.jpg
	[ "$status" -eq 4 ]
	talks "may be what was not found"
	[ "$output" = "found-on-the-net.jpg: can't be said: items here can't be read" ]
	mv away "$f"
	ok ws trace archive found-on-the-net.jpg
}

@test "trace: a document that is missing is told of: the answer may lack a release" {
	rm "archive/documents/$(serial two).authorisation"
	run --separate-stderr ws trace archive found-on-the-net.jpg --json
	[ "$status" -eq 4 ]
	talks "$(serial two)"
	json '.[0].releases | length == 1'
}

@test "trace: what can't be asked" {
	fails 2 "nothing to look for" ws trace archive
	fails 2 "ARCHIVE and FILE" ws trace
	fails 1 "nowhere.jpg" ws trace archive nowhere.jpg
	fails 1 "can't read ." ws trace archive found-on-the-net.jpg .
	fails 2 "64 lower-case hex" ws trace archive --digest abc
	fails 2 "64 lower-case hex" ws trace archive --digest "$(sum cut.jpg | tr a-f A-F)x"
	fails 2 "names no file" ws trace archive -0 </dev/null
	fails 7 "" custody --node cap trace archive found-on-the-net.jpg
	fails 3 "" custody trace archive found-on-the-net.jpg
}

rogue() { "$(dirname "$CUSTODY")/tests/fuse/rogue" "$@"; }

@test "trace: an index that lacks an item is an index error, not an answer" {
	ok rogue ws archive forget "$(item otay/us/car1.jpg)"
	run --separate-stderr ws trace archive found-on-the-net.jpg
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	talks "the index lacks an item that the log has: run 'custody reindex'"
	ws reindex archive
	ok ws trace archive found-on-the-net.jpg
}

@test "trace: of two items that a node took in under one id, both are found" {
	world_node evil ingest
	ok rogue evil archive twice "$(jq -r 'select(.type == "started") | .node' "$(journal cap)")"
	printf ONE >one.txt
	printf TWO >two.txt
	ok ws trace archive one.txt
	run --separate-stderr ws trace archive two.txt
	[ "$status" -eq 4 ]
	talks "under the id"
	talks "of another of its items"
	says "two.txt: can't be said"
	run -4 --separate-stderr ws trace archive two.txt --json
	json '.[0].found == false'
}
