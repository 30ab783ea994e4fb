#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody transfer: accessions handed from one organisation, which works in here/, to another, which
# works in there/ with a copy of the archive: both sign, digests before and after, and what is tried
# to get round it.

load ../lib/common

setup_file() {
	build() {
		set -e
		world_keys officer receiver second
		world_archive
		world_node cap ingest
		mkdir images more
		for i in 1 2 3; do head -c 5000 /dev/urandom >images/$i.jpg; done
		echo more >more/4.jpg
		custody --node cap ingest archive images --collection c
		custody --node cap ingest archive more --collection d
		world_node ws reader
		# the other side's reader
		world_node ys reader
	}
	common_make build
}
setup() { common_copy; }
teardown() { world_end; }

cap_journal() { grep -l '"type":"ingest"' archive/journal/*.jsonl; }
accession() { jq -r 'select(.type == "accession") | .accession' "$(cap_journal)" | sed -n "${1}p"; }
terms=(--from 'CBP Otay Mesa' --from-person 'A. Officer' --to 'Crime lab' --to-person 'B. Examiner'
	--medium 'USB disk' --medium-serial 'SN-0042' --encryption 'archive ciphertext on LUKS2'
	--purpose 'examination')
release() { custody --node ws transfer release archive "${terms[@]}" "$@"; }
receive() {
	custody --node ys transfer receive there "$1" --person 'B. Examiner' --medium-serial 'SN-0042' \
		"${@:2}"
}
sign() { authority -q sign "$1" --sign-with "$2" 2>/dev/null || authority sign "$1" --sign-with "$2"; }
here() { custody --node ws "$@"; }
there() { custody --node ys "$@"; }
serial() { sed -n 's/^serial: //p' "$1"; }

# released [ARGUMENT...]: a signed release rel, imported here; there/ is the copy that was sent
released() {
	release -o rel --to-key receiver.pub "$@"
	sign rel officer
	here import archive rel
	cp -a archive there
}

# received: a signed receipt rec, of what is in there/
received() {
	there import there rel
	receive rel -o rec || [ "$?" -eq 4 ]
	sign rec receiver
}

@test "the whole way: released, open, received, and both sides have it in their logs" {
	release -o rel --to-key receiver.pub --legal-basis '19 CFR 162'
	ok authority sign rel --sign-with officer
	says "transfer-release $(serial rel): 1 signature"
	ok here status archive --json
	json '.[0].transfers == []'
	ok here import archive rel
	says "transfer-release $(serial rel) imported"
	cp -a archive there
	ok here status archive
	says "attention  transfer $(serial rel)"
	says "to Crime lab, medium SN-0042: released, and not received"
	ok here status archive --json
	json '.[0].transfers | length == 1 and .[0].state == "open"'
	ok here status archive --check # for now
	run -8 --separate-stderr here status archive --check --json --max-unreceived 0s
	json ".[0].alarms | map(.id) == [\"transfer-open\"] and .[0].document == \"$(serial rel)\""
	ok here transfer list archive
	says "open"
	ok there import there rel
	ok receive rel -o rec
	says "all as released"
	[ "$(sed -n 's/^result: //p' rec)" = match ]
	sign rec receiver
	ok there import there rec
	ok here import archive rec
	for side in 'here archive' 'there there'; do
		read -r who a <<<"$side"
		ok "$who" status "$a" --json
		json '.[0].transfers == []'
		ok "$who" status "$a" --check --max-unreceived 0s
		ok "$who" transfer list "$a" --json
		json '.[0].state == "received" and .[0].received_by == "B. Examiner" and .[0].segments == 2'
		ok custody verify "$a"
		ok "$who" log "$a" --type admitted
		says "transfer-release $(serial rel)"
		says "transfer-receipt $(serial rec)"
	done
}

@test "digests are those of the files, and can be made with ordinary tools" {
	release -o rel --to-key receiver.pub
	[ "$(grep -c '^accession: ' rel)" -eq 2 ]
	[ "$(grep -c '^segment: ' rel)" -eq 2 ]
	while read -r _ seg n digest; do
		[ "$(head -c "$n" "archive/segments/${seg:0:2}/$seg.seg" | sha256sum | cut -d' ' -f1)" = "$digest" ]
	done < <(grep '^segment: ' rel)
	# one accession alone
	release "$(accession 2)" -o one --to-key receiver.pub
	[ "$(grep -c '^segment: ' one)" -eq 1 ]
	grep -q "^accession: $(accession 2) .* 1$" one
	# signed by ssh-keygen itself, of more than one officer's keys
	ssh-keygen -q -Y sign -n transfer@custodyfs -f officer one
	cat one one.sig >signed
	ok here import archive signed
	sed -n 's/^key: /officer /p' archive/archive.txt >allowed
	ssh-keygen -Y verify -f allowed -I officer -n transfer@custodyfs -s one.sig <one
}

@test "what did not arrive as it was is named, recorded, and an alarm on both sides" {
	released
	there import there rel
	first=$(sed -n 's/^segment: \([0-9a-f]*\) .*/\1/p' rel | head -n 1)
	last=$(sed -n 's/^segment: \([0-9a-f]*\) .*/\1/p' rel | tail -n 1)
	flip "there/segments/${first:0:2}/$first.seg" 4000
	rm "there/segments/${last:0:2}/$last.seg"
	run --separate-stderr receive rel -o rec --remark 'seal was broken'
	[ "$status" -eq 4 ]
	says "mismatch: segment $first is not the one that was released"
	says "mismatch: segment $last did not arrive"
	grep -qx "missing: $last" rec
	grep -qx 'result: mismatch' rec
	grep -qx 'remark: seal was broken' rec
	sign rec receiver
	ok there import there rec
	says "NOT ALL ARRIVED AS RELEASED"
	ok here import archive rec --json
	json '.[0].mismatch'
	ok here status archive
	says "TRANSFER   $(serial rel)"
	says "not all arrived as it was released"
	run -8 --separate-stderr here status archive --check --json
	json '.[0].alarms | map(.id) == ["transfer-mismatch"]'
	ok here transfer list archive --json
	json '.[0].state == "mismatch"'
	# nothing is wrong at this side
	ok custody verify archive
	# and a report tells of it, item by item
	ok here report archive -o r
	ok python3 "$BATS_TEST_DIRNAME/../report/page.py" check r/report.html
	[ "$(grep -cF 'serial no. <bdi>SN-0042</bdi>' r/report.html)" -eq 4 ]
	[ "$(grep -cF 'not all as released' r/report.html)" -eq 4 ]
	[ "$(grep -cF '; it did not arrive' r/report.html)" -eq 1 ]
	[ "$(grep -cF 'remark: <bdi>seal was broken</bdi>' r/report.html)" -eq 4 ]
	ok python3 "$BATS_TEST_DIRNAME/../report/case.py" r/case.jsonld
	jq -e '.["@graph"] | any(.[]; .["uco-core:name"] == "custody-release" and
		(.["uco-action:object"] | length) == 4)' r/case.jsonld >/dev/null
	run custody verify there
	[ "$status" -eq 4 ]
}

@test "cut off, and on another medium" {
	released
	there import there rel
	seg=$(sed -n 's/^segment: \([0-9a-f]*\) .*/\1/p' rel | head -n 1)
	truncate -s 1000 "there/segments/${seg:0:2}/$seg.seg"
	run --separate-stderr custody --node ys transfer receive there rel --person P --medium-serial X -o rec
	[ "$status" -eq 4 ]
	says "arrived with 1000 of its"
	says "the medium has another serial number"
	grep -qx 'medium-serial: X' rec
	# bytes behind what was committed are nobody's
	cp "archive/segments/${seg:0:2}/$seg.seg" "there/segments/${seg:0:2}/$seg.seg"
	echo tail >>"there/segments/${seg:0:2}/$seg.seg"
	ok receive rel -o rec
}

@test "each is taken once, and a release has one receipt" {
	released
	received
	fails 7 "a document is taken once" here import archive rel
	fails 7 "a document is taken once" there import there rel
	# a second receipt, before and after the first is admitted
	receive rel -o rec2
	sign rec2 receiver
	here import archive rec
	there import there rec
	fails 7 "a document is taken once" here import archive rec
	fails 7 "a receipt for this release already" here import archive rec2
	fails 7 "a receipt for this release already" receive rel -o rec3
	[ ! -e rec3 ]
	logged ws '.type == "refused" and .reason == "replayed"'
}

@test "a mismatch stays, though a lying log has a receipt that is all well" {
	world_node eve ingest
	released
	cp -a there well && cp -a ys well-ys
	received
	mv rec good
	rm -rf there ys && mv well there && mv well-ys ys
	seg=$(cd there && ls -S segments/*/*.seg | head -n 1)
	flip "there/$seg" 600
	received
	mv rec bad
	grep -qx 'result: mismatch' bad
	grep -qx 'result: match' good
	"$(dirname "$CUSTODY")/tests/fuse/rogue" eve archive admit transfer-receipt good
	custody --node eve checkpoint archive >/dev/null
	ok here transfer list archive --json
	json '.[0].state == "received"'
	ok here import archive bad
	ok here transfer list archive --json
	json '.[0].state == "mismatch"'
	run -8 here status archive --check -q
}

@test "edited: serial, digest, medium, receiver, result" {
	released
	received
	for edit in 's/^medium-serial: .*/medium-serial: SN-9/' "s/^serial: .*/serial: $(openssl rand -hex 16)/" \
		's/^to: .*/to: Somebody/' 's/^\(segment: [0-9a-f]* [0-9]* \)./\1z/' 's/^purpose: /&x/' \
		"s|^to-key: .*|to-key: $(cut -d' ' -f1,2 second.pub)|" 's/^from-person: /&Dr /'; do
		sed "$edit" rel >bad
		! cmp -s rel bad
		run --separate-stderr here import archive bad
		[[ "$status" =~ ^[45]$ ]] || { echo "$edit: $status $stderr"; false; }
	done
	for edit in 's/^result: match/result: mismatch/' 's/^medium-serial: .*/medium-serial: SN-9/' \
		's/^person: /&Dr /' 's/^organisation: .*/organisation: Other/' 's/^\(segment: .* \)./\1f/' \
		's/^release: .*/release: 00000000000000000000000000000000/'; do
		sed "$edit" rec >bad
		! cmp -s rec bad
		run --separate-stderr here import archive bad
		[[ "$status" =~ ^[457]$ ]] || { echo "$edit: $status $stderr"; false; }
	done
	# by the receiver's own officers, who sign anew: what it says must be what its lines bear out
	text() { sed '/^-----BEGIN/,$d' rec; }
	text | sed 's/^\(segment: [0-9a-f]* [0-9]* \)..../\10000/' >bad && sign bad receiver
	fails 4 "is not what its lines say" here import archive bad
	text | sed 's/^result: match/result: mismatch/' >bad && sign bad receiver
	fails 4 "is not what its lines say" here import archive bad
	text | sed 's/^medium-serial: .*/medium-serial: SN-9/' >bad && sign bad receiver
	fails 4 "is not what its lines say" here import archive bad
	text | sed '/^segment: /{x;s/^/x/;/^x$/{x;d};x}' >bad && sign bad receiver
	fails 4 "segments and logs of its release" here import archive bad
	text | sed 's/^release-digest: ..../release-digest: 0000/' >bad && sign bad receiver
	fails 4 "byte by byte" here import archive bad
	text | sed 's/^organisation: .*/organisation: Other/' >bad && sign bad receiver
	fails 4 "the release is to Crime lab" here import archive bad
	text | sed 's/^issued: 20../issued: 1999/' >bad && sign bad receiver
	fails 4 "before its release" here import archive bad
	ok here import archive rec
}

@test "signed by others, too few, or for another use" {
	release -o rel --to-key receiver.pub
	fails 7 "signed by 0 of the 1" here import archive rel
	cp rel bad && sign bad receiver
	fails 7 "not an authorisation key" here import archive bad
	ssh-keygen -q -Y sign -n authorise@custodyfs -f officer rel
	cat rel rel.sig >bad
	fails 7 "transfer@custodyfs" here import archive bad
	release -o rel --to-key receiver.pub --to-key second.pub
	grep -qx 'to-threshold: 2' rel
	sign rel officer
	here import archive rel
	cp -a archive there
	there import there rel
	receive rel -o rec
	fails 7 "signed by 0 of the 2" here import archive rec
	cp rec bad && sign bad officer
	fails 7 "not an authorisation key" here import archive bad
	sign rec receiver
	fails 7 "signed by 1 of the 2" here import archive rec
	sign rec second
	ok here import archive rec
	# the archive's directory is no judge of the receiver's keys
	run --separate-stderr authority sign auth rec
	[ "$status" -eq 2 ]
	talks "signed by those whom its release names"
}

@test "another archive, an older copy, a cut log" {
	cp -a archive old
	custody --node cap ingest archive more --collection e
	released
	# the copy that arrives is an older one
	cp -a old there2
	cp -a ys ys2
	run --separate-stderr custody --node ys2 import there2 rel
	[ "$status" -eq 7 ]
	talks "this archive is older"
	mkdir x && (cd x && cp ../officer* . && world_archive && custody --node n node-init archive \
		--role reader --no-passphrase -o n.req && authority enrol auth n.req --sign-with officer \
		-o n.enrol && custody --node n import archive n.enrol) >/dev/null 2>&1
	fails 7 "another archive" custody --node x/n import x/archive rel
	# whoever receives nothing can't say so, and who only ingests can't say at all
	fails 7 "import that first" receive rel -o rec
	fails 7 "a reader node is needed" custody --node cap transfer release archive "${terms[@]}" \
		--to-key receiver.pub -o rel2
	[ ! -e rec ] && [ ! -e rel2 ]
	received
	# a receipt whose release was never imported here
	rm archive/documents/"$(serial rel)".transfer-release
	fails 7 "the release that it answers is not here" here import archive rec
}

@test "a document of a transfer that is taken away or changed is missed" {
	released
	received
	here import archive rec
	f=archive/documents/$(serial rec).transfer-receipt
	mv "$f" kept
	run --separate-stderr here transfer list archive
	[ "$status" -eq 4 ]
	talks "lacks 1 document of transfers"
	ok here status archive
	says "DAMAGE     documents/ lacks 1 document of transfers"
	run -8 --separate-stderr here status archive --check --json
	json '.[0].alarms | map(.id) == ["transfer-lost"]'
	run custody verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"transfer-receipt is missing"* ]]
	sed 's/^person: .*/person: C. Other/' kept >"$f"
	run custody verify archive
	[ "$status" -eq 4 ]
	mv kept "$f"
	ok custody verify archive
}

@test "another node of the same side sees what its neighbour released" {
	released
	world_node ws2 reader >/dev/null
	ok custody --node ws2 status archive --json
	json '.[0].transfers | length == 1 and .[0].state == "open"'
	received
	here import archive rec
	ok custody --node ws2 status archive --json
	json '.[0].transfers == []'
	# one that lies in documents/ and was admitted by nobody is none
	release -o rel2 --to-key receiver.pub
	sign rel2 officer
	cp rel2 "archive/documents/$(serial rel2).transfer-release"
	ok custody --node ws2 status archive --json
	json '.[0].transfers == []'
}

@test "usage" {
	fails 2 "release, receive or list" custody transfer send archive
	fails 2 "-o FILE is needed" custody transfer release archive
	fails 2 "--from is needed" custody --node ws transfer release archive -o rel
	fails 2 "--to-key is needed" release -o rel
	fails 2 "there are 1 keys" release -o rel --to-key receiver.pub --to-threshold 2
	fails 2 "ACCESSION" release nonsense -o rel --to-key receiver.pub
	fails 1 "there is no accession" release 00000000000000000000000000000000 -o rel --to-key receiver.pub
	fails 2 "one line of text" release -o rel --to-key receiver.pub --purpose $'a\nb'
	fails 2 "one line of text" release -o rel --to-key receiver.pub --purpose "$(printf 'x%.0s' {1..512})"
	fails 2 "are for receive" release -o rel --to-key receiver.pub --person P
	fails 2 "stands in the release" receive rel -o rec --to X
	fails 2 "list takes ARCHIVE alone" here transfer list archive more
	fails 1 "nowhere" custody --node ws transfer receive archive nowhere --person P --medium-serial S -o r
	fails 5 "not the release" custody --node ws transfer receive archive ws.enrol --person P --medium-serial S -o r
	[ ! -e rel ] && [ ! -e rec ] && [ ! -e r ]
	seg=$(find archive/segments -name '*.seg' | head -n 1)
	truncate -s -1 "$seg"
	fails 4 "is not there as logged" release -o rel --to-key receiver.pub
	[ ! -e rel ]
}

@test "keys that were taken out: a release that a lying log admits is nobody's open transfer" {
	world_keys next
	cp -a auth before
	world_node evil ingest
	# One that is admitted before the rotation, and goes on; one that is not.
	released
	release -o late --to-key receiver.pub
	sign late officer
	authority rotate auth --add-key next.pub --remove-key officer.pub --sign-with officer \
		--sign-with next -o next.txt
	here import archive next.txt
	"$(dirname "$CUSTODY")/tests/fuse/rogue" evil archive admit transfer-release late
	fails 7 'not an authorisation key' here import archive late
	for _ in 1 2; do
		ok here status archive --json
		json ".[0].transfers | map(.release) == [\"$(serial rel)\"]"
		json '.[0].alarms | map(.id) | index("transfer-lost") == null'
		ok here transfer list archive --json
		json "map(.release) == [\"$(serial rel)\"]"
		# Nor of a node whose index is made anew, of a log that is read first or last.
		ok here reindex archive
	done
	ok here status archive
	says 'attention  1 release of a transfer signed by keys of an earlier archive.txt'
	ok here transfer list archive
	talks "can't be judged"
	ok custody verify archive
	talks "$(serial late).transfer-release is signed by keys of archive.txt version 1, and journal"
	talks "has not met version 2"
	# Once its log has the new version before it, it is forged.
	custody --node evil checkpoint archive >/dev/null
	release -o later --to-key receiver.pub
	sign later officer
	"$(dirname "$CUSTODY")/tests/fuse/rogue" evil archive admit transfer-release later
	ok here status archive --json
	json ".[0].transfers | map(.release) | index(\"$(serial later)\") == null"
	run custody verify archive
	[ "$status" -eq 4 ]
	says "$(serial later).transfer-release is signed by keys of archive.txt version 1, and journal"
}

@test "keys that were taken out: a transfer that was admitted under them is received under the new" {
	world_keys next
	released
	authority rotate auth --add-key next.pub --remove-key officer.pub --sign-with officer \
		--sign-with next -o next.txt
	here import archive next.txt
	received
	here import archive rec
	ok here transfer list archive --json
	json '.[0].state == "received"'
}
