#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every refusal: its id, its exit status, its cause and way out; and nothing at all is changed.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# on HOST STATUS ID REGEX COMMAND...
on()
{
	host "$1"
	shift
	refused "$@"
}

on no-vtx 4 no-virt 'not possible: this processor has no VT-x.*a guest itself' ept off
on amd 4 no-virt 'no VT-x \(AuthenticAMD\).*kvmtune npt' ept off
on vtx-disabled 4 virt-disabled 'disabled in firmware.*BIOS' ept off
on vtx-disabled 4 virt-disabled 'disabled in firmware' ept on
on vmx-no-ept 4 no-paging 'no EPT that KVM can use' ept on
on builtin 4 built-in 'built into this kernel.*kvm_intel.ept=0 to the kernel command line' ept off
on no-module 4 no-module 'module kvm_intel is not installed for the running kernel 6.1.0-25.*boot' ept off
on cmdline 3 cmdline-wins 'kvm_intel.ept=1 on the kernel command line.*Remove it' ept off
on conf-conflict 3 file-wins 'ept=1 in /etc/modprobe.d/zzz-site.conf:2 takes precedence.*Remove' ept off
on conf-conflict 3 file-wins '/etc/modprobe.d/zzz-site.conf:2' ept off --defer
on conf-conflict-off 3 file-wins 'ept=0 in /etc/modprobe.d/zzz-site.conf:3 takes precedence' ept on
on install-line 3 install-line '/etc/modprobe.d/kvm-local.conf:1 makes modprobe run a command.*Remove' ept off
on nixos 4 generated-config 'NixOS.*boot.extraModprobeConfig' ept off
on nixos 4 generated-config 'NixOS' ept off --defer
on read-only-etc 4 read-only-config 'cannot be written: Read-only' ept off
on not-root 4 not-root 'this needs root.*sudo' ept off
on not-root 4 not-root 'this needs root' ept off --defer
on in-use 3 in-use 'in use by 3 processes.*web-01.*pmdakvm.*holds /dev/kvm.*--wait.*--defer' ept off
on in-use-hidden 3 in-use 'in use, but no holder is visible.*--wait' ept off
on holder-module 3 in-use 'kvm_intel is held by the module kvmgt' ept off
on vboxdrv-in-use 3 other-hypervisor 'vboxdrv is in use.*Stop its virtual machines' ept off
on modules-disabled 4 modules-disabled 'kernel.modules_disabled=1.*--defer' ept off
for name in modules-removed module-replaced module-unsigned; do
	on "$name" 4 not-reloadable 'kvm_intel could not be loaded again: .*nothing was changed.*--defer' ept off
	refused 4 not-reloadable 'could not be loaded again' ept off --dry-run
	refused 4 not-reloadable 'could not be loaded again' apply ept=off --wait
	run kvmtune ept on
	status_is 0 "not-reloadable: $name: already off is no refusal"
	run kvmtune status
	like "$out" 'not reloadable: kvm_intel could not be loaded again: ' "not-reloadable: $name: status says so"
	run kvmtune ept off --defer
	status_is 5 "not-reloadable: $name: --defer saves it"
	run kvmtune undo
	status_is 0 "not-reloadable: $name: and that can be undone"
done
host intel-ept-on
run kvmtune ept off
put_in_the_way()
{
	host_dir=$KVMTUNE_FAKE_HOST
	about reload 'it is gone'
	rm "$KVMTUNE_FAKE_HOST/fake/log"
}
put_in_the_way
refused 4 not-reloadable 'could not be loaded again: it is gone.*kvmtune undo --defer' undo
on parameter-unreadable 4 unknown-state 'its parameter ept cannot be read' ept off

# A plan that nobody may carry out is no secret: an ordinary user may ask for it.
host not-root
run kvmtune ept off --dry-run
status_is 4 'a dry run without root tells what a run without root would give'

# Whether root could write there is for root to find out.
host read-only-etc
host_dir=$KVMTUNE_FAKE_HOST
about root no
refused 4 not-root 'this needs root' ept off

# The module is on its way: whoever loads it did not see our file. That is for moments: not waited for.
for words in 'ept off' 'ept on' 'ept off --defer' 'apply ept=off' 'ept off --wait'; do
	read -ra command <<<"$words"
	on module-coming 3 module-busy 'loading or removing kvm_intel right now.*Try again' "${command[@]}"
	ok "module-busy: $words: at once" [ ! -e "$KVMTUNE_FAKE_HOST/fake/slept" ]
done
run kvmtune audit ept=on
status_is 1 'audit: what the host is cannot be told while the module is being loaded'
like "$out" 'ept=on +unknown +unknown' 'audit: and says so'
run kvmtune audit ept=on --json
like "$out" '"state": ?"unknown",.*"now": ?null' 'audit: in JSON'

# A kernel that cannot remove modules: known only when it is tried.
host intel-ept-on
read_tree before
call_number unload ept off
KVMTUNE_FAKE_FAIL=$n KVMTUNE_FAKE_ERRNO=ENOSYS run kvmtune ept off --json
json_id
is "$status $id" '4 no-unload' 'no-unload: ept off'
read_tree tree
is "$(differences "$before" "$tree")" '' 'no-unload: the host is as it was'

# An interrupted change is rolled back before another is made; where that is refused, so is the other.
host intel-ept-on
call_number load ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
rm "$KVMTUNE_FAKE_HOST/fake/log"
printf 'root no\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
refused 4 not-root 'this needs root' ept on
run kvmtune ept off --defer
like "$status $out" '^4 .*interrupted: kvmtune ept off; it has to be rolled back first' \
	'interrupted: it is said'

# The lock: see t0500-wait.t. An undo is refused for the same reasons as a change.
host intel-ept-on
run kvmtune ept off
rm "$KVMTUNE_FAKE_HOST/fake/log"
put_busy()
{
	host_dir=$KVMTUNE_FAKE_HOST
	in_use 4
	guest 41922 web-01 8
}
put_busy
refused 3 in-use 'in use by 1 process;' undo
run kvmtune undo
like "$err" 'kvmtune undo --wait .*kvmtune undo --defer' 'in-use: undo: the way out is an undo'
unlike "$err" 'kvmtune ept' 'in-use: undo: and no other command'
host_dir=$KVMTUNE_FAKE_HOST in_use 0
about root no
refused 4 not-root 'this needs root' undo

done_testing
