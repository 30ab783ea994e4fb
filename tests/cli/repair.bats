#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody repair: damaged ranges are replaced by intact copies, by digest, and nothing else is touched.

load ../lib/common

setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

ready() {
	set -e
	common_ready
	mkdir more
	cp images/us/car1.jpg more/again.jpg
	custody --node cap ingest archive more --collection second
	custody backup archive bak
}
repair() { custody --node ws repair archive --from bak "$@"; }
segment() { ls archive/segments/*/*.seg | sed -n "$1p"; }
# what is not the repairing node's own log
rest() { (cd archive && find . -type f ! -path "./journal/*" -exec sha256sum {} + | sort | sha256sum); }
# place ITEM-PATH: "ITEM SEGMENT-FILE OFFSET LENGTH HEADLEN"
place() {
	local id

	id=$(custody --node ws show archive "$1" --json | jq -r .item)
	jq -r --arg i "$id" 'select(.type == "ingest" and .item == $i) |
		"\(.item) archive/segments/\(.segment[0:2])/\(.segment).seg \(.offset) \(.length) \(.headlen)"' \
		archive/journal/*.jsonl
}

@test "nothing damaged: nothing is done, and no event" {
	before=$(rest)
	ok repair --json
	json '.[-1] | .repaired == 0 and .left == 0 and .items >= 4'
	[ "$before" = "$(rest)" ]
	run ! logged ws '.type == "repaired"'
}

@test "a flipped byte, a zeroed range: that range alone is replaced, and journalled" {
	before=$(rest)
	read -r item seg off len head < <(place otay/us/car1.jpg)
	flip "$seg" $((off + head + 1000))
	read -r other seg2 off2 _ head2 < <(place otay/us/car3.jpg)
	dd if=/dev/zero of="$seg2" bs=1 seek=$((off2 + head2)) count=500 conv=notrunc status=none
	# a dry run needs no node, and changes nothing
	damaged=$(rest)
	run -4 --separate-stderr custody repair archive --from bak --dry-run --json
	json '.[-1].repairable == 2 and .[-1].left == 0'
	[ "$damaged" = "$(rest)" ]
	ok repair --json
	json '.[-1].repaired == 2 and .[-1].left == 0'
	[ "$before" = "$(rest)" ]
	ok custody verify archive
	logged ws ".type == \"repaired\" and .item == \"$item\" and .offset == $off and .length == $len"
	frame=$(jq -r --arg i "$item" 'select(.type == "ingest" and .item == $i).frame' archive/journal/*.jsonl)
	logged ws ".type == \"repaired\" and .item == \"$item\" and .digest == \"$frame\""
	logged ws ".type == \"repaired\" and .item == \"$other\""
	ok custody --node ws log archive --type repaired
	says "item: otay/us/car1.jpg"
	ok custody --node ws reindex archive
	ok custody verify archive
}

@test "a segment that was cut, or its header altered, or that is gone" {
	before=$(rest)
	truncate -s -70000 "$(segment 1)"
	ok repair
	[ "$before" = "$(rest)" ]
	flip "$(segment 2)" 200
	ok repair
	says "segment header"
	[ "$before" = "$(rest)" ]
	rm "$(segment 1)"
	ok repair
	says "missing segment"
	[ "$before" = "$(rest)" ]
	truncate -s 0 "$(segment 2)"
	ok repair
	[ "$before" = "$(rest)" ]
	ok custody verify archive
}

@test "what the backup has not intact either is left as it is, told of, and never filled up" {
	read -r item seg off len head < <(place otay/us/car1.jpg)
	flip "$seg" $((off + head + 1000))
	cp "$seg" bad
	copy=bak/latest/${seg#archive/}
	chmod u+w "$copy"
	flip "$copy" $((off + head + 2000))
	run -4 --separate-stderr repair --json
	json '.[-1].left == 1 and .[-1].repaired == 0 and .[0].finding == "left"'
	json ".[0].item == \"$item\""
	cmp "$seg" bad
	run ! logged ws '.type == "repaired"'
	# one item of a missing segment is lost, the others come back
	rm "$seg"
	run -4 --separate-stderr repair --json
	json '.[-1].left == 1 and .[-1].repaired == 1'
	run -4 --separate-stderr custody verify archive --json
	json 'map(select(.damage)) | length == 1'
}

@test "a copy that lies: another item's bytes, zeros, another archive's" {
	read -r item seg off len head < <(place otay/us/car1.jpg)
	flip "$seg" $((off + head + 1000))
	copy=bak/latest/${seg#archive/}
	chmod u+w "$copy"
	dd if=/dev/zero of="$copy" bs=1 seek="$off" count="$len" conv=notrunc status=none
	run -4 --separate-stderr repair
	run ! cmp -s "$seg" "$copy"
	authority create-archive auth second --sign-with officer
	fails 5 "another archive" custody --node ws repair archive --from second
}

@test "documents: missing or altered ones come back, and what lay there is kept" {
	doc=$(grep -l 'role: ingest' archive/documents/*.enrolment)
	cp "$doc" good
	rm "$doc"
	ok repair
	cmp "$doc" good
	sed -i 's/^name: .*/name: other/' "$doc"
	cp "$doc" bad
	ok repair
	says "document"
	cmp "$doc" good
	cmp archive/documents/.*.altered bad
	ok custody verify archive
	logged ws '.type == "repaired" and .what == "document"'
}

@test "a log is not repaired, and nothing is done then; a node that is not enrolled does nothing" {
	flip "$(segment 1)" 5000
	j=$(grep -l '"type":"ingest"' archive/journal/*.jsonl)
	cp "$j" whole
	sed -i '5s/"length":\([0-9]*\)/"length":1\1/' "$j"
	before=$(rest)
	run -4 --separate-stderr repair
	[ "$before" = "$(rest)" ]
	run -4 --separate-stderr custody repair archive --from bak --dry-run
	talks "only restored"
	cat whole >"$j"
	custody --node new node-init archive --role reader --no-passphrase -o new.req
	fails 7 "" custody --node new repair archive --from bak
	[ "$before" = "$(rest)" ]
	fails 2 "--from" custody --node ws repair archive
	ok repair
	ok custody verify archive
}

@test "status: damage stands until it is repaired, and new damage after that does" {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	read -r item seg off _ head < <(place otay/us/car1.jpg)
	read -r _ seg2 off2 _ head2 < <(place otay/us/car3.jpg)
	cp -a archive copy
	flip "copy${seg2#archive}" $((off2 + head2 + 10)) # has one of them intact
	flip "$seg" $((off + head + 1000))
	flip "$seg2" $((off2 + head2 + 10))
	world_request r otay
	world_authorise r
	custody --node ws import archive r.auth
	world_mount
	run ! cat mnt/otay/us/car1.jpg
	run ! cat mnt/otay/us/car3.jpg
	world_umount
	run -4 --separate-stderr custody --node ws status archive --json
	json '.[0].damaged >= 2 and .[0].repaired == 0'
	run -4 custody --node ws repair archive --from copy
	run -4 --separate-stderr custody --node ws status archive --json
	json '.[0].damaged >= 1 and .[0].repaired >= 1'
	ok repair
	ok custody --node ws status archive --json
	json '.[0].damaged == 0 and .[0].repaired >= 2 and ([.[0].alarms[].id] | index("damaged")) == null'
	# once more
	flip "$seg" $((off + head + 1000))
	world_mount
	run ! cat mnt/otay/us/car1.jpg
	world_umount
	run -4 --separate-stderr custody --node ws status archive
	says "ALARM      damaged "
}

# damage_one: car1.jpg is damaged, and the log tells of it; sets item
damage_one() {
	local seg off head

	[ -c /dev/fuse ] || skip "no /dev/fuse"
	read -r item seg off _ head < <(place otay/us/car1.jpg)
	flip "$seg" $((off + head + 1000))
	world_request r otay
	world_authorise r
	custody --node ws import archive r.auth
	world_mount
	run ! cat mnt/otay/us/car1.jpg
	world_umount
	run -4 custody --node ws status archive -q
}

@test "status: no capture node, and no node that was revoked, settles damage by its word" {
	rogue=$(dirname "$MKIMAGES")/../fuse/rogue
	damage_one
	world_node eve ingest
	world_node mallory reader
	"$rogue" eve archive repaired "$item"
	id=$(custody --node mallory status archive --json | jq -r .node)
	ok authority revoke auth --node "$id" --reason stolen --sign-with officer -o gone
	ok custody --node ws import archive gone
	"$rogue" mallory archive repaired "$item"
	[ "$(grep -h '"repaired"' archive/journal/*.jsonl | wc -l)" -eq 2 ]
	run -4 custody --node ws status archive -q
}

@test "status: a repair that could not write settles nothing" {
	shim=$(dirname "$MKIMAGES")/../fault/fault.so
	[ -s "$shim" ] || skip "no fault shim"
	damage_one
	begun=0
	for n in $(seq 200); do
		# a full disk, from the n-th call about the archive on
		LD_PRELOAD=$shim FAULT_DIR="$W/archive" FAULT=ENOSPC FAULT_AT=$n FAULT_ON=1 \
			"$CUSTODY" --node ws repair "$W/archive" --from "$W/bak" >out 2>&1 && break
		begun=$(grep -h '"what":"item, begun"' archive/journal/*.jsonl | wc -l)
		run -4 custody --node ws status archive -q
		[ "$begun" -eq 0 ] || break
	done
	[ "$begun" -gt 0 ] || { echo "n=$n"; cat out; false; }
	run ! grep -qh '"what":"item"' archive/journal/*.jsonl
	ok repair
	ok custody --node ws status archive -q
}
