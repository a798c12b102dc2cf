# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # host_dir is of hosts.sh
# Linux 6.18: KSM is off and all guests are gone, but the counters stay. There is little memory.
machine hv042 6.18.2
cpu_broadwell
module_loaded
memory 2 1
no_units
ksm 0
merged pages_shared=3000 pages_sharing=200000
process 1 0 systemd /init.scope /sbin/init
process 812 1 sshd /system.slice/ssh.service /usr/sbin/sshd
ksmd
for p in 1 812; do
	put "/proc/$p/ksm_stat" 'ksm_rmap_items 0' 'ksm_zero_pages 0' 'ksm_merging_pages 0' \
		'ksm_process_profit 0' 'ksm_merge_any: no' 'ksm_mergeable: no'
done
put /proc/58/ksm_stat
: >"$host_dir/root/proc/58/ksm_stat"
