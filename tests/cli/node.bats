#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody node-init and import: how a node comes into being, and what it admits.

load ../lib/common

# An archive, a node cap that is enrolled, and a reader ws with a request of its own.
small_world() {
	set -e
	world_archive
	world_node cap ingest
	printf 'one' >one.txt
	printf 'two' >two.txt
	custody --node cap ingest archive one.txt two.txt --collection c
	world_node ws reader
	world_request r c/one.txt
	world_authorise r
}
setup_file() { common_make small_world; }
setup() { common_copy; }
teardown() { world_end; }

last_refusal() {
	jq -rs '[.[] | select(.type == "refused")][-1].reason' archive/journal/"$(node_id ws)".jsonl
}
node_id() { custody --node "$1" status archive --json | jq -r .node; }

@test "node-init writes a signed request and tells what to compare" {
	ok custody --node n node-init archive --role ingest,reader --name 'lane 4' --no-passphrase -o n.req
	says "$(ssh-keygen -lf officer.pub | cut -d' ' -f2)"
	says "lane 4 (ingest,reader)"
	talks "Compare the fingerprints"
	talks "no passphrase"
	[ "$(head -n 1 n.req)" = custodyfs-enrolment-request/v1 ]
	grep -qx 'name: lane 4' n.req
	grep -qx 'role: ingest,reader' n.req
	says "$(sed -n 's/^node: //p' n.req)"
	[ "$(stat -c %a n)" = 700 ]
	[ "$(stat -c %a n/node.key)" = 600 ]
}

@test "node-init --json, --quiet, -o -" {
	ok custody --node n --json node-init archive --no-passphrase -o n.req
	json 'length == 1 and (.[0] | .role == "reader" and .new_key and .request == "n.req")'
	json '.[0].keys == ["'"$(ssh-keygen -lf officer.pub | cut -d' ' -f2)"'"]'
	ok custody --node n node-init archive -q -o again.req
	[ -z "$output" ] && [ -z "$stderr" ]
	cmp <(grep ^node: n.req) <(grep ^node: again.req)
	ok custody --node n node-init archive -o -
	[ "$(head -n 1 <<<"$output")" = custodyfs-enrolment-request/v1 ]
	talks "Compare"
}

@test "node-init keeps a key that is there, and replaces an output file whole" {
	custody --node n node-init archive --no-passphrase -o n.req
	cp n/node.key before
	(cat n.req && echo more) >x.req
	ok custody --node n node-init archive --no-passphrase -o x.req
	cmp before n/node.key
	[ "$(head -n 1 x.req)" = custodyfs-enrolment-request/v1 ]
	run ! grep -qx more x.req
	fails 1 "no-such-dir" custody --node n node-init archive -o no-such-dir/x
}

@test "node-init of what is no archive" {
	fails 1 "nowhere is not there" custody --node n node-init nowhere --no-passphrase -o x
	mkdir empty
	fails 5 "not an archive" custody --node n node-init empty --no-passphrase -o x
	fails 5 "not an archive" custody --node n node-init officer.pub --no-passphrase -o x
	[ ! -e x ] && [ ! -e n ]
}

@test "node-init of an archive whose description was forged" {
	sed -i 's/^chunk-size: .*/chunk-size: 65536/' archive/archive.txt
	fails 4 "archive.txt" custody --node n node-init archive --no-passphrase -o x
	[ ! -e x ]
}

@test "a passphrase: from a file, from a descriptor, wrong, missing, readable by others" {
	(umask 077 && echo 'correct horse' >pass && echo wrong >wrong)
	ok custody --node n node-init archive --passphrase-file pass -o n.req
	ok custody --node n node-init archive --passphrase-fd 5 -o n.req 5<pass
	fails 3 "n/node.key" custody --node n node-init archive --passphrase-file wrong -o x
	run -3 setsid "$CUSTODY" --node n node-init archive -o x </dev/null
	[[ "$output" == *"--passphrase-file"* ]]
	chmod 644 pass
	fails 3 "chmod 600" custody --node n node-init archive --passphrase-file pass -o x
	chmod 600 pass
	authority enrol auth n.req --sign-with officer -o n.enrol
	ok custody --node n import archive n.enrol --passphrase-file pass
	fails 3 "n/node.key" custody --node n ls archive --passphrase-file wrong
	mkdir creds && cp pass creds/custodyfs.passphrase
	CREDENTIALS_DIRECTORY=$W/creds ok custody --node n ls archive
	[ ! -e x ]
}

@test "no node, a node that others may enter, a node that is not enrolled" {
	fails 3 "custody node-init" custody --node none ls archive
	fails 3 "custody node-init" custody ls archive
	custody --node n node-init archive --no-passphrase -o n.req
	fails 7 "not enrolled" custody --node n ls archive
	fails 7 "not enrolled" custody --node n ingest archive one.txt --collection c
	fails 7 "not enrolled" custody --node n status archive
	chmod 755 ws
	fails 3 "chmod 700" custody --node ws ls archive
}

@test "--node before the verb, behind it, and from the environment" {
	ok custody --node ws ls archive
	ok custody ls --node ws archive
	ok custody ls archive --node ws
	CUSTODY_NODE=ws ok custody ls archive
	CUSTODY_NODE=none ok custody ls --node ws archive
}

@test "a node of another archive is refused" {
	authority create-archive auth other --sign-with officer
	fails 7 "" custody --node ws ls other
}

@test "import of an enrolment says the role, and once more is no error" {
	custody --node n node-init archive --role reader --no-passphrase -o n.req
	authority enrol auth n.req --sign-with officer -o n.enrol
	ok custody --node n import archive n.enrol
	says "this node's role: reader"
	ok custody --node n import archive n.enrol
	says "imported before"
	ok custody --node n ls archive
	[ "$output" = c ] && [ -z "$stderr" ]
}

@test "import of an authorisation says how much and until when, and once more is refused" {
	ok custody --node ws import archive r.auth --json
	json '.[0] | .kind == "authorisation" and .items == 1 and .accessions == 0 and .already == false'
	json '.[0].serial == "'"$(sed -n 's/^serial: //p' r.auth)"'"'
	fails 7 "already" custody --node ws import archive r.auth
	[ "$(last_refusal)" = replayed ]
}

@test "import from standard input" {
	ok custody --node ws import archive - <r.auth
	says "authorisation"
}

@test "an authorisation for another node, archive, or that was changed" {
	world_node ws2 reader
	fails 7 "another node" custody --node ws2 import archive r.auth
	authority create-archive auth other --sign-with officer
	world_node wso reader other
	fails 7 "another archive" custody --node wso import other r.auth
	sed 's/^purpose: .*/purpose: curiosity/' r.auth >changed
	fails 4 "signature" custody --node ws import archive changed
	sed 's/^not-after: .*/not-after: 2099-01-01T00:00:00Z/' r.auth >longer
	fails 4 "signature" custody --node ws import archive longer
	awk '/BEGIN AGE/ { n = NR } n && NR == n + 3 { $0 = ($0 ~ /^A/ ? "B" : "A") substr($0, 2) } 1' \
		r.auth >resealed
	fails 4 "sealed part" custody --node ws import archive resealed
	ok custody --node ws import archive r.auth
}

@test "an authorisation that is over, or signed by a stranger, or by nobody" {
	world_authorise r --until +1s
	sleep 2
	fails 7 "expired" custody --node ws import archive r.auth
	[ "$(last_refusal)" = expired ]
	authority authorise auth r.req --until +1h -o unsigned
	fails 7 "signed by 0 of the 1" custody --node ws import archive unsigned
	world_keys stranger
	authority sign unsigned --sign-with stranger
	fails 7 "" custody --node ws import archive unsigned
	[ "$(last_refusal)" = wrong-key ]
}

@test "what is no document" {
	head -c 3000 /dev/urandom >noise
	fails 5 "noise" custody --node ws import archive noise
	sed 's|^custodyfs-authorisation/v1$|custodyfs-other/v1|' r.auth >other
	fails 5 "can be imported" custody --node ws import archive other
	ok custody --node ws import archive archive/archive.txt # the one in force
	says "was imported before"
	fails 5 "" custody --node ws import archive r.req
	fails 1 "nothing-there" custody --node ws import archive nothing-there
	fails 5 "" custody --node ws import archive /dev/null
	head -c 300 r.auth >cut
	fails 5 "cut" custody --node ws import archive cut
	sed 's/$/\r/' r.auth >crlf
	fails 5 "CR LF" custody --node ws import archive crlf
	(cat r.auth && echo more) >longer
	fails 5 "" custody --node ws import archive longer
}

@test "of several files the rest is imported when one is refused" {
	head -c 300 r.auth >cut
	run --separate-stderr custody --node ws import archive cut r.auth --json
	[ "$status" -eq 5 ]
	json 'length == 2 and .[0].error == "malformed" and .[0].exit == 5 and .[1].kind == "authorisation"'
}

@test "an enrolment goes to one key: a host that lost it is another node" {
	custody --node n node-init archive --no-passphrase -o n.req
	authority enrol auth n.req --sign-with officer -o n.enrol
	rm -r n
	custody --node n node-init archive --no-passphrase -o n.req
	fails 7 "another node" custody --node n import archive n.enrol
}

@test "an enrolment and what needs it, in one go" {
	custody --node n node-init archive --role reader --no-passphrase -o n.req
	authority enrol auth n.req --sign-with officer -o n.enrol
	ok custody --node n import archive n.enrol
	custody --node n request archive c/two.txt --case C --purpose P -o n2.req
	authority authorise auth n2.req --sign-with officer --until +1h -o n2.auth
	id=$(node_id n)
	ok custody --node n import archive n.enrol n2.auth
	[ "${#lines[@]}" -eq 2 ]
	[ "$(wc -l <"archive/journal/$id.jsonl")" -eq 4 ]
}

@test "a revocation ends the authorisation it names" {
	custody --node ws import archive r.auth
	ok custody --node ws why archive c/one.txt
	authority revoke auth --authorisation "$(sed -n 's/^serial: //p' r.auth)" --reason 'case closed' \
		--sign-with officer -o r.revoke
	ok custody --node ws import archive r.revoke
	says "revocation"
	run -7 custody --node ws why archive c/one.txt
	[[ "$output" == *revoked* ]]
	ok custody --node ws import archive r.revoke
	says "imported before"
}

@test "a revocation of the node ends all it may do" {
	id=$(node_id ws)
	authority revoke auth --node "$id" --reason lost --sign-with officer -o n.revoke
	ok custody --node cap import archive n.revoke
	fails 7 "revoked" custody --node ws ls archive
}
