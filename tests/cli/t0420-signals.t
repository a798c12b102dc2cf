#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SIGTERM arrives at every call that changes something, once, or again and again at all that come
# after it: the change is done or rolled back, and the exit status says which. Before its first step, while
# it has no more than the lock, the signal ends it as it ends any other program.

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh

# Hosts that differ in what is to be rolled back: on them it arrives again and again, too.
again='intel-ept-on hand-loaded-nested nested-edited no-udev own-file-more not-loaded amd
	ksm-tuned ksm-tmpfiles ksm-off ksm-only ksm-chroot'

judge_signal()
{
	if [ "$status" = "$normal" ]; then
		same_tree "$after" 'done, but the host differs'
	elif [ "$status" = 143 ]; then
		same_tree "$before" 'ended before its first step, but the host differs'
		[[ "${#calls[@]} ${calls[0]}" == '1 '*' lock '* ]] || note 'it had begun'
	elif [ "$status" = 1 ]; then
		same_tree "$before" 'rolled back, but the host differs'
		[[ $err == *'stopped by a signal'* ]] || note 'it does not say why'
	else
		note 'neither done nor rolled back'
	fi
	[ "$status" = 143 ] || ! is_journal_open || note 'the journal was left open'
}

all_signals()
{
	local n

	for ((n = 1; ; n++)); do
		KVMTUNE_FAKE_SIGNAL=$n run_on_base
		[ "${#calls[@]}" -ge "$n" ] || break
		judge_signal
		[[ " ${again//[[:space:]]/ } " == *" ${title%%:*} "* ]] || continue
		KVMTUNE_FAKE_SIGNAL=$n+ run_on_base
		judge_signal
	done
	title+=": $((n - 1)) signals"
	report_faults
}

each_goal all_signals
done_testing
