#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# npt on AMD hosts: all that ept is on Intel ones, through the same plan; what differs; and each of the
# two on the other's hosts.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# npt_param NAME: what sysfs shows of a parameter of kvm_amd, in $value
npt_param()
{
	text_of value "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_amd/parameters/$1"
}

# ---- off, on, undo ----

host amd
read_tree origin
run kvmtune npt off --dry-run
golden dry-run-npt-off.txt 'the plan'
nothing=$(cat "$KVMTUNE_FAKE_HOST/fake/log" 2>/dev/null)
is "$nothing" '' 'a dry run does nothing'
run kvmtune npt off
is "$status$err" 0 'npt off'
like "$out" 'npt: on -> off, done.*kvmtune undo' 'it says so'
read_calls calls
like "$calls" '^append .*replace .*unload load run_guest append$' 'in the same steps as ept'
own_file
is "$lines" 'options kvm_amd npt=0' 'the file says this and nothing else'
for pair in npt=N vls=0 sev=N sev_es=N nested=1; do
	npt_param "${pair%=*}"
	is "$value" "${pair#*=}" "off: $pair"
done
run kvmtune npt
golden npt-off.txt 'npt says how NPT is'
run kvmtune audit npt=off
is "$status" 0 'audit agrees'
run kvmtune audit npt=on
is "$status" 7 'audit of the contrary'
run kvmtune npt off
is "$status$err" 0 'npt off again'
like "$out" 'npt: off already' 'it is off already'
read_loads loads
is "$loads" 1 'and the module is not touched'
read_tree off
run kvmtune apply npt=on
is "$status$err" 0 'apply npt=on'
read_tree tree
is "$tree" "$origin" 'the host is as it was in the beginning'
run kvmtune undo
is "$status$err" 0 'undo'
read_tree tree
is "$(differences "$off" "$tree")" '' 'leads back to off'

# A change that is killed with the module away, then rolled back.
host amd
read_tree before
call_number load npt off
KVMTUNE_FAKE_KILL=$n run kvmtune npt off
is "$status" 137 'killed while the module is away'
run kvmtune status
like "$out" 'interrupted: kvmtune npt off did not end' 'status says so'
run kvmtune undo
is "$status$err" 0 'undo of what was killed'
read_tree tree
is "$(differences "$before" "$tree")" '' 'leads back'

# Every call fails once: as before, or done.
host amd
read_tree before
run kvmtune npt off
mapfile -t log <"$KVMTUNE_FAKE_HOST/fake/log"
wrong=
for ((i = 1; i <= ${#log[@]}; i++)); do
	host amd
	KVMTUNE_FAKE_FAIL=$i run kvmtune npt off
	read_tree tree
	own_file
	case $status,$lines in
	0,'options kvm_amd npt=0') npt_param npt && [ "$value" = N ] || wrong+="$i: not off; " ;;
	1,) [ "$tree" = "$before" ] || wrong+="$i ${log[i - 1]}: $(differences "$before" "$tree")" ;;
	*) wrong+="$i ${log[i - 1]}: exit status $status, $lines; " ;;
	esac
done
is "$wrong" '' "each of ${#log[@]} calls fails once"

host amd
run kvmtune npt off --defer
is "$status" 5 'npt off --defer: saved'
npt_param npt
is "$value" Y 'the running module is left alone'
run kvmtune status
like "$out" 'npt +on; off at the next load +/etc/modprobe.d/zz-kvmtune.conf:2' 'now and next are told apart'

# ---- how kernels spell it ----

host amd-el7
read_tree before
run kvmtune npt off
is "$status$err" 0 'RHEL 7: npt off'
npt_param npt
is "$value" 0 'RHEL 7: the parameter is a number'
npt_param nested
is "$value" 1 'RHEL 7: an option of another file stays in force'
run kvmtune npt on
read_tree tree
is "$status$err$(differences "$before" "$tree")" 0 'RHEL 7: and back'

# ---- lines of both modules in our file ----

host amd-moved-disk
run kvmtune npt on
is "$status$err" 0 'npt on, with a line for kvm_intel in our file'
own_file
is "$lines" 'options kvm_intel ept=0' 'that line stays'
run kvmtune npt off
own_file
is "$status $lines" '0 options kvm_intel ept=0;options kvm_amd npt=0' 'npt off adds ours again'
host intel-ept-off
printf 'options kvm_amd npt=0\n' >>"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zz-kvmtune.conf"
run kvmtune ept on
own_file
is "$status $lines" '0 options kvm_amd npt=0' 'ept on leaves the line for kvm_amd'

# ---- advice ----

host amd
run kvmtune npt off
out=${out//$'\n'      / }
like "$out" 'measured for EPT, not for NPT' 'what was measured is not claimed for NPT'
unlike "$out" 'CERN|HEP|CentOS|OVMF|L1TF' 'nothing that is known of EPT only'
like "$out" 'encrypted guests .*will not start' 'SEV guests will not start'
host amd-el7
run kvmtune npt off
unlike "$out" SEV 'no word of SEV where there is none'

# ---- refusals ----

# on HOST STATUS ID REGEX COMMAND...
on()
{
	host "$1"
	shift
	refused "$@"
}

on amd-in-use 3 in-use 'in use by 1 process.*web-01.*kvmtune npt off --wait.*kvmtune npt off --defer' npt off
on amd-conflict 3 file-wins 'npt=1 in /etc/modprobe.d/zzz-site.conf:2 takes precedence.*Remove' npt off
on amd-no-npt 4 no-paging 'no NPT that KVM can use' npt on
on amd-svm-disabled 4 virt-disabled 'SVM is present but disabled in firmware.*BIOS' npt off
on amd-svm-hidden 4 virt-disabled 'SVM is present but disabled in firmware' npt on
on amd-guest 4 no-virt 'no SVM.*a guest itself' npt off
host amd-no-npt
run kvmtune npt off
is "$status $out" '0 npt: off already' 'no NPT: it is off already'

# ---- the other vendor's ----

on amd 4 no-virt 'no VT-x \(AuthenticAMD\).*has SVM, with NPT in place of EPT. Use:  kvmtune npt' ept off
on amd 4 no-virt 'Use:  kvmtune npt' apply ept=on
on amd 4 no-virt 'Use:  kvmtune npt' ept off --defer
on intel-ept-on 4 no-virt 'no SVM \(GenuineIntel\).*has VT-x, with EPT in place of NPT. Use:  kvmtune ept' npt off
on intel-ept-on 4 no-virt 'Use:  kvmtune ept' apply npt=off ksm=off
host amd
run kvmtune audit ept=off
is "$status" 4 'audit ept=off on an AMD host'
run kvmtune status
unlike "$out" 'VT-x|kvm_intel|^ept' 'status of an AMD host has no line for Intel'
host intel-ept-on
run kvmtune status --verbose
unlike "$out" 'SVM|kvm_amd|npt' 'nor that of an Intel host one for AMD'
run kvmtune npt
like "$status $out" '^0 SVM, NPT +absent .*npt +not possible here' 'npt alone says why'

# An image may run on either.
host amd-moved-disk
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" status
like "$out" 'ept +off at the next load +/etc/modprobe.d/zz-kvmtune.conf:2.*npt +off at the next load +/etc/modprobe.d/zz-kvmtune.conf:3' \
	'an image has both'
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" npt on
own_file
is "$status $lines" '0 options kvm_intel ept=0' 'and each can be changed'

done_testing
