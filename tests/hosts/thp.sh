# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian 12: huge pages for programs that ask, as the kernel has it by default.
hypervisor
thp madvise madvise
folder /run/systemd/system
folder /etc/tmpfiles.d
