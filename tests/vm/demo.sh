#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - shows what kvmtune does, on a real kvm_intel in an emulated machine, to a person
#
# Some two minutes, after the images have been made once. Exit status 0 when the story came to its end.

set -uo pipefail

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$vm/machine.sh"

lacks=$(machine_lacks bochs | paste -sd ';')
[ -z "$lacks" ] || { echo "demo: $lacks: try ./bootstrap demo" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "demo: making the images needs root" >&2; exit 1; }

mkdir -p "$vm/../../build/vm/results"
work=$(mktemp -d "$vm/../../build/vm/results/demo.XXXXXX") && work=$(realpath "$work")
machine=""
cleanup()
{
	[ -z "$machine" ] || kill -TERM "$machine" 2>/dev/null
	wait
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir "$work/job"
machine_programs "$work/job" || exit 1
cp "$vm/guest/demo-job.sh" "$work/job/run.sh"

echo "Making the images (once; about a minute) and starting the machine (about 20 seconds) ..."
"$vm/images.sh" >/dev/null || exit 1
"$vm/machine.sh" kind=bochs limit=300 "$work/job" "$work/out" &
machine=$!

# The console as it comes, between the marks
until [ -e "$work/out/serial.log" ] || ! kill -0 $machine 2>/dev/null; do sleep 0.2; done
tail -n +1 -F --pid=$machine "$work/out/serial.log" 2>/dev/null | tr -d '\r' |
	sed -un '/kvmtune-demo: begin/,/kvmtune-demo: end/{/kvmtune-demo: /!p; /kvmtune-demo: end/q}'
wait $machine
status=$?
machine=""
[ $status = 0 ] || echo "demo: the machine ended with status $status" >&2
exit $status
