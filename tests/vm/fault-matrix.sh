#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fault-matrix.sh - every system call of every command fails in turn, or is its last, on real kernels
#
#   tests/vm/fault-matrix.sh [OUTDIR]    two machines side by side, then a sample on kvm_intel; its
#                                        table takes the place of the one in fault-matrix.md
#
# What is tried and how it is judged: guest/faults.c. OUTDIR (build/vm/fault-matrix) keeps what the machines
# said; a broken one is there with its recipe. Exit status 1: something is broken.
#
# KVMTUNE                the program (default <project>/build/kvmtune)
# KVMTUNE_FAULTS         options of faults for the two machines (--proof 4 --seconds 450); empty: all of it, in hours
# KVMTUNE_FAULTS_BOCHS   for the sample (--sample 60 --seconds 120)

set -euo pipefail

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$vm/../../build/vm/fault-matrix}
report=$vm/fault-matrix.md
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$vm/machine.sh"

# $1: name, $2: options of faults, the rest: of the machine
machine_of()
{
	local name=$1 options=$2 job=$out/$1/job
	shift 2
	rm -rf "${out:?}/$name" && mkdir -p "$job/scenarios"
	machine_programs "$job"
	cp "$vm/guest/run-scenarios.sh" "$job/run.sh"
	cp "$vm/scenarios/faults.sh" "$job/scenarios/"
	echo faults >"$job/list"
	echo "$options" >"$job/faults"
	machine_run "$@" limit=14400 "$job" "$out/$name" || echo "fault-matrix: $name ended with status $?" >&2
}

# From the tallies of all machines: lines of the table.
table()
{
	echo "| command | fault | tried | as before | same plan | at the goal | undo led back | broken |"
	echo "|---|---|--:|--:|--:|--:|--:|--:|"
	sort -t "$(printf '\t')" -k 2,3 "$@" | awk -F '\t' '
		$1 != "tally" { next }
		$2 != command || $3 != fault { flush() }
		{ command = $2; fault = $3; for (i = 4; i <= 9; i++) n[i] += $i }
		function flush() {
			if (n[4])
				printf "| %s | %s | %d | %d | %d | %d | %d | %d |\n",
					command, fault, n[4], n[5], n[6], n[7], n[8], n[9]
			for (i = 4; i <= 9; i++) { all[i] += n[i]; n[i] = 0 }
		}
		END {
			flush()
			printf "| **all** | | %d | %d | %d | %d | %d | %d |\n",
				all[4], all[5], all[6], all[7], all[8], all[9]
		}'
}

commit() { git -C "$vm" describe --always --dirty --abbrev=12 2>/dev/null || echo "no commit"; }

# The head of the report is made by hand, up to the line that begins the table.
write_report()
{
	local left
	left=$(awk -F '\t' '$1 == "left" { n += $3 } END { print n + 0 }' "$@")
	sed '/^<!-- the rest is made/q' "$report" >"$report.new"
	{
		echo
		echo "$(date +%F), commit $(commit), $((SECONDS / 60)) minutes on $(nproc) cores; for want of time $left were not tried."
		echo
		echo "kvm_amd in QEMU TCG:"
		echo
		table "$out"/tcg-*/stdout
		echo
		echo "kvm_intel in Bochs, a sample:"
		echo
		table "$out/bochs/stdout"
	} >>"$report.new"
	mv "$report.new" "$report"
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
for part in 1 2; do
	machine_of "tcg-$part" "--part $part/2 ${KVMTUNE_FAULTS---proof 4 --seconds 450}" kind=tcg mode=systemd &
done
wait
machine_of bochs "${KVMTUNE_FAULTS_BOCHS---sample 60 --seconds 120}" kind=bochs
write_report "$out"/tcg-1/stdout "$out"/tcg-2/stdout "$out/bochs/stdout"
! grep -hE -A 12 '^broken:|^not ok|^# the host cannot' "$out"/{tcg-1,tcg-2,bochs}/stdout
