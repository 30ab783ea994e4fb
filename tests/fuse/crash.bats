#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Power cuts: what a disk may hold afterwards, made from a record of all writes and flushes (see
# tests/crash/crash.sh). Some states here; `make crash` has hundreds, on three file systems.

setup() {
	local b

	b=$(dirname "$CUSTODY")
	for program in nbdkit nbdfuse losetup mkfs.ext4; do
		command -v "$program" >/dev/null || skip "SKIP: no $program"
	done
	[ "$(id -u)" -eq 0 ] || skip "SKIP: loop devices need root"
	losetup -f >/dev/null 2>&1 || skip "SKIP: no loop device"
	[ -s "$b/tests/crash/recorder.so" ] || skip "SKIP: built without nbdkit"
	export B=$b
	cd "$BATS_TEST_DIRNAME/../.." || return 1
}

@test "power cuts on ext4: what was acknowledged is there, and nothing half done" {
	tests/crash/crash.sh ext4 "${CRASH_STATES:-8}"
}

@test "without syncs the same finds losses" {
	NOSYNC=all tests/crash/crash.sh ext4 8
}
