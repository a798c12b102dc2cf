#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debian.sh - from a bare Debian to all quick tests of this checkout, in a chroot
#
#	tests/compat/debian.sh SUITE DIR [COMMAND]
#
# SUITE (bookworm, trixie) is made in DIR by debootstrap, once; a clean clone of what is committed goes to its
# /root/kvmtune each time. COMMAND (./bootstrap check) runs in that, with KVMTUNE_TESTS_MUST_RUN=1.
# As root, with a network. KVMTUNE_VM_MIRROR: another Debian mirror.
#
# The chroot has mounts and processes of its own, and sees the host's /sys read-only.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die() { printf 'debian: %s\n' "$*" >&2; exit 2; }

make_tree()
{
	mkdir -p "$(dirname "$tree")"
	rm -rf "$tree.new"
	unshare --mount --propagation private debootstrap --variant=minbase --include=ca-certificates \
		"$suite" "$tree.new" ${KVMTUNE_VM_MIRROR:+"$KVMTUNE_VM_MIRROR"} >&2
	mv "$tree.new" "$tree"
}

clone_checkout()
{
	rm -rf "$tree/root/kvmtune"
	git clone -q --no-hardlinks . "$tree/root/kvmtune"
}

# In name spaces of its own: nothing stays mounted, nothing goes on running.
enter_tree()
{
	cp --remove-destination --dereference /etc/resolv.conf "$tree/etc/resolv.conf"
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare --mount --propagation private --pid --fork --kill-child bash -ec '
		mount -t proc proc "$1/proc"
		mount --rbind /sys "$1/sys" && mount -o remount,bind,ro "$1/sys"
		mount --bind /dev "$1/dev"
		mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$1/dev/pts"
		mount -t tmpfs tmpfs "$1/dev/shm"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
			KVMTUNE_TESTS_MUST_RUN=1 chroot "$1" bash -c "cd /root/kvmtune && $2"' enter "$tree" "$1"
}

[ $# -ge 2 ] || die "usage: tests/compat/debian.sh SUITE DIR [COMMAND]"
[ "$(id -u)" = 0 ] || die "root is needed (debootstrap, chroot)"
command -v debootstrap >/dev/null || die "debootstrap is not installed"
suite=$1
tree=$(realpath -m "$2")/$suite
[ -d "$tree" ] || make_tree
clone_checkout
enter_tree "${3:-./bootstrap check}"
