#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh libfuzzer|afl PROGRAM-DIR SECONDS DIR|- [TARGET...]
#
# Runs each target for SECONDS, from the cases of tests/corpora on and what an earlier run left in DIR
# (-: nothing is kept). One line a target: executions, what was covered, crashes. A crash is kept in
# DIR/crashes/<target>, named, and the exit status is 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

engine=$1 programs=$2 seconds=$3 dir=$4
shift 4
if [ "$dir" = - ]; then
	dir=$(mktemp -d "${TMPDIR:-/tmp}/custody-fuzz.XXXXXX")
	trap '[ -n "$(ls -A "$dir/crashes" 2>/dev/null)" ] || rm -rf "$dir"' EXIT
fi
mkdir -p "$dir/seeds" "$dir/found" "$dir/crashes"
"$programs/replay" --unpack tests/corpora "$dir/seeds"
if [ $# -eq 0 ]; then
	mapfile -t all < <(find "$dir/seeds" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort)
	set -- "${all[@]}"
fi
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1"
export UBSAN_OPTIONS="print_stacktrace=1"

# Sizes that reach every field and list; what is larger only takes longer.
longest() {
	case $1 in
	receipt | request | bundle | transfer-*) echo 65536 ;;
	*) echo 16384 ;;
	esac
}

# libFuzzer: prints "executions covered"
run_libfuzzer() {
	local t=$1 log="$dir/$1.log" status=0

	FUZZ_TARGET=$t "$programs/fuzz" -max_total_time="$seconds" -max_len="$(longest "$t")" \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -use_value_profile=1 \
		-artifact_prefix="$dir/crashes/$t/" "$dir/found/$t" "$dir/seeds/$t" >"$log" 2>&1 || status=$?
	awk '/stat::number_of_executed_units/ { n = $2 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") c = $(i + 1) }
		END { print n + 0, c + 0 }' "$log"
	return "$status"
}

run_afl() {
	local t=$1 out="$dir/afl/$1" status=0

	mkdir -p "$dir/afl"
	FUZZ_TARGET=$t AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_AUTORESUME=1 \
		ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1:symbolize=0 \
		afl-fuzz -V "$seconds" -t 2000+ -m none -G "$(longest "$t")" -i "$dir/seeds/$t" -o "$out" \
		-- "$programs/fuzz" >"$dir/$t.log" 2>&1 || status=$?
	find "$out/default/crashes" "$out/default/hangs" -name 'id:*' -exec cp -t "$dir/crashes/$t" {} + 2>/dev/null || :
	awk -F ' *: *' '$1 == "execs_done" { n = $2 } $1 == "edges_found" { c = $2 } END { print n + 0, c + 0 }' \
		"$out/default/fuzzer_stats"
	return "$status"
}

bad=0 total=0
for t; do
	mkdir -p "$dir/found/$t" "$dir/crashes/$t"
	status=0
	result=$("run_$engine" "$t") || status=$?
	read -r execs covered <<<"$result"
	crashes=$(find "$dir/crashes/$t" -type f | wc -l)
	printf '%-18s %10d executions, %5d edges, %d crashes\n' "$t" "$execs" "$covered" "$crashes"
	total=$((total + execs))
	if [ "$crashes" -gt 0 ] || [ "$status" -ne 0 ]; then
		bad=$((bad + 1))
		tail -n 40 "$dir/$t.log"
	else
		rmdir "$dir/crashes/$t"
	fi
done
printf '%d targets, %d executions, %d with crashes\n' $# "$total" "$bad"
[ "$bad" -eq 0 ] || printf 'inputs that crash: %s\n' "$dir/crashes"
[ "$bad" -eq 0 ]
