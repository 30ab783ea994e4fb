#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody prove and custody check: receipts of items that nobody has opened. What an opening adds is
# in tests/fuse/prove.bats.

load ../lib/common

setup_file() { common_make common_ready; }
setup() { common_copy; }
teardown() { world_end; }

seg() { echo archive/segments/*/*.seg; }
cap_journal() { grep -l '"type":"ingest"' archive/journal/*.jsonl; }
item() { custody --node ws show archive "$1" --json | jq -r .item; }

# broken FILE [OPTION...]: the receipt is found out, exit 4, and says so last
broken() {
	run --separate-stderr custody check "$@"
	[ "$status" -eq 4 ] && [[ "${lines[-1]}" == "verdict       bad: "* ]] && return 0
	printf 'exit %s, not 4\nstdout: %s\nstderr: %s\n' "$status" "$output" "$stderr" >&2
	return 1
}

@test "a receipt by path, and by id: with a reader, a capture node, no node: the same bytes" {
	ok custody --node ws prove archive otay/us/car1.jpg -o a
	says "2 events of 1 log, 0 authorisations"
	id=$(item otay/us/car1.jpg)
	ok custody --node ws prove archive "$id" -o b
	ok custody --node cap prove archive "$id" -o c
	ok custody prove archive "$id" -o d
	ok custody --node ws prove archive "$id" --no-node -o e
	for f in b c d e; do cmp a $f; done
	[ "$(head -n 1 a)" = custodyfs-receipt/v1 ]
	ok custody check a
	says "item          $id"
	says "taken in"
	says "opened        by no event of this receipt"
	[ "${lines[-1]}" = "verdict       good: 2 events of 1 log proved" ]
	talks "compare the fingerprints"
}

@test "it needs nothing but the file" {
	custody --node ws prove archive otay/us/car1.jpg -o a
	mkdir away && mv a away
	rm -r archive auth ws cap
	ok custody check away/a
	ok custody check - <away/a
}

@test "nothing personal is in it, unless it is disclosed" {
	# no path, collection, meta or manifest column: all that a disclosed one has, this one has not
	custody --node ws prove archive otay/us/car1.jpg -o a
	custody --node ws prove archive otay/us/car1.jpg -o b --disclose
	ok custody check b --json
	json '.[0].disclosed and .[0].provenance.path == "us/car1.jpg"'
	json '.[0].provenance["meta.port"] == "2506"'
	[ "$(jq -r .sha256 <<<"$output")" = "$(sha256sum <images/us/car1.jpg | cut -d' ' -f1)" ]
	jq -r '.provenance | to_entries[] | select(.key | test("path|collection|manifest|meta")) |
		.value | select(length > 3)' <<<"$output" >personal
	[ "$(wc -l <personal)" -ge 3 ]
	run ! grep -qFf personal a
	ok custody check a --json
	json '.[0].disclosed == false and (.[0] | has("provenance") | not)'
	# the two differ in nothing else
	[ "$(grep -av -e '^end$' a)" = "$(sed '/^record: /,$d' b)" ]
	ok custody check b
	says "otay/us/car1.jpg"
	# and only a reader can
	id=$(item otay/us/car1.jpg)
	fails 7 "a reader node is needed" custody --node cap prove archive "$id" -o c --disclose
	fails 7 "a reader node is needed" custody prove archive "$id" -o c --disclose
	[ ! -e c ]
}

@test "whose archive it is: --archive-key" {
	custody --node ws prove archive otay/us/car1.jpg -o a
	ok custody check a --archive-key officer.pub
	says "compared with those that were given"
	[ -z "$stderr" ]
	world_keys stranger
	broken a --archive-key stranger.pub
	says "of another authority"
	# all of them, and no others
	broken a --archive-key officer.pub --archive-key stranger.pub
	says "does not have the expected key"
	# who makes an archive of the same id with a key of his own is found out by this alone
	authority init auth2 --key stranger.pub --no-passphrase
	authority create-archive auth2 other --sign-with stranger
	fails 5 "manifest.csv" custody check a --archive-key images/manifest.csv
	fails 1 "nowhere" custody check a --archive-key nowhere
}

@test "an item that can't be read, and one whose frame is damaged" {
	id=$(item otay/us/car1.jpg)
	read -r off head < <(jq -r --arg i "$id" 'select(.item == $i) | "\(.offset) \(.headlen)"' \
		"$(cap_journal)")
	flip "$(seg)" $((off + head + 1000))
	ok custody --node ws prove archive otay/us/car1.jpg -o a
	ok custody check a
	flip "$(seg)" $((off + 100))
	# from an index that never saw it well
	custody --node ws reindex archive
	fails 1 "there is no such item" custody --node ws prove archive otay/us/car1.jpg -o b
	ok custody --node ws prove archive "$id" -o b
	cmp a b
	fails 4 "" custody --node ws prove archive "$id" -o c --disclose
	[ ! -e c ]
	rm "$(seg)"
	ok custody --node ws prove archive "$id" -o b
	cmp a b
}

@test "one item among many is found by the index: the journals are not read whole" {
	# a line that the index has seen is changed, so that whoever hashes the whole log finds it out
	id=$(item otay/us/car1.jpg)
	other=$(jq -r --arg i "$id" 'select(.type == "ingest" and .item != $i) | .mac' \
		"$(cap_journal)" | head -n 1)
	sed -i "s/$other/00000000000000000000000000000000/" "$(cap_journal)"
	ok custody --node ws prove archive "$id" -o a
	ok custody check a
	fails 4 "custody verify" custody prove archive "$id" -o b
	[ ! -e b ]
	# the line itself is not proved if it is another
	mac=$(jq -r --arg i "$id" 'select(.item == $i) | .mac' "$(cap_journal)")
	sed -i "s/$mac/00000000000000000000000000000000/" "$(cap_journal)"
	fails 4 "is not what was logged" custody --node ws prove archive "$id" -o b
}

@test "what no checkpoint covers is not in it, and is told of" {
	custody --node cap checkpoint archive -o old
	echo more >more.txt
	custody --node cap ingest archive more.txt --collection c
	id=$(jq -r 'select(.type == "ingest") | .item' "$(cap_journal)" | tail -n 1)
	j=$(cap_journal)
	cp "${j%.jsonl}.checkpoint" new
	cp old "${j%.jsonl}.checkpoint"
	fails 6 "has not signed for it yet" custody prove archive "$id" -o a
	[ ! -e a ]
	cp new "${j%.jsonl}.checkpoint"
	ok custody prove archive "$id" -o a
	ok custody check a
}

@test "a read-only archive" {
	as=()
	mkdir out
	if [ "$(id -u)" -eq 0 ]; then
		world_open_way
		chmod -R a+rX archive && chown -R 65534 ws out
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	chmod -R a-w archive
	ok "${as[@]}" "$CUSTODY" --node ws prove archive otay/us/car1.jpg -o out/a
	chmod -R u+w archive
	ok custody check out/a
}

@test "every kind of line is guarded: contents by exit 4, the container by exit 5" {
	custody --node ws prove archive otay/us/car1.jpg -o a --disclose
	ok custody check a
	local n=0 line half c want
	cp a whole
	while IFS= read -r line; do
		n=$((n + 1)) half=$((${#line} / 2)) c=${line:${#line}/2:1}
		case $c in
		'') continue ;;
		0) c=1 ;;
		[1-9a-f]) c=0 ;;
		A) c=B ;;
		*) c=A ;;
		esac
		sed -E "${n}s/^(.{$half})./\1$c/" a >b
		! cmp -s a b || { echo "line $n was not changed: $line"; false; }
		run custody check b
		# another version, suite or kind of key (in a signature) can't be checked
		want='4'
		[[ ! "$line" =~ ^(custodyfs-[a-z]+/v|suite:|U1NIU0lH|[a-z]+:\ [0-9]+$|log:|end$) ]] || want='[45]'
		[[ "$status" =~ ^$want$ ]] || { echo "line $n, exit $status: $line"; false; }
	done <whole
	[ "$n" -gt 60 ]
}

@test "what is taken out, put in, cut off, swapped" {
	custody --node ws prove archive otay/us/car1.jpg -o a --disclose
	custody --node ws prove archive otay/us/car3.jpg -o o --disclose
	head -n -1 a >b
	fails 5 "must stand" custody check b
	(cat a && echo more) >b
	fails 5 "nothing may stand here" custody check b
	head -c 2000 a >b
	fails 5 "" custody check b
	tr -d '\n' <a >b
	fails 5 "" custody check b
	sed 's/$/\r/' a >b
	fails 5 "" custody check b
	: >b
	fails 5 "" custody check b
	fails 5 "not a custodyfs-receipt" custody check officer.pub
	sed 1s/v1/v2/ a >b
	fails 5 "knows custodyfs-receipt/v1 only" custody check b
	fails 1 "nowhere" custody check nowhere
	run --separate-stderr custody check b --json
	json '.[0].error == "newer"'
	# another item's record, and another item's name on the whole
	(sed '/^record: /,$d' a && sed -n '/^record: /,$p' o) >b
	broken b
	says "not the one that its log committed to"
	sed "s/^item: .*/item: $(item otay/us/car3.jpg)/" a >b
	broken b
	says "no event proves that the item was taken in"
	says "nothing to do with the item"
}

@test "a log that is forged whole, by somebody without the node's key" {
	# a checkpoint over other lines, signed by another node's key
	custody --node ws prove archive otay/us/car1.jpg -o a
	cap=$(sed -n 's/^log: //p' a)
	ws=$(custody --node ws status archive --json | jq -r .node)
	sed "s/$cap/$ws/" a >b
	broken b
	cp "$(grep -l "^node: $ws" archive/documents/*.enrolment)" e
	LC_ALL=C awk -v e="$(cat e)" -v n="$(wc -c <e)" 'skip > 0 { skip -= length + 1; next }
		/^enrolment: / { print "enrolment: " n; print e; skip = $2; next } 1' a >b
	broken b
	says "of another node"
}

@test "--json: one object, with the lines as the log has them" {
	custody --node ws prove archive otay/us/car1.jpg -o a
	ok custody --node ws prove archive otay/us/car1.jpg -o a --json
	json '.[0].events == 2 and .[0].logs == 1 and .[0].unsigned == 0 and .[0].output == "a"'
	ok custody check a --json
	json 'length == 1 and .[0].verdict == "good" and .[0].damaged == 0'
	json '.[0].events | map(.type) == ["accession", "ingest"]'
	json '.[0].keys_compared == false and (.[0].keys | length) == 1'
	ok custody check a -q
	[ "${#lines[@]}" -eq 1 ]
	sed 's/^threshold: 1/threshold: 2/' a >b
	run --separate-stderr custody check b --json
	[ "$status" -eq 4 ]
	json '.[0].verdict == "bad" and (.[0].findings | length) == 1 and .[0].findings[0].damage'
}

@test "usage" {
	fails 2 "-o RECEIPT is needed" custody prove archive x
	run --separate-stderr custody prove archive x -o - --json
	[ "$status" -eq 2 ]
	talks "both want standard output"
	fails 2 "needs a reader node" custody prove archive x -o a --no-node --disclose
	fails 2 "no item id" custody prove archive otay/us/car1.jpg -o a
	fails 2 "is a folder" custody --node ws prove archive otay/us -o a
	fails 1 "there is no such item" custody --node ws prove archive otay/none -o a
	fails 1 "there is no item" custody prove archive 00000000000000000000000000000000 -o a
	fails 7 "holds no key that opens names" custody --node cap prove archive otay/us/car1.jpg -o a
	fails 5 "not an archive" custody prove images 00000000000000000000000000000000 -o a
	[ ! -e a ]
}

@test "node.js agrees, with node:crypto alone" {
	command -v node >/dev/null || skip "no node"
	custody --node ws prove archive otay/us/car1.jpg -o a --disclose
	mkdir out
	ok node "$BATS_TEST_DIRNAME/../receipt/check.mjs" a out
	says "good: 2 events"
	sed 's/^key: /officer /; t; d' out/archive.txt >allowed
	for f in archive:archive enrolment0-0:enrol; do
		ssh-keygen -Y verify -f allowed -I officer -n "${f#*:}@custodyfs" \
			-s "out/${f%:*}.sig1" <"out/${f%:*}.txt"
	done
	sed 's/^event: .*/event: 0/' a >b
	run node "$BATS_TEST_DIRNAME/../receipt/check.mjs" b
	[ "$status" -eq 5 ]
	sed 's/"epoch":1/"epoch":2/' a >b
	run node "$BATS_TEST_DIRNAME/../receipt/check.mjs" b
	[ "$status" -eq 4 ]
}
