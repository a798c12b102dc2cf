#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh DIR TARGET... - runs fuzz targets, which are programs in DIR, two side by side
#
# Each begins with its seeds in tests/fuzz/corpus and with what it found out before, in DIR/corpus.
# FUZZ_SECONDS (60) is how long each runs; with FUZZ_RUNS it runs so many inputs instead. A row of a
# table for each: executions, executions a second, findings. What is found is kept in DIR/findings,
# with the command that repeats it, and makes this fail.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

export dir=$1
shift
# A target allocates little, and often: long memories of freed blocks and call stacks cost half its speed.
export ASAN_OPTIONS=quarantine_size_mb=2:thread_local_quarantine_size_kb=64:malloc_context_size=4:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

# Short inputs run faster, and whatever these texts can do, they can do in a few lines.
longest()
{
	case $1 in
	fuzz_journal | fuzz_undo) echo 1600 ;;
	fuzz_cpuid) echo 1024 ;;
	fuzz_bench_export) echo 2400 ;;
	*) echo 384 ;;
	esac
}

statistic()
{
	sed -n "s/^stat::$2: *//p" "$dir/logs/$1" | tail -n 1
}

run_target()
{
	local target=$1 name=${1#fuzz_} limit=(-max_total_time="${FUZZ_SECONDS:-60}") words=() found=none
	local dictionary=tests/fuzz/dict/${name/#undo/journal} # two read the same kind of text

	[ -z "${FUZZ_RUNS:-}" ] || limit=(-runs="$FUZZ_RUNS")
	[ ! -e "$dictionary" ] || words=(-dict="$dictionary")
	mkdir -p "$dir"/{logs,findings,"corpus/$name"}
	# What takes a minute hangs. That clock is the wall's: on a busy machine any input may have to wait for
	# some seconds, and be none the worse.
	"$dir/$target" "${limit[@]}" "${words[@]}" -max_len="$(longest "$target")" -timeout=60 \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$dir/findings/$name-" \
		"$dir/corpus/$name" "tests/fuzz/corpus/$name" >"$dir/logs/$target" 2>&1 || found=one
	printf '| %s | %s | %s | %s |\n' "$name" "$(statistic "$target" number_of_executed_units)" \
		"$(statistic "$target" average_exec_per_sec)" "$found"
	[ "$found" = none ] && return
	{
		grep -v '^#' "$dir/logs/$target" | tail -n 40
		echo "$target found something. To repeat it:"
		grep -o "$dir/findings/[^ ;]*" "$dir/logs/$target" | tail -n 1 | sed "s,^,  $dir/$target ,"
	} >&2
	return 1
}
export -f longest statistic run_target

echo '| target | executions | a second | findings |'
echo '|---|---|---|---|'
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'run_target {}'
