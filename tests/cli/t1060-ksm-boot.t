#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm: what the next boot really does, whoever starts the services or writes the switch.

# shellcheck disable=SC2154 # text_of and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

units=usr/lib/systemd/system
links=etc/systemd/system

# next HOST VALUE REGEX: what `ksm` says of the next boot
next()
{
	host "$1"
	COLUMNS=132 run kvmtune ksm
	like "$out" "next boot +$2 +$3" "$1: next boot $2"
}

mask_of()
{
	readlink "$KVMTUNE_FAKE_HOST/root/$links/$1" || echo none
}

next ksm-vendor-wants on 'ksm.service \(/usr/lib/systemd/system/multi-user.target.wants/ksm.service\)'
run kvmtune audit ksm=off
status_is 7 'a link of the vendor: audit before'
run kvmtune ksm off
is "$status $(mask_of ksm.service)" '0 /dev/null' 'a link of the vendor: masked'
run kvmtune audit ksm=off
status_is 0 'a link of the vendor: audit'
run kvmtune ksm off
like "$status $out" '^0 .*already' 'a link of the vendor: already'
run kvmtune ksm on
is "$status $(mask_of ksm.service)" '0 none' 'a link of the vendor: on takes the mask off again'
run kvmtune undo
is "$status $(mask_of ksm.service)" '0 /dev/null' 'a link of the vendor: undo puts it back'

next ksm-wanted-drop-in on 'ksmtuned.service \(/etc/systemd/system/libvirtd.service.d/ksm.conf:2\)'
run kvmtune ksm off
is "$status $(mask_of ksmtuned.service)" '0 /dev/null' 'Wants= in a drop-in: masked'
run kvmtune audit ksm=off
status_is 0 'Wants= in a drop-in: audit'

next ksm-required on 'ksm.service \(/etc/systemd/system/site.service:2\)'
refused 3 unit-wanted 'site.service requires it \(/etc/systemd/system/site.service:2\)' ksm off
run kvmtune audit ksm=off
status_is 7 'Requires=: audit'

next ksm-nixos on /etc/systemd/system/enable-ksm.service
host ksm-nixos
refused 4 generated-config 'NixOS' ksm off
run kvmtune audit ksm=off
status_is 7 'NixOS: audit'

next ksm-kubevirt unknown ''
like "$out" 'virt-handler may turn it on again +/run/kubevirt' 'KubeVirt: named'
run kvmtune ksm off
status_is 0 'KubeVirt: off is not refused'

# ---- images ----

images=0
new_image()
{
	local name

	image=$tmp/image.$((++images))
	mkdir -p "$image"/{"$links","$units"} "$image"/etc/systemd/system-preset
	for name in ksm ksmtuned; do
		printf '%s\n' '[Service]' 'Type=oneshot' 'ExecStart=/bin/true' '[Install]' \
			'WantedBy=multi-user.target' >"$image/$units/$name.service"
	done
	printf '[Unit]\n' >"$image/$units/multi-user.target"
	ln -s multi-user.target "$image/$units/default.target"
	echo 6b766d74756e65000000000000000000 >"$image/etc/machine-id"
}

put_in()
{
	mkdir -p "$(dirname "$image/$1")"
	printf '%s\n' "${@:2}" >"$image/$1"
}

link_in()
{
	mkdir -p "$(dirname "$image/$2")"
	ln -s "$1" "$image/$2"
}

# image_next VALUE REGEX NAME
image_next()
{
	run kvmtune --root "$image" ksm
	like "$out" "next boot +$1 +$2" "$3"
}

new_image
image_next off default 'an image with nothing enabled'
link_in ../ksm.service "$units/multi-user.target.wants/ksm.service"
image_next on 'ksm.service \(/usr/lib/' 'a link of the vendor'
link_in /dev/null "$links/multi-user.target.wants/ksm.service"
image_next off default 'a link to /dev/null hides it'
run kvmtune --root "$image" ksm off
unlike "$status $out $err" 'Remove' 'a link to /dev/null: nobody is told to remove it'
# The image has no /dev/null: the links have to say where they end.
new_image
rm "$image/$units/ksm.service"
link_in /dev/null "$units/ksm.service"
link_in ../ksm.service "$units/multi-user.target.wants/ksm.service"
image_next off default 'a link to a masked unit'
new_image
link_in /dev/null "$units/hidden.service"
link_in ../hidden.service "$units/multi-user.target.wants/ksm.service"
image_next off default 'a link that ends at /dev/null by way of another unit'
link_in ../loop.service "$units/multi-user.target.wants/ksmtuned.service"
link_in loop.service "$units/loop.service"
image_next on 'ksmtuned.service' 'a link that leads nowhere counts by its name'
new_image
link_in ../ksm.service "$units/other.target.wants/ksm.service"
image_next off default 'a link of a target that the boot does not reach'
put_in "$links/multi-user.target.d/site.conf" '[Unit]' '# Wants=x' 'Wants=other.target'
put_in "$units/other.target" '[Unit]'
image_next on 'ksm.service \(.*other.target.wants/ksm.service\)' 'now it does'
new_image
put_in "$units/ksm.socket" '[Socket]' 'ListenStream=7'
link_in ../ksm.socket "$units/multi-user.target.wants/ksm.socket"
image_next unknown '' 'a socket may start it'
run kvmtune --root "$image" audit ksm=off
ok 'a socket: audit promises nothing' [ "$status" != 0 ]
run kvmtune --root "$image" ksm off
run kvmtune --root "$image" audit ksm=off
status_is 0 'a socket: masked'

preset=etc/systemd/system-preset/00-kvmtune.preset
for how in missing uninitialized; do
	new_image
	rm "$image/etc/machine-id"
	[ $how = missing ] || put_in etc/machine-id uninitialized
	image_next on 'ksmtuned.service \(the preset of a first boot\)' "machine-id $how: presets"
	run kvmtune --root "$image" ksm off
	text_of text "$image/$preset"
	like "$status $text" $'^0 .*\ndisable ksmtuned.service\ndisable ksm.service$' \
		"machine-id $how: a preset file"
	run kvmtune --root "$image" audit ksm=off
	status_is 0 "machine-id $how: audit"
	printf 'disable site.service\n' >>"$image/$preset"
	run kvmtune --root "$image" undo
	text_of text "$image/$preset"
	is "$status $text" '0 disable site.service' "machine-id $how: undo leaves lines of others"
done
new_image
: >"$image/etc/machine-id"
image_next off default 'machine-id empty: no first boot'
run kvmtune --root "$image" ksm off
ok 'machine-id empty: no preset file' [ ! -e "$image/$preset" ]
new_image
rm "$image/etc/machine-id"
put_in etc/systemd/system-preset/00-a.preset 'enable ksm.service'
run kvmtune --root "$image" ksm off
like "$status $err" '^3 .*00-a.preset:1' 'a preset before ours'
put_in usr/lib/systemd/system-preset/90-vendor.preset 'disable *'
rm "$image/etc/systemd/system-preset/00-a.preset"
image_next off default 'presets that enable nothing'

# ---- others that write the switch ----

switch=/sys/kernel/mm/ksm/run
new_image
put_in etc/sysfs.conf '# a comment' 'mode kernel/mm/ksm/run = 0600' 'kernel/mm/ksm/run = 1'
image_next off default 'sysfs.conf without sysfsutils'
put_in etc/init.d/sysfsutils '#!/bin/sh'
image_next on '/etc/sysfs.conf:3' 'sysfsutils'
run kvmtune --root "$image" ksm off
like "$status $err" '^3 .*sysfsutils.*/etc/sysfs.conf:3' 'sysfsutils: refused'
put_in etc/sysfs.d/z.conf 'kernel/mm/ksm/run = 0'
image_next off '/etc/sysfs.d/z.conf:1' 'sysfsutils: the last one counts'
new_image
put_in etc/udev/rules.d/90-ksm.rules "ACTION==\"add\", ATTR{$switch}=\"1\""
image_next on '/etc/udev/rules.d/90-ksm.rules:1' 'a rule of udev'
new_image
put_in etc/rc.local '#!/bin/sh' "echo \"1\" > $switch"
image_next off default 'rc.local that is not executable'
chmod 755 "$image/etc/rc.local"
image_next on /etc/rc.local:2 'rc.local'
put_in etc/rc.local '#!/bin/sh' "cat /etc/ksm >$switch"
chmod 755 "$image/etc/rc.local"
image_next unknown '' 'rc.local that cannot be judged'
like "$out" 'rc.local may turn it on again' 'rc.local: named'

done_testing
