# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --wait and --defer.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "--wait goes on when the holder has left"
hold guest
kvmtune "$setting" off --wait >/tmp/out 2>/tmp/err &
waiting=$!
sleep 2
ok "it waits" kill -0 $waiting
is "nothing is changed meanwhile" "$(parameter "$module" "$setting")" Y
release
wait $waiting
is "exit status" "$?" 0
is "off" "$(parameter "$module" "$setting")" N
is "quiet where there is no terminal" "$(cat /tmp/err)" ""

scenario "--wait=TIME gives up"
hold dev
snapshot /tmp/before
run kvmtune "$setting" off --wait=2s
is "exit status" "$status" 3
like "the reason" "$stderr" "KVM is in use by 1 process"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "--defer saves for the next load, under a running guest"
hold guest
run kvmtune "$setting" off --defer
is "exit status" "$status" 5
is "on now" "$(parameter "$module" "$setting")" Y
run kvmtune status
like "now and next apart" "$stdout" "^$setting +now on; next load off +/etc/modprobe.d/zz-kvmtune.conf:2"
run kvmtune audit "$setting=off"
is "audit: not yet so" "$status" 7
release
rmmod "$module"
modprobe "$module"
is "off after the next load" "$(parameter "$module" "$setting")" N
run kvmtune audit "$setting=off"
is "audit: so" "$status" 0

scenario "undo of --defer takes the file back and touches no module"
hold guest
snapshot /tmp/before
run kvmtune "$setting" off --defer
run kvmtune undo
is "exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host_load /tmp/before /tmp/after

scenario "a deferred change is finished by the same command without --defer"
run kvmtune "$setting" off --defer
run kvmtune "$setting" off
is "exit status" "$status" 0
is "off" "$(parameter "$module" "$setting")" N
