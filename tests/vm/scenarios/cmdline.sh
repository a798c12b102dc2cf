# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel command line says kvm_intel.ept=1: nothing in modprobe.d can win over that.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "the kernel command line wins"
snapshot /tmp/before
run kvmtune "$setting" off
is "exit status" "$status" 3
like "names it" "$stderr" "$module.$setting=1 on the kernel command line takes precedence"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
run kvmtune "$setting" off --defer
is "saving is refused too: it would never take effect" "$status" 3
run kvmtune status
like "status names it" "$stdout" "^$setting +on, now and at the next load +kernel command line"
run kvmtune "$setting" on
is "already as the command line sets it" "$status" 0

scenario "loading modules is switched off until the next boot"
echo 1 >/proc/sys/kernel/modules_disabled
run kvmtune status
is "status" "$status" 0
run kvmtune "$setting" off
is "the command line is named first" "$status" 3
# No module can be loaded any more: the next scenario needs one.
trap - EXIT
lib_end_scenario
exit 0
