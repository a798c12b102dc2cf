#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm with --root: links and files of an image, never the running kernel nor the running systemd.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

wants=etc/systemd/system/multi-user.target.wants

# new_image: with both services, enabled
new_image()
{
	local name

	image=$tmp/image.$((++images))
	mkdir -p "$image"/{"$wants",usr/lib/systemd/system,proc,etc/modprobe.d,etc/tmpfiles.d}
	mkdir -p "$image"/var/lib/kvmtune
	echo 6b766d74756e65000000000000000000 >"$image/etc/machine-id"
	for name in ksm ksmtuned; do
		printf '%s\n' '[Unit]' "Description=$name" '[Install]' 'WantedBy=multi-user.target' \
			>"$image/usr/lib/systemd/system/$name.service"
		ln -s "/usr/lib/systemd/system/$name.service" "$image/$wants/$name.service"
	done
}
images=0

# links: what is in the image's multi-user.target.wants, in $links
links()
{
	local path

	links=
	for path in "$image/$wants"/*; do
		[ ! -L "$path" ] || links+="${path##*/} $(readlink "$path");"
	done
}

both='ksm.service /usr/lib/systemd/system/ksm.service;'
both+='ksmtuned.service /usr/lib/systemd/system/ksmtuned.service;'

# The running host merges, and its systemd is not asked.
host ksm-tuned
read_tree before
new_image
run kvmtune --root "$image" ksm
is "$status$err" 0 'ksm of an image works'
golden ksm-image.txt 'ksm of an image'
run kvmtune --root "$image" ksm off --dry-run
links
is "$status $links" "0 $both" 'dry run: nothing is done'
run kvmtune --root "$image" ksm off
links
is "$status$err $links" '0 ' 'off: no link is left'
run kvmtune --root "$image" ksm off
like "$status $out" '^0 ksm: .* already' 'off: already'
run kvmtune --root "$image" audit ksm=off
status_is 0 'off: audit'
run kvmtune --root "$image" audit ksm=on
status_is 7 'off: audit ksm=on'
run kvmtune --root "$image" ksm on
links
is "$status $links" "0 $both" 'on: the links are back'
run kvmtune --root "$image" undo
links
is "$status $links" '0 ' 'undo: off again'
run kvmtune --root "$image" undo
links
is "$status $links" "0 $both" 'undo, undo: as it was'
run kvmtune --root "$image" apply ksm=off ept=off
links
is "$status $links" '0 ' 'apply ksm=off ept=off'
ok 'apply: the file for EPT, too' [ -e "$image/etc/modprobe.d/zz-kvmtune.conf" ]
run kvmtune --root "$image" undo
links
is "$status $links" "0 $both" 'undo of both'
read_tree tree
is "$(differences "$before" "$tree")" '' 'the running host is not touched'
read_calls calls
unlike "$calls" 'load|enable|disable|start|stop|write_value|unmerge' 'no module, no service, no switch'

# A link that says the same in other words comes back as it was.
new_image
ln -sf ../../../../usr/lib/systemd/system/ksm.service "$image/$wants/ksm.service"
run kvmtune --root "$image" ksm off
run kvmtune --root "$image" ksm on
links
like "$status $links" '^0 ksm.service \.\./\.\./\.\./\.\./usr/' 'on: the very link that was there'

# Never enabled: what [Install] says.
new_image
rm "$image/$wants"/*
run kvmtune --root "$image" ksm on
links
is "$status $links" "0 $both" 'on: links by [Install]'

# Other targets, and an alias.
new_image
mkdir -p "$image/etc/systemd/system/machines.target.requires"
ln -s /usr/lib/systemd/system/ksm.service \
	"$image/etc/systemd/system/machines.target.requires/ksm.service"
ln -s /usr/lib/systemd/system/ksm.service "$image/etc/systemd/system/samepages.service"
run kvmtune --root "$image" ksm off
is "$status $(find "$image/etc/systemd" -type l)" '0 ' 'off: links of other targets and aliases'
run kvmtune --root "$image" undo
is "$status $(find "$image/etc/systemd" -type l | grep -c .)" '0 4' 'undo: all are back'

# Masked: it is off, and cannot be turned on.
new_image
ln -s /dev/null "$image/etc/systemd/system/ksm.service"
ln -s /dev/null "$image/etc/systemd/system/ksmtuned.service"
run kvmtune --root "$image" ksm on --json
json_id
is "$status $id" '3 unit-masked' 'masked'

# No services: a file of ours says it.
new_image
rm -r "${image:?}/usr" "${image:?}/$wants"
run kvmtune --root "$image" ksm on
text_of value "$image/etc/tmpfiles.d/00-kvmtune.conf"
like "$status $value" $'^0 .*\nw /sys/kernel/mm/ksm/run - - - - 1$' 'on: a line in tmpfiles.d'
run kvmtune --root "$image" ksm off
ok 'off: it is gone' [ ! -e "$image/etc/tmpfiles.d/00-kvmtune.conf" ]
printf 'w /sys/kernel/mm/ksm/run - - - - 1\n' >"$image/etc/tmpfiles.d/site.conf"
run kvmtune --root "$image" ksm off
text_of value "$image/etc/tmpfiles.d/00-kvmtune.conf"
like "$status $value" $'^0 .*\nw /sys/kernel/mm/ksm/run - - - - 0$' "off: our line before the site's"

# What only a running kernel can do.
new_image
run kvmtune --root "$image" ksm unmerged
links
is "$status $links" '0 ' 'unmerged of an image: off, for nothing is merged in it'

# Links in an image lead to places in the image.
new_image
mkdir -p "$tmp/outside"
rm -r "${image:?}/etc/systemd"
mkdir -p "$image/etc" "$tmp/outside/system"
ln -s "$tmp/outside" "$image/etc/systemd"
run kvmtune --root "$image" ksm on
is "$(find "$tmp/outside" -type l)" '' 'a link that leads outside is not followed'

done_testing
