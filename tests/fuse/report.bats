#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody report of items that were opened and refused: who, when, why, and by whose authority.

load ../lib/common

setup() { world_ready; }
teardown() { world_end; }

# cells CAPTION: the text of the table of this caption, a row a line, cells between bars
cells() {
	python3 - r/report.html "$1" <<'PY'
import html, re, sys
page, caption = open(sys.argv[1], encoding="utf-8").read(), sys.argv[2]
table = re.search(f"<caption>{re.escape(caption)}</caption>(.*?)</table>", page, re.S).group(1)
for row in re.findall("<tr>(.*?)</tr>", table, re.S):
    cells = re.findall("<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)
    print("|".join(html.unescape(re.sub("<[^>]*>", "", c)) for c in cells))
PY
}

# row CAPTION PATTERN: the table has a row like this
row() {
	cells "$1" >rows
	grep -qE "$2" rows && return 0
	printf 'no row %s in %s:\n' "$2" "$1" >&2
	cat rows >&2
	return 1
}

@test "who opened it, when, why and by whose authority; who was refused" {
	world_mount
	sealed us/car1.jpg
	world_request r otay/us/car1.jpg
	world_authorise r --max-opens 50
	custody --node ws import archive r.auth
	serial=$(sed -n 's/^serial: //p' r.auth)
	same us/car1.jpg
	head -c 10 mnt/otay/us/car1.jpg >/dev/null
	world_umount
	ok custody --node ws report archive otay/us/car1.jpg -o r
	ok python3 "$BATS_TEST_DIRNAME/../report/page.py" check r/report.html
	me=$(id -un) uid=$(id -u)
	row 'Taking in' "Accession begun\|$me \(uid $uid\)\|host .*\|the node’s enrolment"
	row 'Taking in' "Taken into custody\|$me \(uid $uid\)\|node "
	row Refusals "Refused: open\|$me \(uid $uid\) with .*/head\|node .*reason: not-covered"
	row 'Releases: what was admitted' "Admitted: authorisation ${serial:0:8}…\|$me .*plate dispute, case C-1"
	row 'Openings: every access to the content' \
		"Opened\|$me \(uid $uid\) with .*/cmp\|.*plate dispute, case C-1; authorisation ${serial:0:8}"
	row 'Openings: every access to the content' \
		"Closed: $(stat -c %s images/us/car1.jpg) bytes given out\|$me \(uid $uid\) with .*/cmp"
	row 'Damage that was logged' 'No event of this kind is recorded'
	row 'Authorisation it was opened under' 'Signed by\|officer SHA256:'
	row 'Authorisation it was opened under' 'Legal basis\|not recorded'
	row 'Items of this report' 'otay/us/car1.jpg\|20.*\|2\|[1-9][0-9]*\|✓ holds'
	# the picture says in words how many of each there are
	grep -qE 'from 20.*: Taken in 2, Authorised 1, Opened 4, Refused [1-9]' r/report.html
	# the graph has each opening with a record of what was read, and its authorisation
	ok python3 "$BATS_TEST_DIRNAME/../report/case.py" r/case.jsonld
	says "good: 3 records"
	jq -e --arg s "$serial" '.["@graph"] as $g |
		($g[] | select(.["@type"] == "case-investigation:Authorization" and
			(.["case-investigation:authorizationIdentifier"] | index($s))) | .["@id"]) as $a |
		[$g[] | select(.["uco-core:name"] == "opened")] | length == 2 and
			all(.["custodyfs:authorisation"][0]["@id"] == $a and
			(.["uco-action:result"] | length) == 1)' r/case.jsonld >/dev/null
	jq -e 'any(.["@graph"][]; .["uco-core:name"] == "access-refused" and
		.["uco-action:actionStatus"] == "Fail" and .["custodyfs:reason"] == "not-covered")' \
		r/case.jsonld >/dev/null
	# the page and the receipt tell the same, entry by entry
	custody check --json r/receipts/* | jq -r '.events[] | "no. \(.seq)"' | sort >receipt
	grep -oE 'no\. [0-9]+</td>' r/report.html | sed 's/<.*//' | sort >page
	diff page receipt
}

@test "an opening that nothing covers: the report says so" {
	world_mount
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	world_umount
	# the authorisation is taken away: its opening is proved, its cover is not
	rm archive/documents/*.authorisation
	run --separate-stderr custody report archive \
		"$(jq -r 'select(.type == "opened") | .item' archive/journal/*.jsonl | head -n 1)" -o r
	[ "$status" -eq 4 ]
	says "0 hold, 1 does not"
	row 'Openings: every access to the content' 'Opened\|.*is not proved'
	row Findings 'documents/.*authorisation is missing'
	grep -qF '<p class="none">No authorisation under which it was opened is recorded.</p>' r/report.html
}
