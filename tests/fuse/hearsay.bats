#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Lines behind what a log's checkpoint signs, written or cut off by somebody without any key: they make
# nothing look better than it is.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() { world_ready; }
teardown() { world_end; }

journal_of() { echo "archive/journal/$("$CUSTODY" --node "$1" status archive --json | jq -r .node).jsonl"; }
# hearsay JOURNAL TYPE MEMBERS: a line at its end, of now
hearsay() {
	printf '{"v":1,"seq":%s,"time":"%s","type":"%s",%s,"mac":"%032d"}\n' "$(wc -l <"$1")" \
		"$(date -u +%FT%T.999Z)" "$2" "$3" 0 >>"$1"
}
status() { run "$CUSTODY" --node ws status archive --check -q; }

@test "a repair that nobody signed for settles no damage, in whosever log" {
	read -r item seg off < <(jq -r 'select(.type == "ingest") | "\(.item) \(.segment) \(.offset + .headlen + 20)"' \
		archive/journal/*.jsonl | head -n 1)
	printf XXXX | dd of="archive/segments/${seg:0:2}/$seg.seg" bs=1 seek="$off" conv=notrunc status=none
	world_release r otay
	world_mount
	run ! diff -r images mnt/otay
	world_umount
	status
	[ "$status" -eq 4 ]
	told="\"item\":\"$item\",\"segment\":\"$seg\",\"what\":\"item\",\"offset\":0,\"length\":9"
	told+=",\"digest\":\"$(printf %064d 0)\",\"user\":\"x\",\"uid\":0"
	hearsay "$(journal_of cap)" repaired "$told"
	status
	[ "$status" -eq 4 ]
	# a journal of nobody
	f=archive/journal/00112233445566778899aabbccddeeff.jsonl
	: >"$f"
	hearsay "$f" started "\"archive\":\"$(sed -n 's/^archive: //p' archive/archive.txt)\",\"node\":\"00112233445566778899aabbccddeeff\",\"version\":\"1\""
	hearsay "$f" repaired "$told"
	status
	[ "$status" -eq 4 ]
}

@test "what was served stays served, whatever is written behind it" {
	world_node ys reader
	world_release r otay/us/car1.jpg
	world_mount
	cmp mnt/otay/us/car1.jpg images/us/car1.jpg
	exec 7<mnt/otay/us/car1.jpg
	head -c 100 <&7 >/dev/null
	world_kill() { kill -9 "$(cat daemon.pid)"; }
	# the last open is never closed; what was signed for stays
	until "$CUSTODY" --node ys log archive --type opened --json | jq -es 'map(select(.signed)) | length == 2' >/dev/null; do :; done
	world_kill
	exec 7<&-
	umount -l mnt 2>/dev/null || : # the porter may have
	j=$(journal_of ws)
	release=$(sed -n 's/^serial: //p' r.auth)
	read -r item handle < <(jq -r 'select(.type == "opened") | "\(.item) \(.handle)"' "$j" | tail -n 1)
	state() {
		local q

		for q in "--node ys" --no-node; do
			# shellcheck disable=SC2086 # options
			"$CUSTODY" $q impact archive "$@" --json 2>err | jq -r --arg i "$item" 'select(.item == $i).state'
		done | sort -u
	}
	before=$(state)
	[ "$before" = served ]
	cp "$j" was
	hearsay "$j" closed "\"item\":\"$item\",\"release\":\"$release\",\"handle\":$handle,\"bytes\":0"
	hearsay "$j" release-ended "\"release\":\"$release\",\"reason\":\"revoked\""
	[ "$(state)" = served ]
	# dated back, before what stands in front of it
	cp was "$j"
	hearsay "$j" release-ended "\"release\":\"$release\",\"reason\":\"revoked\""
	sed -i '$s/"time":"[^"]*"/"time":"2020-01-01T00:00:00.000Z"/' "$j"
	[ "$(state)" = served ]
	run "$CUSTODY" --node ys impact archive
	[ "$status" -eq 4 ]
	# what makes it worse counts, and is told of
	cp was "$j"
	other=$("$CUSTODY" --node ys show archive otay/us/car3.jpg --json | jq -r .item)
	hearsay "$j" opened "\"item\":\"$other\",\"release\":\"$release\",\"uid\":0,\"loginuid\":0,\"user\":\"x\",\"pid\":1,\"program\":\"x\",\"handle\":999"
	run --separate-stderr "$CUSTODY" --node ys impact archive
	[[ "$stderr" == *"1 line is counted that nobody has signed for yet"* ]]
}

# No checkpoint covers them yet, and neither pins nor index have them.
@test "the last lines are cut after the daemon was killed: missed, and no budget begins anew" {
	world_request r otay
	world_authorise r --max-opens 1
	"$CUSTODY" --node ws import archive r.auth
	world_mount
	j=$(grep -l '"type":"mounted"' archive/journal/*.jsonl)
	ls mnt/otay >/dev/null
	size=$(stat -c %s "$j")
	cmp mnt/otay/us/car1.jpg images/us/car1.jpg
	kill -9 "$(cat daemon.pid)"
	umount -l mnt 2>/dev/null || :
	cp "$j" whole && cp "${j%.jsonl}.checkpoint" signed
	truncate -s "$size" "$j"
	run "$CUSTODYFS" --node ws archive mnt
	[ "$status" -eq 4 ]
	[[ "$output" == *"were seen before"* ]]
	run "$CUSTODY" --node ws why archive otay/us/car3.jpg
	[ "$status" -eq 4 ]
	# put back, it goes on, and nothing is left of the budget
	cp whole "$j"
	world_mount
	refused 1 'Permission denied' cat mnt/otay/us/car3.jpg
	world_umount
	# where it is lost for good, that can be accepted
	truncate -s "$size" "$j" && cp signed "${j%.jsonl}.checkpoint"
	run "$CUSTODY" --node ws checkpoint archive --evidence -o F
	[ "$status" -eq 0 ]
	"$CUSTODY_AUTHORITY" accept-restore auth F --reason 'lost' --sign-with officer -o F.ok
	"$CUSTODY" --node ws import archive F.ok
	"$CUSTODY" --node ws ls archive
	run "$CUSTODY" --node ws why archive otay/us/car3.jpg
	[ "$status" -eq 7 ]
}
