#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody export: what leaves, in which forms, what the log says of it before, and what is refused,
# however it is tried. The other side is in accept.bats.

load ../lib/common

setup_file() {
	build() {
		set -e
		world_archive
		world_node cap ingest
		mkdir -p images/sub
		"$MKIMAGES" images 2 >plates
		echo two >images/sub/two.jpg
		: >images/empty
		echo c >images/$'ctl\x1b[31m\nline%41'
		echo n >images/$'latin\xfc'
		echo m >'images/latin%FC'
		head -c 200000 /dev/urandom >images/big.bin
		custody --node cap ingest archive images --collection otay --meta port=2506
		world_node ws reader
		for k in court other; do age-keygen -o "$k.key" 2>/dev/null; done
		world_request r otay
		world_authorise r --export-to "$(age-keygen -y court.key)" --export-to plain
		custody --node ws import archive r.auth
		# sealed to the court alone
		world_request s otay
		world_authorise s --export-to "$(age-keygen -y court.key)"
		custody --node ws import archive s.auth
		# as all of them were before: to be read here
		world_request old otay
		world_authorise old
		custody --node ws import archive old.auth
	}
	common_make build
}
setup() {
	common_copy
	COURT=$(age-keygen -y court.key)
	OTHER=$(age-keygen -y other.key)
}
teardown() { world_end; }

serial() { sed -n 's/^serial: //p' "$1"; }
export_as() { # AUTH DEST [OPTION...]
	local auth=$1

	shift
	custody --node ws export archive -a "$(serial "$auth")" "$@"
}
# journal lines of ws, of a type
ws_log() { jq -c "select(.type == \"$1\")" "archive/journal/$(custody --node ws status archive --json | jq -r .node).jsonl"; }
count() { find "$@" -type f -printf x | wc -c; }
bytes() { find "$@" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }'; }
nothing_left() { [ -z "$(find . -maxdepth 1 -name '.*part' -o -name out -o -name out.age)" ]; }

# the bag in $1 is complete and valid by sha256sum and find alone
bag_holds() {
	(
		set -e
		cd "$1"
		printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | cmp - bagit.txt
		# sha256sum has another way to write odd names: those are looked at one by one
		while IFS= read -r line; do
			name=${line:66}
			name=$(printf '%b.' "${name//%/\\x}") name=${name%.}
			[ "$(sha256sum <"$name" | cut -c1-64)" = "${line:0:64}" ]
			printf '%s\0' "$name"
		done < <(cat manifest-sha256.txt tagmanifest-sha256.txt) | sort -z >../listed
		find . -type f ! -name tagmanifest-sha256.txt -printf '%P\0' | sort -z >../there
		cmp ../listed ../there
		[ "$(find . ! -type f ! -type d | wc -l)" -eq 0 ]
		grep -qx "Payload-Oxum: $(bytes data).$(count data)" \
			bag-info.txt
	)
}

@test "a folder: all that is covered, byte for byte, and a bag" {
	ok export_as r.auth out
	bag_holds out
	says "$(sha256sum <out/tagmanifest-sha256.txt | cut -d' ' -f1)"
	diff -r images/sub out/data/otay/sub
	for f in big.bin empty us/car1.jpg $'ctl\x1b[31m\nline%41'; do cmp "images/$f" "out/data/otay/$f"; done
	# what is no UTF-8 has a name that is, and what had that name already keeps its content too
	[ "$(cat out/data/otay/latin%FC out/data/by-id/* | sort | tr -d '\n')" = mn ]
	[ "$(count out/data)" -eq "$(count images)" ]
	[ "$(stat -c %a out out/data/otay/big.bin | paste -sd' ')" = "700 600" ]
	[ "$(stat -c %Y out/data/otay/big.bin)" = "$(stat -c %Y images/big.bin)" ]
}

@test "the reference validator accepts it" {
	python3 -c 'import bagit' 2>/dev/null || skip "python3 has no bagit: the reference validator is not asked"
	export_as r.auth out
	python3 -m bagit --validate out
	echo x >>out/data/otay/big.bin
	run ! python3 -m bagit --validate out
}

@test "receipts: one of each item, good for custody check and for the independent checker" {
	export_as r.auth out
	[ "$(count out/custody/receipts)" -eq "$(count out/data)" ]
	number=$(sed -n 's/^Custody-Export: //p' out/bag-info.txt)
	for f in out/custody/receipts/*; do
		ok custody check "$f" --archive-key officer.pub
		says "export ${number:0:8}"
		ok node "$BATS_TEST_DIRNAME/../receipt/check.mjs" "$f"
	done
	[ "$(sed -n 's/^item: //p' out/custody/export.txt | wc -l)" -eq "$(count out/data)" ]
	cmp r.auth out/custody/authorisation.txt
	cmp archive/archive.txt out/custody/archive.txt
	# the officers' signature, by ssh-keygen
	ssh-keygen -Y check-novalidate -n authorise@custodyfs \
		-s <(sed -n '/BEGIN SSH/,/END SSH/p' out/custody/authorisation.txt) \
		< <(sed '/BEGIN SSH/,$d' out/custody/authorisation.txt)
}

@test "the report is in it, and case.jsonld keeps to the shapes of CASE/UCO 1.4" {
	export_as r.auth out
	python3 "$BATS_TEST_DIRNAME/../report/page.py" check out/custody/report.html
	grep -qF 'Exported' out/custody/report.html
	jq -e '."@graph"' out/custody/case.jsonld >/dev/null
	grep -qF '"custodyfs:export"' out/custody/case.jsonld
	shapes=${SHARED:-none}/vectors/case/case-1.4.0.ttl
	[ -e "$shapes" ] || skip "no shapes of CASE/UCO beside the project"
	command -v npm >/dev/null || skip "no npm: the shapes of CASE/UCO are not asked"
	mkdir npm && cp "$BATS_TEST_DIRNAME/../report/shapes.mjs" npm
	(cd npm && npm install --no-audit --no-fund --silent --cache "$PWD/cache" jsonld@9 n3@1 rdf-validate-shacl@0.6) \
		>npm.log 2>&1 || skip "the npm packages can't be had: the shapes of CASE/UCO are not asked"
	ok node npm/shapes.mjs "$shapes" out/custody/case.jsonld
	says "good"
}

@test "provenance is a table that custody ingest takes as a manifest" {
	export_as r.auth out
	python3 - <<-'E'
	import csv, hashlib
	rows = list(csv.DictReader(open('out/custody/provenance.csv', newline='')))
	assert len(rows) == 13, rows
	for r in rows:
	    b = open('out/data/' + r['file'], 'rb').read()
	    assert len(b) == int(r['bytes']) and hashlib.sha256(b).hexdigest() == r['sha256'], r
	    assert r['meta.port'] == '2506', r
	E
	custody --node cap ingest archive out/data --collection again --manifest out/custody/provenance.csv
}

@test "sealed: one file, which age opens, for the recipient alone" {
	ok export_as s.auth out.age --seal-to "$COURT"
	says "sealed to $COURT"
	head -c 21 out.age | grep -qx 'age-encryption.org/v1'
	age -d -i court.key out.age >out.tar
	run ! age -d -i other.key out.age
	run ! grep -aqF otay out.age
	mkdir x && tar -C x -xf out.tar
	bag_holds x/export-*
	cmp images/big.bin x/export-*/data/otay/big.bin
	cmp "images/"$'ctl\x1b[31m\nline%41' x/export-*/data/otay/$'ctl\x1b[31m\nline%41'
	grep -qx "recipient: $COURT" x/export-*/custody/export.txt
	# to standard output the same, and what is said does not go there
	export_as s.auth - --seal-to "$COURT" >again.age 2>talk
	age -d -i court.key again.age | tar -t >names
	grep -q '/data/otay/big.bin$' names
	grep -q "sealed to $COURT" talk
}

@test "sealed: plaintext touches no disk" {
	command -v strace >/dev/null || skip "no strace"
	mark=$(tr -dc a-z </dev/urandom | head -c 24)
	mkdir more && yes "$mark" | head -c 300000 >more/m.txt
	custody --node cap ingest archive more --collection more
	world_request m more
	world_authorise m --export-to "$COURT"
	custody --node ws import archive m.auth
	strace -f -s 64 -e trace=write,pwrite64,writev,pwritev,sendto,mmap,open,openat,creat,memfd_create -o calls \
		"$CUSTODY" --node ws export archive -a "$(serial m.auth)" out.age --seal-to "$COURT"
	# what is written anywhere has it nowhere, and no file was made but the package and what is sealed
	run ! grep -aF "$mark" calls
	grep -aE 'O_CREAT|creat\(|O_TMPFILE|memfd_create' calls | grep -avE '\.part"|/dev/null|journal|checkpoint|lock|in-use|\.tmp"|data\.mdb|"closed"|index' >made || :
	[ ! -s made ] || { cat made; false; }
	run ! grep -raqF "$mark" out.age ws archive
	age -d -i court.key out.age | grep -aqF "$mark"
}

@test "a tar, and the same on standard output" {
	ok export_as r.auth out.tar --format tar
	mkdir x && tar -C x -xf out.tar
	bag_holds x/export-*
	export_as r.auth - -q >again.tar 2>/dev/null
	tar -tf again.tar | grep -q '/custody/export.txt$'
	python3 -c 'import tarfile; t = tarfile.open("out.tar"); assert any(m.name.endswith("\x1b[31m\nline%41") for m in t)'
}

@test "the log: exported before anything, opened with its number, how it ended; custody log --export" {
	export_as r.auth out
	number=$(sed -n 's/^Custody-Export: //p' out/bag-info.txt)
	[ "$(ws_log exported | jq -r '[.export, .kind, .recipients, .items] | @tsv')" = \
		"$(printf '%s\tfolder\t\t%d' "$number" "$(count out/data)")" ]
	first=$(ws_log exported | jq .seq)
	ws_log opened | jq -e --arg n "$number" --argjson s "$first" 'select(.export != $n or .seq <= $s)' && false
	[ "$(ws_log opened | wc -l)" -eq "$(count out/data)" ]
	[ "$(ws_log closed | jq -s 'map(.bytes) | add')" -eq "$(bytes out/data)" ]
	[ "$(ws_log export-closed | jq -r '[.export, .reason, .digest] | @tsv')" = \
		"$(printf '%s\tdone\t%s' "$number" "$(sha256sum <out/tagmanifest-sha256.txt | cut -d' ' -f1)")" ]
	ok custody --node ws log archive --export "$number"
	[ "$(grep -c opened <<<"$output")" -eq "$(count out/data)" ]
	says "export-closed"
	ok custody log archive --no-node --export "$number" --type exported,export-closed
	[ "$(wc -l <<<"$output")" -eq 2 ]
	custody verify archive
}

@test "nothing goes where the authorisation does not let it: each refusal is 7, and in the log" {
	fails 7 "grants no export to $OTHER" export_as s.auth out.age --seal-to "$OTHER"
	fails 7 "grants no export" export_as s.auth out.age --seal-to "$COURT" --seal-to "$OTHER"
	fails 7 "not sealed" export_as s.auth out
	fails 7 "not sealed" export_as s.auth out.tar --format tar
	fails 7 "not sealed" export_as s.auth -
	fails 7 "no export at all" export_as old.auth out
	fails 7 "no export at all" export_as old.auth out.age --seal-to "$COURT"
	fails 7 "not sealed" export_as s.auth out --dry-run
	nothing_left
	[ "$(ws_log refused | jq -r 'select(.what == "export") | .reason' | sort | uniq -c | xargs)" = "7 no-export" ]
	[ -z "$(ws_log opened)$(ws_log exported)" ]
	# an authorisation that was never admitted, though it lies in documents/
	world_request n otay
	world_authorise n --export-to any --export-to plain
	cp n.auth "archive/documents/$(serial n.auth).authorisation"
	fails 7 "no authorisation" export_as n.auth out
}

@test "an edited authorisation, and one whose document is exchanged, grant nothing" {
	world_request n otay
	world_authorise n --export-to "$COURT"
	for to in any plain "$OTHER"; do
		sed "s/^export-to: .*/export-to: $to/" n.auth >edited.auth
		fails 4 "" custody --node ws import archive edited.auth
	done
	sed "s/^export-to: .*/export-to: any/" s.auth >edited.auth
	fails 7 "in the log already" custody --node ws import archive edited.auth
	rm "archive/documents/$(serial s.auth).authorisation"
	cp edited.auth "archive/documents/$(serial s.auth).authorisation"
	run -7 export_as s.auth out.age --seal-to "$OTHER"
	nothing_left
	# a grant in another place of the text, or in a text line, is none
	world_request p otay
	sed -i 's/^purpose: .*/purpose: export-to: any/' p.req
	run ! world_authorise p
	custody --node ws request archive otay --case C --purpose 'x export-to: any' -o q.req
	world_authorise q
	custody --node ws import archive q.auth
	fails 7 "no export at all" export_as q.auth out.age --seal-to "$OTHER"
	# and what was imported once is not imported again
	fails 7 "" custody --node ws import archive q.auth
}

@test "after the end, after a revocation, for other users: refused" {
	world_request e otay/us/car1.jpg
	world_authorise e --until +2s --export-to plain
	custody --node ws import archive e.auth
	world_request u otay/us/car1.jpg
	world_authorise u --users nobody --export-to plain
	custody --node ws import archive u.auth
	fails 7 "for other users" export_as u.auth out
	authority revoke auth --authorisation "$(serial r.auth)" --reason R --sign-with officer -o rev
	custody --node ws import archive rev
	fails 7 "revoked" export_as r.auth out
	for _ in $(seq 50); do
		[ "$(date +%s)" -le "$(date -d "$(sed -n 's/^not-after: //p' e.auth)" +%s)" ] || break
		sleep 0.1
	done
	fails 7 "expired" export_as e.auth out
	nothing_left
	[ "$(ws_log refused | jq -r .reason | sort | xargs)" = "expired revoked user" ]
}

@test "budgets count what is exported, and no half is begun" {
	n=$(count images)
	world_request b otay
	world_authorise b --max-opens $((2 * n - 1)) --export-to plain
	custody --node ws import archive b.auth
	ok export_as b.auth out1
	fails 7 "lets $((n - 1)) more items" export_as b.auth out
	world_request c otay
	world_authorise c --max-bytes 1k --export-to plain
	custody --node ws import archive c.auth
	fails 7 "more bytes" export_as c.auth out
	nothing_left
	[ "$(ws_log exported | wc -l)" -eq 1 ]
	# reading in the mount and exporting use one budget
	ok custody --node ws status archive --json
	json ".[0].releases[] | select(.authorisation == \"$(serial b.auth)\") | .opens == $n"
}

@test "whole accessions" {
	custody --node ws request archive --case C --purpose P -o a.req --accession \
		"$(custody log archive --no-node --json --type accession | jq -r .accession)"
	world_authorise a --export-to any
	custody --node ws import archive a.auth
	ok export_as a.auth out.age --seal-to "$OTHER"
	age -d -i other.key out.age | tar -t | grep -c /data/ | grep -qx "$(count images)"
}

@test "what is damaged does not leave, and nothing is left of it" {
	seg=$(echo archive/segments/*/*.seg)
	flip "$seg" $(($(stat -c %s "$seg") - 90000))
	run -4 export_as r.auth out
	nothing_left
	[ "$(ws_log export-closed | jq -r .reason)" = damaged ]
	[ "$(ws_log damaged | wc -l)" -ge 1 ]
	[ "$(ws_log opened | wc -l)" -eq "$(ws_log closed | wc -l)" ]
}

@test "a place that is taken, or can't be had, is left as it is; nothing is logged" {
	mkdir out && echo mine >out/mine
	fails 1 "exists already" export_as r.auth out
	echo mine >f
	fails 1 "exists already" export_as r.auth f --format tar
	fails 1 "exists already" export_as s.auth f --seal-to "$COURT"
	fails 1 "no/such" export_as r.auth no/such/out
	ln -s nowhere l
	fails 1 "exists already" export_as r.auth l
	[ "$(cat out/mine f)" = $'mine\nmine' ]
	[ -z "$(ws_log exported)" ]
	mkdir empty
	ok export_as r.auth empty/
	bag_holds empty
}

@test "a dry run opens, writes and logs nothing" {
	before=$(cat archive/journal/* | sha256sum)
	ok export_as r.auth out --dry-run --json
	json ".[0].dry_run and .[0].items == $(count images)"
	nothing_left
	[ "$(cat archive/journal/* | sha256sum)" = "$before" ]
}

@test "interrupted, on a full disk, killed: nothing under the name, and the log tells" {
	# full: a file system of 128 kB, if one can be had
	if mkdir disk && mount -t tmpfs -o size=128k tmpfs disk 2>/dev/null; then
		run -1 export_as s.auth disk/out.age --seal-to "$COURT"
		[ -z "$(ls -A disk)" ]
		run -1 export_as r.auth disk/out
		[ -z "$(ls -A disk)" ]
		umount disk
		[ "$(ws_log export-closed | jq -r .reason | xargs)" = "system system" ]
	fi
	# a reader that goes away
	run -1 bash -c '"$CUSTODY" --node ws export archive -a '"$(serial s.auth)"' - --seal-to '"$COURT"' | head -c 100 >/dev/null; exit ${PIPESTATUS[0]}'
	# kill -9, and an interrupt, in the middle: a pipe that nobody reads stops it there
	for sig in INT KILL; do
		rm -f p && mkfifo p
		sleep 60 <>p &
		holder=$!
		"$CUSTODY" --node ws export archive -a "$(serial s.auth)" - --seal-to "$COURT" >p 2>/dev/null &
		pid=$!
		for _ in $(seq 200); do
			[ "$(ws_log exported | wc -l)" -gt "$(cat seen 2>/dev/null || echo 3)" ] && break
			sleep 0.05
		done
		kill -s "$sig" $pid
		kill $holder
		wait $holder 2>/dev/null || :
		code=0
		wait $pid || code=$?
		[ "$code" -ne 0 ]
		ws_log exported | wc -l >seen
	done
	ok custody --node ws log archive --type exported,export-closed
	[ "$(ws_log exported | wc -l)" -eq $(($(ws_log export-closed | wc -l) + 1)) ]
	custody verify archive
	ok export_as s.auth out.age --seal-to "$COURT"
}

@test "mistakes on the command line" {
	fails 2 "--authorisation SERIAL is needed" custody --node ws export archive out
	fails 2 "no age recipient" export_as r.auth out --seal-to age1xyz
	fails 2 "was given before" export_as r.auth out --seal-to "$COURT" --seal-to "$COURT"
	fails 2 "must be 'folder' or 'tar'" export_as r.auth out --format zip
	fails 2 "always a tar" export_as r.auth out --format tar --seal-to "$COURT"
	fails 2 "can't go to standard output" export_as r.auth - --format folder
	run -2 export_as r.auth - --json
	fails 7 "" custody --node cap export archive out -a "$(serial r.auth)"
	fails 2 "'any' or" authority authorise auth r.req --sign-with officer --until +1h --export-to x -o x
	fails 2 "given before" authority authorise auth r.req --until +1h --export-to any --export-to any -o x
}

@test "a file that is found elsewhere leads to its packages: trace, impact" {
	export_as s.auth out.age --seal-to "$COURT"
	export_as r.auth out
	number=$(sed -n 's/^Custody-Export: //p' out/bag-info.txt)
	ok custody --node ws trace archive out/data/otay/big.bin
	says "exported     $number"
	says "it was not sealed"
	says "to         $COURT"
	ok custody --node ws trace archive out/data/otay/big.bin --json
	json ".[0].exports | length == 2 and .[1].export == \"$number\" and .[0].recipients == \"$COURT\""
	n=$(($(count images) - 1))
	ok custody --node ws impact archive --summary
	says "exported   $n items"
	ok custody impact archive --no-node --json
	json "map(select(.state == \"exported\")) | length == $n"
	json 'map(select(.state == "opened")) | length == 1' # the empty one
	# what was only granted is not exported
	ok custody --node ws impact archive --journal "$(custody --node cap status archive --json | jq -r .node)" --summary
	says "exported   0 items"
}
