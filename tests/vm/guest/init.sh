#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# init.sh - process 1 of the fast boot: what kvmtune needs of a running host, and no service manager
#
# udevd runs, so that /dev/kvm gets its group and mode at each load of the module, as on any host.
# kvmtune.udev=off leaves it out.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export HOME=/root

mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd
echo kvmtune-vm >/proc/sys/kernel/hostname

case " $(cat /proc/cmdline) " in
*" kvmtune.udev=off "*) ;;
*) /lib/systemd/systemd-udevd --daemon 2>/dev/null ;;
esac

/io/.vm/job.sh
kill -KILL -1 # whoever still writes
mount -o remount,ro /io
mount -o remount,ro /
exec poweroff -ff
