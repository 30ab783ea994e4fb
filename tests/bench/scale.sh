#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scale.sh [COUNT]...: ingest COUNT small items (default 10000 and 1000000), then print what
# ingest, first sight on a workstation, reindex, mount, listing, lookup and verify take, and the
# memory of the mount; then a fifth of the items are opened under a release, and questions are asked of
# the log that this makes. A table; one run each; the figures are this machine's.
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
	local n=$1 pid mem0

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
	printf 'items %d\n' "$n"
	printf '  ingest                    %8s s\n' \
		"$(seconds custody --node cap ingest archive src --collection c --quiet)"
	printf '  first sight (catch-up)    %8s s\n' "$(seconds custody --node ws ls archive)"
	printf '  reindex                   %8s s\n' "$(seconds custody --node ws reindex archive)"
	printf '  mount to first stat       %8s s\n' "$(seconds first_stat)"
	pid=$(daemon)
	mem0=$(anon "$pid")
	printf '  find all (cold)           %8s s\n' "$(seconds find mnt -name nothing)"
	printf '  ls -lR (warm)             %8s s\n' "$(seconds ls -lR mnt)"
	printf '  stat of one path          %8s s\n' "$(seconds stat mnt/c/d000005/item000005123.txt)"
	printf '  memory of the mount       %8d kB anonymous (%d after the walk)\n' "$mem0" "$(anon "$pid")"
	fusermount3 -u mnt
	printf '  verify without keys       %8s s\n' "$(seconds custody verify archive)"
	printf '  backup                    %8s s\n' "$(seconds custody backup archive copy)"
	printf '  backup, nothing is new    %8s s\n' "$(seconds custody backup archive copy)"
	printf '  archive                   %8s MB, index %s MB\n' "$(du -sm archive | cut -f1)" \
		"$(du -sm ws | cut -f1)"
	opened "$n" >/dev/null 2>&1
	questions
	cd /
	rm -rf "$work"
}

for n; do
	one "$n"
done
