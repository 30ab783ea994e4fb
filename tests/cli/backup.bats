#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody backup: what is copied and what is not, while the archive grows; what it refuses; and that
# generations do not change.

load ../lib/common

setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

# A world and its first backup, bak.
ready() {
	set -e
	common_ready
	mkdir more
	cp images/us/car1.jpg more/again.jpg
	custody backup archive bak
}
backup() { custody backup archive bak "$@"; }
ingest() { custody --node cap ingest archive "${1:-more}" --collection "more-$RANDOM$RANDOM" -q; }
cap_journal() { grep -l '"type":"ingest"' archive/journal/*.jsonl; }
# all bytes and names below a folder
digest() { (cd "$1" && find . -type f -exec sha256sum {} + | sort | sha256sum); }
generation() { printf 'bak/%08d' "$1"; }

@test "a generation is an archive of its own: verified without key or node, byte for byte the same" {
	ok custody verify bak/00000001
	json_root=$(custody verify archive --json | jq -r .root)
	[ "$(custody verify bak/00000001 --json | jq -r .root)" = "$json_root" ]
	diff -r archive bak/00000001 | grep -v backup.state >differences || :
	[ ! -s differences ] || { cat differences; false; }
	[ "$(readlink bak/latest)" = 00000001 ]
	# it needed neither
	[ "$CUSTODY_NODE" = none ] || [ ! -e "$CUSTODY_NODE" ]
}

@test "nothing new: no generation, exit 0, and nothing is written" {
	before=$(digest bak)
	ok backup
	says "nothing is new"
	ok backup --json
	json '.[0] | .made == false and .new == false and .new_bytes == 0 and .generation == "00000001"'
	[ "$before" = "$(digest bak)" ]
	[ ! -e bak/partial ]
}

@test "what is new is copied, and what is not is shared; an older generation stays as it was" {
	before=$(digest bak/00000001)
	ingest
	ok backup --json
	json '.[0] | .made and .new_events > 0 and .generation == "00000002" and .checked >= 1'
	ok custody verify bak/00000002
	[ "$before" = "$(digest bak/00000001)" ]
	old=$(cd bak/00000001 && echo segments/*/*.seg)
	[ "$(stat -c %i "bak/00000001/$old")" = "$(stat -c %i "bak/00000002/$old")" ]
	[ "$(digest archive)" = "$(cd bak/00000002 && find . -type f ! -name backup.state -exec sha256sum {} + |
		sort | sha256sum)" ]
}

@test "a segment that grows between two backups: its older generation does not" {
	seg=$(cd archive && echo segments/*/*.seg)
	journal=$(basename "$(cap_journal)")
	size=$(stat -c %s "archive/$seg")
	# as if the ingest had been under way: the journal up to the third item, no checkpoint
	mkdir cut && cp -a archive/. cut/
	n=$(grep -n '"type":"ingest"' "cut/journal/$journal" | sed -n '3s/:.*//p')
	head -n "$n" "archive/journal/$journal" >"cut/journal/$journal"
	rm "cut/journal/${journal%.jsonl}.checkpoint"
	ok custody backup cut grow --json
	custody verify grow --json >verified || [ $? -eq 1 ] # it has no checkpoint, which could not be checked
	jq -es '.[-1].damaged == 0' verified
	half=$(stat -c %s "grow/00000001/$seg")
	[ "$half" -lt "$size" ]
	before=$(digest grow/00000001)
	ok custody backup archive grow --json
	ok custody verify grow
	[ "$before" = "$(digest grow/00000001)" ]
	[ "$(stat -c %s "grow/00000002/$seg")" -eq "$size" ]
	cmp "archive/$seg" "grow/00000002/$seg"
}

@test "keys, node directories, strangers and temporary files under the archive are not copied" {
	cp -a ws archive/node
	cp -a ws/. archive/documents/
	mkdir archive/segments/zz archive/journal/sub
	cp ws/node.key archive/segments/zz/
	cp ws/node.key archive/journal/0123456789abcdef0123456789abcdef.key
	cp ws/node.key archive/documents/0123456789abcdef0123456789abcdef.key
	cp ws/node.key archive/documents/0123456789abcdef0123456789abcdef.enrolment
	cp ws/node.key "archive/segments/$(ls archive/segments | head -n 1)/.0123456789abcdef.tmp"
	ln -s ../../ws/node.key archive/documents/1123456789abcdef0123456789abcdef.enrolment
	ingest
	ok backup
	talks "is no document, and is not copied"
	run ! grep -rqa CUSTKEY1 bak
	[ -z "$(find bak -name '*.key' -o -name '*.seal' -o -name node -o -name '*.tmp' -o \
		-type l ! -name latest)" ]
	ok custody verify bak/latest
	custody backup archive --list >names
	run ! grep -E 'key|seal|node|tmp|0123456789abcdef0123456789abcdef|1123456789abcdef' names
	custody backup archive --stdout >a.tar
	run ! grep -qa CUSTKEY1 a.tar
}

@test "an archive that was rolled back, forked, cut or robbed is refused, and the backup is untouched" {
	ingest
	ok backup
	before=$(digest bak)
	cp -a archive whole
	j=$(cap_journal)
	restore() { rm -rf archive && cp -a whole archive; }

	# rolled back as a whole
	rm -rf archive && cp -a bak/00000001 archive && rm archive/backup.state
	fails 4 "rolled back" backup
	restore
	# the journal cut, with and without its checkpoint
	head -n -1 "whole/journal/$(basename "$j")" >"$j"
	fails 4 "cut, or is an older copy" backup
	cp "bak/00000001/journal/$(basename "${j%.jsonl}.checkpoint")" "${j%.jsonl}.checkpoint"
	fails 4 "rolled back" backup
	rm -f "${j%.jsonl}.checkpoint"
	fails 4 "" backup
	restore
	# gone
	rm "$j" "${j%.jsonl}.checkpoint"
	fails 4 "missing" backup
	restore
	# another log of the same node: forked, and signed by it
	cp -a cap cap2
	rm -rf archive && cp -a bak/00000001 archive && rm archive/backup.state && chmod -R u+w archive
	cp "whole/journal/$(basename "$j")" "$j"
	sed -i '$s/"bytes":[0-9]*/"bytes":1/' "$j"
	cp "whole/journal/$(basename "${j%.jsonl}.checkpoint")" "${j%.jsonl}.checkpoint"
	fails 4 "" backup
	restore
	[ "$before" = "$(digest bak)" ]
	ok backup
}

@test "a fork that the node itself signed is refused" {
	# two nodes of one key: the log goes on in two ways from the same archive
	cp -a archive other
	cp -a cap cap2
	ingest
	ok backup
	mkdir different
	cp images/us/car3.jpg different/other.jpg
	cp images/us/car1.jpg different/second.jpg
	custody --node cap2 ingest other different --collection fork -q
	custody --node cap2 ingest other more --collection fork2 -q
	before=$(digest bak)
	fails 4 "forked" custody backup other bak
	[ "$before" = "$(digest bak)" ]
}

@test "a line past the checkpoint that was altered is refused too" {
	j=$(cap_journal)
	rm "${j%.jsonl}.checkpoint"
	ok custody backup archive unsigned
	sed -i '5s/"length":\([0-9]*\)/"length":1\1/' "$j"
	fails 4 "is not the one in the backup" custody backup archive unsigned
}

@test "a damaged item: the rest is kept, exit 4, and it is mended when the archive is" {
	ingest
	seg=$(find archive/segments -newer archive/archive.txt -name '*.seg' -printf '%T@ %p\n' | sort -n |
		tail -n 1 | cut -d' ' -f2)
	cp "$seg" good
	flip "$seg" $(($(stat -c %s "$seg") - 100))
	run -4 --separate-stderr custody backup archive bak --json
	json '.[-1].made and .[-1].damaged == 1 and .[0].finding == "damaged"'
	# told again, without another generation
	run -4 --separate-stderr custody backup archive bak --json
	json '.[-1].made == false and .[-1].damaged == 1'
	cat good >"$seg"
	ok backup --json
	json '.[0].made and .[0].damaged == 0'
	ok custody verify bak/latest
	ok backup --json
	json '.[0].made == false'
}

@test "what the backup has whole is not replaced by what was damaged in the archive since" {
	seg=$(cd archive && echo segments/*/*.seg)
	truncate -s -100 "archive/$seg"
	doc=$(cd archive && ls documents/*.enrolment | head -n 1)
	rm "archive/$doc"
	ingest || :
	run -4 --separate-stderr custody backup archive bak --json
	json 'any(.[]; .text? // "" | contains("the backup has it whole"))'
	json 'any(.[]; .text? // "" | contains("was taken out of the archive"))'
	ok custody verify bak
}

@test "no node works on a generation: it would change them all" {
	before=$(digest bak)
	fails 1 "restore it first" custody --node cap ingest bak/00000001 more --collection x
	[ "$before" = "$(digest bak)" ]
}

@test "--keep: the oldest go, in order" {
	for _ in 1 2 3; do
		ingest
		ok backup --keep 2
	done
	[ "$(ls -d bak/0* | tr '\n' ' ')" = "bak/00000003 bak/00000004 " ]
	ok custody verify bak/00000003
	ok custody verify bak/00000004
	ingest
	ok backup --keep 0
	[ "$(ls -d bak/0* | wc -l)" -eq 3 ]
}

@test "--dry-run does nothing, and says what there is to do" {
	ingest
	before=$(digest bak)
	ok backup --dry-run --json
	json '.[0] | .new and .made == false and .new_events > 0 and .new_bytes > 0 and .dry_run'
	[ "$before" = "$(digest bak)" ]
	ok custody backup archive nowhere --dry-run
	[ ! -e nowhere ]
}

@test "a lost or altered state costs time, and nothing else" {
	ingest
	for how in 'rm -f' 'sed -i s/peak/peek/'; do
		chmod u+w bak/latest/backup.state
		$how "$(readlink -f bak/latest)/backup.state"
		ok backup --json
		talks "all of it is read again"
		json '.[0].made and .[0].checked >= 10 and .[0].damaged == 0'
	done
	ok custody verify bak
}

@test "a backup whose own bytes were damaged is found when all of it is read" {
	seg=$(cd archive && echo segments/*/*.seg)
	chmod u+w "bak/00000001/$seg" bak/00000001/backup.state
	flip "bak/00000001/$seg" 5000
	rm bak/00000001/backup.state
	run custody verify bak
	[ "$status" -eq 4 ]
	# and mended from the archive, in a generation of its own
	ok backup
	ok custody verify bak
	run custody verify bak/00000001
	[ "$status" -eq 4 ]
}

@test "a folder that is something else, another archive's, within the archive; two at a time" {
	mkdir other && touch other/file
	fails 5 "not empty and not a backup" custody backup archive other
	[ "$(ls other)" = file ]
	authority create-archive auth second --sign-with officer
	fails 5 "another archive" custody backup second bak
	fails 2 "within the archive" custody backup archive archive/segments/bak
	fails 5 "not an archive" custody backup bak bak2
	exec 7<bak/backup.lock
	flock -x 7
	fails 6 "another backup" backup
	exec 7<&-
	fails 2 "" custody backup archive
	fails 2 "" custody backup archive bak --stdout
}

@test "interrupted at any place it goes on, and loses nothing" {
	ingest
	mkdir -p bak/partial/segments/aa
	cp -a archive/journal bak/partial/
	seg=$(cd archive && ls -t segments/*/*.seg | head -n 1)
	mkdir -p "bak/partial/$(dirname "$seg")"
	head -c 1000 "archive/$seg" >"bak/partial/$seg"
	ok backup --json
	json '.[0].resumed and .[0].made'
	ok custody verify bak/latest
	cmp "archive/$seg" "bak/latest/$seg"
	# and what a crash left there that is not what was written
	ingest
	seg=$(cd archive && ls -t segments/*/*.seg | head -n 1)
	mkdir -p "bak/partial/$(dirname "$seg")"
	head -c "$(stat -c %s "archive/$seg")" /dev/zero >"bak/partial/$seg"
	ok backup
	ok custody verify bak/latest
	cmp "archive/$seg" "bak/latest/$seg"
}

@test "a tar stream: a whole archive, whose last file is archive.txt" {
	custody backup archive --stdout >a.tar
	[ "$(tar -tf a.tar | tail -n 1)" = archive.txt ]
	[ "$(tar -tf a.tar | head -n 1 | cut -d/ -f1)" = journal ]
	mkdir out
	custody backup archive --stdout | tar -x -C out
	diff -r archive out
	ok custody verify out
	# half of one is no archive
	mkdir half
	head -c 200000 a.tar | tar -x -C half 2>/dev/null || :
	fails 5 "not an archive" custody verify half
	# a reader that goes away is an error
	run bash -c "'$CUSTODY' backup archive --stdout 2>err | head -c 1000 >/dev/null; exit \${PIPESTATUS[0]}"
	[ "$status" -eq 1 ]
}

@test "--list: what to copy, for other programs, in a safe order" {
	mapfile -d '' -t names < <(custody backup archive --list -0)
	[ "${#names[@]}" -eq "$(find archive -type f | wc -l)" ]
	[ "${names[-1]}" = archive.txt ]
	[[ "${names[0]}" == journal/* ]]
	mkdir copy
	custody backup archive --list -0 | tar -C archive --null -T - -c | tar -x -C copy
	diff -r archive copy
	# journals first, what they name is listed after that
	mkdir two
	custody backup archive --list=journals -0 | tar -C archive --null -T - -c | tar -x -C two
	ingest
	custody backup archive --list=rest -0 | tar -C archive --null -T - -c | tar -x -C two
	ok custody verify two
	fails 2 "journals, rest" custody backup archive --list=all
}

@test "a backup in the middle of a heavy ingest verifies, and the next one goes on from it" {
	mkdir heavy
	for i in $(seq 200); do
		cp images/us/car1.jpg "heavy/$i.jpg"
	done
	custody --node cap ingest archive heavy --collection heavy -q &
	pid=$!
	n=0
	while kill -0 $pid 2>/dev/null && [ "$n" -lt 3 ]; do
		backup -q --keep 0
		custody verify bak -q >/dev/null
		custody backup archive --stdout 2>/dev/null >mid.tar
		n=$((n + 1))
	done
	wait $pid
	[ "$n" -ge 1 ]
	mkdir mid && tar -x -C mid -f mid.tar
	ok custody verify mid
	ok backup --keep 0
	ok custody verify bak/00000002 -q
	ok custody verify bak --json
	json '.[-1].unsigned_events == 0'
}

@test "a read-only archive can be backed up" {
	ingest
	chmod -R a-w archive
	ok backup
	chmod -R u+w archive
	ok custody verify bak
}
