# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# EPT and KSM as one change: all of it, or nothing.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

off="disabled inactive, disabled inactive"

scenario "apply $setting=off ksm=off, and undo"
services enable --now
snapshot /tmp/before
run kvmtune apply "$setting=off" ksm=off
is "exit status" "$status" 0
is "the parameter" "$(parameter "$module" "$setting")" N
is "ksm" "$(units) $(ksm run)" "$off 0"
run kvmtune audit "$setting=off" ksm=off
is "audit agrees" "$status" 0
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "KVM is in use: nothing of KSM is done either"
services enable --now
hold guest
snapshot /tmp/before
run kvmtune apply "$setting=off" ksm=off
is "exit status" "$status" 3
like "why" "$stderr" "KVM is in use"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
run kvmtune ksm off
is "KSM alone can be changed under a guest" "$status" 0

# $1: what strace does to kvmtune
rolled_back()
{
	snapshot /tmp/before
	run strace -f -qq -o /dev/null "$@" kvmtune apply "$setting=off" ksm=off
	is "exit status" "$status" 1
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
	ok "a guest runs" kvmhold guest 0
}

scenario "the module cannot be loaded, the test guest fails: KSM and its services are back, too"
services enable --now
rolled_back -e trace=finit_module -e inject=finit_module:error=ENOMEM:when=2
rolled_back -e trace=ioctl -e inject=ioctl:error=EIO:when=2

scenario "killed half-way: undo leads back"
services enable --now
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:signal=KILL:when=2 \
	kvmtune apply "$setting=off" ksm=off
rmmod "$module" 2>/dev/null # the signal may come after the insertion
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
