#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# B=BUILDDIR tests/golden/make.sh
#
# Makes tests/golden/draft.tar.gz: small archives of the present formats with all keys, which later
# versions must read (tests/fuse/golden.bats). The formats are a draft: until they are declared frozen, a
# change of a format makes these anew. From then on this file is kept, and a new set is made beside it.
set -euo pipefail
export LC_ALL=C
unset SSH_AUTH_SOCK CUSTODY_NODE

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
B=$(cd "${B:-build/release}" && pwd)
CUSTODY=$B/custody CUSTODY_AUTHORITY=$B/custody-authority CUSTODYFS=$B/custodyfs
MKIMAGES=$B/tests/lib/mkimages
export CUSTODY CUSTODY_AUTHORITY CUSTODYFS MKIMAGES
# shellcheck source=tests/lib/world.bash
. "$here/../lib/world.bash"

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

# one SUITE: a folder of that name
one() {
	local f

	mkdir -m 700 "$room/$1"
	cd "$room/$1"
	world_keys officer
	"$CUSTODY_AUTHORITY" init auth --key officer.pub --no-passphrase
	"$CUSTODY_AUTHORITY" create-archive auth archive --sign-with officer --suite "$1"
	world_node cap ingest
	mkdir -p images/us
	for f in us/one us/two empty; do
		yes "$1 $f" 2>/dev/null | head -c 9000 >"images/$f.txt" || :
	done
	: >images/empty.txt
	printf 'file,captured_at,plate_text\nus/one.txt,2019-05-01T10:00:00Z,GOLD 1\n' >manifest.csv
	"$CUSTODY" --node cap ingest archive images --collection golden --meta port=2506 \
		--manifest manifest.csv
	world_node ws reader
	"$CUSTODY" --node ws request archive golden --case G-1 --purpose golden -o r.req
	# as long as may be: the test reads under it
	"$CUSTODY_AUTHORITY" authorise auth r.req --sign-with officer --until +3640d --export-to any \
		-o r.auth
	"$CUSTODY" --node ws import archive r.auth
	"$CUSTODY" --node ws prove archive golden/us/one.txt -o one.receipt
	age-keygen -o recipient 2>/dev/null
	# one is enough, and large
	[ "$1" != aes-256-gcm ] ||
		"$CUSTODY" --node ws export archive "$PWD/package.age" \
			--seal-to "$(age-keygen -y recipient)" \
			--authorisation "$(sed -n 's/^serial: //p' r.auth)"
	"$CUSTODY" backup archive backup
	"$CUSTODY" verify archive
	# what can be made anew from the rest is left out
	rm -rf {cap,ws}/archives/*/index
}

# Not as a condition: bash would go on after a failure in there.
set +e
(
	set -e
	one aes-256-gcm
	one xchacha20-poly1305
) >"$room/log" 2>&1 </dev/null
rc=$?
set -e
[ "$rc" -eq 0 ] || { cat "$room/log" >&2; exit 1; }
rm "$room/log"
tar -C "$room" --sort=name --owner=0 --group=0 --numeric-owner -cf - . | gzip -9n >"$here/draft.tar.gz"
ls -l "$here/draft.tar.gz"
