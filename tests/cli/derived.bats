#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Derived items: a redacted copy and images out of sidecars know what they were made from, and the
# original knows them; the logs tell nothing of it.

load ../lib/common

derived_world() {
	set -e
	world_archive
	world_node cap ingest
	world_node lab ingest,reader
	world_images 3
	custody --node cap ingest archive images --collection otay --manifest images/manifest.csv
	world_node ws reader
	{ cat images/us/car1.jpg; printf redacted; } >car1-redacted.jpg
}
setup_file() { common_make derived_world; }
setup() { common_copy; }
teardown() { world_end; }

show() { custody --node ws show archive "$@"; }
item() { show "$1" --json | jq -r .item; }

@test "a redacted copy: both sides show it, on every reader" {
	ok custody --node lab ingest archive car1-redacted.jpg -c redacted \
		--derived-from otay/us/car1.jpg --action 'redacted the driver (face)' --tool 'gimp 2.10'
	ok show redacted/car1-redacted.jpg
	says "made from    otay/us/car1.jpg"
	says "redacted the driver (face)"
	says "gimp 2.10"
	ok show otay/us/car1.jpg
	says "made of it   redacted/car1-redacted.jpg"
	says "redacted the driver (face)"
	ok show otay/us/car1.jpg --json
	json '.[0] | (.derived | length) == 1 and .derived[0].path == "redacted/car1-redacted.jpg"
		and .derived[0].action == "redacted the driver (face)" and .derived_from == []'
	ok show redacted/car1-redacted.jpg --json
	json ".[0] | .derived_from[0].item == \"$(item otay/us/car1.jpg)\" and .derived == []"
	json ".[0].provenance | .derived_from_sha256 == \"$(sha256sum <images/us/car1.jpg | cut -d' ' -f1)\""
	ok show otay/mx/car2.jpg --json
	json '.[0] | .derived == [] and .derived_from == []'
	# The same after the index was made anew, and on the node that made it.
	ok custody --node ws reindex archive
	ok show otay/us/car1.jpg
	says "made of it   redacted/car1-redacted.jpg"
	ok custody --node lab show archive otay/us/car1.jpg
	says "made of it   redacted/car1-redacted.jpg"
}

@test "the logs and the disk tell nothing of the link" {
	ok custody --node lab ingest archive car1-redacted.jpg -c redacted \
		--derived-from otay/us/car1.jpg --action 'redacted the driver'
	id=$(item otay/us/car1.jpg)
	run ! grep -l 'redacted the driver' -r archive
	# The original's id stands in the line that takes it in, and in no other.
	[ "$(grep -ho "$id" archive/journal/*.jsonl | wc -l)" -eq 1 ]
	ok custody verify archive
}

@test "by id; several copies; a copy of a copy" {
	id=$(item otay/us/car1.jpg)
	ok custody --node lab ingest archive car1-redacted.jpg -c r --derived-from "$id" --action cropped
	ok custody --node lab ingest archive images/mx/car2.jpg -c r --derived-from otay/us/car1.jpg --action traced
	ok custody --node lab ingest archive images/us/car3.jpg -c r --derived-from r/car2.jpg --action printed
	ok show otay/us/car1.jpg --json
	json '[.[0].derived[].action] | sort == ["cropped", "traced"]'
	ok show r/car2.jpg --json
	json '.[0] | .derived_from[0].path == "otay/us/car1.jpg" and .derived[0].path == "r/car3.jpg"'
}

@test "a capture node names the original by its id alone, and only one that a log has" {
	id=$(item otay/us/car1.jpg)
	ok custody --node cap ingest archive car1-redacted.jpg -c r --derived-from "$id" --action cropped
	ok show otay/us/car1.jpg
	says "made of it   r/car1-redacted.jpg"
	fails 7 "opens no names" custody --node cap ingest archive car1-redacted.jpg -c r \
		--derived-from otay/us/car1.jpg --action cropped
	fails 1 "no log here takes in" custody --node cap ingest archive car1-redacted.jpg -c r \
		--derived-from 00112233445566778899aabbccddeeff --action cropped
}

@test "what can't be an original, or says too little, is refused" {
	n=$(cat archive/journal/*.jsonl | wc -l)
	lab() { custody --node lab ingest archive car1-redacted.jpg -c r "$@"; }
	fails 1 "none.jpg" lab --derived-from otay/none.jpg --action x
	fails 2 "folder" lab --derived-from otay/us --action x
	fails 2 "--action" lab --derived-from otay/us/car1.jpg
	fails 2 "--derived-from" lab --action x
	fails 2 "--derived-from" lab --tool x
	fails 2 "--action" lab --derived-from otay/us/car1.jpg --action ''
	[ "$(cat archive/journal/*.jsonl | wc -l)" -eq "$n" ]
	# Nor does a manifest or --meta make a link.
	printf 'file,derived_from,derived_from_node\ncar1-redacted.jpg,%s,%s\n' "$(item otay/us/car1.jpg)" \
		"$(show otay/us/car1.jpg --json | jq -r .node)" >m.csv
	ok lab -m m.csv --meta "derived_from_sha256=$(sha256sum <images/us/car1.jpg | cut -d' ' -f1)"
	ok show otay/us/car1.jpg --json
	json '.[0].derived == []'
}

@test "images out of sidecars become items that know their sidecar" {
	mkdir lane
	cat >lane/read_lpr.xml <<-END
		<AutoVu><Plate>ABC1234</Plate><ContextImage>$(base64 <images/us/car1.jpg)</ContextImage>
		<PlateImage>$(base64 -w0 <images/mx/car2.jpg)</PlateImage></AutoVu>
	END
	ok custody --node cap ingest archive lane -c c --extract-embedded
	says "took in 3 items"
	ok show c/read_lpr.xml.ContextImage.jpg --json
	json ".[0] | .sha256 == \"$(sha256sum <images/us/car1.jpg | cut -d' ' -f1)\"
		and .derived_from[0].path == \"c/read_lpr.xml\""
	json '.[0].provenance | .role == "context" and .plate_text == "ABC1234"
		and .derived_action == "extracted from ContextImage"'
	ok show c/read_lpr.xml.PlateImage.jpg --json
	json ".[0] | .sha256 == \"$(sha256sum <images/mx/car2.jpg | cut -d' ' -f1)\" and .provenance.role == \"plate_crop\""
	ok show c/read_lpr.xml --json
	json '[.[0].derived[].path] | sort == ["c/read_lpr.xml.ContextImage.jpg", "c/read_lpr.xml.PlateImage.jpg"]'
	json ".[0].sha256 == \"$(sha256sum <lane/read_lpr.xml | cut -d' ' -f1)\""
	ok custody --node cap ingest archive lane -c d --extract-embedded --dry-run
	says "would take in 3 items"
	ok custody --node cap ingest archive lane -c d
	says "took in 1 item,"
}
