# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What was changed is still so after a reboot. Three boots on one disk.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

read -r boot </io/boot
thp() { sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled; }

case $boot in
1)
	scenario "first boot: off"
	services enable --now
	is "it was on" "$(units) $(ksm run)" "enabled active, enabled active 1"
	run kvmtune apply ksm=off thp=never
	is "exit status" "$status" 0
	is "thp" "$(thp)" never
	;;
2)
	go_on "second boot: still off; then on"
	is "off" "$(units) $(ksm run)" "disabled inactive, disabled inactive 0"
	is "thp" "$(thp)" never
	run kvmtune audit ksm=off thp=never
	is "audit agrees" "$status" 0
	run kvmtune apply ksm=on thp=always
	is "on: exit status" "$status" 0
	is "on" "$(units) $(ksm run)" "enabled active, enabled active 1"
	;;
3)
	go_on "third boot: on again"
	is "on" "$(units) $(ksm run)" "enabled active, enabled active 1"
	is "thp" "$(thp)" always
	run kvmtune audit ksm=on thp=always
	is "audit agrees" "$status" 0
	run kvmtune apply ksm=off thp=madvise --defer
	is "off, deferred: exit status" "$status" 5
	is "off, deferred: what runs" "$(units) $(ksm run)" "disabled active, disabled active 1"
	is "off, deferred: thp" "$(thp)" always
	;;
4)
	go_on "fourth boot: undo of what was deferred starts all again"
	is "off" "$(units) $(ksm run) $(thp)" "disabled inactive, disabled inactive 0 madvise"
	run kvmtune undo --defer --dry-run
	is "undo --defer: what runs differs" "$status" 5
	run kvmtune undo
	is "undo: exit status" "$status" 0
	is "on" "$(units) $(ksm run) $(thp)" "enabled active, enabled active 1 always"
	;;
esac
