#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What status and ept say of every host.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

for name in $(all_hosts); do
	host "$name"
	read_all before
	run kvmtune status
	is "$status$err" 0 "$name: status works"
	golden "status-$name.txt" "$name: status says"
	nothing_changed "$name: status changes nothing"
done

host intel-ept-on
run kvmtune status --verbose
golden status-verbose.txt '--verbose has the parameters too'
run kvmtune ept
golden ept-on.txt 'ept says how EPT is'

host intel-ept-off
run kvmtune status --quiet
is "$status" 0 'status --quiet works'
unlike "$out" 'note:' '--quiet has no advice'

# A change that was deferred: now and next are apart.
host intel-ept-on
run kvmtune ept off --defer
run kvmtune status
golden status-deferred.txt 'now and at the next load are told apart'

# A change that was interrupted comes first.
host intel-ept-on
call_number unload ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
is "$status" 137 'a change was interrupted'
run kvmtune status
golden status-interrupted.txt 'status tells of it'

# An option with which the module would not load comes first, too.
host intel-ept-on
printf '# site\noptions kvm_intel nested=banana\n' >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/kvm.conf"
run kvmtune status
like "$out" '^refused: options kvm_intel nested=banana \(/etc/modprobe.d/kvm.conf:2\): kvm_intel would not load' \
	'a refused option comes first'
like "$out" $'\n''nested +on; unknown at the next load +/etc/modprobe.d/kvm.conf:2' 'and the next load is unknown'
run kvmtune nested
like "$out" '^refused: options kvm_intel nested=banana' 'nested says so, too'

# Many lines about a setting: the first ones, all with -v.
host intel-ept-on
for i in 1 2 3 4 5 6; do
	printf 'options kvm_intel ept=%d\n' $((i % 2)) >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/site-$i.conf"
done
run kvmtune status
like "$out" 'site-3.conf:1.*2 more lines: .kvmtune status -v.' 'many lines: the first three'
unlike "$out" 'site-4' 'many lines: not the others'
run kvmtune status -v
like "$out" 'site-4.conf:1.*site-5.conf:1' 'many lines: all with -v'

# Advice on what kvmtune turned off is one line; on what others did a line each.
host intel-ept-off
run kvmtune status
like "$out" $'\n''advice: ept off: shadow-paging-holes and 5 more, see .kvmtune status -v.$' 'advice: chosen with kvmtune'
run kvmtune status -v
like "$out" 'note: EPT off gained 6 %.*note: .*L1TF' 'advice: all of it with -v'
printf 'options kvm_intel nested=0\n' >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/site.conf"
run kvmtune status
like "$out" 'advice:  shadow-paging-holes  .*advice:  nested-off-guests .*in full: .kvmtune status -v.$' \
	'advice: not all was chosen with kvmtune'

# A journal that cannot be read is no reason to say nothing.
host intel-ept-on
mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal"
run kvmtune status
is "$status" 0 'status works without the journal'
like "$out" 'not seen: whether an earlier change was interrupted' 'and says what it could not see'

# Processors whose registers tell what the flags do not.
host intel-ept-on
sed -i 's/0x06334141/0x02334141/; s/0x0106/0x0102/' "$KVMTUNE_FAKE_HOST/fake/host"
rm -r "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel" "$KVMTUNE_FAKE_HOST/root/dev/kvm"
printf 'msr 0x48c 0x0000000000000041\n' >"$tmp/msr"
grep -v '^msr 0x48c' "$KVMTUNE_FAKE_HOST/fake/host" >>"$tmp/msr"
cp "$tmp/msr" "$KVMTUNE_FAKE_HOST/fake/host"
run kvmtune status
like "$out" 'present, but KVM cannot use this EPT' 'EPT without what KVM needs of it (MSR 48Ch)'
printf 'msr 0x48b 0x0000000000000000\n' >"$tmp/msr"
grep -v '^msr 0x48b' "$KVMTUNE_FAKE_HOST/fake/host" >>"$tmp/msr"
cp "$tmp/msr" "$KVMTUNE_FAKE_HOST/fake/host"
run kvmtune status
like "$out" 'VT-x present, EPT absent' 'no EPT (MSR 48Bh)'

host vtx-disabled
printf 'msr 0x3a 0x1\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
rm "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo"
run kvmtune status
like "$out" 'disabled in firmware.*MSR 3Ah' 'VT-x locked off (MSR 3Ah)'

done_testing
