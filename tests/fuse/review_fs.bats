#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A mount that ends and comes back: at once, under another name, as an index made anew; and a node
# that was revoked and enrolled again.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() { world_ready; }
teardown() {
	fusermount3 -u "$W/other" 2>/dev/null || :
	world_end
}

@test "mounted again straight after it was unmounted" {
	world_mount
	for _ in 1 2 3 4 5; do
		fusermount3 -u mnt
		"$CUSTODYFS" --node ws archive mnt
	done
	[ -e mnt/otay/us/car1.jpg ]
	fusermount3 -u mnt
	"$CUSTODY" --node ws reindex archive
	world_mount
	[ -e mnt/otay/us/car1.jpg ]
}

@test "mounted twice: the refusal names the mount there is and its process" {
	world_mount
	mkdir other
	refused 6 "already, on $W/mnt (process $(cat daemon.pid))" "$CUSTODYFS" --node ws archive other
	refused 6 "index open" "$CUSTODY" --node ws reindex archive
	[ -z "$(ls -A other)" ]
	world_umount
	"$CUSTODYFS" --node ws archive other
	[ -e other/otay/us/car1.jpg ]
	refused 6 "already, on $W/other (" "$CUSTODYFS" --node ws archive mnt
}

@test "a mount whose node is revoked and enrolled again has none of its old releases" {
	world_release r otay/us/car1.jpg
	world_mount
	same us/car1.jpg
	node=$("$CUSTODY" --node ws status archive --json | jq -r .node)
	"$CUSTODY_AUTHORITY" revoke auth --node "$node" --reason r --sign-with officer -o n.revoke
	"$CUSTODY" --node ws import archive n.revoke
	sleep 1.1
	sealed us/car1.jpg
	"$CUSTODY" --node ws node-init archive -o again.req
	"$CUSTODY_AUTHORITY" enrol auth again.req --sign-with officer -o again.enrol
	"$CUSTODY" --node ws import archive again.enrol
	sleep 1.1
	sealed us/car1.jpg
	world_release fresh otay/mx/car2.jpg
	for _ in $(seq 50); do
		! cat mnt/otay/mx/car2.jpg >/dev/null 2>&1 || break
		sleep 0.1
	done
	same mx/car2.jpg
	sealed us/car1.jpg
	world_umount
	world_mount
	same mx/car2.jpg
	sealed us/car1.jpg
}
