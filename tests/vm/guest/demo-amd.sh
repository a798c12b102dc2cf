#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo-amd.sh - the second part of `make demo`: a host with NPT and with services that drive KSM. /io/boot is 1
# before the power cut, and 2 after it.

# shellcheck source-path=SCRIPTDIR source=demo.sh
. /io/demo.sh

merging()
{
	cp "$(command -v ksmfill)" /tmp/qemu-system-x86_64
	for name in web-01 db-01; do
		/tmp/qemu-system-x86_64 24 -- -name guest=$name >/dev/null 2>&1 &
		guests="$guests $!"
	done
	until [ "$(cat /sys/kernel/mm/ksm/pages_sharing)" -gt 8000 ]; do sleep 0.2; done
	say "An AMD host. Its kernel merges equal pages of the guests (KSM), and two services drive that."
	show 0 kvmtune ksm
	expect "^ksmtuned +active, enabled"
}

ksm_off()
{
	say "KSM off: now and at the next boot."
	show 0 kvmtune ksm off
	show 0 kvmtune audit ksm=off
	# shellcheck disable=SC2086 # words
	kill $guests
}

power_cut()
{
	say "NPT off. The power fails while kvm_amd is unloaded."
	printf '\n# kvmtune npt off\n'
	meddle delete_module 1 "echo '[power cut]'; echo 'kvmtune-demo: power cut' >/dev/console; sleep 60" kvmtune npt off
	broken "the power was not cut"
}

after_power_cut()
{
	say "The host is on again."
	show 0 kvmtune status
	expect "did not end"
}

recovery()
{
	say "Undo: it goes back to where the host was before that change."
	show 0 kvmtune undo
	show 0 kvmtune npt
	expect "on, now and at the next load"
}

modprobe kvm_amd # as at any boot of such a host
read -r boot </io/boot
if [ "$boot" = 1 ]; then
	echo 5000 >/sys/kernel/mm/ksm/pages_to_scan
	systemctl --quiet enable --now ksm.service ksmtuned.service
	tell merging ksm_off power_cut
else
	tell after_power_cut recovery
fi
