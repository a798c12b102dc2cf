#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Causes are told with evidence only: the firmware, Xen, the kernel command line, what is built in.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# hidden HOST REGEX: VT-x is not offered, and this is why
hidden()
{
	host "$1"
	run kvmtune status
	like "$out" "VT-x, EPT +present, but $2" "$1: status"
	refused 4 virt-disabled "VT-x is present but $2" ept off
}

hidden vtx-hidden-xen 'reserved by Xen'
unlike "$err" firmware 'Xen: the firmware is not blamed'
hidden vtx-hidden-clearcpuid 'hidden by clearcpuid='
hidden vtx-hidden-clearcpuid-number 'hidden by clearcpuid='
hidden vtx-hidden-l0 'not passed on by the hypervisor that this host runs under'
hidden vtx-disabled 'disabled in firmware'
host vtx-hidden-clearcpuid
printf 'msr 0x3a 0x1\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
run kvmtune status
like "$out" 'disabled in firmware.*MSR 3Ah' 'a register beats a word'
host vtx-disabled
printf 'kind absent\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
run kvmtune status
like "$out" 'not enabled by this kernel, which has no KVM module' 'a kernel without kvm_intel'
host vtx-hidden-clearcpuid
printf 'root=/dev/vda1 clearcpuid=smap,133x\n' >"$KVMTUNE_FAKE_HOST/root/proc/cmdline"
run kvmtune status
like "$out" 'disabled in firmware' 'another flag'

# ---- the kernel's log ----

# log HOST MESSAGE...: the kernel has said this
log()
{
	host "$1"
	printf '%s\n' "${@:2}" >"$KVMTUNE_FAKE_HOST/fake/kmsg"
	run kvmtune status
}

FEAT_CTL='x86/cpu: VMX (outside TXT) disabled by BIOS'
log vtx-hidden-clearcpuid 'Linux version 6.1' "$FEAT_CTL" 'Freeing memory'
like "$out" 'disabled in firmware +.*kernel log' 'the kernel has looked at the register'
log vtx-hidden-clearcpuid 'kvm: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 1' 'kvm: disabled by bios'
like "$out" 'hidden by clearcpuid=' 'kvm_intel goes by the flag: no evidence'
log vtx-hidden-clearcpuid "someone: $FEAT_CTL"
like "$out" 'hidden by clearcpuid=' 'only as the kernel writes it'
log vtx-hidden-clearcpuid 'SVM disabled (by BIOS) in MSR_VM_CR'
like "$out" 'hidden by clearcpuid=' 'that is about SVM'
log vtx-hidden-xen "$FEAT_CTL"
like "$out" 'reserved by Xen' 'Xen comes first'
log amd-svm-disabled 'kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR on CPU 3'
like "$out" 'SVM, NPT +present, but disabled in firmware' 'AMD'
log amd-svm-hidden 'SVM disabled (by BIOS) in MSR_VM_CR'
like "$out" 'kernel log' 'AMD: the source is named'
log intel-ept-on "$FEAT_CTL"
like "$out" 'present, usable by KVM' 'what works was not asked about'
host vtx-hidden-clearcpuid
printf '%s\n' "$FEAT_CTL" >"$KVMTUNE_FAKE_HOST/fake/kmsg"
printf 'root no\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
run kvmtune status
like "$out" 'hidden by clearcpuid=' 'not root: not looked at'
# Where another cause was not looked at, the firmware is not blamed.
host vtx-disabled
rm "$KVMTUNE_FAKE_HOST/root/proc/cmdline"
run kvmtune status
like "$out" 'not enabled by this kernel, for an unknown reason' 'no kernel command line, no evidence'
printf '%s\n' "$FEAT_CTL" >"$KVMTUNE_FAKE_HOST/fake/kmsg"
run kvmtune status
like "$out" 'disabled in firmware' 'no kernel command line, but the log'

# ---- a built-in module ----

host builtin-modprobe-d
run kvmtune ept
like "$out" 'ept +on, now and at the next load +default' 'built in: modprobe.d is never read'
like "$out" 'ept=0 \(never read: the module is built in\) +/etc/modprobe.d/kvm-nested.conf:2' \
	'built in: the file is named'
run kvmtune audit ept=on
status_is 0 'built in: audit ept=on'
run kvmtune audit ept=off
status_is 7 'built in: audit ept=off'
host builtin-init-words
run kvmtune ept
like "$out" 'ept +on, now and at the next load +default' "words behind -- are init's"
unlike "$out" 'kernel command line' "words behind -- are not the kernel's to name"
printf 'quiet kvm-intel.ept=0 -- x\n' >"$KVMTUNE_FAKE_HOST/root/proc/cmdline"
printf 'N\n' >"$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel/parameters/ept"
run kvmtune ept
like "$out" 'ept +off, now and at the next load +kernel command line' 'words before it are'
run kvmtune audit ept=off
status_is 0 'built in: audit by the kernel command line'

# ---- spellings that the kernel refuses ----

# option KERNEL LINE: a file of modprobe.d on an Intel host of this kernel
option()
{
	host intel-ept-on
	printf 'kernel %s\n' "$1" >>"$KVMTUNE_FAKE_HOST/fake/host"
	printf '%s\n' "options kvm_intel $2" >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/a-site.conf"
	run kvmtune ept
}

option 6.1.0-28-amd64 ept=maybe
like "$out" '^refused: options kvm_intel ept=maybe \(/etc/modprobe.d/a-site.conf:1\): kvm_intel would not load' \
	'no bool at all: refused, not a value'
refused 3 option-refused 'a-site.conf:1 sets ept=maybe, which this kernel refuses' ept off
run kvmtune audit ept=on
ok 'audit promises nothing' [ "$status" != 0 ]
for case in '3.10.0 off yes' '3.10.0-1160.el7.x86_64 off no' '4.18.0-240 off no' '4.18.0-240 false yes' \
	'6.1.0 false no' '6.12.1 disable yes' '6.18.2 disable no' '6.1.0 No no' '6.1.0 2 yes'; do
	read -r kernel value answer <<<"$case"
	option "$kernel" "ept=$value"
	if [ "$answer" = yes ]; then
		like "$out" 'refused: .*: kvm_intel would not load' "$kernel: ept=$value is refused"
	else
		unlike "$out" 'refused' "$kernel: ept=$value is not"
	fi
done
host amd-el7
printf 'options kvm_amd npt=N\n' >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/a.conf"
run kvmtune npt
like "$out" 'refused: options kvm_amd npt=N' 'an int of an old kernel: N is refused'
# The module would not load, whichever parameter is to be changed.
for option in nested=N nested=maybe; do
	host amd
	printf 'options kvm_amd %s\n' "$option" >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/a.conf"
	refused 3 option-refused "a.conf:1 sets $option, which this kernel refuses" npt off
done

# ---- another hypervisor ----

host vbox-idle
run kvmtune ept off --dry-run
status_is 0 'VirtualBox, no machine runs'
run kvmtune ept off
status_is 0 'VirtualBox, no machine runs: done'
host vbox-busy
refused 3 other-hypervisor 'vboxdrv is in use' ept off
host vbox-idle
rm -r "$KVMTUNE_FAKE_HOST/root/sys/module/vboxdrv/holders"
refused 3 other-hypervisor 'vboxdrv is in use' ept off
host vbox-idle
printf '2\n' >"$KVMTUNE_FAKE_HOST/root/sys/module/vboxdrv/refcnt"
mkdir -p "$KVMTUNE_FAKE_HOST/root/sys/module/vmmon/holders"
printf '1\n' >"$KVMTUNE_FAKE_HOST/root/sys/module/vmmon/refcnt"
refused 3 other-hypervisor 'vmmon is in use' ept off

done_testing
