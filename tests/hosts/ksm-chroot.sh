# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# No systemd runs here: a chroot, or a container.
hypervisor
ksm 1
merged pages_shared=2000 pages_sharing=90000
unit_file ksm.service WantedBy=multi-user.target
unit_file ksmtuned.service WantedBy=multi-user.target
wanted ksm.service
wanted ksmtuned.service
