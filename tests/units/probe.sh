#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs as a unit of a systemd that boots.sh has booted, and tries our units on it. Each line of
# /probe.log is "ok what" or "not ok what"; the last one is "done".
#
# shellcheck disable=SC2016 # what eval gets is for later
cd /srv || exit 1
export CUSTODY_NODE=/none
exec 2>/probe.err 3>/probe.log
set -x

tell() {
	local what=$1

	shift
	if "$@"; then echo "ok $what" >&3; else echo "not ok $what" >&3; fi
}
soon() {
	for _ in $(seq 100); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}
mounted() { grep -qE " $1 ro,.* - fuse.custodyfs " /proc/self/mountinfo; }
not() { ! "$@"; }
main_pid() { systemctl show -p MainPID --value "$1"; }
active() { systemctl is-active -q "$1"; }
logged() { journalctl -q --no-pager -t custodyfs "MESSAGE_ID=$1" -n 1 -o cat | grep -q "$2"; }
nobody() { setpriv --reuid nobody --clear-groups "$@"; }

world() {
	set -e
	ssh-keygen -q -t ed25519 -N '' -f officer
	custody-authority init auth --key officer.pub --no-passphrase
	custody-authority create-archive auth archive --sign-with officer
	# several accounts share it, as custodyfs(8) says
	useradd -r custody
	chgrp -R custody archive
	chmod -R g+rwXs archive
	umask 002
	printf 'pw\n' >pw && chmod 600 pw
	mkdir images spool
	for i in 1 2 3; do head -c 40000 /dev/urandom >images/$i.jpg; done
	enrol ingest --node cap --no-passphrase
	custody --node cap ingest archive images --collection otay
	enrol reader "${ws[@]}"
	custody "${ws[@]}" request archive otay/1.jpg --case C --purpose p -o r.req
	custody-authority authorise auth r.req --sign-with officer --until +2h -o r.auth
	custody "${ws[@]}" import archive r.auth
}
enrol() {
	local role=$1

	shift
	custody "$@" node-init archive --role "$role" -o req
	custody-authority enrol auth req --sign-with officer -o enrol
	custody "$@" import archive enrol
}
ws=(--node /var/lib/custodyfs --passphrase-file /srv/pw)
(world) >&2
tell 'the world is made' [ -e r.auth ]

# ---- the mount unit, its hardening, and a credential -------------------------------------------
unit=custodyfs@evidence.service
mkdir -p /etc/credstore.encrypted "/etc/systemd/system/$unit.d"
systemd-creds setup
systemd-creds encrypt --name=custodyfs.passphrase pw /etc/credstore.encrypted/custodyfs.passphrase
printf '[Service]\nLoadCredentialEncrypted=custodyfs.passphrase\n' >"/etc/systemd/system/$unit.d/c.conf"
systemctl daemon-reload
tell 'the mount unit starts with an encrypted credential' systemctl start "$unit"
tell 'the host sees its mount' mounted /mnt/evidence
tell 'what is released opens' cmp /mnt/evidence/otay/1.jpg images/1.jpg
tell 'for other users too' nobody cmp /mnt/evidence/otay/1.jpg images/1.jpg
tell 'what is not does not' not cat /mnt/evidence/otay/2.jpg
tell 'the programs that opened are recorded' [ "$(grep -ho '"program":"[^"]*cmp"' archive/journal/*.jsonl | wc -l)" -ge 2 ]
tell 'the service manager knows its state' eval 'systemctl show -p StatusText "$unit" | grep -q "mounted on /mnt/evidence"'
tell 'it has no new privileges, and a filter' eval 'grep -q "^NoNewPrivs:.*1" "/proc/$(main_pid "$unit")/status" && grep -q "^Seccomp:.*2" "/proc/$(main_pid "$unit")/status"'
tell 'the journal has its message' logged 7411e28593a142f7851d577e71f762dc 'mounted on /mnt/evidence'
tell 'it stops in good order' systemctl stop "$unit"
tell 'and was unmounted' not mounted /mnt/evidence
tell 'with status 0' eval 'systemctl show -p Result "$unit" | grep -q success'
systemctl start "$unit"
kill -9 "$(main_pid "$unit")"
tell 'killed, it comes back over its dead mount' soon eval 'active "$unit" && cmp -s /mnt/evidence/otay/1.jpg images/1.jpg'
systemctl stop "$unit"

# ---- a passphrase that is asked for ---------------------------------------------------------
rm -r "/etc/systemd/system/$unit.d"
systemctl daemon-reload
systemctl start --no-block "$unit"
asked() { grep -qs Id=custodyfs: /run/systemd/ask-password/ask.*; }
tell 'without a credential the passphrase is asked for' soon asked
printf pw | /lib/systemd/systemd-reply-password 1 "$(sed -n 's/^Socket=//p' /run/systemd/ask-password/ask.*)"
tell 'and an answer mounts' soon active "$unit"
systemctl stop "$unit"

# ---- fstab -------------------------------------------------------------------------------------
ln -sfn /usr/local/bin/custodyfs /usr/sbin/mount.custodyfs
mkdir -p /mnt/two
echo '/srv/archive /mnt/two custodyfs noauto,nofail,_netdev,allow_other,passphrase-file=/srv/pw,idle=1 0 0' >>/etc/fstab
systemctl daemon-reload
tell 'a mount unit of fstab starts' systemctl start mnt-two.mount
tell 'and serves' cmp /mnt/two/otay/1.jpg images/1.jpg
tell 'idle, it goes, and systemd sees it' soon not active mnt-two.mount
tell 'logged as idle' soon logged 426d6d72c0584352abab2c51d0909953 'nobody asked'
tell 'it starts again' systemctl start mnt-two.mount
tell 'and stops' systemctl stop mnt-two.mount

# ---- watched folder, backup, verify ------------------------------------------------------------
mkdir -p backup spool/lane
chown -R custody backup spool cap archive/journal/"$(custody --node cap status archive --json | jq -r .node)".*
mkdir -p /etc/systemd/system/custody-watch@lane.service.d
printf '[Service]\nEnvironment=CUSTODY_NODE=/srv/cap\nReadWritePaths=/srv/cap\n' \
	>/etc/systemd/system/custody-watch@lane.service.d/c.conf
systemctl daemon-reload
tell 'the watch unit starts' systemctl start custody-watch@lane.service
cp images/2.jpg spool/lane/4.jpg && chown custody spool/lane/4.jpg
tell 'what is put there is taken in, and removed' soon [ ! -e spool/lane/4.jpg ]
tell 'it stops' systemctl stop custody-watch@lane.service
tell 'the backup unit runs' systemctl start custody-backup.service
tell 'what it made verifies' eval 'custody verify -q backup >&2'
tell 'the verify unit runs' systemctl start custody-verify.service
mkdir -p /var/lib/prometheus/node-exporter /etc/systemd/system/custody-metrics.service.d
chown custody /var/lib/prometheus/node-exporter
printf '[Service]\nEnvironment=CUSTODY_NODE=/srv/cap\nReadWritePaths=/srv/cap\n' \
	>/etc/systemd/system/custody-metrics.service.d/c.conf
systemctl daemon-reload
tell 'the metrics unit runs' systemctl start custody-metrics.service
tell 'and writes metrics' grep -q 'custody_status_exit_code 0' /var/lib/prometheus/node-exporter/custody.prom
printf x | dd of="$(find archive/segments -name "*.seg" -print -quit)" bs=1 seek=20000 conv=notrunc
tell 'and fails on damage' not systemctl start custody-verify.service
tell 'with the code for a person' eval 'systemctl show -p ExecMainStatus custody-verify | grep -q =4'
tell 'timers are timers' systemctl start custody-backup.timer custody-verify.timer custody-metrics.timer
journalctl --no-pager -b >/probe.journal
echo "done" >&3
