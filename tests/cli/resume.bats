#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# An ingest that is done again takes in what is missing, and says so: whatever killed it, whenever. What
# the node knows it by tells nobody else anything.

load ../lib/common

nearly_empty() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	world_images 3
}
setup_file() { common_make nearly_empty; }
setup() { common_copy; }
teardown() { world_end; }

ingest() { custody --node cap ingest archive "$@"; }
listed() { custody --node ws ls -R archive --json | jq -r 'select(.kind == "item").path' | sort; }
events() { cat archive/journal/*.jsonl | grep -c "\"type\":\"$1\"" || :; }

@test "a second run takes in nothing, says so, and leaves no trace" {
	ok ingest images --collection otay
	n=$(find images -type f | wc -l)
	cp -r archive before
	ok ingest images --collection otay
	says "took in 0 items"
	says "$n items"
	says "in custody already"
	diff <(cd before && find . -type f -exec sha256sum {} + | sort -k2 | grep -v checkpoint) \
		<(cd archive && find . -type f -exec sha256sum {} + | sort -k2 | grep -v checkpoint)
	ok ingest images --collection otay --json
	json ".[0] | .items == 0 and .known == $n and .complete and (has(\"accession\") | not)"
	[ "$(events accession)" -eq 1 ]
}

@test "what is missing is taken in, and --dry-run foresees it" {
	ok ingest images/us --collection c
	mkdir images/us/more
	echo new >images/us/more/new
	ok ingest images/us --collection c --dry-run --json
	json '.[-1] | .items == 1 and .bytes == 4 and .known > 2 and .dry_run'
	ok ingest images/us --collection c
	says "took in 1 item, 4 B"
	[ "$(listed | wc -l)" -eq "$(find images/us -type f | wc -l)" ]
}

@test "the same content under another name or in another collection is another item" {
	echo same >a
	ok ingest a --collection c
	mkdir sub
	cp a sub/a
	cp a b
	ok ingest b --collection c
	says "took in 1 item"
	talks "under another name"
	ok ingest a --collection d
	says "took in 1 item"
	ok ingest sub --collection c # its path is a, as before
	says "took in 0 items"
	[ "$(listed | tr '\n' ' ')" = "c/a c/b d/a " ]
}

@test "--skip-known-content leaves known content out, whatever it is called" {
	echo same >a
	echo same >b
	echo other >c
	ok ingest a b c --collection c --skip-known-content --json
	json '.[0] | .items == 2 and .known == 1'
	ok ingest b --collection d --skip-known-content
	says "took in 0 items"
	ok ingest b --collection d --skip-known-content --dry-run
	says "would take in 0 items"
	fails 2 "exclude each other" ingest b --collection d --skip-known-content --again
}

@test "the same name with other content is another item, and both can be seen" {
	echo one >a
	ok ingest a --collection c
	echo two >a
	ok ingest a --collection c
	says "took in 1 item"
	echo one >a
	ok ingest a --collection c
	says "took in 0 items"
	[ "$(listed | wc -l)" -eq 2 ]
}

@test "--again takes in what was taken in before" {
	echo one >a
	ok ingest a --collection c
	ok ingest a --collection c --again
	says "took in 1 item"
	[ "$(listed | wc -l)" -eq 2 ]
}

@test "a long file is known before any of it is sealed" {
	head -c 9000000 /dev/urandom >long
	ok ingest long --collection c
	stored=$(find archive/segments -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
	ok ingest long --collection c
	says "took in 0 items"
	[ "$(find archive/segments -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')" -eq "$stored" ]
}

@test "the index is not where it is known from: lost, damaged, rebuilt" {
	ok ingest images --collection c
	rm -r cap/archives/*/index
	ok ingest images --collection c
	says "took in 0 items"
	truncate -s 5000 cap/archives/*/index/data.mdb
	ok ingest images --collection c
	says "took in 0 items"
	ok custody --node cap reindex archive
	ok ingest images --collection c
	says "took in 0 items"
}

@test "another node knows nothing of it, and the marks of equal files differ" {
	echo same >a
	ok ingest a --collection c
	ok ingest a --collection c --again
	world_node cap2 ingest
	ok custody --node cap2 ingest archive a --collection c
	says "took in 1 item"
	cat archive/journal/*.jsonl | jq -r 'select(.type == "ingest").mark' >marks
	[ "$(grep -cE '^[0-9a-f]{64}$' marks)" -eq 3 ]
	[ "$(sort -u marks | wc -l)" -eq 3 ]
	# Not one 4-byte piece in common, as two hashes of one thing would have.
	[ "$(fold -w8 marks | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "--read-back: what is known, and damaged in the archive, is taken in again" {
	head -c 100000 /dev/urandom >a
	ok ingest a --collection c --read-back
	says "took in 1 item"
	ok ingest a --collection c --read-back
	says "took in 0 items"
	flip "$(find archive/segments -name '*.seg')" 50000
	ok ingest a --collection c
	says "took in 0 items"
	ok ingest a --collection c --read-back
	says "took in 1 item"
	ok ingest a --collection c --read-back
	says "took in 0 items"
}

@test "killed at any moment, nothing is lost and nothing is taken in twice" {
	mkdir many
	for i in $(seq 300); do
		mkdir -p "many/$((i % 7))"
		head -c $((i * 97 % 5000)) /dev/zero | tr '\0' "$((i % 3))" >"many/$((i % 7))/$i"
	done
	for round in $(seq "${CUSTODY_KILLS:-8}"); do
		"$CUSTODY" --node cap ingest archive many --collection c --workers 1 >/dev/null 2>&1 &
		pid=$!
		sleep "0.0$((round * 37 % 90 + 10))"
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	ok ingest many --collection c --json
	n=$(jq -r .items <<<"$output")
	json '.[0] | .items + .known == 300'
	[ "$(events ingest)" -eq 300 ]
	diff <(cd many && find . -type f | sed 's|^\.|c|' | sort) <(listed)
	ok custody verify archive
	ok ingest many --collection c
	says "took in 0 items"
}
