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
	local tree

	run kvmtune status
	[[ $status = 0 && $out == *'did not end'*'kvmtune undo'* ]] || note "status: $out"
	read_tree tree
	run kvmtune ept off
	[ "$status" = 6 ] || note 'another change is not refused'
	same_tree "$tree" 'a refused change changed something'
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
