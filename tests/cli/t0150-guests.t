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

done_testing
