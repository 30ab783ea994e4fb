#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The Debian packages: the same bytes twice, nothing for lintian to say; they install in a fresh system, do
# the walk-through there, and go without a trace but what is evidence. With CUSTODY_DEB=1, as
# make check-integration has it: two builds and a debootstrap take minutes.

load ../lib/common

setup_file() {
	export TOP DEBS=$BATS_FILE_TMPDIR/debs
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	[ "${CUSTODY_DEB:-0}" = 1 ] || return 0
	# of what is running the tests nothing may reach the build
	env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin" HOME="$BATS_FILE_TMPDIR" LANG=C.UTF-8 \
		SOURCE_DATE_EPOCH=1790000000 "$TOP/tools/contrib/deb/build" "$(version)" "$DEBS" \
		>"$BATS_FILE_TMPDIR/log" 2>&1 || { tail -n 30 "$BATS_FILE_TMPDIR/log" && return 1; }
}
setup() {
	world_new
	[ "${CUSTODY_DEB:-0}" = 1 ] || skip "takes minutes: CUSTODY_DEB=1, as in make check-integration"
}
teardown() {
	for m in dev/fuse proc; do umount "$W/root/$m" 2>/dev/null || :; done
	world_end
}

version() { sed -n 's/^VERSION := //p' "$BATS_TEST_DIRNAME/../../Makefile"; }

@test "three packages, with what belongs there" {
	version=$(version)
	for p in custodyfs custodyfs-authority custodyfs-doc; do
		dpkg-deb -c "$DEBS/${p}_${version}"_*.deb | awk '{ print $6 }' | sort >"$p"
	done
	for f in bin/custody bin/custodyfs sbin/mount.custodyfs sbin/mount.fuse.custodyfs \
		share/man/man1/custody.1.gz share/man/man8/custodyfs.8.gz lib/custodyfs/custody-metrics \
		share/bash-completion/completions/custodyfs share/zsh/vendor-completions/_custody; do
		grep -qx "./usr/$f" custodyfs
	done
	for u in "$TOP"/tools/contrib/systemd/*; do
		grep -qxF "./lib/systemd/system/$(basename "$u")" custodyfs
	done
	grep -qx ./usr/bin/custody-authority custodyfs-authority
	grep -qx ./usr/share/man/man1/custody-authority.1.gz custodyfs-authority
	run ! grep authority custodyfs
	for page in custodyfs-format.5 custodyfs-security.7; do
		grep -q "/$page.gz$" custodyfs-doc
	done
	# every page of the manual is in one of them
	for page in "$TOP"/man/*; do
		cat custodyfs* | grep -q "/$(basename "$page").gz$"
	done
}

@test "the same source gives the same bytes, wherever it lies" {
	cp -r "$TOP/tools" "$TOP/crypto" "$TOP/index" "$TOP/fs" "$TOP/man" "$TOP/.ci" \
		"$TOP/Makefile" "$TOP/README.md" "$TOP/LICENSE" "$W/" && touch Makefile
	env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin" HOME=/nowhere LANG=C TZ=Asia/Tokyo \
		SOURCE_DATE_EPOCH=1790000000 tools/contrib/deb/build "$(version)" "$W/again" >log 2>&1 ||
		{ tail -n 30 log && false; }
	(cd "$DEBS" && sha256sum -- *.deb) >sums
	[ "$(wc -l <sums)" -ge 3 ]
	(cd again && sha256sum -c "$W/sums")
}

@test "lintian has nothing to say" {
	command -v lintian >/dev/null || skip "there is no lintian"
	run lintian --info --display-info --pedantic --fail-on error,warning,info,pedantic --tag-display-limit 0 \
		--allow-root "$DEBS"/*.changes
	[ "$status" -eq 0 ] || { echo "$output"; false; }
}

@test "installed in a fresh system, the walk-through works there; removed, nothing is left" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	command -v debootstrap >/dev/null || skip "there is no debootstrap"
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
	debootstrap --variant=minbase bookworm root "$mirror" >log 2>&1 || skip "debootstrap: $(tail -n 1 log)"
	cp "$DEBS"/custodyfs_* "$DEBS"/custodyfs-authority_* "$DEBS"/custodyfs-doc_* root/tmp/
	rm -f root/tmp/*dbgsym*
	mount -t proc proc root/proc
	: >root/dev/fuse && mount --bind /dev/fuse root/dev/fuse
	in_root() { chroot root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
	(cd root && find usr etc lib sbin bin var/lib ! -path 'var/lib/dpkg*' ! -path 'var/lib/apt*') | sort >before
	in_root sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends /tmp/*.deb' >log 2>&1 ||
		{ tail -n 30 log && false; }
	in_root getent passwd custody
	# nothing runs that nobody has asked for
	[ -z "$(find root/etc/systemd -name 'custody*')" ]
	cat >root/tmp/walk <<'END'
set -e
cd /srv && mkdir images mnt && echo plate >images/car1.jpg && echo other >images/car2.jpg
ssh-keygen -q -t ed25519 -N '' -f officer
custody-authority init auth --key officer.pub --no-passphrase
custody-authority create-archive auth archive --sign-with officer
for node in cap:ingest ws:reader; do
	custody --node ${node%:*} node-init archive --role ${node#*:} --no-passphrase -o n.req
	custody-authority enrol auth n.req --sign-with officer -o n.enrol
	custody --node ${node%:*} import archive n.enrol
	[ ${node%:*} != cap ] || custody --node cap ingest archive images --collection otay
done
custody --node ws request archive otay/car1.jpg --case C --purpose p -o r.req
custody-authority authorise auth r.req --sign-with officer --until +1h -o r.auth
custody --node ws import archive r.auth
custodyfs --node ws archive mnt
cmp mnt/otay/car1.jpg images/car1.jpg
! cat mnt/otay/car2.jpg
umount mnt
mount -t custodyfs -o node=/srv/ws /srv/archive /srv/mnt
cmp mnt/otay/car1.jpg images/car1.jpg
umount mnt
custody verify archive
mkdir -p /var/lib/custodyfs && touch /var/lib/custodyfs/node.key
END
	in_root sh /tmp/walk >log 2>&1 || { tail -n 30 log && false; }
	in_root sh -c 'apt-get purge -y -qq custodyfs custodyfs-authority custodyfs-doc' >log 2>&1 ||
		{ tail -n 30 log && false; }
	# a key is never removed
	[ -e root/var/lib/custodyfs/node.key ]
	(cd root && find usr etc lib sbin bin var/lib ! -path 'var/lib/dpkg*' ! -path 'var/lib/apt*') | sort >after
	run ! grep -E 'custody' <(comm -13 before after | grep -v '^var/lib/custodyfs')
	run in_root dpkg -l 'custodyfs*'
	run ! grep -E '^(ii|rc)' <<<"$output"
}
