#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The EXAMPLES of the manual are run as they stand there, in the world that each takes for granted. Where
# an example leaves something to somebody else, or to a token, that is put in by the test.

load ../lib/common

setup_file() {
	export MAN
	MAN=$(cd "$BATS_TEST_DIRNAME/../../man" && pwd)
	common_make ready
}
setup() {
	common_copy
	# a key that the manual gives a passphrase gets it from here
	mkdir cred && printf 'pw\n' >cred/custodyfs.passphrase
	export CREDENTIALS_DIRECTORY=$W/cred
	PATH=$(dirname "$CUSTODY"):$PATH
}
teardown() { world_end; }

ready() {
	set -e
	world_keys officer examiner
	world_archive
	world_node cap ingest
	world_images 2
	printf 'file,site_id\nus/car1.jpg,OTM\nmx/car2.jpg,OTM\n' >images/manifest.csv
	custody --node cap ingest archive images --collection otay-2019 --meta port=2506
	world_node ws reader
	world_node lab reader
}

# examples PAGE: how many there are; example PAGE N: the text of one
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$MAN/$1" | grep -c '^\.Bd -literal'
}
example() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$MAN/$1" | awk -v n="$2" '
		/^\.Bd -literal/ { on = ++k == n; next } /^\.Ed/ { on = 0 } on { print }' |
		sed -e "s/\\\\(aq/'/g" -e 's/\\-/-/g' -e 's/\\e/\\/g' -e 's/\\&//g'
}
# try PAGE N [SED-SCRIPT]: run it
try() {
	example "$1" "$2" | sed "${3:-}" >example.sh
	[ -s example.sh ]
	ok bash -e -o pipefail example.sh
}
request() { world_request r otay-2019/us/car1.jpg; }
release() {
	request
	world_authorise r "$@"
	custody --node ws import archive r.auth
}
serial() { sed -n 's/^serial: //p' "$1"; }

@test "each example of the manual has a test here" {
	[ "$(examples custody.1)" -eq 8 ]
	[ "$(examples custody-authority.1)" -eq 6 ]
	# the second one is a line of fstab: station.bats, units.bats
	[ "$(examples custodyfs.8)" -eq 2 ]
}

@test "custody(1): a capture host takes images into custody" {
	rm -rf cap
	try custody.1 1 's/^# the authority answers.*/custody-authority enrol auth cap.req --sign-with officer -o cap.enrol/
		s/otay-2019/otay-2020/'
	ok custody --node ws ls archive otay-2020/us
	says car1.jpg
}

@test "custody(1): an examiner asks for one image, and for all but what is released" {
	try custody.1 2
	[ -s r.req ]
	ok authority review auth all.req
	all=$(wc -l <<<"$output")
	release
	try custody.1 2
	ok authority review auth all.req
	[ "$(wc -l <<<"$output")" -lt "$all" ]
}

@test "custody(1): an auditor compares checkpoints; an expert checks a receipt; a report" {
	mkdir october
	try custody.1 3
	release
	try custody.1 3
	try custody.1 4
	says "verdict       good"
	try custody.1 6
	[ -s C-1.report/report.html ]
}

@test "custody(1), custody-authority(1): an archive was restored from a backup" {
	custody backup -q archive backup
	release
	authority revoke auth --authorisation "$(serial r.auth)" --reason r --sign-with officer -o r.revoke
	custody --node ws import archive r.revoke
	mv archive lost
	custody restore -q backup archive
	run -4 --separate-stderr custody --node ws ls archive
	try custody-authority.1 5
	ok custody --node ws ls archive
	mv archive lost2
	custody restore -q backup archive
	run -4 --separate-stderr custody --node ws ls archive
	try custody.1 5 's/^# the authority answers.*/cp auth\/archives\/*\/issued\/*.revocation archive\/documents\/; custody-authority accept-restore auth ws.evidence --reason r --sign-with officer -o ws.accept/'
	ok custody --node ws ls archive
}

@test "custody(1): a prosecutor gets the evidence of a case, sealed to her key" {
	age-keygen -o key.txt 2>/dev/null
	her=$(age-keygen -y key.txt)
	release --export-to "$her"
	try custody.1 7 "s/age1prosecutor\.\.\./$her/; s/7e2d/$(serial r.auth)/"
}

@test "custody(1): an archive goes to the laboratory, and its receipt comes back" {
	mkdir disk
	ln -s disk/archive copy
	try custody.1 8 "s|/media/disk/|disk/|"
	ok custody --node ws transfer list archive
	says Lab
}

@test "custody-authority(1): one officer, an archive, a capture host and a workstation" {
	rm -rf auth archive cap ws officer*
	try custody-authority.1 1 "s/--require-pin/& --no-passphrase/
		s/ed25519-sk -O verify-required/ed25519 -N ''/
		/^custody-authority enrol auth cap.req/i\\
custody --node cap node-init archive --role ingest --no-passphrase -o cap.req; custody --node ws node-init archive --no-passphrase -o ws.req"
	for n in cap ws; do custody --node $n import archive $n.enrol; done
	custody --node cap ingest archive images --collection otay-2019
	ok custody --node ws ls archive otay-2019
}

@test "custody-authority(1): a release, and its end" {
	request
	try custody-authority.1 2
	custody --node ws import archive r.auth
	try custody-authority.1 6 "s/SERIAL/$(serial r.auth)/"
	run custody --node ws why archive otay-2019/us/car1.jpg
	[ "$status" -eq 7 ]
	says revoked
}

@test "custody-authority(1): two officers out of three, and one who leaves" {
	rm -rf auth archive cap ws
	world_keys first second old new
	authority init auth --key first.pub --key second.pub --key old.pub --threshold 2 --no-passphrase
	authority create-archive auth archive --sign-with first --sign-with second
	for n in cap:ingest ws:reader; do
		custody --node "${n%:*}" node-init archive --role "${n#*:}" --no-passphrase -o n.req
		authority enrol auth n.req --sign-with first --sign-with second -o n.enrol
		custody --node "${n%:*}" import archive n.enrol
	done
	custody --node cap ingest archive images --collection otay-2019
	request
	try custody-authority.1 3
	custody --node ws import archive r.auth
	try custody-authority.1 4
	ok custody --node ws status archive
	says "version 2"
}

@test "custodyfs(8): by hand" {
	mkdir mnt
	try custodyfs.8 1
	says car1.jpg
	says user.custody.meta.port
}
