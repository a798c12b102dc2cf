# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Nothing at all is known: an image with no files, and a kernel that tells nothing.
drop ""
folder /
about name empty
