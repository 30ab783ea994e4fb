#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The tamper table. Each attack on the ciphertext is found without keys by `custody verify` (exit 4,
# naming item and range) and by the mount (EIO, never zeros, never less), and other items stay
# readable. Each attack on the log is found too.

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	world_ready
	world_release all otay
	J=$(journal cap)
	"$CUSTODY" --node ws ls -R archive >/dev/null
}
teardown() { world_end; }

item() { "$CUSTODY" --node ws show archive "otay/$1" --json | jq -r .item; }

# place FILE: sets SEG, OFF (of the frame), LEN, HEAD of an item's frame, from the log
place() {
	local id

	id=$(item "$1")
	read -r s OFF LEN HEAD < <(jq -r --arg i "$id" 'select(.type=="ingest" and .item==$i) |
		"\(.segment) \(.offset) \(.length) \(.headlen)"' "$J")
	SEG=archive/segments/${s:0:2}/$s.seg
}

# found FILE [OFFSET]: verify names the item (and a range that holds OFFSET), exit 4; the mount
# answers EIO for it and gives all others
found() {
	local f id

	id=$(item "$1")
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"$id"* ]] || { echo "$output"; false; }
	world_mount
	if cat "mnt/otay/$1" >got 2>err; then
		echo "the damaged $1 was read"
		return 1
	fi
	grep -q 'Input/output error' err
	# what came before the damage is right, and nothing is made up
	cmp -n "$(stat -c %s got)" got "images/$1"
	for f in $(images); do
		[ "$f" = "$1" ] || [[ " ${SPARE:-} " == *" $f "* ]] || same "$f"
	done
	world_umount
	logged ws ".type==\"damaged\" and .item==\"$id\""
}

poke() { # poke FILE OFFSET: flip one bit
	local b

	b=$(xxd -p -s "$2" -l 1 "$1")
	printf '%02x' $((0x$b ^ 1)) | xxd -r -p | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "an untouched archive verifies" {
	"$CUSTODY" verify archive
}

@test "truncate at a chunk edge" {
	last=$(jq -r 'select(.type=="ingest")|"\(.offset) \(.item)"' "$J" | sort -n | tail -n 1)
	id=${last#* }
	for f in $(images); do
		[ "$(item "$f")" = "$id" ] && break
	done
	place "$f"
	chunks=$(((LEN - HEAD - 1) / 16400))
	[ "$chunks" -ge 1 ] || skip "last item has one chunk"
	truncate -s $((OFF + HEAD + chunks * 16400)) "$SEG"
	found "$f"
}

@test "zero a chunk" {
	place us/car1.jpg
	dd if=/dev/zero of="$SEG" bs=1 seek=$((OFF + HEAD + 16400)) count=16400 conv=notrunc status=none
	found us/car1.jpg
}

@test "flip a bit in content, tag, wrap, record and fixed fields" {
	place us/car1.jpg
	cp "$SEG" intact
	for at in $((HEAD + 5)) $((HEAD + 16390)) $((LEN - 1)) 130 200 90 40 66 9; do
		cp intact "$SEG"
		poke "$SEG" $((OFF + at))
		run "$CUSTODY" verify archive
		[ "$status" -eq 4 ] || { echo "bit at $at not found"; false; }
		[[ "$output" == *"$(item us/car1.jpg)"* ]]
	done
	cp intact "$SEG"
	poke "$SEG" $((OFF + HEAD + 5))
	found us/car1.jpg
	cp intact "$SEG"
	poke "$SEG" $((OFF + 130))
	found us/car1.jpg
}

@test "swap two chunks" {
	place us/car1.jpg
	a=$((OFF + HEAD)) b=$((OFF + HEAD + 16400))
	dd if="$SEG" of=one bs=1 skip=$a count=16400 status=none
	dd if="$SEG" of=two bs=1 skip=$b count=16400 status=none
	dd if=two of="$SEG" bs=1 seek=$a conv=notrunc status=none
	dd if=one of="$SEG" bs=1 seek=$b conv=notrunc status=none
	found us/car1.jpg
}

@test "swap two items, reorder frames" {
	place us/car1.jpg
	off1=$OFF len1=$LEN
	place mx/car2.jpg
	dd if="$SEG" of=one bs=1 skip="$off1" count="$len1" status=none
	dd if="$SEG" of=two bs=1 skip="$OFF" count="$LEN" status=none
	if [ "$len1" -le "$LEN" ]; then n=$len1; else n=$LEN; fi
	head -c "$n" two | dd of="$SEG" bs=1 seek="$off1" conv=notrunc status=none
	head -c "$n" one | dd of="$SEG" bs=1 seek="$OFF" conv=notrunc status=none
	SPARE=mx/car2.jpg found us/car1.jpg
	SPARE=us/car1.jpg found mx/car2.jpg
}

@test "delete a segment" {
	"$MKIMAGES" more 1 5 >/dev/null
	"$CUSTODY" --node cap ingest archive more --collection more
	"$CUSTODY" --node ws ls archive >/dev/null
	seg=$(jq -r 'select(.type=="segment")|.segment' "$J" | tail -n 1)
	id=$(jq -r --arg s "$seg" 'select(.type=="ingest" and .segment==$s)|.item' "$J" | head -n 1)
	rm "archive/segments/${seg:0:2}/$seg.seg"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"$id"* ]] && [[ "$output" == *"$seg"* ]]
	world_mount
	same us/car1.jpg mx/car2.jpg
	ls mnt/more/us >/dev/null
}

@test "a damaged segment header" {
	place us/car1.jpg
	poke "$SEG" 80
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"$(basename "$SEG" .seg)"* ]]
}

@test "edit, drop, swap and cut lines of a journal" {
	cp "$J" intact.jsonl
	# edit
	sed -i '6s/"offset":[0-9]*/"offset":4096/' "$J"
	run ! cmp -s intact.jsonl "$J"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	# drop a line in the middle
	sed 4d intact.jsonl >"$J"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	# swap two
	sed '4{h;d};5{G}' intact.jsonl >"$J"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	# cut the end
	head -n -2 intact.jsonl >"$J"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"$(basename "$J" .jsonl)"* ]]
	mkdir -p mnt
	refused 4 '' "$CUSTODYFS" --node ws archive mnt
	cp intact.jsonl "$J"
	"$CUSTODY" verify archive
	world_mount
	same us/car1.jpg
}

@test "a line added to a log by somebody else" {
	K=$(journal ws)
	tail -n 1 "$K" | sed 's/"seq":[0-9]*/"seq":'"$(wc -l <"$K")"'/' >>"$K"
	refused 4 '' "$CUSTODY" --node ws ls archive
}

@test "a checkpoint that is altered, of another node, or missing" {
	C=${J%.jsonl}.checkpoint
	K=$(journal ws)
	cp "$C" intact.cp
	sed -i '2s/.*/1/' "$C"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	cp "${K%.jsonl}.checkpoint" "$C"
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	cp intact.cp "$C"
	"$CUSTODY" verify archive
}

@test "the whole archive rolled back" {
	cp -a archive before
	"$CUSTODY" --node cap checkpoint archive >cap.cp
	"$MKIMAGES" more 1 5 >/dev/null
	"$CUSTODY" --node cap ingest archive more --collection more
	"$CUSTODY" --node cap checkpoint archive >later.cp
	"$CUSTODY" --node ws ls archive >/dev/null
	mv archive now
	cp -a before archive
	mkdir -p mnt
	refused 4 '' "$CUSTODYFS" --node ws archive mnt
	refused 4 '' "$CUSTODY" --node ws ls archive
	refused 4 '' "$CUSTODY" --node ws request archive otay --case C --purpose P -o x.req
	refused 4 '' "$CUSTODY" --node cap ingest archive more --collection more
	# without a node: an earlier checkpoint shows it
	run "$CUSTODY" verify archive --checkpoint later.cp
	[ "$status" -eq 4 ]
	"$CUSTODY" verify archive --checkpoint cap.cp
	# a thrown-away index does not help the attacker
	rm -rf ws/archives/*/index
	refused 4 '' "$CUSTODYFS" --node ws archive mnt
	rm -r archive && mv now archive
	world_mount
	same us/car1.jpg
}

@test "archive.txt altered or replaced" {
	cp archive/archive.txt intact
	sed -i 's/^require-touch: yes/require-touch: no/' archive/archive.txt
	run "$CUSTODY" verify archive
	[ "$status" -eq 4 ]
	refused 4 '' "$CUSTODY" --node ws ls archive
	# one that is well signed, by somebody else
	world_keys stranger
	"$CUSTODY_AUTHORITY" init auth2 --key stranger.pub --no-passphrase
	"$CUSTODY_AUTHORITY" create-archive auth2 other --sign-with stranger
	cp other/archive.txt archive/archive.txt
	run "$CUSTODY" --node ws ls archive
	[ "$status" -ne 0 ] && [[ "$output" != *otay* ]]
	cp intact archive/archive.txt
	"$CUSTODY" --node ws ls archive
}

@test "the index damaged, emptied or from elsewhere is rebuilt, never believed" {
	d=$(echo ws/archives/*/index)
	"$CUSTODY" --node ws ls -lR archive >want
	for how in 'truncate -s 0' 'truncate -s 4096' 'truncate -s 12288' 'rm -f' \
		'dd if=/dev/urandom bs=4096 count=4 conv=notrunc status=none of=' \
		'dd if=/dev/zero bs=4096 seek=2 count=6 conv=notrunc status=none of='; do
		if [[ $how == dd* ]]; then
			$how"$d/data.mdb"
		else
			$how "$d/data.mdb"
		fi
		"$CUSTODY" --node ws ls -lR archive >got
		cmp want got
	done
	size=$(stat -c %s "$d/data.mdb")
	# a bit anywhere: right, or an error, after which it is rebuilt and right
	for n in $(seq 1 25); do
		poke "$d/data.mdb" $((n * 7919 * 31 % size))
		if ! "$CUSTODY" --node ws ls -lR archive >got 2>err; then
			grep -q 'index' err
			"$CUSTODY" --node ws ls -lR archive >got
		fi
		cmp want got
	done
}
