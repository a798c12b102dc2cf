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

scenario "while one waits for KVM, other changes are made"
hold guest
kvmtune "$setting" off --wait=10m >/tmp/out 2>/tmp/err &
waiting=$!
sleep 2
ok "it waits" kill -0 $waiting
run kvmtune ksm off
is "ksm off: exit status" "$status" 0
run kvmtune "$setting" off --defer
is "saved meanwhile: exit status" "$status" 5
run kvmtune undo
is "and undone: exit status" "$status" 0
release
wait $waiting
is "it goes on: exit status" "$?" 0
is "off" "$(parameter "$module" "$setting")" N
like "by a plan of its own" "$(cat /etc/modprobe.d/zz-kvmtune.conf)" "^options $module $setting=0"

scenario "two wait: one after the other"
hold guest
kvmtune "$setting" off --wait >/tmp/first 2>&1 &
first=$!
kvmtune "$setting" off --wait=1h >/tmp/second 2>&1 &
second=$!
sleep 2
ok "the first waits" kill -0 $first
ok "the second waits" kill -0 $second
release
wait $first
is "the first: exit status" "$?" 0
wait $second
is "the second: exit status" "$?" 0
like "one of them found it done" "$(cat /tmp/first /tmp/second)" "$setting: off already"
run kvmtune undo
is "undo: exit status" "$status" 0
is "one undo leads back" "$(parameter "$module" "$setting")" Y

scenario "what is planned before the wait is not done after it"
hold guest
kvmtune "$setting" off --wait >/tmp/out 2>/tmp/err &
waiting=$!
sleep 2
echo "options $module $setting=1" >/etc/modprobe.d/zzz.conf
release
wait $waiting
is "refused now" "$?" 3
like "by the file that came meanwhile" "$(cat /tmp/err)" "zzz.conf"
is "on" "$(parameter "$module" "$setting")" Y

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
like "now and next apart" "$stdout" "^$setting +on; off at the next load +/etc/modprobe.d/zz-kvmtune.conf:2"
run kvmtune audit "$setting=off"
is "audit: saved" "$status" 5
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
