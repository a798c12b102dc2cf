# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An EPYC with a guest.
epyc_host
in_use 4
guest 41922 web-01 8
