#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scale.sh [COUNT]...: ingest COUNT small items (default 10000 and 1000000), then print what
# ingest, first sight on a workstation, reindex, searches, mount, listing, lookup, views and verify take,
# and the memory of the mount; then a fifth of the items are opened under a release, and questions are
# asked of the log that this makes (not with SCALE_ASK=0). A table; one run each; the figures are this
# machine's. Items were captured within a thousand days, at eight ports and twelve lanes; there are
# 700,000 plates (SCALE_FACTS=0: none of that is known).
set -euo pipefail

build=$(cd "${B:-build/release}" && pwd)
export PATH="$build:$build/tests/bench:$PATH"
[ $# -gt 0 ] || set -- 10000 1000000

seconds() { # seconds COMMAND...: wall clock, to three places
	local t0=$EPOCHREALTIME

	"$@" >/dev/null
	awk -v a="$t0" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}

first_stat() {
	custodyfs --node ws archive mnt
	stat mnt/c >/dev/null
}

anon() { # anonymous memory of the daemon, kB; file pages are the index in the page cache
	awk '/^RssAnon/ { print $2 }' "/proc/$1/status"
}

daemon() {
	local p

	for p in /proc/[0-9]*; do
		if [ "$(readlink "$p/cwd" 2>/dev/null)" = / ] && tr '\0' ' ' <"$p/cmdline" |
			grep -q "^custodyfs --node ws archive mnt" && grep -qs "$work" "$p/environ"; then
			echo "${p#/proc/}"
			return
		fi
	done
}

manifest() { # manifest COUNT
	awk -v n="$1" 'BEGIN {
		srand(1)
		print "file,captured_at,port,lane,plate_text"
		for (i = 0; i < n; i++) {
			p = int(rand() * 700000)
			printf "d%06d/item%09d.txt,%sT%02d:%02d:00Z,25%02d,%d,%c%c%c%04d\n", int(i / 1000), i,
				strftime("%Y-%m-%d", 1546300800 + int(i * 1000 / n) * 86400, 1), i % 24, i % 60,
				i % 8, i % 12, 65 + p % 26, 65 + int(p / 26) % 26, 65 + int(p / 676) % 26, p % 1036
		}
	}'
}

searches() { # searches PLATE
	local find=(custody --node ws find archive)

	printf '  find a plate              %8s s\n' "$(seconds "${find[@]}" --plate "$1")"
	printf '  find by port and day      %8s s\n' "$(seconds "${find[@]}" --port 2503 --on 2020-05-31)"
	printf '  find *%s*, fuzzy         %8s s\n' "${1:2:3}" \
		"$(seconds "${find[@]}" --plate "*${1:2:3}*" --fuzzy)"
}

views() { # views PLATE
	local letters="mnt/by-plate/${1:0:1}/${1:0:2}"

	printf '  a plate in by-plate       %8s s\n' "$(seconds ls -l "$letters/$1")"
	printf '  %5d plates in by-plate  %8s s\n' "$(find "$letters" -mindepth 1 -maxdepth 1 | wc -l)" \
		"$(seconds ls "$letters")"
	printf '  %5d links of a day      %8s s\n' "$(find mnt/by-date/2020/05/31 -type l | wc -l)" \
		"$(seconds ls mnt/by-date/2020/05/31)"
	printf '  and what they lead to     %8s s\n' "$(seconds ls -lL mnt/by-date/2020/05/30)"
	printf '  find in all of by-date    %8s s\n' "$(seconds find mnt/by-date -name nothing)"
	printf '  find in by-plate/%s        %8s s\n' "${1:0:1}" \
		"$(seconds find "mnt/by-plate/${1:0:1}" -name nothing)"
}

# All items are released, and a fifth is read through the mount: two lines of the log for each.
opened() {
	local n=$1 accession pid

	accession=$(custody --node ws show archive c/d000005/item000005123.txt |
		sed -n 's/^accession *\([0-9a-f]\{32\}\).*/\1/p')
	custody --node ws request archive --accession "$accession" --case C-1 --purpose scale -o r.req
	custody-authority authorise auth r.req --sign-with officer --until +8h -o r.auth
	custody --node ws import archive r.auth
	custodyfs --node ws archive mnt
	find mnt/c -type f -print0 >files # head would end find, and that the script
	head -zn $((n / 5)) files | xargs -0 -P2 -n 2000 cat
	pid=$(daemon)
	fusermount3 -u mnt
	while grep -q '^State:[[:space:]]*[^Z]' "/proc/$pid/status" 2>/dev/null; do sleep 0.1; done
}

questions() {
	local item=c/d000005/item000005123.txt

	printf 'asked of %d events\n' "$(cat archive/journal/*.jsonl | wc -l)"
	printf '  log of one item           %8s s\n' "$(seconds custody --node ws log archive --item "$item")"
	printf '  log of a case, the last   %8s s\n' "$(seconds custody --node ws log archive --case C-1 -n 10)"
	printf '  log of a case, all        %8s s\n' "$(seconds custody --node ws log archive --case C-1)"
	printf '  impact of an officer      %8s s\n' \
		"$(seconds custody --node ws impact archive --officer officer.pub)"
	printf '  trace of a file           %8s s\n' "$(seconds custody --node ws trace archive "src/${item#c/}")"
	printf '  prove one item            %8s s\n' "$(seconds custody --node ws prove archive "$item" -o receipt)"
	printf '  check it                  %8s s\n' "$(seconds custody check receipt -q)"
	printf '  report of one item        %8s s\n' "$(seconds custody --node ws report archive "$item" -o report)"
}

one() {
	local n=$1 pid mem0 plate facts=()

	work=$(mktemp -d "${TMPDIR:-/tmp}/custody-scale.XXXXXX")
	export WORK="$work"
	cd "$work"
	mkdir mnt
	ssh-keygen -q -t ed25519 -N '' -f officer </dev/null
	{
		custody-authority init auth --key officer.pub --no-passphrase
		custody-authority create-archive auth archive --sign-with officer
		for r in cap:ingest ws:reader; do
			custody --node "${r%:*}" node-init archive --role "${r#*:}" --no-passphrase -o n.req
			custody-authority enrol auth n.req --sign-with officer -o n.enrol
			custody --node "${r%:*}" import archive n.enrol
		done
	} >/dev/null 2>&1
	mkitems src "$n"
	if [ "${SCALE_FACTS:-1}" != 0 ]; then
		manifest "$n" >m.csv
		facts=(--manifest m.csv)
		plate=$(tail -n 1 m.csv | cut -d, -f5)
	fi
	printf 'items %d\n' "$n"
	printf '  ingest                    %8s s\n' \
		"$(seconds custody --node cap ingest archive src "${facts[@]}" --collection c --quiet)"
	printf '  first sight (catch-up)    %8s s\n' "$(seconds custody --node ws ls archive)"
	printf '  reindex                   %8s s\n' "$(seconds custody --node ws reindex archive)"
	[ -z "${plate:-}" ] || searches "$plate"
	printf '  mount to first stat       %8s s\n' "$(seconds first_stat)"
	pid=$(daemon)
	mem0=$(anon "$pid")
	printf '  find all (cold)           %8s s\n' "$(seconds find mnt/c -name nothing)"
	printf '  ls -lR (warm)             %8s s\n' "$(seconds ls -lR mnt/c)"
	printf '  stat of one path          %8s s\n' "$(seconds stat mnt/c/d000005/item000005123.txt)"
	[ -z "${plate:-}" ] || views "$plate"
	printf '  memory of the mount       %8d kB anonymous (%d after the walk)\n' "$mem0" "$(anon "$pid")"
	fusermount3 -u mnt
	printf '  verify without keys       %8s s\n' "$(seconds custody verify archive)"
	printf '  backup                    %8s s\n' "$(seconds custody backup archive copy)"
	printf '  backup, nothing is new    %8s s\n' "$(seconds custody backup archive copy)"
	printf '  archive                   %8s MB, index %s MB\n' "$(du -sm archive | cut -f1)" \
		"$(du -sm ws | cut -f1)"
	if [ "${SCALE_ASK:-1}" != 0 ]; then
		opened "$n" >/dev/null 2>&1
		questions
	fi
	cd /
	rm -rf "$work"
}

for n; do
	one "$n"
done
