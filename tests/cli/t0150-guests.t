#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who uses KVM.

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
like "$out" 'not seen: what runs with KVM: PID 666, 668 do not answer' 'and says so'
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
like "$out" 'not seen: what has merged pages: PID 41922 does not answer' 'and says so'
run kvmtune ksm --json
is "$(printf %s "$out" | python3 -c '
import json, sys
print({u["pid"]: u["answers"] for u in json.load(sys.stdin)["ksm"]["users"]})
')" '{41922: False, 41987: True}' 'JSON has it'
run kvmtune ksm on --dry-run
is "$status" 0 'and a change goes on'

done_testing
