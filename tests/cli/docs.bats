#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The manual says what the programs do: no verb and no option is missing in it or made up, the exit
# codes are one table, the tests it cites exist, and the commands it gives for checking an archive by
# hand work on an archive.

bats_require_minimum_version 1.5.0
load ../lib/world

setup_file() {
	export TOP MAN
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	MAN=$TOP/man
}
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }
teardown() { world_end; }

# The program's verbs, from its help.
verbs() { "$1" --help | awk '/^Common options/ { exit } /^  [a-z][a-z-]* / { print $1 }'; }

# Long options, one a line: from text that a program prints, and from mdoc source.
long_options() { grep -oE -- '(^|[^a-z-])--[a-z][a-z0-9-]*' | grep -oE -- '--.*' | sort -u; }
page_options() { grep -oE 'Fl -[a-z][a-z0-9-]*' | sed 's/^Fl -/--/' | sort -u; }

# section PAGE TITLE: the lines of a .Sh or .Ss, without that line
section() {
	awk -v title="$2" '
		/^\.S[hs] / { on = substr($0, 5) == title; if (on) next }
		on { print }' "$1"
}

# Both programs of verbs, with their pages.
each_program() {
	printf '%s %s\n' "$CUSTODY" "$MAN/custody.1" "$CUSTODY_AUTHORITY" "$MAN/custody-authority.1"
}

@test "every verb has a section in its man page, and every section of a verb is one" {
	while read -r program page; do
		verbs "$program" >verbs
		[ "$(wc -l <verbs)" -ge 5 ]
		while read -r verb; do
			grep -qx "\.Ss $verb" "$page" || { echo "$page has no section $verb"; false; }
		done <verbs
		sed -n 's/^\.Ss \([a-z][a-z-]*\)$/\1/p' "$page" >sections
		run ! grep -vxF -f verbs sections
	done < <(each_program)
}

@test "every long option of a verb is in its section, and none is made up" {
	while read -r program page; do
		section "$page" 'Common options' | page_options >common
		[ "$(wc -l <common)" -ge 6 ]
		for verb in $(verbs "$program"); do
			"$program" "$verb" --help | long_options >has
			section "$page" "$verb" | page_options >says
			missing=$(sort -u common says | comm -13 - has)
			[ -z "$missing" ] || { echo "$page, $verb: missing $missing"; false; }
			made_up=$(comm -13 <(sort -u common has) says)
			[ -z "$made_up" ] || { echo "$page, $verb: there is no $made_up"; false; }
		done
		"$program" --help | long_options >has
		[ -z "$(comm -13 common has)" ] || { comm -13 common has; false; }
	done < <(each_program)
}

@test "custodyfs(8) has every option of custodyfs --help" {
	"$CUSTODYFS" --help | long_options >has
	page_options <"$MAN/custodyfs.8" >says
	[ -z "$(comm -23 has says)" ] || { comm -23 has says; false; }
	for o in allow_other uid= gid= idle= node= passphrase-file= foreground debug; do
		grep -qE "Cm $o( |$)" "$MAN/custodyfs.8" || { echo "no -o $o"; false; }
	done
}

@test "custodyfs(8) lists every message of the mount, with its id and level" {
	sed -n 's/.*{LOG_\([A-Z]*\), "\([a-z]*\)", "\([0-9a-f]\{32\}\)"}.*/\2 \3 \1/p' \
		"$TOP/fs/message.c" | sed 's/CRIT$/critical/; s/ERR$/error/; s/WARNING$/warning/
			s/INFO$/info/' >want
	[ "$(wc -l <want)" -ge 12 ]
	sed -n 's/^\.It \([a-z]*\) Ta \([0-9a-f]\{32\}\) Ta \([a-z]*\) :.*/\1 \2 \3/p' \
		"$MAN/custodyfs.8" | diff want -
	[ "$(cut -d " " -f 2 want | sort -u | wc -l)" -eq "$(wc -l <want)" ]
}

@test "the exit code table is in every page, and it is one" {
	section "$MAN/custody.1" 'EXIT STATUS' >want
	for code in 0 1 2 3 4 5 6 7 8; do
		grep -qx "\.It $code" want
		grep -q "^| $code |" "$TOP/README.md"
	done
	for page in "$MAN"/*.[1578]; do
		section "$page" 'EXIT STATUS' | cmp - want || { echo "$page"; false; }
	done
}

@test "pages, test files and tests that are referred to exist" {
	for page in "$MAN"/*.[1578]; do
		sed -n 's/^\.Xr \(custody[a-z-]*\) \([1-8]\).*/\1.\2/p' "$page" | while read -r x; do
			[ -e "$MAN/$x" ] || { echo "$page: no $x"; exit 1; }
		done
		name=$(basename "$page")
		grep -qF "${name%.*}(${name##*.})" "$TOP/README.md" || { echo "README: $name"; false; }
	done
	awk '/^\.Pa tests\/.*\.bats$/ { f = $2; next }
	     f && /^\.Dq / { print f "\t" substr($0, 5) } { f = "" }' \
		"$MAN/custodyfs-security.7" >cited
	[ "$(wc -l <cited)" -ge 20 ]
	while IFS=$'\t' read -r f name; do
		grep -qF "@test \"$name\"" "$TOP/$f" || { echo "$f has no test: $name"; false; }
	done <cited
}

@test "README is short" {
	[ "$(wc -l <"$TOP/README.md")" -le 190 ]
}

@test "mandoc and man find nothing to complain about" {
	command -v mandoc >/dev/null || command -v man >/dev/null || skip "no mandoc, no man"
	if command -v mandoc >/dev/null; then
		# whether other systems' pages are installed is not for this test
		run bash -c "mandoc -T lint -W warning '$MAN'/*.[1578] 2>&1 |
			grep -vE 'referenced manual not found|mandoc.db'"
		[ -z "$output" ] || { echo "$output"; false; }
	fi
	if command -v man >/dev/null && command -v groff >/dev/null; then
		for page in "$MAN"/*.[1578]; do
			man --warnings -E UTF-8 -l -Tutf8 -Z "$page" >/dev/null 2>said
			[ ! -s said ] || { cat said; false; }
		done
	fi
}

# by_hand TITLE: the commands of a subsection of custodyfs-format(5), for the archive of this test
by_hand() {
	section "$MAN/custodyfs-format.5" "$1" | awk '
		/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on { print }' |
		sed -e 's/\\(aq/'\''/g' -e 's/\\(ga/`/g' -e 's/\\(ha/^/g' -e 's/\\(ti/~/g' \
			-e "s/\\\\(em/$(printf '\342\200\224')/g" -e 's/\\-/-/g' -e 's/\\&//g' \
			-e 's/\\e/\\/g' \
			-e "s|\\bSEGMENT\\b|$SEGMENT|g; s|\\bOFFSET\\b|$OFFSET|g" \
			-e "s|\\bJOURNAL\\b|$JOURNAL|g; s|\\bNODE\\b|$NODE|g; s|\\bSERIAL\\b|$SERIAL|g" \
			-e "s|\\bDOCUMENT\\b|r.auth|g; s|\\bIDENTITY\\b|identity|g" \
			-e "s|\\bRECEIPT\\b|a.receipt|g" \
			-e '/^root() {/s/ # root.*//' >by_hand.sh
	[ -s by_hand.sh ]
}

# What the page calls A, SEGMENT, NODE and so on.
world_by_hand() {
	world_ready
	ln -s archive A
	SERIAL=$(basename "$(grep -l '^role: ingest' archive/documents/*.enrolment)" .enrolment)
	NODE=$(sed -n 's/^node: //p' "archive/documents/$SERIAL.enrolment")
	JOURNAL=archive/journal/$NODE.jsonl
	read -r seg OFFSET < <(jq -r 'select(.type=="ingest") | "\(.segment) \(.offset)"' "$JOURNAL")
	SEGMENT=archive/segments/${seg:0:2}/$seg.seg
	world_request r otay/us/car1.jpg
	world_authorise r
}

@test "by hand: frames and segment headers with dd, xxd and sha256sum" {
	world_by_hand
	by_hand 'A frame'
	run bash by_hand.sh
	[ "$status" -eq 0 ]
	[[ "$output" != *damaged* ]] && [[ "$output" == *"43555354 46524d31"* ]]
	by_hand 'A segment header'
	run bash by_hand.sh
	[[ "${lines[0]}" == "$(jq -r 'select(.type=="segment")|.header' "$JOURNAL" | head -n 1)"* ]]
	[[ "${lines[1]}" == age-encryption.org/v1 ]]
	# and a flipped bit is seen
	by_hand 'A frame'
	printf '\377' | dd of="$SEGMENT" bs=1 seek=$((OFFSET + 700)) conv=notrunc status=none
	run bash by_hand.sh
	[[ "$output" == *"is damaged"* ]]
}

@test "by hand: a journal with jq, its root, its checkpoint's key and signature" {
	command -v python3 >/dev/null && command -v openssl >/dev/null ||
		skip "no python3 or no openssl"
	world_by_hand
	by_hand 'A journal'
	run bash by_hand.sh
	[ "$status" -eq 0 ]
	[[ "$output" == *true* ]] && [[ "$output" == *"the log is as signed"* ]]
	by_hand 'The hash of custody verify'
	run bash by_hand.sh
	[ "${output%% *}" = "$("$CUSTODY" verify archive --json | jq -r 'select(.root).root')" ]
	by_hand "A checkpoint's key and signature"
	run bash by_hand.sh
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "${lines[1]}" ] && [ ${#lines[0]} -eq 8 ]
	[[ "$output" == *"Signature Verified Successfully"* ]]
	sed -i '4s/"seq"/"Seq"/' "$JOURNAL"
	by_hand 'A journal'
	run bash by_hand.sh
	[[ "$output" != *"the log is as signed"* ]]
}

@test "by hand: an authorisation with ssh-keygen, its sealed part with age" {
	world_by_hand
	by_hand 'A signed document'
	run bash by_hand.sh
	[ "$status" -eq 0 ]
	[[ "$output" == *'Good "authorise@custodyfs" signature for officer'* ]]
	sed -i 's/^case: .*/case: C-9/' r.auth
	rm -f sig.*
	run bash by_hand.sh
	[ "$status" -ne 0 ]
	by_hand 'A sealed part'
	# the node's identity is not to be had; one that does not fit must be refused
	age-keygen -o identity 2>/dev/null
	run bash by_hand.sh
	[[ "${lines[0]}" == "$(sed -n 's/^sealed: //p' r.auth)"* ]]
	[[ "$output" == *"no identity matched"* ]]
}

@test "by hand: a receipt in its parts, with awk" {
	world_by_hand
	"$CUSTODY" --node ws import archive r.auth
	"$CUSTODY" --node ws prove archive otay/us/car1.jpg -o a.receipt
	by_hand 'A receipt'
	bash by_hand.sh
	cmp part1.description archive/archive.txt
	cmp part2.enrolment "archive/documents/$SERIAL.enrolment"
	cmp part3.checkpoint "archive/journal/$NODE.checkpoint"
	grep -qxF -f part6.event "$JOURNAL"
	[ "$(head -n 1 part7.proof)" = c2sp.org/tlog-proof@v1 ]
	[ ! -e part8.event ]
}
