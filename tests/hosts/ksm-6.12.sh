# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Linux 6.12: more counters, among them pages full of zeros and the profit.
machine hv042 6.12.9-amd64
cpu_broadwell
module_loaded
memory 64 48
two_guests
ksm_files 1 use_zero_pages=1 ksm_zero_pages=0 general_profit=2867200000 pages_scanned=91234567 \
	pages_skipped=1234 smart_scan=1 advisor_mode=scan-time advisor_max_cpu=70 \
	advisor_min_pages_to_scan=500 advisor_max_pages_to_scan=30000 advisor_target_scan_time=200
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
merged ksm_zero_pages=50000
both_units active enabled
