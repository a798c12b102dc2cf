# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# systemd runs, but does not answer.
hypervisor
ksm 1
merged pages_shared=2000 pages_sharing=90000
both_units active enabled
about bus dead
