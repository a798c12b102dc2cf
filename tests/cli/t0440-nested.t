#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A change is interrupted, its way back or forward, too, and the way from there once more: undo leads
# to what was before all the same, and undo --forward to where the last one was going.
#
#	KVMTUNE_NESTED_STRIDE=N		of the third interruptions only every Nth is tried (6)

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh
# shellcheck source=tests/lib/forward.sh
. tests/lib/forward.sh

stride=${KVMTUNE_NESTED_STRIDE:-6}
depth=3
tried=0
count=0
path=

# skipped LEVEL: is this one left out?
skipped()
{
	[ "$1" = "$depth" ] && [ $((++count % stride)) != 0 ]
}

# ends_right WAY WAS-UNDO: this way was not interrupted any more
ends_right()
{
	local expected=$after

	if [ "$1" = undo ] || $2; then
		expected=$origin
	fi
	[ "$status" = 0 ] || note "$path: $out"
	same_tree "$expected" "$path: it leads elsewhere"
	! is_interrupted || note "$path: interrupted still"
}

# end_from DIR: both ways from this host
end_from()
{
	local way words undo

	for way in undo 'undo --forward'; do
		host_from "$1"
		undo=false
		! begun_is_undo || undo=true
		read -ra words <<<"$way"
		run kvmtune "${words[@]}"
		path="$2, $way" ends_right "$way" $undo
	done
}

# interrupt DIR LEVEL PATH: each way from this host, interrupted at each call
interrupt()
{
	local way words undo n kept=$tmp/nested.$2

	for way in undo 'undo --forward'; do
		read -ra words <<<"$way"
		for ((n = 1; ; n++)); do
			! skipped "$2" || continue
			host_from "$1"
			undo=false
			! begun_is_undo || undo=true
			KVMTUNE_FAKE_KILL=$n run kvmtune "${words[@]}"
			if [ "$status" != 137 ]; then
				path="$3, $way" ends_right "$way" $undo
				break
			fi
			((++tried))
			rm -rf "$kept"
			cp -a "$KVMTUNE_FAKE_HOST" "$kept"
			if [ "$2" = "$depth" ]; then
				end_from "$kept" "$3, $way until $n"
			else
				interrupt "$kept" $(($2 + 1)) "$3, $way until $n"
			fi
		done
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
	run kvmtune "${command[@]}"
	read_tree after
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
