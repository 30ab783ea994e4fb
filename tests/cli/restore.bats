#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody restore, and custody verify of a backup: whole, in part, in place of a lost archive, and what a
# node that has seen more says to it.

load ../lib/common

setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

# Two collections, and a backup of them.
ready() {
	set -e
	common_ready
	mkdir more
	cp images/us/car1.jpg more/again.jpg
	custody --node cap ingest archive more --collection second
	custody backup archive bak
}
digest() { (cd "$1" && find . -type f ! -name backup.state -exec sha256sum {} + | sort | sha256sum); }
accession() { jq -r 'select(.type == "accession") | .accession' archive/journal/*.jsonl | sed -n "$1p"; }

@test "whole: the same bytes, verified; its nodes go on, and so does its backup" {
	mv archive lost
	ok custody restore bak archive
	[ "$(digest lost)" = "$(digest archive)" ]
	[ ! -e archive.partial ]
	ok custody verify archive
	[ "$(stat -c %a "$(ls archive/journal/*.jsonl | head -n 1)")" = 640 ]
	# the log goes on
	custody --node cap ingest archive more --collection third
	ok custody --node ws ls archive
	says third
	ok custody verify archive
	ok custody backup archive bak --json
	json '.[0].made and .[0].new_events > 0'
	ok custody verify bak
}

@test "restored, it mounts, and a released item comes out as it went in" {
	rm -rf archive
	ok custody restore bak archive
	world_release one otay/us/car1.jpg
	world_mount
	same us/car1.jpg
	sealed us/car3.jpg
	world_umount
}

@test "a backup that is older than what a node has seen is refused, until officers accept it" {
	mkdir new && cp images/us/car3.jpg new/late.jpg
	custody --node cap ingest archive new --collection late
	custody --node ws ls archive >/dev/null
	rm -rf archive
	ok custody restore bak archive
	ok custody verify archive
	run -4 --separate-stderr custody --node cap ingest archive new --collection late
	run -4 --separate-stderr custody --node ws ls archive
	for n in cap ws; do
		custody --node $n checkpoint archive --evidence -o $n.evidence
		authority accept-restore auth $n.evidence --reason 'disk lost' --sign-with officer -o $n.restore
		ok custody --node $n import archive $n.restore
	done
	ok custody --node cap ingest archive new --collection late
	ok custody --node ws ls archive
	says late
	ok custody verify archive
	# and the backup, which has what was restored, goes on
	ok custody backup archive bak
	ok custody verify bak
}

@test "an older generation; a plain copy; a tar stream" {
	mkdir new && cp images/us/car3.jpg new/late.jpg
	custody --node cap ingest archive new --collection late
	ok custody backup archive bak
	ok custody restore bak old --generation 1
	[ "$(digest old)" = "$(digest bak/00000001)" ]
	cp -a archive copy
	ok custody restore copy again
	[ "$(digest copy)" = "$(digest again)" ]
	fails 1 "is not there" custody restore bak none --generation 9
	# the backup refuses what is older than it
	fails 4 "rolled back" custody backup old bak
}

@test "in part: one collection, one item, one accession; by id without a node" {
	ok custody --node ws restore bak part --collection second --json
	json '.[0].segments == 1'
	[ "$(find part/segments -type f | wc -l)" -eq 1 ]
	run -4 --separate-stderr custody verify part
	cmp "$(find part/segments -type f)" "archive/${segs:-$(cd part && find segments -type f)}"
	ok custody --node ws restore bak byname --item second/again.jpg
	diff -r part byname
	id=$(custody --node ws show archive second/again.jpg --json | jq -r .item)
	ok custody restore bak byid --item "$id"
	diff -r part byid
	ok custody restore bak byaccession --accession "$(accession 2)"
	diff -r part byaccession
	fails 1 "nothing of 'nobody'" custody --node ws restore bak none --collection nobody
	fails 1 "nothing of" custody restore bak none --item 0123456789abcdef0123456789abcdef
	[ ! -e none ] && [ ! -e none.partial ]
	# names need a reader
	run custody restore bak none --collection second
	[ "$status" -ne 0 ]
	fails 7 "no key that opens names" custody --node cap restore bak none --collection second
	# and what was left in the backup is put back later
	ok custody --node ws repair part --from bak
	ok custody verify part
}

@test "nothing is restored over anything; a restore that was begun goes on" {
	fails 1 "nothing is restored over it" custody restore bak archive
	mkdir empty
	ok custody restore bak empty
	ok custody verify empty
	mkdir stranger.partial && touch stranger.partial/file
	fails 5 "move it away" custody restore bak stranger
	[ "$(ls -A stranger.partial)" = file ]
	# one that was killed while it wrote that it has begun
	mkdir begun.partial && touch begun.partial/.0123456789abcdef.tmp
	ok custody restore bak begun
	[ ! -e begun/.0123456789abcdef.tmp ] && [ ! -e begun.partial ]
	# killed half-way: no archive, and then one
	custody restore bak other
	mv other half.partial
	id=$(sed -n 's/^archive: //p' archive/archive.txt)
	printf 'custodyfs-restore-begun/v1\narchive: %s\n' "$id" >half.partial/restore.txt
	seg=$(cd half.partial && ls segments/*/*.seg | head -n 1)
	truncate -s 1000 "half.partial/$seg"
	rm half.partial/archive.txt
	[ ! -e half ]
	ok custody restore bak half --json
	json '.[0].resumed'
	[ "$(digest archive)" = "$(digest half)" ]
	ok custody restore bak dry --dry-run
	[ ! -e dry ] && [ ! -e dry.partial ]
}

@test "a damaged backup: the rest is restored, exit 4, and what is damaged is named" {
	seg=$(ls bak/latest/segments/*/*.seg | head -n 1)
	chmod u+w "$seg"
	flip "$seg" $(($(stat -c %s "$seg") - 50))
	run -4 --separate-stderr custody restore bak out --json
	json '.[-1].made and .[-1].damaged == 1 and .[0].finding == "damaged"'
	run -4 --separate-stderr custody verify out
	# a log that is damaged is not restored at all
	j=$(ls bak/latest/journal/*.jsonl | head -n 1)
	chmod u+w "$j"
	flip "$j" 100
	fails 4 "journal" custody restore bak out2
	[ ! -e out2 ]
}

@test "verify: of a backup the last generation; a sample, what is new, all" {
	n=$(($(find images more -type f | wc -l)))
	ok custody verify bak --json
	json ".[0].items == $n and .[0].read == $n"
	ok custody verify bak --sample 3 --json
	json ".[0].items == $n and .[0].read == 3"
	ok custody verify bak --sample 3
	says "read        3 items of them"
	ok custody verify bak --since +1h --json
	json ".[0].read == 0 and .[0].bytes == 0"
	ok custody verify bak --since -1h --json
	json ".[0].read == $n"
	ok custody verify archive --all --json
	json ".[0].read == $n"
	# a sample of all finds what all finds; one of none does not look
	seg=$(ls bak/latest/segments/*/*.seg | head -n 1)
	chmod u+w "$seg"
	flip "$seg" $(($(stat -c %s "$seg") - 50))
	run -4 --separate-stderr custody verify bak --sample 1000
	ok custody verify bak --since +1h
	# drawn anew each time
	for _ in $(seq 60); do
		custody verify bak --sample $((n / 2)) -q >/dev/null && echo well || echo found
	done >draws
	grep -q well draws && grep -q found draws
	fails 2 "contradict" custody verify bak --all --sample 3
	fails 2 "--quick" custody verify bak --quick --sample 3
	mkdir nothing
	fails 5 "not an archive" custody verify nothing
}
