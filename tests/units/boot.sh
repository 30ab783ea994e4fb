#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# boot.sh FOLDER: boots a systemd in a container, on this system's files with an overlay in memory over
# them, where our programs and units are installed, and runs probe.sh there. Prints what that found.
# Needs root, systemd-nspawn and $B, the build. Exit: 0 all ok, 77 it can't be tried here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
units=$here/../../tools/contrib/systemd
work=$(cd "$1" && pwd)

no() { echo "$*" && exit 77; }
[ "$(id -u)" -eq 0 ] || no "needs root"
command -v systemd-nspawn >/dev/null || no "there is no systemd-nspawn (package systemd-container)"
[ -x /lib/systemd/systemd ] || no "there is no systemd"

end() {
	umount "$work/m/root" 2>/dev/null || :
	umount "$work/m" 2>/dev/null || umount -l "$work/m" || :
}
trap end EXIT
mkdir -p "$work/m"
mount -t tmpfs tmpfs "$work/m"
root=$work/m/root
mkdir "$work/m/up" "$work/m/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$work/m/up,workdir=$work/m/work" overlay "$root" ||
	no "there is no overlay file system"
install -m 755 "$B/custody" "$B/custodyfs" "$B/custody-authority" "$root/usr/local/bin/"
install -D -m 755 -t "$root/usr/local/lib/custodyfs" "$units"/../scripts/*
install -m 644 "$units"/* "$root/etc/systemd/system/"
install -m 755 "$here/probe.sh" "$root/usr/local/bin/probe"
rm -rf "$root/srv" && mkdir "$root/srv"
cat >"$root/etc/systemd/system/probe.service" <<'END'
[Unit]
After=basic.target systemd-journald.service
[Service]
Type=oneshot
ExecStart=/usr/local/bin/probe
ExecStopPost=/bin/systemctl poweroff --no-block
END
printf '[Unit]\nRequires=basic.target probe.service\n' >"$root/etc/systemd/system/probe.target"
# Mounts of others that are in the container's namespaces would outlive their umount.
cat >"$work/boot" <<'END'
awk '/ - fuse/ { print $5 }' /proc/self/mountinfo | xargs -r -n 1 umount -l 2>/dev/null
exec timeout 240 systemd-nspawn "$@"
END
unshare -m sh "$work/boot" -q -D "$root" --register=no --keep-unit --bind=/dev/fuse --capability=all \
	--private-network --boot systemd.unit=probe.target >"$work/boot.log" 2>&1 </dev/null || :
[ -e "$root/probe.log" ] || { tail -n 20 "$work/boot.log" && no "no systemd boots here"; }
cp "$root"/probe.* "$work/"
cat "$work/probe.log"
[ "$(tail -n 1 "$work/probe.log")" = "done" ] && ! grep -q '^not ok' "$work/probe.log"
