# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# /dev/kvm comes back with owner, mode and ACL; where it would not, or could not be seen to, nothing is done.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

lib_more_state() { echo "acl $(acl /dev/kvm)"; }

there_and_back()
{
	snapshot /tmp/before
	run "$@" kvmtune "$setting" off
	is "off: exit status" "$status" 0
	is "off" "$(parameter "$module" "$setting")" N
	is "off: the node" "$(stat -c '%F %u:%g %a' /dev/kvm) $(acl /dev/kvm)" "$node"
	run "$@" kvmtune undo
	is "undo: exit status" "$status" 0
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
}

# refused_in SCRIPT: where that was done in a mount namespace of its own
refused_in()
{
	snapshot /tmp/before
	run unshare -m sh -c "$1; kvmtune $setting off"
	is "exit status" "$status" 4
	like "says why" "$stderr" "/dev/kvm of the host is not visible from here .$2 hides the kernel's devtmpfs.*nothing was changed"
	run unshare -m sh -c "$1; kvmtune $setting off --dry-run --json"
	is "dry run: exit status" "$status" 4
	like "dry run: id" "$stdout" '"id": ?"device-hidden"'
	run unshare -m sh -c "$1; kvmtune status"
	like "status says so" "$stdout" "^not reloadable: /dev/kvm of the host is not visible from here .$2 hides the kernel's devtmpfs"
	snapshot /tmp/after
	ok "nothing changed" same_host_load /tmp/before /tmp/after
	run unshare -m sh -c "$1; kvmtune $setting off --defer"
	is "saved: exit status" "$status" 5
}

scenario "an ACL comes back"
acl /dev/kvm 1000
node="$(stat -c '%F %u:%g %a' /dev/kvm) $(acl /dev/kvm)"
like "there is one" "$node" "0200060[0-9a-f]*e8030000"
there_and_back
like "kvmtune says so" "$stdout" "udev did not set the access list .ACL. of /dev/kvm"

scenario "an ACL comes back with another owner and mode"
chown 65534:12 /dev/kvm
acl /dev/kvm 1000
chmod 640 /dev/kvm
node="$(stat -c '%F %u:%g %a' /dev/kvm) $(acl /dev/kvm)"
there_and_back

scenario "an ACL comes back when the change fails"
acl /dev/kvm 1000
echo "options $module $bad" >/etc/modprobe.d/site.conf
snapshot /tmp/before
run kvmtune "$setting" off
is "exit status" "$status" 1
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "an ACL comes back by undo after kvmtune was killed while the module was away"
acl /dev/kvm 1000
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:signal=KILL:when=2 kvmtune "$setting" off
is "killed" "$status" 137
rmmod "$module" 2>/dev/null # the signal may come after the insertion
not "the module is away" test -d "/sys/module/$module"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "a node that somebody removed comes back"
rm /dev/kvm
run kvmtune "$setting" off
is "exit status" "$status" 0
ok "it is there" test -c /dev/kvm
ok "a guest runs" kvmhold guest 0

scenario "a /dev of its own"
refused_in "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; mknod -m 660 /dev/kvm c 10 232" tmpfs

scenario "a /dev of its own without the node"
refused_in "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3" tmpfs

scenario "a bind mount over the node"
refused_in "mount --bind /dev/kvm /dev/kvm" "a bind mount"

scenario "a chroot with a node of its own"
mkdir -p /tmp/root
snapshot /tmp/before
inside="mount --bind / /tmp/root; mount --rbind /sys /tmp/root/sys; mount -t proc proc /tmp/root/proc
	mount --bind /run /tmp/root/run; mount --bind /io /tmp/root/io
	mount -t tmpfs none /tmp/root/dev; mknod -m 666 /tmp/root/dev/null c 1 3; mknod -m 660 /tmp/root/dev/kvm c 10 232"
run unshare -m sh -c "$inside; chroot /tmp/root /io/bin/kvmtune $setting off"
is "exit status" "$status" 4
like "says why" "$stderr" "/dev/kvm of the host is not visible from here"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "a chroot with the host's own /dev"
node="$(stat -c '%F %u:%g %a' /dev/kvm) $(acl /dev/kvm)"
printf '%s\n' '#!/bin/sh' 'mount --rbind / /tmp/root && exec chroot /tmp/root "$@"' >/tmp/rooted
chmod 755 /tmp/rooted
there_and_back unshare -m /tmp/rooted

scenario "the kernel's own /dev, mounted once more"
# Not straight over itself: the kernel refuses that.
printf '%s\n' '#!/bin/sh' 'mount -t tmpfs none /dev && mount -t devtmpfs dev /dev && exec "$@"' >/tmp/again
chmod 755 /tmp/again
there_and_back unshare -m /tmp/again
