#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench.sh BUILD - what kvmtune costs, beside other ways to the same end, measured in one run
#
# Prints tables with ratios; the bounds stand beside them. Times of different machines, or of
# different runs on a busy one, do not compare; ratios within a run do.

set -uo pipefail

build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../vm/machine.sh
. "$here/../vm/machine.sh"

work=$(mktemp -d)
finish() { rm -rf "$work"; }
trap finish EXIT

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# ratio VALUE BASE
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf b ? "%.3f" : "-", b ? a / b : 0 }'; }

reloads()
{
	local arm total away base_total base_away
	mkdir -p "$work/job" && machine_programs "$work/job" || return
	cp "$build"/bench/{reload_bare,reload_libkmod,devwatch} "$work/job/bin/"
	cp "$here/reload-job.sh" "$work/job/run.sh"
	"$here/../vm/machine.sh" kind=bochs words=kvmtune.udev=off limit=600 "$work/job" "$work/out" || return
	base_total=$(awk '$1 == "bare" { print $2 }' "$work/out/stdout" | median)
	base_away=$(awk '$1 == "bare" { print $3 }' "$work/out/stdout" | median)
	echo "Turning EPT off: one process each, in an emulated machine (Bochs); kvmtune does all its checks"
	printf '\n| | ms | to bare | /dev/kvm away, ms | to bare |\n|---|---|---|---|---|\n'
	for arm in bare libkmod rmmod+modprobe kvmtune modprobe-r+modprobe; do
		total=$(awk -v a="$arm" '$1 == a { print $2 }' "$work/out/stdout" | median)
		away=$(awk -v a="$arm" '$1 == a { print $3 }' "$work/out/stdout" | median)
		printf '| %s | %d | %s | %d | %s |\n' "$arm" $((${total%.*} / 1000)) "$(ratio "$total" "$base_total")" \
			$((${away%.*} / 1000)) "$(ratio "$away" "$base_away")"
	done
	printf '\nBounds for kvmtune: 1.65 and 1.03.\n\n'
}

instructions()
{
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
		sed -n 's/.*Collected : //p'
}

read_only()
{
	local base command n
	base=$(instructions lscpu)
	echo "Instructions of a command that only looks (callgrind)"
	printf '\n| | instructions | to lscpu | peak memory, MiB |\n|---|---|---|---|\n'
	printf '| lscpu | %s | 1 | %s |\n' "$base" "$(peak lscpu)"
	for command in status guests ksm "audit ept=off" "audit ksm=off" "ept off --dry-run"; do
		# shellcheck disable=SC2086 # words
		n=$(instructions "$build/kvmtune" $command)
		# shellcheck disable=SC2086
		printf '| kvmtune %s | %s | %s | %s |\n' "$command" "$n" "$(ratio "$n" "$base")" \
			"$(peak "$build/kvmtune" $command)"
	done
	printf '\nBounds for kvmtune: 2, and 10 MiB.\n\n'
}

# Peak memory in MiB
peak() { "$build/bench/devwatch" "$@" 2>/dev/null | tail -n 1 | awk '{ printf "%.1f", $3 / 1024 }'; }

reloads || echo "the machine did not run to its end" >&2
read_only
echo "The holders of KVM, among 2,000 processes with 50 descriptors each"
echo
"$here/scan.sh" "$build/bench" 10 2000 50
printf '\nBound for kvmtune: 0.7 of the plain walk.\n'
