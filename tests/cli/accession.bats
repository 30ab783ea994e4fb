# SPDX-License-Identifier: Apache-2.0
#
# A whole accession under the authority's eyes: whoever signs sees all that goes along.

# shellcheck disable=SC2030,SC2031,SC2154,SC2317 # bats: a subshell a test; run sets output

setup_file() {
	load ../lib/common.bash
	build() {
		common_ready
		label='otay/us/car1.txt'
		acc=$(custody --node ws show archive "$label" --json | jq -r .accession)
		echo "$acc" >acc
		custody --node ws request archive "$label" --accession "$acc" --case C-1 \
			--purpose 'only the label' -o a.req
	}
	common_make build
}

setup() {
	load ../lib/common.bash
	common_copy
	acc=$(cat acc)
	items=$(images | wc -l)
	bytes=$(cd images && find . -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
	host=$(hostname)
}

teardown() {
	world_end
}

@test "one small label and its accession: review shows all that would be released" {
	ok authority review auth a.req
	says "accession   $acc"
	grep -q "^  taken by  *$host$" <<<"$output"
	grep -q "^  host  *$host$" <<<"$output"
	grep -qE "^  time  *20[0-9-]+T[0-9:]+Z to 20[0-9-]+T[0-9:]+Z$" <<<"$output"
	grep -q "^  items  *$items, " <<<"$output"
	grep -q "^items  *$items, .*with all of the accessions" <<<"$output"
	run ! grep -q "^items  *1," <<<"$output"
	ok authority review auth a.req
	says "items of accession $acc:"
	while read -r f; do
		says "otay/$f"
	done < <(images)
	run ! grep -q 'not in the request' <<<"$output"
}

@test "review --json counts what whole accessions hold" {
	ok authority review auth a.req --json
	json ".[0].total == $items and .[0].bytes == $bytes and (.[0].items | length) == $items"
	json ".[0].accessions | length == 1"
	json ".[0].accessions[0] | .accession == \"$acc\" and .name == \"$host\" and .host == \"$host\""
	json ".[0].accessions[0] | .items == $items and .bytes == $bytes and .listed == $items"
	json '.[0].accessions[0] | (.opened | startswith("20")) and .closed >= .opened'
	json '.[0].accessions[0].node == "'"$(custody --node cap status archive --json | jq -r .node)"'"'
}

@test "authorise shows it before anybody signs, and counts it" {
	ok authority authorise auth a.req --until +2h --dry-run
	says "accession   $acc"
	grep -q "^  host  *$host$" <<<"$output"
	grep -q "^  items  *$items, " <<<"$output"
	ok authority authorise auth a.req --until +2h --sign-with officer -o a.auth --json
	json ".[0].items == $items and .[0].bytes == $bytes and .[0].accessions == 1"
	grep -qx "accession: $acc" a.auth
	run ! grep -q '^item: ' a.auth
	ok custody --node ws import archive a.auth
	custody --node ws why archive otay/mx/car2.jpg
}

@test "request counts items once, and those of the accession too" {
	ok custody --node ws request archive otay/us/car1.txt --accession "$acc" --case C --purpose P \
		-o b.req --json
	json ".[0].items == $items and .[0].bytes == $bytes and .[0].accessions == 1"
	ok custody --node ws request archive otay/us/car1.txt --case C --purpose P -o c.req --json
	json ".[0].items == 1 and .[0].accessions == 0"
	ok authority review auth c.req --json
	json ".[0].total == 1 and .[0].bytes == $(stat -c %s images/us/car1.txt)"
	json '.[0].accessions == []'
}

@test "an accession that is open is not asked for as a whole" {
	local pid log

	log=$(journal cap)
	mkdir many more
	for i in $(seq 200); do truncate -s 1000000 "many/$i"; done
	echo more >more/x.txt
	"$CUSTODY" --node cap ingest archive many --collection many --workers 1 >out 2>err 3>&- &
	pid=$!
	for _ in $(seq 500); do
		[ "$(grep -c '"type":"ingest"' "$log")" -le "$items" ] || break
		sleep 0.01
	done
	kill -9 "$pid"
	wait "$pid" || :
	id=$(jq -r 'select(.type == "accession") | .accession' "$log" | tail -n 1)
	[ "$id" != "$acc" ]
	! grep '"type":"accession-closed"' "$log" | grep -q "$id" || skip "it was done before it was stopped"
	custody --node cap ingest archive more --collection more # signs the log as it is
	fails 2 "not closed" custody --node ws request archive --accession "$id" --case C --purpose P -o x.req
	[ ! -e x.req ]
	# what of it is in custody can be asked for
	ok custody --node ws request archive many --case C --purpose P -o x.req
	ok authority review auth x.req
	says "many/"
}

@test "a request whose accession events were altered is refused" {
	ok authority review auth a.req -q
	sed "s/^accession: $acc/accession: ${acc:1}0/" a.req >other
	fails 4 "" authority review auth other
	sed '/^accession: /d' a.req >without
	fails 4 "" authority review auth without
	awk '/BEGIN CUSTODYFS/ { n = NR } n && NR == n + 12 { $0 = ($0 ~ /^A/ ? "B" : "A") substr($0, 2) } 1' \
		a.req >bundle
	fails 4 "" authority review auth bundle
	fails 4 "" authority authorise auth bundle --until +1h --sign-with officer -o x.auth
	[ ! -e x.auth ]
}

@test "what a capture node logged before it was revoked can be released, and nothing later" {
	node=$(custody --node cap status archive --json | jq -r .node)
	sleep 1.1 # revocations know seconds
	authority revoke auth --node "$node" --reason stolen --sign-with officer -o cap.revoke
	ok authority review auth a.req
	sleep 1.1
	mkdir late
	echo late >late/x.txt
	custody --node cap ingest archive late --collection late
	custody --node ws request archive late --case C --purpose P -o late.req
	fails 7 "after it was revoked" authority review auth late.req
}
