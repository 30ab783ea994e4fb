#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# OPEN is answered while `opened` is on its way to the disk. No byte may be out before it is there:
# not by a READ, and not from pages that the kernel kept of an earlier open. The disk is a slow one
# here because somebody else holds the journal's lock.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	J=$(journal ws)
	F=$W/mnt/otay/us/car1.jpg
	G=$W/mnt/otay/us/car3.jpg
}
teardown() {
	let_go
	world_end
}

# Nobody writes a line until let_go.
hold() {
	mkfifo held
	flock "$(echo ws/archives/*/journal.lock)" sh -c 'echo >locked; read -r x <held' 3>&- &
	holder=$!
	for _ in $(seq 200); do [ -e locked ] && break; sleep 0.05; done
	[ -e locked ]
}
let_go() {
	[ -n "${holder:-}" ] || return 0
	echo >"$W/held"
	wait "$holder"
	rm -f "$W/held" "$W/locked"
	holder=
}
opened() { jq -s '[.[]|select(.type=="opened")]|length' "$J"; }

# All of its threads have stopped: one that has not seen the signal yet could still take the lock.
stop_daemon() {
	kill -STOP "$(cat daemon.pid)"
	while grep -qvE '^[0-9]+ \(.*\) [TZ]' "/proc/$(cat daemon.pid)"/task/*/stat; do sleep 0.01; done
}

# take FILE [DD-OPTION...] -> got; the reader's pid is $reader
take() {
	dd if="$1" bs=4096 count=1 status=none "${@:2}" >got 2>why 3>&- &
	reader=$!
}

@test "no byte before its open is in the log, of a file that was read before either" {
	world_mount
	world_release r otay/us/car1.jpg otay/us/car3.jpg
	cat "$F" >/dev/null
	[ "$(opened)" -eq 1 ]
	for f in "$F" "$G"; do
		n=$(opened)
		hold
		take "$f"
		sleep 1
		[ ! -s got ]
		[ "$(opened)" -eq "$n" ]
		let_go
		wait "$reader"
		[ "$(stat -c %s got)" -eq 4096 ]
		[ "$(opened)" -eq $((n + 1)) ]
	done
	world_umount
}

@test "two opens of a file at once: neither has bytes before both are in the log" {
	world_mount
	world_release r otay/us/car1.jpg
	hold
	head -c 4096 "$F" >got1 3>&- &
	one=$!
	head -c 4096 "$F" >got2 3>&- &
	two=$!
	sleep 1
	[ ! -s got1 ]
	[ ! -s got2 ]
	let_go
	wait "$one" "$two"
	cmp got1 got2
	[ -s got1 ]
	[ "$(opened)" -eq 2 ]
	world_umount
}

@test "the daemon dies before an open is in the log: no byte of it was given" {
	world_mount
	world_release r otay/us/car1.jpg otay/us/car3.jpg
	cat "$F" >/dev/null
	for f in "$F" "$G"; do
		hold
		take "$f"
		sleep 1
		kill -9 "$(cat daemon.pid)"
		wait "$reader" || :
		let_go
		[ ! -s got ]
		[ "$(opened)" -eq 1 ]
		fusermount3 -uz mnt || :
		world_mount
		cat "$F" >/dev/null
		[ "$(opened)" -eq 2 ] && break
	done
	world_umount
}

@test "an open that can't be logged gives nothing, also when others may read the file again" {
	(trap '' XFSZ && world_mount)
	world_release r otay/us/car1.jpg
	cat "$G" >/dev/null 2>&1 || : # the daemon has taken the release in
	sleep 2
	prlimit --pid "$(cat daemon.pid)" --fsize="$(stat -c %s "$J"):"
	exec {fd}<"$F"
	take "/proc/self/fd/$fd" # the same descriptor's file, opened anew
	wait "$reader" || :
	[ ! -s got ]
	run head -c 4096 <&"$fd"
	[ "$status" -ne 0 ]
	prlimit --pid "$(cat daemon.pid)" --fsize=unlimited:
	[ "$(opened)" -eq 0 ]
	same us/car1.jpg
	[ "$(opened)" -eq 1 ]
	run head -c 4096 <&"$fd"
	[ "$status" -ne 0 ]
	exec {fd}<&-
	world_umount
}

@test "a release that ends while its open waits for the log gives nothing any more" {
	# Direct: pages of the cache would be dropped in any case.
	world_mount
	world_request r otay/us/car1.jpg
	world_authorise r --until +4s
	"$CUSTODY" --node ws import archive r.auth
	hold
	take "$F" iflag=direct
	sleep 6
	[ ! -s got ]
	let_go
	rc=0
	wait "$reader" || rc=$?
	[ "$rc" -ne 0 ]
	[ ! -s got ]
	grep -q 'Permission denied' why
	world_umount
	# The time it waited is not held against it: there was no open.
	[ "$(opened)" -eq 0 ]
	logged ws '.type=="refused" and .reason=="expired"'
	"$CUSTODY" --node ws prove archive otay/us/car1.jpg -o receipt
	"$CUSTODY" check receipt
}

@test "a revocation that gets into the log before an open does: the open is refused, not logged" {
	world_mount
	world_release r otay/us/car1.jpg otay/us/car3.jpg
	world_release s otay/us/car3.jpg
	serial=$(sed -n 's/^serial: //p' r.auth)
	"$CUSTODY_AUTHORITY" revoke auth --authorisation "$serial" --reason late --sign-with officer -o rev
	cat "$F" >/dev/null
	sleep 1.5 # all that is to be indexed is
	# Both opens have the gate's yes, and wait for the log: of a file that was read before, and not.
	hold
	take "$F" iflag=direct
	first=$reader
	dd if="$G" iflag=direct bs=4096 count=1 status=none >got2 2>why2 3>&- &
	second=$!
	sleep 1
	stop_daemon
	let_go
	"$CUSTODY" --node ws import archive rev
	kill -CONT "$(cat daemon.pid)"
	rc=0
	wait "$first" || rc=$?
	[ "$rc" -ne 0 ]
	[ ! -s got ]
	grep -q 'Permission denied' why
	# The other release covers the second file still; but that open was made under the first, or not.
	wait "$second" || [ ! -s got2 ]
	world_umount
	logged ws '.type=="refused" and .reason=="revoked"'
	revoked=$(jq -r 'select(.type=="admitted" and .kind=="revocation") | .seq' "$J")
	[ -n "$revoked" ]
	run jq -e --arg s "$serial" --argjson n "$revoked" \
		'select(.type=="opened" and .release==$s and .seq>$n)' "$J"
	[ -z "$output" ]
	for f in us/car1.jpg us/car3.jpg; do
		"$CUSTODY" --node ws prove archive "otay/$f" -o receipt
		"$CUSTODY" check receipt
		rm receipt
	done
}

@test "a revocation of something else meanwhile does not keep an open from being logged" {
	world_mount
	world_release r otay/us/car1.jpg
	world_release s otay/us/car3.jpg
	"$CUSTODY_AUTHORITY" revoke auth --authorisation "$(sed -n 's/^serial: //p' s.auth)" \
		--reason late --sign-with officer -o rev
	cat "$F" >/dev/null
	sleep 1.5
	hold
	take "$F" iflag=direct
	sleep 1
	stop_daemon
	let_go
	"$CUSTODY" --node ws import archive rev
	kill -CONT "$(cat daemon.pid)"
	wait "$reader"
	[ "$(stat -c %s got)" -eq 4096 ]
	[ "$(opened)" -eq 2 ]
	world_umount
}
