# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ksm.service alone; no guest runs: a process asked by itself for its memory to be merged.
hypervisor
ksmd
process 3100 1 redis-server /system.slice/redis.service /usr/bin/redis-server
ksm 1
merged pages_shared=2000 pages_sharing=90000 3100=92000
unit ksm.service active enabled
