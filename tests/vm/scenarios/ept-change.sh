# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ept off, ept on, undo, audit: what they change, and what they leave as it was.
# needs: vmx kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

own=/etc/modprobe.d/zz-kvmtune.conf

scenario "ept off, then ept on"
snapshot /tmp/before
run kvmtune ept off
is "off: exit status" "$status" 0
is "off now" "$(parameter kvm_intel ept)" N
is "our file" "$(grep -v '^#' $own)" "options kvm_intel ept=0"
like "the way back is shown" "$stdout" 'kvmtune undo'
ok "a guest runs" kvmhold guest 0
run kvmtune status
like "status: off, decided by our file" "$stdout" "^ept +off, now and at the next load +$own:2"
run kvmtune audit ept=off
is "audit of off" "$status" 0
run kvmtune audit ept=on
is "audit of on" "$status" 7
run kvmtune ept on
is "on: exit status" "$status" 0
is "on now" "$(parameter kvm_intel ept)" Y
not "our file is gone" test -e $own
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
ok "kvm was not loaded anew" same_kvm_load /tmp/before /tmp/after

scenario "already so: the module is not touched"
snapshot /tmp/before
run kvmtune ept on
is "exit status" "$status" 0
like "says so" "$stdout" "ept: on already"
snapshot /tmp/after
ok "nothing changed, nothing was loaded" same_host_load /tmp/before /tmp/after
run kvmtune ept off
snapshot /tmp/before
run kvmtune ept off
is "exit status of off" "$status" 0
snapshot /tmp/after
ok "again nothing" same_host_load /tmp/before /tmp/after

scenario "dry run: the plan, the status, and no change"
snapshot /tmp/before
run kvmtune ept off --dry-run
is "exit status" "$status" 0
like "the steps" "$stdout" '^ +3 +unload +kvm_intel'
if [ "$(parameter kvm_intel unrestricted_guest)" = Y ]; then
	like "what else goes off" "$stdout" 'turns off too: .*unrestricted_guest'
fi
like "says that nothing was changed" "$stdout" "^Nothing was changed"
like "advice" "$stdout" "^note: EPT off gained"
like "with its source" "$stdout" "CERN, August and September 2015"
run kvmtune -q ept off --dry-run
unlike "no advice with -q" "$stdout" "^note:"
snapshot /tmp/after
ok "nothing changed" same_load /tmp/before /tmp/after

scenario "options of others stay: nested=1 in another file, halt_poll_ns set at run time"
echo "options kvm_intel nested=1" >/etc/modprobe.d/kvm.conf
echo 123456 >/sys/module/kvm/parameters/halt_poll_ns
sum=$(sha256sum /etc/modprobe.d/kvm.conf)
run kvmtune ept off
is "exit status" "$status" 0
is "off" "$(parameter kvm_intel ept)" N
is "nested" "$(parameter kvm_intel nested)" Y
is "halt_poll_ns" "$(parameter kvm halt_poll_ns)" 123456
is "the other file" "$(sha256sum /etc/modprobe.d/kvm.conf)" "$sum"

scenario "an earlier file that says ept=1 is beaten"
echo "options kvm_intel ept=1" >/etc/modprobe.d/kvm.conf
run kvmtune ept off
is "exit status" "$status" 0
is "off" "$(parameter kvm_intel ept)" N
run kvmtune status
like "the other place is shown" "$stdout" 'options kvm_intel ept=1 \(overridden\) +/etc/modprobe.d/kvm.conf:1'

scenario "an option edited since the module was loaded is shown in the plan"
printf '# a comment\noptions kvm-intel nested=0\n' >/etc/modprobe.d/kvm.conf
run kvmtune ept off --dry-run
like "with file and line" "$stdout" 'also: .*applies kvm_intel nested=0 of /etc/modprobe.d/kvm.conf:2'
run kvmtune ept off
is "exit status" "$status" 0
is "nested changed as announced" "$(parameter kvm_intel nested)" N

scenario "a module that is not loaded stays so: saved for the next load"
rmmod kvm_intel
run kvmtune ept off
is "exit status" "$status" 5
not "not loaded uninvited" test -d /sys/module/kvm_intel
modprobe kvm_intel
is "off at the next load" "$(parameter kvm_intel ept)" N

scenario "undo takes back the last change, then the one before"
snapshot /tmp/before
run kvmtune ept off
snapshot /tmp/off
run kvmtune ept on
run kvmtune undo --list
like "the list" "$stdout" 'ept on +done +<- '
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
like "says so" "$stdout" "nothing to take back"

scenario "a device with a mode of its own gets it back"
chmod 666 /dev/kvm
chown root:daemon /dev/kvm
run kvmtune ept off
is "exit status" "$status" 0
is "owner and mode" "$(stat -c '%U:%G %a' /dev/kvm)" "root:daemon 666"

scenario "no trace but the journal is left"
run kvmtune ept off
run kvmtune ept on
is "files in modprobe.d" "$(find /etc/modprobe.d -name '*kvmtune*')" ""
is "state" "$(ls -A /var/lib/kvmtune)" journal
