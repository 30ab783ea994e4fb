#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Receipts of items that were opened through a mount: who, when, and why; and what is found out.

bats_require_minimum_version 1.5.0
load ../lib/world

setup_file() {
	export TOP CHECK
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	CHECK=$TOP/tests/receipt/check.mjs
	mkdir -p "$BATS_FILE_TMPDIR/world"
	(
		set -e
		world_new
		world_archive
		world_node cap ingest
		world_images 3
		"$CUSTODY" --node cap ingest archive images --collection otay --meta port=2506 \
			--manifest images/manifest.csv
		world_node ws reader
		world_mount
		sealed us/car1.jpg
		world_release r otay/us/car1.jpg
		same us/car1.jpg
		sleep 0.2 # closing is logged a moment later
		world_umount
		rm -f daemon.pid
		cp -a . "$BATS_FILE_TMPDIR/world"
	) >"$BATS_FILE_TMPDIR/make.log" 2>&1 || { cat "$BATS_FILE_TMPDIR/make.log" >&2; return 1; }
}
setup() {
	world_new
	cp -a "$BATS_FILE_TMPDIR/world/." .
	"$CUSTODY" --node ws prove archive otay/us/car1.jpg -o a
}
teardown() { world_end; }

second_opinion() { command -v node >/dev/null || skip "no node: the second opinion is not asked"; }

# broken FILE [WORDS]: custody check finds it out, exit 4
broken() {
	run "$CUSTODY" check "$1"
	[ "$status" -eq 4 ] && [[ "$output" == *"${2-}"* ]] && return 0
	echo "exit $status, not 4 with '${2-}': $output" >&2
	return 1
}

# parts FILE: as custodyfs-format(5) says, each part in a file of its own
parts() {
	rm -f part[0-9]*
	LC_ALL=C awk 'left > 0 { left -= length + 1; print >f; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2
			f = "part" ++n "." substr($1, 1, length($1) - 1) }' "$1"
}

# with KIND FILE RECEIPT: the receipt, with FILE in place of its only part of that kind
with() {
	LC_ALL=C awk -v kind="$1: " -v file="$2" -v size="$(wc -c <"$2")" '
		left > 0 { left -= length + 1; if (!drop) print; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { left = $2; drop = index($0, kind) == 1
			if (drop) { print kind size; while ((getline line <file) > 0) print line; next } }
		1' "$3"
}

@test "the timeline: taken in, refused, admitted, opened, closed; who, and why" {
	run "$CUSTODY" check a --archive-key officer.pub
	[ "$status" -eq 0 ]
	for w in 'accession ' 'ingest ' 'refused ' 'admitted ' 'opened ' 'closed ' 'C-1' \
		'plate dispute' "with $(command -v cmp)" 'asked for by' 'in force'; do
		[[ "$output" == *"$w"* ]] || { echo "no $w in: $output"; false; }
	done
	[[ "${lines[-1]}" == "verdict       good: "*" of 2 logs proved, and every opening was covered" ]]
	serial=$(sed -n 's/^serial: //p' r.auth)
	"$CUSTODY" check a --json >json
	jq -e --arg s "$serial" '.authorisations | length == 1 and .[0].serial == $s and
		.[0].case == "C-1" and (.[0].signed_by | length) == 1' json
	jq -e '[.events[].type] | index("opened") > index("admitted") and
		index("refused") and index("closed")' json
	# the index and the journals give the same
	item=$(jq -r .item json)
	"$CUSTODY" prove archive "$item" -o b
	cmp a b
	"$CUSTODY" --node cap prove archive "$item" -o b
	cmp a b
}

@test "nothing personal is in it" {
	grep -av '^$' plates | tr ' \t' '\n' | grep -E '^[A-Z0-9]{5,}$' >personal || :
	printf '%s\n' car1.jpg us/car1 otay manifest >>personal
	run ! grep -aF -f personal a
	run ! grep -aw 2506 a # digests have its digits, sooner or later
	"$CUSTODY" --node ws prove archive otay/us/car1.jpg -o b --disclose
	grep -a '^record: ' b
	"$CUSTODY" check b | grep -q 'us/car1.jpg'
}

@test "the documents in it are verified by ssh-keygen" {
	parts a
	cmp part1.description archive/archive.txt
	cmp part*.authorisation r.auth
	sed -n 's/^key: /officer /p' part1.description >allowed
	for f in part*.authorisation:authorise part*.enrolment:enrol part1.description:archive; do
		for d in ${f%:*}; do
			sed '/^-----BEGIN /,$d' "$d" >text
			sed -n '/^-----BEGIN SSH/,/^-----END SSH/p' "$d" >sig
			ssh-keygen -Y verify -f allowed -I officer -n "${f#*:}@custodyfs" -s sig <text
			sed -i 's/^archive: ./archive: x/' text
			run ! ssh-keygen -Y verify -f allowed -I officer -n "${f#*:}@custodyfs" -s sig <text
		done
	done
}

@test "every kind of line that is changed is found out, by both programs" {
	local node id=00112233445566778899aabbccddeeff
	node=$(command -v node || :)
	[ -z "$node" ] || "$node" "$CHECK" a
	change() { # change SED-SCRIPT
		sed "$1" a >b
		! cmp -s a b || { echo "nothing changed: $1"; return 1; }
		broken b || { echo "custody: $1"; return 1; }
		[ -n "$node" ] || return 0
		run "$node" "$CHECK" b
		[ "$status" -eq 4 ] || { echo "node: $1: $output"; return 1; }
	}
	change "2s/: .*/: $id/"                               # the archive's id
	change "3s/: .*/: $id/"                               # the item's
	change "4s/: .*/: $id/"                               # whose it is
	change 's/"type":"opened"/"type":"closed"/'
	change 's/\("type":"opened".*"user":"\)./\1x/'        # who
	change '/"type":"opened"/s/"time":"2/"time":"3/'      # when
	change 's/\("type":"opened".*"release":"\)......../\100000000/'
	change 's/\("type":"admitted".*"digest":"\)......../\100000000/'
	change 's/\("type":"ingest".*"commitment":"\)......../\100000000/'
	change 's/^index 2$/index 3/'
	change '/^index /{n;s/^..../AAAA/}'                   # a hash of a proof
	change '/^custodyfs\//{n;n;s/^..../AAAA/}'            # the root
	change '/^custodyfs\//{n;s/^./9/}'                    # the size
	change 's/^\(— custodyfs[^ ]* .\{20\}\)..../\1AAAA/' # a node's signature
	change 's/^\(sign-key: .*\)........$/\1AAAAAAAA/'
	second_opinion
}

@test "every document that is changed is found out" {
	for s in 's/^case: .*/case: C-2/' 's/^purpose: p/purpose: P/' \
		's/^not-after: 2/not-after: 3/' 's/^\(item: .* \)..../\10000/' \
		's/^sealed: ..../sealed: 0000/' 's/^node: ..../node: 0000/' \
		's/^threshold: 1/threshold: 2/' 's/^name: ./name: x/' 's/^role: ingest/role: reader/' \
		's/^require-touch: yes/require-touch: non/' 's/^issued: 2/issued: 3/'; do
		sed "$s" a >b
		! cmp -s a b || { echo "nothing changed: $s"; false; }
		broken b || { echo "$s"; false; }
	done
}

@test "another authorisation, signed or not, does not do" {
	# without a signature, by a stranger, for another item
	sed '/^-----BEGIN SSH/,/^-----END SSH/d' r.auth >x
	with authorisation x a >b
	broken b "authorisation number 1 is not good"
	world_keys stranger
	sed '/^-----BEGIN /,$d' r.auth >text
	ssh-keygen -q -Y sign -n authorise@custodyfs -f stranger text
	(cat text text.sig && sed -n '/^-----BEGIN AGE/,$p' r.auth) >x
	with authorisation x a >b
	broken b "is not an authorisation key"
	world_release o otay/us/car3.jpg
	with authorisation o.auth a >b
	broken b "that the receipt does not have"
	# a second one that is good, and has nothing to do with it
	(sed '/^end$/d' a && echo "authorisation: $(wc -c <o.auth)" && cat o.auth && echo end) >b
	broken b
	# and none
	sed '/^authorisation: /,$d' a >b
	echo end >>b
	broken b "nothing covers it"
}

@test "an opening that is left out is missed where it was closed" {
	LC_ALL=C awk 'left > 0 { left -= length + 1
			if (kind == "event:") { line = $0; next }
			if (kind == "proof:" && line ~ /"type":"opened"/) next
			if (kind == "proof:" && line) { print head; print line; print last; line = "" }
			print; next }
		/^(event|proof): / { kind = $1; left = $2; if (kind == "event:") head = $0; else last = $0; next }
		/^[a-z]+: [0-9]+$/ && !/^(archive|item|node|log): / { kind = $1; left = $2 } 1' a >b
	run ! cmp -s a b
	broken b "the event that opened it is missing"
}

@test "a revocation is in it; what was opened before stays covered" {
	serial=$(sed -n 's/^serial: //p' r.auth)
	"$CUSTODY_AUTHORITY" revoke auth --authorisation "$serial" --reason 'a mistake' \
		--sign-with officer -o r.rev
	"$CUSTODY" --node ws import archive r.rev
	"$CUSTODY" --node ws prove archive otay/us/car1.jpg -o b
	run "$CUSTODY" check b
	[ "$status" -eq 0 ]
	[[ "$output" == *"revoked       authorisation $serial"*"a mistake"* ]]
	[[ "$output" == *"admitted         revocation"* ]]
	second_opinion
	node "$CHECK" b
}

@test "proofs stand by themselves: one is a C2SP tlog-proof of its event" {
	parts a
	[ -e part17.proof ] # six events of two logs
	for p in part*.proof; do
		[ "$(head -n 1 "$p")" = c2sp.org/tlog-proof@v1 ]
		# behind it is the checkpoint of its log, as it lies there
		sed '1,/^$/d' "$p" >note
		cmp note "archive/journal/$(head -n 1 note | sed 's|.*/||').checkpoint"
	done
}
