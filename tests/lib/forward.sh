# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# forward.sh - for tests of interrupted changes that are finished, or are interrupted again and again.

# Hosts that differ in what is to be finished, and in whether it can be.
# shellcheck disable=SC2034
FORWARD_HOSTS='intel-ept-on hand-loaded-nested nested-edited no-udev own-file-more not-loaded amd
	ksm-tuned ksm-tmpfiles ksm-off ksm-only ksm-chroot'

# is_forward_host HOST: is it one of them?
is_forward_host()
{
	local name

	for name in $FORWARD_HOSTS; do
		[ "$name" != "$1" ] || return 0
	done
	return 1
}

# is_interrupted: does status say so? Sets $out.
is_interrupted()
{
	run kvmtune status
	# shellcheck disable=SC2154 # run sets it
	[[ $out == *'did not end'* ]]
}

# begun_is_undo: is the last change in the journal an undo?
begun_is_undo()
{
	local line undo=false

	while read -r line; do
		[[ $line != *'"record":"begin"'* ]] || undo=true
		[[ $line != *'"record":"begin"'*'"undoes":0'* ]] || undo=false
	done <"$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal"
	$undo
}
