#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fault-matrix.sh - every system call of every command fails in turn, or is its last, on real kernels
#
#   tests/vm/fault-matrix.sh [OUTDIR [PAIR...]]    its tables take the place of those in fault-matrix.md
#
# Machines run in pairs: tcg-module (npt), tcg-ksm (KSM, and both), bochs (ept); those named, or all. What the
# others have said before counts as long as it is in OUTDIR.
#
# What is tried and how it is judged: guest/faults/main.c. OUTDIR (build/vm/fault-matrix) keeps what the machines
# said; a broken one is there with its recipe. Exit status 1: something is broken.
#
# KVMTUNE                the program (default <project>/build/kvmtune)
# KVMTUNE_FAULTS_MODULE  options of faults for npt's commands (none: all of it)
# KVMTUNE_FAULTS_KSM     for those of KSM and of both (--proof 3)
# KVMTUNE_FAULTS_BOCHS   for the sample of ept's on kvm_intel (--sample 15 --seconds 180)

set -euo pipefail

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$vm/../../build/vm/fault-matrix}
pairs=" ${*:2} "
[ $# -gt 1 ] || pairs=" tcg-module tcg-ksm bochs "
report=$vm/fault-matrix.md
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$vm/machine.sh"

# $1: name, $2: scenarios, $3: options of faults, the rest: of the machine
machine_of()
{
	local name=$1 scenarios=$2 options=$3 job=$out/$1/job
	shift 3
	rm -rf "${out:?}/$name" && mkdir -p "$job/scenarios"
	machine_programs "$job"
	cp "$vm/guest/run-scenarios.sh" "$job/run.sh"
	cp "$vm/scenarios/$scenarios.sh" "$job/scenarios/"
	echo "$scenarios" >"$job/list"
	echo "$options" >"$job/faults"
	machine_run "$@" limit=14400 "$job" "$out/$name" || echo "fault-matrix: $name ended with status $?" >&2
}

# The same, in two machines side by side, if it is to run
pair_of()
{
	local part name=$1 scenarios=$2 options=$3
	case $pairs in *" $1 "*) ;; *) return 0 ;; esac
	shift 3
	for part in 1 2; do
		machine_of "$name-$part" "$scenarios" "--part $part/2 $options" "$@" &
	done
	wait
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

# $1: of "left" or "moved", $2...: what the machines said
sum_of()
{
	local what=$1
	shift
	awk -F '\t' -v what="$what" '$1 == what { n += $3 } END { print n + 0 }' "$@"
}

# The head of the report is made by hand, up to the line that begins the table.
write_report()
{
	sed '/^<!-- the rest is made/q' "$report" >"$report.new"
	{
		echo
		echo "$(date +%F), commit $(commit), $((SECONDS / 60)) minutes on $(nproc) cores. For want of time" \
			"$(sum_of left "$@") were not tried; $(sum_of moved "$@") calls were not made again in the run that was to fail there."
		echo
		echo "kvm_amd in QEMU TCG:"
		echo
		table "$out"/tcg-*/stdout
		echo
		echo "kvm_intel in Bochs, a sample:"
		echo
		table "$out"/bochs-*/stdout
	} >>"$report.new"
	mv "$report.new" "$report"
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
# Of these words kvmtune sees nothing, and they save a fifth of the time
quick="words=rcupdate.rcu_expedited=1 nosmap nosmep"

pair_of tcg-module faults-module "${KVMTUNE_FAULTS_MODULE-}" kind=tcg "$quick"
pair_of tcg-ksm faults-ksm "${KVMTUNE_FAULTS_KSM---proof 3}" kind=tcg mode=systemd "$quick"
pair_of bochs faults-module "${KVMTUNE_FAULTS_BOCHS---sample 15 --seconds 180}" kind=bochs
write_report "$out"/{tcg,bochs}-*/stdout
! grep -hE -A 12 '^broken:|^not ok|^# the host cannot' "$out"/{tcg,bochs}-*/stdout
