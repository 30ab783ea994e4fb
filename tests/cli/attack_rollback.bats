#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# An archive that is turned back, forked, or put back from a backup. All of these look the same to a
# node, which refuses; evidence says what it is, and a signed acceptance lets a lawful restore go on.

load ../lib/common

# What was backed up, and what happened after that: events in both logs, an authorisation in use.
ready() {
	set -e
	common_ready
	world_request r otay/us/car1.jpg
	world_authorise r
	custody --node ws import archive r.auth
	cp -a archive backup
	cp -a ws ws.before
	cp -a cap cap.before
	mkdir more
	echo later >more/later.txt
	custody --node cap ingest archive more --collection more
	custody --node ws request archive otay/mx/car2.jpg --case C-2 --purpose test -o q.req
	custody --node ws ls archive >/dev/null # all is indexed
	cp -a archive now
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

ws() { custody --node ws "$@"; }

put_back() {
	rm -rf archive
	cp -a "$1" archive
}

# Every verb that writes or releases refuses, and so does a mount; the index does not matter.
nothing_works() {
	for again in 1 2; do
		fails 4 "rolled back or forked" ws ls archive
		fails 4 "rolled back or forked" ws request archive otay/us/car1.jpg --case C --purpose P -o x.req
		fails 4 "rolled back or forked" ws import archive r.auth
		fails 4 "rolled back or forked" ws prove archive otay/us/car1.jpg -o x.receipt
		fails 4 "rolled back or forked" ws checkpoint archive
		mkdir -p mnt
		fails 4 "rolled back or forked" "$CUSTODYFS" --node ws archive mnt
		[ ! -e x.req ] && [ ! -e x.receipt ]
		rm -rf ws/archives/*/index
	done
}

vkeys() {
	for f in archive/documents/*.enrolment now/documents/*.enrolment; do
		echo "$(sed -n 's/^node: //p' "$f")=$(sed -n 's/^sign-key: //p' "$f")"
	done | sort -u
}

# evidence KIND...: exported, good by our own tool's authority and by the independent one, and says
# KIND of each log, in any order
evidence() {
	rm -f F
	ok ws checkpoint archive --evidence -o F
	mapfile -t keys < <(vkeys)
	node "$BATS_TEST_DIRNAME/../evidence/check.mjs" F "${keys[@]}" >second
	[ "$(cut -d' ' -f2 second | sort | xargs)" = "$*" ] || { cat second >&2; return 1; }
	ok authority accept-restore auth F --reason test -n
	for k; do says "$k"; done
}

accept() { # accept [OPTION...]: -> F.ok
	ok authority accept-restore auth F --reason 'disk failure' --sign-with officer -o F.ok "$@"
}

@test "an old copy is put back: refused, until a signed acceptance says it is a restore" {
	put_back backup
	nothing_works
	fails 4 "" custody --node cap ingest archive more --collection more
	evidence rollback rollback
	accept
	says "1 of 1 signatures"
	ok ws import archive F.ok
	says "restore"
	ok ws ls archive
	# it is in the log, after the lines of the backup
	logged ws '.type=="admitted" and .kind=="restore"'
	cmp -n "$(stat -c %s "backup/journal/$(basename "$(journal ws)")")" "$(journal ws)" \
		"backup/journal/$(basename "$(journal ws)")"
	ok custody verify archive
	# the capture node has a log of its own, and needs its own
	fails 7 "another node" custody --node cap import archive F.ok
	fails 4 "rolled back or forked" custody --node cap ingest archive more --collection more
	ok custody --node cap checkpoint archive --evidence -o F
	accept
	ok custody --node cap import archive F.ok
	ok custody --node cap ingest archive more --collection again
	ok ws ls archive again
	# what was authorised before is over; a new one is taken, if it is of a later second
	run -7 custody --node ws why archive otay/us/car1.jpg
	sleep 1.1
	world_request n otay/us/car1.jpg
	world_authorise n
	ok ws import archive n.auth
	ok ws why archive otay/us/car1.jpg
}

@test "a copy with an older archive.txt: refused, and the step back is named and works" {
	world_keys ann
	ok authority rotate auth --add-key ann.pub --remove-key officer.pub --sign-with officer \
		--sign-with ann -o next.txt
	ok ws import archive next.txt
	cp -a archive now2
	put_back backup
	fails 4 "archive.txt is of version 1, but version 2 was seen before; after a restore" ws ls archive
	fails 4 "put the newer one back" ws checkpoint archive --evidence -o F
	id=$(sed -n 's/^archive: //p' archive/archive.txt)
	# As the message says: what officers signed is none the worse for having lain here.
	cp "ws/archives/$id/archive.txt" archive/archive.txt
	cp "ws/archives/$id/archive-1.txt" "archive/documents/$id.archive-1"
	ok ws checkpoint archive --evidence -o F
	ok authority accept-restore auth F --reason 'disk failure' --sign-with ann -o F.ok
	ok ws import archive F.ok
	ok ws ls archive
	ok custody verify archive
}

@test "an authorisation from before an accepted restore is not redeemed again" {
	put_back backup
	evidence rollback rollback
	accept
	ok ws import archive F.ok
	fails 7 "" ws import archive r.auth
	authority authorise auth q.req --sign-with officer --until +2h -o q.auth
	fails 7 "" ws import archive q.auth
	# what had been admitted of it is over, and nothing says that it stands
	run -7 ws why archive otay/us/car1.jpg
	ok ws trace archive images/us/car1.jpg --json
	json '.[0].releases | length == 1 and .[0].state == "revoked"'
	now=$(date -u +%Y-%m-%dT%H:%M:%SZ -d '+1 second')
	ok ws impact archive --since "$now" --json
	json '[.[] | select(.state == "held")] | length == 1'
	json 'all(.state != "covered")'
	ok custody impact archive --no-node --since "$now" --json
	json 'all(.state != "covered") and any(.state == "held")'
}

@test "an accepted restore is in the log: to forget it does not bring back what was over" {
	p=$(echo ws/archives/*/pins.seal)
	put_back backup
	evidence rollback rollback
	cp "$p" early
	accept
	ok ws import archive F.ok
	run -7 ws why archive otay/us/car1.jpg
	rm "$p"
	run -7 ws why archive otay/us/car1.jpg
	rm -rf ws/archives/*/index
	run -7 ws why archive otay/us/car1.jpg
	# though nothing says when it was issued
	rm archive/documents/*.restore
	run ! ws why archive otay/us/car1.jpg
	[ "$status" -eq 7 ] || [ "$status" -eq 4 ]
}

@test "an enrolment that took the reader's role away can't be forgotten" {
	s=$(echo ws/archives/*/state.seal)
	cp "$s" reader.seal
	sleep 1.1 # a later enrolment is of a later second
	ok custody --node ws node-init archive --role ingest --no-passphrase -o new.req --force
	ok authority enrol auth new.req --sign-with officer -o new.enrol
	ok ws import archive new.enrol
	run -7 ws why archive otay/us/car1.jpg
	cp "$s" ingest.seal
	cp reader.seal "$s"
	fails 4 "import that enrolment again" ws why archive otay/us/car1.jpg
	ok ws import archive new.enrol
	run -7 ws why archive otay/us/car1.jpg
}

@test "an acceptance is used once, on its node, for what it names" {
	put_back backup
	evidence rollback rollback
	accept
	cp F.ok first.ok
	cp -a archive restored
	ok ws import archive first.ok
	fails 7 "used already" ws import archive first.ok
	# the same copy is put back once more: the old acceptance does not serve again
	ok ws request archive otay/us/car1.jpg --case C-3 --purpose test -o y.req
	ok ws ls archive
	put_back restored
	nothing_works
	fails 7 "used already" ws import archive first.ok
	nothing_works
	evidence rollback
	accept
	ok ws import archive F.ok
	ok ws ls archive
}

@test "an acceptance of one state is none of another" {
	put_back backup
	evidence rollback rollback
	accept
	# less than what was accepted
	cp -a archive restored
	for f in archive/journal/*.jsonl; do
		sed -i '2,$d' "$f"
		rm "${f%.jsonl}.checkpoint"
	done
	fails 4 "not the one that is accepted" ws import archive F.ok
	# the node has seen more since than the acceptance knows
	put_back now
	ok ws request archive otay/us/car1.jpg --case C-3 --purpose test -o y.req
	ok ws ls archive
	put_back restored
	fails 7 "another state" ws import archive F.ok
	nothing_works
}

@test "an acceptance that is altered, of other keys, too few, or for another use" {
	put_back backup
	evidence rollback rollback
	accept
	sed 's/^reason: .*/reason: none/' F.ok >x
	fails 4 "signature" ws import archive x
	sed '/^-----BEGIN SSH/,$d' F.ok >text
	fails 7 "0 of the 1" ws import archive text
	world_keys stranger
	ssh-keygen -q -Y sign -n restore@custodyfs -f stranger text
	cat text text.sig >x
	fails 7 "not an authorisation key" ws import archive x
	rm text.sig
	ssh-keygen -q -Y sign -n revoke@custodyfs -f officer text
	cat text text.sig >x
	fails 7 "another use" ws import archive x
	nothing_works
}

@test "a revocation does not get lost in a restore" {
	authority revoke auth --authorisation "$(sed -n 's/^serial: //p' r.auth)" --reason wrong \
		--sign-with officer -o rev
	ws import archive rev
	mkdir away
	put_back backup
	evidence rollback rollback
	accept
	grep -q "^revocation: $(sed -n 's/^serial: //p' rev) " F.ok
	fails 4 "must not be undone by a restore" ws import archive F.ok
	nothing_works
	name=archive/documents/$(sed -n 's/^serial: //p' rev).revocation
	sed 's/^reason: .*/reason: none/' rev >"$name"
	fails 4 "must not be undone by a restore" ws import archive F.ok
	cp rev "$name"
	ok ws import archive F.ok
	ok ws ls archive
	logged ws '.type=="admitted" and .kind=="revocation"'
	# nor after it
	mv "$name" away
	fails 4 "restore it" ws ls archive
}

@test "journals that are cut, with their checkpoints: evidence of a rollback" {
	f=$(journal ws)
	cp "backup/journal/${f##*/}" "$f"
	cp "backup/journal/$(basename "$f" .jsonl).checkpoint" "${f%.jsonl}.checkpoint"
	nothing_works
	evidence rollback
}

@test "a journal that is cut under its checkpoint is damage, and no evidence against its node" {
	f=$(journal ws)
	sed -i '$d' "$f"
	nothing_works
	fails 1 "contradicts" ws checkpoint archive --evidence
}

@test "a fork: the node goes on from an old copy elsewhere, and signs another history" {
	# node and archive are put back together, and write on
	put_back backup
	mv ws ws.now
	cp -a ws.before ws
	for n in 1 2 3 4 5 6 7 8; do
		ws request archive otay/us/car3.jpg --case C-9 --purpose other -o z.req --force -q
	done
	# who saw the first history refuses the second one, longer as it is
	rm -rf ws
	mv ws.now ws
	ws_lines=$(wc -l <"$(echo archive/journal/"$(sed -n 's/^node: //p' ws.req)".jsonl)")
	[ "$ws_lines" -gt "$(wc -l <"now/journal/$(sed -n 's/^node: //p' ws.req).jsonl")" ]
	nothing_works
	evidence fork rollback
	# two signatures of one node that can't both be true: whoever alters one of them has no evidence
	sed -E '0,/^prefix: /{s/^prefix: B/prefix: C/;t;s/^prefix: ./prefix: B/}' F >x
	run ! cmp -s F x
	fails 4 "" authority accept-restore auth x --reason test -n
	mapfile -t keys < <(vkeys)
	run -4 node "$BATS_TEST_DIRNAME/../evidence/check.mjs" x "${keys[@]}"
}

@test "a fork that is shorter than what was seen, and one of the same length" {
	put_back backup
	mv ws ws.now
	cp -a ws.before ws
	# ws.now has `requested` and more; one line on another way
	ws request archive otay/us/car3.jpg --case C-9 --purpose other -o z.req -q
	id=$(sed -n 's/^node: //p' ws.req)
	rm -rf ws
	mv ws.now ws
	seen=$(sed -n 2p "now/journal/$id.checkpoint") there=$(sed -n 2p "archive/journal/$id.checkpoint")
	[ "$there" -le "$seen" ]
	ok ws checkpoint archive --evidence -o F
	talks "log of node $id: a fork"
	mapfile -t keys < <(vkeys)
	node "$BATS_TEST_DIRNAME/../evidence/check.mjs" F "${keys[@]}" | grep -q "^$id fork $seen $there"
	nothing_works
}

@test "node directory and archive turned back together: what others hold finds it" {
	ok custody checkpoint archive --all --json
	ws checkpoint archive -o kept.cp
	authority review auth q.req >/dev/null
	put_back backup
	rm -rf ws cap
	cp -a ws.before ws
	cp -a cap.before cap
	# the node itself can't tell
	ok ws ls archive
	# who keeps a checkpoint can
	run -4 custody verify archive --checkpoint kept.cp
	# and an authority that saw more does not have its answer redeemed there
	world_request again otay/us/car1.jpg
	authority authorise auth again.req --sign-with officer --until +2h -o again.auth -q
	run -7 custody --node ws import archive again.auth
	[[ $output == *"the authority saw"* ]]
}

@test "evidence: nothing to show, and what can't be asked at once" {
	fails 1 "no checkpoint in this archive contradicts" ws checkpoint archive --evidence
	fails 2 "" ws checkpoint archive --evidence --all
	run -2 ws checkpoint archive --evidence --json
	echo hello >x
	fails 5 "x" authority accept-restore auth x --reason test --sign-with officer -o y
	fails 2 "--reason" authority accept-restore auth x --sign-with officer -o y
	[ ! -e y ]
}

@test "two of two accept a restore, one after the other" {
	world_keys ann ben
	authority init auth2 --key ann.pub --key ben.pub --threshold 2 --no-passphrase
	authority create-archive auth2 archive2 --sign-with ann --sign-with ben
	custody --node n node-init archive2 --role ingest --no-passphrase -o n.req
	authority enrol auth2 n.req --sign-with ann --sign-with ben -o n.enrol
	custody --node n import archive2 n.enrol
	cp -a archive2 old2
	custody --node n ingest archive2 more --collection c
	rm -rf archive2
	mv old2 archive2
	ok custody --node n checkpoint archive2 --evidence -o F --json
	json '.[0].logs | length == 1 and .[0].found == "rollback"'
	ok authority accept-restore auth2 F --reason test --sign-with ann -o F.ok
	talks "1 of 2 signatures"
	fails 7 "1 of the 2" custody --node n import archive2 F.ok
	ok authority sign F.ok --sign-with ben
	ok authority sign auth2 F.ok
	says "2 signatures of 2"
	ok custody --node n import archive2 F.ok --json
	json '.[0].kind == "restore"'
	ok custody --node n ingest archive2 more --collection c
}
