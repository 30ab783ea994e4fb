#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# B=BUILDDIR bench.sh [OPTION]...
#
# Measures custodyfs beside other tools on the same files, in one run, and prints medians and what
# they are of each other's. See --help for what can be chosen, systems.bash for how each is run.
#
# Each round measures every system once, one after the other, and begins with another one each time;
# the first round is thrown away. What a system stores is in the page cache before it is measured
# (its files are read first); what it presents is not (every measurement has a mount of its own).
# The programs and daemons run on two processors, all alike; a reader of one thread runs on the
# first of them, its daemon on both (--pin). Before anything is timed, every file is read from every
# system and its SHA-256 compared with the original's, and blocks at random with the original: if
# one differs, the bench fails.
set -euo pipefail
export LC_ALL=C
unset SSH_AUTH_SOCK CUSTODY_NODE

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/bench/systems.bash
. "$here/systems.bash"

usage() {
	cat <<-END
	Usage: B=BUILDDIR bench.sh [OPTION]...
	Measure custodyfs beside other tools; print medians and ratios.

	      --quick          1,500 files and a pair of 256 MiB, fewer systems: two minutes
	  -o FILE              the same as JSON, with every single figure
	      --rounds N       rounds that count, after one that does not (default 3)
	      --systems 'A B'  what to measure (default: $(default_systems | tr -s '\n\t' ' '))
	      --parts 'A B'    of: big small store (default: all)
	      --rows 'A B'     of: seq1 seq2 rnd1 rnd4 mount find stat ls small1 small4 rss ingest
	                       verify (default: all)
	      --other DIR      a second build, measured as custody-aes-other and so on
	      --files N        small files (default 10000)
	      --big MIB        size of each of the two big files (default 1024)
	      --dir DIR        where to work (default \$TMPDIR or /tmp); needs some 30 GB
	      --cpus A,B       processors to use (default: the first two we may)
	      --pin client|same|none
	                       client: a reader of one thread on the first processor, its daemon
	                       on both (default); same: its daemon on the first, too; none
	END
}

default_systems() {
	if [ "$quick" = 1 ]; then
		echo 'custody-aes custody-xchacha gocryptfs securefs squashfuse null
			restic tar sha256'
	else
		echo 'custody-aes custody-xchacha gocryptfs gocryptfs-xchacha securefs securefs-full
			squashfuse null plain restic borg tar sha256'
	fi
}

die() {
	echo "bench: $*" >&2
	exit 1
}

say() {
	printf '%s  %s\n' "$(date +%T)" "$*" >&2
}

# ---- options ------------------------------------------------------------------------------------

quick=0 out='' rounds=3 systems='' parts='big small store' rows='' other='' files='' big='' cpus=''
pin=client top=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=1 ;;
	--help) usage && exit 0 ;;
	-o | --rounds | --systems | --parts | --rows | --other | --files | --big | --dir | --cpus | --pin)
		[ $# -gt 1 ] || die "$1 needs a value"
		case $1 in
		-o) out=$(realpath "$2") ;;
		--dir) top=$(realpath "$2") ;;
		--other) other=$(realpath "$2") ;;
		*) printf -v "${1#--}" %s "$2" ;;
		esac
		shift
		;;
	*) die "$1: unknown option; see --help" ;;
	esac
	shift
done
if [ "$quick" = 1 ]; then
	files=${files:-1500} big=${big:-256} ms=300
else
	files=${files:-10000} big=${big:-1024} ms=2000
fi
[ -n "$systems" ] || systems=$(default_systems)
build=$(cd "${B:-$here/../../build/release}" && pwd)
helpers=$build/tests/bench
[ -x "$helpers/readers" ] || die "$helpers has no programs: run 'make helpers'"

# The first two processors that we may use, or those that were asked for.
[ -n "$cpus" ] || cpus=$(taskset -cp $$ | sed 's/.*: //' | tr , '\n' |
	awk -F - '{ for (i = $1; i <= (NF > 1 ? $2 : $1) && n < 2; i++) print i + 0; n++ }' |
	head -n 2 | paste -sd,)
ncpus=$(tr , '\n' <<<"$cpus" | grep -c .)
taskset -cp "$cpus" $$ >/dev/null

# ---- the end ------------------------------------------------------------------------------------

work=$(mktemp -d "$top/custody-bench.XXXXXX")
daemon='' mounted='' doing='starting'
exec 3>&2
cleanup() {
	local status=$?

	trap - EXIT INT TERM HUP
	exec 2>&3
	set +e
	if [ "$status" -ne 0 ]; then
		echo "bench: FAILED (status $status) while $doing" >&2
		tail -n 5 "$work/log" "$PWD/serve.log" >&2 2>/dev/null
	fi
	cd /
	if [ -n "$mounted" ] && mountpoint -q "$mounted"; then
		fusermount3 -u "$mounted" || fusermount3 -uz "$mounted"
	fi
	if [ -n "$daemon" ] && [ -e "/proc/$daemon" ]; then
		sleep 1
		! [ -e "/proc/$daemon" ] || kill "$daemon"
		wait "$daemon" 2>/dev/null
	fi
	rm -rf --one-file-system "$work"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- measuring ----------------------------------------------------------------------------------

wants() {
	[ -z "$rows" ] || [[ " $rows " == *" $1 "* ]]
}

# record ROW SYSTEM VALUE: not in the first round
record() {
	[ "$round" -eq 0 ] || printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/raw"
}

# clock COMMAND...: run it quietly; sets $took, in seconds
clock() {
	local t0=${EPOCHREALTIME/./} t1

	"$@" >"$work/log" 2>&1
	t1=${EPOCHREALTIME/./}
	took=$(awk -v us=$((t1 - t0)) 'BEGIN { printf "%.6f", us / 1e6 }')
}

per_second() {
	awk -v n="$1" -v s="$took" 'BEGIN { printf "%.6g", n / s }'
}

# A reader of one thread, and its daemon, are put where --pin says.
one_thread() {
	case $pin in
	same)
		[ -z "$daemon" ] || taskset -acp "${cpus%%,*}" "$daemon" >/dev/null
		taskset -c "${cpus%%,*}" "$@"
		;;
	client) taskset -c "${cpus%%,*}" "$@" ;;
	*) "$@" ;;
	esac
}

# rate ROW UNIT COMMAND...: record what a helper did in a second; UNIT is count, or MB
rate() {
	local row=$1 unit=$2 count bytes seconds

	shift 2
	"$@" >"$work/answer"
	read -r count bytes seconds <"$work/answer"
	[ "$unit" = count ] || count=$(awk -v b="$bytes" 'BEGIN { printf "%.6f", b / 1e6 }')
	took=$seconds
	record "$row" "$system" "$(per_second "$count")"
}

# warm FOLDER: what is below it on this file system into the page cache
warm() {
	find "$1" -xdev -type f -print0 | xargs -0r cat >/dev/null
}

# fresh: a new mount
fresh() {
	unserve
	serve "$system"
}

measure_big() {
	if wants seq1; then
		fresh
		rate seq1 MB one_thread "$helpers/readers" seq "$data/0.mkv"
	fi
	if wants seq2; then
		fresh
		rate seq2 MB "$helpers/readers" seq "$data/0.mkv" "$data/1.mkv"
	fi
	if wants rnd1; then
		fresh
		rate rnd1 count one_thread "$helpers/readers" random "$ms" 1 "$data/0.mkv"
	fi
	if wants rnd4; then
		fresh
		rate rnd4 count "$helpers/readers" random "$ms" 4 "$data/1.mkv"
	fi
	unserve
}

measure_small() {
	unserve
	clock serve "$system"
	if wants mount && [ -n "$daemon" ]; then
		record mount "$system" "$(awk -v s="$took" 'BEGIN { printf "%.1f", s * 1000 }')"
	fi
	if wants find; then
		clock one_thread find "$data"
		[ "$(wc -l <"$work/log")" -ge "$files" ]
		record find "$system" "$(per_second "$files")"
	fi
	if wants stat; then
		fresh
		rate stat count one_thread "$helpers/walk" "$data"
	fi
	if wants ls; then
		ls -lR "$data" >/dev/null
		clock one_thread ls -lR "$data"
		record ls "$system" "$(per_second "$files")"
	fi
	if wants small1; then
		fresh
		rate small1 count one_thread "$helpers/readers" files 1 "$data" <"$list"
	fi
	if wants small4; then
		fresh
		rate small4 count "$helpers/readers" files 4 "$data" <"$list"
	fi
	if wants rss && [ -n "$daemon" ]; then
		record rss "$system" "$(awk '/^VmRSS/ { print $2 / 1024 }' "/proc/$daemon/status")"
		record rss_peak "$system" \
			"$(awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$daemon/status")"
	fi
	unserve
}

# An empty store of its own for each turn: taken in, verified, removed.
measure_store() {
	mkdir in
	cd in
	if stores "$system" && { wants ingest || verifies "$system"; }; then
		empty "$system" >"$work/log" 2>&1
		warm "$corpus"
		sync -f .
		clock fill "$system"
		record ingest "$system" "$(per_second "$files")"
	fi
	if wants verify && verifies "$system"; then
		clock verify "$system"
		record verify "$system" \
			"$(per_second "$(awk '{ n += $2 } END { print n / 1e6 }' "$list")")"
	fi
	cd ..
	rm -rf --one-file-system in
}

# What a cipher alone decrypts, with chunks of the default size.
measure_aead() {
	local system how

	for system in libsodium-aes libsodium-xchacha libcrypto-aes; do
		case $system in
		libsodium-aes) how=sodium-aes-256-gcm ;;
		libsodium-xchacha) how=xchacha20-poly1305 ;;
		*) how=aes-256-gcm ;;
		esac
		rate seq1 MB one_thread "$helpers/aead" "$how" 8192 1 "$ms"
		rate seq2 MB "$helpers/aead" "$how" 8192 "$ncpus" "$ms"
	done
}

# How many lines a second this disk makes durable, one after the other.
measure_sync() {
	local system=sync-alone

	! wants small1 || rate small1 count one_thread "$helpers/appends" "$work/lines" "$ms"
	rm -f "$work/lines"
}

# ---- parts --------------------------------------------------------------------------------------

# corpus KIND ARGUMENT...: makes the corpus of a part
corpus() {
	corpus=$work/$1.plain list=$work/$1.list
	doing="making the $1 corpus"
	say "$doing"
	"$helpers/mkcorpus" "$1" "$corpus" "${@:2}" >"$list"
	first_name=$(head -n 1 "$list" | cut -d ' ' -f 3)
}

# Fill a store of every system, and see that it gives back what it was given.
make_stores() {
	local count

	for system; do
		doing="making and checking $system"
		say "$doing"
		mkdir "$work/$system"
		cd "$work/$system"
		if [ "$system" != null ]; then
			{ empty "$system" && fill "$system"; } >"$work/log" 2>&1
			[[ $system != custody-* ]] || ours_release "$system" >"$work/log" 2>&1
		fi
		mkdir -p mnt
		serve "$system"
		if [ "$system" != null ]; then
			"$helpers/digest" "$ncpus" "$data" <"$list" >/dev/null
			fresh
			[[ $part != big ]] || "$helpers/readers" random "$ms" 2 "$data/0.mkv" \
				"$corpus/0.mkv" >/dev/null
			fresh
		fi
		count=$(find "$data" -type f | wc -l)
		[ "$count" -eq "$(wc -l <"$list")" ] || die "$system shows $count files"
		unserve
		cd "$work"
	done
}

# run_rounds MEASURE SYSTEM...: each system once a round, another one first each time
run_rounds() {
	local measure=$1 i n

	shift
	n=$#
	for ((round = 0; round <= rounds; round++)); do
		say "$part: round $round of $rounds$([ "$round" -gt 0 ] || echo ', which does not count')"
		for ((i = 0; i < n; i++)); do
			system=${*:(i + round) % n + 1:1}
			doing="measuring $system ($part, round $round)"
			mkdir -p "$work/$system"
			cd "$work/$system"
			[ "$measure" = measure_store ] || warm .
			[ "$system" != plain ] || warm "$corpus"
			"$measure"
			cd "$work"
		done
		case $part in
		big) measure_aead ;;
		small) measure_sync ;;
		esac
	done
}

# chosen FUNCTION: the systems that are there and for which FUNCTION holds
chosen() {
	local s

	for s in $present; do
		if "$1" "$s"; then echo "$s"; fi
	done
}

takes_part() {
	stores "$1" || { wants verify && verifies "$1"; }
}

run_part() {
	local all

	part=$1
	case $part in
	big) corpus big 2 $((big * 1024 * 1024)) ;;
	*) [ -d "$work/small.plain" ] || corpus small "$files" ;;
	esac
	if [ "$part" = store ]; then
		mapfile -t all < <(chosen takes_part)
		run_rounds measure_store "${all[@]}"
	else
		mapfile -t all < <(chosen mounts)
		make_stores "${all[@]}"
		run_rounds "measure_$part" "${all[@]}"
	fi
	for s in "${all[@]}"; do
		rm -rf --one-file-system "${work:?}/$s"
	done
	[ "$part" != big ] || rm -rf "$corpus"
}

version() {
	case $1 in
	custody-*) "$(bin "$1")/custody" --version ;;
	gocryptfs*) gocryptfs --version ;;
	securefs*) securefs version ;;
	squashfuse) squashfuse_ll --help ;;
	restic) restic version ;;
	borg) borg --version ;;
	tar) tar --version ;;
	esac 2>&1 </dev/null | head -n 1
}

# ---- all of it ----------------------------------------------------------------------------------

password=$work/password
echo bench >"$password"
export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$work/restic-cache
export BORG_PASSPHRASE=bench BORG_BASE_DIR=$work/borg

present='' skipped=''
for system in $systems; do
	missing=$(lacks "$system" | paste -sd ' ')
	if [ -n "$missing" ]; then
		say "skipped: $system, for want of $missing"
		skipped+="$system: no $missing; "
	else
		present+="$system "
	fi
done
[ -c /dev/fuse ] || die 'there is no /dev/fuse here: nothing can be mounted'

load=$(cut -d ' ' -f 1-3 /proc/loadavg)
say "processors $cpus, pinned: $pin; load before: $load; in $work"
for p in $parts; do
	run_part "$p"
done
{
	printf 'what\t%s files, 2 x %s MiB, %s rounds\n' "$files" "$big" "$rounds"
	printf 'when\t%s\n' "$(date -u +%FT%TZ)"
	printf 'cpu\t%s\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
	printf 'cpus\t%s\npin\t%s\n' "$cpus" "$pin"
	printf 'kernel\t%s\n' "$(uname -r)"
	printf 'load\t%s before, %s after\n' "$load" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	printf 'skipped\t%s\n' "${skipped:-nothing}"
	for system in $present; do
		printf 'version\t%s\t%s\n' "$system" "$(version "$system")"
	done
} >"$work/facts"
doing='reporting'
awk -f "$here/report.awk" -v json="${out:-/dev/null}" "$work/facts" "$here/targets" "$work/raw"
