#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Provenance: manifests, AutoVu and OpenALPR sidecars, EXIF, --meta: which of them is believed, in which
# form a field is kept, what is refused, and what an archive asks of every item.

load ../lib/common

G1=6ee17b00-82c1-466b-9fd6-003417bc82c4

# A JPEG with EXIF that exiftool wrote, and everything a lane's folder has.
lane() {
	mkdir -p lane
	exiftool -q -o lane/exif.jpg -DateTimeOriginal='2026:11:01 04:34:07' -SubSecTimeOriginal=482 \
		-OffsetTimeOriginal=-06:00 -Make=Apple -Model='iPhone 5' -SerialNumber=SN-1 \
		-GPSLatitude=26.0661 -GPSLatitudeRef=N -GPSLongitude=98.3316 -GPSLongitudeRef=W \
		images/us/car1.jpg
	exiftool -q -o lane/local.jpg -DateTimeOriginal='2016:10:06 15:35:10' images/mx/car2.jpg
	cp images/us/car1.jpg "lane/U1_${G1}_context.jpg"
	cat >"lane/U1_${G1}_lpr.xml" <<-END
		<?xml version="1.0" encoding="utf-8"?>
		<AutoVu><Plate>ABC1234</Plate><State>US-TX</State><UTCDate>2026:11:01</UTCDate>
		<UTCTime>10:34:07.482</UTCTime><CameraName>Lane 3</CameraName><SourceName>U1</SourceName>
		<ContextImage>$(base64 <images/us/car1.jpg)</ContextImage>
		<PlateImage>$(base64 -w0 <images/mx/car2.jpg)</PlateImage>
		<Guid>$G1</Guid><ConfidenceScore>93</ConfidenceScore><Lane>3</Lane></AutoVu>
	END
	cp images/mx/car2.jpg lane/AAAA-12-1793529247482.jpg
	jq -n --rawfile crop <(base64 -w0 <images/mx/car2.jpg) '{data_type: "alpr_results",
		uuid: "AAAA-12-1793529247482", epoch_time: 1793529247482, camera_id: 12, results: [
		{plate: "A1", confidence: 93.5, region: "us-tx", plate_crop_jpeg: $crop,
			candidates: [{plate: "A1", confidence: 93.5}, {plate: "AI", confidence: 41}]},
		{plate: "ÜB 12", confidence: 80}]}' >lane/results.json
}
empty_archive() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	world_images 3
	lane
}
setup_file() { common_make empty_archive; }
setup() { common_copy; }
teardown() { world_end; }

ingest() { custody --node cap ingest archive "$@"; }
# field PATH KEY [VALUE]: a field of an item's record; none if VALUE is not given.
field() {
	local is

	is=$(custody --node ws show archive "$1" --json | jq -r --arg k "$2" '.provenance[$k] // "(none)"')
	[ "$is" = "${3-(none)}" ] && return 0
	printf '%s of %s is %s, not %s\n' "$2" "$1" "$is" "${3-(none)}" >&2
	return 1
}
untouched() {
	run ! grep -q '"type":"accession"' archive/journal/*.jsonl
	[ -z "$(find archive/segments -name '*.seg')" ]
}

@test "a manifest in CSV: fields in one form, unknown columns kept, the source of each told" {
	printf '%s\n' 'file,plate_text,plate_confidence,captured_at,retain_until,my column,lane' \
		'us/car1.jpg,ÜB 12,93,2026-11-01T04:34:07.482-06:00,2028:11:01,x,3' \
		'mx/car2.jpg,,0.5,1793529247482,,y,' >images/m.csv
	ok ingest images -c c -m images/m.csv
	field c/us/car1.jpg plate_text 'ÜB 12'
	field c/us/car1.jpg plate_confidence 0.93
	field c/mx/car2.jpg plate_confidence 0.005
	field c/us/car1.jpg captured_at 2026-11-01T10:34:07.482Z
	field c/us/car1.jpg captured_zone -06:00
	field c/us/car1.jpg manifest.captured_at 2026-11-01T04:34:07.482-06:00
	field c/mx/car2.jpg captured_at 2026-11-01T10:34:07.482Z
	field c/us/car1.jpg retain_until 2028-11-01
	field c/us/car1.jpg manifest.my_column x
	field c/mx/car2.jpg plate_text
	custody --node ws show archive c/us/car1.jpg --json | jq -e \
		'.provenance.origins | split(" ") | contains(["plate_text=manifest", "lane=manifest"])'
}

@test "a manifest in JSON Lines: several plates of one image, no plate, lists" {
	cat >images/m.jsonl <<-END
		{"file":"us/car1.jpg","event_id":"e1","plate_text":"ABC1234","candidates":[["ABC1234",0.93]]}
		{"file":"us/car1.jpg","event_id":"e2","plate_text":"XYZ","plate_box":[521,679,245,79]}
		{"file":"mx/car2.jpg","plate_text":""}
	END
	ok ingest images -c c -m images/m.jsonl
	field c/us/car1.jpg plate_text ABC1234
	field c/us/car1.jpg plate_text.2 XYZ
	field c/us/car1.jpg plate_box.2 '[521,679,245,79]'
	field c/us/car1.jpg candidates '[["ABC1234",0.93]]'
	field c/us/car1.jpg event_id e1
	field c/us/car1.jpg manifest.row2.event_id e2
	field c/mx/car2.jpg plate_text ''
}

@test "what can't be read as its field is told of and kept" {
	printf 'file,captured_at,latitude\nus/car1.jpg,yesterday,91\n' >images/m.csv
	ok ingest images -c c -m images/m.csv
	talks "us/car1.jpg: captured_at \`yesterday\` is no time"
	says "2 fields kept unread"
	field c/us/car1.jpg manifest.captured_at yesterday
	field c/us/car1.jpg captured_at
	ok ingest images -c d -m images/m.csv --json
	json 'map(select(.unreadable? == "us/car1.jpg" and .field == "latitude" and .value == "91")) | length == 1'
	json '.[-1].unreadable == 2'
}

@test "local times are not guessed at: --time-zone says what they mean" {
	printf 'file,captured_local\nus/car1.jpg,2026:11:01 01:30:00\nmx/car2.jpg,2026:07:01 12:00:00\n' >images/m.csv
	ok ingest images -c c -m images/m.csv
	field c/mx/car2.jpg captured_local 2026-07-01T12:00:00.000
	field c/mx/car2.jpg captured_at
	field c/mx/car2.jpg captured_zone unknown
	ok ingest images -c d -m images/m.csv --time-zone America/Chicago
	field d/mx/car2.jpg captured_at 2026-07-01T17:00:00.000Z
	field d/mx/car2.jpg captured_zone 'America/Chicago (assumed)'
	field d/us/car1.jpg captured_at # shown twice that night
	field d/us/car1.jpg captured_zone unknown
	fails 2 "no time zone" ingest images -c e --time-zone Mars/Base
}

@test "an AutoVu sidecar: matched by its id, sealed byte for byte, named by its digest" {
	ok ingest lane -c c
	x="c/U1_${G1}_lpr.xml" i="c/U1_${G1}_context.jpg"
	field "$i" plate_text ABC1234
	field "$i" plate_confidence 0.93
	field "$i" captured_at 2026-11-01T10:34:07.482Z
	field "$i" captured_at_source 'AutoVu UTCDate'
	field "$i" camera_id U1
	field "$i" sidecar.file "U1_${G1}_lpr.xml"
	field "$i" sidecar.sha256 "$(sha256sum <"lane/U1_${G1}_lpr.xml" | cut -d' ' -f1)"
	field "$x" role sidecar
	field "$x" plate_text ABC1234
	custody --node ws show archive "$x" --json | jq -e --arg d \
		"$(sha256sum <"lane/U1_${G1}_lpr.xml" | cut -d' ' -f1)" '.sha256 == $d'
	field c/exif.jpg plate_text
}

@test "OpenALPR: plates, candidates and time of the image of its uuid" {
	ok ingest lane -c c
	i=c/AAAA-12-1793529247482.jpg
	field "$i" plate_text A1
	field "$i" plate_confidence 0.935
	field "$i" plate_text.2 'ÜB 12'
	field "$i" candidates '[["A1",0.935],["AI",0.41]]'
	field "$i" captured_at 2026-11-01T10:34:07.482Z
	field "$i" source_system openalpr
	field c/results.json role sidecar
}

@test "EXIF is read as exiftool reads it" {
	ok ingest lane -c c
	field c/exif.jpg captured_at 2026-11-01T10:34:07.482Z
	field c/exif.jpg captured_at_source 'EXIF DateTimeOriginal'
	field c/exif.jpg camera_make Apple
	field c/exif.jpg camera_model 'iPhone 5'
	field c/exif.jpg camera_serial SN-1
	custody --node ws show archive c/exif.jpg --json | jq -e --argjson x \
		"$(exiftool -j -n -GPSLatitude -GPSLongitude lane/exif.jpg)" \
		'(.provenance.latitude | tonumber) - $x[0].GPSLatitude | fabs < 1e-9'
	field c/exif.jpg longitude -98.3316
	field c/local.jpg captured_local 2016-10-06T15:35:10.000
	field c/local.jpg captured_at
}

@test "EXIF of real photos, beside exiftool" {
	images=${SHARED:-/nonexistent}/images
	if [ ! -d "$images" ]; then
		echo "# SKIP: no real photos (SHARED/images)" >&3
		skip "no real photos (SHARED/images)"
	fi
	ok ingest "$images" -c real
	exiftool -q -r -j -n -DateTimeOriginal -CreateDate -Make -Model -GPSLatitude -GPSLongitude -ext jpg "$images" |
		jq -r --arg d "$images/" '.[] | select(.Make or .DateTimeOriginal or .GPSLatitude) |
			[(.SourceFile | ltrimstr($d)), .DateTimeOriginal // .CreateDate // "", .Make // "",
			.Model // "", .GPSLatitude // ""] | @tsv' >want
	[ "$(wc -l <want)" -gt 50 ]
	sort -k5,5 -r -t "$(printf '\t')" want | head -n 30 >some # those with a position first
	mv some want
	cut -f1 want | while read -r p; do
		custody --node ws show archive "real/$p" --json
	done | jq -r '[(.path | ltrimstr("real/")), ((.provenance.captured_local // "") | .[0:19] |
		gsub("-"; ":") | gsub("T"; " ")), .provenance.camera_make // "", .provenance.camera_model // "",
		(.provenance.latitude // "")] | @tsv' >have
	# Numbers are compared as numbers, and clocks that were never set are none.
	norm() { awk -F'\t' -v OFS='\t' '{ if ($2 ~ /^[0: ]*$/) $2 = ""; sub(/ +$/, "", $3); sub(/ +$/, "", $4)
		$5 = $5 == "" ? "" : sprintf("%.6f", $5); print }' "$1" | sort; }
	diff <(norm want) <(norm have)
}

@test "precedence: manifest, then sidecar, then EXIF, then --meta; what is overruled is kept" {
	exiftool -q -overwrite_original -Make=Canon -DateTimeOriginal='2020:01:01 00:00:00' \
		-OffsetTimeOriginal=+00:00 "lane/U1_${G1}_context.jpg"
	printf 'file,lane,plate_text\nU1_%s_context.jpg,4,A8C1234\n' "$G1" >lane/m.csv
	ok ingest lane -c c -m lane/m.csv --meta lane=9 --meta camera_make=Nikon --meta camera_serial=S-9 --meta port=2506 \
		--meta camera_id=zz
	i="c/U1_${G1}_context.jpg"
	field "$i" lane 4
	field "$i" sidecar.lane 3
	field "$i" meta.lane 9
	field "$i" plate_text A8C1234
	field "$i" plate_confidence # the sidecar's is of another text
	field "$i" sidecar.plate_text ABC1234
	field "$i" captured_at 2026-11-01T10:34:07.482Z
	field "$i" exif.captured_at '2020:01:01 00:00:00+00:00'
	field "$i" camera_id U1
	field "$i" camera_make Canon
	field "$i" port 2506
	field c/local.jpg camera_make Synthetic
	field c/local.jpg meta.camera_make Nikon
	field c/local.jpg camera_serial S-9
}

@test "sidecars that can't be read are told of, and are files like others" {
	printf '<!DOCTYPE AutoVu [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><AutoVu><Plate>&b;</Plate></AutoVu>' >lane/local.xml
	printf '<AutoVu><Plate>A</AutoVu>' >lane/exif.xml
	printf '{"data_type":"alpr_results"' >lane/x.json
	printf '<svg/>' >lane/y.xml
	ok ingest lane -c c
	talks "local.xml: sidecar \`autovu\` it has a document type"
	talks "exif.xml: sidecar \`autovu\` line 1: mismatched tag"
	talks "x.json"
	run ! grep y.xml <<<"$stderr"
	field c/local.jpg plate_text
	cmp lane/exif.xml <(printf '<AutoVu><Plate>A</AutoVu>')
	custody --node ws show archive c/exif.xml --json |
		jq -e --arg d "$(sha256sum <lane/exif.xml | cut -d' ' -f1)" '.sha256 == $d'
}

@test "nothing of an accession is taken in when a row is wrong, but with --partial" {
	printf 'file,bytes,sha256\nus/car1.jpg,,%s\nmx/car2.jpg,7,\nus/none.jpg,,\nus/car3.jpg,,\n' \
		"$(printf x | sha256sum | cut -d' ' -f1)" >images/m.csv
	for n in 2 3 4; do
		awk -v n=$n 'NR == 1 || NR == n' images/m.csv >images/one.csv
		run --separate-stderr ingest images -c c -m images/one.csv
		[ "$status" -ne 0 ]
		talks "line 2 of the manifest"
		untouched
	done
	rm images/one.csv
	ok ingest images -c c -m images/m.csv --partial --json
	json 'map(select(.skipped | type == "string") | .skipped) | sort == ["mx/car2.jpg", "us/car1.jpg", "us/none.jpg"]'
	json '.[-1].skipped == 3 and .[-1].left_out == 2'
	# The accession says so itself, sealed.
	custody --node ws ls -R archive --json | jq -r '.path' >paths
	run ! grep -x c/us/car1.jpg paths
	grep -x c/us/car3.jpg paths
	grep -x c/.custody-left-out.jsonl paths
	field c/.custody-left-out.jsonl role document
	ok ingest images -c d -m images/m.csv --partial
	talks "us/car1.jpg is not what line 2 of the manifest says: its SHA-256 is"
	talks "mx/car2.jpg is not what line 3 of the manifest says: it has"
	talks "us/none.jpg is in the manifest and in no source"
	ok custody verify archive
}

@test "what a partial ingest left out can be read by who is released it" {
	printf 'file,bytes\nus/car1.jpg,7\n' >images/m.csv
	ok ingest images -c c -m images/m.csv --partial
	custody --node ws show archive c/.custody-left-out.jsonl --json | jq -e --arg d "$(
		printf '{"source":"images","path":"us/car1.jpg","why":"is not what line 2 of the manifest says: it has %s bytes, not 7"}\n' \
			"$(stat -c %s images/us/car1.jpg)" | sha256sum | cut -d' ' -f1)" '.sha256 == $d'
}

@test "an archive asks for fields: an ingest without one is refused, item and field named" {
	ok authority create-archive auth strict --sign-with officer --require site_id \
		--require captured_at
	grep -qx 'require: site_id' strict/archive.txt
	ok custody --node c2 node-init strict --role ingest --no-passphrase -o c2.req
	ok authority enrol auth c2.req --sign-with officer -o c2.enrol
	ok custody --node c2 import strict c2.enrol
	cap2() { custody --node c2 ingest strict "$@"; }
	fails 7 "exif.jpg has no site_id, which this archive asks of every item" cap2 lane/exif.jpg -c c
	fails 7 "local.jpg has no captured_at" cap2 lane/local.jpg -c c --meta site_id=POE
	fails 7 "has no site_id" cap2 lane/exif.jpg -c c --dry-run
	run ! grep -q '"type":"accession"' strict/journal/*.jsonl
	ok cap2 lane/exif.jpg -c c --meta site_id=POE
	ok cap2 lane/local.jpg -c c --meta site_id=POE --time-zone -03:00
	ok cap2 lane/local.jpg lane/exif.jpg -c d --meta site_id=POE --partial
	talks "local.jpg has no captured_at"
	fails 2 "no field" authority create-archive auth bad --sign-with officer --require plates
	fails 2 "already" authority create-archive auth bad --sign-with officer --require lane --require lane
}

@test "the fields an archive asks for change with its next version, signed" {
	ok ingest images -c c
	fails 2 "not asked for" authority rotate auth --no-require lane -n
	ok authority rotate auth --require lane -n
	says "require: lane"
	ok authority rotate auth --require lane --sign-with officer -o next
	ok custody --node ws import archive next
	fails 7 "has no lane" ingest images -c c
	# what is known and lacks it is left out, and counted once
	ok ingest images -c c --partial --dry-run --json
	json '.[-1] | .items == 0 and .known == 0 and .left_out > 3'
	ok ingest images -c e --meta lane=3
	ok authority rotate auth --no-require lane --sign-with officer -o next2
	ok custody --node ws import archive next2
	ok ingest images -c d
}
