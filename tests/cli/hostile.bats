#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Archives that deceive, are damaged, or are odd, made by tests/broken/archives.py: each is refused
# as a whole, with the exit code and words of its line there, or gives exactly the items that it
# lists. Nothing of a refused one is committed, and nothing is ever followed or written elsewhere.

load ../lib/common

hostile_world() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	python3 "$BATS_TEST_DIRNAME/../broken/archives.py" corpus
}
setup_file() { common_make hostile_world; }
setup() { common_copy; }
teardown() { world_end; }

# Journal lines and segments there are, as a word.
held() {
	echo "$(cat archive/journal/*.jsonl | wc -l) $(find archive/segments -name '*.seg' | wc -l)"
}

# Of sorted paths, those that nothing lies below: files.
files() {
	sort | awk '{ line[NR] = $0 } END {
		for (i = 1; i <= NR; i++) {
			below = 0
			for (k = i + 1; k <= NR; k++)
				below += index(line[k], line[i] "/") == 1
			if (!below) print line[i]
		}
	}'
}

# one NAME EXIT WORDS OPTIONS: the case, with a collection of its own.
one() {
	local before after items

	before=$(held)
	# shellcheck disable=SC2086 # options are words
	run --separate-stderr custody --node cap ingest archive "corpus/$1" --collection "$1" $4
	if [ "$status" -ne "$2" ]; then
		echo "$1: exit $status, not $2: $output $stderr" >&2
		return 1
	fi
	if [ "$2" -ne 0 ]; then
		after=$(held)
		[ "$before" = "$after" ] || { echo "$1: refused, but something was kept" >&2; return 1; }
		[[ $stderr == *"$3"* ]] || { echo "$1: no \"$3\" in: $stderr" >&2; return 1; }
		return 0
	fi
	items=$(custody --node ws ls -R archive "$1" | sed "s|^$1/||" | files | paste -sd'|')
	[ "$items" = "$(tr '|' '\n' <<<"$3" | sort | paste -sd'|')" ] ||
		{ echo "$1: gives $items, not $3" >&2; return 1; }
}

# cases SUFFIX: all cases of that suffix; tells of each that fails.
cases() {
	local name code words options failed=0 n=0

	while IFS=$'\t' read -r name code words options; do
		[[ $name == *"$1"* ]] || continue
		n=$((n + 1))
		one "$name" "$code" "$words" "$options" || failed=$((failed + 1))
	done <corpus/cases
	echo "$n cases, $failed failed" >&2
	[ "$failed" -eq 0 ] && [ "$n" -gt 5 ]
}

@test "the corpus has at least 60 cases, each of its own name" {
	[ "$(cut -f1 corpus/cases | sort -u | wc -l)" -ge 60 ]
	[ "$(cut -f1 corpus/cases | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "hostile tars are refused, odd ones are taken in exactly" {
	cases .tar
}

@test "hostile zips are refused, odd ones are taken in exactly" {
	cases .zip
}

@test "nothing of all this was written outside of the archive" {
	touch marker
	while IFS=$'\t' read -r name _; do
		custody --node cap ingest archive "corpus/$name" -c x -q >/dev/null 2>&1 || :
	done < <(grep -E 'dotdot|absolute|link|drive' corpus/cases)
	found=$(find . .. /etc/cron.d /etc/passwd -maxdepth 1 -newer marker ! -path './archive*' \
		! -path './cap*' ! -name . ! -name .. ! -name 'w.*' -print)
	echo "found: $found"
	[ -z "$found" ]
	ok custody verify archive
}
