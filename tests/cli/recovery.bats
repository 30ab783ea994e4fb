#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What was lost comes back: a workstation, a capture host, the authority's own directory.

load ../lib/common

setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

ready() {
	set -e
	common_ready
	age-keygen -o alice.key
	age-keygen -o bob.key
	age-keygen -o eve.key
	mkdir more
	cp images/us/car1.jpg more/again.jpg
}
recipient() { age-keygen -y "$1.key"; }
node_id() { custody --node "$1" status archive --json | jq -r .node; }

@test "a workstation that was lost: another is enrolled, sees everything, and asks again" {
	world_request one otay/us/car1.jpg
	world_authorise one
	old=$(node_id ws)
	rm -rf ws
	authority revoke auth --archive "$(sed -n 's/^archive: //p' archive/archive.txt)" --node "$old" \
		--reason 'disk lost' --sign-with officer -o lost.revocation
	custody --node ws node-init archive --role reader --name ws2 --no-passphrase -o ws2.req
	authority enrol auth ws2.req --sign-with officer -o ws2.enrol
	custody --node ws import archive ws2.enrol
	custody --node ws import archive lost.revocation
	ok custody --node ws ls archive otay/us
	says car1.jpg
	# what was sealed to the lost one is no good here
	fails 7 "another node" custody --node ws import archive one.auth
	world_release two otay/us/car1.jpg
	ok custody --node ws why archive otay/us/car1.jpg
	ok custody verify archive
}

@test "a capture host that was lost: its log goes on under another node, and the link is shown" {
	old=$(node_id cap)
	rm -rf cap
	custody --node cap2 node-init archive --role ingest --name cap2 --replaces "$old" --no-passphrase \
		-o cap2.req
	n=$(wc -l <"archive/journal/$old.jsonl")
	grep -q "^replaces: custodyfs/.*/$old $n " cap2.req
	ok authority enrol auth cap2.req --sign-with officer -o cap2.enrol
	says "in place of $old"
	talks "revoke --node $old"
	custody --node cap2 import archive cap2.enrol
	ok custody --node cap2 ingest archive more --collection second
	ok custody verify archive
	talks "journal $old ends there: node $(node_id cap2) took its place"
	ok custody --node ws status archive
	says "goes on as cap2"
	ok custody log archive --type enrolled
	says ", in place of "
	ok custody log archive --type enrolled --json
	json 'map(select(.in_place_of)) | length == 1'
	ok custody --node ws status archive --json
	json "any(.[0].journals[]; .node == \"$old\" and .replaced_by == \"$(node_id cap2)\")"
	ok custody --node ws ls archive
	says otay && says second
	custody --node ws prove archive second/again.jpg -o a.receipt
	ok custody check a.receipt
	says "in place of $old"
	ok custody check a.receipt --json
	json "any(.[0].logs[]; .replaces == \"$old\")"
}

@test "the log of a lost node is held to what the officers signed, tail and all" {
	old=$(node_id cap)
	j=archive/journal/$old.jsonl
	# it died with events that no checkpoint covers
	custody --node cap ingest archive more --collection tail
	cp archive/journal/"$old".checkpoint newest
	cp -a archive kept
	custody --node cap2 node-init archive --role ingest --name cap2 --replaces cap --no-passphrase -o cap2.req 2>err ||
		custody --node cap2 node-init archive --role ingest --name cap2 --replaces "$old" --no-passphrase -o cap2.req
	authority enrol auth cap2.req --sign-with officer -o cap2.enrol
	custody --node cap2 import archive cap2.enrol
	# the lost key turns up, and signs a shorter log, or another
	head -n -1 "kept/journal/$old.jsonl" >"$j"
	run -4 --separate-stderr custody verify archive
	says "enrolment"
	cp "kept/journal/$old.jsonl" "$j"
	ok custody verify archive
	# or it goes on: told
	custody --node cap ingest archive more --collection ghost
	ok custody verify archive
	talks "more than when node"
}

@test "a replacement that is none is refused" {
	old=$(node_id cap)
	fails 1 "" custody --node new node-init archive --replaces nobody --no-passphrase -o new.req
	custody --node new node-init archive --role ingest --replaces "$old" --no-passphrase -o new.req
	# the request is signed: another log can't be written into it
	sed "s|^\(replaces: [^ ]*\) [0-9]*|\1 1|" new.req >forged.req
	fails 4 "not signed" authority enrol auth forged.req --sign-with officer -o forged.enrol
	# the authority has seen more of that log than the request knows
	custody --node cap checkpoint archive --for-witness -o ask
	authority witness auth ask -o answer
	j=archive/journal/$old.jsonl
	custody --node cap import archive answer
	custody --node cap checkpoint archive --for-witness -o ask2
	authority witness auth ask2 -o answer2
	cp -a archive whole
	head -n -2 "whole/journal/$old.jsonl" >"$j"
	rm "archive/journal/$old.checkpoint"
	custody --node late node-init archive --role ingest --replaces "$old" --no-passphrase -o late.req
	fails 4 "newest copy" authority enrol auth late.req --sign-with officer -o late.enrol
	[ ! -e late.enrol ]
}

@test "the authority's directory: sealed to several, each opens it alone, and it works again" {
	ok authority backup auth --recipient "$(recipient alice)" --recipient "$(recipient bob)" -o auth.age
	says "under no passphrase"
	before=$(cd auth && find . -type f -exec sha256sum {} + | sort | sha256sum)
	ok authority restore auth.age /nowhere/at/all --identity alice.key --dry-run --json
	json '.[0].dry_run and .[0].files > 5'
	rm -rf auth
	for who in alice bob; do
		rm -rf auth
		ok authority restore auth.age auth --identity $who.key
		[ "$before" = "$(cd auth && find . -type f -exec sha256sum {} + | sort | sha256sum)" ]
		[ "$(stat -c %a auth auth/authority.key | tr '\n' ' ')" = "700 600 " ]
	done
	[ ! -e auth.partial ]
	world_release one otay/us/car1.jpg
	ok custody --node ws why archive otay/us/car1.jpg
	# age and tar open it as well
	mkdir by_hand
	age -d -i bob.key auth.age | tar -x -C by_hand
	diff -r auth by_hand | grep -v 'Only in auth' >differences || :
	[ ! -s differences ]
}

@test "the authority's copy: nobody else opens it, no byte may change, nothing is overwritten" {
	authority backup auth --recipient "$(recipient alice)" -o auth.age -q
	run ! grep -qa "$(head -c 20 auth/authority.txt)" auth.age
	fails 3 "sealed to others" authority restore auth.age out --identity eve.key
	for at in 30 300 5000; do
		cp auth.age bad.age
		flip bad.age "$at"
		run ! authority restore bad.age out --identity alice.key
		[ ! -e out ] && [ ! -e out.partial ]
	done
	head -c -1 auth.age >cut.age
	run ! authority restore cut.age out --identity alice.key
	fails 1 "nothing is restored over it" authority restore auth.age auth --identity alice.key
	# something else that is sealed to alice
	tar -c images | age -r "$(recipient alice)" >other.age
	fails 5 "" authority restore other.age out --identity alice.key
	echo hello | age -r "$(recipient alice)" >text.age
	run ! authority restore text.age out --identity alice.key
	# a tar that wants out
	mkdir -p evil/archives && echo x >evil/authority.txt && echo x >evil/authority.key
	tar -c -C evil --transform 's|authority.txt|../escaped|' . | age -r "$(recipient alice)" >evil.age
	run ! authority restore evil.age out --identity alice.key
	[ ! -e escaped ] && [ ! -e out ] && [ ! -e out.partial ]
	ln -s /etc/passwd evil/link
	tar -c -C evil authority.txt authority.key link | age -r "$(recipient alice)" >link.age
	run ! authority restore link.age out --identity alice.key
	[ ! -e out ]
	fails 5 "no age recipient" authority backup auth --recipient age1nobody -o x.age
	fails 2 "--recipient" authority backup auth -o x.age
	mkdir -m 700 empty
	fails 5 "" authority backup empty --recipient "$(recipient alice)" -o x.age
	[ ! -e x.age ]
}

@test "a passphrase stays one" {
	(umask 077 && echo 'correct horse' >pass && echo wrong >bad)
	authority init locked --key officer.pub --passphrase-file pass
	authority backup locked --recipient "$(recipient alice)" -o locked.age -q
	rm -rf locked
	ok authority restore locked.age locked --identity alice.key
	run ! grep -q "no passphrase" <<<"$output"
	authority create-archive locked second --sign-with officer
	custody --node r node-init second --role reader --no-passphrase -o r.req
	fails 3 "" authority enrol locked r.req --sign-with officer -o r.enrol --passphrase-file bad
	ok authority enrol locked r.req --sign-with officer -o r.enrol --passphrase-file pass
}
