#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# With EPT off nothing shows whether KVM could use it; the change that turned it off saw it on.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# Rows are not wrapped.
export COLUMNS=132

UNKNOWN='present; usable by KVM: unknown'

# boot ID: the kernel's name of this boot
boot()
{
	mkdir -p "$KVMTUNE_FAKE_HOST/root/proc/sys/kernel/random"
	printf '%s\n' "$1" >"$KVMTUNE_FAKE_HOST/root/proc/sys/kernel/random/boot_id"
}

journal()
{
	file=$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal
}

# unknown NAME: the journal is no evidence
unknown()
{
	run kvmtune status
	is "$status" 0 "$1: status works"
	like "$out" "$UNKNOWN" "$1: unknown"
	unlike "$out" 'journal: change' "$1: no source"
}

# ept_on: a host without the msr driver
ept_on()
{
	host intel-ept-on
	sed -i '/^msr/d' "$KVMTUNE_FAKE_HOST/fake/host"
}

# ept_off: a host on which change 1 turned EPT off
ept_off()
{
	ept_on
	boot 1
	run kvmtune ept off
}

ept_off
run kvmtune status
like "$out" 'VT-x, EPT +present, usable by KVM \(on until change 1\) +journal: change 1' \
	'status knows what the change saw'
run kvmtune ept
like "$out" 'usable by KVM \(on until change 1\)' 'and so does ept'
run kvmtune status --json
out=${out//[$' \n']/}
like "$out" '"usable_by_kvm":\{"value":true,"source":\["journal:change1"\]\}' 'JSON: the source'
like "$out" '"paging":\{"value":true,"source":\["/proc/cpuinfo"\]\}' 'JSON: what else is known stays'
run kvmtune nested off
run kvmtune status
like "$out" 'on until change 1\)' 'a later change of another parameter'
run kvmtune ept on --dry-run
is "$status" 0 'ept on: planned as ever'
like "$out" 'test guest' 'ept on: with all its checks'

# What is seen now comes first.
run kvmtune ept on
run kvmtune status
like "$out" 'present, usable by KVM +kvm_intel' 'on again: the module shows it'

# The next boot of the same processor, and of others.
ept_off
boot 2
run kvmtune status
like "$out" 'on until change 1\)' 'another boot, the same processor'
sed -i 's/^brand .*/brand Intel(R) Xeon(R) CPU E5-2650 0/' "$KVMTUNE_FAKE_HOST/fake/host"
unknown 'another boot, another processor'
boot 1
run kvmtune status
like "$out" 'on until change 1\)' 'the same boot'

# A hypervisor may give its guest another processor at each boot.
ept_on
host_dir=$KVMTUNE_FAKE_HOST
about hypervisor yes
boot 1
run kvmtune ept off
run kvmtune status
like "$out" 'on until change 1\)' 'a guest, the same boot'
boot 2
unknown 'a guest, another boot'

# Entries of kvmtune 0.1.0 do not name the processor.
ept_off
journal
mapfile -t lines < <(cut -c10- "$file")
crc_line "${lines[@]/'"cpu":"'/'"was":"'}" >"$file"
run kvmtune status
like "$out" 'on until change 1\)' 'no processor: the same boot'
boot 2
unknown 'no processor: another boot'

# What cannot be trusted, or read, is none.
ept_off
journal
chmod 666 "$file"
unknown 'a journal that others can write'
ept_off
journal
sed -i '1s/Y/N/' "$file"
unknown 'a damaged journal'
ept_off
journal
printf 'unreadable EIO /var/lib/kvmtune/journal\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
unknown 'a journal that cannot be read'
ept_off
journal
mapfile -t lines < <(cut -c10- "$file")
crc_line "${lines[@]/'"version":3'/'"version":99'}" >"$file"
unknown 'an entry of a newer kvmtune'

# It was not on before.
host intel-ept-off
boot 1
run kvmtune nested off
unknown 'a change that saw it off'

# An image's journal was made by files alone.
ept_off
run kvmtune status --root "$KVMTUNE_FAKE_HOST/root"
unlike "$out" 'journal: change' 'an image'

# What the firmware says now is stronger.
ept_off
host_dir=$KVMTUNE_FAKE_HOST
put /sys/module/kvm_intel/initstate going
sed -i 's/\bvmx\b//; /^vmx flags/d; s/\bept\b//' "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo"
run kvmtune status
like "$out" 'present, but disabled in firmware' 'the kernel says no'

host amd
boot 1
run kvmtune npt off
sed -i 's/\bnpt\b//' "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo"
rm "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo"
run kvmtune status
like "$out" 'SVM, NPT +present, usable by KVM \(on until change 1\)' 'AMD'
run kvmtune status --json
out=${out//[$' \n']/}
like "$out" '"paging":\{"value":true,"source":\["journal:change1"\]\}' 'AMD: in JSON'

done_testing
