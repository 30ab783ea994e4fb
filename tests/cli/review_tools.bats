#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What users ran into: silence where evidence was left out, answers that came too late or misled, and
# files that were overwritten.

load ../lib/common

# An archive with nodes cap and ws, three officers' keys beside the one that counts, a second
# authority of which two of three must sign.
reviewed() {
	set -e
	common_ready
	world_request r otay/us/car1.jpg
	world_keys ann ben cid
	authority init auth2 --key ann.pub --key ben.pub --key cid.pub --threshold 2 --no-passphrase
	authority create-archive auth2 archive2 --sign-with ann --sign-with ben
}
setup_file() { common_make reviewed; }
setup() { common_copy; }
teardown() { world_end; }

ws() { custody --node ws "$@"; }
ingest() { custody --node cap ingest archive "$@"; }
item() { ws ls archive "$1" --json | jq -r .item; }
node_id() { custody --node "$1" status archive --json | jq -r .node; }
accessions() { cat archive/journal/*.jsonl | grep -c '"type":"accession"'; }
issued() { find auth/archives/*/issued auth2/archives/*/issued -type f 2>/dev/null | wc -l; }

# Somebody whom file modes bind; this folder is open to him, so that only the modes below it count.
as_nobody() {
	[ "$(id -u)" -eq 0 ] || { "$@"; return; }
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
# cap's node and the archive, for him
for_nobody() {
	world_open_way
	chmod 755 "$W"
	[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 cap archive "$@"
}

# ---- ingest ----

@test "ingest: what can't be read is told of, the rest is taken in, and the exit code is 1" {
	mkdir -p s/closed
	echo 1 >s/1
	echo 2 >s/2
	ln -s 1 s/link
	for_nobody s
	chmod 0 s/closed s/2
	before=$(accessions)
	run -1 --separate-stderr as_nobody "$CUSTODY" --node cap ingest archive s --collection c
	says "took in 1 item"
	says "left out 3"
	talks "2 can't be opened: Permission denied"
	talks "closed can't be opened: Permission denied"
	talks "incomplete: 2"
	[ "$(accessions)" -eq $((before + 1)) ]
	run -1 --separate-stderr as_nobody "$CUSTODY" --node cap ingest archive s -c d --json
	json '.[-2] | (.complete | not) and .items == 1 and .skipped == 3 and .unread == 2'
	json '.[-1] | .error == "system" and .exit == 1'
	run -1 --separate-stderr as_nobody "$CUSTODY" --node cap ingest archive s -c d -n --json
	json '.[-2] | .dry_run and (.complete | not)'
	chmod 755 s/closed
	chmod 644 s/2
	ok as_nobody "$CUSTODY" --node cap ingest archive s -c d --json
	json '.[-1] | .complete and .skipped == 1 and .unread == 0'
}

@test "ingest: a source without a file is no accession of nothing" {
	before=$(accessions)
	mkdir -p card folders/in links
	ln -s ../officer links/l
	fails 1 "card holds no file: is it what should be mounted there?" ingest card --collection c
	fails 1 "folders holds no file" ingest folders --collection c
	fails 1 "card holds no file" ingest images card --collection c
	fails 1 "card holds no file" ingest card --collection c -n
	fails 1 "is a symbolic link" ingest links --collection c
	[ "$(accessions)" -eq "$before" ]
}

@test "ingest: digests of the manifest are compared before anything is taken in, by -n too" {
	before=$(accessions)
	# the last row is wrong: all files before it have been looked at
	awk -F, -v OFS=, '{ l[NR] = $0 } END { for (i = 1; i < NR; i++) print l[i]
		$0 = l[NR]; $6 = substr($6, 1, 63) ($6 ~ /0$/ ? "1" : "0"); print }' \
		images/manifest.csv >wrong
	run ! cmp -s wrong images/manifest.csv
	cp wrong images/manifest.csv
	line=$(wc -l <wrong)
	fails 4 "line $line of the manifest says: its SHA-256 is" ingest images --collection c -m images/manifest.csv -n
	fails 4 "line $line of the manifest says: its SHA-256 is" ingest images --collection c -m images/manifest.csv
	[ "$(accessions)" -eq "$before" ]
	ok ws ls archive
	[ "$output" = otay ]
	# --partial leaves the file out, and says so
	ok ingest images --collection c -m images/manifest.csv --partial
	[[ "$stderr" == *"line $line of the manifest says: its SHA-256 is"* ]]
	[ "$(accessions)" -eq $((before + 1)) ]
}

# ---- item ids ----

@test "an item id does where a path does: why, ls, show, request, lists" {
	id=$(item otay/us/car1.jpg)
	run -7 ws why archive "$id"
	[[ "$output" == "otay/us/car1.jpg: "* ]]
	ok ws ls archive "$id"
	[ "$output" = otay/us/car1.jpg ]
	ok ws show archive "$id"
	says otay/us/car1.jpg
	ok ws request archive "$id" otay/us/car1.jpg --case C --purpose P -o i.req --json
	json '.[0].items == 1'
	fails 1 "00000000000000000000000000000000" ws request archive 00000000000000000000000000000000 \
		--case C --purpose P -o x
	fails 1 "no such item" ws why archive 00000000000000000000000000000000
}

@test "the manual's way from ls --json to request holds for names that are not UTF-8" {
	mkdir s
	printf x >"$(printf 's/caf\351')"
	printf y >"$(printf 's/caf\350')"
	ingest s --collection odd
	jq=$(sed -n 's/^ *jq \\-j \(.*\) |$/\1/p' "$BATS_TEST_DIRNAME/../../man/custody.1" |
		sed -e "s/\\\\(aq/'/g" -e 's/\\e/\\/g' -e 's/\\-/-/g')
	[[ "$jq" == "'select("*".item "* ]]
	ws --json ls -R archive odd | eval "jq -j $jq" >list
	ok ws request archive -0 --case C --purpose P -o i.req --json <list
	json '.[0].items == 2'
	# and paths from it are not to be had
	ws --json ls -R archive odd | jq -j 'select(.item).path + "\u0000"' >paths
	run -1 ws request archive -0 --case C --purpose P -o j.req <paths
	ws ls -R -0 archive odd >paths
	ok ws request archive -0 --case C --purpose P -o j.req --json <paths
	json '.[0].items == 2'
}

@test "a collection that is named as an item is goes before the item" {
	id=$(item otay/us/car1.jpg)
	echo 1 >x1
	echo 2 >x2
	ingest x1 x2 --collection "$id"
	ok ws request archive "$id" --case C --purpose P -o i.req --json
	json '.[0].items == 2'
	ok ws ls archive "$id"
	[ "$output" = $'x1\nx2' ]
}

# ---- the authority ----

@test "sign without DIR says that nobody looks at the key, and with DIR does not" {
	authority authorise auth r.req --until +1h -o r.auth
	ok authority sign r.auth --sign-with ann -o stray.auth
	talks "without DIR nobody looks"
	fails 7 "have the document issued again, or take that signature's block out" \
		ws import archive stray.auth
	ok authority sign auth r.auth --sign-with officer
	run ! grep -q "nobody looks" <<<"$stderr"
	ok ws import archive r.auth
}

@test "what can't be written is not issued" {
	before=$(issued)
	fails 1 "nodir" authority authorise auth r.req --sign-with officer --until +1h -o nodir/x
	fails 1 "is a folder" authority authorise auth r.req --sign-with officer --until +1h -o images
	fails 2 "a file is to be named" authority authorise auth r.req --sign-with officer --until +1h -o images/
	fails 1 "nodir" authority revoke auth --node "$(node_id ws)" --reason r --sign-with officer -o nodir/x
	custody --node n node-init archive --no-passphrase -o n.req
	fails 1 "nodir" authority enrol auth n.req --sign-with officer -o nodir/x
	[ "$(issued)" -eq "$before" ]
	# nor asked for, nor is a key made for it
	fails 1 "nodir" ws request archive otay/us/car3.jpg --case C --purpose P -o nodir/x
	[ "$(ws log archive --type requested --json | wc -l)" -eq 1 ]
	fails 1 "nodir" custody --node m node-init archive --no-passphrase -o nodir/x
	[ ! -e m/node.key ]
}

@test "a key that was revoked here can't authorise, alone or with too few others" {
	authority revoke auth2 --key ben.pub --reason left --sign-with ann --sign-with cid -o k.revoke
	custody --node n node-init archive2 --no-passphrase -o n.req
	run -7 --separate-stderr authority enrol auth2 n.req --sign-with ann --sign-with ben -o n.enrol
	talks "revoked"
	[ ! -e n.enrol ]
	ok authority enrol auth2 n.req --sign-with ann --sign-with cid -o n.enrol
}

@test "enrol says when it takes in again a node that was revoked" {
	authority revoke auth --node "$(node_id ws)" --reason lost --sign-with officer -o n.revoke
	ok authority enrol auth ws.req --sign-with officer -o again.enrol
	talks "Warning: this node was revoked here"
	custody --node n node-init archive --no-passphrase -o n.req
	ok authority enrol auth n.req --sign-with officer -o n.enrol
	[ -z "$stderr" ]
}

@test "one officer is no officers" {
	fails 2 "1 officer must sign at once and 0 --sign-with KEY are given" \
		authority create-archive auth b
	ok authority review auth r.req
	grep -qE '^log .* [0-9]+ events?$' <<<"$output"
	run ! grep -qE '(^|[^0-9])1 (events|items|officers)' <<<"$output"
}

@test "revoke -n is --dry-run" {
	ok authority revoke auth --node "$(node_id ws)" --reason r -n
	[ "$(head -n 1 <<<"$output")" = custodyfs-revocation/v1 ]
	[ "$(issued)" -eq "$(find auth*/archives/*/issued -name '*.enrolment' | wc -l)" ]
}

@test "--until is within ten years" {
	fails 2 "more than ten years" authority authorise auth r.req --until +3700d -o x
	fails 2 "more than ten years" authority authorise auth r.req --until 9999-01-01T00:00:00Z -o x
	ok authority authorise auth r.req --sign-with officer --until +3650d -o x
}

@test "--help of custody-authority has no --node, that of custody has" {
	ok authority --help
	run ! grep -q -- '--node' <<<"$output"
	ok custody --help
	says "--node DIR"
}

# ---- command lines ----

@test "with --json a wrong command line is told in JSON too, wherever --json stands" {
	for args in 'frobnicate --json' '--json frobnicate' 'ls --json' 'ls --no-such-option archive --json' \
		'--json --no-such-option' 'log archive --json --type sleeping' \
		'log archive --since foo --json' 'ingest archive images --json'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr custody $args
		json 'length == 1 and (.[0] | .error == "usage" and .exit == 2 and (.text | length) > 0)'
		[ -n "$stderr" ]
	done
	run -2 --separate-stderr authority authorise auth r.req -o x --json
	json '.[0] | .error == "usage" and (.text | contains("--until T is needed"))'
	run -2 --separate-stderr custody ls --no-such-option archive --json
	json '.[0].text | contains("--no-such-option")'
	# an operand is none
	run -2 --separate-stderr custody frobnicate -- --json
	[ -z "$output" ]
}

@test "times before now are given with a minus, in log and authorise --from" {
	fails 2 "-2h for two hours ago" custody log archive --since foo
	fails 2 "- for the past" custody log archive --since -2y
	ok custody log archive --since -1h --until -0s --json
	[ "${#lines[@]}" -gt 2 ]
	ok authority authorise auth r.req --sign-with officer --from -2h --until +1h -o r.auth --json
	json '(.[0].not_before | sub("\\.\\d+Z$"; "Z") | fromdate) < now - 7100'
	fails 2 "that is past" authority authorise auth r.req --until -2h -o x
}

@test "log --journal says how many digits it needs" {
	fails 1 "four digits at least" custody log archive --journal 28
	fails 1 "no enrolled node" custody log archive --journal 28282828
	run ! grep -q "four digits" <<<"$stderr"
}

@test "node-init does not take a passphrase for a key that has none" {
	(umask 077 && echo 'a passphrase' >pf)
	fails 2 "has no passphrase, and is not given one" custody --node ws node-init archive \
		--passphrase-file pf -o x
	fails 2 "has no passphrase" custody --node ws node-init archive --passphrase-fd 3 -o x 3<pf
	[ ! -e x ]
	ok custody --node ws node-init archive -o x
	ok custody --node p node-init archive --passphrase-file pf -o p.req
	ok custody --node p node-init archive --passphrase-file pf -o p.req
}

# ---- status ----

@test "status: a release that was revoked has no time of its own, and a node that was says so" {
	world_authorise r
	ws import archive r.auth
	serial=$(sed -n 's/^serial: //p' r.auth)
	authority revoke auth --authorisation "$serial" --reason r --sign-with officer -o r.revoke
	ws import archive r.revoke
	ok ws status archive
	says "$serial  revoked, 1 item"
	authority revoke auth --node "$(node_id ws)" --reason r --sign-with officer -o n.revoke
	ws import archive n.revoke
	ok ws status archive
	says "(reader, REVOKED)"
	ok ws status archive --json
	json '.[0] | .revoked and (.expired | not)'
	fails 7 "revoked" ws ls archive
	# a node that never was enrolled has no status
	custody --node n node-init archive --no-passphrase -o n.req
	fails 7 "not enrolled" custody --node n status archive
}

@test "why says from when" {
	authority authorise auth r.req --sign-with officer --from 2030-01-01T00:00:00Z \
		--until 2030-02-01T00:00:00Z -o r.auth
	ws import archive r.auth
	run -7 ws why archive otay/us/car1.jpg
	says 2030-01-01T00:00:00Z
}

# ---- output files ----

@test "-o replaces what the programs write, empty files, and nothing else without --force" {
	cp officer victim
	for v in 'node-init archive --no-passphrase' 'checkpoint archive' \
		'request archive otay/us/car1.jpg --case C --purpose P'; do
		# shellcheck disable=SC2086 # words
		fails 1 "victim exists, and is nothing that this program writes" ws $v -o victim
	done
	for v in 'enrol auth ws.req -k officer' 'authorise auth r.req -k officer --until +1h' \
		"revoke auth --node $(node_id ws) --reason r -k officer"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr authority $v -o victim
		talks "victim exists, and is nothing that this program writes"
	done
	authority authorise auth r.req --until +1h -o r.auth
	fails 1 "without --force" authority sign r.auth -k officer -o victim
	cmp officer victim
	for f in checkpoint request auth; do : >"new.$f"; done
	for _ in 1 2; do
		ok ws checkpoint archive -o new.checkpoint
		ok ws request archive otay/us/car1.jpg --case C --purpose P -o new.request
		ok authority authorise auth r.req -k officer --until +1h -o new.auth
	done
	ok ws checkpoint archive -o victim --force
	[[ "$(head -n 1 victim)" == custodyfs/* ]]
	cp officer victim
	ok authority --force revoke auth --node "$(node_id ws)" --reason r -k officer -o victim
}

@test "-o never replaces a folder, a device or a link" {
	mkfifo pipe
	ln -s officer link
	for f in pipe link /dev/null images; do
		fails 1 "not replaced" ws checkpoint archive --force -o "$f"
	done
	[ -p pipe ] && [ -L link ] && [ -c /dev/null ] && [ -d images ]
	ok ws checkpoint archive -o /dev/stdout </dev/null || [[ "$stderr" == *"is standard output"* ]]
}

# ---- an archive of several users ----

@test "a group can share an archive as custodyfs(8) has it" {
	[ "$(id -u)" -eq 0 ] || skip "needs other users"
	world_open_way
	chmod 755 "$W"
	chgrp -R 4242 archive
	chmod -R g+rwXs archive
	custody --node cap2 node-init archive --role ingest --no-passphrase -o cap2.req
	authority enrol auth cap2.req -k officer -o cap2.enrol
	chown -R 60001 cap
	chown -R 60002 cap2
	chown -R 60003 ws
	member() { (umask 002 && setpriv --reuid="$1" --regid="$1" --groups=4242 "${@:2}"); }
	chmod -R a+rX images
	ok member 60002 "$CUSTODY" --node cap2 import archive - <cap2.enrol
	# each to folders of segments that the other made
	for n in 1 2 3; do
		ok member 60001 "$CUSTODY" --node cap ingest archive images --collection "a$n"
		ok member 60002 "$CUSTODY" --node cap2 ingest archive images --collection "b$n"
	done
	[ -z "$(find archive/segments -mindepth 1 -type d ! -perm -2070)" ]
	ok member 60003 "$CUSTODY" --node ws ls archive
	[ "${#lines[@]}" -eq 7 ]
	ok member 60003 "$CUSTODY" --node ws request archive a1/us/car1.jpg --case C --purpose P -o -
	ok custody verify archive
}
