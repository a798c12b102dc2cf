# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ksm.service is started by a link of the vendor; systemd calls it "disabled".
hypervisor
two_guests_merged
unit ksm.service active disabled
wanted ksm.service multi-user.target /usr/lib/systemd/system
