#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody export beside a mount of the same node: one log, one budget, one end.

load ../lib/world

setup() { world_ready; }
teardown() { world_end; }

@test "while it is mounted: one log, and what was exported is used up for the mount" {
	n=$(find images -type f | wc -l)
	world_request r otay
	world_authorise r --max-opens "$n" --export-to plain
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	"$CUSTODY" --node ws export archive out -a "$(sed -n 's/^serial: //p' r.auth)"
	diff -r images out/data/otay
	refused 1 'Permission denied' cat mnt/otay/us/car1.jpg
	[ "$("$CUSTODY" --node ws why archive otay/us/car1.jpg --json | jq -r .rule)" = budget ]
	world_umount
	"$CUSTODY" verify archive
	"$CUSTODY" accept out --archive-key officer.pub
}

# Each of the programs decides by what it knows; what they log together is what the authorisation lets.
@test "a mount and exports at once never open more than the budget" {
	n=$(find images -type f | wc -l)
	max=$((2 * n + 3))
	world_request r otay
	world_authorise r --max-opens "$max" --export-to plain
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	serial=$(sed -n 's/^serial: //p' r.auth)
	pids=()
	for i in 1 2; do
		"$CUSTODY" --node ws export archive "out$i" -a "$serial" >"export$i" 2>&1 &
		pids+=($!)
	done
	for round in 1 2 3; do
		(cd mnt && find otay -type f -exec cat {} + 2>/dev/null | wc -c) &
		pids+=($!)
	done
	wait "${pids[@]}" || true
	world_umount
	opened=$("$CUSTODY" --node ws log archive --type opened --json | wc -l)
	echo "opened $opened of $max"
	[ "$opened" -le "$max" ] && [ "$opened" -gt "$n" ]
	"$CUSTODY" verify archive
}
