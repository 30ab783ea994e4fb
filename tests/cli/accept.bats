#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody accept: the side that receives a package, with neither archive nor node. What is good is good
# in every form; whatever is altered is found, and what was not to be here is told apart from that.

load ../lib/common

setup_file() {
	build() {
		set -e
		world_archive
		world_node cap ingest
		"$MKIMAGES" images 1 >plates
		echo same >images/a.txt
		echo same >images/b.txt
		echo c >images/$'ctl\x1b[31m\nline%41'
		custody --node cap ingest archive images --collection otay --meta port=2506
		world_node ws reader
		for k in court other; do age-keygen -o "$k.key" 2>/dev/null; done
		world_request r otay
		world_authorise r --export-to "$(age-keygen -y court.key)" --export-to plain
		custody --node ws import archive r.auth
		S=$(sed -n 's/^serial: //p' r.auth)
		custody --node ws export archive out -a "$S"
		custody --node ws export archive out.tar -a "$S" --format tar
		custody --node ws export archive out.age -a "$S" --seal-to "$(age-keygen -y court.key)"
		# an authorisation to read, which this node takes for one to export
		world_request q otay/us
		world_authorise q
		custody --node ws import archive q.auth
		unasked=$(dirname "$CUSTODY")/tests/fuse/unasked
		S=$(sed -n 's/^serial: //p' q.auth)
		run -7 custody --node ws export archive refused.tar -a "$S" --format tar
		"$unasked" --node ws export archive ungranted.tar -a "$S" --format tar
		"$unasked" --node ws export archive ungranted.age -a "$S" --seal-to "$(age-keygen -y court.key)"
		cp archive/archive.txt known.txt
		mkdir home && mv archive auth cap ws home
		world_keys stranger
	}
	common_make build
}
setup() { common_copy; }
teardown() { world_end; }

accept() { custody accept "$@"; }
# the digests of the bag in out/ made right again, as who alters it would
relist() {
	(
		cd out
		find data -type f -print0 | sort -z | while IFS= read -r -d '' f; do
			printf '%s  %s\n' "$(sha256sum <"$f" | cut -c1-64)" "$(sed 's/%/%25/g' <<<"$f" | sed ':a;N;$!ba;s/\n/%0A/g')"
		done >manifest-sha256.txt
		find . -type f ! -path './data/*' ! -name 'tagmanifest*' -printf '%P\n' | sort |
			xargs -d '\n' sha256sum >tagmanifest-sha256.txt
		sed -i "s/^Payload-Oxum: .*/Payload-Oxum: $(find data -type f -printf '%s\n' | awk '{ s += $1 } END { print s }').$(find data -type f -printf x | wc -c)/" \
			bag-info.txt
		sha256sum bag-info.txt >line && sed -i "/  bag-info.txt$/d" tagmanifest-sha256.txt && cat line >>tagmanifest-sha256.txt && rm line
	)
}
# bad WORDS: accept of out/ ends with 4, and says so
bad() {
	run --separate-stderr accept out
	if [ "$status" -ne 4 ] || [[ "$output" != *"$1"* ]] || [[ "${lines[-1]}" != "verdict        bad" ]]; then
		printf 'wanted 4 and "%s"; exit %s\n%s\n%s\n' "$1" "$status" "$output" "$stderr" >&2
		return 1
	fi
	rm -r out && cp -a "$BATS_FILE_TMPDIR/world/out" out
}

@test "a folder, a tar, a stream, and sealed: good, and whose it is" {
	for p in out out.tar; do
		ok accept "$p" --archive-key officer.pub
		says "compared with those that were given"
		says "purpose        plate dispute"
		[[ "${lines[-1]}" == "verdict        good: "* ]]
	done
	ok accept - --archive-key officer.pub <out.tar
	ok accept out.age --identity court.key --archive-txt known.txt
	says "sealed to      $(age-keygen -y court.key)"
	ok accept - -i court.key -q <out.age
	[ "$output" = "verdict        good: whole, as it left the archive, and let go to there; 7 receipts hold" ]
	# opened and unpacked by others it is the same
	mkdir x && age -d -i court.key out.age | tar -C x -x
	ok accept x/export-*
	# the tar made anew by another program
	(cd x && tar -cf ../again.tar export-*)
	ok accept again.tar
	ok accept out --json
	json '.[0] | .verdict == "good" and .items == 7 and .receipts == 7 and (.findings | length) == 0 and .case == "C-1" and (.keys_compared | not)'
	talks ""
	ok accept out
	talks "compare the fingerprints"
}

@test "nothing is unpacked or written, and nothing but the package is needed" {
	find . -newer out.age | sort >before
	(cd / && custody accept "$W/out.age" -i "$W/court.key" -q)
	find . -newer out.age | sort | grep -v before | diff <(grep -v before before) -
}

@test "whose archive: other keys, another archive" {
	run -4 --separate-stderr accept out --archive-key stranger.pub
	says "verdict        bad"
	world_archive
	fails 2 "not with" accept out --archive-txt known.txt --archive-key officer.pub
	# the same officers, another archive
	run -7 --separate-stderr accept out --archive-txt archive/archive.txt
	says "REFUSED"
	says "another archive"
	fails 5 "" accept out --archive-txt officer.pub
}

@test "sealed: without an identity, with another, with none" {
	fails 3 "sealed: --identity" accept out.age
	fails 3 "not sealed to this identity" accept out.age -i other.key
	fails 3 "no age identity" accept out.age -i officer.pub
	fails 1 "nokey" accept out.age -i nokey
	cat court.key other.key >two.key
	fails 2 "more than one" accept out.age -i two.key
}

@test "passed on: sealed again to somebody else is 7" {
	age -d -i court.key out.age | age -r "$(age-keygen -y other.key)" >again.age
	run -7 --separate-stderr accept again.age -i other.key
	says "somebody has passed it on"
	says "verdict        refused"
	run -7 --separate-stderr accept again.age -i other.key --json
	json '.[0] | .verdict == "refused" and .refused == 1 and .damaged == 0 and .findings[0].exit == 7'
	# so is what never was sealed
	age -r "$(age-keygen -y other.key)" out.tar >never.age
	run -7 accept never.age -i other.key
}

@test "from a node without grant, which did not ask itself, is 7" {
	[ ! -e refused.tar ]
	for p in ungranted.tar "ungranted.age -i court.key"; do
		# shellcheck disable=SC2086 # words
		run -7 --separate-stderr accept $p
		says "verdict        refused"
		# shellcheck disable=SC2086
		run -7 --separate-stderr accept $p --json
		json '.[0] | .verdict == "refused" and .damaged == 0 and .refused > 0 and all(.findings[]; .exit == 7)'
	done
	# nor is it taken in
	world_archive
	world_node lab ingest,reader
	run -7 accept ungranted.tar --node lab --into archive --collection c
	[ -z "$(custody log archive --no-node --type accession)" ]
}

@test "a package that was altered anywhere is 4" {
	echo x >>out/data/otay/a.txt
	bad "is not what manifest-sha256.txt says"
	echo x >>out/custody/provenance.csv
	bad "is not what tagmanifest-sha256.txt says"
	rm out/data/otay/a.txt
	bad "is missing"
	echo x >out/data/otay/more.txt
	bad "and not in manifest-sha256.txt"
	echo x >out/more.txt
	bad "and not in tagmanifest-sha256.txt"
	rm out/tagmanifest-sha256.txt
	bad "tagmanifest-sha256.txt is missing"
	rm out/manifest-sha256.txt
	bad "manifest-sha256.txt is missing"
	sed -i 's/^Payload-Oxum: ./Payload-Oxum: 9/' out/bag-info.txt
	bad "Payload-Oxum"
	sed -i '1s/^./x/' out/manifest-sha256.txt
	bad "line 1 of manifest-sha256.txt"
	sed -i '1p' out/manifest-sha256.txt
	bad "twice"
}

@test "who makes the digests right again does not make it good" {
	echo x >>out/data/otay/a.txt
	relist
	bad "is not the file that the node signed"
	rm out/data/otay/a.txt
	relist
	bad "is not in the package"
	echo x >out/data/otay/more.txt
	relist
	bad "other files or receipts"
	mv out/data/otay/us/car1.jpg x && mv out/data/otay/a.txt out/data/otay/us/car1.jpg && mv x out/data/otay/a.txt
	relist
	bad "is not the file that the node signed"
	rm "$(find out/custody/receipts -type f | head -1)"
	relist
	bad "has no receipt"
	f=$(find out/custody/receipts -type f | head -1)
	cp "$f" "$(find out/custody/receipts -type f | tail -1)"
	relist
	bad "has no receipt"
	sed -i 's/"handle":./"handle":7/' "$f"
	relist
	bad "receipt"
	for k in items bytes time by form recipient; do
		sed -i "s/^$k: ./$k: 9/" out/custody/export.txt
		[ "$k" = recipient ] || { relist && bad ""; }
	done
	sed -i "s/^form: folder/form: sealed\nrecipient: $(age-keygen -y other.key)/" out/custody/export.txt
	relist
	bad "not signed by the node"
	# the sheet of another export of the same
	(cd x 2>/dev/null || mkdir x && tar -C x -xf out.tar)
	cp x/export-*/custody/export.txt out/custody/export.txt
	relist
	bad "tells otherwise"
	cp officer.pub out/custody/authorisation.txt
	relist
	bad "authorisation.txt is not the one"
	echo >>out/custody/archive.txt
	relist
	bad "archive.txt is not the one"
	# an authorisation that says more than the officers signed
	sed -i 's/^export-to: plain/export-to: any/' out/custody/authorisation.txt out/custody/receipts/*
	relist
	bad ""
}

@test "sealed and altered: every chunk, cut, extended" {
	n=$(stat -c %s out.age)
	for at in 30 400 70000 $((n / 2)) $((n - 1)); do
		cp out.age x.age
		flip x.age "$at"
		run accept x.age -i court.key
		[ "$status" -eq 4 ] || [ "$at" -lt 400 ] || { echo "at $at: $status $output"; false; }
		[ "$status" -ne 0 ]
	done
	for len in $((n - 1)) 65752 $((65752 + 65552)) 100 0; do
		head -c "$len" out.age >x.age
		run accept x.age -i court.key
		[ "$status" -eq 4 ] || [ "$status" -eq 5 ] || { echo "cut at $len: $status $output"; false; }
	done
	cat out.age out.age >x.age
	run -4 accept x.age -i court.key
	head -c 5000 out.tar >cut.tar
	run -4 accept cut.tar
}

@test "what is no package is 5, and hostile ones are not followed" {
	fails 5 "not a package" accept officer.pub
	fails 5 "" accept images
	fails 1 "no such package" accept nowhere
	: >empty
	fails 5 "" accept empty
	mkdir bag && printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' >bag/bagit.txt
	fails 5 "no package of" accept bag
	ln -s /etc/passwd out/data/otay/link
	fails 5 "is a link" accept out
	rm out/data/otay/link && mkfifo out/data/otay/pipe
	fails 5 "no file and no folder" accept out
	rm out/data/otay/pipe
	python3 - <<-'E'
	import tarfile, io
	def make(name, members):
	    with tarfile.open(name, 'w') as t:
	        for path, kind in members:
	            m = tarfile.TarInfo(path)
	            m.type = kind
	            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE): m.linkname = '/etc/passwd'
	            m.size = 1 if kind == tarfile.REGTYPE else 0
	            t.addfile(m, io.BytesIO(b'x'))
	R, S, L, F = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE
	make('up.tar', [('e/../../x', R)])
	make('abs.tar', [('/etc/x', R)])
	make('two.tar', [('a/x', R), ('b/x', R)])
	make('flat.tar', [('x', R)])
	make('sym.tar', [('e/x', S)])
	make('hard.tar', [('e/x', R), ('e/y', L)])
	make('fifo.tar', [('e/x', F)])
	make('home.tar', [('e/~root/x', R)])
	E
	for t in up abs two flat sym hard fifo home; do
		run --separate-stderr accept $t.tar
		[ "$status" -eq 5 ] || { echo "$t: $status $output $stderr"; false; }
	done
	(cp -a out twice && cd twice && tar -cf ../twice.tar --transform 's,^,e/,' ./* && tar -rf ../twice.tar --transform 's,^,e/,' custody/export.txt)
	run -5 accept twice.tar
}

@test "not all can be checked: no witness" {
	run -5 --separate-stderr accept out --witnessed
	says "verdict        not checked"
}

@test "interrupted" {
	mkfifo p
	sleep 60 >p &
	holder=$!
	"$CUSTODY" accept - <p >o 2>&1 &
	pid=$!
	sleep 0.3
	kill -INT $pid
	kill $holder
	code=0
	wait $pid || code=$?
	[ "$code" -ne 0 ]
	run ! grep -q good o
}

@test "into another archive: the same bytes, the provenance, and where they come from" {
	world_archive
	world_node lab ingest,reader
	fails 2 "belong together" accept out --into archive
	fails 2 "reads the package twice" accept - --into archive --collection c <out.tar
	ok accept out.age -i court.key --node lab --into archive --collection from-cbp
	says "took in "
	number=$(custody log archive --no-node --json --type accession | jq -r .export)
	there=$(custody log archive --no-node --json --type accession | jq -r .origin)
	[ "$there" = "$(sed -n 's/^archive: //p' known.txt | head -1)" ]
	ok custody log archive --no-node --export "$number"
	says "of export $number from archive $there"
	ok custody --node lab show archive from-cbp/otay/us/car1.jpg --json
	fields=$(jq -c '[.. | objects] | add' <<<"$output")
	jq -e --arg n "$number" --arg a "$there" \
		'.["package.export"] == $n and .["package.archive"] == $a and .["meta.port"] == "2506" and .["package.collection"] == "otay"' <<<"$fields"
	item=$(jq -r '.["package.item"]' <<<"$fields")
	grep -q "^item: $item " out/custody/export.txt
	# receipts and the rest are items too
	custody --node lab ls -R archive from-cbp | grep -c "export-$number/custody/receipts/" | grep -qx 7
	custody verify archive
	# the bytes, by way of a package of this archive
	world_request() { custody --node lab request archive "$2" --case C --purpose P -o "$1.req"; }
	world_request z from-cbp
	world_authorise z --export-to plain
	custody --node lab import archive z.auth
	custody --node lab export archive back -a "$(sed -n 's/^serial: //p' z.auth)"
	diff -r out/data back/data/from-cbp --exclude "export-$number"
	ok accept back
	# once
	fails 1 "taken in before" accept out.age -i court.key --node lab --into archive --collection again -q
}

@test "what is not good is not taken in" {
	world_archive
	world_node lab ingest,reader
	echo x >>out/data/otay/a.txt
	run -4 accept out --node lab --into archive --collection c
	[ -z "$(custody log archive --no-node --type accession)" ]
	world_node only reader
	run -7 accept out.tar --node only --into archive --collection c
	[ -z "$(custody log archive --no-node --type accession)" ]
}
