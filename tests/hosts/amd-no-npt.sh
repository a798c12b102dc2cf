# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# SVM without NPT: a processor from before 2007.
machine hv102 6.1.0-28-amd64
amd 'svm extapic cr8_legacy'
about npt no
module_loaded
parameters "${NPT_OFF[@]}"
