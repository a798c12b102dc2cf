# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Saved changes, and changes that were done, undone after a boot. Five boots on one disk.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

read -r boot </io/boot
own=/etc/modprobe.d/zz-kvmtune.conf
before=/var/tmp/before

# As udev does it at boot: with the configuration of now
[ -d "/sys/module/$module" ] || modprobe "$module"

# undone STATUS VALUE: all is as it was before
undone()
{
	run kvmtune undo
	is "undo: exit status" "$status" "$1"
	is "undo: the parameter" "$(parameter "$module" "$setting")" "$2"
	snapshot /var/tmp/after
	ok "undo: all is as before" same_host $before /var/tmp/after
	ok "undo: a guest runs" kvmhold guest 0
}

case $boot in
1)
	scenario "saved: audit tells it from what runs"
	snapshot $before
	run kvmtune "$setting" off --defer
	is "exit status" "$status" 5
	run kvmtune audit "$setting=off"
	is "audit: saved" "$status" 5
	run kvmtune audit "$setting=on"
	is "audit: the next load differs" "$status" 7
	;;
2)
	go_on "a saved change after the boot: undo reloads the module"
	is "off by the boot" "$(parameter "$module" "$setting")" N
	run kvmtune audit "$setting=off"
	is "audit: as wanted" "$status" 0
	run kvmtune undo --dry-run
	is "dry run: exit status" "$status" 0
	like "dry run: the reload" "$stdout" "unload +$module"
	undone 0 Y
	run kvmtune undo
	like "nothing is left to undo" "$stdout" "No change is left to undo"

	go_on "saved twice, for the next boot"
	run kvmtune "$setting" off --defer
	is "saved" "$status" 5
	run kvmtune "$setting" off --defer
	is "saved already" "$status" 5
	;;
3)
	go_on "saved twice, in use after the boot: undo is refused, undo --defer saves"
	is "off by the boot" "$(parameter "$module" "$setting")" N
	hold guest
	run kvmtune undo --dry-run
	is "dry run: refused" "$status" 3
	run kvmtune undo
	is "refused" "$status" 3
	like "with the way out" "$stderr" "undo --defer"
	run kvmtune undo --defer
	is "--defer: exit status" "$status" 5
	not "--defer: our file is gone" [ -e $own ]
	is "--defer: the module is left alone" "$(parameter "$module" "$setting")" N
	run kvmtune audit "$setting=on"
	is "--defer: audit" "$status" 5
	run kvmtune undo
	like "once is enough" "$stdout" "No change is left to undo"
	release

	go_on "done before the boot"
	run kvmtune "$setting" on
	is "on again: exit status" "$status" 0
	is "on again" "$(parameter "$module" "$setting")" Y
	run kvmtune "$setting" off
	is "off: exit status" "$status" 0
	;;
4)
	go_on "done before the boot: undo, and the one before"
	is "off by the boot" "$(parameter "$module" "$setting")" N
	undone 0 Y
	# That one had reloaded a module that a boot has reloaded since
	undone 0 Y

	go_on "saved, then a line of somebody else, then a boot"
	run kvmtune "$setting" off --defer
	is "saved" "$status" 5
	echo "options kvm ignore_msrs=0" >>$own
	;;
5)
	go_on "that line stays"
	is "off by the boot" "$(parameter "$module" "$setting")" N
	run kvmtune undo
	is "undo: exit status" "$status" 0
	is "on" "$(parameter "$module" "$setting")" Y
	is "the line" "$(cat $own)" "options kvm ignore_msrs=0"
	rm $own
	snapshot /var/tmp/after
	ok "all else is as before" same_host $before /var/tmp/after
	;;
esac

[ "$boot" = 5 ] || exit 0

scenario "saved, and the module reloaded by hand"
snapshot /tmp/before
run kvmtune "$setting" off --defer
rmmod "$module"
modprobe "$module"
is "off" "$(parameter "$module" "$setting")" N
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "saved, and the module not loaded: only the option is undone"
run kvmtune "$setting" off --defer
rmmod "$module"
run kvmtune undo
is "undo: exit status" "$status" 0
not "our file is gone" [ -e $own ]
not "it is not loaded" [ -d "/sys/module/$module" ]
modprobe "$module"
is "on by the next load" "$(parameter "$module" "$setting")" Y

scenario "saved while the module ran otherwise than configured: undo leaves that alone"
rmmod "$module"
modprobe "$module" "$setting=0"
snapshot /tmp/before
echo "options $module $setting=0" >/etc/modprobe.d/yy.conf
run kvmtune "$setting" on --defer
is "saved" "$status" 5
rm /etc/modprobe.d/yy.conf
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before, and not reloaded" same_host_load /tmp/before /tmp/after
