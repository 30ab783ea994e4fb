#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Other authorisation keys: archive.txt moves on along signatures of the keys before and after, on
# every node and in a mount that runs; what was admitted stays, and the old keys open nothing more.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	world_keys ann ben cid
	mkdir away
}
teardown() { world_end; }

auth() { "$CUSTODY_AUTHORITY" "$@"; }
ws() { "$CUSTODY" --node ws "$@"; }
version() { sed -n 's/^version: //p' archive/archive.txt; }

# rotate [OPTION...]: from officer to two of ann, ben and cid, in next.txt
rotate() {
	auth rotate auth --add-key ann.pub --add-key ben.pub --add-key cid.pub --remove-key officer.pub \
		--threshold 2 --sign-with officer --sign-with ann --sign-with ben -o next.txt "$@"
}

# follows NODE N: the node's log has version N once, before anything else that is new
follows() {
	[ "$(jq -s "map(select(.type==\"admitted\" and .kind==\"archive-$2\"))|length" "$(journal "$1")")" -eq 1 ]
}

authorise2() { # authorise2 NAME KEY...: signs NAME.req with these
	local name=$1 k

	shift
	auth authorise auth "$name.req" --until +2h -o "$name.auth" -q
	for k; do auth sign "$name.auth" --sign-with "$k" -q; done
}

@test "rotation: signed by both, walked by every node, journalled, pinned, and the old one kept" {
	world_release r otay/us/car1.jpg
	cp archive/archive.txt v1
	rotate
	"$CUSTODY" --node cap import archive next.txt
	[ "$(version)" = 2 ]
	cmp next.txt archive/archive.txt
	id=$(sed -n 's/^archive: //p' v1)
	cmp v1 "archive/documents/$id.archive-1"
	follows cap 2
	"$CUSTODY" --node cap import archive next.txt # told of, and no error
	# the other node finds it there; who only looks writes nothing
	ws ls archive >/dev/null
	run ! follows ws 2
	ws checkpoint archive >/dev/null
	ws checkpoint archive >/dev/null
	follows ws 2
	for n in cap ws; do
		cmp v1 "$n/archives/$id/archive-1.txt"
		cmp next.txt "$n/archives/$id/archive.txt"
	done
	"$CUSTODY" verify archive
	# what was admitted by the old keys goes on
	world_mount
	same us/car1.jpg
	sealed mx/car2.jpg
	world_umount
	# new nodes, and new answers, by the new keys
	world_request q otay/mx/car2.jpg
	authorise2 q ann cid
	ws import archive q.auth
	"$CUSTODY" --node n node-init archive --role reader --no-passphrase -o n.req
	auth enrol auth n.req --sign-with cid --sign-with ben -o n.enrol
	"$CUSTODY" --node n import archive n.enrol
	"$CUSTODY" --node n ls archive otay/us | grep -q car1
	world_mount
	same us/car1.jpg mx/car2.jpg
}

@test "a mount that runs follows, and what it had released stays open" {
	world_release r otay/us/car1.jpg
	world_mount
	exec {fd}<mnt/otay/us/car1.jpg
	rotate
	"$CUSTODY" --node cap import archive next.txt
	for _ in $(seq 50); do
		follows ws 2 2>/dev/null && break
		sleep 0.1
	done
	follows ws 2
	cmp - images/us/car1.jpg <&"$fd"
	exec {fd}<&-
	same us/car1.jpg
	world_request q otay/mx/car2.jpg
	authorise2 q ann
	refused 7 '1 of the 2' ws import archive q.auth
	auth sign q.auth --sign-with ben
	ws import archive q.auth
	same mx/car2.jpg
	follows ws 2
}

@test "an authorisation by a key that was taken out is refused, whatever it says its date is" {
	cp -a auth before
	world_request r otay/us/car1.jpg
	auth authorise before r.req --sign-with officer --until +2h -o early.auth
	rotate
	ws import archive next.txt
	auth authorise before r.req --sign-with officer --until +2h -o late.auth
	for f in early late; do
		refused 7 'not an authorisation key' ws import archive "$f.auth"
	done
	world_mount
	sealed us/car1.jpg
}

@test "keys that were taken out, and the node's own: verify names what they admit" {
	cp -a auth before
	world_request r otay/us/car1.jpg
	auth authorise before r.req --sign-with officer --until +2h -o early.auth
	ws import archive early.auth
	rotate
	ws import archive next.txt
	"$CUSTODY" verify archive
	world_request s otay/us/car1.jpg
	auth authorise before s.req --sign-with officer --until +2h -o late.auth
	refused 7 'not an authorisation key' ws import archive late.auth
	"$(dirname "$CUSTODY")/tests/fuse/rogue" ws archive admit authorisation late.auth
	serial=$(sed -n 's/^serial: //p' late.auth)
	refused 4 "$serial.authorisation is signed by keys of archive.txt version 1, and journal" \
		"$CUSTODY" verify archive
}

@test "an enrolment or revocation by the old key, put into documents/, counts for nothing" {
	cp -a auth before
	rotate
	ws import archive next.txt
	"$CUSTODY" --node rogue node-init archive --role ingest --no-passphrase -o rogue.req
	auth enrol before rogue.req --sign-with officer -o rogue.enrol
	auth revoke before --node "$(sed -n 's/^node: //p' ws.req)" --reason none --sign-with officer -o rev
	for f in rogue.enrol rev; do
		kind=$(sed -n '1s|^custodyfs-\(.*\)/v1$|\1|p' "$f")
		cp "$f" "archive/documents/$(sed -n 's/^serial: //p' "$f").$kind"
	done
	refused 7 '' "$CUSTODY" --node rogue import archive rogue.enrol
	refused 7 'not enrolled' "$CUSTODY" --node rogue ingest archive images --collection x
	ws ls archive >/dev/null
}

@test "too few of the old keys, too few of the new, one of them twice" {
	auth rotate auth --add-key ann.pub --add-key ben.pub --threshold 2 -o next.txt -q
	refused 7 '' ws import archive next.txt
	auth sign next.txt --sign-with ann -q
	auth sign next.txt --sign-with ben -q
	# enough of its own, none of those before
	refused 7 'by the keys of version 1' ws import archive next.txt
	sed '/^-----BEGIN SSH/,$d' next.txt >text
	cp text only-old
	auth sign only-old --sign-with officer -q
	refused 7 '1 of the 2' ws import archive only-old
	ssh-keygen -q -Y sign -n archive@custodyfs -f officer text
	cat text text.sig text.sig >twice
	refused 7 '1 of the 2' ws import archive twice
	# with both, in any order
	auth sign auth only-old --sign-with ben
	ws import archive only-old
	[ "$(version)" = 2 ]
	world_keys stranger
	run ! auth rotate auth --add-key cid.pub --sign-with stranger -o x
	[ ! -e x ]
}

@test "no version is skipped, and none comes back" {
	cp archive/archive.txt v1
	rotate
	cp next.txt v2
	auth rotate auth --threshold 1 --sign-with ann --sign-with cid -o v3
	grep -qx 'version: 3' v3
	refused 5 'versions between' ws import archive v3
	# put there by hand, without what leads to it
	cp v3 archive/archive.txt
	refused 5 'no signatures lead' ws ls archive
	cp v1 archive/archive.txt
	ws import archive v2 v3
	[ "$(version)" = 3 ]
	follows ws 2 && follows ws 3
	refused 4 'in force already' ws import archive v2
	for old in v1 v2; do
		cp "$old" archive/archive.txt
		refused 4 'was seen before' ws ls archive
		mkdir -p mnt
		refused 4 'was seen before' "$CUSTODYFS" --node ws archive mnt
	done
	cp v3 archive/archive.txt
	# who saw the first only walks both
	"$CUSTODY" --node cap checkpoint archive >/dev/null
	follows cap 2 && follows cap 3
	"$CUSTODY" verify archive
	mv archive/documents/*.archive-2 away
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ $output == *"lacks version 2"* ]]
}

@test "a version that forks: another one after the same, by the same keys" {
	cp -a auth other
	rotate
	ws import archive next.txt
	auth rotate other --add-key cid.pub --sign-with officer -o fork.txt
	"$CUSTODY" --node cap checkpoint archive >/dev/null
	cp fork.txt archive/archive.txt
	refused 5 'not the one this node has seen' ws ls archive
	refused 5 'not the one this node has seen' "$CUSTODY" --node cap checkpoint archive
}

@test "an older archive.txt under a mount that runs: no release is opened anew" {
	world_release r otay/us/car1.jpg
	cp archive/archive.txt v1
	rotate
	ws import archive next.txt
	world_mount
	same us/car1.jpg
	cp v1 archive/archive.txt
	sleep 1
	refused 4 'was seen before' ws request archive otay/mx/car2.jpg --case C --purpose P -o x.req
	same us/car1.jpg
	cp next.txt archive/archive.txt
	world_request q otay/mx/car2.jpg
	authorise2 q ann ben
	ws import archive q.auth
	same mx/car2.jpg
}

@test "a revocation is carried over by name, and missed when it is gone" {
	world_release r otay/us/car1.jpg
	auth revoke auth --authorisation "$(sed -n 's/^serial: //p' r.auth)" --reason wrong \
		--sign-with officer -o rev
	ws import archive rev
	rotate
	grep -q "^carried: revocation $(sed -n 's/^serial: //p' rev) " next.txt
	[ "$(grep -c '^carried: enrolment ' next.txt)" -eq 2 ]
	ws import archive next.txt
	world_mount
	sealed us/car1.jpg
	world_umount
	# also for a node that never saw it
	"$CUSTODY" --node n node-init archive --role reader --no-passphrase -o n.req
	auth enrol auth n.req --sign-with ann --sign-with ben -o n.enrol
	"$CUSTODY" --node n import archive n.enrol
	mv archive/documents/*.revocation away
	refused 4 'restore it' "$CUSTODY" --node n ls archive
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ $output == *"carries it over"* ]]
}

@test "tokens: touch and, by policy, PIN, which a rotation can ask for" {
	provider=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
	[ -e "$provider" ] || skip "no software token (package openssh-tests)"
	export SSH_SK_PROVIDER=$provider SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=$W/askpass
	printf '#!/bin/sh\necho 123456\n' >askpass
	chmod +x askpass
	ssh-keygen -q -t ed25519-sk -N '' -C touched -f plain </dev/null
	ssh-keygen -q -t ed25519-sk -O verify-required -N '' -C pin -f strict </dev/null
	auth rotate auth --add-key plain.pub --add-key strict.pub --sign-with officer -o next.txt
	ws import archive next.txt
	world_request r otay/us/car1.jpg
	auth authorise auth r.req --sign-with plain --until +2h -o r.auth
	ws import archive r.auth # a touch is enough so far
	auth rotate auth --require-pin --remove-key officer.pub --sign-with officer --sign-with strict \
		-o next.txt -q
	ws import archive next.txt
	grep -qx 'require-pin: yes' archive/archive.txt
	world_request q otay/mx/car2.jpg
	run auth authorise auth q.req --sign-with plain --until +2h -o q.auth
	[ "$status" -eq 7 ] && [[ $output == *PIN* ]]
	# ssh-keygen takes it; we do not
	auth authorise auth q.req --until +2h -o q.auth -q
	sed '/^-----BEGIN /,$d' q.auth >text
	ssh-keygen -q -Y sign -n authorise@custodyfs -f plain text
	{ cat text text.sig; sed -n '/^-----BEGIN AGE/,$p' q.auth; } >forged.auth
	echo "plain $(cut -d' ' -f1,2 plain.pub)" >allowed
	ssh-keygen -Y verify -f allowed -I plain -n authorise@custodyfs -s text.sig <text
	refused 7 PIN ws import archive forged.auth
	auth authorise auth q.req --sign-with strict --until +2h -o q2.auth
	ws import archive q2.auth
	world_mount
	same mx/car2.jpg us/car1.jpg
}

@test "rotate: what can't be" {
	refused 2 'nothing is to change' auth rotate auth -o x
	refused 2 'contradict each other' auth rotate auth --require-touch --no-touch -o x
	refused 2 'contradict each other' auth rotate auth --no-pin --require-pin -o x
	refused 2 'is one of' auth rotate auth --add-key officer.pub -o x
	refused 2 'is not one of' auth rotate auth --remove-key ann.pub -o x
	refused 2 "can't be met" auth rotate auth --threshold 2 -o x
	refused 2 "can't be met" auth rotate auth --remove-key officer.pub -o x
	refused 5 'manifest.csv' auth rotate auth --add-key images/manifest.csv -o x
	[ ! -e x ]
	run auth rotate auth --threshold 2 --add-key ann.pub --dry-run
	[ "$status" -eq 0 ] && [[ $output == *'previous: '* ]]
	run ! grep -q SIGNATURE <<<"$output"
	auth rotate auth --add-key ann.pub --threshold 2 --sign-with officer -o x --json >j
	jq -e '.version == 2 and .signatures == 1 and .own_signatures == 1 and .own_threshold == 2' j
	[ "$(sed -n 's/^version: //p' auth/archives/*/archive.txt)" = 1 ]
	auth sign auth x --sign-with ann
	[ "$(sed -n 's/^version: //p' auth/archives/*/archive.txt)" = 2 ]
	grep -qx 'threshold: 2' auth/authority.txt
}

@test "a rotation that changes nothing is refused, and leaves nothing" {
	refused 2 'nothing is to change' auth rotate auth --sign-with officer -o next.txt
	refused 2 'nothing would change: version 1' auth rotate auth --threshold 1 --sign-with officer \
		-o next.txt
	touch=$(sed -n 's/^require-touch: //p' archive/archive.txt)
	same=--require-touch
	[ "$touch" = yes ] || same=--no-touch
	refused 2 'nothing would change' auth rotate auth "$same" --sign-with officer -o next.txt
	[ ! -e next.txt ]
}
