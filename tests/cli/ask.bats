#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Questions to the log: by the index, without it, and by another program that reads all journals, the
# answer is one.

load ../lib/common

mkevents() { "$(dirname "$MKIMAGES")/mkevents" "$@"; }
ws() { custody --node ws "$@"; }
node_id() { custody --node "$1" status archive --json | jq -r .node; }
item() { ws show archive "$1" --json | jq -r .item; }
serial() { sed -n 's/^serial: //p' "$1.auth"; }

# Two officers, three authorisations (one by both keys, of another case), and 700 events of readers.
ready() {
	local a b i

	set -e
	world_keys officer second
	"$CUSTODY_AUTHORITY" init auth --key officer.pub --key second.pub --threshold 1 --no-passphrase
	"$CUSTODY_AUTHORITY" create-archive auth archive --sign-with officer
	world_node cap ingest
	world_node ws reader
	world_images 3
	custody --node cap ingest archive images --collection otay
	mkdir mehr
	echo x >'mehr/Grüße 車.txt'
	custody --node cap ingest archive mehr --collection Zürich
	world_release one otay/us/car1.jpg
	"$CUSTODY" --node ws request archive otay/us/car1.jpg otay/us/car3.jpg --case 'Fall Ä-2' \
		--purpose p -o two.req
	"$CUSTODY_AUTHORITY" authorise auth two.req --sign-with officer --sign-with second \
		--until +2h -o two.auth
	"$CUSTODY_AUTHORITY" authorise auth two.req --sign-with second --until +2h -o three.auth
	custody --node ws import archive two.auth three.auth
	a=$(item otay/us/car1.jpg) b=$(item otay/us/car3.jpg)
	for ((i = 0; i < 175; i++)); do
		echo "opened item=$a release=$(serial one) uid=0 user=root program=cp handle=$i"
		echo "opened item=$b release=$(serial two) uid=1000 user=alice program=cp handle=$((i + 1000))"
		echo "closed item=$a release=$(serial one) handle=$i bytes=10"
		echo "refused what=open reason=not-covered item=$b uid=1001 user=jürgen program=grep count=3"
		[ $((i % 25)) -gt 0 ] || echo
	done | mkevents ws archive
	custody --node ws log archive >/dev/null
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

places() { jq -r '"\(.journal) \(.seq)"' <<<"$output"; }

# same_answer "OPTION..." "MEMBER=VALUE"...: with the index, without a node, and by brute force
same_answer() {
	local options=$1 want

	shift
	want=$("$BATS_TEST_DIRNAME/../ask/log.py" archive "$@")
	eval "ok ws log archive --json $options"
	diff <(places) <(echo -n "${want:+$want$'\n'}")
	eval "ok custody log archive --json $options"
	diff <(places) <(echo -n "${want:+$want$'\n'}")
	found=$(grep -c . <<<"$want" || :)
}

@test "log by user, uid, type, node, item, accession: the answers of brute force" {
	same_answer "" ; [ "$found" -gt 700 ]
	same_answer "--user alice" user=alice; [ "$found" -eq 175 ]
	same_answer "--user jürgen" user=jürgen; [ "$found" -eq 175 ]
	same_answer "--user nobody" user=nobody; [ "$found" -eq 0 ]
	same_answer "--uid 0" uid=0
	same_answer "--uid 1000" uid=1000; [ "$found" -eq 175 ]
	same_answer "--type opened,closed" type=opened,closed; [ "$found" -eq 525 ]
	same_answer "--type ingest" type=ingest
	same_answer "--journal $(node_id cap)" "journal=$(node_id cap)"
	car3=$(item otay/us/car3.jpg)
	same_answer "--item $car3" "item=$car3"; [ "$found" -eq 351 ]
	a=$(ws show archive otay/us/car3.jpg --json | jq -r .accession)
	same_answer "--accession $a" "accession=$a"; [ "$found" -ge 11 ]
	same_answer "--accession $car3" "accession=$car3"; [ "$found" -eq 0 ]
}

@test "log by authorisation, case and officer: the answers of brute force" {
	fp() { ssh-keygen -lf "$1.pub" | cut -d' ' -f2; }
	same_answer "--authorisation $(serial one)" "document=$(serial one)"; [ "$found" -eq 351 ]
	same_answer "--authorisation $(serial one | cut -c1-6)" "document=$(serial one)"
	same_answer "--case C-1" case=C-1; [ "$found" -eq 352 ]
	same_answer "--case 'Fall Ä-2'" 'case=Fall Ä-2'; [ "$found" -eq 178 ]
	same_answer "--case C-2" case=C-2; [ "$found" -eq 0 ]
	same_answer "--officer second.pub" "officer=$(fp second)"; [ "$found" -eq 178 ]
	same_answer "--officer $(fp officer)" "officer=$(fp officer)"
	same_answer "--officer second.pub --case C-1" "officer=$(fp second)" case=C-1; [ "$found" -eq 0 ]
	same_answer "--officer officer.pub --authorisation $(serial three)" \
		"officer=$(fp officer)" "document=$(serial three)"; [ "$found" -eq 0 ]
	world_keys stranger
	fails 1 "is in no version of archive.txt" ws log archive --officer stranger.pub
}

@test "log in a time, and several questions at once: the answers of brute force" {
	from=$(jq -r 'select(.type == "opened") | .time' "$(journal ws)" | head -n 1)
	s=${from%.*}Z # times on the command line have seconds
	ms=${s%Z}.000Z
	same_answer "--since $s" "since=$ms"; [ "$found" -ge 700 ]
	same_answer "--until $s" "until=$ms"
	same_answer "--since $s --user alice --type opened" "since=$ms" user=alice type=opened
	same_answer "--since 2099-01-01T00:00:00Z" since=2099; [ "$found" -eq 0 ]
	same_answer "--user alice --uid 1000 --case 'Fall Ä-2' --journal $(node_id ws) --type opened" \
		user=alice uid=1000 'case=Fall Ä-2' "journal=$(node_id ws)" type=opened
	same_answer "--user alice --uid 0" user=alice uid=0; [ "$found" -eq 0 ]
}

@test "log -n: the last of what fits" {
	for q in "" "--user alice" "--type opened" "--case C-1" "--item $(item otay/us/car1.jpg)"; do
		all=$(eval "ws log archive --json $q")
		for n in 1 7 256 9000; do
			diff <(tail -n "$n" <<<"$all") <(eval "ws log archive --json $q -n $n")
			diff <(eval "custody log archive --json $q" | tail -n "$n") \
				<(eval "custody log archive --json $q -n $n")
		done
	done
}

@test "log of a name that is no ASCII, by its path" {
	ok ws log archive --item 'Zürich/Grüße 車.txt' --json
	json 'length == 1 and .[0].path == "Zürich/Grüße 車.txt" and .[0].type == "ingest"'
	ok ws log archive --item 'Zürich/Grüße 車.txt'
	says 'Zürich/Grüße 車.txt'
}

@test "log of a case whose document is missing or altered: it is told of, exit code 4" {
	f=archive/documents/$(serial three).authorisation
	cp "$f" kept
	for how in 'rm "$f"' 'sed -i "s/^purpose: p/purpose: q/" "$f"' 'printf x >>"$f"'; do
		eval "$how"
		for node in ws none; do
			run --separate-stderr custody --node "$node" log archive --case 'Fall Ä-2' \
				$([ "$node" = ws ] || echo --no-node)
			[ "$status" -eq 4 ]
			talks "$(serial three)"
			talks "may belong to the answer"
			[ "${#lines[@]}" -ge 177 ]
		done
		cp kept "$f"
	done
	# A question that it has no part in goes on; what the index read when it was whole is not asked.
	rm "$f"
	ok ws log archive --case C-1
	ok ws log archive --user alice
	# what the index could not read then may be anybody's
	cp kept "$f"
	mv "$f" away
	ws reindex archive
	run --separate-stderr ws log archive --case C-1
	[ "$status" -eq 4 ]
	talks "$(serial three)"
	cp away "$f"
	ok ws log archive --case C-1
	same_answer "--case 'Fall Ä-2'" 'case=Fall Ä-2'
}

@test "log by officer: a signature that is copied from another document does not count" {
	f=archive/documents/$(serial one).authorisation
	# a log that admits what bears a foreign signature: the node that wrote it lies
	sig=$(sed -n '/BEGIN SSH/,/END SSH/p' three.auth)
	awk -v sig="$sig" '/BEGIN SSH/ { print sig } { print }' one.auth >"$f"
	digest=$(sha256sum "$f" | cut -d' ' -f1)
	old=$(sha256sum one.auth | cut -d' ' -f1)
	grep -q "$old" "$(journal ws)"
	sed -i "s/$old/$digest/" "$(journal ws)"
	run --separate-stderr custody log archive --officer second.pub --json
	run ! grep -q "$(serial one)" <<<"$output"
}

@test "a node that lies about ids: what each log says is found all the same" {
	cap=$(node_id cap) car3=$(item otay/us/car3.jpg)
	acc=$(ws show archive otay/us/car3.jpg --json | jq -r .accession)
	world_node evil ingest
	for what in spoil replace; do
		"$(dirname "$CUSTODY")/tests/fuse/rogue" evil archive "$what" "$cap"
		ws ls archive >/dev/null
		same_answer "--item $car3" "item=$car3"; [ "$found" -gt 351 ]
		same_answer "--accession $acc" "accession=$acc"
		same_answer "--type ingest" type=ingest
		same_answer "--journal $(node_id evil)" "journal=$(node_id evil)"
	done
	ws reindex archive 2>/dev/null
	same_answer "--item $car3" "item=$car3"
}

@test "questions that can't be asked" {
	fails 2 "no account has a name" ws log archive --user ''
	fails 2 "--uid -1" ws log archive --uid -1
	fails 2 "--uid root" ws log archive --uid root
	fails 2 "4294967296" ws log archive --uid 4294967296
	fails 2 "no fingerprint" ws log archive --officer SHA256:short
	fails 1 "none.pub" ws log archive --officer none.pub
	fails 5 "private key" ws log archive --officer officer
	cat officer.pub second.pub >both.pub
	fails 2 "2 keys" ws log archive --officer both.pub
	fails 2 "32 hex" ws log archive --accession 77
	fails 2 "hex digits" ws log archive --authorisation xyz
	fails 2 "hex digits" ws log archive --authorisation abc
	fails 1 "no document begins so" ws log archive --authorisation \
		"$(serial one | tr '0-9a-f' '1-9a-f0' | cut -c1-8)"
	ok ws log archive --user nobody
	talks "no event fits"
	[ -z "$output" ]
}

@test "an index that is swapped or damaged never shows what was not logged" {
	want=$(ws log archive --json --user alice)
	index=$(echo ws/archives/*/index)
	# that of another archive
	mkdir other
	(cd other && ln -s ../officer ../officer.pub . && world_archive && world_node ws reader) >/dev/null 2>&1
	cp -r "$index" kept
	rm -r "$index"
	cp -r other/ws/archives/*/index "$index"
	ok ws log archive --json --user alice
	[ "$output" = "$want" ]
	# pages overwritten: it may lack something then, but shows nothing that was not logged
	ok ws log archive --json --user alice
	[ "$output" = "$want" ]
	size=$(stat -c %s "$index/data.mdb")
	for ((at = 8192; at < size; at += 53248)); do
		cp "$index/data.mdb" good.mdb
		printf 'garbage garbage garbage' | dd of="$index/data.mdb" bs=1 seek=$((at + 2048)) conv=notrunc status=none
		run --separate-stderr ws log archive --json --user alice
		[ "$status" -le 1 ]
		run ! grep -vxF "$want" <(grep '"seq"' <<<"$output")
	done
	# read whole, or made anew, there is all of it
	ok ws log archive --json --user alice --no-node
	diff <(jq -c .seq <<<"$output") <(jq -c .seq <<<"$want")
	ws reindex archive
	ok ws log archive --json --user alice
	[ "$output" = "$want" ]
}

@test "a reader that leaves early (head) is no failure of the log" {
	set +o pipefail
	ws log archive | head -n 1 >first
	[ -s first ]
	custody log archive --json | head -n 1 | jq -e .seq
	for _ in $(seq 40); do
		ws log archive --json
	done | head -c 100 >some
	[ "$(stat -c %s some)" -eq 100 ]
	ok ws status archive
}
