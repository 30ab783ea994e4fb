#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The whole chain on real licence-plate photos, where they lie beside the project ($SHARED/images).

bats_require_minimum_version 1.5.0
load ../lib/world

setup() {
	if [ ! -d "${SHARED:-/nonexistent}/images" ]; then
		echo "# SKIP: no real photos (SHARED/images)" >&3
		skip "no real photos"
	fi
	export WORLD_IMAGES=$SHARED/images
	world_new
	world_archive
	world_node cap ingest
	world_images
	chmod -R u+w images
	"$CUSTODY" --node cap ingest archive images --collection otay --manifest images/manifest.csv
	world_node ws reader
	mapfile -t all < <(images)
}
teardown() { world_end; }

@test "real photos: refused before, identical after, and only those that are named" {
	[ "${#all[@]}" -ge 100 ]
	world_mount
	sealed "${all[@]}"
	world_release some otay/us
	for f in "${all[@]}"; do
		if [[ $f == us/* ]]; then same "$f"; else sealed "$f"; fi
	done
	world_release one otay/eu/eu10.jpg
	same eu/eu10.jpg
	sealed eu/eu11.jpg br/OUZ2198.jpg
	world_release all otay
	same "${all[@]}"
	world_umount
	"$CUSTODY" verify archive
}

@test "real photos: their plates, names and bytes are nowhere in the store" {
	world_release all otay
	world_mount
	same "${all[@]}"
	world_umount
	# plates of five characters and more, names, and the middle of every photo
	tail -n +2 images/manifest.csv | cut -d, -f8 | grep -E '^.{5,}$' | sort -u >plates.txt
	[ "$(wc -l <plates.txt)" -gt 50 ]
	printf '%s\n' "${all[@]}" | sed 's|.*/||' >names.txt
	for n in plates.txt names.txt; do
		run ! grep -raqF -f "$n" archive cap ws auth
		while IFS= read -r v; do printf '%s' "$v" | sha256sum | cut -c1-32; done <"$n" >hashes.txt
		run ! grep -raqF -f hashes.txt archive cap ws auth
	done
	for f in "${all[@]}"; do
		s=$(stat -c %s "images/$f")
		[ "$s" -gt 1000 ] || continue
		tail -c +$((s / 2)) "images/$f" | head -c 16 | xxd -p | sed 's/../\\x&/g'
	done | grep -v 'x0a' >middles.txt # grep sees lines
	[ "$(wc -l <middles.txt)" -gt 50 ]
	cat archive/segments/*/*.seg archive/journal/* archive/documents/* archive/archive.txt >all.bin
	find cap ws auth -type f -exec cat {} + >>all.bin
	while IFS= read -r hex; do
		run ! env LC_ALL=C grep -aqP "$hex" all.bin
	done <middles.txt
	# and they are found where they are
	find images -type f -exec cat {} + >originals.bin
	LC_ALL=C grep -aqP "$(head -n 1 middles.txt)" originals.bin
}
