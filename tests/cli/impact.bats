#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The question that nobody could answer in 2019: what could have been released, by that host or under
# what that officer signed, in that time. By the index, without it, and by another program that reads
# everything in the plainest way, the answer is one.

load ../lib/common

mkevents() { "$(dirname "$MKIMAGES")/mkevents" "$@"; }
ws() { custody --node ws "$@"; }
node_id() { custody --node "$1" status archive --json | jq -r .node; }
item() { ws show archive "$1" --json | jq -r .item; }
serial() { sed -n 's/^serial: //p' "$1.auth"; }
fp() { ssh-keygen -lf "$1.pub" | cut -d' ' -f2; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
# Times on command lines have seconds: let one end, so that what comes differs from what was.
tick() { sleep "$(date +%N | awk '{ printf "%.3f", 1.02 - $1 / 1e9 }')"; now >>times; }

use() { # NODE: events from standard input, with names for items and serials
	sed "s/ITEM1/$(item otay/us/car1.jpg)/; s/ITEM3/$(item otay/us/car3.jpg)/
		s/CROP1/$(item otay/us/car1_plate.jpg)/; s/NEW/$(item new/n.txt)/
		s/ONE/$(serial one)/; s/TWO/$(serial two)/; s/ALL/$(serial all)/
		s/PAST/$(serial gone)/; s/OTHER/$(serial other)/" | mkevents "$1" archive
}

ask_for() { # NODE NAME SIGNER REQUEST-OPTION...
	local node=$1 name=$2 signer=$3

	shift 3
	"$CUSTODY" --node "$node" request archive --case "C-$name" --purpose p -o "$name.req" "$@"
	"$CUSTODY_AUTHORITY" authorise auth "$name.req" --sign-with "$signer" --until +2h -o "$name.auth"
	"$CUSTODY" --node "$node" import archive "$name.auth"
}

ready() {
	local acc

	set -e
	world_keys officer second
	"$CUSTODY_AUTHORITY" init auth --key officer.pub --key second.pub --threshold 1 --no-passphrase
	"$CUSTODY_AUTHORITY" create-archive auth archive --sign-with officer
	world_node cap ingest
	world_node ws reader
	world_images 3
	custody --node cap ingest archive images --collection otay
	world_node ws2 reader
	tick # 1
	acc=$(ws show archive otay/us/car1.jpg --json | jq -r .accession)
	ask_for ws one officer otay/us/car1.jpg
	ask_for ws two second otay/us/car1.jpg otay/us/car3.jpg
	ask_for ws2 other officer otay/us/car3.jpg
	mkdir new && echo neu >new/n.txt
	custody --node cap ingest archive new --collection new
	ws ls archive >/dev/null
	ask_for ws gone second new/n.txt
	cp two.auth all.auth # for use() below
	use ws <<-'END'
		opened item=ITEM1 release=ONE uid=1000 user=alice program=cp handle=1
		closed item=ITEM1 release=ONE handle=1 bytes=100
		opened item=ITEM1 release=TWO uid=1000 user=alice program=ls handle=2
		closed item=ITEM1 release=TWO handle=2 bytes=0
		opened item=ITEM3 release=TWO uid=1000 user=alice program=ls handle=3
		closed item=ITEM3 release=TWO handle=3 bytes=0
		opened item=ITEM3 release=TWO uid=1000 user=alice program=cp handle=4
		opened item=NEW release=PAST uid=1000 user=bob program=cp handle=5
	END
	tick # 2
	ask_for ws all second --accession "$acc"
	use ws <<-'END'
		closed item=ITEM3 release=TWO handle=4 bytes=40
		release-ended release=PAST reason=revoked
		opened item=CROP1 release=ALL uid=0 user=root program=cp handle=1
		opened item=CROP1 release=ALL uid=0 user=root program=cp handle=1
		closed item=CROP1 release=ALL handle=1 bytes=7
		opened item=CROP1 release=ONE uid=0 user=root program=cp handle=9
		opened item=ITEM1 release=00000000000000000000000000000077 uid=0 user=root program=cp handle=8
		opened item=00000000000000000000000000000088 release=ONE uid=0 user=root program=cp handle=6
	END
	use ws2 <<-'END'
		opened item=ITEM3 release=OTHER uid=0 user=root program=cp handle=1
		closed item=ITEM3 release=OTHER handle=1 bytes=3
	END
	tick # 3
	custody --node cap ingest archive images --collection later
	"$CUSTODY_AUTHORITY" revoke auth --authorisation "$(serial one)" \
		--reason test --sign-with officer -o one.rev
	custody --node ws import archive one.rev
	tick # 4
	ws ls archive >/dev/null
	[ "$(jq -s 'map(select(.type == "opened" or .type == "release-ended")) | length' "$(journal ws)")" -ge 11 ]
	ws log archive --type admitted --json | grep -q '"kind":"revocation"'
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

# same_impact OPTION...: with the index, without a node, and by brute force
same_impact() {
	local args=() want list o

	for o; do
		case $last in
		--journal) args+=("journal=$(node_id "$o")") ;;
		--officer) args+=("officer=$(fp "${o%.pub}")") ;;
		--since) args+=("from=${o%Z}.000Z") ;;
		--until) args+=("to=${o%Z}.000Z") ;;
		esac
		last=$o
	done
	want=$("$BATS_TEST_DIRNAME/../ask/impact.py" archive "${args[@]}")
	o=("$@")
	for ((i = 1; i < $#; i++)); do
		[ "${o[i - 1]}" != --journal ] || o[i]=$(node_id "${o[i]}")
	done
	for how in '' --no-node; do
		ok ws impact archive --json $how "${o[@]}"
		list=$(jq -r 'select(.state) | [.item, .node // "-", .state, .opens, .unclosed, .bytes_read,
			(.authorisations | unique | join(",") | if . == "" then "-" else . end)] |
			map(tostring) | join(" ")' <<<"$output" | LC_ALL=C sort
			jq -r 'select(.summary) | ["sum", .releases_in_force, .releases_at_other_times, .opens,
			.unclosed, .bytes_read, .readers, .names] | map(tostring) | join(" ")' <<<"$output")
		diff <(echo "$want") <(echo "$list")
	done
	# the sums of the summary are those of the list
	json '(map(select(.state)) | group_by(.state) | map({key: .[0].state, value: length}) |
		from_entries) as $n | map(select(.summary))[0] as $s |
		all("exported", "served", "opened", "covered", "held", "taken-in"; $s[.].items == ($n[.] // 0))'
	found=$want
}

count() { grep -c " $1 " <<<"$found" || :; }

@test "impact of everything: the answer of brute force" {
	same_impact
	[ "$(count served)" -ge 4 ]
	[ "$(count covered)" -ge 3 ]
}

@test "impact of a node, an officer, both: the answers of brute force" {
	same_impact --journal ws
	[ "$(count served)" -ge 4 ]
	same_impact --journal ws2
	[ "$(count served)" -eq 1 ] && [ "$(count covered)" -eq 0 ]
	same_impact --officer second.pub
	[ "$(count covered)" -ge 3 ]
	same_impact --officer officer.pub
	same_impact --officer second.pub --journal ws
	same_impact --officer second.pub --journal ws2
	[ "$(wc -l <<<"$found")" -eq 1 ] # the sum alone
	world_keys stranger
	fails 1 "is in no version of archive.txt" ws impact archive --officer stranger.pub
	same_impact --journal cap
	[ "$(count taken-in)" -eq "$(grep -c '"ingest"' archive/journal/*"$(node_id cap)".jsonl)" ]
}

@test "impact in every time between two events: the answers of brute force" {
	mapfile -t t <times
	for a in "" "${t[@]}"; do
		for b in "${t[@]}" ""; do
			[ -z "$b" ] || [[ "$a" < "$b" ]] || continue
			same_impact ${a:+--since "$a"} ${b:+--until "$b"} --journal ws
		done
	done
	same_impact --since "${t[1]}" --until "${t[2]}" --officer second.pub
	same_impact --since "${t[3]}" --officer officer.pub
	[ "$(count held)" -ge 1 ]
	same_impact --until "${t[0]}"
	[ "$(count covered)" -eq 0 ]
	same_impact --since "${t[2]}" --until "${t[3]}" --journal cap
	[ "$(count taken-in)" -gt 0 ]
}

@test "impact where a node lies about ids: an authorisation covers what the gate would let through" {
	world_node evil ingest
	"$(dirname "$CUSTODY")/tests/fuse/rogue" evil archive spoil "$(node_id cap)"
	"$(dirname "$CUSTODY")/tests/fuse/rogue" evil archive replace "$(node_id cap)"
	ws ls archive >/dev/null
	same_impact
	same_impact --journal ws
	same_impact --officer officer.pub
}

@test "impact after an accepted restore: what was released before is over from then on" {
	cp -a archive backup
	ws request archive otay/us/car3.jpg --case C-9 --purpose late -o late.req
	ws ls archive >/dev/null
	rm -r archive
	cp -a backup archive
	ok ws checkpoint archive --evidence -o F
	ok authority accept-restore auth F --reason 'disk failure' --sign-with officer -o F.ok
	ok ws import archive F.ok
	now=$(tail -n 1 "$(journal ws)" | jq -r .time)
	same_impact
	same_impact --journal ws
	same_impact --since "$now" --journal ws
	same_impact --until "$now"
}

@test "impact says what there is: paths, sizes, sums" {
	id=$(node_id ws)
	ok ws impact archive --journal "$id"
	says "served    otay/us/car1.jpg, "
	says "releases   "
	says "names      could be seen of "
	says "attention  1 item no log here took in"
	ok ws impact archive --journal "$id" --summary
	run ! grep -q otay <<<"$output"
	ok ws impact archive --journal "$id" --state served,opened --json
	json 'all(.summary or .state == "served" or .state == "opened")'
	ok ws impact archive --journal "$id" --json
	json 'map(select(.path == "otay/us/car1.jpg")) | .[0].size == '"$(stat -c %s images/us/car1.jpg)"
	ws impact archive --journal "$id" -0 --state served | tr '\0' '\n' | grep -qx 'otay/us/car1.jpg'
	ok ws impact archive --journal "$id" --summary --json
	json 'length == 1 and .[0].summary and .[0].journal == "'"$id"'"'
}

@test "impact: a lost document, an edited line: told of, exit code 4" {
	rm "archive/documents/$(serial two).authorisation"
	for node in '' --no-node; do
		run --separate-stderr ws impact archive --json $node
		[ "$status" -eq 4 ]
		talks "$(serial two)"
		talks "may lack something"
		# once, however often it was looked for
		[ "$(grep -c "$(serial two)" <<<"$stderr")" -eq 1 ]
	done
	cp two.auth "archive/documents/$(serial two).authorisation"
	sed -i 's/"program":"cp","handle":4/"program":"cp","handle":5/' "$(journal ws)"
	run --separate-stderr ws impact archive --json
	[ "$status" -eq 4 ]
	talks "is not what was logged"
	run --separate-stderr custody impact archive --json
	[ "$status" -eq 4 ]
}

@test "impact: what can't be asked" {
	fails 2 "one ARCHIVE" ws impact
	fails 1 "no enrolled node" ws impact archive --journal nobody
	fails 1 "none.pub" ws impact archive --officer none.pub
	fails 2 "--since yesterday" ws impact archive --since yesterday
	fails 2 "--since is after --until" ws impact archive --since -1h --until -2h
	fails 2 "--since is after --until" ws log archive --since -1h --until -2h
	fails 2 "the states are exported, served" ws impact archive --state read
	fails 2 "--summary lists nothing" ws impact archive --summary --state held
	fails 2 "-0 prints paths alone" ws impact archive -0 --no-node
	fails 7 "" custody --node cap impact archive -0
	fails 7 "needs a reader node" custody impact archive -0
	[ "$(ws impact archive --json | head -n 1 | wc -l)" -eq 1 ]
}
