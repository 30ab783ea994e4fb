#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A copy of the store is worthless, and the collector can't read back.

bats_require_minimum_version 1.5.0
load ../lib/world

# grep -P is to see bytes, not characters
export LC_ALL=C

setup() { world_ready; }
teardown() { world_end; }

# Every plate, file name and a piece of every image, in the forms they could leak in.
needles() {
	cut -d' ' -f2 plates | sort -u
	images | sed 's|.*/||' | sort -u
	images
	echo otay
}

# hashes: hex SHA-256, SHA-1 and MD5 of each of these strings and images, with and without LF
hashes() {
	local n f tool

	for tool in sha256sum sha1sum md5sum b2sum; do
		while IFS= read -r n; do
			printf '%s' "$n" | "$tool" | cut -c1-32
			printf '%s\n' "$n" | "$tool" | cut -c1-32
		done < <(needles)
		while IFS= read -r f; do
			"$tool" <"images/$f" | cut -c1-32
		done < <(images)
	done
}

nothing_in() {
	local where

	needles >needles.txt
	hashes >hashes.txt
	for where; do
		run ! grep -raqF -f needles.txt "$where"
		run ! grep -raqiF -f hashes.txt "$where"
		# binary digests
		run ! grep -raqP -f <(cut -c1-32 hashes.txt | sed 's/../\\x&/g' | head -n 400) "$where"
		# 48 bytes from the middle of every image, and every JPEG's magic
		while IFS= read -r f; do
			s=$(stat -c %s "images/$f")
			[ "$s" -ge 200 ] || continue
			hex=$(tail -c +$((s / 2)) "images/$f" | head -c 24 | xxd -p -c 48 | sed 's/../\\x&/g')
			run ! grep -raqP "$hex" "$where"
		done < <(images)
		run ! grep -raqF 'JFIF' "$where"
	done
}

@test "the needles are found where they are (the search works)" {
	needles >needles.txt
	grep -raqF -f needles.txt images plates
	f=$(images | grep jpg | head -n 1)
	s=$(stat -c %s "images/$f")
	hex=$(tail -c +$((s / 2)) "images/$f" | head -c 24 | xxd -p -c 48 | sed 's/../\\x&/g')
	grep -raqP "$hex" images
}

@test "no plate, file name or image byte in archive, backup or node directories" {
	# a lived-in workstation: mounted, released, read
	world_mount
	world_release r otay/us/car1.jpg
	same us/car1.jpg
	ls -lR mnt >/dev/null
	getfattr -d mnt/otay/us/car1.jpg >/dev/null
	world_umount
	cp -a archive backup
	nothing_in archive backup cap ws auth r.req r.auth cap.req ws.req ws.enrol
}

@test "the capture node can't list, show, mount or read what it ingested" {
	mkdir mnt
	refused 7 'opens names' "$CUSTODY" --node cap ls archive
	refused 7 '' "$CUSTODY" --node cap show archive otay/us/car1.jpg
	refused 7 'reader' "$CUSTODYFS" --node cap archive mnt
	# not even with an authorisation made for the workstation
	world_release r otay/us/car1.jpg
	refused 7 '' "$CUSTODY" --node cap import archive r.auth
}

@test "a copy of everything but the passphrase opens nothing" {
	world_end
	world_new
	echo 'correct horse' >pass
	echo 'wrong horse' >wrong
	chmod 600 pass wrong
	world_archive
	world_node cap ingest
	world_images
	"$CUSTODY" --node cap ingest archive images --collection otay
	"$CUSTODY" --node ws --passphrase-file pass node-init archive --role reader -o ws.req
	"$CUSTODY_AUTHORITY" enrol auth ws.req --sign-with officer -o ws.enrol
	"$CUSTODY" --node ws --passphrase-file pass import archive ws.enrol
	"$CUSTODY" --node ws --passphrase-file pass request archive otay --case C --purpose P -o r.req
	world_authorise r
	"$CUSTODY" --node ws --passphrase-file pass import archive r.auth
	mkdir mnt stolen
	cp -a archive ws stolen
	for how in --passphrase-file=wrong --passphrase-fd=0; do
		refused 3 '' "$CUSTODY" --node stolen/ws "$how" ls stolen/archive </dev/null
		refused 3 '' "$CUSTODYFS" --node stolen/ws "$how" stolen/archive mnt </dev/null
	done
	# nor does the node key file of another node fit
	cp cap/node.key stolen/ws/node.key
	run "$CUSTODY" --node stolen/ws ls stolen/archive
	[ "$status" -ne 0 ]
	[[ "$output" != *car1* ]]
	# with it, all is there
	"$CUSTODYFS" --node ws --passphrase-file pass archive mnt
	world_daemon >daemon.pid
	same us/car1.jpg
	world_umount
	# from a descriptor and from a credential
	"$CUSTODY" --node ws --passphrase-fd 9 ls archive 9<pass
	mkdir cred && cp pass cred/custodyfs.passphrase
	CREDENTIALS_DIRECTORY=$W/cred "$CUSTODY" --node ws ls archive
	# and from the terminal
	command -v script >/dev/null || skip "no script(1)"
	(sleep 1 && echo 'correct horse') | script -qec "'$CUSTODY' --node ws ls archive" /dev/null | grep -q otay
}
