#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody report: what it says, that it can be read and printed by anybody, and that no name in it can
# do anything. What openings and refusals look like is in tests/fuse/report.bats.

load ../lib/common
load ../lib/browser

setup_file() {
	build() {
		set -e
		world_archive
		world_node cap ingest
		mkdir -p images/sub
		echo one >images/plain.jpg
		echo two >images/sub/two.jpg
		echo s >images/'<script>document.title="taken"<'
		echo q >images/'" onmouseover="x'\''&amp;'
		echo r >images/$'turned\u202egpj.exe'
		echo c >images/$'ctl\x1b[31m\nline'
		echo n >images/$'latin\xfc\xff'
		custody --node cap ingest archive images --collection c \
			--meta 'site=</td></table><h1>Otay' --meta port=2506
		world_node ws reader
	}
	common_make build
}
setup() { common_copy; }
teardown() { world_end; }

page() { python3 "$BATS_TEST_DIRNAME/../report/page.py" "$@"; }
report() { custody --node ws report archive "$@"; }
seg() { echo archive/segments/*/*.seg; }
cap_journal() { grep -l '"type":"ingest"' archive/journal/*.jsonl; }
item() { custody --node ws show archive "$1" --json | jq -r .item; }

@test "the whole archive: a page, a receipt of each item, and their digests" {
	ok report -o r
	says "report of 7 items: 7 hold, 0 do not, 0 not all checked"
	[ "$(find r -type f | wc -l)" -eq 10 ]
	[ "${lines[-1]}" = "$(sha256sum <r/SHA256SUMS | cut -d' ' -f1)" ]
	(cd r && sha256sum --quiet -c SHA256SUMS)
	[ "$(wc -l <r/SHA256SUMS)" -eq 9 ]
	for f in r/receipts/*; do custody check -q "$f" --archive-key officer.pub; done
	ok page check r/report.html
	says "7 pictures"
	[ "$(stat -c %a r)" = 700 ] && [ "$(stat -c %a r/report.html)" = 600 ]
	[ ! -e "$(echo r.??????)" ]
}

@test "sections stand where there is nothing to tell, for each item" {
	report c/plain.jpg c/sub -o r
	ok page check r/report.html
	for t in 'Taking in' 'Transfers to other organisations, of the accession it belongs to' 'Releases: what was admitted' 'Openings: every access to the content' \
		Refusals 'Damage that was logged' 'Other events' 'What it is' \
		'Digests (SHA-256) before and after' 'Provenance, as recorded when it was taken in'; do
		[ "$(grep -cF "<caption>$t</caption>" r/report.html)" -eq 2 ] || { echo "$t"; false; }
	done
	[ "$(grep -cF 'No event of this kind is recorded.' r/report.html)" -eq 10 ]
	[ "$(grep -cF 'No transfer is recorded.' r/report.html)" -eq 2 ]
	[ "$(grep -cF 'No authorisation under which it was opened' r/report.html)" -eq 2 ]
	[ "$(grep -cF 'Nothing was found to be wrong.' r/report.html)" -eq 1 ]
	grep -qF 'This report is about items, not about a case.' r/report.html
}

@test "digests: as logged, as they are, and of the file in the clear" {
	id=$(item c/plain.jpg)
	report c/plain.jpg -o r
	frame=$(jq -r --arg i "$id" 'select(.item == $i) | .frame' "$(cap_journal)")
	[ "$(grep -oF "$frame" r/report.html | wc -l)" -eq 2 ]
	grep -qF "$(sha256sum <images/plain.jpg | cut -d' ' -f1)" r/report.html
	# and when the file was changed last, for people too
	grep -qF "<span>$(date -u -r images/plain.jpg +%T.%N | cut -c1-12)</span></time> UTC)" r/report.html
	# the command that the page gives, in the archive
	cmd=$(sed -n '/<pre>dd if=/,/<\/pre>/p' r/report.html | sed 's/<[^>]*>//g')
	[ "$(cd archive && bash -ec "$cmd" | cut -d' ' -f1)" = "$frame" ]
}

@test "hostile names are text: the structure holds, and each name is there, readable" {
	report -o r
	ok page check r/report.html
	ok page names r/report.html
	for n in 'c/<script>document.title="taken"<' 'c/" onmouseover="x'\''&amp;' \
		'c/turned\xe2\x80\xaegpj.exe' 'c/ctl\x1b[31m\x0aline' 'c/latin\xfc\xff' \
		'</td></table><h1>Otay'; do
		grep -qxF -- "$n" <<<"$output" || { echo "$n"; false; }
	done
	run ! grep -qP '\x1b|\x{202e}|[\x00-\x08]' r/report.html
	iconv -f UTF-8 -t UTF-8 r/report.html >/dev/null
	# the page itself is judged by a check that fails
	sed 's|<main>|<main><script>1</script>|' r/report.html >bad.html
	run page check bad.html
	[ "$status" -eq 4 ]
	sed 's|<caption>Items of this report</caption>||' r/report.html >bad.html
	run page check bad.html
	[ "$status" -eq 4 ]
	sed 's|<code>|<code onclick="x">|' r/report.html >bad.html
	run page check bad.html
	[ "$status" -eq 4 ]
}

@test "purposes, cases and accounts too" {
	custody --node ws request archive c/plain.jpg --case '<b>C"1' \
		--purpose $'why\u202e</table><script>1</script>' --legal-basis "19 U.S.C. 'x'&" -o r.req
	world_authorise r
	custody --node ws import archive r.auth
	ok report --case '<b>C"1' -o r
	says "report of 1 item: 1 holds"
	ok page check r/report.html
	ok page names r/report.html
	for n in '<b>C"1' 'why\xe2\x80\xae</table><script>1</script>' "19 U.S.C. 'x'&" c/plain.jpg; do
		grep -qxF -- "$n" <<<"$output" || { echo "$n"; false; }
	done
	grep -qF 'yes: its admission is in the log' r/report.html
	# whole accessions are cases too, whoever reports, and what was never admitted is said not to be
	custody --node ws request archive --accession \
		"$(jq -r 'select(.type == "accession") | .accession' "$(cap_journal)")" \
		--case C-2 --purpose P -o a.req
	world_authorise a
	cp a.auth "archive/documents/$(sed -n 's/^serial: //p' a.auth).authorisation"
	ok report --case C-2 -o r2
	says "report of 7 items"
	grep -qF 'no: no log admits it' r2/report.html
	ok custody report archive --case C-2 -o r3
	says "report of 7 items"
	fails 1 "no authorisation of this archive is for case C-3" report --case C-3 -o r4
	[ ! -e r4 ]
}

@test "case.jsonld: the same custody as a graph" {
	report -o r
	ok python3 "$BATS_TEST_DIRNAME/../report/case.py" r/case.jsonld
	says "good: 7 records"
	output=$(cat r/case.jsonld)
	json '.[0]["@graph"] | map(select(.["@type"] == "case-investigation:InvestigativeAction") |
		.["uco-core:name"]) | (map(select(. == "custody-receive")) | length) == 7 and
		(map(select(. == "accession")) | length) == 1'
	# names are what they are; only what is no text is not
	for n in '<script>document.title="taken"<' '" onmouseover="x'\''&amp;' $'turned\u202egpj.exe' \
		$'ctl\x1b[31m\nline' $'latin\uFFFD\uFFFD' plain.jpg; do
		jq -e --arg n "$n" '[.. | .["uco-observable:fileName"]? | select(. == $n)] | length == 1' \
			r/case.jsonld >/dev/null || { echo "$n"; false; }
	done
	sum=$(sha256sum <images/plain.jpg | cut -d' ' -f1)
	jq -e --arg s "$sum" '[.. | .["uco-types:hashValue"]? | select(. != null) | .["@value"] |
		select(. == $s)] | length == 1' r/case.jsonld >/dev/null
	frame=$(jq -r --arg i "$(item c/plain.jpg)" 'select(.item == $i) | .frame' "$(cap_journal)")
	grep -qF "$frame" r/case.jsonld
	# its check is one that fails
	for edit in 's/uco-core:object/uco-core:objekt/' 's/-4\([0-9a-f]*\)-/-7\1-/' 's/SHA256/SHA1/' \
		's/"uco-core:Bundle"/"other:Bundle"/'; do
		sed "$edit" r/case.jsonld >bad
		run python3 "$BATS_TEST_DIRNAME/../report/case.py" bad
		[ "$status" -ne 0 ] || { echo "$edit"; false; }
	done
}

@test "case.jsonld keeps to the official shapes of CASE/UCO 1.4" {
	shapes=${SHARED:-none}/vectors/case/case-1.4.0.ttl
	[ -e "$shapes" ] || skip "no shapes of CASE/UCO beside the project"
	command -v npm >/dev/null || skip "no npm: the shapes of CASE/UCO are not asked"
	mkdir npm && cp "$BATS_TEST_DIRNAME/../report/shapes.mjs" npm
	(cd npm && npm install --no-audit --no-fund --silent --cache "$PWD/cache" jsonld@9 n3@1 rdf-validate-shacl@0.6) \
		>npm.log 2>&1 || skip "the npm packages can't be had: the shapes of CASE/UCO are not asked"
	custody --node ws request archive c/plain.jpg --case C-1 --purpose P --legal-basis L -o r.req
	world_authorise r
	custody --node ws import archive r.auth
	report -o r
	report --case C-1 -o r2
	# the shapes do find fault: a digest without its method, and performers that are words
	sed '0,/"uco-types:hashMethod": "SHA256",/s///' r/case.jsonld |
		jq '(.["@graph"][] | select(.["@type"] == "case-investigation:InvestigativeAction") |
			.["uco-action:performer"]) = "somebody"' >bad
	run node npm/shapes.mjs "$shapes" r/case.jsonld r2/case.jsonld bad
	[ "$status" -eq 4 ]
	says "r/case.jsonld: good"
	says "r2/case.jsonld: good"
	says "bad: bad"
	[[ "$output" == *hashMethod* && "$output" == *performer* ]]
}

@test "without a reader: ids only, and nothing personal" {
	id=$(item c/plain.jpg)
	report c/plain.jpg -o named
	custody --node cap report archive "$id" -o r1
	custody report archive "$id" -o r2
	custody --node ws report archive c/plain.jpg --no-names -o r3
	for r in r1 r2 r3; do
		ok page check $r/report.html
		grep -qF "$id" $r/report.html
		run ! grep -rqE 'plain\.jpg|Otay|2506' $r/receipts $r/case.jsonld
		cmp r1/receipts/* $r/receipts/*
	done
	grep -qE 'plain\.jpg' named/report.html
	run ! grep -qE 'plain\.jpg|Otay|2506' r1/report.html
	run ! grep -qE 'plain\.jpg|Otay|2506' r2/report.html
	fails 2 "no item id" custody report archive c/plain.jpg -o r4
	fails 2 "no item id" custody --node cap report archive c/plain.jpg -o r4
	ok custody report archive -o r5
	says "report of 7 items"
	[ ! -e r4 ]
}

@test "the same but for its time" {
	report -o a
	sleep 0.01
	report -o b
	for r in a b; do sed -i -E '/Made<\/th>/s/<time.*<\/time>//' $r/report.html; done
	cmp a/report.html b/report.html
	cmp a/case.jsonld b/case.jsonld
	diff -r a/receipts b/receipts
}

@test "damage: the report is written, names it, and the exit code is 4" {
	id=$(item c/plain.jpg)
	read -r off head len < <(jq -r --arg i "$id" \
		'select(.item == $i) | "\(.offset) \(.headlen) \(.length)"' "$(cap_journal)")
	flip "$(seg)" $((off + len - 1))
	run --separate-stderr report -o r
	[ "$status" -eq 4 ]
	says "6 hold, 1 does not"
	ok page check r/report.html
	[ "$(grep -cF 'its sealed content is not what was logged' r/report.html)" -eq 1 ]
	[ "$(grep -oF '✗ differs' r/report.html | wc -l)" -eq 1 ]
	# its head: then the record is none that could be disclosed
	flip "$(seg)" $((off + head - 1))
	run --separate-stderr report c/plain.jpg -o r2
	[ "$status" -eq 4 ]
	[ "$(grep -oF '✗ differs' r2/report.html | wc -l)" -eq 2 ]
	grep -qF 'as the index of the reporting node has it; not proved' r2/report.html
	rm "$(seg)"
	run --separate-stderr report c/plain.jpg -o r3
	[ "$status" -eq 4 ]
	[ "$(grep -oF '✗ not there' r3/report.html | wc -l)" -eq 2 ]
	ok page check r3/report.html
	# other items are not to blame
	run --separate-stderr report c/sub --json -o r4
	[ "$status" -eq 4 ]
	json '.[0].bad == 1 and .[0].archive == "holds"'
}

@test "a log or a document that was edited: a finding of the archive" {
	sed -i 's/"user":"[^"]*"/"user":"nobody"/' "$(cap_journal)"
	run --separate-stderr custody report archive "$(jq -r 'select(.type == "ingest") | .item' \
		"$(cap_journal)" | head -n 1)" -o r
	[ "$status" -eq 4 ]
	says "the archive's logs and documents: does not hold"
	ok page check r/report.html
	grep -qF 'none could be made' r/report.html
	run ! grep -qF 'Nothing was found to be wrong' r/report.html
}

@test "a folder is never written over, and no half report is left" {
	mkdir there && touch there/file
	fails 1 "exists already" report -o there
	[ "$(ls there)" = file ]
	touch file
	fails 1 "exists already" report -o file
	ln -s nowhere link
	fails 1 "exists already" report -o link
	fails 1 "can't be made" report -o no/such/folder
	mkdir empty
	ok report c/plain.jpg -o empty/
	[ -e empty/report.html ]
	fails 1 "is not in the archive" report c/none -o r
	fails 1 "there is no item" custody report archive 00000000000000000000000000000000 -o r
	fails 2 "-o DIR is needed" report
	fails 2 "name none" report c/plain.jpg --case C -o r
	fails 5 "not an archive" custody report images -o r
	[ -z "$(find . -maxdepth 1 -name 'r*' -print)" ]
}

@test "interrupted, it leaves nothing" {
	head -c 200000000 /dev/zero >images/big
	custody --node cap ingest archive images --collection d
	"$CUSTODY" --node ws report archive -o r >out 2>err &
	pid=$!
	for _ in $(seq 500); do
		! compgen -G 'r.??????/receipts/*' >/dev/null || break
		sleep 0.01
	done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -ne 0 ] || skip "it was done before it was stopped"
	[ "$status" -eq 1 ]
	grep -q "stopped: no report was written" err
	[ ! -s out ] && [ ! -e r ]
	run ! compgen -G 'r.*'
	ok report c -o r # the place is free
}

@test "what the page says to do works, with other people's programs" {
	custody --node ws request archive c/plain.jpg --case C-1 --purpose P -o r.req
	report -o r
	cd r
	for c in files parts events signatures; do
		page commands report.html $c >"../$c.sh"
		bash -e "../$c.sh" >"../$c.out" 2>&1 || { cat "../$c.out"; false; }
	done
	[ "$(wc -l <../files.out)" -eq 9 ]
	[ "$(grep -c '"ingest"' ../events.out)" -eq 7 ]
	[ "$(grep -c '^Good "archive@' ../signatures.out)" -eq 7 ]
	[ "$(grep -c '^Good "enrol@' ../signatures.out)" -eq 7 ]
	run ! grep -q BAD ../signatures.out
	if command -v node >/dev/null; then
		cp "$BATS_TEST_DIRNAME"/../receipt/{check,container,custody,sshsig,tlog,versions}.mjs .
		page commands report.html proofs >../proofs.sh
		[ "$(bash -e ../proofs.sh | grep -c '^good: 2 events')" -eq 7 ]
	fi
	# and finds out what was changed
	sed -i 's/^threshold: 1/threshold: 2/' receipts/0001-*
	run bash -e ../files.sh
	[ "$status" -ne 0 ]
	rm -r parts && bash -e ../parts.sh
	run bash -e ../signatures.sh
	[[ "$output" == *BAD* ]]
}

@test "in a browser: it renders, prints on pages, and nothing in it runs" {
	report c -o r
	browser_dom r/report.html >dom.html
	ok page check dom.html
	says "7 pictures"
	grep -qF '<title>Custody report, archive' dom.html
	grep -qF '&lt;script&gt;document.title="taken"&lt;' dom.html
	# were there a script all the same, the page's policy would not let it run
	sed 's|</main>|<script>document.title="taken"</script></main>|' r/report.html >r/evil.html
	browser_dom r/evil.html >dom.html
	grep -qF '<title>Custody report, archive' dom.html
	run ! grep -qF '<title>taken' dom.html
	sed '/Content-Security-Policy/d' r/evil.html >r/worse.html
	browser_dom r/worse.html >dom.html
	grep -qF '<title>taken' dom.html
	browser_pdf r/report.html out.pdf
	pdftotext -layout out.pdf out.txt
	pages=$(pdfinfo out.pdf | sed -n 's/^Pages: *//p')
	[ "$pages" -ge 14 ]
	grep -qE "Page $pages of $pages" out.txt
	# each item begins a page, and a table's head is repeated where it goes on
	[ "$(tr '\f' '\n' <out.txt | grep -cE '^ *Item [0-9]+: c/')" -eq 7 ]
	awk 'BEGIN { RS = "\f" } /(^|\n) *Item [0-9]+: c\// && !/^ *Item [0-9]+: c\// { exit 1 }' out.txt
}
