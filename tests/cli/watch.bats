#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody ingest --watch: what comes into a folder is taken in once, and removed only when it is safe:
# whatever is killed, full, still written, renamed or in the way.

load ../lib/common

watched() {
	set -e
	world_archive
	world_node cap ingest
	world_node ws reader
	mkdir spool
}
setup_file() { common_make watched; }
setup() { common_copy; }
teardown() {
	[ -z "${watcher:-}" ] || kill -9 "$watcher" 2>/dev/null || :
	chattr -i spool/* 2>/dev/null || :
	! mountpoint -q small || umount -l small
	world_end
}

watch() {
	"$CUSTODY" --node cap ingest "${archive:-archive}" --watch spool --collection c --settle 100ms "$@"
}
once() { ok watch --once "$@"; }
# start [OPTION...]: in the background, until it says that it watches; $watcher
start() {
	# The program itself, not a shell around it, is what is stopped.
	(exec "$CUSTODY" --node cap ingest "${archive:-archive}" --watch spool --collection c \
		--settle 100ms "$@") >out 2>err &
	watcher=$!
	until_true grep -q '^watching' err
}
stop() {
	kill -TERM "$watcher"
	status=0
	wait "$watcher" || status=$?
	watcher=
	[ "$status" -eq 0 ] || { cat out err >&2; return 1; }
}
until_true() {
	for _ in $(seq 600); do
		! "$@" 2>/dev/null || return 0
		sleep 0.05
	done
	printf 'never: %s\n' "$*" >&2
	return 1
}
gone() { [ ! -e "$1" ]; }
listed() { custody --node ws ls -R "${archive:-archive}" --json | jq -r 'select(.kind == "item").path' | sort; }
items() { cat "${archive:-archive}"/journal/*.jsonl | grep -c '"type":"ingest"' || :; }
has_items() { [ "$(items)" -ge "$1" ]; }

# fill DIR FIRST LAST: files named after their SHA-256, so that a list of names is one of digests. Every
# tenth content is there twice, in two folders. They are made beside and moved in, as by a camera.
fill() {
	python3 - "$@" <<'EOF'
import hashlib, os, sys
base, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for lane in range(4):
    os.makedirs(f"{base}/lane{lane}", exist_ok=True)
for i in range(first, last + 1):
    lane = i % 4
    content = (b"%d " % (i - 1 if i % 10 == 0 else i)) * (i % 211 + 1 if i % 10 else (i - 1) % 211 + 1)
    name = hashlib.sha256(content).hexdigest()
    with open(f"{base}/.{i}", "wb") as f:
        f.write(content)
    os.rename(f"{base}/.{i}", f"{base}/lane{lane}/{name}.jpg")
    print(f"c/lane{lane}/{name}.jpg")
EOF
}
# All that was filled in is there once, and the content of some is what their names say.
exactly() {
	diff <(sort "$@") <(listed)
	for path in $(listed | awk 'NR % 97 == 1' | head -5); do
		custody --node ws show "${archive:-archive}" "$path" --json | jq -r .sha256 >digest
		[ "c/${path#c/}" = "$(dirname "$path")/$(cat digest).jpg" ]
	done
}

@test "taken in, read back, removed; folders stay, what is passed over stays" {
	mkdir -p spool/cam1/2026/11 secret
	echo secret >secret/s
	echo 1 >spool/cam1/2026/11/a.jpg
	: >spool/empty
	echo 2 >"$(printf 'spool/caf\351 \n2')"
	for f in .hidden x.part x.PART x.tmp x.partial skip.me; do echo no >"spool/$f"; done
	ln -s ../secret/s spool/link
	ln -s ../secret spool/folder
	mkfifo spool/pipe
	once --move --ignore '*.me'
	says "took in 3 items"
	says "removed 3 files"
	talks "no erasure"
	[ "$(custody --node ws ls -R archive --json | jq -s 'map(select(.kind == "item")) | length')" -eq 3 ]
	[ -d spool/cam1/2026/11 ]
	[ "$(find spool -type f | wc -l)" -eq 6 ]
	[ -L spool/link ]
	[ -p spool/pipe ]
	[ -s secret/s ]
	run ! grep -q '^c/\(link\|folder\)' <<<"$(listed)"
	ok custody verify archive
}

@test "without --move sources stay, and are taken in once, also after a restart" {
	echo 1 >spool/a
	echo 2 >spool/b
	once
	says "took in 2 items"
	[ "$(find spool -type f | wc -l)" -eq 2 ]
	once
	says "2 known already"
	echo 3 >spool/b
	once --json
	json '.[-1] | .items == 1 and .known == 1 and .removed == 0'
	[ "$(items)" -eq 3 ]
}

@test "a file is not taken while it is open for writing; one that grows is taken again" {
	start --move
	exec 7>spool/slow
	echo one >&7
	echo quick >spool/quick
	until_true gone spool/quick
	[ -e spool/slow ]
	echo two >&7
	exec 7>&-
	until_true gone spool/slow
	echo one >spool/slow
	until_true gone spool/slow
	stop
	listed >list
	[ "$(grep -c '^c/slow' list)" -eq 2 ]
	[ "$(grep -c '^c/quick' list)" -eq 1 ]
	custody --node ws show archive c/slow --json | jq -r .sha256 >is
	printf 'one\ntwo\n' | sha256sum | cut -d' ' -f1 | diff - is
}

@test "renamed and deleted while they wait: what is left is taken in, under its last name" {
	start --move --settle 2s
	for i in $(seq 30); do echo "$i" >"spool/upload$i"; done
	for i in $(seq 10); do mv "spool/upload$i" "spool/done$i"; done
	for i in $(seq 11 20); do rm "spool/upload$i"; done
	mkdir spool/later
	echo x >spool/later/x
	mv spool/later spool/moved
	until_true gone spool/moved/x
	until_true has_items 21
	stop
	[ "$(find spool -type f | wc -l)" -eq 0 ]
	[ "$(items)" -eq 21 ]
	[ "$(listed | grep -c 'c/done')" -eq 10 ]
	run ! grep -q 'c/upload1[1-9]' <<<"$(listed)"
}

@test "killed again and again while files come in" {
	rounds=${CUSTODY_KILLS:-15}
	: >want
	for round in $(seq "$rounds"); do
		fill spool $((round * 100)) $((round * 100 + 39)) >>want &
		filler=$!
		(exec "$CUSTODY" --node cap ingest archive --watch spool --collection c \
			--settle 50ms --move --accession-items 25) >/dev/null 2>&1 &
		watcher=$!
		sleep "0.$((RANDOM % 60 + 15))"
		kill -9 "$watcher"
		wait "$watcher" 2>/dev/null || :
		wait "$filler"
	done
	watcher=
	once --move
	[ "$(find spool -type f | wc -l)" -eq 0 ]
	[ "$(items)" -eq $((rounds * 40)) ]
	exactly want
	ok custody verify archive
}

@test "killed between sealing and removal: the source goes, and is not taken in again" {
	fill spool 1 20 >want
	once
	[ "$(items)" -eq 20 ]
	# As left by a removal that was cut short: one moved aside.
	one=$(find spool -name '*.jpg' | head -1)
	mv "$one" "$(dirname "$one")/.custody-removing.$(basename "$one")"
	# And one aside that never was sealed.
	echo new >spool/.custody-removing.new
	once --move
	says "took in 1 item"
	[ "$(find spool -type f | wc -l)" -eq 0 ]
	echo c/new >>want
	diff <(sort want) <(listed)
}

@test "known, but damaged in the archive: taken in again before the source goes" {
	head -c 50000 /dev/urandom >spool/a
	once
	flip "$(find archive/segments -name '*.seg')" 20000
	once --move
	says "took in 1 item"
	[ ! -e spool/a ]
	[ "$(items)" -eq 2 ]
}

@test "a full disk: sources stay, it says so, and goes on when there is room" {
	mkdir small
	mount -t tmpfs -o size=2m none small 2>/dev/null || skip "no file system can be mounted here"
	cp -r archive small/
	archive=small/archive
	for i in $(seq 12); do head -c 400000 /dev/urandom >"spool/$i"; done
	(cd spool && sha256sum ./*) | sed 's|\./|c/|' | sort -k2 >want
	start --move
	until_true grep -q 'is full' err
	grep -q 'stay there; trying again in' err
	n=$(find spool -type f | wc -l)
	[ "$n" -ge 6 ]
	[ "$(($(items) + n))" -ge 12 ]
	mount -o remount,size=20m small
	until_true has_items 12
	stop
	[ "$(find spool -type f | wc -l)" -eq 0 ]
	for path in $(listed); do
		echo "$(custody --node ws show small/archive "$path" --json | jq -r .sha256)  $path"
	done | sort -k2 | diff want -
	ok custody verify small/archive
	watcher=
}

@test "a burst: each is taken in once, in accessions of bounded size" {
	n=${CUSTODY_BURST:-5000}
	fill spool 1 "$n" >want
	once --move --accession-items 2000
	[ "$(find spool -type f | wc -l)" -eq 0 ]
	[ "$(items)" -eq "$n" ]
	says "took in 2000 items"
	exactly want
}

@test "SIGTERM finishes what is being taken in, and ends with 0" {
	fill spool 1 2000 >want
	start --move
	until_true has_items 1
	stop
	grep -q '^stopped; took in' out
	n=$(items)
	[ $((n + $(find spool -type f | wc -l))) -eq 2000 ]
	[ "$(grep -c '"type":"accession-closed"' <(cat archive/journal/*.jsonl))" -ge 1 ]
	once --move
	exactly want
}

@test "one folder has one watch" {
	start
	run watch --once
	[ "$status" -eq 6 ]
	[[ "$output" == *"watched already"* ]]
	stop
}

@test "an archive that asks for a field is not given a file without it" {
	authority rotate auth --require lane --sign-with officer -o next
	custody --node ws import archive next
	echo 1 >spool/one
	run --separate-stderr timeout -s TERM 3 "$CUSTODY" --node cap ingest archive --watch spool \
		--collection c --settle 100ms --move --verbose
	talks "has no lane"
	[ -e spool/one ]
	[ "$(items)" -eq 0 ]
	once --move --meta lane=3
	[ ! -e spool/one ]
	[ "$(items)" -eq 1 ]
}

@test "file names are in no message, unless they are asked for" {
	echo 1 >spool/PLATE123
	chattr +i spool/PLATE123 2>/dev/null || skip "no file can be made immutable here"
	once_wrong() { timeout -s TERM 3 "$CUSTODY" --node cap ingest archive --watch spool \
		--collection c --settle 100ms --move "$@"; }
	run --separate-stderr once_wrong
	talks "could not be taken in or removed"
	run ! grep -q PLATE123 <<<"$output$stderr"
	run --separate-stderr once_wrong --verbose
	talks PLATE123
	chattr -i spool/PLATE123
	[ "$(items)" -eq 1 ]
	once --move
	[ ! -e spool/PLATE123 ]
	[ "$(items)" -eq 1 ]
}

@test "a service manager is told: ready, alive, stopping" {
	python3 - >told <<'EOF' &
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("sock")
while True:
    m = s.recv(4096).decode()
    print(m, flush=True)
    if "STOPPING=1" in m:
        break
EOF
	until_true test -S sock
	export NOTIFY_SOCKET=$PWD/sock WATCHDOG_USEC=400000
	start
	until_true grep -q '^READY=1' told
	until_true grep -q '^WATCHDOG=1' told
	stop
	wait
	grep -q '^STOPPING=1' told
}

@test "the systemd unit is one" {
	unit=$BATS_TEST_DIRNAME/../../tools/contrib/systemd/custody-watch@.service
	command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
	sed "s|^ExecStart=/usr/local/bin/custody|ExecStart=$CUSTODY|" "$unit" >custody-watch@.service
	run systemd-analyze verify --man=no "$PWD/custody-watch@.service"
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	run ! grep -q custody-watch <<<"$output"
}

@test "wrong usage is refused, and nothing is watched" {
	fails 2 "only --watch has" custody --node cap ingest archive spool --collection c --move
	fails 2 "ARCHIVE alone" custody --node cap ingest archive spool --watch spool --collection c
	fails 2 "don't go with" watch --dry-run
	fails 2 "don't go with" watch --manifest x
	fails 2 "must be a time" watch --settle 5x
	fails 2 "must be a time" watch --settle 0
	mkdir archive/in
	fails 2 "lies in the archive" custody --node cap ingest archive --watch archive/in --collection c
	fails 2 "is no folder" custody --node cap ingest archive --watch officer --collection c
	fails 1 "there is no folder" custody --node cap ingest archive --watch nowhere --collection c
	fails 7 "" custody --node ws ingest archive --watch spool --collection c --once
	fails 3 "" custody --node nobody ingest archive --watch spool --collection c --once
}
