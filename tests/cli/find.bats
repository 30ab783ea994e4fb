#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody find: against a plain reading of the manifest, in another language, at random; and by what no
# manifest says: accession, digest, released case.

load ../lib/common

ITEMS=400
SEED=${FIND_SEED:-41}

ready() {
	set -e
	world_archive
	world_node cap ingest
	"$BATS_TEST_DIRNAME/../ask/find.py" make "$ITEMS" "$SEED"
	custody --node cap ingest archive src --collection otay --manifest src/manifest.csv \
		--meta port=9999
	mkdir more
	echo one >more/one.jpg
	cp src/lane00/*_7.jpg more/copy.jpg
	custody --node cap ingest archive more --collection more --meta case=C-5 --meta plate_text='ab-c 1'
	world_node ws reader
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

ws() { custody --node ws "$@"; }
find_() { custody --node ws find archive "$@"; }

@test "random questions have the answers that the manifest gives" {
	export PORT=9999
	ok "$BATS_TEST_DIRNAME/../ask/find.py" ask ws archive otay \
		"$(ws show archive otay/manifest.csv --json | jq -r .accession)" "${FIND_QUERIES:-100}" "$SEED"
	[ "${output#answers }" -gt 500 ]
}

@test "all items, in order of time, then of path; counted, limited, turned round, by path" {
	n=$(find src more -type f | wc -l)
	ok find_ --count
	[ "$output" = "$n" ]
	ok find_ --count --json
	json ".[0].items == $n"
	ok find_ --json
	json 'map([.time, .path]) == (map([.time, .path]) | sort)'
	json "length == $n"
	ok find_ --sort path
	[ "$output" = "$(cd src && find . -type f | sed 's|^\.|otay|' |
		cat - <(cd ../more && find . -type f | sed 's|^\.|more|') | LC_ALL=C sort)" ]
	first=${lines[0]}
	ok find_ --sort path --limit 1
	[ "$output" = "$first" ]
	ok find_ --sort path -r --limit 1
	[ "$output" = "$(find src/lane06 -name '*.jpg' | sed 's|^src|otay|' | LC_ALL=C sort | tail -n 1)" ] ||
		[ "$output" = otay/manifest.csv ]
}

@test "a plate: spaces, dashes and small letters do not matter; misreads only when asked for" {
	for p in ABC1 'a b-c.1' 'AB*' '??C1' '*c*'; do
		ok find_ --plate "$p" --case C-5
		[ "$(sort <<<"$output")" = $'more/copy.jpg\nmore/one.jpg' ]
	done
	ok find_ --plate 8BCI --case C-5
	[ -z "$output" ]
	ok find_ --plate A8CI --case C-5 --fuzzy --count
	[ "$output" = 2 ]
	ok find_ --plate ABC --case C-5
	[ -z "$output" ]
	ok find_ --plate 'ABC1?' --case C-5
	[ -z "$output" ]
}

@test "time: the file's own where no capture is told, and --json says which" {
	touch -d 2001-02-03T04:05:06Z more/one.jpg
	mkdir other
	cp -p more/one.jpg other/old.jpg
	custody --node cap ingest archive other --collection other -q
	ok find_ --on 2001-02-03 --json
	json 'length == 1 and .[0].path == "other/old.jpg" and .[0].time == "2001-02-03T04:05:06.000Z"'
	json '.[0].time_source == "mtime" and .[0].plates == [] and .[0].state == "sealed"'
	ok find_ --until 2001
	[ "$output" = other/old.jpg ]
	ok find_ --until 2001-02-02
	[ -z "$output" ]
	ok find_ --since 2001-02-03T04:05:06Z --until 2001-02-03T04:05:06Z
	[ "$output" = other/old.jpg ]
	ok find_ --plate ABC1 --json
	json 'all(.[]; .plates[0].plate == "ABC1" and .case == "C-5")'
}

@test "-l shows time, port, lane and plates; -0 gives paths to other verbs" {
	ok find_ --case C-5 -l
	grep -qE '^[0-9T:.-]*Z\?  - .*  ABC1 +more/one.jpg$' <<<"$output"
	find_ --case C-5 -0 >list
	[ "$(tr '\0' '\n' <list | LC_ALL=C sort)" = $'more/copy.jpg\nmore/one.jpg' ]
	xargs -0 "$CUSTODY" --node ws request archive --case C-9 --purpose p -o r.req <list
	authority authorise auth r.req --sign-with officer --until +1d -o r.auth
	ws import archive r.auth
	ok find_ --case C-9
	[ "$(sort <<<"$output")" = $'more/copy.jpg\nmore/one.jpg' ]
	ok find_ --case C-9 --json
	json 'all(.[]; .state == "released")'
	ok find_ --case 'C-*' --plate ABC1 --count
	[ "$output" = 2 ]
	ok find_ --case c-9 --count
	[ "$output" = 0 ]
}

@test "accession and digest, alone and with others" {
	acc=$(ws show archive more/one.jpg --json | jq -r .accession)
	ok find_ --accession "$acc"
	[ "$(sort <<<"$output")" = $'more/copy.jpg\nmore/one.jpg' ]
	sum=$(sha256sum more/copy.jpg | cut -d' ' -f1)
	same=$(cd src && find lane00 -name '*_7.jpg')
	ok find_ --digest "$sum"
	[ "$(LC_ALL=C sort <<<"$output")" = "more/copy.jpg"$'\n'"otay/$same" ]
	ok find_ --digest "$sum" --accession "$acc"
	[ "$output" = more/copy.jpg ]
	ok find_ --digest "$sum" --count
	[ "$output" = 2 ]
	ok find_ --digest "$(sha256sum </dev/null | cut -d' ' -f1)"
	[ -z "$output" ]
	ok find_ --digest "$sum" --port 9999 --plate 'ZZZ*'
	[ -z "$output" ]
	# a release of the whole accession makes its items those of the case
	ws request archive --accession "$acc" --case C-acc --purpose p -o a.req
	authority authorise auth a.req --sign-with officer --until +1d -o a.auth
	ws import archive a.auth
	ok find_ --case C-acc --count
	[ "$output" = 2 ]
}

@test "the index made anew gives the same answers" {
	find_ --json >before
	ws reindex archive -q
	find_ --json >after
	cmp before after
}

@test "wrong questions, and a node that may not ask" {
	fails 2 'no letter or digit' find_ --plate '--'
	fails 2 '--confidence' find_ --confidence 120
	fails 2 '--on' find_ --on 2019-02-30
	fails 2 '--since' find_ --since yesterday
	fails 2 '--digest' find_ --digest abc
	fails 2 '--accession' find_ --accession abc
	fails 2 'time or path' find_ --sort size
	fails 2 'one of them' find_ -l -0
	fails 7 'holds no key' custody --node cap find archive
}

@test "what the index holds of plates and places can't be read from its files" {
	n=0
	while read -r word; do
		run ! grep -rqaF "$word" ws
		n=$((n + 1))
	done < <(sed 1d src/manifest.csv | cut -d, -f2,5,6,9 | tr ',' '\n' | grep -E '^.{5,}$' | sort -u | head -n 60)
	[ "$n" -gt 50 ]
	# the same words are found where they do stand, so the look is a real one
	grep -qF "$(sed -n 3p src/manifest.csv | cut -d, -f2)" src/manifest.csv
}
