# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The same on a kernel that takes svm off its flags then (6.7).
machine hv104 6.12.9+bpo-amd64
amd 'extapic npt'
about virt no
module_loadable
