#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody ls, show, why, request, log, checkpoint, status, reindex.

load ../lib/common

ready() {
	set -e
	common_ready
	world_request r otay/us/car1.jpg
	world_authorise r
	custody --node ws import archive r.auth
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

ws() { custody --node ws "$@"; }
item() { ws show archive "$1" --json | jq -r .item; }
node_id() { custody --node "$1" status archive --json | jq -r .node; }

# ---- ls ----

@test "ls: collections, folders, a file" {
	ok ws ls archive
	[ "$output" = otay ]
	ok ws ls archive otay/us
	[ "$output" = "$(cd images/us && find . -type f | sed 's|^\./||' | LC_ALL=C sort)" ]
	ok ws ls archive /otay/us/
	says car1.jpg
	ok ws ls archive otay/us/car1.jpg
	[ "$output" = otay/us/car1.jpg ]
	ok ws ls archive otay/us otay/mx
	says car1.jpg
	says car2.jpg
}

@test "ls -l: state, size, time" {
	ok ws ls -l archive otay/us
	size=$(stat -c %s images/us/car1.jpg)
	grep -qE "^released +$size  [0-9]{4}-[0-9-]*T[0-9:]*Z  car1.jpg$" <<<"$output"
	grep -qE "^sealed +[0-9]+  .*  car3.jpg$" <<<"$output"
	ok ws ls -l archive
	grep -qE "^folder .* otay$" <<<"$output"
}

@test "ls -R, -0 and --json give whole paths" {
	ok ws ls -R archive
	says otay/us/car1.jpg
	[ "${lines[0]}" = otay ]
	ok ws ls archive otay/us --json
	json 'map(select(.path == "otay/us/car1.jpg"))[0] | .state == "released" and .kind == "item"'
	json "map(select(.path == \"otay/us/car1.jpg\"))[0].size == $(stat -c %s images/us/car1.jpg)"
	ws ls -0 archive otay/us >list
	[ "$(tr '\0' '\n' <list | head -n 1)" = otay/us/car1.jpg ]
	[ "$(tail -c 1 list | od -An -tx1 | tr -d ' ')" = 00 ]
}

@test "ls: no such path, a file as a folder, a node without names" {
	fails 1 "otay/none" ws ls archive otay/none
	fails 1 "" ws ls archive otay/us/car1.jpg/x
	fails 1 "" ws ls archive otay/../otay
	fails 7 "this node holds no key that opens names" custody --node cap ls archive
	run --separate-stderr custody --node cap ls archive --json
	json '.[0].error == "role" and .[0].exit == 7'
}

@test "ls of a read-only archive" {
	chmod -R a-w archive
	ok ws ls -R archive
	chmod -R u+w archive
}

@test "ls to a reader that leaves" {
	run bash -c 'set -o pipefail; "$CUSTODY" --node ws ls -R archive 2>err | head -n 1'
	[ "$output" = otay ]
	[ ! -s err ]
	ok ws ls archive
}

# ---- show ----

@test "show: everything of an item, by path and by id" {
	ok ws show archive otay/us/car1.jpg
	by_path=$output
	says "$(sha256sum images/us/car1.jpg | cut -d' ' -f1)"
	says "released"
	says "meta.port"
	says "plate_text"
	says "ingest"
	id=$(item otay/us/car1.jpg)
	ok ws show archive "$id"
	[ "$output" = "$by_path" ]
	ok ws show archive otay/us/car1.jpg --json
	json '.[0] | .state == "released" and .provenance.collection == "otay" and (.history | length) == 1'
	json '.[0].history[0] | .type == "ingest" and .signed'
	json ".[0].sha256 == \"$(sha256sum images/us/car1.jpg | cut -d' ' -f1)\""
}

@test "show: folders, paths and ids that are not, a node without names" {
	fails 2 "is a folder" ws show archive otay/us
	fails 1 "no such item" ws show archive otay/none.jpg
	fails 1 "no such item" ws show archive 00000000000000000000000000000000
	fails 7 "names" custody --node cap show archive otay/us/car1.jpg
	ok custody --node cap show archive "$(item otay/us/car1.jpg)"
	says ingest
	run ! grep -q car1 <<<"$output"
}

# ---- why ----

@test "why: permitted with 0, refused with 7 and what to do" {
	ok ws why archive otay/us/car1.jpg
	says "may read it"
	says "case C-1"
	run -7 --separate-stderr ws why archive otay/us/car3.jpg
	says "not-covered"
	says "custody request"
	[ -z "$stderr" ]
	run -7 --separate-stderr ws why archive otay/us/car3.jpg --json
	json '.[0] | (.permitted | not) and .rule == "not-covered" and .user == "'"$(id -un)"'"'
	ok ws why archive otay/us/car1.jpg --json
	json '.[0] | .permitted and .rule == "released" and .case == "C-1"'
	json ".[0].authorisation == \"$(sed -n 's/^serial: //p' r.auth)\""
}

@test "why: another user, one that is not, folders, paths that are not" {
	world_request n otay/us/car3.jpg
	world_authorise n --users nobody
	ws import archive n.auth
	ok ws why archive otay/us/car3.jpg --user nobody
	run -7 ws why archive otay/us/car3.jpg
	[[ "$output" == *"(user)"* ]]
	fails 2 "no such local user" ws why archive otay/us/car1.jpg --user no-such-user
	fails 2 "is a folder" ws why archive otay/us
	fails 1 "no such item" ws why archive otay/none
	fails 7 "names" custody --node cap why archive otay/us/car1.jpg
}

@test "why asks nothing of the log" {
	before=$(cat archive/journal/*.jsonl | wc -l)
	run ws why archive otay/us/car3.jpg
	[ "$(cat archive/journal/*.jsonl | wc -l)" -eq "$before" ]
}

# ---- request ----

@test "request: items, a folder, everything in a list" {
	ok ws request archive otay/us/car1.jpg otay/mx/car2.jpg --case C --purpose P -o r2.req
	says "2 items"
	n=$(find images/us -type f | wc -l)
	ok ws request archive otay/us --case C --purpose P -o r3.req --json
	json ".[0].items == $n and .[0].output == \"r3.req\""
	ok ws request archive /otay/us/ otay/us/car1.jpg --case C --purpose P -o r4.req --json
	json ".[0].items == $n"
	ws ls -0 archive otay/us >list
	ok ws request archive --from0 list --case C --purpose P -o r5.req --json
	json ".[0].items == $n"
	ok ws request archive -0 --case C --purpose P -o r6.req --json <list
	json ".[0].items == $n"
	ok authority review auth r6.req --json
	json "(.[0].items | length) == $n"
}

@test "request: a whole accession" {
	id=$(jq -r 'select(.type == "accession").accession' archive/journal/*.jsonl)
	ok ws request archive --accession "$id" --case C --purpose P -o a.req --json
	json '.[0].accessions == 1'
	authority authorise auth a.req --sign-with officer --until +1h -o a.auth
	ok ws import archive a.auth
	says "1 accession"
	ok ws why archive otay/mx/car2.jpg
	fails 1 "" ws request archive --accession 00000000000000000000000000000000 --case C --purpose P -o x
	[ ! -e x ]
}

@test "request: its text has no name in it, but who and why" {
	ok ws request archive otay/us/car1.jpg --case C-7 --purpose 'a dispute' --legal-basis 'sec. 5' -o -
	[ "$(head -n 1 <<<"$output")" = custodyfs-request/v1 ]
	grep -qx 'case: C-7' <<<"$output"
	grep -qx 'legal-basis: sec. 5' <<<"$output"
	grep -qx "requested-by: $(id -un)@$(hostname)" <<<"$output"
	run ! grep -qE 'car1|otay' <<<"$output"
}

@test "request: paths that are not there, lists that are empty, texts that are no line" {
	fails 1 "otay/none" ws request archive otay/us/car1.jpg otay/none --case C --purpose P -o x
	fails 2 "nothing is asked for" ws request archive --from0 /dev/null --case C --purpose P -o x
	fails 1 "no-list" ws request archive --from0 no-list --case C --purpose P -o x
	fails 2 "" ws request archive otay/us/car1.jpg --case $'a\nb' --purpose P -o x
	fails 2 "" ws request archive otay/us/car1.jpg --case C --purpose "$(printf 'x%.0s' {1..600})" -o x
	fails 7 "" custody --node cap request archive otay/us/car1.jpg --case C --purpose P -o x
	[ ! -e x ]
}

@test "request is in the log" {
	serial=$(ws request archive otay/us/car3.jpg --case C --purpose P -o x --json | jq -r .request)
	ok ws log archive --type requested --json
	json "map(select(.document == \"$serial\")) | length == 1"
}

# ---- log ----

@test "log: all nodes, in order of time, with paths where names are open" {
	ok ws log archive
	says "otay/us/car1.jpg"
	says "admitted"
	sorted=$(cut -c1-20 <<<"$output" | LC_ALL=C sort -c 2>&1) || { echo "$sorted"; false; }
	ok custody log archive
	says "ingest"
	run ! grep -q car1 <<<"$output"
	ok ws log archive --no-node
	says "ingest"
	run ! grep -q car1 <<<"$output"
}

@test "log --json: the lines of the journals, and four members more" {
	ok custody log archive --json
	[ "${#lines[@]}" -eq "$(cat archive/journal/*.jsonl | wc -l)" ]
	diff <(jq -cS 'del(.journal, .node_name, .signed, .path)' <<<"$output" | sort) \
		<(cat archive/journal/*.jsonl | jq -cS . | sort)
	json 'all(.signed and (.journal | length) == 32)'
	ok ws log archive --json --type ingest
	json 'all(.path | startswith("otay/"))'
}

@test "log: of one item, one node, some types, the last ones" {
	ok ws log archive --item otay/us/car1.jpg
	[ "${#lines[@]}" -eq 1 ]
	ok custody log archive --item "$(item otay/us/car1.jpg)"
	[ "${#lines[@]}" -eq 1 ]
	ok custody log archive --journal "$(node_id ws)" --json
	json 'all(.type != "ingest") and length > 2'
	ok custody log archive --journal "$(node_id cap | cut -c1-8)" --json
	json 'any(.type == "ingest")'
	ok custody log archive --type requested,admitted --json
	json 'length == 2'
	ok custody log archive --limit 2 --json
	json 'length == 2 and .[1].type == "admitted"'
	ok custody log archive --limit 9000 --json
	[ "${#lines[@]}" -eq "$(cat archive/journal/*.jsonl | wc -l)" ]
}

@test "log: since and until" {
	ok custody log archive --since -1h --until +1h --json
	[ "${#lines[@]}" -eq "$(cat archive/journal/*.jsonl | wc -l)" ]
	ok custody log archive --until -1h
	[ -z "$output" ]
	ok custody log archive --since 2099-01-01T00:00:00Z
	[ -z "$output" ]
}

@test "log: items and nodes that are not" {
	fails 1 "none.jpg" ws log archive --item otay/none.jpg
	fails 2 "is a folder" ws log archive --item otay/us
	fails 2 "by their ids" custody log archive --item otay/us/car1.jpg
	fails 1 "no enrolled node" custody log archive --journal nobody
	fails 2 "give an id" custody log archive --journal "$(hostname)"
	fails 3 "node-init" custody --node none log archive
}

@test "log: lines that are no events are told of and passed over" {
	f=archive/journal/$(node_id cap).jsonl
	sed -i '3s/"type"/"Type"/' "$f"
	run --separate-stderr custody log archive
	[ "$status" -eq 4 ]
	talks "is not an event"
	[ "${#lines[@]}" -eq $(($(cat archive/journal/*.jsonl | wc -l) - 1)) ]
}

@test "log: what no checkpoint covers is marked" {
	rm archive/journal/"$(node_id cap)".checkpoint
	ok custody log archive --json
	json 'map(select(.signed | not)) | length > 2'
	ok custody log archive
	talks "* not yet covered"
	grep -q ' \*ingest' <<<"$output"
}

# ---- checkpoint ----

@test "checkpoint: a signed note of the whole journal" {
	ok ws checkpoint archive
	[ "${#lines[@]}" -eq 4 ]
	[ "${lines[0]}" = "custodyfs/$(sed -n 's/^archive: //p' archive/archive.txt)/$(node_id ws)" ]
	[ "${lines[1]}" -eq "$(wc -l <archive/journal/"$(node_id ws)".jsonl)" ]
	cmp <(echo "$output") archive/journal/"$(node_id ws)".checkpoint ||
		diff <(printf '%s\n' "${lines[@]}") <(grep . archive/journal/"$(node_id ws)".checkpoint)
	ok ws checkpoint archive -o cp
	cmp cp archive/journal/"$(node_id ws)".checkpoint
	ok ws checkpoint archive --json
	json ".[0] | .size == $(wc -l <archive/journal/"$(node_id ws)".jsonl) and (.note | startswith(\"custodyfs/\"))"
}

@test "checkpoint --all needs no node" {
	ok custody checkpoint archive --all
	[ "$(grep -c '^custodyfs/' <<<"$output")" -eq 2 ]
	ok custody checkpoint archive --all --json
	json 'length == 2'
	fails 3 "node-init" custody checkpoint archive
}

# ---- status ----

@test "status: at a glance" {
	ok ws status archive
	says "$(sed -n 's/^archive: //p' archive/archive.txt)"
	says "(reader)"
	says "releases   1"
	says "case C-1"
	ok ws status archive --json
	json '.[0] | .role == "reader" and .damaged == 0 and .pending == 0 and (.journals | length) == 2'
	json ".[0].items == $(find images -type f | wc -l)"
	json '.[0].releases[0] | .state == "in-force" and .case == "C-1" and .items == 1'
	json '.[0].journals | all(.unsigned == 0 and .unchecked_bytes == 0)'
	ok ws status archive -q
	[ -z "$output" ] && [ -z "$stderr" ]
	ok custody --node cap status archive
	says "(ingest)"
}

@test "status: 4 when the log tells of damage" {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	flip archive/segments/*/*.seg "$(jq -r --arg i "$(item otay/us/car1.jpg)" \
		'select(.type == "ingest" and .item == $i) | .offset + .headlen + 10' archive/journal/*.jsonl)"
	# nobody has noticed yet
	ok ws status archive
	world_mount
	run ! cat mnt/otay/us/car1.jpg
	world_umount
	run -4 --separate-stderr ws status archive
	says "ALARM      damaged "
	run -4 ws status archive --check -q # before any other alarm
	run -4 ws status archive -q
	[ -z "$output" ]
	run -4 --separate-stderr ws status archive --json
	json '.[0].damaged >= 1'
	ok ws log archive --type damaged
	says otay/us/car1.jpg
}

@test "status of a release that is over" {
	world_request n otay/us/car3.jpg
	world_authorise n --until +3s
	ws import archive n.auth
	sleep 4
	ok ws status archive --json
	json '[.[0].releases[].state] | sort == ["expired", "in-force"]'
}

# ---- reindex ----

@test "reindex: the same answers from a new index" {
	ws ls -R --json archive >before
	ws show archive otay/us/car1.jpg >shown
	ok ws reindex archive
	says "indexed"
	cmp before <(ws ls -R --json archive)
	cmp shown <(ws show archive otay/us/car1.jpg)
	ok ws reindex archive --json
	json ".[0].items == $(find images -type f | wc -l) and .[0].pending == 0"
}

@test "an index that is lost or damaged is rebuilt, and told of" {
	db=$(echo ws/archives/*/index)
	rm -r "$db"
	ok ws ls archive otay/us
	says car1.jpg
	truncate -s 5000 "$db/data.mdb"
	ok ws ls archive otay/us
	says car1.jpg
	talks "index"
	: >"$db/data.mdb"
	ok ws ls archive otay/us
	says car1.jpg
}

@test "a log that was shortened is refused by everything that opens the node" {
	f=archive/journal/$(node_id cap).jsonl
	cp "$f" whole
	head -n -2 whole >"$f"
	fails 4 "" ws ls archive
	fails 4 "" ws status archive
	fails 4 "" ws reindex archive
	cp whole "$f"
	ok ws ls archive
}
