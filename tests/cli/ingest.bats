#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody ingest: sources, manifests, what is left out, what is refused, and being stopped.

load ../lib/common

empty_archive() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	world_images 3
}
setup_file() { common_make empty_archive; }
setup() { common_copy; }
teardown() { world_end; }

ingest() { custody --node cap ingest archive "$@"; }
listed() { custody --node ws ls -R archive "$@"; }
# Nothing was taken in, and the log says of no accession that it was begun.
untouched() {
	run ! grep -q '"type":"accession"' archive/journal/*.jsonl
	[ -z "$(find archive/segments -name '*.seg')" ]
}

@test "a folder: all below it, with names as in the source" {
	ok ingest images --collection otay
	n=$(find images -type f | wc -l)
	says "took in $n items"
	says "accession "
	diff <(cd images && find . -type f | sed 's|^\./|otay/|' | sort) \
		<(listed --json | jq -r 'select(.kind == "item").path' | sort)
	ok custody verify archive
}

@test "--json tells the accession, items and bytes" {
	ok ingest images --collection otay --json
	json 'length == 1 and (.[0] | .complete and (.dry_run | not) and .skipped == 0)'
	json ".[0].items == $(find images -type f | wc -l)"
	json ".[0].bytes == $(find images -type f -printf '%s\n' | paste -sd+ | bc 2>/dev/null ||
		find images -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')"
	grep -q "\"type\":\"accession\",\"accession\":\"$(jq -r .accession <<<"$output")\"" \
		archive/journal/*.jsonl
}

@test "single files, several sources, a trailing slash, a name that begins with a dash" {
	echo 1 >a.txt
	echo 2 >-b.txt
	ok ingest a.txt images/us/ --collection c -- -b.txt
	ok listed
	says c/a.txt
	says c/-b.txt
	says c/car1.jpg
	fails 2 "can't be in one accession" ingest a.txt ./a.txt --collection d
}

@test "an empty file, an empty folder, names of any bytes" {
	mkdir -p s/empty
	: >s/nothing
	printf x >"$(printf 's/new\nline')"
	printf x >"$(printf 's/caf\351')"
	printf x >"$(printf 's/\033[31mred')"
	ok ingest s --collection c
	says "took in 4 items"
	ok listed c
	says 'new\x0aline'
	says 'caf\xe9'
	says '\x1b[31mred'
	run ! grep -q "$(printf '\033')" <<<"$output"
	ok custody --node ws show archive "$(printf 'c/new\nline')" --json
	json '.[0].path == "c/new\nline" and .[0].size == 1'
	custody --node ws ls -0 archive c >list
	diff <(cd s && find . -type f -print0 | sed -z 's|^\./|c/|' | sort -z) <(sort -z list)
}

@test "what is no file or folder is left out and told of" {
	mkdir s
	echo x >s/x
	ln -s x s/link
	mkfifo s/pipe
	ok ingest s --collection c
	says "left out 2"
	talks "link is a symbolic link"
	talks "pipe"
	ok ingest s --collection d --json
	json 'map(select(.skipped | type == "string")) | length == 2'
	json '.[-1] | .items == 1 and .skipped == 2'
}

@test "a manifest: columns are kept, digests and sizes are compared" {
	ok ingest images --collection otay --manifest images/manifest.csv
	ok custody --node ws show archive otay/us/car1.jpg --json
	json '.[0].provenance | .plate_text != null and .lane != null'
	ok ingest images -c again -m images/manifest.csv
}

@test "a manifest whose digest is another: exit 4, and nothing is taken in" {
	awk -F, -v OFS=, 'NR == 2 { $6 = substr($6, 1, 63) ($6 ~ /0$/ ? "1" : "0") } 1' \
		images/manifest.csv >wrong
	cp wrong images/manifest.csv
	fails 4 "car1.jpg" ingest images --collection otay --manifest images/manifest.csv
	untouched
}

@test "a manifest whose size is another: exit 4, and nothing is taken in" {
	awk -F, -v OFS=, 'NR == 2 { $5 += 1 } 1' images/manifest.csv >wrong
	cp wrong images/manifest.csv
	fails 4 "car1.jpg" ingest images --collection otay --manifest images/manifest.csv
	untouched
}

@test "a manifest that names a file that is not there: exit 1, or told of with --partial" {
	rm images/us/car1.jpg
	fails 1 "car1.jpg" ingest images --collection otay --manifest images/manifest.csv
	untouched
	ok ingest images --collection otay --manifest images/manifest.csv --partial
	talks "us/car1.jpg is in the manifest and in no source"
	says "left out 1"
}

@test "what is no manifest: exit 5; one that is not there: exit 1" {
	printf 'file,"unclosed\n' >m.csv
	fails 5 "m.csv" ingest images --collection otay --manifest m.csv
	fails 1 "none.csv" ingest images --collection otay --manifest none.csv
	untouched
}

@test "--meta is kept with every item" {
	ok ingest images --collection otay --meta port=2506 --meta 'note=lane 3, "left"'
	ok custody --node ws show archive otay/us/car1.jpg --json
	json '.[0].provenance | ."meta.port" == "2506" and ."meta.note" == "lane 3, \"left\""'
}

@test "--dry-run looks and compares only" {
	ok ingest images --collection otay --manifest images/manifest.csv --dry-run
	says "would take in $(find images -type f | wc -l) items"
	untouched
	rm images/us/car1.jpg
	fails 1 "car1.jpg" ingest images --collection otay --manifest images/manifest.csv -n
	ok ingest images --collection otay -n --json
	json '.[-1].dry_run and (.[-1] | has("accession") | not)'
}

@test "sources that are not there, epochs that are not: nothing is taken in" {
	fails 1 "nowhere" ingest nowhere --collection c
	fails 1 "nowhere" ingest images nowhere --collection c
	fails 2 "" ingest /dev/null --collection c
	run ingest images --collection c --epoch 9
	[ "$status" -ne 0 ]
	[ -z "$(listed)" ]
}

@test "a reader may not ingest" {
	fails 7 "" custody --node ws ingest archive images --collection c
}

@test "the archive and the node are not taken in with their surroundings" {
	ok ingest . --collection all
	talks "belongs to the archive or to this node"
	ok listed
	run ! grep -qE 'node\.key|\.seg|\.jsonl' <<<"$(custody --node ws ls -R archive | grep '^all/\(cap\|archive\)/')"
}

@test "--again: two ingests of the same files are two accessions, and both can be seen" {
	ok ingest images/us --collection c
	ok ingest images/us --collection c --again
	n=$(find images/us -type f | wc -l)
	[ "$(listed --json | jq -s 'map(select(.kind == "item")) | length')" -eq $((2 * n)) ]
	listed | grep -q 'car1.jpg~'
}

@test "interrupted, it stops and keeps what is committed" {
	mkdir many
	for i in $(seq 400); do head -c 1000000 /dev/zero >"many/$i"; done
	"$CUSTODY" --node cap ingest archive many --collection c --workers 1 >out 2>err &
	pid=$!
	for _ in $(seq 200); do
		! grep -q '"type":"ingest"' archive/journal/*.jsonl || break
		sleep 0.02
	done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -ne 0 ] || skip "it was done before it was stopped"
	[ "$status" -eq 1 ]
	grep -q "stopped" err
	grep -q "in custody are" out
	n=$(grep -c '"type":"ingest"' archive/journal/*.jsonl | awk -F: '{ n += $NF } END { print n }')
	[ "$n" -lt 400 ]
	ok custody verify archive
	[ "$(listed --json | jq -s 'map(select(.kind == "item")) | length')" -eq "$n" ]
	ok ingest images --collection d
}

@test "what was taken in is no longer to be found in the archive" {
	ok ingest images --collection otay-mesa --manifest images/manifest.csv
	for word in otay-mesa car1.jpg "$(head -n 1 plates | cut -d' ' -f2)"; do
		run ! grep -raF "$word" archive
	done
}
