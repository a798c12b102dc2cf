#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A change is interrupted, its undo, too, and the undo of that once more: the next undo leads to what was
# before all the same.
#
#	KVMTUNE_NESTED_STRIDE=N		of the third interruptions only every Nth is tried (6)

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh

stride=${KVMTUNE_NESTED_STRIDE:-6}
depth=3
tried=0
count=0

# skipped LEVEL: is this one left out?
skipped()
{
	[ "$1" = "$depth" ] && [ $((++count % stride)) != 0 ]
}

# ends_right PATH: this undo was not interrupted any more
ends_right()
{
	[ "$status" = 0 ] || note "$1: $out"
	same_tree "$origin" "$1: it leads elsewhere"
	! is_interrupted || note "$1: interrupted still"
}

# interrupt DIR LEVEL PATH: undo from this host, interrupted at each call
interrupt()
{
	local n kept=$tmp/nested.$2

	for ((n = 1; ; n++)); do
		! skipped "$2" || continue
		host_from "$1"
		KVMTUNE_FAKE_KILL=$n run kvmtune undo
		if [ "$status" != 137 ]; then
			ends_right "$3, undo"
			break
		fi
		((++tried))
		rm -rf "$kept"
		cp -a "$KVMTUNE_FAKE_HOST" "$kept"
		if [ "$2" = "$depth" ]; then
			run kvmtune undo
			ends_right "$3, undo until $n, undo"
		else
			interrupt "$kept" $(($2 + 1)) "$3, undo until $n"
		fi
	done
}

# nested HOST COMMAND...
nested()
{
	local n kept=$tmp/nested.1

	title="$*"
	command=("${@:2}")
	wrong=()
	tried=0
	host "$1"
	base=$tmp/hosts/$1
	text_of origin "$base/fake/tree"
	for ((n = 1; ; n++)); do
		KVMTUNE_FAKE_KILL=$n run_on_base
		[ "$status" = 137 ] || break
		is_journal_open || continue
		rm -rf "$kept"
		cp -a "$KVMTUNE_FAKE_HOST" "$kept"
		interrupt "$kept" 2 "until $n"
	done
	n=0
	title+=": interrupted again $tried times"
	report_faults
}

nested intel-ept-on ept off
nested ksm-tmpfiles ksm off
[ "$stride" != 1 ] || {
	nested no-udev ept off
	nested amd npt off
	nested ksm-off ksm on
	nested ksm-tuned ksm unmerged
	nested ksm-only apply ept=off ksm=off
}
done_testing
