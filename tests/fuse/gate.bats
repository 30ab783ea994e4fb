#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The gate of the mount: every way to get bytes out, without a release, under one, and after it.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	GRAB=$(dirname "$CUSTODY")/tests/fuse/grab
	F=$W/mnt/otay/us/car1.jpg
	SIZE=$(stat -c %s images/us/car1.jpg)
}
teardown() {
	[ -z "${to:-}" ] || exec {to}>&-
	world_end
}

# A grab that stays: say COMMAND -> $REPLY
grab_start() {
	mkfifo in out
	"$GRAB" <in >out 3>&- &
	exec {to}>in {from}<out
}
say() {
	echo "$*" >&"$to"
	IFS= read -r -t 20 REPLY <&"$from"
}
expect() {
	local want=$1

	shift
	say "$@"
	[[ $REPLY == $want ]] || { echo "$*: expected $want, got $REPLY" >&2; return 1; }
}

@test "every image is refused before, identical after, and only those that are named" {
	world_mount
	mapfile -t all < <(images)
	sealed "${all[@]}"
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	for f in "${all[@]}"; do
		[ "$f" = us/car1.jpg ] || sealed "$f"
	done
	world_release all otay
	same "${all[@]}"
	world_umount
}

@test "no release: every way in is refused" {
	world_mount
	grab_start
	expect 'err EACCES' open "$F"
	expect 'err EACCES' opendirect "$F"
	expect 'err EACCES' uring "$F"
	expect 'ok 0' openpath "$F"
	expect 'err EBADF' read 0 10
	expect 'err EACCES' reopen
	expect 'err E*' handle "$F"
	# The kernel itself reads a program it is to run.
	run "$F"
	[ "$status" -eq 126 ]
	run cp "$F" copied
	[ "$status" -ne 0 ] && [ ! -s copied ]
	run dd if="$F" of=copied bs=4k status=none
	[ "$status" -ne 0 ] && [ ! -s copied ]
}

@test "under a release every way gives the right bytes" {
	world_mount
	world_release r otay/us/car1.jpg
	grab_start
	expect 'ok 0' open "$F"
	for how in read readv sendfile splice; do
		expect 'ok *' "$how" 100 5000
		say save "got.$how"
		n=$(stat -c %s "got.$how")
		[ "$n" -gt 0 ]
		cmp <(tail -c +101 images/us/car1.jpg | head -c "$n") "got.$how"
	done
	expect "ok $SIZE" mmap private
	expect 'ok 1' touch 5000
	expect "ok $SIZE" mmap shared
	expect 'ok 1' touch $((SIZE - 1))
	expect 'ok 0' reopen
	expect 'ok 0' opendirect "$F"
	expect 'ok 4096' read 4096 4096
	expect 'ok 0' uring "$F"
	expect 'ok 0' read "$SIZE" 10
	expect 'ok 0' read $((SIZE + 100000)) 10
}

@test "no write mode opens, even after root remounts rw" {
	world_mount
	world_release r otay/us/car1.jpg
	grab_start
	expect 'err EROFS' openrw "$F"
	expect 'err EROFS' opentrunc "$F"
	if mount -i -o remount,rw "$W/mnt" 2>/dev/null; then
		expect 'err EROFS' openrw "$F"
		expect 'err EROFS' opentrunc "$F"
		for c in "touch mnt/otay/new" "mkdir mnt/otay/d" "rm -f $F" "mv $F $F.x" \
			"chmod 600 $F" "ln -s x mnt/otay/l" "ln $F mnt/otay/h" \
			"setfattr -n user.custody.x -v y $F" "truncate -s 0 $F"; do
			run $c
			[ "$status" -ne 0 ] || { echo "$c was possible"; false; }
			[[ "$output" == *"Read-only file system"* ]] || { echo "$c: $output"; false; }
		done
	fi
	same us/car1.jpg
}

@test "expiry ends open descriptors, mappings and cached pages" {
	world_mount
	world_request r otay/us/car1.jpg
	world_authorise r --until +4s
	"$CUSTODY" --node ws import archive r.auth
	grab_start
	expect 'ok 0' open "$F"
	expect 'ok *' read 0 "$SIZE"
	expect 'ok *' sendfile 0 8192
	expect "ok $SIZE" mmap shared
	expect 'ok 1' touch 4096
	for _ in $(seq 100); do
		say read 0 4096
		[[ $REPLY == err* ]] && break
		sleep 0.1
	done
	expect 'err EACCES' read 0 4096
	expect 'err EACCES' sendfile 0 4096
	expect 'err EACCES' splice 0 4096
	expect 'err EFAULT' touch 4096
	expect 'err EACCES' open "$F"
	refused 7 'expired' "$CUSTODY" --node ws why archive otay/us/car1.jpg
	logged ws '.type=="release-ended" and .reason=="expired"'
}

@test "SIGTERM drops what was cached: no plaintext outlives the mount" {
	world_mount
	world_release r otay/us/car1.jpg
	grab_start
	expect 'ok 0' open "$F"
	expect 'ok *' read 0 "$SIZE"
	expect "ok $SIZE" mmap private
	expect 'ok 1' touch 4096
	kill -TERM "$(cat daemon.pid)"
	for _ in $(seq 200); do
		world_runs "$(cat daemon.pid)" || break
		sleep 0.05
	done
	! world_runs "$(cat daemon.pid)" || false
	expect 'err E*' read 0 4096
	expect 'err EFAULT' touch 4096
	run ! grep -F " $W/mnt " /proc/self/mountinfo
}

@test "a release for one user is not for another" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_open_way
	world_mount -o allow_other
	world_request r otay/us/car1.jpg
	world_authorise r --users nobody
	"$CUSTODY" --node ws import archive r.auth
	# root is not nobody
	sealed us/car1.jpg
	grab_start
	expect 'err EACCES' open "$F"
	setpriv --reuid=65534 --clear-groups head -c 100 "$F" >/dev/null
	expect 'err EACCES' open "$F"
	# cached by now: still not for root
	sealed us/car1.jpg
	refused 7 'user' "$CUSTODY" --node ws why archive otay/us/car1.jpg
	logged ws '.type=="opened" and .uid==65534'
}

@test "max-opens is a limit, over remounts too" {
	world_mount
	world_request r otay/us/car1.jpg
	world_authorise r --max-opens 3
	"$CUSTODY" --node ws import archive r.auth
	same us/car1.jpg
	same us/car1.jpg
	world_umount
	world_mount
	same us/car1.jpg
	sealed us/car1.jpg
	world_umount
	world_mount
	sealed us/car1.jpg
	refused 7 'budget' "$CUSTODY" --node ws why archive otay/us/car1.jpg
}

@test "max-bytes is a limit" {
	world_mount
	world_request r otay
	world_authorise r --max-bytes $((SIZE + 4096))
	"$CUSTODY" --node ws import archive r.auth
	same us/car1.jpg
	n=0
	mapfile -t all < <(images)
	for f in "${all[@]}"; do
		cat "mnt/otay/$f" >/dev/null 2>&1 && n=$((n + $(stat -c %s "images/$f"))) || :
	done
	[ "$n" -le $((2 * SIZE + 4096)) ]
	sealed mx/car2.jpg
}

@test "every open is in the journal before its first byte, every refusal too" {
	world_mount
	sealed us/car1.jpg
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	id=$(getfattr --only-values -n user.custody.item "$F")
	logged ws ".type==\"opened\" and .item==\"$id\" and .user==\"$(id -un)\""
	logged ws ".type==\"refused\" and .item==\"$id\" and .reason==\"not-covered\""
	world_umount
	logged ws ".type==\"closed\" and .item==\"$id\" and .bytes==$SIZE"
}

@test "grep -r over a sealed tree does not flood the log" {
	"$MKIMAGES" many 60 7 >/dev/null
	"$CUSTODY" --node cap ingest archive many --collection many
	world_mount
	before=$(wc -l <"$(journal ws)")
	run grep -r XYZ mnt/many
	world_umount
	after=$(wc -l <"$(journal ws)")
	[ $((after - before)) -lt 20 ]
	total=$(jq -s '[.[]|select(.type=="refused" and .what=="open")|.count]|add' "$(journal ws)")
	[ "$total" -ge 120 ]
}

@test "an open without a read (lsattr) is one open, of no bytes" {
	world_mount
	world_release r otay/us/car1.jpg
	# the kernel's own open for it, without flags, is not served
	run lsattr "$F"
	[[ "$output" == *"Operation not supported"* ]]
	world_umount
	[ "$(jq -s '[.[]|select(.type=="opened")]|length' "$(journal ws)")" -le 1 ]
	run ! logged ws '.type=="closed" and .bytes>0'
}

@test "new accessions and new names appear in a live mount" {
	world_mount
	ls -R mnt >/dev/null
	[ ! -e mnt/later ]
	"$MKIMAGES" more 2 99 >/dev/null
	"$CUSTODY" --node cap ingest archive more --collection later
	ls mnt/later/us
	[ -e mnt/later/us/car1.jpg ]
	"$CUSTODY" --node cap ingest archive more/us --collection otay
	for _ in $(seq 50); do
		ls mnt/otay | grep -q car1.jpg && break
		sleep 0.1
	done
	ls mnt/otay | grep -q car1.jpg
}

@test "stat, statfs, inode numbers, xattrs and listings are true and stay so" {
	world_mount
	[ "$(stat -c %s "$F")" = "$SIZE" ]
	[ "$(stat -c %Y "$F")" = "$(stat -c %Y images/us/car1.jpg)" ]
	[ "$(stat -f -c %a mnt)" = 0 ]
	[ "$(stat -f -c %b mnt)" -gt 0 ]
	(cd mnt/otay && find . -type f -printf '%P %s\n' | sort) >a
	(cd images && find . -type f -printf '%P %s\n' | sort) >b
	cmp a b
	(cd mnt && find . -printf '%P %i\n' | sort) >inodes
	# links of several views to one item are one
	(cd mnt && find . -printf '%i %y\n' | sort -u | cut -d' ' -f1 | uniq -d) | cmp - /dev/null
	(cd mnt && find . ! -type l -printf '%P %i\n' | sort) >files
	[ "$(cut -d' ' -f2 files | sort -u | wc -l)" = "$(wc -l <files)" ]
	[ "$(getfattr --only-values -n user.custody.meta.port "$F")" = 2506 ]
	world_umount
	"$CUSTODY" --node ws reindex archive
	world_mount
	(cd mnt && find . -printf '%P %i\n' | sort) >inodes2
	cmp inodes inodes2
	world_umount
}

@test "a second mount of the same node, a non-empty and a missing mount point are refused" {
	world_mount
	mkdir mnt2 full && touch full/x
	refused 6 'mounted' "$CUSTODYFS" --node ws archive mnt2
	refused 6 'already' "$CUSTODYFS" --node ws archive mnt
	refused 2 'not empty' "$CUSTODYFS" --node ws archive full
	refused 1 'no such' "$CUSTODYFS" --node ws archive nowhere
	refused 7 'reader' "$CUSTODYFS" --node cap archive mnt2
	world_umount
}

@test "kill -9 of the daemon leaves a dead mount that the next start clears" {
	world_mount
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	# and of the porter, which would take it away
	kill -9 "$(pgrep -P "$(cat daemon.pid)")" "$(cat daemon.pid)"
	run cat "$F"
	[ "$status" -ne 0 ]
	world_mount
	same us/car1.jpg
	world_umount
	"$CUSTODY" verify archive
}

@test "descriptors passed to another user stop with the release" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_mount -o allow_other
	world_request r otay/us/car1.jpg
	world_authorise r --until +3s
	"$CUSTODY" --node ws import archive r.auth
	grab_start
	expect 'ok 0' open "$F"
	expect 'ok *' pass 0 4096
	sleep 4
	expect 'err EACCES' pass 0 4096
}

@test "a descriptor of an ended release does not live on in pages that another release fills" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_open_way
	world_mount -o allow_other
	world_request r otay/us/car1.jpg
	world_authorise r --users root
	"$CUSTODY" --node ws import archive r.auth
	world_request n otay/us/car1.jpg
	world_authorise n --users nobody --until +4s
	"$CUSTODY" --node ws import archive n.auth
	# in both orders: who came first owns the item's own pages
	[ "${ROOT_FIRST:-}" ] && same us/car1.jpg
	grab_start
	expect 'ok 0' uid 65534
	expect 'ok 0' open "$F"
	expect 'ok *' read 0 "$SIZE"
	expect "ok $SIZE" mmap shared
	expect 'ok 1' touch 4096
	same us/car1.jpg
	for _ in $(seq 100); do
		say read 0 4096
		[[ $REPLY == err* ]] && break
		sleep 0.1
	done
	expect 'err EACCES' read 0 4096
	same us/car1.jpg
	cat "$F" "$F" >/dev/null
	expect 'err EACCES' read 0 4096
	expect 'err EACCES' sendfile 0 4096
	expect 'err EFAULT' touch 4096
	expect 'err EACCES' open "$F"
	same us/car1.jpg
	[ "$(stat -c %i "$F")" = "$(ls -i "$F" | cut -d' ' -f1)" ]
	world_release again otay/us/car1.jpg
	same us/car1.jpg
}

@test "a 32-bit open without flags is not served" {
	world_mount
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	grab_start
	say open32 "$F"
	[ "$REPLY" != 'err ENOSYS' ] || skip "no 32-bit system calls here"
	[[ $REPLY == err* ]]
	expect 'err EBADF' read 0 4096
}

@test "a release ends in time although another process of the node holds the journal's lock" {
	world_mount
	world_request r otay/us/car1.jpg
	world_authorise r --until +4s
	"$CUSTODY" --node ws import archive r.auth
	lock=$(echo ws/archives/*/journal.lock)
	grab_start
	expect 'ok 0' open "$F"
	expect 'ok *' read 0 "$SIZE"
	expect "ok $SIZE" mmap shared
	expect 'ok 1' touch 4096
	head -c 1 "$F" >/dev/null
	flock "$lock" sleep 9 3>&- &
	holder=$!
	sleep 6
	expect 'err EACCES' read 0 4096
	expect 'err EFAULT' touch 4096
	wait "$holder"
}

@test "many programs of one user do not flood the log" {
	world_mount
	for ((i = 0; i < 90; i++)); do cp "$(command -v head)" "head$i"; done
	before=$(wc -l <"$(journal ws)")
	for ((k = 0; k < 4; k++)); do
		for ((i = 0; i < 90; i++)); do "./head$i" -c1 "$F" 2>/dev/null || :; done
	done
	world_umount
	after=$(wc -l <"$(journal ws)")
	total=$(jq -s '[.[]|select(.type=="refused" and .what=="open")|.count]|add' "$(journal ws)")
	[ "$total" -eq 360 ]
	[ $((after - before)) -lt 120 ]
}

@test "the daemon ends with exit code 0, unmounted or told to" {
	mkdir mnt
	for how in umount term; do
		"$CUSTODYFS" --node ws -f archive mnt 3>&- &
		pid=$!
		for _ in $(seq 200); do mountpoint -q mnt && break; sleep 0.05; done
		ls mnt/otay >/dev/null
		if [ "$how" = umount ]; then fusermount3 -u mnt; else kill -TERM "$pid"; fi
		rc=0
		wait "$pid" || rc=$?
		[ "$rc" -eq 0 ]
		run ! mountpoint -q mnt
	done
}
