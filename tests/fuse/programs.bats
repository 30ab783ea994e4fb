#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Programs that nobody here wrote, on a mount: with a release they see what was sealed, without one they
# are refused, at once, and don't flood the log. The first half of the images is released.

bats_require_minimum_version 1.5.0
load ../lib/world
load ../lib/browser

setup_file() {
	export ROOM="$BATS_FILE_TMPDIR/room"
	mkdir "$ROOM"
	cd "$ROOM" || return 1
	W=$ROOM CUSTODY_NODE=none
	export W CUSTODY_NODE
	world_new() { cd "$ROOM" || return 1; }
	world_ready
	cp -r images more
	"$CUSTODY" --node cap ingest archive more --collection sealed
	world_mount
	world_release r otay
}
teardown_file() {
	W=$ROOM
	cd "$ROOM" || return 1
	world_umount
}
setup() {
	cd "$ROOM" || return 1
	W=$ROOM
	export W
	mkdir -p "$BATS_TEST_TMPDIR/out"
	out=$BATS_TEST_TMPDIR/out
}

# program NAME...: skip, loudly, without it
program() {
	local p

	for p; do
		command -v "$p" >/dev/null && continue
		echo "# SKIP: no $p" >&3
		skip "no $p"
	done
}
events() { "$CUSTODY" --node ws log archive --type "$1" --json | wc -l; }
# soon COMMAND...: it may fail, but it ends
soon() { run timeout 60 "$@"; [ "$status" -ne 124 ]; }

@test "cp, tar, rsync, find, grep, sha256sum: what was sealed, times and sizes too" {
	program rsync
	cp -a mnt/otay "$out/cp"
	diff -r images "$out/cp"
	tar -C mnt -cf - otay | tar -C "$out" -xf -
	diff -r images "$out/otay"
	rsync -a mnt/otay/ "$out/rsync"
	diff -r images "$out/rsync"
	[ -z "$(rsync -ain mnt/otay/ "$out/rsync")" ]
	[ -z "$(rsync -acn --itemize-changes mnt/otay/ "$out/rsync")" ]
	[ "$(cd mnt/otay && find . -type f -printf '%P %s %T@\n' | sort)" = \
		"$(cd images && find . -type f -printf '%P %s %T@\n' | sort)" ]
	(cd images && find . -type f -exec sha256sum {} +) >"$out/sums"
	(cd mnt/otay && sha256sum -c --quiet "$out/sums")
	[ "$(cd mnt/otay && grep -rlc . . | sort)" = "$(cd images && grep -rlc . . | sort)" ]
	du -s mnt >"$out/du"
}

@test "the same without a release: each says so, and none waits" {
	program rsync
	for c in "cp -a mnt/sealed $out/x" "tar -C mnt -cf $out/x.tar sealed" "rsync -a mnt/sealed/ $out/y" \
		"grep -r . mnt/sealed" "sha256sum mnt/sealed/us/car1.jpg"; do
		# shellcheck disable=SC2086 # a command line
		soon $c
		[ "$status" -ne 0 ]
		[[ "$output" == *"Permission denied"* ]]
	done
	[ -z "$(find "$out" -type f -size +0 ! -name 'x.tar')" ]
	run ! tar -tf "$out/x.tar" sealed/us/car1.jpg
	# names and sizes may be seen
	[ "$(find mnt/sealed -type f | wc -l)" -eq "$(find images -type f | wc -l)" ]
}

@test "pictures: ImageMagick, exiftool, Python's PIL, a browser" {
	program identify exiftool
	[ "$(identify -format '%wx%h' mnt/otay/us/car1.jpg)" = "$(identify -format '%wx%h' images/us/car1.jpg)" ]
	convert mnt/otay/us/car1.jpg -resize 64x64 "$out/small.png"
	[ "$(identify -format '%m' "$out/small.png")" = PNG ]
	compare -metric AE mnt/otay/us/car1.jpg images/us/car1.jpg null: 2>"$out/ae"
	[ "$(cut -d' ' -f1 <"$out/ae")" = 0 ]
	[ "$(exiftool -j -ImageSize mnt/otay/us/car1.jpg | jq -r '.[0].ImageSize')" = 1280x720 ]
	run exiftool mnt/sealed/us/car1.jpg
	[ "$status" -ne 0 ] || [[ "$output" == *"Error"* ]]
	if /usr/bin/python3 -c 'import PIL' 2>/dev/null; then
		/usr/bin/python3 -c 'import sys; from PIL import Image
a, b = (Image.open(p) for p in sys.argv[1:3])
assert a.tobytes() == b.tobytes() and a.size == (1280, 720)
try:
    Image.open(sys.argv[3])
    sys.exit("a sealed image was opened")
except PermissionError:
    pass' mnt/otay/us/car1.jpg images/us/car1.jpg mnt/sealed/us/car1.jpg
	else
		echo "# SKIP: no PIL" >&3
	fi
	command -v chromium >/dev/null || { echo "# SKIP: no chromium" >&3; return 0; }
	# a page that shows both: the one is there, the other is not
	cat >page.html <<-'END'
		<body><script>
		const seen = [];
		for (const src of ["mnt/otay/us/car1.jpg", "mnt/sealed/us/car1.jpg"]) {
			const i = document.createElement("img");
			i.onload = () => seen.push(src + " " + i.naturalWidth);
			i.onerror = () => seen.push(src + " refused");
			i.src = src; document.body.append(i);
		}
		addEventListener("load", () => { document.title = seen.sort().join("; "); });
		</script></body>
	END
	browser_dom page.html >"$out/dom"
	grep -qF '<title>mnt/otay/us/car1.jpg 1280; mnt/sealed/us/car1.jpg refused</title>' "$out/dom"
}

@test "thumbnailers over sealed items: they end, and a walk is a few lines of the log" {
	program convert
	before=$(events refused)
	for f in mnt/sealed/us/*.jpg mnt/sealed/mx/*.jpg; do
		soon convert "$f" -thumbnail 128x128 "$out/t.png"
		[ "$status" -ne 0 ]
	done
	soon bash -c 'for i in $(seq 200); do head -c 1 mnt/sealed/us/car1.jpg; done'
	after=$(events refused)
	[ "$after" -gt "$before" ] && [ $((after - before)) -lt 60 ]
}

@test "fio reads random blocks, in order, mapped and by io_uring, and verifies them" {
	program fio
	# one file of fio's own pattern, through custody and back
	fio --name=w --filename="$ROOM/pattern" --size=8m --rw=write --bs=4k --verify=crc32c \
		--do_verify=0 --randseed=1 >/dev/null
	if [ ! -e mnt/fio ]; then
		"$CUSTODY" --node cap ingest archive pattern --collection fio
		world_release f fio
	fi
	cp pattern bad && printf x | dd of=bad bs=1 seek=5000 conv=notrunc status=none
	run fio --name=w --filename=bad --size=8m --rw=read --bs=4k --verify=crc32c --randseed=1 --readonly
	[ "$status" -ne 0 ] # it does verify
	for engine in sync mmap io_uring; do
		run fio --name=w --filename=mnt/fio/pattern --size=8m --rw=read --bs=4k --verify=crc32c \
			--randseed=1 --ioengine="$engine" --readonly --invalidate=0
		[[ $engine == io_uring && "$output" == *"not loadable"* ]] && continue
		[ "$status" -eq 0 ] || { echo "$engine: $output"; false; }
	done
	fio --name=r --filename=mnt/fio/pattern --size=8m --rw=randread --bs=4k --ioengine=psync \
		--numjobs=4 --loops=2 --readonly --invalidate=0 >/dev/null
}

@test "df, lsof, inotify, bind mounts, another namespace" {
	program lsof inotifywait
	[ "$(df --output=fstype mnt | tail -1)" = fuse.custodyfs ]
	[ "$(df --output=used -B1 mnt | tail -1)" -gt 0 ]
	exec 9<mnt/otay/us/car1.jpg
	lsof -p $$ 2>/dev/null | grep -q 'otay/us/car1.jpg'
	exec 9<&-
	# who watches the mount point is told of an open
	timeout 60 inotifywait -q -e open mnt/otay/us >"$out/seen" 2>"$out/err" 3>&- &
	watcher=$!
	until grep -q "inotify" <(readlink "/proc/$watcher/fd/"* "/proc/$(pgrep -P $watcher || echo $watcher)/fd/"* 2>/dev/null); do
		[ -e "/proc/$watcher" ] || break
	done
	until ! kill -0 "$watcher" 2>/dev/null; do head -c 1 mnt/otay/us/car1.jpg >/dev/null; done
	wait "$watcher"
	grep -q OPEN "$out/seen"
	# a bind mount, as containers get it: the same gate
	unshare -m bash -c 'mount --bind mnt/otay "$1" && cmp "$1/us/car1.jpg" images/us/car1.jpg &&
		umount "$1" && mount --bind mnt/sealed "$1" && ! head -c 1 "$1/us/car1.jpg"' - "$out"
}

@test "restic backs a released folder up, and restores it; of a sealed one it tells" {
	program restic
	export RESTIC_PASSWORD=x RESTIC_REPOSITORY=$out/repo RESTIC_CACHE_DIR=$out/cache
	restic -q init
	restic -q backup mnt/otay
	restic -q restore latest --target "$out/back"
	diff -r images "$(find "$out/back" -type d -name otay)"
	soon restic -q backup mnt/sealed/us
	[ "$status" -ne 0 ]
	[[ "$output" == *"permission denied"* ]]
}

@test "borg backs a released folder up, and restores it; of a sealed one it tells" {
	program borg
	export BORG_BASE_DIR=$out/base BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
	borg init -e none "$out/repo"
	borg create "$out/repo::a" mnt/otay
	(cd "$out" && borg extract repo::a)
	diff -r images "$out/mnt/otay"
	soon borg create "$out/repo::b" mnt/sealed/us
	[ "$status" -ne 0 ]
	[[ "$output" == *"Permission denied"* ]]
}

@test "at the end: the log holds, and no open is missing from it" {
	"$CUSTODY" verify archive
	[ "$(events opened)" -gt 50 ]
}
