#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A capture node that lies: it journals other nodes' accessions and segments as its own, or takes in
# its own bytes under their ids. Nothing that others took in is hidden or replaced, or kept from being
# asked for, a release of an item is none of another that goes by its id, and `custody verify` finds the liar.

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
	world_release all otay
	world_mount
	for f in $(images); do same "$f"; done
}

# The accession of the victim's items.
accession() {
	"$CUSTODY" --node ws show archive "otay/$(images | head -1)" --json | jq -r .accession
}

# review_shows N ID: the last request has N items, those of the accession ID among them of two nodes
review_shows() {
	"$CUSTODY_AUTHORITY" review auth all.req --json >seen
	jq -e --argjson n "$1" '(.items | length) == $n' seen
}

@test "an accession id that another node takes too stops no request of the folder" {
	attack share
	found
	n=$(images | wc -l)
	world_release all otay
	review_shows $((n + 1))
	jq -e --arg a "$(accession)" '[.items[] | select(.accession == $a) | .node] | unique |
		length == 2' seen
	# The fake is shown to the officers for what it is, under the name and node it has.
	jq -e '[.items[] | select(.provenance.path | test("fake"))] | length == 1' seen
	world_mount
	for f in $(images); do same "$f"; done
	[ "$(cat mnt/otay/fake0)" = FAKE ]
}

@test "an accession that two nodes claim is asked for as a whole by its node, and is its node's" {
	attack share
	EVIL=$("$CUSTODY" --node evil status archive --json | jq -r .node)
	refused 4 "both claim accession" "$CUSTODY" --node ws request archive \
		--accession "$(accession)" --case C --purpose p -o all.req
	[[ "$output" == *"$CAP"* && "$output" == *"$EVIL"* ]]
	[ ! -e all.req ]
	world_release all --accession "$(accession)@$CAP"
	jq -e --arg n "$CAP" '[.accessions[].node] == [$n]' \
		<("$CUSTODY_AUTHORITY" review auth all.req --json)
	world_mount
	for f in $(images); do same "$f"; done
	# Its wrap key is not that of the other one: nothing of it comes out.
	run cat mnt/otay/fake0
	[ "$status" -ne 0 ]
	# Never closed, so not to be had as a whole.
	refused 2 'not closed' "$CUSTODY" --node ws request archive \
		--accession "$(accession)@$EVIL" --case C --purpose p -o evil.req
}

@test "a log that repeats another's word for word stops no request, and its item is the same" {
	n=$(images | wc -l)
	sleep 0.1
	attack mirror
	"$CUSTODY" --node ws reindex archive
	found
	world_release all otay
	review_shows "$n"
	jq -e --arg n "$CAP" 'all(.items[]; .node == $n)' seen
	# Nor when the liar was found out, and is revoked.
	evil=$("$CUSTODY" --node evil status archive --json | jq -r .node)
	"$CUSTODY_AUTHORITY" revoke auth --node "$evil" --reason liar --sign-with officer -o rev
	"$CUSTODY" --node ws import archive rev
	world_release again otay
	world_mount
	for f in $(images); do same "$f"; done
}

@test "two items under one id: a folder's request has both, each under its own commitment" {
	n=$(images | wc -l)
	attack replace
	world_release all otay
	review_shows $((2 * n))
	[ "$(jq '[.items[].item] | unique | length' seen)" -eq "$n" ]
	world_mount
	for f in $(images); do same "$f"; done
	for f in mnt/otay/fake*; do [ "$(cat "$f")" = FAKE ]; done
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
