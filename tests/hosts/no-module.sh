# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The kernel was updated and its modules of before are gone: the host was not booted since.
machine hv061 6.1.0-25-amd64
cpu_broadwell
about kind absent
