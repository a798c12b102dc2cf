#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# undo --forward finishes what was interrupted. The program is killed before every call that changes
# something; then the way forward leads to where the change would have led, and undo from there to
# what was before. Where the change itself is not possible, undo still is.

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh
# shellcheck source=tests/lib/forward.sh
. tests/lib/forward.sh

export KVMTUNE_HOSTS=${KVMTUNE_HOSTS:-$FORWARD_HOSTS}

judge_refused()
{
	[[ $status =~ ^[1346]$ ]] || note 'the way forward is open'
	is_interrupted || note 'no longer interrupted'
}

# A change that waits for the next load, once it is saved, is as it shall be.
judge_done()
{
	[[ $status = "$normal" || $status$normal = 05 ]] || note "forward: $out"
	same_tree "$after" 'forward does not lead to the end'
	! is_interrupted || note 'interrupted still'
}

# The reload has brought options into force that somebody had edited: they stay.
leads_back()
{
	[[ $title != 'nested-edited: ept off' ]]
}

judge_forward()
{
	run kvmtune undo --forward
	if [[ $normal =~ ^[05]$ ]]; then judge_done; else judge_refused; fi
	# What is taken back already is not taken back once more.
	[ "${command[0]}" != undo ] || return
	run kvmtune undo
	[ "$status" = 0 ] || note "undo: $out"
	! leads_back || same_tree "$origin" 'undo does not lead back'
	! is_interrupted || note "status: $out"
}

# A dry run says what the real one will do, and does nothing.
judge_dry_run()
{
	local tree planned

	run kvmtune undo --forward --dry-run --json
	planned=$status
	read_tree tree
	run kvmtune undo --forward --dry-run
	[[ $status = "$planned" ]] || note 'a dry run ends otherwise with JSON'
	same_tree "$tree" 'a dry run changed something'
}

all_forward()
{
	local n

	for ((n = 1; ; n++)); do
		KVMTUNE_FAKE_KILL=$n run_on_base
		[ "$status" = 137 ] || break
		is_journal_open || continue
		# An undo of an interrupted change that was not even begun: that change is finished.
		[[ $title != *'undo '*stopped* ]] || begun_is_undo || continue
		judge_dry_run
		judge_forward
	done
	title+=": $((n - 1)) kills"
	report_faults
}

each_goal all_forward
done_testing
