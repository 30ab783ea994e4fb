#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The systemd units of tools/contrib: they parse, and name what is there; the one that mounts hides its
# mount from nobody. CUSTODY_BOOT=1 boots a systemd in a container, and has them do their work.

load ../lib/common

setup_file() {
	export UNITS
	UNITS=$(cd "$BATS_TEST_DIRNAME/../../tools/contrib/systemd" && pwd)
}
setup() {
	world_new
	command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
	mkdir units
	for u in "$UNITS"/*; do
		# sed's & and | are in no path of a build
		sed "s|/usr/local/lib/custodyfs/|$UNITS/../scripts/|
			s|/usr/local/bin/\(custody[a-z-]*\)|$(dirname "$CUSTODY")/\1|" "$u" >"units/$(basename "$u")"
	done
}
teardown() { world_end; }

analyze() { SYSTEMD_UNIT_PATH=$W/units: systemd-analyze "$@"; }

@test "every unit is one" {
	for u in units/*; do
		name=$(basename "$u")
		run analyze verify --man=no "${name/@./@x.}"
		[ "$status" -eq 0 ] || { echo "$output"; false; }
		# it warns of units of this host too
		run ! grep -E "custody" <<<"$output"
	done
	# a unit that is none is found, so this test can fail
	printf '[Service]\nExecStart=/no/such/program\nNoSuchOption=1\n' >units/wrong.service
	run ! analyze verify --man=no wrong.service
}

@test "nothing hides the mount: the mount unit has no mount namespace of its own" {
	unit=units/custodyfs@.service
	for o in ProtectSystem ProtectHome ProtectProc ProcSubset ProtectKernelTunables \
		ProtectKernelModules ProtectKernelLogs ProtectControlGroups ProtectHostname PrivateTmp \
		PrivateDevices PrivateMounts PrivateNetwork PrivateIPC PrivateUsers RootDirectory RootImage \
		ReadOnlyPaths ReadWritePaths InaccessiblePaths ExecPaths NoExecPaths BindPaths \
		BindReadOnlyPaths TemporaryFileSystem DynamicUser MountFlags MountAPIVFS ExtensionImages \
		StateDirectory RuntimeDirectory CacheDirectory LogsDirectory; do
		run ! grep -q "^$o=" "$unit"
	done
	# what is said of that in the unit is said of what counts
	grep -q '^# ProtectKernelTunables, ProtectKernelModules' "$unit"
	# and it ends by itself, being told to
	grep -qx 'Type=notify' "$unit"
	grep -q -- '--foreground' "$unit"
}

@test "units are confined as far as they can be" {
	for u in units/*.service; do
		most=10
		[[ $u != *custodyfs@* ]] || most=45
		# exposure, in tenths
		has=$(analyze security --offline=true --no-pager "$u" 2>/dev/null |
			sed -n 's/.*exposure level for .*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p')
		[ -n "$has" ] || skip "this systemd-analyze knows no --offline"
		[ "$((10#$has))" -le "$most" ] || { echo "$u: $has"; false; }
	done
}

@test "fstab lines of the manual are what systemd makes units of" {
	generator=/lib/systemd/system-generators/systemd-fstab-generator
	[ -x "$generator" ] || skip "there is no systemd-fstab-generator"
	sed -n 's|\\-|-|g; /^\/srv\/archive .* custodyfs .* 0 0$/p' \
		"$UNITS"/../../../man/custodyfs.8 "$UNITS"/../../../man/custodyfs-admin.7 >fstab
	[ "$(wc -l <fstab)" -ge 2 ]
	while read -r line; do
		echo "$line" >one
		rm -rf out && mkdir out
		SYSTEMD_FSTAB=$W/one "$generator" out out out
		where=$(cut -d ' ' -f 2 one)
		unit=$(systemd-escape -p "$where")
		grep -qx "Where=$where" "out/$unit.mount"
		grep -qx "Type=custodyfs" "out/$unit.mount"
		[[ $line != *x-systemd.automount* ]] || [ -e "out/$unit.automount" ]
	done <fstab
}

@test "booted: mounts, credentials, prompts, fstab, watch, backup and verify (CUSTODY_BOOT=1)" {
	[ "${CUSTODY_BOOT:-0}" = 1 ] || skip "takes long: CUSTODY_BOOT=1, as in make check-integration"
	B=$(dirname "$CUSTODY") run "$BATS_TEST_DIRNAME/../units/boot.sh" "$W"
	[ "$status" -ne 77 ] || skip "$output"
	[ "$status" -eq 0 ] || { echo "$output"; tail -n 60 probe.err; false; }
	[ "${#lines[@]}" -ge 30 ]
}
