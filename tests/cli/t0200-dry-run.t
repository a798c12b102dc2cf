#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A dry run does nothing at all, on every host and for every goal, and ends as the real run does.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# dry HOST COMMAND...: $base is the host as it is
dry()
{
	local name="$1: ${*:2}" dry_status dry_out tree before_tree log=no
	shift

	host_from "$base"
	read_tree before_tree
	run kvmtune "$@" --dry-run --json
	dry_status=$status dry_out=$out
	run kvmtune "$@" --dry-run
	[ ! -e "$KVMTUNE_FAKE_HOST/fake/log" ] || log=yes
	read_tree tree
	[ ! -e "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/lock" ] || tree+=' and a lock'
	is "$log $status $tree" "no $dry_status $before_tree" "$name: a dry run does nothing"

	[[ $dry_out =~ \"exit_status\":\ ?([0-9]) ]]
	is "${BASH_REMATCH[1]}" "$dry_status" "$name: the JSON says how it ended"
	run kvmtune "$@" --json
	# What only the kernel knows cannot be foreseen.
	if is_surprise "$name"; then
		is "$status" 1 "$name: fails, and that could not be foreseen"
	else
		is "$status" "$dry_status" "$name: the real run ends like the dry run"
		case $status in
		0 | 5) is "$(settings_of "$out")" "$(settings_of "$dry_out")" "$name: the settings are as it said" ;;
		esac
	fi
}

# $1: the document of a change
settings_of()
{
	[[ $1 =~ \"settings\":(.*)\"steps\": ]] && echo "${BASH_REMATCH[1]}"
}

is_surprise()
{
	local ept='bad-option guest-needs-ept hand-loaded-nested' nested='bad-option intel-ept-off-by-hand'

	[[ $1 =~ ^(${ept// /|}):\ ept\ off$ || $1 =~ ^(${nested// /|}):\ nested\ off$ ]]
}

for name in $(some_hosts); do
	pristine "$name"
	base=$tmp/hosts/$name
	dry "$name" ept off
	dry "$name" ept on
	dry "$name" ept off --defer
	dry "$name" apply ept=on --defer
	dry "$name" nested off
	dry "$name" ksm off
	dry "$name" ksm unmerged
	dry "$name" ksm unmerged --defer
	dry "$name" undo
	host "$name"
	run kvmtune ept off
	[ "$status" = 0 ] || continue
	mv "$KVMTUNE_FAKE_HOST" "$tmp/off"
	rm -f "$tmp/off/fake/log" "$tmp/off/root/var/lib/kvmtune/lock"
	base=$tmp/off
	dry "$name, off" undo
	dry "$name, off" ept on
	rm -r "$tmp/off"
done

# An undo brings back what may be unknown: nothing says what nested is at the next load. And what is not
# merged is not only off, but unmerged.
for words in 'nested off' 'ksm on' 'ksm off' 'ksm unmerged'; do
	for name in amd ksm-tuned ksm-by-hand ksm-off ksm-tmpfiles; do
		host "$name"
		# shellcheck disable=SC2086 # two words
		run kvmtune $words
		[ "$status" = 0 ] || continue
		rm -rf "$tmp/done"
		mv "$KVMTUNE_FAKE_HOST" "$tmp/done"
		rm -f "$tmp/done/fake/log" "$tmp/done/root/var/lib/kvmtune/lock"
		base=$tmp/done
		dry "$name, $words" undo
	done
done

host intel-ept-on
run kvmtune ept off --dry-run
golden dry-run-ept-off.txt 'the plan for people'
host intel-ept-off
run kvmtune ept on -n
golden dry-run-ept-on.txt 'the plan to turn it on'
host nested-edited
run kvmtune ept off -n
golden dry-run-nested-edited.txt 'what else the reload changes, with file and line'
host in-use
run kvmtune ept off -n
golden dry-run-in-use.txt 'a plan that is refused for now'
is "$status" 3 'a dry run tells that it is refused for now'
like "$err" 'kvmtune: refused: KVM is in use by 3 processes; nothing was changed' 'and why'
host intel-ept-on
run kvmtune ept off -nq
unlike "$out" 'note:' 'quiet: no advice'

done_testing
