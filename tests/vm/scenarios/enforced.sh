# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module is loaded, and then the kernel begins to take none without a signature: until the next boot,
# so this needs a machine of its own.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

refused()
{
	snapshot /tmp/before
	run kvmtune "$setting" off
	is "exit status" "$status" 4
	like "says why" "$stderr" "$module could not be loaded again: $1.*nothing was changed"
	run kvmtune "$setting" off --dry-run
	is "dry run: exit status" "$status" 4
	run kvmtune status
	like "status says why" "$stdout" "^not reloadable: $module could not be loaded again: $1"
	snapshot /tmp/after
	ok "nothing changed" same_host_load /tmp/before /tmp/after
	run kvmtune "$setting" off --defer
	is "saved: exit status" "$status" 5
	run kvmtune undo
	snapshot /tmp/after
	ok "undone" same_host_load /tmp/before /tmp/after
	ok "a guest runs" kvmhold guest 0
}

scenario "lockdown, raised at run time"
mount -t securityfs none /sys/kernel/security
echo integrity >/sys/kernel/security/lockdown
refused "modules cannot be loaded from here now: lockdown.*Operation not permitted"

scenario "signatures are enforced, from now on"
echo 1 >/sys/module/module/parameters/sig_enforce
refused "the kernel enforces module signatures.*Key was rejected"

scenario "no more modules until the next boot"
echo 1 >/proc/sys/kernel/modules_disabled
snapshot /tmp/before
run kvmtune "$setting" off
is "exit status" "$status" 4
like "says why" "$stderr" "kernel.modules_disabled=1"
run kvmtune status
like "status says why" "$stdout" "^not reloadable: $module could not be loaded again: .*Operation not permitted"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
