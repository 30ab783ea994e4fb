#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The kinds of sources of custody ingest: what they are taken for, what is kept of them, and BagIt
# bags, good and bad. That what comes out is what went in, tests/fuse/sources.bats shows; archives
# that deceive are in hostile.bats.

load ../lib/common

# bag FOLDER [ALGORITHM...]: a bag of drop/, made by hand with coreutils.
bag() {
	local b=$1 a

	shift
	mkdir -p "$b"
	cp -r drop "$b/data"
	printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' >"$b/bagit.txt"
	printf 'Source-Organization: port 2506\nPayload-Oxum: %s.%s\n' \
		"$(find "$b/data" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')" \
		"$(find "$b/data" -type f | wc -l)" >"$b/bag-info.txt"
	for a; do (cd "$b" && find data -type f -exec "${a}sum" {} +) >"$b/manifest-$a.txt"; done
	for a; do (cd "$b" && "${a}sum" bagit.txt bag-info.txt manifest-*) >"$b/tagmanifest-$a.txt"; done
}

sources_world() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	mkdir -p drop/lane03
	printf 'jpeg' >drop/lane03/car1.jpg
	printf 'plate ABC' >drop/lane03/car1.txt
	ln drop/lane03/car1.jpg drop/again.jpg
	touch -d '2019-05-31 10:34:08 UTC' drop/lane03/car1.jpg
	tar -C drop -czf drop.tgz .
	bag bag sha256 md5
}
setup_file() { common_make sources_world; }
setup() { common_copy; }
teardown() { world_end; }

ingest() { custody --node cap ingest archive "$@"; }
listed() { custody --node ws ls -R archive "$@" | sort; }
# Nothing was taken in.
untouched() { [ -z "$(find archive/segments -name '*.seg')" ]; }
# refused CODE WORDS: bag/ is, as a folder and in a tar, and nothing of it is taken in.
bad_bag() {
	fails "$1" "$2" ingest bag -c c
	tar -cf bad.tar bag
	fails "$1" "$2" ingest bad.tar -c c
	untouched
}

@test "an archive's members keep their time, and tell of the archive" {
	ok ingest drop.tgz -c c
	says "took in 3 items"
	ok custody --node ws show archive c/lane03/car1.jpg --json
	json '.[0].provenance | ."container.format" == "tar+gzip" and .mtime == "1559298848000000000"'
	json ".[0].provenance.\"container.sha256\" == \"$(sha256sum <drop.tgz | cut -d' ' -f1)\""
	json '.[0].provenance.source | endswith(":drop.tgz")'
}

@test "a file with two names in a tar comes under both" {
	ok ingest drop.tgz -c c
	diff <(cd drop && find . -type f | sed 's|^\./|c/|' | sort) <(listed --json | jq -r 'select(.kind == "item").path' | sort)
}

@test "what is not called an archive is a file; --format says otherwise" {
	cp drop.tgz evidence.bin
	ok ingest evidence.bin -c c
	says "took in 1 item"
	ok ingest evidence.bin -c d --format tar
	says "took in 3 items"
	ok ingest drop.tgz -c e --format file
	says "took in 1 item"
	[ "$(listed e)" = e/drop.tgz ]
	fails 2 "not of that format" ingest drop -c f --format tar
	fails 2 "no folder" ingest drop.tgz -c f --format folder
	fails 2 "must be auto" ingest drop.tgz -c f --format rar
}

@test "standard input: a file under its name, or an archive" {
	ok ingest - -c c --name shot.jpg <drop/lane03/car1.jpg
	[ "$(listed c | grep -v '/$')" = c/shot.jpg ]
	tar -C drop -cf d.tar .
	ok ingest - -c d --format tar <d.tar
	says "took in 3 items"
	ok ingest - -c e --name export.tgz <drop.tgz
	says "took in 3 items"
	ok custody --node ws show archive e/lane03/car1.jpg --json
	json ".[0].provenance.\"container.sha256\" == \"$(sha256sum <drop.tgz | cut -d' ' -f1)\""
	head -c 5000000 /dev/zero >long
	ok ingest - -c f --name long <long
	fails 2 "needs a name" ingest - -c g <drop.tgz
	fails 2 "needs a name" ingest - -c g --name ../x <drop.tgz
	fails 2 "once only" ingest - - -c g --name x <drop.tgz
	fails 4 "damaged" ingest - -c g --name x.tgz <officer
	ok custody verify archive
}

@test "a member of more than 4 GiB, sparse, as its size says (CUSTODY_LARGE=1)" {
	[ -n "${CUSTODY_LARGE:-}" ] || skip "reads 4.3 GB twice: CUSTODY_LARGE=1"
	truncate -s 4300M large
	echo end >>large
	tar --sparse -cf large.tar large
	[ "$(stat -c %s large.tar)" -lt 100000 ]
	fails 5 "--max-ratio" ingest large.tar -c c
	h=$(sha256sum <large | cut -d' ' -f1)
	printf 'file,sha256,bytes\nlarge,%s,%s\n' "$h" "$(stat -c %s large)" >m.csv
	ok ingest large.tar -c c -m m.csv --max-ratio 0 -n
	says "would take in 1 item"
}

@test "archives within archives and folders are evidence as they are" {
	mkdir s
	cp drop.tgz s/inner.tar.gz
	(cd s && zip -q ../outer.zip inner.tar.gz)
	ok ingest outer.zip -c c
	[ "$(listed c | grep -v '/$')" = c/inner.tar.gz ]
	ok ingest s -c d
	[ "$(listed d | grep -v '/$')" = d/inner.tar.gz ]
}

@test "--dry-run lists what would be taken in, of archives too" {
	ok ingest drop.tgz -c c -n
	says "lane03/car1.jpg"
	says "would take in 3 items"
	ok ingest drop.tgz -c c -n --json
	json 'map(select(.item).item) | sort == ["again.jpg", "lane03/car1.jpg", "lane03/car1.txt"]'
	untouched
}

@test "a manifest's digests are compared with an archive's members" {
	h=$(sha256sum <drop/lane03/car1.jpg | cut -d' ' -f1)
	printf 'file,sha256,bytes,lane\nlane03/car1.jpg,%s,4,3\n' "$h" >m.csv
	ok ingest drop.tgz -c c -m m.csv
	ok custody --node ws show archive c/lane03/car1.jpg --json
	json '.[0].provenance | tostring | contains("lane")'
	printf 'file,sha256\nlane03/car1.jpg,%064d\n' 0 >m.csv
	fails 4 "SHA-256" ingest drop.tgz -c d -m m.csv
	[ -z "$(listed d 2>/dev/null)" ]
}

@test "a bag is verified, taken in whole, and its manifests hold afterwards" {
	(cd bag && sha256sum --quiet -c manifest-sha256.txt && md5sum --quiet -c tagmanifest-md5.txt)
	ok ingest bag -c c
	says "took in $(find bag -type f | wc -l) items"
	tar -czf bag.tar.gz bag
	(cd bag && zip -qr ../bag.zip .)
	ok ingest bag.tar.gz -c d --format bag
	ok ingest bag.zip -c e
	for p in c d/bag e; do
		ok custody --node ws show archive "$p/data/lane03/car1.jpg" --json
		json '.[0].provenance | ."bag.version" == "1.0" and ."bag.verified-by" == "md5 sha256"'
	done
	ok custody verify archive
}

@test "a bag of 0.97 with MD5 alone is taken in, and it is said how weak that is" {
	rm -rf bag
	bag bag md5
	sed -i 's/1\.0/0.97/' bag/bagit.txt
	(cd bag && md5sum bagit.txt bag-info.txt manifest-md5.txt) >bag/tagmanifest-md5.txt
	ok ingest bag -c c
	talks "weak"
}

@test "a bag whose payload differs is refused: exit 4" {
	printf 'x' >bag/data/lane03/car1.txt
	bad_bag 4 "another digest"
}

@test "a bag with a file too many is refused" {
	printf 'x' >bag/data/more
	bad_bag 4 "does not name it"
}

@test "a bag with a file too few is refused" {
	rm bag/data/lane03/car1.txt
	bad_bag 4 "missing"
}

@test "a bag whose tag files differ is refused" {
	echo 'Contact-Name: x' >>bag/bag-info.txt
	bad_bag 4 "another digest"
}

@test "a bag with one manifest that is not whole is refused" {
	sed -i 1d bag/manifest-md5.txt
	rm bag/tagmanifest-*
	bad_bag 4 "manifest-md5.txt of the bag does not name it"
}

@test "a bag whose Payload-Oxum is not so is refused" {
	sed -i 's/Oxum: ./&9/' bag/bag-info.txt
	rm bag/tagmanifest-*
	bad_bag 4 "Payload-Oxum"
}

@test "a bag that has to be fetched, or names what lies outside, is refused" {
	echo 'https://example.org/x 3 data/x' >bag/fetch.txt
	bad_bag 5 "fetch them"
	rm bag/fetch.txt
	echo "$(printf 'x' | sha256sum | cut -d' ' -f1)  data/../../../etc/passwd" >>bag/manifest-sha256.txt
	bad_bag 5 "leads out"
}

@test "a bag with a link in it is refused; what is no bag is, where one is asked for" {
	ln -s /etc/passwd bag/data/passwd
	bad_bag 5 "is a symbolic link"
	fails 5 "no bagit.txt" ingest drop -c c --format bag
	fails 5 "no bagit.txt" ingest drop.tgz -c c --format bag
	untouched
	# As a folder it may be taken in all the same.
	ok ingest bag -c c --format folder
}
