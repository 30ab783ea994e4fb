#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# ask.sh [COUNT]: how long questions take at a log of COUNT events (default 1000000): items taken in
# for four fifths of them, and for the rest opens, closes and refusals of readers under some hundred
# authorisations. A table; one run each, the page cache warm; the figures are this machine's.
set -euo pipefail

build=$(cd "${B:-build/release}" && pwd)
export PATH="$build:$build/tests/bench:$build/tests/lib:$PATH"
count=${1:-1000000}
items=$((count * 4 / 5))
releases=100

seconds() { # seconds COMMAND...: wall clock, to three places
	local t0=$EPOCHREALTIME

	"$@" >out || [ $? -eq 1 ]
	awk -v a="$t0" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}

row() { # row NAME COMMAND...
	local name=$1 t

	shift
	t=$(seconds "$@")
	printf '  %-44s %8s s %9d lines\n' "$name" "$t" "$(wc -l <out)"
}

ws() { custody --node ws "$@"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/custody-ask.XXXXXX")
trap 'cd /; rm -rf "$work"' EXIT
cd "$work"
ssh-keygen -q -t ed25519 -N '' -f officer </dev/null
ssh-keygen -q -t ed25519 -N '' -f second </dev/null
{
	custody-authority init auth --key officer.pub --key second.pub --threshold 1 --no-passphrase
	custody-authority create-archive auth archive --sign-with officer
	for r in cap:ingest ws:reader; do
		custody --node "${r%:*}" node-init archive --role "${r#*:}" --no-passphrase -o n.req
		custody-authority enrol auth n.req --sign-with officer -o n.enrol
		custody --node "${r%:*}" import archive n.enrol
	done
} >/dev/null 2>&1
mkitems src "$items"
custody --node cap ingest archive src --collection c -q
ws ls archive >/dev/null

# Each authorisation is for ten items; one is for the whole accession, by the second officer.
for ((i = 0; i < releases; i++)); do
	paths=()
	for ((k = 0; k < 10; k++)); do
		n=$(((i * 10 + k) * (items / (10 * releases))))
		paths+=("$(printf 'c/d%06d/item%09d.txt' $((n / 1000)) "$n")")
	done
	ws request archive "${paths[@]}" --case "C-$((i % 20))" --purpose p -q -o "r$i.req"
	custody-authority authorise auth "r$i.req" --sign-with officer --until +1d -q -o "r$i.auth"
done
acc=$(ws show archive c/d000000/item000000000.txt --json | jq -r .accession)
ws request archive --accession "$acc" --case C-all --purpose p -q -o all.req
custody-authority authorise auth all.req --sign-with second --until +1d -q -o all.auth
ws import archive r*.auth all.auth -q >/dev/null

# What readers did: of 20 events eight are opens, eight closes, four refusals.
for ((i = 0; i < releases; i++)); do
	echo "$(sed -n 's/^serial: //p' "r$i.auth")" "$(sed -n 's/^item: \([^ ]*\).*/\1/p' "r$i.auth" | tr '\n' ' ')"
done | awk -v n=$((count / 5 / 5)) '
	{ serial[NR] = $1; for (k = 2; k <= NF; k++) item[NR, k - 1] = $k }
	END {
		for (i = 0; i < n; i++) {
			r = i % NR + 1
			it = item[r, i % 10 + 1]
			who = "uid=" 1000 + i % 50 " user=user" i % 50
			print "opened item=" it " release=" serial[r], who, "program=cp handle=" i
			print "closed item=" it " release=" serial[r] " handle=" i " bytes=60"
			print "opened item=" it " release=" serial[r], who, "program=ls handle=" i "1"
			print "closed item=" it " release=" serial[r] " handle=" i "1 bytes=0"
			print "refused what=open reason=not-covered item=" it, who, "program=grep count=1"
			if (i % 2000 == 1999)
				print ""
		}
	}' | mkevents ws archive
printf '  %-44s %8s s\n' "reindex" "$(seconds ws reindex archive)"
events=$(cat archive/journal/*.jsonl | wc -l)
item=$(ws show archive c/d000000/item000000000.txt --json | jq -r .item)
serial=$(sed -n 's/^serial: //p' r7.auth)
late=$(tail -n 1 archive/journal/"$(ws status archive --json | jq -r .node)".jsonl | jq -r .time)

printf 'events %d\n' "$events"
row "status" ws status archive
row "log -n 20" ws log archive -n 20
row "log --item PATH" ws log archive --item c/d000000/item000000000.txt
row "log --item ID" ws log archive --item "$item"
row "log --case C-7 -n 100" ws log archive --case C-7 -n 100
row "log --authorisation SERIAL -n 100" ws log archive --authorisation "$serial" -n 100
row "log --user user7 -n 100" ws log archive --user user7 -n 100
row "log --uid 1007 -n 100" ws log archive --uid 1007 -n 100
row "log --officer second.pub" ws log archive --officer second.pub
row "log --type admitted" ws log archive --type admitted
row "log of the last moment" ws log archive --since "$late"
row "log --authorisation SERIAL (all)" ws log archive --authorisation "$serial"
row "log --user user7 (all)" ws log archive --user user7 --json
row "log --no-node --item ID (reads all)" custody log archive --no-node --item "$item"
row "impact --officer second.pub --summary (all items)" ws impact archive --officer second.pub --summary
row "impact --officer officer.pub" ws impact archive --officer officer.pub
row "impact --officer, of the last moment" ws impact archive --officer officer.pub --since "$late"
row "impact --journal ws, 1,000 items" ws impact archive --journal "$(ws status archive --json | jq -r .node)" --state served
row "trace of a file" ws trace archive src/d000000/item000000000.txt
row "trace of 1,000 files" ws trace archive src/d000003/*.txt --json
row "trace of a file that is not here" ws trace archive officer.pub
