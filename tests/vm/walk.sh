#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# walk.sh - a random walk over kvmtune, in a machine with kvm_amd (QEMU's TCG) and systemd; see walk.md
#
#	tests/vm/walk.sh [seed=N] [steps=N] OUTDIR
#
# Boots one disk until walk/walk.py has made its steps. OUTDIR/log has all of it. Exit status: 0 no
# differences, 1 some.

set -uo pipefail

# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

seed=1 steps=2000
while [ $# -gt 1 ]; do
	case $1 in
	seed=* | steps=*) printf -v "${1%%=*}" %d "${1#*=}" ;;
	*) echo "walk: unknown option '$1'" >&2 && exit 2 ;;
	esac
	shift
done
[ $# = 1 ] || { echo "walk: OUTDIR is needed" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit
trap 'rm -rf "$out/job" "$out/root.img"' EXIT
rm -rf "$out/job" "$out/root.img"
machine_programs "$out/job" && cp -r "$machine_here/walk" "$out/job/" || exit
echo "exec python3 -u walk/walk.py $seed $steps" >"$out/job/run.sh"

echo "seed $seed, $steps commands; the log is $out/log"
: >"$out/log"
status=75
while [ $status = 75 ]; do
	machine_run kind=tcg mode=systemd limit=7200 boot=300 persistent="$out/root.img" "$out/job" "$out" 2>>"$out/log"
	status=$?
	cat "$out/stdout" >>"$out/log"
	grep -vE '^[0-9]+: [^*]*$' "$out/stdout"
done
[ $status -le 1 ] || { cat "$out/stderr" >&2; tail -n 5 "$out/log" >&2; echo "walk: the machine ended with $status" >&2; }
exit $status
