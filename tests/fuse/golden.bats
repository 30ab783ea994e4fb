#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Archives, nodes and documents that an earlier build made (tests/golden) are read as they were meant; and
# what a later version makes is refused as newer, with exit code 5, each kind of file.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_new
	tar -C "$W" --no-same-owner -xzpf "$BATS_TEST_DIRNAME/../golden/draft.tar.gz"
	cd aes-256-gcm
	W=$W/aes-256-gcm
	made=$(cat archive/journal/*.jsonl | jq -rs 'map(.time)|max')
	[ "$(date -u +%Y-%m-%dT%H:%M:%S)" \> "$made" ] || skip "this computer's clock is behind $made"
}
teardown() { world_end; }

@test "golden archives: verified, listed, mounted and read, proved, exported, restored" {
	top=$(dirname "$W")
	for suite in aes-256-gcm xchacha20-poly1305; do
		W=$top/$suite
		cd "$W"
		"$CUSTODY" verify archive
		"$CUSTODY" verify backup/latest
		[ "$("$CUSTODY" --node ws ls archive golden | grep -c txt)" -eq 1 ]
		[ "$("$CUSTODY" --node ws find archive --plate 'GOLD 1' | wc -l)" -ge 1 ]
		world_mount
		diff -r images mnt/golden
		[ "$(getfattr --only-values -n user.custody.meta.port mnt/golden/us/one.txt)" = 2506 ]
		world_umount
		"$CUSTODY" check one.receipt
		"$CUSTODY" --node ws prove archive golden/us/two.txt -o two.receipt
		"$CUSTODY" check two.receipt
		[ ! -e package.age ] || "$CUSTODY" accept package.age --identity recipient
		"$CUSTODY" restore backup restored
		"$CUSTODY" verify restored
		"$CUSTODY" --node ws reindex archive
		"$CUSTODY_AUTHORITY" review auth r.req
		# and goes on: more is taken in, by the old nodes
		"$CUSTODY" --node cap ingest archive images/us --collection more
		"$CUSTODY" verify archive
	done
}

# newer WHAT SED-SCRIPT FILE COMMAND...: with that file of a later version the command is refused with 5
newer() {
	local what=$1 script=$2 file=$3

	shift 3
	cp -p "$file" kept
	LC_ALL=C sed -i "$script" "$file"
	! cmp -s "$file" kept || { echo "$what: nothing was changed"; return 1; }
	run "$@"
	cat kept >"$file"
	[ "$status" -eq 5 ] || { echo "$what: exit $status: $output"; return 1; }
}

@test "files of a later version are refused as such" {
	custody() { "$CUSTODY" --node ws "$@"; }
	journal=$(find archive/journal -name '*.jsonl' | head -n 1)
	segment=$(find archive/segments -name '*.seg' | head -n 1)
	newer archive.txt '1s|/v1$|/v2|' archive/archive.txt custody ls archive
	newer authority.txt '1s|/v[0-9]*$|/v99|' auth/authority.txt "$CUSTODY_AUTHORITY" show auth
	newer request '1s|/v[0-9]*$|/v99|' r.req "$CUSTODY_AUTHORITY" review auth r.req
	newer 'enrolment request' '1s|/v[0-9]*$|/v99|' ws.req \
		"$CUSTODY_AUTHORITY" enrol auth ws.req --sign-with officer -o x
	newer enrolment '1s|/v[0-9]*$|/v99|' ws.enrol custody import archive ws.enrol
	newer authorisation '1s|/v[0-9]*$|/v99|' r.auth custody import archive r.auth
	newer receipt '1s|/v[0-9]*$|/v99|' one.receipt "$CUSTODY" check one.receipt
	newer 'key file' '1s|^CUSTKEY1|CUSTKEY2|' ws/node.key custody ls archive
	newer 'backup' '1s|/v[0-9]*$|/v99|' backup/backup.txt "$CUSTODY" backup archive backup
	# What the log signs for is held to that first; test_segment and test_frame have their versions.
	cp -p "$journal" kept
	sed -i '1s|"v":1|"v":99|' "$journal"
	refused 4 'not an event' "$CUSTODY" verify archive
	cat kept >"$journal"
	LC_ALL=C sed -i '1s|^CUSTSEG1|CUSTSEG2|' "$segment"
	refused 4 'not what was logged' "$CUSTODY" verify archive
}
