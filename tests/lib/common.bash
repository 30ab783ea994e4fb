# SPDX-License-Identifier: Apache-2.0
#
# common: what the tests of the programs' command lines share. A file makes its world once, in
# setup_file, and each of its tests works in a copy.

# shellcheck source=tests/lib/world.bash
. "$BATS_TEST_DIRNAME/../lib/world.bash"
bats_require_minimum_version 1.5.0

custody() { "$CUSTODY" "$@"; }
authority() { "$CUSTODY_AUTHORITY" "$@"; }

# For setup_file: common_make FUNCTION [ARGUMENT...] builds the world that tests get copies of.
common_make() {
	local log="$BATS_FILE_TMPDIR/make.log" failed

	mkdir -p "$BATS_FILE_TMPDIR/world"
	# Not as a condition: bash would go on after a failure in there.
	set +e
	(set -e && cd "$BATS_FILE_TMPDIR/world" && CUSTODY_NODE=none W=$PWD && export CUSTODY_NODE W &&
		"$@") >"$log" 2>&1 </dev/null
	failed=$?
	set -e
	[ "$failed" -eq 0 ] || cat "$log" >&2
	return "$failed"
}

# For setup: a copy of it, which is the working directory.
common_copy() {
	world_new || return 1
	cp -a "$BATS_FILE_TMPDIR/world/." "$W" || return 1
}

# An archive, and its nodes cap and ws; images/ ingested as collection otay (world_ready, but here).
common_ready() {
	set -e
	world_archive
	world_node cap ingest
	world_images 3
	custody --node cap ingest archive images --collection otay --meta port=2506 \
		--manifest images/manifest.csv
	world_node ws reader
}

# shellcheck disable=SC2154 # run sets stderr
# ok COMMAND...: exit status 0; shows what was said if not. Sets output and stderr.
ok() {
	run --separate-stderr "$@"
	[ "$status" -eq 0 ] && return 0
	printf 'exit status %s of: %s\nstdout: %s\nstderr: %s\n' "$status" "$*" "$output" "$stderr" >&2
	return 1
}

# fails CODE 'WORDS' COMMAND...: that exit code, and an error that has these words, on standard error
# alone: nothing on standard output.
fails() {
	local code=$1 words=$2

	shift 2
	run --separate-stderr "$@"
	if [ "$status" -ne "$code" ] || [[ "$stderr" != *"$words"* ]] || [ -n "$output" ]; then
		printf 'wanted exit %s and "%s" from: %s\nexit: %s\nstdout: %s\nstderr: %s\n' "$code" \
			"$words" "$*" "$status" "$output" "$stderr" >&2
		return 1
	fi
}

# json FILTER: a jq filter that must be true of standard output of the last command, all of which
# is JSON; FILTER sees a list of its values.
json() {
	jq -es "$1" <<<"$output" >/dev/null && return 0
	printf 'not true: %s\nof: %s\n' "$1" "$output" >&2
	return 1
}

# says TEXT: standard output of the last command has it.
says() {
	[[ "$output" == *"$1"* ]] && return 0
	printf 'no "%s" in: %s\n' "$1" "$output" >&2
	return 1
}

# talks TEXT: its standard error has it.
talks() {
	[[ "$stderr" == *"$1"* ]] && return 0
	printf 'no "%s" in: %s\n' "$1" "$stderr" >&2
	return 1
}

# flip FILE OFFSET: change one byte of a file, which keeps its length.
flip() {
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "$(printf '\\%03o' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
