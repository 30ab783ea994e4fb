#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Receipts and reports after other authorisation keys: what the old ones had signed still counts where
# a log admitted it before, and nothing else of theirs; Node.js says the same.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	world_keys ann ben thief
	CHECK=$BATS_TEST_DIRNAME/../receipt/check.mjs
	world_release r otay/us/car1.jpg
	world_mount
	same us/car1.jpg
	world_umount
	prove before
	cp -a auth old
}
teardown() { world_end; }

auth() { "$CUSTODY_AUTHORITY" "$@"; }
ws() { "$CUSTODY" --node ws "$@"; }
prove() { ws prove archive otay/us/car1.jpg -o "$1" -q; }
step() { # step FROM TO: version after version, from one officer to the next
	auth rotate auth --add-key "$2.pub" --remove-key "$1.pub" --sign-with "$1" --sign-with "$2" \
		-o "$2.txt" -q
	ws import archive "$2.txt" -q
}
# verdict CODE WORDS COMMAND...
verdict() {
	local code=$1 words=$2

	shift 2
	run "$@"
	[ "$status" -eq "$code" ] && [[ $output == *"$words"* ]] && return 0
	echo "exit $status, not $code with '$words': $output" >&2
	return 1
}
holds() { # holds RECEIPT OPTION...: for both
	verdict 0 'verdict       good' "$CUSTODY" check "$@"
	! command -v node >/dev/null || verdict 0 good node "$CHECK" "$1"
}
broken() { # broken CODE RECEIPT WORDS: for both; 5 is what can't be judged, 3 for Node.js
	verdict "$1" "$3" "$CUSTODY" check "$2"
	command -v node >/dev/null || return 0
	if [ "$1" -eq 5 ]; then
		verdict 3 open: node "$CHECK" "$2"
	else
		verdict 4 bad: node "$CHECK" "$2"
	fi
}
# without KIND N FILE: the receipt without its part N (from 1) of a kind
without() {
	LC_ALL=C awk -v kind="$1: " -v n="$2" 'left > 0 { left -= length + 1; if (!skip) print; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / {
			left = $2; skip = index($0, kind) == 1 && --n == 0 }
		{ if (!skip || left == 0) print; if (left == 0) skip = 0 }' "$3"
}

@test "two rotations: the receipt holds, for whoever knows the keys of any version" {
	step officer ann
	step ann ben
	prove a
	[ "$(grep -c '^earlier: ' a)" -eq 2 ]
	holds a
	for k in officer ann ben; do holds a --archive-key "$k.pub"; done
	verdict 4 'another authority' "$CUSTODY" check a --archive-key thief.pub
	verdict 4 'does not have the expected key' "$CUSTODY" check a --archive-key ben.pub --archive-key ann.pub
	"$CUSTODY" check a --archive-key officer.pub --json >j
	jq -e '.keys_compared and .keys_of_version == 1 and .version == 3 and .earlier_versions == 2
		and .authorisations[0].archive_version == 1' j
	# without a node it is the same receipt; and one made before stays good
	id=$(sed -n '3s/^item: //p' a)
	"$CUSTODY" prove archive "$id" --no-node -o b -q
	cmp a b
	holds before --archive-key officer.pub
	# a version that is left out
	without earlier 1 a >b
	broken 4 b 'does not lead to it'
	# the oldest: what its keys signed can't be judged, and it is said
	without earlier 2 a >b
	broken 4 b 'nothing to do with'
	ws verify archive
}

# with KIND FILE RECEIPT: the receipt, with FILE in place of its first part of that kind
with() {
	LC_ALL=C awk -v kind="$1: " -v file="$2" -v size="$(wc -c <"$2")" '
		left > 0 { left -= length + 1; if (!skip) print; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / {
			left = $2; skip = index($0, kind) == 1 && !done++
			if (index($0, kind) != 1) done = 0
			if (skip) { print kind size; while ((getline l <file) > 0) print l; next } }
		{ print }' "$3"
}

@test "an archive.txt that does not follow: by too few, over another, over one that is skipped" {
	cp -a auth second
	auth rotate second --add-key thief.pub --remove-key officer.pub --sign-with thief -o few -q
	step officer ann
	prove a
	holds a
	with description few a >b
	broken 4 b 'by the keys of version 1: signed by 0 of the 1'
	verdict 4 'another authority' "$CUSTODY" check b --archive-key officer.pub
	for change in '/^previous: /s/.$/x/;s/x$/0/' '/^version: /s/2/3/'; do
		sed '/^-----BEGIN SSH/,$d' ann.txt | sed "$change" >text
		cmp -s text <(sed '/^-----BEGIN SSH/,$d' ann.txt) && sed -i '/^previous: /s/0$/1/' text
		rm -f text.sig
		cp text other
		for k in officer ann; do
			ssh-keygen -q -Y sign -n archive@custodyfs -f "$k" text
			cat text.sig >>other
			rm text.sig
		done
		with description other a >b
		broken 4 b 'does not lead to it'
	done
}

@test "an authorisation by the old key that a log takes in after the rotation" {
	world_request q otay/us/car1.jpg
	auth authorise old q.req --until +2h --sign-with officer -o q.auth -q
	step officer ann
	refused 7 'not an authorisation key' ws import archive q.auth
	cp q.auth "archive/documents/$(sed -n 's/^serial: //p' q.auth).authorisation"
	prove a
	[ "$(grep -c '^authorisation: ' a)" -eq 1 ]
	holds a
	# in a report of its case it counts for nothing, and the one of before does
	verdict 0 '1 holds' ws report archive --case C-1 -o rep
	grep -q "$(sed -n 's/^serial: //p' r.auth)" rep/report.html
	run ! grep -q "$(sed -n 's/^serial: //p' q.auth)" rep/report.html
	for f in rep/receipts/*; do holds "$f" --archive-key officer.pub; done
}

@test "a log that has not gone on yet: not checked, and good when it has" {
	auth rotate auth --add-key ann.pub --remove-key officer.pub --sign-with officer --sign-with ann \
		-o next.txt -q
	"$CUSTODY" --node cap import archive next.txt -q
	id=$(sed -n '3s/^item: //p' before)
	"$CUSTODY" prove archive "$id" --no-node -o a -q
	broken 5 a 'no event shows that its node admitted it before version 2'
	ws checkpoint archive >/dev/null
	prove b
	holds b
}

@test "what a revoked key signs, in a log that admits it behind the revocation, counts for nobody" {
	step officer ann
	auth rotate auth --add-key thief.pub --sign-with ann -o two.txt -q
	ws import archive two.txt -q
	# what it signed before the log knew stays
	world_request e otay/us/car1.jpg
	auth authorise auth e.req --until +2h --sign-with thief -o e.auth -q
	ws import archive e.auth -q
	world_request q otay/us/car3.jpg
	cp -a auth stolen
	auth authorise stolen q.req --until +2h --sign-with thief -o q.auth -q
	auth revoke auth --key thief.pub --reason stolen --sign-with ann -o v -q
	ws import archive v -q
	refused 7 'which was revoked' ws import archive q.auth
	verdict 0 '' "$CUSTODY" verify archive
	"$(dirname "$CUSTODY")/tests/fuse/rogue" ws archive admit authorisation q.auth
	refused 7 'which was revoked' ws why archive otay/us/car3.jpg
	ws why archive otay/us/car1.jpg
	refused 4 "which was revoked, and journal" "$CUSTODY" verify archive
	verdict 4 'does not hold' ws report archive --case C-1 -o rep
	grep -q "$(sed -n 's/^serial: //p' e.auth)" rep/report.html
	run ! grep -q "Authorisation $(sed -n 's/^serial: //p' q.auth)" rep/report.html
}
