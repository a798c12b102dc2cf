#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every call that changes something fails once: the host is as it was before, and the exit status
# says so. Then every call and all after it fail: what is left behind, undo undoes.

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh

# The memory of a change that was done can fail too: the host stays changed, and says so.
is_end_of_journal()
{
	[[ ${calls[n - 1]} == *'"record":"end"'* && $status = "$normal" ]]
}

undo_leads_back()
{
	run kvmtune undo
	same_tree "$origin" 'undo does not lead back'
}

# What it says of the host is true.
judge_words()
{
	if [[ $err == *'the host is as it was before'* ]]; then
		[ "$status" = 1 ] || note 'it says that the host is as before'
	elif [ "$status" = 1 ]; then
		note 'it does not say that the host is as before'
	fi
}

# Better KVM with other options than none, and it says so.
is_said()
{
	brings_kvm_back && [[ $out == *'also: the kernel refused the old options'* ]]
}

judge_once()
{
	judge_words
	case $status in
	1 | 3)
		same_tree "$before" 'the host differs'
		;;
	6)
		# Two things went wrong: this one, and what stops this goal on this host anyway; or
		# an undo brought KVM back, which is not undone again.
		[ "$normal" = 1 ] || brings_kvm_back || note 'the rollback failed after a single fault'
		undo_leads_back
		;;
	*)
		is_end_of_journal || is_said || note 'not noticed'
		same_tree "$after" 'the host is neither as before nor as after'
		;;
	esac
}

judge_all_after()
{
	judge_words
	case $status in
	1 | 3)
		same_tree "$before" 'all fail, and the host differs'
		;;
	6) ;;
	*)
		is_end_of_journal || note 'all fail, and it was not noticed'
		;;
	esac
	undo_leads_back
}

all_faults()
{
	local n

	for ((n = 1; ; n++)); do
		KVMTUNE_FAKE_FAIL=$n run_on_base
		[ "${#calls[@]}" -ge "$n" ] || break
		judge_once
		if [[ ${calls[n - 1]} =~ ^[0-9]+\ (rep|rem|make_link|enable|disable|start|stop) ]]; then
			KVMTUNE_FAKE_FAIL=$n KVMTUNE_FAKE_LATE=1 run_on_base
			judge_once
		fi
		KVMTUNE_FAKE_FAIL=$n+ run_on_base
		judge_all_after
	done
	title+=": $((n - 1)) calls fail"
	report_faults
}

each_goal all_faults
done_testing
