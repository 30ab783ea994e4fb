#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# grow.sh [LAST [STEP]]: does an item cost more, the more there are? An archive grows to LAST items
# (default 1000000) by STEP (default a tenth of it) at a time. After the first 10,000, and then at each
# power of ten, prints microseconds of processor time an item (user and system: what runs beside it
# hardly matters) of ingest and of a workstation's catch-up, for the items that came last; milliseconds
# of elapsed time from mount to first stat, of 1,000 lookups, 1,000 opens and a proof of items
# picked at random; and the memory of the mount. At last a reindex, and a verify without keys. Needs
# about 2.5 kB of disk an item, and 4 kB for each of a step.
set -euo pipefail

build=$(cd "${B:-build/release}" && pwd)
export PATH="$build:$build/tests/bench:$PATH"
last=${1:-1000000}
step=${2:-$((last / 10))}
TIMEFORMAT='%R %U %S'

work=$(mktemp -d "${TMPDIR:-/tmp}/custody-grow.XXXXXX")
cd "$work"
mkdir mnt

cpu() { # cpu COUNT COMMAND...: processor time for each of COUNT, in us
	local n=$1 t

	shift
	{ t=$({ time "$@" >/dev/null 2>&1; } 2>&1); }
	awk -v n="$n" '{ printf "%.1f", ($2 + $3) * 1e6 / n }' <<<"$t"
}
wall() { # wall COMMAND...: elapsed, in ms
	local t

	{ t=$({ time "$@" >/dev/null 2>&1; } 2>&1); }
	awk '{ printf "%.0f", $1 * 1e3 }' <<<"$t"
}

setup() {
	ssh-keygen -q -t ed25519 -N '' -f officer </dev/null
	custody-authority init auth --key officer.pub --no-passphrase
	custody-authority create-archive auth archive --sign-with officer
	for r in cap:ingest ws:reader; do
		custody --node "${r%:*}" node-init archive --role "${r#*:}" --no-passphrase -o n.req
		custody-authority enrol auth n.req --sign-with officer -o n.enrol
		custody --node "${r%:*}" import archive n.enrol
	done
}

have=0 batches=0
grow() { # grow COUNT: ingest and catch up; sets ingest and first
	mkitems src "$1" "$have"
	have=$((have + $1)) batches=$((batches + 1))
	ingest=$(cpu "$1" custody --node cap ingest archive src --collection "c$batches" --quiet)
	first=$(cpu "$1" custody --node ws status archive -q)
	rm -rf src
}

# pick COUNT: paths of items, out of all batches
pick() {
	local i n b

	for ((i = 0; i < $1; i++)); do
		b=$((1 + SRANDOM % batches)) n=$((starts[b] + SRANDOM % (starts[b + 1] - starts[b])))
		printf 'c%d/d%06d/item%09d.txt\n' "$b" $((n / 1000)) "$n"
	done
}

mount_it() {
	custodyfs --node ws archive mnt
	stat mnt/c1
}
unmount_it() {
	local pid

	pid=$(daemon)
	fusermount3 -u mnt
	while grep -q '^State:[[:space:]]*[^Z]' "/proc/$pid/status" 2>/dev/null; do sleep 0.1; done
}
daemon() {
	local p

	for p in /proc/[0-9]*; do
		if tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q "^custodyfs --node ws archive mnt" &&
			grep -qs "PWD=$work" "$p/environ"; then
			echo "${p#/proc/}"
			return
		fi
	done
}
lookups() { (cd mnt && xargs stat <../picked); }
opens() { (cd mnt && xargs cat <../picked); }

report() {
	local mounted stat open prove rss

	pick 1000 >picked
	custody --node ws request archive --from0 <(tr '\n' '\0' <picked) --case C --purpose P -o r.req
	custody-authority authorise auth r.req --sign-with officer --until +8h -o r.auth
	custody --node ws import archive r.auth
	mounted=$(wall mount_it)
	stat=$(wall lookups)
	open=$(wall opens)
	rss=$(awk '/^RssAnon/ { print $2 }' "/proc/$(daemon)/status")
	unmount_it
	custody --node ws status archive -q || :
	prove=$(wall custody --node ws prove archive "$(head -n 1 picked)" -o receipt --force)
	printf '%9d %8s %9s %9s %9s %9s %7s %9s\n' "$have" "$ingest" "$first" "$mounted" "$stat" \
		"$open" "$prove" "$rss" >&3
}

exec 3>&1 >/dev/null 2>grow.err
setup
printf '%9s %8s %9s %9s %9s %9s %7s %9s\n' items ingest catch-up mount lookups opens prove memory \
	'' us us ms ms ms ms kB >&3
starts=(0 0)
next=10000
while [ "$have" -lt "$last" ]; do
	n=$((have == 0 ? 10000 : have + step > next ? next - have : step))
	[ "$((have + n))" -le "$last" ] || n=$((last - have))
	grow "$n"
	starts+=("$have")
	if [ "$have" -ge "$next" ]; then
		report
		next=$((next * 10))
	fi
done
printf 'reindex %s us, verify %s us an item\n' "$(cpu "$have" custody --node ws reindex archive)" \
	"$(cpu "$have" custody verify archive)" >&3
du -sm archive ws | awk '{ printf "%s %d MB\n", $2, $1 }' >&3
cd /
rm -rf "$work"
