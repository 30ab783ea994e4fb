# SPDX-License-Identifier: Apache-2.0
#
# Names that would drive a terminal, or read as others: they are shown as bytes.

# shellcheck disable=SC2030,SC2031,SC2154,SC2317 # bats: a subshell a test; run sets output

setup_file() {
	load ../lib/common.bash
	build() {
		set -e
		world_archive
		world_node cap ingest
		mkdir images
		echo 1 >images/$'turned\u202egpj.exe'
		echo 2 >images/$'isolated\u2067x\u2069'
		echo 3 >images/$'marks\u200e\u200f\u061c'
		echo 4 >images/$'control\u009b31m\x7f'
		echo 5 >images/$'g\u00fcnther\u201cq\u201d\u2065'
		custody --node cap ingest archive images --collection c
		world_node ws reader
		custody --node ws request archive c --case $'C\u202e1' --purpose P -o r.req
	}
	common_make build
}

setup() {
	load ../lib/common.bash
	common_copy
}

teardown() {
	world_end
}

# raw BYTES: standard output has them
raw() {
	LC_ALL=C grep -qF "$1" <<<"$output"
}

# shown: none of what could mislead is in the output, and what is harmless is as it was
shown() {
	local c

	for c in $'\xe2\x80\xae' $'\xe2\x81\xa7' $'\xe2\x81\xa9' $'\xe2\x80\x8e' $'\xe2\x80\x8f' \
		$'\xd8\x9c' $'\xc2\x9b' $'\x7f'; do
		if raw "$c"; then
			printf 'raw: %q\n' "$c" >&2
			return 1
		fi
	done
	raw 'turned\xe2\x80\xaegpj.exe' && raw 'isolated\xe2\x81\xa7x\xe2\x81\xa9' &&
		raw 'marks\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c' && raw 'control\xc2\x9b31m\x7f' &&
		raw $'g\u00fcnther\u201cq\u201d'
}

@test "ls, log and review show them as bytes" {
	ok custody --node ws ls archive c
	shown
	ok custody --node ws log archive
	shown
	ok authority review auth r.req
	shown
	says 'C\xe2\x80\xae1'
}

@test "--json escapes controls, and tells the same names" {
	ok authority review auth r.req --json
	run ! raw $'\xc2\x9b'
	run ! raw $'\x7f'
	ok authority review auth r.req --json
	raw 'control\u009b31m\u007f'
	while IFS= read -r -d '' f; do
		jq -e --arg f "${f#images/}" 'any(.items[]; .provenance.path == $f)' <<<"$output" >/dev/null
	done < <(find images -type f -print0)
}
