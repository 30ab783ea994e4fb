#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The mount as a part of a host: mount(8), fstab(5) and umount(8), users, an idle mount, what a service
# manager and a journal are told. What needs other files in /etc, /run and /sbin has them in a mount
# namespace of its own, which nobody else sees.

load ../lib/common

setup_file() { common_make ready; }
setup() { common_copy; }
teardown() {
	[ -z "${FOREGROUND:-}" ] || kill "$FOREGROUND" 2>/dev/null || :
	[ -z "${LISTENER:-}" ] || kill "$LISTENER" 2>/dev/null || :
	world_end
}

ready() {
	set -e
	world_archive
	world_node cap ingest
	world_images 1
	custody --node cap ingest archive images --collection otay
	world_node ws reader
}

until_true() {
	for _ in $(seq 200); do
		! "$@" || return 0
		sleep 0.05
	done
	echo "not so: $*" >&2
	return 1
}

is_mounted() { grep -qF " $W/mnt " /proc/self/mountinfo; }
not_mounted() { ! is_mounted; }
ended() { ! world_runs "$1"; }
holder() { sed -n 's/^pid: //p' ws/archives/*/mount.lock; }

# own_host SCRIPT: runs it, with set -e, where this build is what mount(8) finds, and /etc/fstab and
# /etc/fuse.conf are the files of this test. Whatever it leaves mounted goes with it.
own_host() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -e fstab ] || : >fstab
	[ -e fuse.conf ] || : >fuse.conf
	cat >own_host.sh <<-'END'
		set -e
		# other tests' mounts are here too, and would outlive their umount
		awk '/ - fuse/ { print $5 }' /proc/self/mountinfo | xargs -r -n 1 umount -l 2>/dev/null || :
		mkdir over && mount -t tmpfs tmpfs over && mkdir over/up over/work
		mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$W/over/up,workdir=$W/over/work" overlay /usr/sbin ||
			exit 77
		for name in mount.custodyfs mount.fuse.custodyfs; do ln -sfn "$CUSTODYFS" /usr/sbin/$name; done
		mount --bind fstab /etc/fstab
		mount --bind fuse.conf /etc/fuse.conf
		mount -t tmpfs tmpfs /run
		# as everywhere where udev is; and /dev/log is for the test to have
		mkdir over/dev && cp -a /dev/null /dev/zero /dev/urandom /dev/tty over/dev/
		mknod -m 666 over/dev/fuse c 10 229 && mount --bind over/dev /dev
	END
	cat >>own_host.sh
	mkdir -p mnt
	run unshare -m --propagation private bash own_host.sh
	[ "$status" -ne 77 ] || skip "there is no overlay file system"
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "mount -t custodyfs and -t fuse.custodyfs, and umount" {
	own_host <<-'END'
		for type in custodyfs fuse.custodyfs; do
			mount -t $type -o ro,nofail,noauto,user,_netdev,noatime,x-systemd.automount,uid=7,gid=8 \
				-o "allow_other,node=$W/ws" "$W/archive" "$W/mnt"
			grep -qE " $W/mnt ro,nosuid,nodev,noexec.* - fuse.custodyfs $W/archive ro,.*allow_other" \
				/proc/self/mountinfo
			[ "$(stat -c %u:%g "$W/mnt/otay/us/car1.jpg")" = 7:8 ]
			umount "$W/mnt"
			! mountpoint -q "$W/mnt"
		done
		# -f of mount(8) does nothing, and not the wrong thing
		mount -f -t custodyfs -o "node=$W/ws" "$W/archive" "$W/mnt"
		! mountpoint -q "$W/mnt"
		# what it can't do, it says
		! mount -t custodyfs -o "node=$W/ws,shiny" "$W/archive" "$W/mnt" 2>err
		grep -q 'shiny: unknown mount option' err
		! mountpoint -q "$W/mnt"
		mount -t custodyfs -o "node=$W/ws" "$W/archive" "$W/mnt"
		! mount -o remount,rw "$W/mnt" 2>err
		grep -q "can't be changed" err
		grep -q " $W/mnt ro," /proc/self/mountinfo
		umount "$W/mnt"
	END
}

@test "fstab: by its mount point, with every usual option, dead mounts cleared" {
	echo "$W/archive $W/mnt custodyfs ro,nofail,noauto,nosuid,nodev,noexec,x-systemd.automount,x-systemd.idle-timeout=60,_netdev,allow_other,uid=0,gid=0,node=$W/ws 0 0" >fstab
	own_host <<-'END'
		mount "$W/mnt"
		[ -e "$W/mnt/otay/us/car1.jpg" ]
		pid=$(sed -n 's/^pid: //p' ws/archives/*/mount.lock)
		# with its porter, which would unmount
		kill -9 "$(pgrep -P "$pid")" "$pid"
		while ls "$W/mnt" >/dev/null 2>&1; do sleep 0.05; done
		# mount(8) takes it for mounted; what systemd and people call is the helper
		mount.custodyfs "$W/archive" "$W/mnt" -o "node=$W/ws" 2>err
		grep -q 'a dead mount was detached' err
		[ -e "$W/mnt/otay/us/car1.jpg" ]
		umount "$W/mnt"
	END
}

@test "fstab: the user option lets a user mount and unmount, his own node and nobody's else" {
	echo "$W/archive $W/mnt custodyfs user,noauto,node=$W/ws 0 0" >fstab
	world_open_way
	mkdir -p mnt && chown -R nobody archive ws mnt
	own_host <<-'END'
		as_user() { setpriv --reuid nobody --clear-groups "$@"; }
		as_user mount "$W/mnt"
		grep -qE " $W/mnt ro,nosuid,nodev,noexec.*user_id=$(id -u nobody)" /proc/self/mountinfo
		as_user ls "$W/mnt/otay" >/dev/null
		! ls "$W/mnt" >/dev/null 2>&1 # not even root
		as_user umount "$W/mnt"
		! mountpoint -q "$W/mnt"
	END
}

@test "allow_other: users need user_allow_other in fuse.conf, and are told so" {
	world_open_way
	mkdir -p mnt && chown -R nobody archive ws mnt
	printf '%s\n' '#user_allow_other' 'user_allow_others' 'mount_max = 10' >fuse.conf
	own_host <<-'END'
		as_user() { setpriv --reuid nobody --clear-groups "$@"; }
		rc=0
		as_user "$CUSTODYFS" --node ws -o allow_other archive mnt 2>err || rc=$?
		[ "$rc" -eq 2 ]
		grep -q "/etc/fuse.conf does not let users.*user_allow_other" err
		! mountpoint -q mnt
		echo '  user_allow_other # all of us' >fuse.conf
		as_user "$CUSTODYFS" --node ws -o allow_other archive mnt
		ls mnt/otay >/dev/null
		umount mnt
	END
}

@test "idle: unmounted when nobody asked; not while a file or folder is in use" {
	mkdir mnt
	"$CUSTODYFS" --node ws --idle-timeout 1 archive mnt
	pid=$(holder)
	exec 7<mnt/otay
	sleep 1.6
	is_mounted
	exec 7<&-
	until_true not_mounted
	until_true ended "$pid"
	[ "$(jq -r .type <"$(journal ws)" | tail -n 1)" = unmounted ]
	# a working directory is use too, and fstab's word is idle=
	"$CUSTODYFS" --node ws -o idle=1 archive mnt
	pid=$(holder)
	(cd mnt/otay && sleep 1.6 && [ -e us/car1.jpg ])
	until_true not_mounted
	until_true ended "$pid"
	# what unmounts goes with the daemon, whatever ends that
	"$CUSTODYFS" --node ws -o idle=100 archive mnt
	pid=$(holder)
	helper=$(cut -d " " -f 1 "/proc/$pid/task/$pid/children")
	world_runs "$helper"
	kill -9 "$pid"
	until_true ended "$helper"
	# and SIGTERM, which a service manager gives to both, is for the daemon
	"$CUSTODYFS" --node ws -o idle=100 archive mnt
	pid=$(holder)
	helper=$(cut -d " " -f 1 "/proc/$pid/task/$pid/children")
	kill -TERM "$helper" "$pid"
	until_true not_mounted
	until_true ended "$helper"
}

@test "idle: as a user, and not what somebody has mounted over it" {
	world_open_way
	mkdir -p mnt && chown -R nobody archive ws mnt
	own_host <<-'END'
		as_user() { setpriv --reuid nobody --clear-groups "$@"; }
		as_user "$CUSTODYFS" --node ws --idle-timeout 1 archive mnt
		mount -t tmpfs tmpfs mnt
		sleep 1.5
		[ "$(stat -f -c %T mnt)" = tmpfs ]
		umount mnt
		for i in $(seq 200); do mountpoint -q mnt || break; sleep 0.05; done
		! mountpoint -q mnt
	END
}

@test "idle: values that are none" {
	mkdir mnt
	for v in 0 -1 x 1s '' 31536001; do
		fails 2 "how many seconds" "$CUSTODYFS" --node ws --idle-timeout "$v" archive mnt
		fails 2 "how many seconds" "$CUSTODYFS" --node ws -o "idle=$v" archive mnt
	done
	fails 2 "nsenter" "$CUSTODYFS" -N 1 archive mnt
	fails 2 "this mounts custodyfs" "$CUSTODYFS" -t ext4 archive mnt
}

# listen ADDRESS: datagrams to ./told, each with a line of === behind it
listen() {
	python3 - "$1" >told 3>&- <<'E' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + sys.argv[1][1:] if sys.argv[1][0] == "@" else sys.argv[1])
print("listening", flush=True)
while True:
    sys.stdout.buffer.write(s.recv(65536) + b"\n===\n")
    sys.stdout.flush()
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + sys.argv[1][1:] if sys.argv[1][0] == "@" else sys.argv[1])
print("listening", flush=True)
while True:
    sys.stdout.buffer.write(s.recv(65536) + b"\n===\n")
    sys.stdout.flush()
E
	LISTENER=$!
	until_true grep -q listening told
}

@test "a service manager is told when it is ready, what it does and when it stops" {
	mkdir mnt
	for address in "$W/notify" "@custodyfs-test-$$-$RANDOM"; do
		listen "$address"
		NOTIFY_SOCKET=$address "$CUSTODYFS" --foreground --node ws archive mnt 3>&- &
		FOREGROUND=$!
		until_true grep -q '^READY=1$' told
		# ready means that it answers
		ls mnt/otay >/dev/null
		grep -qx "STATUS=mounted on $W/mnt" told
		grep -qx "MAINPID=$FOREGROUND" told
		run ! grep -q STOPPING told
		kill -TERM "$FOREGROUND"
		wait "$FOREGROUND"
		FOREGROUND=
		until_true grep -q '^STOPPING=1$' told
		kill "$LISTENER"
		wait "$LISTENER" || :
		LISTENER=
	done
	# who can't be ready does not say so
	listen "$W/notify2"
	NOTIFY_SOCKET=$W/notify2 run -3 "$CUSTODYFS" --foreground --node nobody archive mnt
	NOTIFY_SOCKET=$W/notify2 run -7 "$CUSTODYFS" --foreground --node cap archive mnt
	until_true grep -q '^STATUS=this node is not enrolled as a reader' told
	run ! grep -q READY told
}

@test "the journal gets messages with ids; as a daemon, and where standard error is the journal" {
	cat >listen.py <<'E'
import atexit, os, socket, struct, subprocess
os.makedirs("/run/systemd/journal")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
s.settimeout(20)
def entry():
    d, fields = s.recv(65536), {}
    while d:
        name, eq, rest = d.partition(b"\n")[0].partition(b"=")
        if eq:
            value, _, d = d[len(name) + 1:].partition(b"\n")
        else:
            n = struct.unpack_from("<Q", d, len(name) + 1)[0]
            value = d[len(name) + 9:len(name) + 9 + n]
            assert d[len(name) + 9 + n:len(name) + 10 + n] == b"\n"
            d = d[len(name) + 10 + n:]
        fields[name.decode()] = value.decode()
    return fields
def want(word, priority, ident, mount):
    f = entry()
    if word == "mounted":
        assert f["CUSTODY_MESSAGE"] in ("contained", "uncontained"), f
        f = entry()
    assert (f["CUSTODY_MESSAGE"], f["PRIORITY"], f["MESSAGE_ID"]) == (word, priority, ident), f
    assert f["SYSLOG_IDENTIFIER"] == "custodyfs" and f["CUSTODY_MOUNT"] == mount, f
    return f["MESSAGE"]
mnt, fs = os.environ["W"] + "/mnt", os.environ["CUSTODYFS"]
mounted, unmounted = "7411e28593a142f7851d577e71f762dc", "42e42d707c5446949a816786b880a1bf"
failed, ending = "194ebb5d18d4472a92549a2cbf515303", "ea3e1714e38c4dfc8edf0b4cdd8b611b"
subprocess.check_call([fs, "--node", "ws", "archive", "mnt"])
assert want("mounted", "6", mounted, mnt) == "mounted on " + mnt
subprocess.check_call(["umount", mnt])
want("unmounted", "6", unmounted, mnt)
assert subprocess.run([fs, "--node", "cap", "archive", "mnt"], stderr=subprocess.PIPE).returncode == 7
assert "not enrolled as a reader" in want("failed", "2", failed, mnt)
# without a journal there is syslog
s.close()
os.unlink("/run/systemd/journal/socket")
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
log.settimeout(20)
subprocess.check_call([fs, "--node", "ws", "archive", "mnt"])
assert b"contained by: " in log.recv(4096)
line = log.recv(4096)
assert line.startswith(b"<30>") and b"custodyfs[" in line and ("mounted on " + mnt).encode() in line, line
subprocess.check_call(["umount", mnt])
assert b"]: unmounted" in log.recv(4096)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
s.settimeout(20)
# a name with a line feed stays one field
odd = os.environ["W"] + "/m\nPRIORITY=0"
os.mkdir(odd)
subprocess.check_call([fs, "--node", "ws", "archive", odd])
want("mounted", "6", mounted, odd)
subprocess.check_call(["umount", odd])
want("unmounted", "6", unmounted, odd)
# in the foreground: to standard error, unless that is the journal
r, w = os.pipe()
st = os.fstat(w)
for stream, native in (("1:1", False), ("%d:%d" % (st.st_dev, st.st_ino), True)):
    p = subprocess.Popen([fs, "-f", "--node", "ws", "archive", "mnt"], stderr=w,
                         env=dict(os.environ, JOURNAL_STREAM=stream))
    atexit.register(p.kill)
    if native:
        want("mounted", "6", mounted, mnt)
    else:
        while not os.path.ismount("mnt"):
            assert p.poll() is None, os.read(r, 4096)
        os.listdir("mnt/otay")
    p.terminate()
    assert p.wait() == 0
    if native:
        want("ending", "6", ending, mnt)
        want("unmounted", "6", unmounted, mnt)
    else:
        assert b"ending on signal" in os.read(r, 4096)
E
	own_host <<-'END'
		exec timeout -k 5 60 python3 listen.py
	END
}
