#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# crash.sh ext4|xfs|btrfs STATES [SEED]
#
# An archive and its nodes on a disk that remembers every write and flush (recorder.c), and work on it:
# ingests, imports, reads through a mount, rebuilt indexes. What a program has acknowledged is noted
# outside of that disk, with how far its record had come. Then STATES disks are made, each as it may be
# after the power went at some moment: all that was flushed is there, and of what was written later any
# part (states.c). On each the file system is mounted, and of the archive must be true:
#
#   whole       'custody verify' finds nothing damaged: what is half done is not there
#   kept        what was acknowledged is there: items, documents, signed checkpoints, and for each byte
#               that was read the event that says so
#   no attack   the nodes take it as it is, be it with their directories as they were on the same disk,
#               or with those of another disk that lost nothing
#   alive       the capture node takes in one more file, and all of this is still true
#
# One line a state that fails; the last line has the figures. Exit 1 if a state failed. NOSYNC=all, or a
# part of paths: the programs' syncs of these files do nothing (nosync.c), the negative control; then
# exit 1 if nothing was lost.
# Needs root, nbdkit, nbdfuse, loop devices. Programs: $B.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 3

fs=$1 states=$2 seed=${3:-1}
B=$(realpath "${B:-build/release}")
export CUSTODY="$B/custody" CUSTODYFS="$B/custodyfs" CUSTODY_AUTHORITY="$B/custody-authority"
export LC_ALL=C.UTF-8 TZ=UTC
unset SSH_AUTH_SOCK CREDENTIALS_DIRECTORY
# shellcheck source=tests/lib/world.bash
. tests/lib/world.bash

case $fs in
ext4) size=48M make=(mkfs.ext4 -q -F) ;;
xfs) size=320M make=(mkfs.xfs -q -f) ;;
btrfs) size=128M make=(mkfs.btrfs -q -f) ;;
*) echo "crash.sh ext4|xfs|btrfs STATES [SEED]" >&2 && exit 2 ;;
esac

world_new
disk=$W/disk
export disk
loop='' server='' fuse='' options=()
clean() {
	cd /
	mountpoint -q "$W/mnt" && fusermount3 -uz "$W/mnt"
	mountpoint -q "$disk" && umount -l "$disk"
	[ -z "$loop" ] || losetup -d "$loop" 2>/dev/null
	# its server may be gone: then it is no mount point that can be looked at
	[ ! -d "$W/nbd" ] || fusermount3 -uz "$W/nbd" 2>/dev/null || umount -l "$W/nbd" 2>/dev/null
	[ -z "$fuse" ] || wait "$fuse" 2>/dev/null
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
	rm -rf "$W"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
fatal() { echo "crash.sh: $*" >&2 && exit 3; }

# ---- the disk that remembers ----

attach() {
	local i

	truncate -s "$size" image && "${make[@]}" image >/dev/null || fatal "can't make $fs"
	cp --sparse=always image base
	mkdir nbd disk mnt nodes
	nbdkit -f -U "$W/socket" "$B/tests/crash/recorder.so" file="$W/image" log="$W/log" &
	server=$!
	for ((i = 0; i < 100; i++)); do [ ! -S socket ] || break && sleep 0.05; done
	nbdfuse nbd/disk --unix "$W/socket" &
	fuse=$!
	for ((i = 0; i < 100; i++)); do [ ! -e nbd/disk ] || break && sleep 0.05; done
	loop=$(losetup --find --show nbd/disk) || fatal "no loop device"
	# The file system's own timer must not do by chance what the syncs are left out for.
	[ -z "${NOSYNC:-}" ] || [ "$fs" = xfs ] || options=(-o commit=300)
	mount -t "$fs" "${options[@]}" "$loop" disk || fatal "can't mount $fs"
}

detach() {
	local i

	umount disk || fatal "the disk is busy"
	losetup -d "$loop"
	loop=
	# a loop device goes when nobody looks at it any more
	for ((i = 0; i < 200; i++)); do ! fusermount3 -u nbd 2>/dev/null || break && sleep 0.05; done
	wait "$fuse"
	fuse=
	kill "$server" && wait "$server"
	server=
}

# ack KIND ARGUMENT...: a program has said so; and what the nodes know at this moment.
acks=0
ack() {
	local at

	at=$(stat -c %s log)
	acks=$((acks + 1))
	echo "$at $*" >>acks
	rm -rf nodes/last
	cp -a --sparse=always disk/cap disk/ws nodes/ 2>/dev/null || :
	mkdir -p "nodes/$at" && rm -rf "nodes/$at"/* && mv nodes/cap nodes/ws "nodes/$at/" 2>/dev/null || :
}

custody() { "$CUSTODY" "$@"; }
run() {
	"$@" >out 2>&1 || { cat out >&2 && fatal "failed: $*"; }
}

# ---- the work ----

work_world() {
	world_keys officer
	run "$CUSTODY_AUTHORITY" init auth --key officer.pub --no-passphrase
	run "$CUSTODY_AUTHORITY" create-archive auth disk/archive --sign-with officer
	ack archive
	local n role

	for n in cap ws; do
		role=ingest
		[ "$n" = cap ] || role=reader
		run custody --node "disk/$n" node-init disk/archive --role "$role" --no-passphrase -o "$n.req"
		run "$CUSTODY_AUTHORITY" enrol auth "$n.req" --sign-with officer -o "$n.enrol"
		run custody --node "disk/$n" import disk/archive "$n.enrol"
		ack enrolled "$n"
	done
}

# work_ingest NAME FILES BYTES
work_ingest() {
	local i

	mkdir -p "src/$1"
	for ((i = 0; i < $2; i++)); do head -c "$3" /dev/urandom >"src/$1/$i.jpg"; done
	run custody --node disk/cap ingest disk/archive "src/$1" --collection "$1"
	ack ingested "$1" "$2"
}

opened=0
# work_release NAME PATH...: ask, authorise, import, and read all of them through a mount
work_release() {
	local name=$1 p

	shift
	run custody --node disk/ws request disk/archive "$@" --case C-1 --purpose test -o "$name.req"
	run "$CUSTODY_AUTHORITY" authorise auth "$name.req" --sign-with officer --until +2h -o "$name.auth"
	run custody --node disk/ws import disk/archive "$name.auth"
	ack admitted "$(sed -n 's/^serial: //p' "$name.auth")"
	run "$CUSTODYFS" --node disk/ws disk/archive mnt
	for p; do
		cmp "mnt/$p" "src/$p" || fatal "$p is not what was taken in"
		opened=$((opened + 1))
		ack opened "$opened"
	done
	# More comes in while it is mounted.
	work_ingest "$name-meanwhile" 2 3000
	run fusermount3 -u mnt
	for ((i = 0; i < 100; i++)); do pgrep -f "^$CUSTODYFS --node disk/ws" >/dev/null || break; sleep 0.05; done
}

work() {
	work_ingest a 3 20000
	work_ingest b 1 400000
	work_release one a/0.jpg a/1.jpg
	run custody --node disk/ws reindex disk/archive
	ack reindexed
	work_ingest c 5 5000
	run "$CUSTODY_AUTHORITY" revoke auth --authorisation "$(sed -n 's/^serial: //p' one.auth)" --reason finished --sign-with officer -o one.revoke
	run custody --node disk/ws import disk/archive one.revoke
	ack admitted "$(sed -n 's/^serial: //p' one.revoke)"
	work_release two b/0.jpg c/3.jpg
	run custody --node disk/ws checkpoint disk/archive
	ack signed "$(cat disk/archive/journal/*.checkpoint | grep -c .)"
	work_ingest d 2 100000
}

# ---- what must be true ----

reason=
no() {
	reason=$1
	return 1
}

# whole: nothing of it is damaged, and it needs no node to see that
whole() {
	"$CUSTODY" verify disk/archive >out 2>&1 || no "verify: exit $?: $(grep -v '^$' out | head -n 6 | xargs -0 echo | tr '\n' ' ')"
}

# kept ACKS DIR-OF-NODES
kept() {
	local kind rest paths log nodes=$2 at

	paths=$("$CUSTODY" --node "$nodes/ws" ls -R disk/archive 2>err) ||
		no "ls: exit $?: $(tail -n 1 err)" || return
	log=$("$CUSTODY" log disk/archive --no-node --json 2>err) ||
		no "log: exit $?: $(tail -n 1 err)" || return
	while read -r at kind rest; do
		case $kind in
		ingested)
			[ "$(grep -c "^${rest% *}/" <<<"$paths")" -eq "${rest#* }" ] ||
				no "acknowledged at $at: ${rest#* } items of ${rest% *}, and there are $(grep -c "^${rest% *}/" <<<"$paths")" || return ;;
		admitted)
			grep '"type":"admitted"' <<<"$log" | grep -qF "$rest" || no "document $rest was admitted" || return ;;
		opened)
			[ "$(grep -c '"type":"opened"' <<<"$log")" -ge "$rest" ] || no "$rest reads are not all logged" || return ;;
		esac
	done <"$1"
}

# Both nodes are enrolled and the archive has both: the rest can be asked.
ready() { grep -q ' enrolled ws$' "$1"; }

alive() {
	local nodes=$1

	"$CUSTODY" --node "$nodes/cap" ingest disk/archive src/more --collection more >out 2>&1 ||
		no "ingest afterwards: exit $?: $(tail -n 1 out)" || return
	"$CUSTODY" --node "$nodes/ws" ls disk/archive more 2>err | grep -qx one.jpg ||
		no "what came in afterwards is not listed: $(tail -n 1 err)" || return
	"$CUSTODY" --node "$nodes/ws" status disk/archive >out 2>&1 || no "status: exit $?: $(tail -n 1 out)" || return
}

# check_on NODES ACKS: all of it, with the nodes' directories there
check_on() {
	whole && kept "$2" "$1" && alive "$1" && whole && kept "$2" "$1"
}

# An import of a node's enrolment that was cut short: its log has begun, and documents/ does not say yet
# whose it is. That can't be checked, and is no damage; imported again, all is well.
begun_again() {
	local n

	[[ $reason == *"exit 1:"*"no good enrolment"* ]] || return
	for n in cap ws; do
		[ ! -e "disk/$n/node.key" ] || [ ! -e "$n.enrol" ] || "$CUSTODY" --node "disk/$n" import disk/archive "$n.enrol" >out 2>&1
	done
	whole
}

check_state() {
	local at=$1 last

	awk -v at="$at" '$1 <= at' acks >acks.now
	grep -q ' archive$' acks.now || return 0 # nothing was promised yet
	if ! ready acks.now; then
		whole || begun_again
		return
	fi
	last=$(awk 'END { print $1 }' acks.now)
	if [ "$2" = same ]; then
		check_on disk acks.now
	else
		rm -rf other && cp -a --sparse=always "nodes/$last" other && check_on other acks.now
	fi
}

# ---- ----

cd "$W" || exit 3
attach
work_world
start=0
if [ -n "${NOSYNC:-}" ]; then
	sync -f disk
	start=$(stat -c %s log)
	export LD_PRELOAD=$B/tests/crash/nosync.so
fi
work
unset LD_PRELOAD
detach
mkdir -p src/more && echo more >src/more/one.jpg
"$B/tests/crash/states" count log >counted
# Many of them, and of those behind the start as many as are asked for, evenly.
"$B/tests/crash/states" points log $((start ? 20 * states : states)) "$seed" >many || exit 3
awk -v start="$start" '$1 >= start' many | awk -v n="$states" '{ at[NR] = $0 }
	END { for (i = 1; i <= n && NR; i++) print at[int((i * NR + n - 1) / n)] }' >points

failed=0 i=0 open=0 unmountable=0
while read -r at <&3; do
	i=$((i + 1))
	n=$("$B/tests/crash/states" make base log "$at" $((seed * 1000003 + i)) state) || fatal "no state"
	open=$((open + n))
	loop=$(losetup --find --show state) || fatal "no loop device"
	how=same
	[ $((i % 3)) -ne 0 ] || how=other
	if ! mount -t "$fs" "$loop" disk 2>err; then
		unmountable=$((unmountable + 1)) # the file system's own fault: its log is flushed by itself
		echo "state $i at byte $at: $fs does not mount: $(tail -n 1 err)"
		failed=$((failed + 1))
	elif ! check_state "$at" $how; then
		echo "state $i at byte $at (seed $seed, nodes on the $how disk): $reason"
		failed=$((failed + 1))
	fi
	mountpoint -q disk && { umount disk || fatal "busy"; }
	losetup -d "$loop"
	loop=
done 3<points

printf '%s: %s; %d acknowledgements, %d states, %d writes of open fate, %d states failed\n' "$fs" \
	"$(cat counted)" "$acks" "$states" "$open" "$failed"
if [ -n "${NOSYNC:-}" ]; then
	[ "$failed" -gt 0 ]
else
	[ "$failed" -eq 0 ]
fi
