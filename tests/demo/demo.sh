#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# B=BUILDDIR demo.sh [IMAGES]
#
# Takes images from the camera to one lawful reader, and shows on the way what everybody else gets.
# Every command is run for real in a temporary folder that is removed at the end; the script fails
# when any of them does not do what is said of it. Without IMAGES it makes photographs of its own.
set -euo pipefail
export LC_ALL=C.UTF-8
# The officer signs with the key file made here, not with what an agent of the caller's holds.
unset SSH_AUTH_SOCK CUSTODY_NODE

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${B:-$top/build/release}" && pwd)
export PATH="$build:$build/tests/lib:$PATH"

images=images manifest=
if [ $# -gt 0 ] && [ -n "$1" ]; then
	images=$(cd "$1" && pwd)
fi

bold='' dim='' blue='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' blue=$'\e[1;34m' green=$'\e[1;32m' red=$'\e[1;31m' plain=$'\e[0m'
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/custody-demo.XXXXXX")
cleanup() {
	local status=$?

	trap - EXIT INT TERM HUP
	cd /
	if mountpoint -q "$work/mnt"; then
		fusermount3 -u "$work/mnt" 2>/dev/null || fusermount3 -uz "$work/mnt" || :
	fi
	rm -rf --one-file-system "$work"
	[ "$status" -eq 0 ] || printf '\n%sThe demonstration FAILED (status %d).%s\n' "$red" "$status" "$plain" >&2
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	printf '%sFAILED: %s%s\n' "$red" "$*" "$plain" >&2
	exit 1
}

# Print a command as one would type it.
typed() {
	local arg line=''

	for arg; do
		[[ $arg =~ ^[A-Za-z0-9_./:=+,@-]+$ ]] || arg="'$arg'"
		line+=" $arg"
	done
	printf '   %s$%s%s\n' "$blue" "$line" "$plain"
}

# step "What happens and why."
number=0
step() {
	number=$((number + 1))
	printf '\n%s%2d. %s%s\n' "$bold" "$number" "$1" "$plain"
}

# run EXPECTED COMMAND...: show it, its output (the middle of a long one left out) and its exit
# status, which must be EXPECTED, a pattern of case.
run() {
	local expected=$1 status=0
	shift

	typed "$@"
	"$@" >out.log 2>&1 </dev/null || status=$?
	awk -v dim="$dim" -v plain="$plain" '
	{ line[NR] = $0 }
	END {
		for (i = 1; i <= NR; i++) {
			if (NR > 30 && i == 15)
				printf "   %s... %d more lines ...%s\n", dim, NR - 28, plain
			if (NR <= 30 || i < 15 || i > NR - 14)
				print "   " line[i]
		}
	}' out.log
	printf '   %s[exit status %d]%s\n' "$dim" "$status" "$plain"
	# shellcheck disable=SC2254 # it is meant as a pattern
	case $status in
	$expected) ;;
	*) fail "expected exit status $expected" ;;
	esac
}

good() {
	printf '   %s%s%s\n' "$green" "$*" "$plain"
}

cd "$work"
mkdir out mnt
[ -c /dev/fuse ] || fail "there is no /dev/fuse here: a mount is not possible"
for program in custodyfs custody custody-authority; do
	[ -x "$build/$program" ] || fail "$build has no $program: run 'make' first"
done

printf '%scustodyfs: from the camera to one lawful reader%s\n' "$bold" "$plain"

# ---- the originals ------------------------------------------------------------------------------

if [ "$images" = images ]; then
	step "A camera at the crossing has taken these photographs (synthetic ones, made here)."
	run 0 mkimages images
fi
[ ! -f "$images/manifest.csv" ] || manifest=$images/manifest.csv
image=us/car1.jpg
if [ ! -f "$images/$image" ]; then
	image=$(cd "$images" && find . -type f -iname '*.jp*g' | sort | head -n 1)
	image=${image#./}
	[ -n "$image" ] || fail "$images holds no JPEG image"
fi
files=$(find "$images" -type f | wc -l)
bytes=$(find "$images" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')

# What nobody may find in the archive: plates and file names, where long enough not to turn up in
# random bytes by chance.
{
	find "$images" -type f -printf '%f\n'
	[ -z "$manifest" ] || awk -F , '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == "plate_text") column = i; next }
		column { print $column }' "$manifest"
} | awk 'length($0) >= 6' | sort -u >secrets.txt

# ---- the authority and the capture host ---------------------------------------------------------

step "An officer of the authority makes a signing key (a FIDO2 token in earnest; a file here)."
run 0 ssh-keygen -q -t ed25519 -N '' -C officer -f officer

step "The authority makes the release and catalogue keys. They stay with it, offline."
run 0 custody-authority init auth --key officer.pub --no-passphrase

step "It creates an archive: an empty folder with a description that the officer has signed."
run 0 custody-authority create-archive auth archive --sign-with officer

step "The capture host makes its own key and asks to be enrolled, as one that may add and no more."
run 0 custody --node cap node-init archive --role ingest --no-passphrase -o cap.req

step "The officer signs the enrolment, and the capture host admits it."
run 0 custody-authority enrol auth cap.req --sign-with officer -o cap.enrol
run 0 custody --node cap import archive cap.enrol

step "The photographs are taken into custody: each is sealed under a key of its own, which the
    capture host forgets. What it has added it cannot read back."
run 0 custody --node cap ingest archive "$images" --collection otay-2019 --meta port=2506 \
	${manifest:+--manifest "$manifest"}

step "Whoever copies the archive has ciphertext: of $(wc -l <secrets.txt) plates and file names, a search
    of every byte finds none (grep says so with exit status 1)."
if [ -n "$manifest" ]; then
	run 0 grep -raFl -f secrets.txt "$images"
	good "That was the same search in the originals, to show that it finds them where they are."
fi
run 1 grep -raFl -f secrets.txt archive

# ---- the workstation ----------------------------------------------------------------------------

step "An examiner's workstation is enrolled as a reader: it gets the catalogue key, no image key."
run 0 custody --node ws node-init archive --role reader --no-passphrase -o ws.req
run 0 custody-authority enrol auth ws.req --sign-with officer -o ws.enrol
run 0 custody --node ws import archive ws.enrol

step "The archive is mounted there: names, sizes and times can be seen."
run 0 custodyfs --node ws archive mnt
run 0 ls -l "mnt/otay-2019/$(dirname "$image")"

step "But a copy is refused. The workstation has no key for the bytes, whoever asks, root included."
run '[1-9]' cp "mnt/otay-2019/$image" out/
grep -q 'Permission denied' out.log || fail "the copy failed for another reason than a refusal"
[ -z "$(ls out)" ] || fail "something was written to out/"
good "Refused, as it should be: nothing left the archive."
refused=1

step "The examiner asks why, and what to do."
run '[07]' custody --node ws why archive "otay-2019/$image"

# ---- the authorisation --------------------------------------------------------------------------

step "So the workstation asks for that image, for a case and a purpose."
run 0 custody --node ws request archive "otay-2019/$image" --case C-1 --purpose 'plate dispute' -o r.req

step "The authority, which needs no copy of the archive, checks all proofs and sees what is asked for."
run 0 custody-authority review auth r.req

step "The officer signs for two hours; the image's key goes along, sealed to that workstation."
run 0 custody-authority authorise auth r.req --sign-with officer --until +2h -o r.auth

step "The workstation admits the authorisation, while mounted; the log says so first."
run 0 custody --node ws import archive r.auth

step "Now the same copy works."
run 0 cp "mnt/otay-2019/$image" out/
run 0 cmp "$images/$image" "out/$(basename "$image")"
good "Identical to the original, byte for byte."
identical=1

step "It holds for that image alone: the next one is refused as before."
other=$(cd mnt/otay-2019 && find . -type f ! -path "./$image" | sort | head -n 1)
if [ -n "$other" ]; then
	run '[1-9]' cp "mnt/otay-2019/${other#./}" out/
	grep -q 'Permission denied' out.log || fail "the copy failed for another reason than a refusal"
	good "Refused, as it should be."
	refused=$((refused + 1))
fi

# ---- the log ------------------------------------------------------------------------------------

step "Everything is in the custody log, refusals too."
run 0 custody --node ws log archive

step "The mount is taken down."
run 0 fusermount3 -u mnt

step "Anybody can check the whole archive, without a key and without a node."
run 0 custody verify archive

step "The log is plain text, one JSON object a line: any tool reads what the release came to."
run 0 jq -r 'select(.type == "refused" or .type == "admitted" or .type == "opened")
	| .time + "  " + .type + "  " + (.user // "-") + "  " + (.program // "-")' \
	archive/journal/*.jsonl
for type in refused admitted opened; do
	grep -q "  $type  " out.log || fail "the log has no '$type' event"
done

# ---- for others ---------------------------------------------------------------------------------

step "A witness, here the authority, cosigns the log: now nobody can turn it back unnoticed."
run 0 custody --node ws checkpoint archive --for-witness -o ws.ask
run 0 custody-authority witness auth ws.ask -o ws.cosigned
run 0 custody --node ws import archive ws.cosigned

step "A receipt proves this one image's custody to somebody who has neither the archive nor a key."
run 0 custody --node ws prove archive "otay-2019/$image" -o image.receipt
run 0 custody check image.receipt --archive-key officer.pub
grep -q '^verdict *good' out.log || fail "the receipt does not hold"
grep -q 'cosigned .* by custodyfs-witness/' out.log || fail "the receipt has no cosignature"

step "A court gets a report of the case: a page to print, and the receipts that prove it."
run 0 custody --node ws report archive --case C-1 -o report
run 0 ls report

events=$(cat archive/journal/*.jsonl | wc -l)
printf '\n%sSummary%s\n' "$bold" "$plain"
printf '   %-28s %s files, %s bytes\n' 'taken into custody' "$files" "$bytes"
printf '   %-28s %s\n' 'copies refused' "$refused"
printf '   %-28s %s\n' 'copies released, identical' "$identical"
printf '   %-28s %s\n' 'events logged and verified' "$events"
printf '   %-28s %s\n' 'plates and names in the open' 0
