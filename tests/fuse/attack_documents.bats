#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Who can write to documents/ takes away what ended a right, to get the right back. He does not.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	mkdir away mnt
	world_release r otay/us/car1.jpg
}
teardown() { world_end; }

# revoke OPTION...: signs a revocation and imports it at the workstation
revoke() {
	"$CUSTODY_AUTHORITY" revoke auth "$@" --reason test --sign-with officer -o rev
	"$CUSTODY" --node ws import archive rev
}

node_id() { "$CUSTODY" --node "$1" status archive --json | jq -r .node; }

# nothing_works WORD: no verb of the node and no mount goes on, with or without its index
nothing_works() {
	refused 4 "$1" "$CUSTODYFS" --node ws archive mnt
	refused 4 "$1" "$CUSTODY" --node ws ls archive
	refused 4 "$1" "$CUSTODY" --node ws reindex archive
	rm -rf ws/archives/*/index
	refused 4 "$1" "$CUSTODY" --node ws ls archive
}

@test "a node's revocation is deleted" {
	world_mount
	same us/car1.jpg
	world_umount
	revoke --node "$(node_id ws)"
	refused 7 revoked "$CUSTODYFS" --node ws archive mnt
	mv archive/documents/*.revocation away
	nothing_works restore
	refused 4 restore "$CUSTODY" --node ws import archive r.auth
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	# a mount over an index that is not filled yet reads nothing either
	rm -rf ws/archives/*/index
	if world_mount; then
		sleep 1
		run ! head -c 1 mnt/otay/us/car1.jpg
		world_umount
	fi
	mv away/*.revocation archive/documents
	refused 7 revoked "$CUSTODYFS" --node ws archive mnt
}

@test "a node's revocation is altered" {
	revoke --node "$(node_id ws)"
	f=$(echo archive/documents/*.revocation)
	cp "$f" away
	sed -i 's/^reason: .*/reason: none/' "$f"
	nothing_works restore
	cp away/*.revocation "$f"
	refused 7 revoked "$CUSTODYFS" --node ws archive mnt
}

@test "a key's revocation is deleted" {
	# The authority heeds its own revocations; one that has not heard of them does not.
	cp -a auth unaware
	revoke --key officer.pub
	world_request late otay/mx/car2.jpg
	"$CUSTODY_AUTHORITY" authorise unaware late.req --sign-with officer --until +2h -o late.auth
	refused 7 revoked "$CUSTODY" --node ws import archive late.auth
	mv archive/documents/*.revocation away
	refused 4 restore "$CUSTODY" --node ws import archive late.auth
	mv away/*.revocation archive/documents
	refused 7 revoked "$CUSTODY" --node ws import archive late.auth
	world_mount
	sealed mx/car2.jpg
}

@test "a revocation is deleted under a running mount" {
	world_mount
	same us/car1.jpg
	revoke --node "$(node_id ws)"
	sleep 1
	sealed us/car1.jpg
	mv archive/documents/*.revocation away
	sleep 1
	sealed us/car1.jpg
	mv away/*.revocation archive/documents
	sleep 1
	sealed us/car1.jpg
}

@test "the newer enrolment is deleted: the older one does not stand in" {
	sleep 1.1 # enrolments of one second are ordered by their serials
	ls archive/documents >before
	"$CUSTODY_AUTHORITY" enrol auth ws.req --sign-with officer -o again.enrol
	"$CUSTODY" --node ws import archive again.enrol
	new=$(ls archive/documents | grep -vxFf before)
	[[ $new == *.enrolment ]]
	mv "archive/documents/$new" away
	nothing_works "$new"
	mv "away/$new" archive/documents
	"$CUSTODY" --node ws ls archive
	world_mount
	same us/car1.jpg
}

@test "a revocation that another node imported is deleted, and the index with it" {
	"$CUSTODY_AUTHORITY" revoke auth --authorisation "$(sed -n 's/^serial: //p' r.auth)" \
		--reason test --sign-with officer -o rev
	"$CUSTODY" --node cap import archive rev
	refused 7 revoked "$CUSTODY" --node ws why archive otay/us/car1.jpg
	mv archive/documents/*.revocation away
	nothing_works restore
	refused 4 restore "$CUSTODY" --node ws import archive r.auth
	mv away/*.revocation archive/documents
	refused 7 revoked "$CUSTODY" --node ws why archive otay/us/car1.jpg
	world_mount
	sealed us/car1.jpg
}
