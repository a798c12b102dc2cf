# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --wait and --defer.
# needs: vmx kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "--wait goes on when the holder has left"
hold guest
kvmtune ept off --wait >/tmp/out 2>/tmp/err &
waiting=$!
sleep 2
ok "it waits" kill -0 $waiting
is "nothing is changed meanwhile" "$(parameter kvm_intel ept)" Y
release
wait $waiting
is "exit status" "$?" 0
is "off" "$(parameter kvm_intel ept)" N
is "quiet where there is no terminal" "$(cat /tmp/err)" ""

scenario "--wait=TIME gives up"
hold dev
snapshot /tmp/before
run kvmtune ept off --wait=2s
is "exit status" "$status" 3
like "the reason" "$stderr" "KVM is in use by 1 process"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "--defer saves for the next load, under a running guest"
hold guest
run kvmtune ept off --defer
is "exit status" "$status" 5
is "on now" "$(parameter kvm_intel ept)" Y
run kvmtune status
like "now and next apart" "$stdout" "^ept +now on; next load off +/etc/modprobe.d/zz-kvmtune.conf:2"
run kvmtune audit ept=off
is "audit: not yet so" "$status" 7
release
rmmod kvm_intel
modprobe kvm_intel
is "off after the next load" "$(parameter kvm_intel ept)" N
run kvmtune audit ept=off
is "audit: so" "$status" 0

scenario "undo of --defer takes the file back and touches no module"
hold guest
snapshot /tmp/before
run kvmtune ept off --defer
run kvmtune undo
is "exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host_load /tmp/before /tmp/after

scenario "a deferred change is finished by the same command without --defer"
run kvmtune ept off --defer
run kvmtune ept off
is "exit status" "$status" 0
is "off" "$(parameter kvm_intel ept)" N
