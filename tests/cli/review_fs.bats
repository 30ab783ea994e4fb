#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Slips of every day: wrong directories and files, passphrases that are not there, full and read-only
# disks. What is refused is refused with the reason and the right advice. And what was revoked stays
# revoked.

# shellcheck disable=SC2154 # run sets stderr
load ../lib/common

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

# in_mounts SCRIPT: run as a shell script with mounts of its own
in_mounts() { unshare -rm sh -ec "$1"; }
may_mount() {
	unshare -rm mount -t tmpfs none /mnt 2>/dev/null || skip "no mounts in a namespace of one's own"
}

node_id() { custody --node "$1" status archive --json | jq -r .node; }

@test "a revoked node that is enrolled again gets none of its old releases back" {
	world_request late c/two.txt
	world_authorise late
	custody --node ws import archive r.auth
	ok custody --node ws why archive c/one.txt
	authority revoke auth --node "$(node_id ws)" --reason stolen --sign-with officer -o n.revoke
	custody --node ws import archive n.revoke
	sleep 1.1
	custody --node ws node-init archive -o again.req
	ok authority enrol auth again.req --sign-with officer -o again.enrol
	talks "was revoked here"
	ok custody --node ws import archive again.enrol
	run custody --node ws why archive c/one.txt
	[ "$status" -eq 7 ]
	says "(revoked)"
	fails 7 "new one" custody --node ws import archive late.auth
	# nor does an index made anew know better
	custody --node ws reindex archive
	run -7 custody --node ws why archive c/one.txt
	world_request fresh c/one.txt
	world_authorise fresh
	ok custody --node ws import archive fresh.auth
	ok custody --node ws why archive c/one.txt
}

# no_passphrase COMMAND...: it needs one, and gets it from nowhere
no_passphrase() {
	fails 3 "passphrase file gone: No such file" "$@" --passphrase-file gone &&
		fails 3 "passphrase file empty is empty" "$@" --passphrase-file empty &&
		fails 3 "passphrase file folder: Is a directory" "$@" --passphrase-file folder &&
		fails 3 "descriptor 77 (--passphrase-fd): Bad file descriptor" "$@" --passphrase-fd 77 &&
		fails 3 "descriptor 5 (--passphrase-fd) is empty" "$@" --passphrase-fd 5 5</dev/null
}

@test "a passphrase that can't be had: the file or descriptor is named, and exit 3" {
	(umask 077 && echo 'correct horse' >pass && : >empty && mkdir folder)
	custody --node n node-init archive --passphrase-file pass -o n.req
	authority init auth2 --key officer.pub --passphrase-file pass
	mkdir mnt
	no_passphrase custody --node n ls archive
	no_passphrase authority review auth2 r.req
	no_passphrase "$CUSTODYFS" --node n archive mnt
	run -3 --separate-stderr custody --node n --json ls archive --passphrase-file gone
	json '.[0] | .error == "passphrase" and (.text | contains("gone"))'
	CREDENTIALS_DIRECTORY=$W/folder run -3 setsid "$CUSTODY" --node n ls archive </dev/null
	[[ "$output" == *"no terminal"* ]]
	: >folder/custodyfs.passphrase
	CREDENTIALS_DIRECTORY=$W/folder run -3 "$CUSTODY" --node n ls archive
	[[ "$output" == *"folder/custodyfs.passphrase is empty"* ]]
}

@test "a directory that is no authority's is not to be shut to others" {
	mkdir -m 1777 shared
	for dir in shared archive .; do
		chmod o+rx "$dir"
		fails 5 "no authority's directory: it has no authority.txt" authority show "$dir"
		[[ "$stderr" != *chmod* ]]
		fails 5 "authority.txt" authority authorise "$dir" r.req --until +1h -o x
	done
	[ "$(stat -c %a shared)" = 1777 ]
	# what is one, and open to others, is told how to be shut
	chmod 755 auth
	fails 3 "chmod 700" authority show auth
}

@test "nor is one that is no node's" {
	mkdir -m 1777 shared
	fails 3 "there is no node in shared" custody --node shared ls archive
	[[ "$stderr" != *chmod* ]]
	fails 3 "name a new directory" custody --node shared node-init archive --no-passphrase -o x
	[[ "$stderr" != *chmod* ]]
	[ ! -e shared/node.key ] && [ ! -e x ]
	mkdir mnt
	fails 3 "there is no node in n1: 'custody node-init'" "$CUSTODYFS" --node n1 archive mnt
	fails 3 "there is no node in $W/shared" "$CUSTODYFS" --node shared archive mnt
	fails 3 "there is no node in $W/n1" env CUSTODY_NODE="$W/n1" "$CUSTODYFS" archive mnt
}

@test "a stray signature: the refusal says how to be rid of it" {
	world_keys stranger
	authority sign r.auth --sign-with stranger -o stray.auth
	fails 7 "take that signature's block out of the file" custody --node ws import archive stray.auth
	# which is what it takes
	awk '/BEGIN SSH SIG/ { n++ } n != 2 { print } /END SSH SIG/ && n == 2 { n++ }' stray.auth >clean.auth
	cmp clean.auth r.auth
	ok custody --node ws import archive clean.auth
}

@test "an officer's key that this authority revoked signs nothing here" {
	world_keys o2 o3
	authority init auth2 --key o2.pub --key o3.pub --no-passphrase
	authority create-archive auth2 archive2 --sign-with o2
	for n in cap2:ingest ws2:reader; do
		custody --node "${n%:*}" node-init archive2 --role "${n#*:}" --no-passphrase -o "${n%:*}.req"
		authority enrol auth2 "${n%:*}.req" --sign-with o3 -o n.enrol
		custody --node "${n%:*}" import archive2 n.enrol
	done
	custody --node cap2 ingest archive2 one.txt --collection c
	custody --node ws2 request archive2 c/one.txt --case C --purpose P -o r2.req
	authority revoke auth2 --key o2.pub --reason left --sign-with o3 -o k.revoke
	issued=$(find auth2 -type f | sort)
	fails 7 "$(ssh-keygen -lf o2.pub | cut -d' ' -f2) was revoked here" \
		authority authorise auth2 r2.req --until +1h --sign-with o2 -q -o x
	fails 7 "was revoked here" authority enrol auth2 ws2.req --sign-with o2 -q -o x
	fails 7 "was revoked here" authority revoke auth2 --node "$(printf '%032d' 7)" --reason r \
		--sign-with o2 -o x
	[ ! -e x ]
	[ "$(find auth2 -type f | grep -v /seen/ | sort)" = "$(grep -v /seen/ <<<"$issued")" ]
	ok authority authorise auth2 r2.req --until +1h --sign-with o2 --sign-with o3 -o r2.auth
	ok authority authorise auth2 r2.req --until +1h --sign-with o3 -o r3.auth
	ok custody --node ws2 import archive2 r3.auth
}

@test "a request is not imported: who answers it is said" {
	fails 5 "what 'custody-authority authorise' makes of it is imported" \
		custody --node ws import archive r.req
	fails 5 "what 'custody-authority enrol' makes of it" custody --node ws import archive ws.req
}

@test "why names the time at which a release begins" {
	world_authorise r --from 2030-01-02T03:04:05Z --until 2030-02-01T00:00:00Z
	custody --node ws import archive r.auth
	run -7 custody --node ws why archive c/one.txt
	says "not in force yet"
	says "2030-01-02T03:04:05Z"
}

@test "an archive that is read-only: the log's folder is named, and looking goes on" {
	may_mount
	in_mounts "mount --bind archive archive; mount -o remount,bind,ro archive
		'$CUSTODY' --node ws ls archive c >listed
		'$CUSTODY' --node ws import archive r.auth 2>said || echo \$? >code"
	grep -q one.txt listed
	[ "$(cat code)" = 1 ]
	grep -q 'archive/journal: .*the custody log must be writable: Read-only file system' said
}

@test "a node directory on a full disk: no space left, not an I/O error" {
	may_mount
	mkdir full
	for room in 4 40 60; do
		in_mounts "mount -t tmpfs -o size=2m,mode=700 none full
			cp -a ws/. full
			rm -r full/archives/*/index
			head -c 4m /dev/zero >full/fill 2>/dev/null || :
			truncate -s -${room}k full/fill
			'$CUSTODY' --node full ls archive >listed 2>said || echo \$? >code"
		[ "$(cat code)" = 1 ]
		grep -qi 'no space left' said
		run ! grep -q 'Input/output error' said
		[ ! -s listed ]
		rm code said
	done
}
