# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# After unmerging the host begins to swap: seen, and merging is back on. The machine has 256 MiB.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

swap=/var/kvmtune-vm.swap
[ -e $swap ] || {
	dd if=/dev/zero of=$swap bs=1M count=160 status=none
	chmod 600 $swap
	mkswap -q $swap
}

is_unmerged() { [ "$(ksm run)" = 2 ] && [ "$(merged)" = 0 ]; }

# A guest that becomes busy when the pages are apart: it needs more than what was left
becomes_busy()
{
	ok "the pages are apart" wait_for 60 is_unmerged
	fill --more 160 --work 0
}

swapped_host()
{
	swapon $swap
	services enable --now
	fill 80
	merge 20480
	snapshot /tmp/before
}

scenario "the working set does not fit any more: the watch sees it, merging is back on"
swapped_host
start kvmtune ksm unmerged --reserve 0 --watch 30s
becomes_busy
finish
is "exit status" "$status" 1
# By one of the two signs, whichever comes first: a slow machine swaps few pages a second, but all wait for them
like "why" "$stderr" "ran short of memory.*: (the host swaps [0-9]+ pages a second|all tasks wait for memory [0-9]+ %)"
release
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
swapoff $swap

scenario "--watch 0 does not look"
swapped_host
run kvmtune ksm unmerged --reserve 0 --watch 0
is "exit status" "$status" 0
becomes_busy
is "run" "$(ksm run)" 2
release
swapoff $swap

scenario "a host that does not swap is left alone"
swapped_host
run kvmtune ksm unmerged --reserve 0 --watch 3s
is "exit status" "$status" 0
is "run" "$(ksm run)" 2
release
swapoff $swap
