#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# races.sh - 50 kvmtune at once for a minute, in a machine with kvm_amd (QEMU's TCG); the table goes to races.md
#
#	tests/vm/races.sh [processes=N] [seconds=N] [seed=N] [cpus=N] OUTDIR
#
# What races and how it is judged: guest/races.c, scenarios/races.sh. OUTDIR keeps what the machine said.

set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
# shellcheck source-path=SCRIPTDIR source=report.sh
. "$machine_here/report.sh"

processes=50 seconds=60 seed=1 cpus=1
while [ $# -gt 1 ]; do
	case $1 in
	processes=* | seconds=* | seed=* | cpus=*) printf -v "${1%%=*}" %d "${1#*=}" ;;
	*) echo "races: unknown option '$1'" >&2 && exit 1 ;;
	esac
	shift
done
out=$1

rm -rf "$out/job"
mkdir -p "$out/job/scenarios"
machine_programs "$out/job"
cp "$machine_here/guest/run-scenarios.sh" "$out/job/run.sh"
cp "$machine_here/scenarios/races.sh" "$out/job/scenarios/"
echo races >"$out/job/list"
echo "$processes $seconds $seed" >"$out/job/races"
machine_run kind=tcg cpus=$cpus "$out/job" "$out" || exit # not under errexit: it is not written for that
cat "$out/stdout"
! grep '^not ok' "$out/stdout" || exit 1
{
	echo "$processes processes for $seconds s, processors: $cpus, seed $seed"
	echo
	sed -n 's/^# |/|/p' "$out/stdout"
	echo
	sed -n 's/^# \(changes .*\)/\1/p' "$out/stdout"
} | report_into "$machine_here/races.md"
