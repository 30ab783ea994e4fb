#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What others make of our logs: proofs, checkpoints, cosignatures and tiles, checked by Go's checksum
# database packages (golang.org/x/mod/sumdb) and by Node.js with node:crypto; and the tiles that
# 'custody log --tiles' publishes, written on and tampered with.

load ../lib/common

# The programs of the other side, made once.
go_checker() {
	command -v go >/dev/null && [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ] || return 1
	GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' GOCACHE="$BATS_FILE_TMPDIR/gocache" \
		go build -o "$BATS_FILE_TMPDIR/tlog" "$BATS_TEST_DIRNAME/../proof/tlog.go"
}

cosign() {
	custody --node ws checkpoint archive --all --for-witness -o ask
	authority witness auth ask -o answer
	custody --node ws import archive answer
}

# A log of some tiles, published when it was shorter and again.
ready() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	"$BUILD/tests/bench/mkitems" src 300
	custody --node cap ingest -q archive src --collection a
	custody log archive --tiles early --no-node
	rm -r src
	"$BUILD/tests/bench/mkitems" src 1200
	custody --node cap ingest -q archive src --collection b
	rm -r src
	cosign
	cp -a early tiles
	custody log archive --tiles tiles --no-node
}
setup_file() {
	export BUILD TLOG="$BATS_FILE_TMPDIR/tlog" JS="$BATS_TEST_DIRNAME/../receipt"
	BUILD=$(dirname "$CUSTODY")
	go_checker || echo "no Go with golang.org/x/mod: its opinion is not asked" >&3
	common_make ready
}
setup() { common_copy; }
teardown() { world_end; }

need_go() { [ -x "$TLOG" ] || skip "no Go with golang.org/x/mod: its opinion is not asked"; }
need_node() { command -v node >/dev/null || skip "no node: its opinion is not asked"; }
mkproofs() { "$BUILD/tests/lib/mkproofs" "$@"; }
cap_id() { basename "$(grep -l '"type":"ingest"' archive/journal/*.jsonl)" .jsonl; }
log_key() { sed -n 's/^sign-key: //p' "$(grep -l "^node: $1" archive/documents/*.enrolment)"; }
witness_key() { sed -n 's/^witness: //p' archive/archive.txt; }

@test "Go: every proof of every size up to 300, and of a million" {
	need_go
	[ "$(mkproofs 1 300 | "$TLOG" tree)" = \
		"good: 300 roots, 45150 inclusion and 45150 consistency proofs" ]
	[ "$(mkproofs 1000000 1000000 100 | "$TLOG" tree)" = \
		"good: 1 roots, 101 inclusion and 101 consistency proofs" ]
	# and it would say so
	for s in 's/^\(in 7 20 \)..../\1AAAA/' 's/^\(con 7 20 \)..../\1AAAA/' \
		's/^\(root 20 \)..../\1AAAA/' 's/^in 7 20/in 8 20/' 's/^con 7 20/con 6 20/'; do
		mkproofs 20 20 | sed "$s" >bad
		run "$TLOG" tree <bad
		[ "$status" -eq 4 ]
	done
}

@test "Node.js: every proof of every size up to 300, and of a million" {
	need_node
	[ "$(mkproofs 1 300 | node "$JS/tree.mjs")" = \
		"good: 300 roots, 45150 inclusion and 45150 consistency proofs" ]
	[ "$(mkproofs 1000000 1000000 2 | node "$JS/tree.mjs")" = \
		"good: 1 roots, 3 inclusion and 3 consistency proofs" ]
	for s in 's/^\(in 7 20 \)..../\1AAAA/' 's/^\(con 7 20 \)..../\1AAAA/' \
		's/^in 7 20/in 8 20/' 's/^con 7 20/con 6 20/'; do
		mkproofs 20 20 | sed "$s" >bad
		run node "$JS/tree.mjs" <bad
		[ "$status" -eq 4 ]
	done
}

@test "Go: the proofs of a receipt, lifted out as they are; note and cosignature" {
	need_go
	id=$(jq -r 'select(.type == "ingest") | .item' <(sed -n 1000p "archive/journal/$(cap_id).jsonl"))
	custody prove archive "$id" -o r
	LC_ALL=C awk 'left > 0 { left -= length + 1; print >f; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2
			f = "part" ++n "." substr($1, 1, length($1) - 1) }' r
	for p in part*.proof; do
		n=${p#part} e=part$((${p//[!0-9]/} - 1)).event
		head -c -1 "$e" >line
		ok "$TLOG" proof "$(log_key "$(cap_id)")" "$(witness_key)" "$p" line
		says "of $(sed -n 2p "archive/journal/$(cap_id).cosigned")"
		# another line, another place, without the witness
		sed 's/^{"v":1/{"v":2/' line >other
		run "$TLOG" proof "$(log_key "$(cap_id)")" "$(witness_key)" "$p" other
		[ "$status" -eq 4 ]
		grep -v custodyfs-witness "$p" >bare
		run "$TLOG" proof "$(log_key "$(cap_id)")" "$(witness_key)" bare line
		[ "$status" -eq 4 ]
		ok "$TLOG" proof "$(log_key "$(cap_id)")" - bare line
	done
}

@test "Go: monitors the tiles" {
	need_go
	cap=$(cap_id)
	n=$(sed -n 2p "tiles/$cap/checkpoint")
	[ "$n" -gt 1500 ]
	[ -e "tiles/$cap/tile/1/000.p/$((n / 256))" ]
	ok "$TLOG" tiles "$(log_key "$cap")" - "tiles/$cap"
	says "good: $n entries"
	ok "$TLOG" tiles "$(log_key "$cap")" - "early/$cap"
	# the entries are the journal's lines
	[ "$(tail -c +3 "tiles/$cap/tile/entries/000" | head -c 20)" = \
		"$(head -c 20 "archive/journal/$cap.jsonl")" ]
	flip "tiles/$cap/tile/0/003" 77
	run "$TLOG" tiles "$(log_key "$cap")" - "tiles/$cap"
	[ "$status" -eq 4 ]
	flip "tiles/$cap/tile/0/003" 77
	flip "tiles/$cap/tile/entries/002" 77
	run "$TLOG" tiles "$(log_key "$cap")" - "tiles/$cap"
	[ "$status" -eq 4 ]
}

@test "tiles: the second time adds what is new, and rewrites no full tile" {
	cap=$(cap_id)
	# published early, the same as published late
	custody log archive --tiles fresh --no-node -q
	(cd "fresh/$cap" && find . -type f) >files
	[ "$(wc -l <files)" -ge 13 ]
	while read -r f; do
		cmp "fresh/$cap/$f" "tiles/$cap/$f"
	done <files
	for f in tile/0/000 tile/entries/000; do
		cmp "early/$cap/$f" "tiles/$cap/$f"
	done
	# partial tiles of then are gone, now that the full ones are there
	[ -d "early/$cap/tile/0/001.p" ]
	[ ! -e "tiles/$cap/tile/0/001.p" ]
	find "tiles/$cap/tile" -type f ! -path '*.p/*' -exec ls -li --time-style=full-iso {} + >before
	echo more >more.txt
	custody --node cap ingest -q archive more.txt --collection more
	ok custody log archive --tiles tiles --no-node --json
	json "any(.[]; .node == \"$cap\" and .size > .before and .files <= 5)"
	find "tiles/$cap/tile" -type f ! -path '*.p/*' -exec ls -li --time-style=full-iso {} + |
		cmp before -
	ok custody log archive --tiles tiles --no-node --json
	json 'all(.[]; .files == 0 and .size == .before)'
	# the checkpoint that was cosigned is published with its cosignature
	cosign
	ok custody log archive --tiles tiles --no-node
	[ "$(grep -c custodyfs-witness "tiles/$cap/checkpoint")" -eq 1 ]
	[ ! -x "$TLOG" ] || "$TLOG" tiles "$(log_key "$cap")" "$(witness_key)" "tiles/$cap"
	[ ! -x "$TLOG" ] || "$TLOG" tiles "$(log_key "$cap")" - "tiles/$cap"
}

@test "tiles: what a crash left is taken over; a lock is respected" {
	cap=$(cap_id)
	# everything but the checkpoint, and a file that was being written
	rm "tiles/$cap/checkpoint"
	mv "tiles/$cap/tile/0/002" "tiles/$cap/tile/0/002.tmp"
	ok custody log archive --tiles tiles --no-node --journal "$cap" --json
	json 'length == 1 and .[0].files == 1 and .[0].before == 0'
	[ ! -x "$TLOG" ] || "$TLOG" tiles "$(log_key "$cap")" - "tiles/$cap"
	exec 7<"tiles/$cap"
	flock 7
	fails 6 "somebody else writes" custody log archive --tiles tiles --no-node --journal "$cap"
	exec 7<&-
}

@test "tiles: another log, a longer one, a forked one, a forged one: refused by name" {
	cap=$(cap_id)
	ws=$(ls tiles | grep -v "$cap")
	one() { custody log archive --tiles "$1" --no-node --journal "$cap"; }
	cp -a early other && rm -r "other/$cap" && mv "other/$ws" "other/$cap"
	fails 5 "holds another log" one other
	mkdir -p "junk/$cap" && echo x >"junk/$cap/checkpoint"
	fails 5 "no checkpoint of a log" one junk
	sed -i 's/^\(— .* ....\)..../\1AAAA/' "early/$cap/checkpoint"
	fails 4 "not signed by the log's node" one early
	# an edited tile, an edited entry, a bundle cut short, one in another's place
	flip "tiles/$cap/tile/0/003" 1
	fails 4 "tile/0/003 is not the tile of this log" one tiles
	flip "tiles/$cap/tile/0/003" 1
	flip "tiles/$cap/tile/entries/001" 9
	fails 4 "tile/entries/001 is not the tile of this log" one tiles
	flip "tiles/$cap/tile/entries/001" 9
	truncate -s -1 "tiles/$cap/tile/entries/002"
	fails 4 "tile/entries/002 is not the tile of this log" one tiles
	cp "tiles/$cap/tile/entries/003" "tiles/$cap/tile/entries/002"
	fails 4 "tile/entries/002 is not the tile of this log" one tiles
	rm "tiles/$cap/tile/entries/002"
	ok one tiles
	# the journal is cut, or a line of it is edited
	n=$(sed -n 2p "tiles/$cap/checkpoint")
	cp "archive/journal/$cap.jsonl" whole
	head -n 200 whole >"archive/journal/$cap.jsonl"
	fails 4 "is shorter than its checkpoint says" one tiles
	sed '700s/"offset":/"offset":1/' whole >"archive/journal/$cap.jsonl"
	fails 4 "forked" one tiles
	fails 4 "is not what its checkpoint signs" one new
	[ ! -e "new/$cap/tile" ]
	[ "$(sed -n 2p "tiles/$cap/checkpoint")" -eq "$n" ]
}

@test "Go: a log of three levels of tiles" {
	need_go
	"$BUILD/tests/bench/mkitems" src 66000
	custody --node cap ingest -q archive src --collection c
	ok custody log archive --tiles tiles --no-node
	[ -e "tiles/$(cap_id)/tile/2/000.p/1" ]
	ok "$TLOG" tiles "$(log_key "$(cap_id)")" - "tiles/$(cap_id)"
}

# The holder of the node's key and state turns the archive back, signs anew, and publishes.
turned_back() {
	set -e
	world_archive
	world_node cap ingest
	cp -a archive before && cp -a cap cap-before
	echo one >one.txt
	custody --node cap ingest -q archive one.txt --collection one
	custody log archive --tiles tiles --no-node
	rm -rf archive cap && mv before archive && mv cap-before cap
}

@test "tiles: an archive that was turned back, or forked with its node's key, is not published over them" {
	mkdir sub && cd sub
	(turned_back) >/dev/null 2>&1
	cp -a tiles was
	fails 4 "was turned back, or is an older copy" custody log archive --tiles tiles --no-node
	for i in 1 2; do
		echo "$i" >two.txt
		custody --node cap ingest -q archive two.txt --collection "two$i"
	done
	fails 4 "one of them was forked" custody log archive --tiles tiles --no-node
	diff -r was tiles
}

@test "tiles: usage" {
	fails 2 "publishes whole journals" custody log archive --tiles x --type opened
	fails 2 "publishes whole journals" custody log archive --tiles x --limit 3
	fails 1 "can't" custody log archive --no-node --tiles answer
	[ ! -e x ]
}
