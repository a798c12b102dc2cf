# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An ordinary user looks at a host in use: he sees his own guest only.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
in_use 9
user 7001 1000 ann qemu-system-x86 1 1 2 /user.slice/user-1000.slice/session-4.scope \
	qemu-system-x86_64 -enable-kvm -name test -smp 2
hidden 211
about root no
