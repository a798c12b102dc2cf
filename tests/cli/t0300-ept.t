#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ept off and ept on, done.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# ---- the whole way, once in detail ----

host intel-ept-on
read_tree origin
run kvmtune ept off
is "$status$err" 0 'ept off'
like "$out" 'ept: on -> off, done' 'it says so'
like "$out" 'kvmtune undo' 'and what undoes it'
read_calls calls
like "$calls" '^append .*replace .*unload load run_guest append$' \
	'written down first, then the file, then the module, then the proof'
records=$(grep -o '"record":"[a-z]*"' "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal" | tr '\n' ' ')
is "$records" '"record":"plan" "record":"begin" "record":"end" ' 'the journal: the plan before the begin'
own_file
is "$lines" 'options kvm_intel ept=0' 'the file says this and nothing else'
is "$(stat -c '%a %u' "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zz-kvmtune.conf")" "644 $UID" \
	'the file is readable for all'
is "$(ls -A "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d")" zz-kvmtune.conf 'no other file is left there'
param ept
is "$value" N 'EPT is off'
text_of value "$KVMTUNE_FAKE_HOST/root/sys/module/kvm/parameters/halt_poll_ns"
is "$value" 200000 "kvm itself was left alone"

read_tree off
run kvmtune ept off
is "$status$err" 0 'ept off again'
like "$out" 'ept: off already' 'it says so'
read_loads loads
is "$loads" 1 'and the module is not touched'
read_tree tree
is "$tree" "$off" 'nor any file'

run kvmtune ept on
is "$status$err" 0 'ept on'
read_tree tree
is "$tree" "$origin" 'the host is as it was in the beginning'
own_file
is "$lines" '' 'nothing is left to say: the file is gone'

run kvmtune apply ept=off
is "$status$err" 0 'apply ept=off is ept off'
param ept
is "$value" N 'EPT is off'

run kvmtune ept on --quiet
is "$status$out$err" 0 'quiet: not a word'
run kvmtune ept off --verbose
like "$out" 'write.*confirm.*unload.*load.*check' 'verbose: all steps'

# ---- every host: the second time there is nothing to do ----

for name in $(all_hosts); do
	for value in off on; do
		host "$name"
		run kvmtune ept "$value"
		[[ $status =~ ^[05]$ ]] || continue
		first=$status
		rm -f "$KVMTUNE_FAKE_HOST/fake/log"
		read_tree before
		run kvmtune ept "$value"
		read_tree tree
		read_calls calls
		if [ "$status $calls $tree" = "0  $before" ]; then
			like "$out" "ept: $value already" "$name: ept $value: already, the second time"
		else
			fail "$name: ept $value: already, the second time" \
				"exit status $first, then $status; calls: $calls"
		fi
	done
done

# ---- other people's options ----

host conf-earlier
text_of file "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/kvm.conf"
run kvmtune ept off
is "$status" 0 'a file that is read before ours is no obstacle'
param nested
is "$value" N 'its nested=0 stays in force'
text_of now "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/kvm.conf"
is "$now" "$file" 'and is not touched'
run kvmtune ept on
is "$status" 0 'ept on, where another file says ept=1'
own_file
is "$lines" '' 'needs no file of ours'

host own-file-more
run kvmtune ept on
is "$status" 0 'ept on, with somebody else'"'"'s line in our file'
own_file
is "$lines" 'options kvm_intel nested=0' 'that line stays'
param nested
is "$value" N 'and in force'

host nested-edited
run kvmtune ept off
is "$status" 0 'an option that was edited since the load'
like "${out//$'\n'     /}" \
	'also: the reload also applies kvm_intel nested=0 of /etc/modprobe.d/kvm.conf:2; nested is Y now' \
	'is named with file and line'
param nested
is "$value" N 'and comes into force'

host el8
run kvmtune ept off
is "$status$err" 0 'RHEL 8: 0 and N mean the same'
param nested
is "$value" 0 'RHEL 8: nested stays 0'

# ---- the device ----

for name in intel-ept-on no-udev udev-late el8; do
	host "$name"
	device=$(stat -c '%a %u:%g' "$KVMTUNE_FAKE_HOST/root/dev/kvm")
	run kvmtune ept off
	is "$status $(stat -c '%a %u:%g' "$KVMTUNE_FAKE_HOST/root/dev/kvm")" "0 $device" \
		"$name: /dev/kvm has its owner and mode again"
done

# ---- what cannot be foreseen is rolled back ----

# rolled_back NAME REGEX: after `ept off` on a fresh host
rolled_back()
{
	read_tree before
	run kvmtune ept off
	status_is 1 "$1"
	like "$err" "$2.*; the host is as it was before" "$1: says why"
	read_tree tree
	is "$(differences "$before" "$tree")" '' "$1: the host is as it was"
	run kvmtune undo --list
	like "$out" 'ept off +failed, rolled back' "$1: is remembered as failed"
	run kvmtune ept on
	status_is 0 "$1: and the next command may go on"
}

host bad-option
rolled_back 'a bad value of another option' 'vpid=maybe of /etc/modprobe.d/kvm.conf:1'
host guest-needs-ept
rolled_back 'a test guest that does not run' 'the test guest'
host hand-loaded-nested
rolled_back 'an option that was given by hand' 'nested is Y, not N'
host intel-ept-on
printf 'options kvm_intel ept=1\n' >"$KVMTUNE_FAKE_HOST/fake/intruder"
read_tree before
call_number replace ept off
KVMTUNE_FAKE_INTRUDER=$n run kvmtune ept off
status_is 1 'somebody else writes an option meanwhile'
like "$err" 'did not take effect.*the host is as it was' 'it is noticed before the module is touched'
own_file
is "$lines" '' 'our file is gone again'
read_loads loads
is "$loads" '' 'the module was not touched'

host intel-ept-on
printf 'options kvm_intel ept=1\n' >"$KVMTUNE_FAKE_HOST/fake/intruder"
call_number unload ept off
KVMTUNE_FAKE_INTRUDER=$n run kvmtune ept off
status_is 6 'somebody else writes an option while the module is away'
like "$err" 'could not be verified: .*zzz-intruder.conf' 'it is noticed, and the file is named'
unlike "$err" 'as it was before' 'nothing is said that is not so'

# ---- a holder between the check and the removal ----

host intel-ept-on
KVMTUNE_FAKE_BUSY=3 run kvmtune ept off
is "$status$err" 0 'a holder of milliseconds is waited for'
host intel-ept-on
read_tree before
KVMTUNE_FAKE_BUSY=99 run kvmtune ept off
status_is 3 'a holder that stays is a refusal'
like "$err" 'refused: KVM came into use.*the host is as it was before' 'it says so'
read_tree tree
is "$(differences "$before" "$tree")" '' 'the host is as it was'
run kvmtune ept off --json
json_id
is "$status $id" '0 none' 'afterwards it can be done'

done_testing
