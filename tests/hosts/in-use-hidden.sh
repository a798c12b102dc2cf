# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The count says in use, but nobody can be seen: a container's own PID namespace is above ours.
machine ct5 6.1.0-28-amd64
cpu_broadwell
module_loaded
in_use 2
