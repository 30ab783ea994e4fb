#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The views of a mount: by-date/, by-port/, by-plate/ are folders of links into the collections.

bats_require_minimum_version 1.5.0
load ../lib/world

# a/ and b/ of one name each; plates and ports as no sane sender writes them
sources() {
	local i=0 n

	mkdir -p images/{a,b,odd}
	for n in a/car.jpg b/car.jpg a/two.jpg b/none.jpg b/local.jpg odd/{1..9}.jpg; do
		i=$((i + 1))
		echo "image $i" >"images/$n"
	done
	jq -cn '[
	{file: "a/car.jpg", captured_at: "2019-05-31T23:59:59Z", port: "2506", plate_text: "ab-c 123",
	 "plate_text.2": "XY 9"},
	{file: "b/car.jpg", captured_at: "2019-05-31T01:00:00Z", port: "2506", plate_text: "ABC.123"},
	{file: "a/two.jpg", captured_at: "2020-02-29T12:00:00Z", port: "2507"},
	{file: "b/local.jpg", captured_local: "2019-06-01T00:30:00", port: "2506"},
	{file: "odd/1.jpg", port: "../../../etc", plate_text: "../../x"},
	{file: "odd/2.jpg", port: "..", plate_text: ".."},
	{file: "odd/3.jpg", port: "a/b%\u0001\u202e", plate_text: "K\u00d6-Q 77"},
	{file: "odd/4.jpg", port: " ", plate_text: " "},
	{file: "odd/5.jpg", port: ("p" * 255), plate_text: ("Z" * 255)},
	{file: "odd/6.jpg", port: ("p" * 255 + "q"), plate_text: ("\u754c" * 90)},
	{file: "odd/7.jpg", plate_text: "Q"},
	{file: "odd/8.jpg", port: "."}
	] | .[]' >manifest.json
}

setup() {
	world_new
	world_archive
	world_node cap ingest
	sources
	"$CUSTODY" --node cap ingest archive images --collection otay --manifest manifest.json
	world_node ws reader
	world_mount
}
teardown() { world_end; }

leads() { # leads LINK FILE: a link, four deep, to mnt/otay/FILE
	[ "$(readlink "mnt/$1")" = "../../../../otay/$2" ]
	[ "mnt/$1" -ef "mnt/otay/$2" ]
}

@test "views: an item is found by day, port and plate; nothing where nothing is said" {
	leads by-date/2020/02/29/two.jpg a/two.jpg
	leads by-date/2019/06/01/local.jpg b/local.jpg
	leads by-port/2507/2020-02/29/two.jpg a/two.jpg
	leads by-plate/X/XY/XY9/car.jpg a/car.jpg
	leads by-plate/Q/Q/Q/7.jpg odd/7.jpg
	[ -L mnt/by-port/2506/2019-06/01/local.jpg ]
	# the two of one name: one has it, the other digits of its id, before the ending
	[ "$(ls mnt/by-plate/A/AB/ABC123 | wc -l)" -eq 2 ]
	[ "$(ls mnt/by-date/2019/05/31 | wc -l)" -eq 2 ]
	[ -L mnt/by-date/2019/05/31/car.jpg ]
	other=$(ls mnt/by-date/2019/05/31 | grep '~')
	[[ $other =~ ^car~[0-9a-f]{8}\.jpg$ ]]
	[ "$(readlink mnt/by-date/2019/05/31/{car.jpg,"$other"} | sort | tr '\n' ' ')" = \
		"../../../../otay/a/car.jpg ../../../../otay/b/car.jpg " ]
	id=$(getfattr --only-values -n user.custody.item "mnt/by-date/2019/05/31/$other")
	[[ $other == "car~${id:0:8}.jpg" ]]
	# no capture time, no plate, no port
	[ -z "$(find mnt/by-* -name none.jpg)" ]
	[ "$(find mnt/by-date -type l | wc -l)" -eq 4 ]
	# what it lists is what it finds, and a name that is not there is not
	find mnt/by-* -exec stat {} + >/dev/null
	[ ! -e mnt/by-date/2021 ] && [ ! -e mnt/by-plate/A/AB/ABC124 ] && [ ! -e mnt/by-date/2019/05/31/x ]
	[ "$(stat -c %h:%s:%A mnt/by-date/2020/02/29/two.jpg)" = 1:26:lrwxrwxrwx ]
	[ "$(stat -c %A mnt/by-date/2020)" = dr-xr-xr-x ]
	run ! touch mnt/by-date/x
	run ! ln -s x mnt/by-date/2020/02/29/y
	run ! rm mnt/by-date/2020/02/29/two.jpg
}

@test "views: hostile provenance makes odd names, and no link leads out of the collections" {
	find mnt/by-* -type l >links
	[ -s links ]
	while IFS= read -r l; do
		[[ $(readlink "$l") == ../../../../otay/* ]]
		[[ $(realpath "$l") == "$PWD"/mnt/otay/* ]]
		[ "$(tr -dc / <<<"$l")" = ///// ]
	done <links
	[ -z "$(find mnt/by-* -name "*[[:cntrl:]]*" -print -quit)" ]
	ls mnt/by-port >ports
	grep -Fx '%2E./..%2Fetc' ports || grep -Fx '%2E.%2F..%2F..%2Fetc' ports
	grep -Fx '%2E.' ports
	grep -Fx '%2E' ports
	grep -Fx '%20' ports
	grep -Fx 'a%2Fb%25%01%E2%80%AE' ports
	[ "$(grep -c '^p*~[0-9a-f]\{8\}$' ports)" -eq 1 ]   # cut at 255 by `find` too: one port
	[ -L mnt/by-port/%2E./undated/all/2.jpg ]
	leads 'by-plate/K/KÖ/KÖQ77/3.jpg' odd/3.jpg
	leads by-plate/X/X/X/1.jpg odd/1.jpg
	[ -z "$(find mnt/by-plate -name 2.jpg -o -name 4.jpg)" ]
	leads "by-plate/Z/ZZ/$(printf 'Z%.0s' {1..32})/5.jpg" odd/5.jpg
	[ "$(find mnt/by-plate/界 -name 6.jpg | wc -l)" -eq 1 ]
}

@test "views: a refused item is refused through each of them, and read under a release" {
	views=(by-date/2019/05/31 by-port/2506/2019-05/31 by-plate/A/AB/ABC123)
	for v in "${views[@]}"; do
		run ! cat mnt/$v/*
		[[ $output == *"Permission denied"* ]]
	done
	world_release one otay/a/car.jpg otay/b/car.jpg
	cat images/{a,b}/car.jpg | sort >want
	for v in "${views[@]}"; do
		cat mnt/$v/* | sort | cmp - want
	done
	world_umount
	item=$("$CUSTODY" --node ws show archive otay/a/car.jpg --json | jq -r .item)
	logged ws ".type == \"refused\" and .item == \"$item\""
	logged ws ".type == \"opened\" and .item == \"$item\""
}

@test "views: new items appear while mounted, and the same after a reindex and damage" {
	[ ! -e mnt/by-date/2022 ]
	ls mnt/by-date >/dev/null
	mkdir more && echo new >more/car.jpg
	"$CUSTODY" --node cap ingest archive more --collection more --meta port=2506 \
		--meta captured_at=2019-05-31T07:00:00Z --meta plate_text=ABC123
	for ((i = 0; i < 100; i++)); do
		[ "$(ls mnt/by-plate/A/AB/ABC123 | wc -l)" -ne 3 ] || break
		sleep 0.1
	done
	[ "$(ls mnt/by-date/2019/05/31 | wc -l)" -eq 3 ]
	readlink mnt/by-port/2506/2019-05/31/* | grep -Fx ../../../../more/car.jpg
	find mnt/by-* -printf '%i %y %P %l\n' | sort >before
	world_umount
	"$CUSTODY" --node ws reindex archive
	world_mount
	find mnt/by-* -printf '%i %y %P %l\n' | sort | cmp - before
	world_umount
	# a bit of the index flips: it is said, and made anew
	d=$(echo ws/archives/*/index/data.mdb)
	b=$(xxd -p -s 40000 -l 1 "$d")
	printf '%02x' $((0x$b ^ 1)) | xxd -r -p | dd of="$d" bs=1 seek=40000 conv=notrunc status=none
	world_mount 2>err
	grep -q 'the index' err
	find mnt/by-* -printf '%i %y %P %l\n' | sort | cmp - before
	run ! grep -rqE 'ABC123|2019-05-31|by-plate' ws
}

@test "views: hidden on demand; a collection of their name keeps it" {
	ls mnt | sort | tr '\n' ' ' | grep -Fx 'by-date by-plate by-port otay '
	"$CUSTODY" --node cap ingest archive images/a --collection by-date --meta captured_at=2019-05-31T07:00:00Z
	world_umount
	world_mount
	[ -f mnt/by-date/car.jpg ]
	[ -d mnt/by-date~view/2019/05/31 ]
	ls mnt | sort | tr '\n' ' ' | grep -Fx 'by-date by-date~view by-plate by-port otay '
	world_umount
	world_mount -o noviews
	ls mnt | sort | tr '\n' ' ' | grep -Fx 'by-date otay '
	[ ! -e mnt/by-port ] && [ ! -e mnt/by-date~view ]
}

@test "views: a folder of thousands is listed page by page, all of it once" {
	mkdir -p many/{1..3}
	for d in 1 2 3; do (cd many/$d && for i in {1..1500}; do echo $d-$i >$i.jpg; done); done
	"$CUSTODY" --node cap ingest archive many --collection many --quiet \
		--meta captured_at=2021-01-01T07:00:00Z
	for ((i = 0; i < 100; i++)); do
		[ "$(ls -U mnt/by-date/2021/01/01 2>/dev/null | wc -l)" -ne 4500 ] || break
		sleep 0.1
	done
	ls -U mnt/by-date/2021/01/01 | sort >list
	[ "$(uniq <list | wc -l)" -eq 4500 ]
	[ "$(grep -c '~' list)" -eq 3000 ]
	find mnt/by-date/2021/01/01 -type l -printf '%l\n' | sort -u | wc -l | grep -Fx 4500
	[ "$(grep -c '^[0-9]*\.jpg$' list)" -eq 1500 ]
}
