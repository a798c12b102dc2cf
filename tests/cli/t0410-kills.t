#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The program is killed before every call that changes something. Where the change was begun, status
# says so, another change is refused, undo leads back, and the command again leads to its end; where it
# was not, nothing has happened.

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh

judge_interrupted()
{
	local before=$KVMTUNE_FAKE_HOST

	run kvmtune status
	[[ $status = 0 && $out == *'did not end'*'kvmtune undo'* ]] || note "status: $out"
	# On a copy of the host: another change leads on by itself, whatever becomes of it.
	host_from "$before"
	run kvmtune ept off
	[[ $out == *'interrupted: '*'; it '* ]] || note "another change does not lead on: $out $err"
	run kvmtune status
	[[ $out != *'did not end'* ]] || note "another change leaves it open: $out"
	export KVMTUNE_FAKE_HOST=$before
	run kvmtune undo
	[ "$status" = 0 ] || note "undo: $out"
	same_tree "$origin" 'undo does not lead back'
	run kvmtune undo
	[ "$status" = 0 ] || note "undo, once more: $out"
	same_tree "$origin" 'a second undo changed something'
	[ "${command[0]}" != undo ] || return
	run kvmtune "${command[@]}"
	[ "$status" = "$normal" ] || note "the command again: $out"
	same_tree "$after" 'the command again does not lead to its end'
	! is_interrupted || note "status, at the end: $out"
}

judge_not_begun()
{
	run kvmtune status
	[[ $status = 0 && $out != *'did not end'* ]] || note "status: $out"
	same_tree "$before" 'not begun, but the host differs'
}

all_kills()
{
	local n

	for ((n = 1; ; n++)); do
		KVMTUNE_FAKE_KILL=$n run_on_base
		[ "$status" = 137 ] || break
		if is_journal_open; then judge_interrupted; else judge_not_begun; fi
	done
	[ "$status" = "$normal" ] || note 'a run without a kill ends otherwise'
	title+=": $((n - 1)) kills"
	report_faults
}

each_goal all_kills
done_testing
