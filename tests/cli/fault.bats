#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Calls that fail, one in turn, in each way (see tests/fault/fault.sh). A few of them here; `make fault`
# has all.

setup() {
	B=$(dirname "$CUSTODY")
	export B
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	[ -s "$B/tests/fault/fault.so" ] || skip "SKIP: no shared object was built"
}

@test "calls that fail, short transfers, no memory, no descriptors: import" {
	tests/fault/fault.sh "${FAULT_EVERY:-200}" import
}

@test "calls that fail, short transfers, no memory, no descriptors: ingest" {
	tests/fault/fault.sh "${FAULT_EVERY:-200}" ingest
}
