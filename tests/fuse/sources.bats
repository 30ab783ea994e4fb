#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What other programs pack comes out of a mount as it went in, byte for byte and name for name: each
# kind of source is a collection of one world, and all are released and compared with the original.

load ../lib/common

kinds=(folder gnu.tar ustar.tar pax.tar sparse.tar v7.tar gz.tar.gz bz2.tar.bz2 xz.tar.xz zst.tar.zst
	lz4.tar.lz4 lzma.tar.lzma bsd.tgz bsdgnu.tar info.zip stored.zip streamed.zip bsd.zip py.zip
	py64.zip)

# drop/: names that are hard to keep, files of all lengths that matter.
drop() {
	mkdir -p drop/lane03/empty
	cp -r images/us drop/lane03/us
	cp images/manifest.csv drop/
	: >drop/nothing
	printf 'plate ABC\r\n' >drop/read_me.txt
	printf x >"$(printf 'drop/caf\303\251 nfc')"
	printf y >"$(printf 'drop/cafe\314\201 nfd')"
	printf n >"$(printf 'drop/new\nline')"
	head -c 4300000 /dev/urandom >drop/long.mp4
	truncate -s 300K drop/sparse.bin
	printf end >>drop/sparse.bin
	find drop -type f -exec touch -d '2019-05-31 10:34:08 UTC' {} +
}

pack() {
	local t="tar -C drop"

	$t --format gnu -cf gnu.tar .
	$t --format ustar -cf ustar.tar .
	$t --format pax -cf pax.tar .
	$t --format v7 -cf v7.tar .
	$t --sparse --format pax -cf sparse.tar .
	for c in gz bz2 xz zst lzma; do $t -acf "$c.tar.$c" .; done
	$t -I lz4 -cf lz4.tar.lz4 .
	bsdtar -C drop -czf bsd.tgz --format pax .
	bsdtar -C drop -cf bsdgnu.tar --format gnutar .
	(cd drop && zip -qr ../info.zip . && zip -qr0 ../stored.zip . && zip -qr - . | cat >../streamed.zip)
	bsdtar -C drop -acf bsd.zip .
	python3 - <<-'EOF'
		import os, zipfile
		for name, method in (("py.zip", zipfile.ZIP_DEFLATED), ("py64.zip", zipfile.ZIP_BZIP2)):
		    with zipfile.ZipFile(name, "w", method) as z:
		        for base, _, names in os.walk("drop"):
		            for n in sorted(names):
		                path = os.path.join(base, n)
		                info = zipfile.ZipInfo.from_file(path, os.path.relpath(path, "drop"))
		                info.compress_type = method
		                with open(path, "rb") as f, z.open(info, "w", force_zip64=name == "py64.zip") as out:
		                    out.write(f.read())
	EOF
}

sources_world() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	world_images 1
	drop
	pack
	for k in "${kinds[@]}"; do
		[ "$k" = folder ] && source=drop || source=$k
		custody --node cap ingest archive "$source" --collection "$k"
	done
	world_request all "${kinds[@]}"
	world_authorise all
	custody --node ws import archive all.auth
}
setup_file() { common_make sources_world; }
setup() { common_copy; }
teardown() { world_end; }

@test "every kind of source comes out of a mount as it went in" {
	world_mount
	for k in "${kinds[@]}"; do
		diff -r --no-dereference "mnt/$k" drop >differences || :
		grep -v ': empty$' differences >&2 && { echo "in $k" >&2; false; }
		[ "$(find "mnt/$k" -type f | wc -l)" -eq "$(find drop -type f | wc -l)" ]
	done
	world_umount
	ok custody verify archive
}
