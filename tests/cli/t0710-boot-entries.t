#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel command line of the next boot, by the boot loader's files.

# shellcheck disable=SC2016 # a file of shell text
# shellcheck disable=SC2154 # run and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

GRUB_CFG='menuentry Debian {
	linux	/boot/vmlinuz-6.1 root=UUID=1 ro quiet %s
	initrd	/boot/initrd.img-6.1
}
menuentry "Debian (recovery mode)" {
	linux	/boot/vmlinuz-6.1 root=UUID=1 ro single
}'

host in-use

# image: a new one, in $host_dir/root
image()
{
	host_dir=$tmp/image
	rm -rf "$host_dir"
	mkdir -p "$host_dir/root/etc/modprobe.d"
}

grub_cfg()
{
	mkdir -p "$host_dir/root/boot/grub"
	# shellcheck disable=SC2059 # that is what it is for
	printf "$GRUB_CFG\n" "$1" >"$host_dir/root/boot/grub/grub.cfg"
}

# next NAME TEXT PLACE: what status says of ept of kvm_intel in the image
next()
{
	run kvmtune --root "$host_dir/root" status
	like "$status $err$out" "^0 .*ept +$2 at the next load +$3"$'\n' "$1"
}

# ---- an image ----

image
put /etc/default/grub '# comment' 'GRUB_TIMEOUT=5' 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"' '' \
	'GRUB_CMDLINE_LINUX="console=ttyS0 kvm_intel.ept=0"'
next 'a template alone' off '/etc/default/grub:5'
grub_cfg kvm-intel.ept=0
next 'template and grub.cfg agree; recovery does not count' off '/boot/grub/grub.cfg:2'
run kvmtune --root "$host_dir/root" audit ept=off
is "$status" 0 'audit: as wanted'
run kvmtune --root "$host_dir/root" ept off
like "$status $out" '^0 ept: off already' 'off: already'
host_id()
{
	host in-use
	refused 3 cmdline-wins "$1" --root "$host_dir/root" "${@:2}"
}
host_id "says kvm_intel.ept=0, which beats every file \(/boot/grub/grub.cfg:2\)" ept on
run kvmtune --root "$host_dir/root" nested off
is "$status" 0 'another parameter is not concerned'
grub_cfg ''
next 'template and grub.cfg differ' 'depends on the boot entry' '/etc/default/grub:5'
run kvmtune --root "$host_dir/root" status --json
out=${out//[$' \n']/}
like "$out" '"next":null,"next_when":"load","next_source":\["/etc/default/grub:5"' 'JSON: null, and where'
like "$out" '"boot_words":\[\{"word":"kvm_intel.ept=0","where":"/etc/default/grub:5"\}\]' 'JSON: the words'
host_id "of some boot entries says kvm_intel.ept=0" ept on
run kvmtune --root "$host_dir/root" ept off
is "$status" 0 'off: the file gives what the other entry does not say'
next 'and all agree' off '/etc/modprobe.d/zz-kvmtune.conf:[0-9]+'
run kvmtune --root "$host_dir/root" undo
is "$status" 0 'undo'
next 'and they differ again' 'depends on the boot entry' '/etc/default/grub:5'

# Files of /etc/default/grub.d come later; recovery alone is no entry.
image
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet kvm_intel.ept=0"'
put /etc/default/grub.d/50-a.cfg 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT kvm_intel.ept=1"'
next 'grub.d adds' on '/etc/default/grub.d/50-a.cfg:1'
put /etc/default/grub.d/60-b.cfg "GRUB_CMDLINE_LINUX_DEFAULT='quiet'"
next 'grub.d replaces' on default
put /etc/default/grub.d/70-c.cfg 'GRUB_CMDLINE_LINUX="$(cat /etc/cmdline)"'
next 'what a shell computes is unknown' 'depends on the boot entry' 'boot entries'
host_id 'is computed by' ept off

# The Boot Loader Specification, with variables of GRUB.
image
put /boot/loader/entries/a-6.1.conf 'title A' 'linux /vmlinuz-6.1' 'options root=UUID=1 $kernelopts'
put /boot/grub2/grubenv '# GRUB Environment Block' 'kernelopts=ro kvm_amd.npt=0 kvm_intel.ept=0' '####'
next 'an entry with a variable' off '/boot/loader/entries/a-6.1.conf:3'
put /boot/loader/entries/b-6.2.conf 'linux /vmlinuz-6.2' 'options ro kvm_intel.ept=1'
next 'two entries differ' 'depends on the boot entry' '/boot/loader/entries/a-6.1.conf:3'
put /boot/loader/entries/b-6.2.conf 'linux /vmlinuz-6.2' 'options ro' 'options kvm_intel.ept=0'
next 'several options lines' off '/boot/loader/entries/a-6.1.conf:3'
put /etc/kernel/cmdline 'root=UUID=1 kvm_intel.ept=0 module_blacklist=pcspkr,kvm'
run kvmtune --root "$host_dir/root" status
like "$out" 'at the next boot: kvm_intel.ept=0 module_blacklist=pcspkr,kvm +/etc/kernel/cmdline:1' 'a blacklist is named'

# What cannot be read may say anything.
image
mkdir -p "$host_dir/root/boot/grub"
mkfifo "$host_dir/root/boot/grub/grub.cfg"
next 'a FIFO' unknown 'not all files could be read'
host in-use
refused 4 unknown-state '/boot/grub/grub.cfg' --root "$host_dir/root" ept off
rm "$host_dir/root/boot/grub/grub.cfg"
head -c 300000 /dev/urandom >"$host_dir/root/boot/grub/grub.cfg"
run kvmtune --root "$host_dir/root" ept off
is "$status" 0 'noise says nothing'
ln -sf /etc/shadow "$host_dir/root/boot/grub/grub.cfg"
run kvmtune --root "$host_dir/root" status
is "$status" 0 'a link does not lead out of the image'

# ---- the running host ----

# boots NAME TEXT PLACE; boots NAME: the next boot is as the next load
boots()
{
	run kvmtune status
	is "$status" 0 "$1: status"
	if [ "$2" ]; then
		like "$out" $'\n'" +at the next boot $2 +$3"$'\n' "$1: it is said"
	else
		unlike "$out" 'at the next boot' "$1: nothing to say"
	fi
}

host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
grub_cfg quiet
boots 'no word'
put /etc/default/grub '' 'GRUB_CMDLINE_LINUX="kvm_intel.ept=0"'
boots 'a template that was not applied' 'depends on the boot entry' '/etc/default/grub:2'
grub_cfg kvm_intel.ept=0
boots 'the next boot differs' off '/boot/grub/grub.cfg:2'
run kvmtune ept
like "$out" 'ept +on, now and at the next load' 'the next load is what it was'
run kvmtune audit ept=on
is "$status" 0 'audit: now and at the next load it is as wanted'
like "$out" 'note: at the next boot ept is off \(/boot/grub/grub.cfg:2\)' 'audit: the next boot is named'
run kvmtune audit ept=on --json
out=${out//[$' \n']/}
like "$out" '"next_boot":"off","next_boot_source":\["/boot/grub/grub.cfg:2"\]' 'JSON: next_boot'
run kvmtune audit ept=off
is "$status" 7 'audit: it differs'
run kvmtune nested off --dry-run
unlike "$out" 'next boot may differ' 'another parameter: no advice'
run kvmtune ept off
is "$status" 0 'ept off: as wanted'
unlike "$out" 'next boot may differ' 'the same value: no advice'
boots 'and the next boot agrees'
run kvmtune ept on
is "$status" 0 'ept on is done'
like "$out" '/boot/grub/grub.cfg:2 names kvm_intel.ept; the kernel command line beats every file' \
	'and what will beat it is named'
run kvmtune ept on --json
like "$out" '"id": ?"boot-entries"' 'advice in JSON, also where it is already so'

# It is off the command line of the next boot already.
host cmdline
host_dir=$KVMTUNE_FAKE_HOST
cmdline 'root=/dev/vda kvm_intel.ept=0'
grub_cfg quiet
boots 'the word was removed' on 'boot entries'
grub_cfg kvm_intel.ept=0
boots 'the word is there still'

host builtin
host_dir=$KVMTUNE_FAKE_HOST
grub_cfg quiet
boots 'built in, no word'
grub_cfg kvm_intel.ept=0
boots 'built in: the next boot differs' off '/boot/grub/grub.cfg:2'

# Not readable for everybody.
host not-root
host_dir=$KVMTUNE_FAKE_HOST
grub_cfg kvm_intel.ept=0
printf 'unreadable EACCES /boot/grub/grub.cfg\n' >>"$host_dir/fake/host"
boots 'not readable'
like "$out" 'not seen: /boot/grub/grub.cfg \(Permission denied\), which may decide the next boot' 'and it is said'

done_testing
