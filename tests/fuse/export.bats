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

@test "an open that an export has used up is refused, in the log too, and ends no other" {
	n=$(find images -type f | wc -l)
	world_request r otay
	world_authorise r --max-opens $((n + 1)) --export-to plain
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	exec 8<mnt/otay/us/car1.jpg
	cmp <(head -c 1000 <&8) <(head -c 1000 images/us/car1.jpg)
	"$CUSTODY" --node ws export archive out -a "$(sed -n 's/^serial: //p' r.auth)"
	refused 1 'Permission denied' cat mnt/otay/us/car3.jpg
	cmp <(cat <&8) <(tail -c +1001 images/us/car1.jpg) # it goes on
	exec 8<&-
	world_umount
	"$CUSTODY" --node ws log archive --type refused --json | jq -es 'any(.[]; .reason == "budget")'
	"$CUSTODY" --node ws log archive --type release-ended --json | jq -es 'length == 0'
}

@test "bytes that are read again through one open file are counted once" {
	size=$(stat -c %s images/us/car1.jpg)
	all=$(find images -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
	world_request r otay
	world_authorise r --max-bytes $((size + all)) --export-to plain
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	python3 - mnt/otay/us/car1.jpg <<-'END'
		import mmap, os, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT) # past the kernel's cache
		room = mmap.mmap(-1, 1 << 20)
		first = os.preadv(fd, [room], 0)
		assert all(os.preadv(fd, [room], 0) == first for i in range(9))
	END
	"$CUSTODY" --node ws export archive out -a "$(sed -n 's/^serial: //p' r.auth)"
	refused 1 'Permission denied' cat mnt/otay/us/car1.jpg
	world_umount
	"$CUSTODY" --node ws status archive --json >status.json
	jq -e ".releases[0].bytes == $((size + all))" status.json || { cat status.json; false; }
}

@test "what the kernel reads ahead does not end a release that has bytes left" {
	world_request r otay
	world_authorise r --max-bytes 90000
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	# in order, so that it reads ahead; then all that is left, block by block
	python3 - mnt/otay/us/car1.jpg images/us/car1.jpg <<-'END'
		import os, sys
		a, b = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
		n = 0
		while n < 60000:
		    x = os.read(a, 4096)
		    assert x == os.read(b, len(x)) and x
		    n += len(x)
	END
	"$CUSTODY" --node ws log archive --type release-ended --json | jq -es 'length == 0'
	refused 1 'Permission denied' cat mnt/otay/us/car3.jpg
	world_umount
	"$CUSTODY" --node ws status archive --json >status.json
	jq -e '.releases[0] | .bytes <= 90000 and .state == "in-force"' status.json || { cat status.json; false; }
}
