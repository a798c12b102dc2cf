# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ept off, ept on, undo, audit: what they change, and what they leave as it was.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

own=/etc/modprobe.d/zz-kvmtune.conf

scenario "ept off, then ept on"
snapshot /tmp/before
run kvmtune "$setting" off
is "off: exit status" "$status" 0
is "off now" "$(parameter "$module" "$setting")" N
is "our file" "$(grep -v '^#' $own)" "options $module $setting=0"
like "the undo is shown" "$stdout" 'kvmtune undo'
ok "a guest runs" kvmhold guest 0
run kvmtune status
like "status: off, decided by our file" "$stdout" "^$setting +off, now and at the next load +$own:2"
run kvmtune audit "$setting=off"
is "audit of off" "$status" 0
run kvmtune audit "$setting=on"
is "audit of on" "$status" 7
run kvmtune "$setting" on
is "on: exit status" "$status" 0
is "on now" "$(parameter "$module" "$setting")" Y
not "our file is gone" test -e $own
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
ok "kvm was not loaded anew" same_kvm_load /tmp/before /tmp/after

scenario "already so: the module is not touched"
snapshot /tmp/before
run kvmtune "$setting" on
is "exit status" "$status" 0
like "says so" "$stdout" "$setting: on already"
snapshot /tmp/after
ok "nothing changed, nothing was loaded" same_host_load /tmp/before /tmp/after
run kvmtune "$setting" off
snapshot /tmp/before
run kvmtune "$setting" off
is "exit status of off" "$status" 0
snapshot /tmp/after
ok "again nothing" same_host_load /tmp/before /tmp/after

scenario "dry run: the plan, the status, and no change"
snapshot /tmp/before
run kvmtune "$setting" off --dry-run
is "exit status" "$status" 0
like "the steps" "$stdout" "^ +3 +unload +$module"
if [ "$(parameter "$module" unrestricted_guest 2>/dev/null)" = Y ]; then
	like "what else goes off" "$stdout" 'also turns off: .*unrestricted_guest'
fi
like "says that nothing was changed" "$stdout" "^Nothing was changed"
case $setting in
ept)
	like "advice" "$stdout" "^note: EPT off gained"
	like "with its source" "$stdout" "CERN, August and September 2015"
	;;
npt)
	like "advice" "$stdout" "^note: the known gains and losses .*were measured for EPT, not for NPT"
	unlike "no figures that are not NPT's" "$stdout" "CERN"
	;;
esac
run kvmtune -q "$setting" off --dry-run
unlike "no advice with -q" "$stdout" "^note:"
snapshot /tmp/after
ok "nothing changed" same_load /tmp/before /tmp/after

scenario "options of others stay: nested=1 in another file, halt_poll_ns set at run time"
echo "options $module nested=1" >/etc/modprobe.d/kvm.conf
echo 123456 >/sys/module/kvm/parameters/halt_poll_ns
sum=$(sha256sum /etc/modprobe.d/kvm.conf)
run kvmtune "$setting" off
is "exit status" "$status" 0
is "off" "$(parameter "$module" "$setting")" N
is "nested" "$(parameter "$module" nested)" $yes
is "halt_poll_ns" "$(parameter kvm halt_poll_ns)" 123456
is "the other file" "$(sha256sum /etc/modprobe.d/kvm.conf)" "$sum"

scenario "an earlier file that says $setting=1 is beaten"
echo "options $module $setting=1" >/etc/modprobe.d/kvm.conf
run kvmtune "$setting" off
is "exit status" "$status" 0
is "off" "$(parameter "$module" "$setting")" N
run kvmtune status
like "the other place is shown" "$stdout" "options $module $setting=1 \(overridden\) +/etc/modprobe.d/kvm.conf:1"

scenario "an option edited since the module was loaded is shown in the plan"
printf '# a comment\noptions %s nested=0\n' "$(echo "$module" | tr _ -)" >/etc/modprobe.d/kvm.conf
run kvmtune "$setting" off --dry-run
like "with file and line" "$stdout" "also: .*applies $module nested=0 of /etc/modprobe.d/kvm.conf:2"
run kvmtune "$setting" off
is "exit status" "$status" 0
is "nested changed as announced" "$(parameter "$module" nested)" $no

scenario "a module that is not loaded stays so: saved for the next load"
rmmod "$module"
run kvmtune "$setting" off
is "exit status" "$status" 0
like "says so" "$stdout" "this applies at its next load"
not "not loaded uninvited" test -d "/sys/module/$module"
modprobe "$module"
is "off at the next load" "$(parameter "$module" "$setting")" N

scenario "undo undoes the last change, then the one before"
snapshot /tmp/before
run kvmtune "$setting" off
snapshot /tmp/off
run kvmtune "$setting" on
run kvmtune undo --list
like "the list" "$stdout" "$setting on +done +next to undo"
run kvmtune undo
is "first undo: exit status" "$status" 0
snapshot /tmp/after
ok "off again" same_host /tmp/off /tmp/after
run kvmtune undo
is "second undo: exit status" "$status" 0
snapshot /tmp/after
ok "as at the beginning" same_host /tmp/before /tmp/after
run kvmtune undo
is "nothing left" "$status" 0
like "says so" "$stdout" "No change is left to undo"

scenario "a device with a mode of its own gets it back"
chmod 666 /dev/kvm
chown root:daemon /dev/kvm
run kvmtune "$setting" off
is "exit status" "$status" 0
is "owner and mode" "$(stat -c '%U:%G %a' /dev/kvm)" "root:daemon 666"

scenario "no trace but the journal and its lock is left"
run kvmtune "$setting" off
run kvmtune "$setting" on
is "files in modprobe.d" "$(find /etc/modprobe.d -name '*kvmtune*')" ""
is "state" "$(ls -A /var/lib/kvmtune)" "journal
lock"
