#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What is not a valid authorisation opens nothing, says why, and is in the journal.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() { world_ready; }
teardown() { world_end; }

last_refusal() {
	jq -r 'select(.type=="refused" and .what=="import") | .reason' "$(journal ws)" | tail -n 1
}

# import_refused CODE WORD REASON [FILE]: refused, journalled, and the item stays sealed
import_refused() {
	refused "$1" "$2" "$CUSTODY" --node ws import archive "${4:-r.auth}"
	[ "$(last_refusal)" = "$3" ]
	world_mount
	sealed us/car1.jpg
	world_umount
}

# Replace the signatures of r.auth by one made over its text with another key or namespace.
resign() {
	local key=$1 ns=$2

	sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' r.auth >text
	ssh-keygen -q -Y sign -n "$ns" -f "$key" text
	{ cat text text.sig; sed -n '/^-----BEGIN AGE/,$p' r.auth; } >forged.auth
	rm -f text.sig
}

# untouch KEY NEW: the same token key, whose file no longer asks the token for touch
untouch() {
	{
		echo '-----BEGIN OPENSSH PRIVATE KEY-----'
		sed '/^-----/d' "$1" | base64 -d |
			perl -0777 -pe 's/(\x00\x00\x00\x04ssh:)\x01/$1\x00/' | base64 -w 70
		echo '-----END OPENSSH PRIVATE KEY-----'
	} >"$2"
	chmod 600 "$2"
	cp "$1.pub" "$2.pub"
}

@test "a good authorisation is taken once, and its replay is refused" {
	world_release r otay/us/car1.jpg
	refused 7 'serial' "$CUSTODY" --node ws import archive r.auth
	[ "$(last_refusal)" = replayed ]
	world_mount
	same us/car1.jpg
	world_umount
}

@test "altered text" {
	world_request r otay/us/car1.jpg
	world_authorise r
	sed -i 's/^case: .*/case: C-2/' r.auth
	import_refused 4 'signature' forged
}

@test "a longer time written in" {
	world_request r otay/us/car1.jpg
	world_authorise r
	sed -i 's/^not-after: 20/not-after: 21/' r.auth
	import_refused 4 'signature' forged
}

@test "an item added" {
	world_request r otay/us/car1.jpg
	world_authorise r
	line=$(grep '^item: ' r.auth)
	other=$("$CUSTODY" --node ws show archive otay/mx/car2.jpg --json | jq -r .item)
	sed -i "s/^$line\$/&\nitem: $other ${line##* }/" r.auth
	refused 4 '' "$CUSTODY" --node ws import archive r.auth
	world_mount
	sealed us/car1.jpg mx/car2.jpg
}

@test "signed by a key that is no authorisation key" {
	world_request r otay/us/car1.jpg
	world_authorise r
	world_keys stranger
	resign stranger authorise@custodyfs
	import_refused 7 'not an authorisation key' wrong-key forged.auth
}

@test "signed for another purpose (namespace)" {
	world_request r otay/us/car1.jpg
	world_authorise r
	resign officer enrol@custodyfs
	import_refused 7 'another use' namespace forged.auth
}

@test "expired" {
	world_request r otay/us/car1.jpg
	world_authorise r --until +1s
	sleep 2.1
	import_refused 7 'expired' expired
}

@test "not yet valid: imported, but opens nothing before its time" {
	world_request r otay/us/car1.jpg
	world_authorise r --from +1h --until +2h
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	sealed us/car1.jpg
	refused 7 'not in force yet' "$CUSTODY" --node ws why archive otay/us/car1.jpg
}

@test "made for another node" {
	world_node ws2 reader
	"$CUSTODY" --node ws2 request archive otay/us/car1.jpg --case C --purpose P -o r.req
	world_authorise r
	import_refused 7 'node' wrong-node
}

@test "made for another archive" {
	"$CUSTODY_AUTHORITY" create-archive auth archive2 --sign-with officer
	world_node cap2 ingest archive2
	"$CUSTODY" --node cap2 ingest archive2 images --collection otay
	"$CUSTODY" --node ws node-init archive2 --role reader --no-passphrase -o ws2.req
	"$CUSTODY_AUTHORITY" enrol auth ws2.req --sign-with officer -o ws2.enrol
	"$CUSTODY" --node ws import archive2 ws2.enrol
	"$CUSTODY" --node ws request archive2 otay/us/car1.jpg --case C --purpose P -o r.req
	world_authorise r
	import_refused 7 'archive' wrong-archive
}

@test "sealed keys swapped for those of another authorisation" {
	world_request r otay/us/car1.jpg
	world_authorise r
	world_request q otay/mx/car2.jpg
	world_authorise q
	{ sed '/^-----BEGIN AGE/,$d' r.auth; sed -n '/^-----BEGIN AGE/,$p' q.auth; } >forged.auth
	refused 4 '' "$CUSTODY" --node ws import archive forged.auth
	world_mount
	sealed us/car1.jpg mx/car2.jpg
}

@test "cut short at every line" {
	world_request r otay/us/car1.jpg
	world_authorise r
	lines=$(wc -l <r.auth)
	for ((n = 1; n < lines; n += 3)); do
		head -n "$n" r.auth >cut.auth
		run "$CUSTODY" --node ws import archive cut.auth
		[ "$status" -ne 0 ] || { echo "cut to $n lines was taken"; false; }
	done
	world_mount
	sealed us/car1.jpg
}

@test "garbage, empty and huge files are named and refused" {
	: >empty
	head -c 5000 /dev/urandom >garbage
	for f in empty garbage; do
		refused 5 "$f" "$CUSTODY" --node ws import archive "$f"
	done
	refused 1 'nothing-here' "$CUSTODY" --node ws import archive nothing-here
}

@test "a threshold of two: one signature, then one twice, then two" {
	world_end
	world_new
	world_keys officer second
	"$CUSTODY_AUTHORITY" init auth --key officer.pub --key second.pub --threshold 2 --no-passphrase
	"$CUSTODY_AUTHORITY" create-archive auth archive --sign-with officer --sign-with second
	for n in cap:ingest ws:reader; do
		"$CUSTODY" --node "${n%:*}" node-init archive --role "${n#*:}" --no-passphrase -o n.req
		"$CUSTODY_AUTHORITY" enrol auth n.req --sign-with officer --sign-with second -o n.enrol
		"$CUSTODY" --node "${n%:*}" import archive n.enrol
	done
	world_images
	"$CUSTODY" --node cap ingest archive images --collection otay
	world_request r otay/us/car1.jpg
	world_authorise r
	import_refused 7 '1 of the 2' too-few
	# the same officer once more, by hand
	sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' r.auth >text
	ssh-keygen -q -Y sign -n authorise@custodyfs -f officer text
	{ cat text text.sig text.sig; sed -n '/^-----BEGIN AGE/,$p' r.auth; } >twice.auth
	import_refused 7 'twice' too-few twice.auth
	"$CUSTODY_AUTHORITY" sign r.auth --sign-with second -o both.auth
	"$CUSTODY" --node ws import archive both.auth
	world_mount
	same us/car1.jpg
}

@test "a token's signature without touch is refused, with touch it counts" {
	provider=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
	[ -e "$provider" ] || skip "no software token (package openssh-tests)"
	world_end
	world_new
	export SSH_SK_PROVIDER=$provider SSH_ASKPASS_REQUIRE=never
	ssh-keygen -q -t ed25519-sk -N '' -C token -f officer </dev/null
	world_archive
	world_node cap ingest
	world_images
	"$CUSTODY" --node cap ingest archive images --collection otay
	world_node ws reader
	world_request r otay/us/car1.jpg
	world_authorise r
	cp r.auth good.auth
	untouch officer untouched
	resign untouched authorise@custodyfs
	import_refused 7 'touch' no-touch forged.auth
	"$CUSTODY" --node ws import archive good.auth
	world_mount
	same us/car1.jpg
}

@test "a second archive root: rolled-back archive can't redeem it" {
	cp -a archive before
	"$CUSTODY" --node cap ingest archive images/manifest.csv --collection more
	world_request r otay/us/car1.jpg
	world_authorise r
	cp -a archive after
	rm -r archive
	cp -a before archive
	refused 4 '' "$CUSTODY" --node ws import archive r.auth
}
