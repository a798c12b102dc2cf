#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# job.sh - run the job that came on the io disk, inside the machine, in every boot mode
#
# /io/run.sh is the job; stdout, stderr and exit status go to /io/out, from where machine.sh fetches them.
# The line "kvmtune-vm: job ended" on the console tells machine.sh that all is on the disk.
# In the shell modes there is an interactive shell instead. Programs in /io/bin come first in PATH.

export PATH="/io/bin:$PATH" HOME=/root TERM=vt220

interactive()
{
	modprobe kvm_intel 2>/dev/null || modprobe kvm_amd # as udev does on a host with the hardware
	size=$(sed -n 's/.*kvmtune\.tty=\([0-9]*\)x\([0-9]*\).*/rows \1 cols \2/p' /proc/cmdline)
	# shellcheck disable=SC2086 # two words and two numbers
	stty -F /dev/ttyS0 sane $size
	echo "A test machine of kvmtune. 'exit' or ctrl-D ends it; nothing in it is kept." >/dev/console
	cd /root || exit
	setsid --ctty --wait bash -i <>/dev/ttyS0 >&0 2>&1
}

batch()
{
	mkdir -p /io/out
	cd /io || exit
	echo "kvmtune-vm: job starts" >/dev/console
	cat /proc/uptime >out/boot
	sh ./run.sh </dev/null >out/stdout 2>out/stderr
	echo $? >out/status
	sync
	echo "kvmtune-vm: job ended" >/dev/console
	sleep 1 # the emulated serial line is slow
}

# Loading kvm takes some five seconds in Bochs and says nothing about kvmtune: do it before the job.
# Which of kvm_intel and kvm_amd comes when is the job's affair.
modprobe kvm
case " $(cat /proc/cmdline) " in
*" kvmtune.mode=shell "* | *" kvmtune.mode=systemd-shell "*) interactive ;;
*) batch ;;
esac
sync
