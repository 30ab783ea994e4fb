#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A log that was edited on disk after it was signed and indexed is not shown as if it were the log.

load ../lib/common

ready() {
	set -e
	common_ready
	world_request r otay/us/car1.jpg
	world_authorise r
	custody --node ws import archive r.auth
	custody --node ws log archive >/dev/null # all is indexed
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

ws() { custody --node ws "$@"; }

# edit NODE TYPE FROM TO: in the node's first event of that type, FROM becomes TO, of the same length;
# sets line, its number.
edit() {
	local f

	f=$(journal "$1")
	line=$(grep -n -m 1 "\"type\":\"$2\"" "$f" | cut -d: -f1)
	sed -i "${line}s/$3/$4/" "$f"
	sed -n "${line}p" "$f" | grep -q "$4"
}

# exits4 COMMAND...: exit code 4, whatever it printed
exits4() {
	run --separate-stderr "$@"
	[ "$status" -eq 4 ] && return 0
	printf 'exit %s\n%s\n%s\n' "$status" "$output" "$stderr" >&2
	return 1
}

@test "log with a node: an edited line is named, not shown" {
	ok ws log archive --json
	before=${#lines[@]}
	edit ws requested '"items":1,' '"items":7,'
	exits4 ws log archive --json
	talks "line $line (at byte "
	talks "is not what was logged"
	json "map(select(.type)) | length == $before - 1 and all(.[]; .signed and .items != 7)"
	# whatever it is found by
	exits4 ws log archive --type requested
	exits4 ws log archive --journal "$(ws status archive --json | jq -r .node)"
	exits4 ws log archive --user "$(id -un)"
	exits4 ws log archive --authorisation "$(sed -n 's/^request: //p' r.auth)"
	exits4 ws log archive --case C-1
	talks "line $line (at byte "
	# what does not ask for it does not read it; without a node all is read
	ok ws log archive --type started
	exits4 custody log archive --type started
}

@test "log with a node: a line of another node's journal" {
	edit cap ingest '"seq":' '"sEq":'
	exits4 ws log archive
	talks "line $line (at byte "
}

@test "log without a node: no line of an edited journal passes for signed" {
	id=$(ws status archive --json | jq -r .node)
	edit ws requested '"items":1,' '"items":7,'
	exits4 custody log archive --json
	talks "not those that its checkpoint signs"
	json "all(.[] | select(.journal == \"$id\"); .signed | not)"
	json "any(.[] | select(.journal != \"$id\"); .signed)"
	exits4 custody log archive
	grep -q ' \*requested' <<<"$output"
	ok custody log archive --journal "$(custody --node cap status archive --json | jq -r .node)"
}

@test "log without a node: a shortened journal, a forged checkpoint" {
	f=$(journal ws)
	cp "$f" whole
	sed -i '$d' "$f"
	exits4 custody log archive
	talks "its checkpoint signs"
	cp whole "$f"
	ok custody log archive
	flip "${f%.jsonl}.checkpoint" 5
	exits4 custody log archive --json
	json 'any(.[] | select(.type); .signed | not)'
}

@test "log: a line past the checkpoint can't call itself a signed one" {
	f=$(journal ws)
	n=$(wc -l <"$f")
	cp "$f" whole
	sed -n "2s/\"seq\":1,\"time\":\"[^\"]*/\"seq\":$n,\"time\":\"$(date -u +%FT%T.999Z)/p" "$f" >>"$f"
	ok custody log archive --json
	json "map(select(.seq == $n and (.signed | not))) | length == 1"
	# nor does one that does not go on from the line before
	sed -n 2p whole >>whole && cp whole "$f"
	exits4 custody log archive --json
	talks "does not go on from the one before"
}

@test "show: an edited event of the item is named, and nothing is shown" {
	item=$(ws show archive otay/us/car1.jpg --json | jq -r .item)
	f=$(journal cap)
	line=$(grep -n -m 1 "\"item\":\"$item\"" "$f" | cut -d: -f1)
	sed -i "${line}s/\"type\":\"ingest\"/\"type\":\"inGest\"/" "$f"
	fails 4 "line $line (at byte " ws show archive otay/us/car1.jpg
	exits4 ws show archive "$item" --json
	json '.[0].error == "damaged" and length == 1'
	ok ws show archive otay/us/car3.jpg
}

@test "request and prove: nothing is made from an edited event of the item" {
	item=$(ws show archive otay/us/car3.jpg --json | jq -r .item)
	f=$(journal cap)
	line=$(grep -n -m 1 "\"item\":\"$item\"" "$f" | cut -d: -f1)
	sed -i "${line}s/\"length\":1/\"length\":2/" "$f"
	exits4 ws request archive otay/us/car3.jpg --case C-1 --purpose 'plate dispute' -o x.req
	[ ! -e x.req ]
	exits4 ws prove archive otay/us/car3.jpg -o x.html
	talks "line $line (at byte "
	[ ! -e x.html ]
}

@test "who may read the logs can't keep them from being written" {
	for f in archive/journal/*.jsonl; do
		flock "$f" sleep 60 3>&- &
		holders+=("$!")
	done
	for f in archive/journal/*.jsonl; do
		until ! flock -n "$f" true; do sleep 0.01; done
	done
	mkdir more
	echo new >more/new.txt
	ok timeout 30 "$CUSTODY" --node cap ingest archive more --collection more
	ok timeout 30 "$CUSTODY" --node ws request archive more/new.txt --case C-2 --purpose test -o n.req
	for pid in "${holders[@]}"; do
		kill -0 "$pid" # it was held all the time
		kill "$pid"
	done
}
