#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The holders of KVM.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

host in-use
run kvmtune guests
is "$status$err" 0 'guests works'
golden guests-in-use.txt 'guests, and who only holds /dev/kvm'

host intel-ept-on
run kvmtune guests
golden guests-nobody.txt 'nobody'

# Who is not counted is not looked for: the list may be long, and old.
host_dir=$KVMTUNE_FAKE_HOST
guest 1234 ghost 1
run kvmtune guests
golden guests-nobody.txt 'nobody, as the count says'

host in-use-hidden
run kvmtune guests
is "$status" 0 'guests works where nobody can be seen'
golden guests-hidden.txt 'in use by nobody who can be seen is said so'

# flat_json COMMAND...: a document without its blanks, in $out
flat_json()
{
	run kvmtune "$@" --json
	out=${out//[$' \n']/}
}

# No module counts: what /proc shows is said, and no more.
host builtin
COLUMNS=132 run kvmtune guests
like "$status$out" '^0No process holds KVM. \(No module counts its use here: all processes were checked.\)$' \
	'built in: no process holds it'
flat_json guests
like "$out" '"in_use":\{"value":false,"source":\["/proc"\]' 'built in: false, by /proc'
like "$out" '"kvm_module":\{"value":"kvm_intel"' 'built in: the module is named'
run kvmtune status
like "$out" 'kvm_intel +built into the kernel, not in use' 'built in: status says so'
host_dir=$KVMTUNE_FAKE_HOST
guest 1234 web-01 2
run kvmtune guests
like "$out" '1234 +qemu +web-01 +2' 'built in: a guest is found'
flat_json guests
like "$out" '"in_use":\{"value":true,"source":\["/proc"\]' 'built in: true, by /proc'
run kvmtune status
like "$out" 'kvm_intel +built into the kernel, held by 1 process' 'built in: status counts them'

# unknown NAME REGEX [LINE...]: KVM is built in, and what cannot be seen is named
unknown()
{
	host builtin
	host_dir=$KVMTUNE_FAKE_HOST
	"${@:3}"
	run kvmtune guests
	is "$status" 0 "$1: guests works"
	like "$out" "No process that holds KVM was found. Whether there is one is unknown.*not seen: $2" \
		"$1: it is said"
	[[ $out != *Nobody* ]] || fail "$1: nobody knows that"
	flat_json guests
	like "$out" '"in_use":\{"value":null,"source":\[\]' "$1: null"
	run kvmtune status
	like "$out" 'built into the kernel, in use: unknown' "$1: status"
}

unknown 'not root' 'the processes of other users \(needs root\)' about root no
unknown 'some are hidden' 'the descriptors of 1 process' hidden 1
unknown 'an inner PID namespace' 'processes outside of this PID namespace' about inner_pid_space yes
silent_one()
{
	printf 'silent 668\n' >>"$host_dir/fake/users"
}
unknown 'one does not answer' 'the holders of KVM: PID 668 does not answer' silent_one

# KVM of another module.
host pvm
run kvmtune guests
like "$out" '812 +root +- +2 +cloud-hypervisor' 'another module: its guests are listed'
flat_json guests
like "$out" '"kvm_module":\{"value":"kvm_pvm","source":\["/sys/module/kvm/holders"' \
	'another module: it is named'
like "$out" '"in_use":\{"value":true,"source":\["/sys/module/kvm_pvm/refcnt"' \
	'another module: its own count'
host_dir=$KVMTUNE_FAKE_HOST
put /sys/module/kvm_pvm/refcnt 0
run kvmtune guests
golden guests-nobody.txt 'another module: nobody, says its count'
# i915 and VFIO use kvm, too.
folder /sys/module/kvm/holders/kvmgt
folder /sys/module/kvm/holders/vfio
run kvmtune status
like "$out" 'kvm_pvm +makes /dev/kvm, not in use +/sys/module/kvm/holders' 'users of kvm do not make the device'
folder /sys/module/kvm/holders/kvm_else
flat_json guests
like "$out" '"kvm_module":\{"value":null' 'two that may make it: unknown'
like "$out" '"in_use":\{"value":true,"source":\["/proc"\]' 'two that may make it: a holder is seen'
host pvm
run kvmtune ept off
is "$status$err" 0 'another module: saved for the next load'
like "$out" 'The module is not loaded' 'another module: it is said'
like "$out" 'kvm_pvm makes /dev/kvm now' 'another module: and what that means'
run kvmtune undo
is "$status$err" 0 'another module: undone'
host pvm-no-vtx
run kvmtune status
like "$out" 'kvm_pvm +makes /dev/kvm, not in use +/sys/module' 'another module, built in'
run kvmtune ept off
is "$status" 4 'another module, no VT-x: not possible, as ever'

# No KVM at all.
host not-loaded
run kvmtune guests
is "$out" 'This kernel has no /dev/kvm: no process can hold KVM.' 'not loaded'
flat_json guests
like "$out" '"in_use":\{"value":false,"source":\["/sys/module"\]' 'not loaded: false'
host builtin
host_dir=$KVMTUNE_FAKE_HOST
folder /sys/class/misc/fuse
flat_json guests
like "$out" '"in_use":\{"value":false,"source":\["/sys/class/misc"\]' \
	'built in, but the kernel made no device'

mkdir "$tmp/image"
refused 4 no-processes 'an image has no processes' guests --root "$tmp/image"

host not-root-in-use
run kvmtune guests
golden guests-not-root.txt 'an ordinary user is told what he cannot see'

# Programs of all kinds.
host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
in_use 9
user 101 0 root firecracker 1 1 2 /system.slice/fc.service /usr/bin/firecracker --id vm7
user 102 0 root crosvm 1 1 0 /user.slice crosvm run --name dev --cpus 3
user 103 0 root cloud-hyperviso 1 1 0 / cloud-hypervisor --cpus boot=2
user 104 5 games qemu-kvm 0 1 1 /machine.slice/x.scope /usr/libexec/qemu-kvm -name guest=a,,b,c=d
user 105 5 games probe 1 0 0 ''
run kvmtune guests
golden guests-programs.txt 'programs of all kinds'

# Whoever keeps his processes from being read is named by number, and changes nothing else.
host in-use
host_dir=$KVMTUNE_FAKE_HOST
user 666 1000 mallory sleep 1 0 0 /user.slice
user 667 1000 mallory sleep 1 0 0 /user.slice
printf '%s\n' 'silent 666' 'unasked 667' 'silent 668' >>"$host_dir/fake/users"
run kvmtune guests
is "$status$err" 0 'guests works with processes that do not answer'
golden guests-silent.txt 'and names them'
run kvmtune status
is "$status$err" 0 'status works, too'
like "$out" 'not seen: the holders of KVM: PID 666, 668 do not answer' 'and says so'
run kvmtune ept off --dry-run
is "$status" 3 'a dry run is refused as ever'
like "$err" '666 +mallory .*does not answer' 'with them in the list'
run kvmtune guests --json
is "$status" 0 'guests --json'
printf '%s' "$out" >"$tmp/silent.json"
is "$(python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
print([u["answers"] for u in d["users"] if u["user"] == "mallory"], d["unanswering_processes"])
' "$tmp/silent.json")" '[False, None] [666, 668]' 'JSON has them'

# One whose command line takes the lock of its memory, which has merged pages.
host ksm-tuned
for file in ksm_stat cmdline; do
	printf 'unreadable ETIMEDOUT /proc/41922/%s\n' "$file" >>"$KVMTUNE_FAKE_HOST/fake/host"
done
run kvmtune ksm
is "$status$err" 0 'ksm works'
like "$out" ' 41922 +- .*does not answer' 'and names it'
like "$out" ' 41987 +db-01 ' 'the other is as ever'
like "$out" 'not seen: processes with merged pages: PID 41922 does not answer' 'and says so'
run kvmtune ksm --json
is "$(printf %s "$out" | python3 -c '
import json, sys
print({u["pid"]: u["answers"] for u in json.load(sys.stdin)["ksm"]["users"]})
')" '{41922: False, 41987: True}' 'JSON has it'
run kvmtune ksm on --dry-run
is "$status" 0 'and a change goes on'

done_testing
