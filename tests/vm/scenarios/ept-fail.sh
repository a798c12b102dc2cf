# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A failure half-way is rolled back: the host never ends without the KVM it had.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# failed STATUS PATTERN COMMAND...: it fails and the host is as before, though loaded anew
failed()
{
	wanted=$1 pattern=$2
	shift 2
	snapshot /tmp/before
	run "$@"
	is "exit status" "$status" "$wanted"
	like "the reason" "$stderr" "$pattern"
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
	ok "a guest runs" kvmhold guest 0
}

scenario "a bad value in another file, put there since the load"
case $setting in
ept) other=vpid ;;
npt) other=intercept_smi ;;
esac
printf 'options %s %s=1\noptions %s %s\n' "$module" "$other" "$module" "$bad" >/etc/modprobe.d/kvm.conf
run kvmtune "$setting" off --dry-run
like "the plan shows the option" "$stdout" "also: .*applies $module $bad of /etc/modprobe.d/kvm.conf:2"
failed 1 "$bad of /etc/modprobe.d/kvm.conf:2.*the host is as it was" kvmtune "$setting" off

scenario "a value that was given by hand and is in no file"
rmmod "$module"
modprobe "$module" nested=0
failed 1 "nested is $yes, not $no" kvmtune "$setting" off
is "the value is there again" "$(parameter "$module" nested)" $no

scenario "ept=0 given by hand, and a failure on the way to on"
rmmod "$module"
modprobe "$module" "$setting=0"
echo "options $module $bad" >/etc/modprobe.d/kvm.conf
failed 1 "$bad" kvmtune apply "$setting=on"
is "off as before" "$(parameter "$module" "$setting")" N

scenario "SIGTERM while the module is away"
failed 1 "stopped by a signal" strace -f -qq -o /dev/null -e trace=finit_module \
	-e inject=finit_module:signal=TERM:when=2 kvmtune "$setting" off

scenario "no memory for the insertion, once"
failed 1 "Cannot allocate memory" strace -f -qq -o /dev/null -e trace=finit_module \
	-e inject=finit_module:error=ENOMEM:when=2 kvmtune "$setting" off

scenario "without libkmod: status tells all, a change ends before the module is touched"
mkdir -p /tmp/broken
: >/tmp/broken/libkmod.so.2
snapshot /tmp/before
run env LD_LIBRARY_PATH=/tmp/broken kvmtune status
is "status: exit status" "$status" 0
like "status: the module" "$stdout" "$module +loaded, not in use"
unlike "status: all was seen" "$stdout" "whether this kernel has"
run env LD_LIBRARY_PATH=/tmp/broken kvmtune "$setting" off
is "off: exit status" "$status" 1
like "off: the reason" "$stderr" "libkmod.so.2 cannot be loaded; the host is as it was before"
like "off: the way out" "$stderr" "Install the package"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "a full disk under modprobe.d"
failed 1 "No space left" strace -f -qq -o /dev/null -e trace=renameat \
	-e inject=renameat:error=ENOSPC:when=1 kvmtune "$setting" off

scenario "the test guest cannot be made"
failed 1 "KVM_CREATE_VM|test guest" strace -f -qq -o /dev/null -e trace=ioctl \
	-e inject=ioctl:error=EIO:when=2 kvmtune "$setting" off

scenario "killed while the module is away: status says so, undo leads back"
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:signal=KILL:when=2 \
	kvmtune "$setting" off
rmmod "$module" 2>/dev/null # the signal may come after the insertion
run kvmtune status
like "status says it first" "$stdout" "interrupted: kvmtune $setting off did not end"
run kvmtune audit "$setting=on"
is "audit says so, too" "$status" 6
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
ok "a guest runs" kvmhold guest 0
run kvmtune status
unlike "nothing is left to do" "$stdout" "did not end"

scenario "the rollback fails too: the message has both causes, undo continues"
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:error=EIO:when=2+ \
	kvmtune "$setting" off
is "exit status" "$status" 6
like "says so" "$stderr" "KVM is not loaded"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "hand-given values and a mode of its own come back after a kill, too"
rmmod "$module"
modprobe "$module" nested=0
chmod 666 /dev/kvm
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:signal=KILL:when=2 \
	kvmtune "$setting" off
run kvmtune undo
is "undo: exit status" "$status" 0
is "nested" "$(parameter "$module" nested)" $no
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
