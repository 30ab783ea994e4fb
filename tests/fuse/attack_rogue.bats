#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A capture node that lies: it journals other nodes' accessions and segments as its own, or takes in
# its own bytes under their item ids. Nothing that others took in is hidden or replaced, a release of
# an item is none of another that goes by its id, and `custody verify` finds the liar.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	ROGUE=$(dirname "$CUSTODY")/tests/fuse/rogue
	CAP=$("$CUSTODY" --node cap status archive --json | jq -r .node)
	world_node evil ingest
}
teardown() { world_end; }

attack() { "$ROGUE" evil archive "$1" "$CAP"; }

listed() { "$CUSTODY" --node ws ls -R archive otay | grep -c '\.jpg$'; }

found() {
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"claimed by two nodes"* ]] || { echo "$output"; false; }
}

@test "another node's accessions and segments can't be taken" {
	n=$(listed)
	attack repeat
	[ "$(listed)" -eq "$n" ]
	"$CUSTODY" --node ws reindex archive
	[ "$(listed)" -eq "$n" ]
	found
	attack spoil
	"$CUSTODY" --node ws reindex archive
	[ "$(listed)" -eq "$n" ]
	# Item by item: of the folder, where two nodes claim one accession, a request is refused.
	mapfile -t paths < <(images | sed 's|^|otay/|')
	world_release all "${paths[@]}"
	world_mount
	for f in $(images); do same "$f"; done
}

@test "bytes under another's item ids replace nothing, and no release opens them" {
	n=$(listed)
	f=$(images | head -1)
	id=$("$CUSTODY" --node ws show archive "otay/$f" --json | jq -r .item)
	world_release one "otay/$f"
	attack replace
	"$CUSTODY" --node ws reindex archive
	[ "$(listed)" -eq "$n" ]
	found
	[[ "$output" == *"$id"* ]]
	# The id alone is nobody's; the path is somebody's.
	run "$CUSTODY" --node ws show archive "$id"
	[ "$status" -eq 4 ]
	[[ "$output" == *"claim"* ]]
	[ "$("$CUSTODY" --node ws show archive "otay/$f" --json | jq -r .item)" = "$id" ]
	run "$CUSTODY" --node ws request archive "$id" --case C --purpose p -o x.req
	[ "$status" -eq 4 ]
	world_mount
	same "$f"
	for fake in mnt/otay/fake*; do
		run cat "$fake"
		[ "$status" -ne 0 ]
		[[ "$output" == *"Permission denied"* ]] || { echo "$output"; false; }
	done
}
