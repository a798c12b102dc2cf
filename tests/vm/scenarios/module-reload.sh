# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The machine itself, without kvmtune: kvm_intel loads, unloads, takes its options and says that it is busy
# as on a real host, and a snapshot shows what changed and nothing else.
# needs: vmx (or svm)

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# What ept=1 gives on this processor
if vmx_has ept || cpu_has npt; then with_ept=Y; else with_ept=N; fi

reload()
{
	run rmmod "$module"
	is "it unloads" "$status" 0
	run modprobe "$module"
	is "it loads" "$status" 0
}

scenario "EPT goes off by an options file and comes back without it"
is "on by default" "$(parameter "$module" "$setting")" $with_ept
echo "options $module $setting=0" >/etc/modprobe.d/zz-test.conf
reload
is "off" "$(parameter "$module" "$setting")" N
ok "a guest runs" kvmhold guest 0
rm /etc/modprobe.d/zz-test.conf
reload
is "on again" "$(parameter "$module" "$setting")" $with_ept
ok "a guest runs" kvmhold guest 0

scenario "a module in use does not unload"
for kind in dev vm vcpu guest; do
	hold $kind
	snapshot /tmp/before
	run rmmod -v "$module"
	is "rmmod fails while $kind is held" "$status" 1
	run strace -f -e trace=delete_module modprobe -r "$module"
	like "the kernel says EAGAIN" "$stderr" 'delete_module.*EAGAIN|is in use'
	snapshot /tmp/after
	ok "nothing changed" same_load /tmp/before /tmp/after
	release
done
hold --argv0 qemu-system-x86_64 --vcpus 4 guest -- -name guest=web-01 -smp 4
is "a holder can look like QEMU" "$(tr '\0' ' ' <"/proc/$held/cmdline")" "qemu-system-x86_64 -name guest=web-01 -smp 4 "
release
ok "it unloads when nobody holds it" rmmod "$module"

scenario "a holder that leaves by itself frees the module"
hold guest 2
start sh -c "until rmmod $module 2>/dev/null; do sleep 0.2; done; echo gone"
not "at first it is there" test ! -e "/sys/module/$module"
finish
is "then it is not" "$stdout" gone

scenario "a reload with the same options changes the load identity only"
snapshot /tmp/before
reload
snapshot /tmp/after
ok "the state is the same" same_state /tmp/before /tmp/after
not "the load is another one" same_load /tmp/before /tmp/after
is "kvm was not loaded anew" "$(grep '/kvm ' /tmp/after.load)" "$(grep '/kvm ' /tmp/before.load)"

scenario "memory pressure and use do not change the load identity"
snapshot /tmp/before
ok "a guest runs" kvmhold guest 0
echo 2 >/proc/sys/vm/drop_caches
find /sys/module >/dev/null
snapshot /tmp/after
ok "the load is the same" same_load /tmp/before /tmp/after

scenario "a snapshot shows each kind of change"
snapshot /tmp/before
echo 1000 >/sys/module/kvm/parameters/halt_poll_ns
snapshot /tmp/after
not "a parameter" same_state /tmp/before /tmp/after
reset_host
ln -s /dev/null /etc/modprobe.d/left
snapshot /tmp/after
not "a file left" same_state /tmp/before /tmp/after
rm /etc/modprobe.d/left
mkdir -p /usr/local/lib/modprobe.d
snapshot /tmp/after
not "a directory" same_state /tmp/before /tmp/after
reset_host
chmod 600 /dev/kvm
snapshot /tmp/after
not "the device's mode" same_state /tmp/before /tmp/after
chmod 660 /dev/kvm
snapshot /tmp/after
ok "and nothing else" same_load /tmp/before /tmp/after
