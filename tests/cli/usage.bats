#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Command lines: help, unknown and misplaced words, exit code 2.

load ../lib/common

setup() { world_new; }
teardown() { world_end; }

# fails_json 'WORDS' COMMAND...: exit 2, with these words on standard error and in the object on
# standard output.
fails_json() {
	local words=$1

	shift
	run -2 --separate-stderr "$@"
	talks "$words"
	jq -es --arg w "$words" 'length == 1 and (.[0] | .error == "usage" and .exit == 2 and
		(.text | contains($w)))' <<<"$output" >/dev/null
}

verbs() { "$1" --help | awk '/^Common options/ { exit } /^  [a-z][a-z-]* / { print $1 }'; }

@test "without a verb: exit 2 and a hint" {
	fails 2 "custody --help" custody
	fails 2 "custody-authority --help" authority
	fails_json "a verb is needed" custody --json
}

@test "--help lists every verb by group" {
	ok custody --help
	for v in node-init import status reindex ingest ls show why request log verify checkpoint; do
		grep -qE "^  $v +[a-z]" <<<"$output" || { echo "no $v"; false; }
	done
	says $'\nEvidence\n'
	says "Exit codes"
	[ -z "$stderr" ]
	ok authority --help
	for v in init create-archive enrol show review authorise revoke sign; do
		grep -qE "^  $v +[a-z]" <<<"$output" || { echo "no $v"; false; }
	done
	ok custody help
	says "Usage: custody"
}

@test "every verb has help of its own: usage first, exit codes, no long line" {
	for p in "$CUSTODY" "$CUSTODY_AUTHORITY"; do
		n=0
		while read -r v; do
			ok "$p" "$v" --help
			[[ "$output" == "Usage: "*" $v "* ]]
			says "Exit codes: 0"
			[ -z "$stderr" ]
			first=$output
			run ! grep -E '.{101}' <<<"$output"
			ok "$p" help "$v"
			[ "$output" = "$first" ]
			ok "$p" "$v" -h
			[ "$output" = "$first" ]
			n=$((n + 1))
		done < <(verbs "$p")
		[ "$n" -ge 8 ]
	done
}

@test "--version" {
	ok custody --version
	[[ "$output" =~ ^custodyfs\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	version=$output
	ok custody ls --version
	[ "$output" = "$version" ]
	ok authority -V
	[ "$output" = "$version" ]
	ok "$CUSTODYFS" --version
	[ "$output" = "$version" ]
}

@test "an unknown verb: exit 2, and the nearest one is named" {
	fails 2 "did you mean 'verify'?" custody verfy archive
	fails 2 "did you mean 'ingest'?" custody injest archive
	fails 2 "did you mean 'ls'?" custody sl archive
	fails 2 "did you mean 'authorise'?" authority authorize auth
	fails 2 "did you mean 'enrol'?" authority enroll auth
	fails 2 "there is no verb 'frobnicate'; see custody --help" custody frobnicate
	fails 2 "there is no verb ''" custody ""
	fails 2 "there is no verb 'xx'; see" custody xx
}

@test "an unknown option: exit 2 and where to look, for every verb" {
	for p in "$CUSTODY" "$CUSTODY_AUTHORITY"; do
		while read -r v; do
			fails 2 "see $(basename "$p") $v --help" "$p" "$v" --no-such-option
			talks "'--no-such-option'"
		done < <(verbs "$p")
		fails 2 "--help" "$p" --no-such-option
	done
}

@test "missing operands: exit 2, for every verb" {
	for p in "$CUSTODY" "$CUSTODY_AUTHORITY"; do
		while read -r v; do
			fails 2 "an operand is missing" "$p" "$v"
		done < <(verbs "$p")
	done
}

@test "too many operands: exit 2" {
	for v in "node-init" "status" "reindex" "log" "verify" "checkpoint"; do
		fails 2 "too many operands" custody "$v" a b
	done
	fails 2 "too many operands" custody why a b c
	fails 2 "too many operands" custody show a b c
	fails 2 "too many operands" authority show a b
	fails 2 "too many operands" authority review a b c
}

@test "an option without its value, and values that are none: exit 2" {
	fails 2 "--help" custody ingest a b --collection
	fails 2 "not a descriptor" custody ls a --passphrase-fd x
	fails 2 "not a descriptor" custody --passphrase-fd -3 ls a
	fails 2 "--workers 0" custody verify a --workers 0
	fails 2 "--workers x" custody verify a --workers x
	fails 2 "--limit -1" custody log a --limit -1
	fails 2 "--type sleeping: the types are started" custody log a --type sleeping
	fails 2 "--type " custody log a --type opened,
	fails 2 "--since yesterday" custody log a --since yesterday
	fails 2 "--until +2x" custody log a --until +2x
}

@test "what a verb can't do without: exit 2" {
	fails 2 "-o REQUEST" custody node-init a
	fails 2 "--role boss" custody node-init a --role boss -o x
	fails 2 "--collection NAME is needed" custody ingest a b
	fails 2 "--collection a/b" custody ingest a b --collection a/b
	fails 2 "--collection .." custody ingest a b --collection ..
	fails 2 "KEY=VALUE" custody ingest a b --collection c --meta port
	fails 2 "KEY=VALUE" custody ingest a b --collection c --meta =x
	fails 2 "was given before" custody ingest a b --collection c --meta k=1 --meta k=2
	fails 2 "keys are of" custody ingest a b --collection c --meta 'K!=1'
	fails 2 "--case and --purpose" custody request a b -o x
	fails 2 "--case and --purpose" custody request a b -o x --case '' --purpose p
	fails 2 "-o OUT" custody request a b --case c --purpose p
	fails 2 "nothing is asked for" custody request a -o x --case c --purpose p
	fails 2 "32 lower-case hex" custody request a --accession 12 -o x --case c --purpose p
	fails 2 "-0 goes with neither" custody ls a -0 -l
	fails_json "both want standard output" custody request a b --json -o - --case c --purpose p
	fails_json "both want standard output" custody --json node-init a -o -
	[ -z "$(ls)" ]
}

@test "what a verb of the authority can't do without: exit 2" {
	fails 2 "--key PUB is needed" authority init auth
	fails 2 "--threshold 0" authority init auth --key k --threshold 0
	fails 2 "each key after a --key" authority init auth --key a.pub b.pub
	fails 2 "--suite rot13" authority create-archive auth a --suite rot13
	fails 2 "power of two" authority create-archive auth a --chunk-size 5000
	fails 2 "--chunk-size 1024" authority create-archive auth a --chunk-size 1024
	fails 2 "-o OUT" authority enrol auth r --sign-with k
	fails 2 "--sign-with KEY is needed" authority enrol auth r -o x
	fails 2 "--sign-with KEY is needed" authority sign x
	fails 2 "--until T is needed" authority authorise auth r -o x
	fails 2 "-o OUT" authority authorise auth r --until +2h
	fails 2 "that is past" authority authorise auth r -o x --until 2020-01-01T00:00:00Z
	fails 2 "before it begins" authority authorise auth r -o x --until +1h --from +2h
	fails 2 "--max-opens 0" authority authorise auth r -o x --until +1h --max-opens 0
	fails 2 "--max-bytes 10Q" authority authorise auth r -o x --until +1h --max-bytes 10Q
	fails 2 "--max-bytes 99999999999T" authority authorise auth r -o x --until +1h --max-bytes 99999999999T
	fails 2 "one of --authorisation, --node and --key" authority revoke auth --reason r -o x
	fails 2 "one of --authorisation, --node and --key" authority revoke auth --reason r -o x \
		--key a --node 00000000000000000000000000000000
	fails 2 "--reason" authority revoke auth --key a -o x --sign-with k
	fails 2 "32 lower-case hex" authority revoke auth --node xyz --reason r -o x
	[ -z "$(ls)" ]
}

@test "-- ends the options" {
	fails 1 "--json is not there" custody verify -- --json
	fails 1 "--help is not there" custody status --node none -- --help
}

@test "results that can't be written are a failure" {
	run -1 bash -c '"$CUSTODY" --help 2>err >/dev/full'
	grep -q "can't write standard output" err
	run -1 bash -c '"$CUSTODY_AUTHORITY" init --help 2>err >/dev/full'
	# a reader that goes away is no fault worth a word
	run bash -c 'set -o pipefail; "$CUSTODY" --help 2>err | true'
	[ ! -s err ]
}
