#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The daemon gives away what it does not need: what is in force, what somebody who took it over could
# still do, what is left in its memory, and how its mount ends.

bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() { common_make common_ready; }
setup() {
	common_copy
	HELPERS=$(dirname "$CUSTODY")/tests/fuse
	PATH=$PATH:/usr/sbin:/sbin
}
teardown() {
	[ -z "${stopped:-}" ] || kill -CONT "$stopped" 2>/dev/null || :
	world_end
}

# A field of the daemon's status, of each of its threads: all must say the same.
every_thread() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$(cat daemon.pid)"/task/*/status | sort -u
}

# The mount is gone, within a while
gone() {
	for _ in $(seq 100); do
		grep -qF " $W/mnt " /proc/self/mountinfo || return 0
		sleep 0.05
	done
	echo "$W/mnt is still mounted" >&2
	return 1
}

porter() { pgrep -P "$(cat daemon.pid)"; }

# The sandbox is off in builds with a sanitizer.
need_sandbox() {
	contained=$("$CUSTODY" --node ws status archive --json | jq -r .mount.contained)
	[[ $contained != nothing* ]] || skip "no sandbox in this build"
}

@test "what is in force: all threads, status, mount.lock" {
	world_mount
	need_sandbox
	[[ $contained == *seccomp ]]
	[ "$(every_thread Seccomp)" = 2 ]
	[ "$(every_thread NoNewPrivs)" = 1 ]
	# CAP_DAC_OVERRIDE and CAP_IPC_LOCK at most
	[ $((0x$(every_thread CapEff) & ~0x4002)) -eq 0 ]
	[ $((0x$(every_thread CapPrm) & ~0x4002)) -eq 0 ]
	grep -qx "contained: $contained" ws/archives/*/mount.lock
	"$CUSTODY" --node ws status archive | grep -F "contained by $contained"
	[ "$("$CUSTODY" --node ws status archive --json | jq -r .mount.mountpoint)" = "$W/mnt" ]
	world_umount
	[ "$("$CUSTODY" --node ws status archive --json | jq -r .mount)" = null ]
}

@test "a daemon that was taken over opens nothing, runs nothing, reaches nobody" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_mount
	need_sandbox
	pid=$(cat daemon.pid)
	seg=$(find "$W"/archive/segments -name '*.seg' | head -n 1)
	mkdir side && mount -t tmpfs none side
	declare -A want=(
		["read $W/archive/archive.txt"]=ok ["read $seg"]=ok
		["write $(echo "$W"/archive/journal/*.jsonl | cut -d' ' -f1)"]=ok
		[socket]='err EPERM' [fork]='err EPERM' ["signal $$"]='err EPERM'
	)
	if [[ $contained == landlock* ]]; then
		want+=(["write $seg"]='err EACCES' ["write $W/archive/archive.txt"]='err EACCES'
			["read $W/ws/node.key"]='err EACCES' ["read $W/auth/authority.txt"]='err EACCES'
			["read $W/cap/node.key"]='err EACCES' ["read /etc/passwd"]='err EACCES'
			["read /proc/$$/environ"]='err EACCES' ["read /dev/kmsg"]='err EACCES')
	fi
	for what in "${!want[@]}"; do
		# shellcheck disable=SC2086 # a call and its argument
		run "$HELPERS/takeover" "$pid" $what
		[ "$status" -ne 77 ] || { umount side; skip "no such attack on this kind of machine"; }
		[ "$output" = "${want[$what]}" ] || { echo "$what: $output" >&2; umount side; false; }
	done
	# the mount still serves
	ls mnt/otay >/dev/null
	run "$HELPERS/takeover" "$pid" unmount "$W/side"
	mountpoint -q side
	umount side
	[ "$output" = 'killed SIGSYS' ]
	gone
}

@test "a daemon that runs a program is ended, and its mount with it" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_mount
	need_sandbox
	run "$HELPERS/takeover" "$(cat daemon.pid)" run /bin/true
	[ "$status" -ne 77 ] || skip "no such attack on this kind of machine"
	[ "$output" = 'killed SIGSYS' ]
	gone
	world_mount
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	world_umount
}

@test "kernels without Landlock, with an older one, without seccomp" {
	for kernel in nolandlock abi=1 noseccomp; do
		mkdir -p mnt
		run "$HELPERS/oldkernel" "$kernel" "$CUSTODYFS" --node ws archive mnt
		[ "$status" -ne 77 ] || skip "can't be played on this kernel"
		[ "$status" -eq 0 ] || { echo "$kernel: $output"; false; }
		world_daemon >daemon.pid
		need_sandbox
		case $kernel in
		nolandlock) want='no landlock, seccomp' ;;
		abi=*) want="landlock ${kernel#abi=}, seccomp" ;;
		noseccomp) want='landlock *, no seccomp' ;;
		esac
		# shellcheck disable=SC2053 # a pattern
		[[ $contained == $want ]] || { echo "$kernel: $contained"; false; }
		# what is missing is said at once
		[ "${kernel#abi}" != "$kernel" ] || [[ $output == *"contained by: "*"no "* ]]
		sealed mx/car2.jpg
		[ -e r.auth ] || world_release r otay/us/car1.jpg
		same us/car1.jpg
		world_umount
	done
}

@test "the daemon dies: its porter takes the mount away; the porter dies: the mount serves on" {
	world_mount
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	child=$(porter)
	kill -9 "$(cat daemon.pid)"
	gone
	for _ in $(seq 100); do world_runs "$child" || break; sleep 0.05; done
	! world_runs "$child" || false
	world_mount
	kill -9 "$(porter)"
	same us/car1.jpg
	sealed mx/car2.jpg
	logged ws '.type=="opened" and .program=="unknown"'
	# nobody is left to unmount: the next start does
	kill -TERM "$(cat daemon.pid)"
	for _ in $(seq 100); do world_runs "$(cat daemon.pid)" || break; sleep 0.05; done
	run ls mnt
	[ "$status" -ne 0 ]
	run "$CUSTODYFS" --node ws archive mnt
	[ "$status" -eq 0 ]
	[[ $output == *'dead mount was detached'* ]]
	world_daemon >daemon.pid
	same us/car1.jpg
	world_umount
}

@test "a porter that was left behind does not take away the next mount" {
	world_mount
	stopped=$(porter)
	kill -STOP "$stopped"
	child=$(porter)
	kill -9 "$(cat daemon.pid)"
	for _ in $(seq 100); do world_runs "$(cat daemon.pid)" || break; sleep 0.05; done
	"$CUSTODYFS" --node ws archive mnt
	world_daemon >daemon.pid
	kill -CONT "$child"
	stopped=
	for _ in $(seq 100); do world_runs "$child" || break; sleep 0.05; done
	ls mnt/otay >/dev/null
	world_umount
}

@test "who opened, and which account, is known in the log: user, program" {
	world_mount
	world_request r otay/us/car1.jpg
	world_authorise r --users "$(id -un)"
	"$CUSTODY" --node ws import archive r.auth
	same us/car1.jpg
	logged ws ".type==\"opened\" and .user==\"$(id -un)\" and .program==\"$(readlink -f "$(command -v cmp)")\""
	world_umount
}

# What a user who is not root sees, in mounts of its own where /dev/fuse is for everybody.
as_user() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -u "$(command -v fusermount3)" ] || skip "users can't mount here"
	world_open_way
	mkdir -p mnt
	chown -R nobody ws mnt archive
	mknod fuse c 10 229 && chmod 666 fuse
	export CUSTODY CUSTODYFS W BATS_TEST_DIRNAME
	cat >lib.bash <<-'END'
		set -e
		. "$BATS_TEST_DIRNAME/../lib/world.bash"
		user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
		mount --bind fuse /dev/fuse
		user "$CUSTODYFS" --node ws archive mnt
		pid=$(world_daemon)
		all() { sed -n "s/^$1:[[:space:]]*//p" /proc/"$pid"/task/*/status | sort -u; }
		ended() {
			for _ in $(seq 100); do world_runs "$pid" || break; sleep 0.05; done
			! world_runs "$pid"
			for _ in $(seq 100); do mountpoint -q mnt || return 0; sleep 0.05; done
			return 1
		}
	END
	{ cat lib.bash && cat; } >script
	unshare -m --propagation private bash script 3>&- </dev/null
}

@test "mounted by a user who is not root" {
	as_user <<-'END'
		contained=$(sed -n 's/^contained: //p' ws/archives/*/mount.lock)
		[[ $contained == nothing* ]] || { [ "$(all Seccomp)" = 2 ] && [ $((0x$(all CapEff))) -eq 0 ]; }
		user ls mnt/otay >/dev/null
		user head -c 1 mnt/otay/us/car1.jpg 2>&1 | grep 'Permission denied'
		kill -TERM "$pid"
		ended
		user "$CUSTODYFS" --node ws archive mnt
		pid=$(world_daemon)
		kill -9 "$pid"
		ended
	END
}

@test "no core of the daemon, and nothing for other processes of its user" {
	as_user <<-'END'
		for f in mem environ maps; do
			! user cat "/proc/$pid/$f" 2>/dev/null || exit 1
		done
		grep -q '^Max core file size *0 *0 ' "/proc/$pid/limits"
		kill -QUIT "$pid"
		ended
		! compgen -G 'core*' || exit 1
	END
}

@test "after the end of a release no key and no plaintext of it is in the daemon's memory" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_mount
	world_request r otay/us/car1.jpg otay/mx/car2.jpg
	world_authorise r
	serial=$(sed -n 's/^serial: //p' r.auth)
	"$HELPERS/memory" keys ws r.auth >needles
	[ "$(wc -l <needles)" -eq 4 ]
	"$HELPERS/memory" pieces images/us/car1.jpg >>needles
	"$HELPERS/memory" pieces images/mx/car2.jpg >>needles
	"$CUSTODY" --node ws import archive r.auth
	exec {open}<mnt/otay/us/car1.jpg
	same us/car1.jpg mx/car2.jpg
	"$HELPERS/memory" scan "$(cat daemon.pid)" <needles >during
	# what is made of the key is there as long as the release is: the search works. The key itself lies
	# there sealed.
	[ "$(sed -n 's/^key //p' during)" -eq 0 ]
	[ "$(sed -n 's/^content //p' during)" -gt 0 ]
	[ "$(sed -n 's/^piece //p' during)" -gt 0 ]
	"$CUSTODY_AUTHORITY" revoke auth --authorisation "$serial" --reason 'end' --sign-with officer -o r.rev
	"$CUSTODY" --node ws import archive r.rev
	for _ in $(seq 100); do
		sealed us/car1.jpg 2>/dev/null && break
		sleep 0.1
	done
	logged ws '.type=="release-ended" or .type=="admitted"'
	"$HELPERS/memory" scan "$(cat daemon.pid)" <needles >after
	printf 'key 0\ncontent 0\npiece 0\n' | diff - after
	# not of a sanitizer's terabytes
	if command -v gcore >/dev/null && [[ $("$CUSTODY" --node ws status archive --json) != *'"nothing ('* ]]; then
		gcore -o core "$(cat daemon.pid)" >/dev/null 2>&1 && [ -s core."$(cat daemon.pid)" ]
		"$HELPERS/memory" scan "./core.$(cat daemon.pid)" <needles >core.after
		printf 'key 0\ncontent 0\npiece 0\n' | diff - core.after
	fi
	exec {open}<&-
	world_umount
}

@test "told to end before it has answered: it ends" {
	mkdir mnt
	for delay in 0 0.02 0.05; do
		"$CUSTODYFS" --node ws -f archive mnt 3>&- &
		pid=$!
		for _ in $(seq 400); do mountpoint -q mnt && break; sleep 0.005; done
		sleep "$delay"
		kill -TERM "$pid"
		wait "$pid"
		gone
	done
}
