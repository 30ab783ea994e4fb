#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scale.sh [COUNT]...: ingest COUNT small items (default 10000 and 1000000), then print what
# ingest, first sight on a workstation, reindex, mount, listing, lookup and verify take, and the
# memory of the mount. A table; one run each; the figures are this machine's.
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
	printf '  archive                   %8s MB, index %s MB\n' "$(du -sm archive | cut -f1)" \
		"$(du -sm ws | cut -f1)"
	cd /
	rm -rf "$work"
}

for n; do
	one "$n"
done
