#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An image with its own host file: applied in the build, kept by the host that boots it; and hostile ones.

# shellcheck disable=SC2154,SC2016 # read_tree and others set variables by name; eval expands
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# new_image [LINE...]: with this host file
new_image()
{
	image=$tmp/image.$((++images))
	mkdir -p "$image"/etc/modprobe.d
	printf '%s\n' "$@" >"$image/etc/kvmtune.conf"
}
images=0

# The running host has a host file, too: it is not that of the image.
host in-use
printf '%s\n' 'thp = never' >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
new_image 'tdp = off' 'ksm = off' 'wait = yes'
run kvmtune --root "$image" audit
status_is 7 'audit before'
run kvmtune --root "$image" apply
is "$status$err" 0 'apply, while the running host is in use'
is "$(grep -v '^#' "$image/etc/modprobe.d/zz-kvmtune.conf")" 'options kvm_intel ept=0
options kvm_amd npt=0' 'by the host file of the image'
run kvmtune --root "$image" audit
status_is 0 'audit after'
run kvmtune --root "$image" apply
status_is 0 'again'
rm "$image/etc/kvmtune.conf"
run kvmtune --root "$image" apply
like "$status $err" '^2 .*neither a file /etc/kvmtune.conf' 'an image without one'

# The host that boots the image: the same files.
host intel-ept-on
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" apply nested=off thp=never
is "$status$err" 0 'the build of the image'
own_file
is "$lines" 'options kvm_intel nested=0;options kvm_amd nested=0' 'the build: its file'
read_tree before
run kvmtune undo
like "$status $out" '^0 No change of this host is left to undo' 'booted: undo has nothing to undo'
run kvmtune undo --dry-run
like "$status $out" '^0 No change of this host is left to undo' 'booted: dry run'
run kvmtune undo --skip
read_tree tree
is "$(differences "$before" "$tree")" '' 'booted: nothing is undone'
run kvmtune undo --list
like "$out" 'apply nested=off thp=never +done +in the build of the image' 'booted: undo --list marks it'
run kvmtune undo --list --json
like "$out" '"image": ?true,[[:space:]]*"next_undo": ?false' 'booted: in JSON, too'
run kvmtune ept off
run kvmtune undo --list
like "$out" 'ept off +done +next to undo' 'booted: a change of this host is undone'
run kvmtune undo
own_file
param ept
is "$status $value $lines" '0 Y options kvm_intel nested=0;options kvm_amd nested=0' 'booted: it alone'
run kvmtune undo
like "$status $out" '^0 No change of this host is left' 'booted: and then none'
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" undo
own_file
is "$status $lines" '0 ' 'with --root on the image it is undone'

# The build was killed: the host that boots it plans from what is there.
host intel-ept-on
KVMTUNE_FAKE_KILL=4 run kvmtune --root "$KVMTUNE_FAKE_HOST/root" apply nested=off ept=off
run kvmtune status
unlike "$out" 'did not end' 'a build that was interrupted is none of the host'
run kvmtune nested off
is "$status$err" 0 'and a change is made'

# ---- hostile images ----

# hostile NAME REGEX COMMAND...: makes something in $image; apply refuses it, and nothing outside is read or written
hostile()
{
	local name=$1 regex=$2 outside

	shift 2
	new_image
	rm "$image/etc/kvmtune.conf"
	outside=$(find "$tmp/outside" -type f -printf '%p %s %A@ %T@\n')
	"$@"
	run timeout 10 "$KVMTUNE_FAKE" --root "$image" apply
	like "$status $err" "^2 .*$regex" "$name"
	is "$(find "$tmp/outside" -type f -printf '%p %s %A@ %T@\n')" "$outside" "$name: nothing outside is touched"
	ok "$name: nothing is written" [ ! -e "$image/etc/modprobe.d/zz-kvmtune.conf" ]
}
mkdir -p "$tmp/outside/conf.d"
printf 'ept = off\n' >"$tmp/outside/kvmtune.conf"
printf 'ept = off\n' >"$tmp/outside/conf.d/50.conf"
find "$tmp/outside" -exec touch -a {} +

hostile 'a link that leads outside' 'symbolic link' eval 'ln -s "$tmp/outside/kvmtune.conf" "$image/etc/kvmtune.conf"'
hostile 'one with dots' 'symbolic link' eval 'ln -s ../../outside/kvmtune.conf "$image/etc/kvmtune.conf"'
hostile 'a directory of drop-ins that is a link' 'kvmtune.conf' \
	eval 'ln -s "$tmp/outside/conf.d" "$image/etc/kvmtune.conf.d"'
hostile 'a link to itself' 'symbolic link' eval 'ln -s kvmtune.conf "$image/etc/kvmtune.conf"'
hostile '/etc that is a link' 'kvmtune.conf' \
	eval 'rm -r "$image/etc"; ln -s "$tmp/outside" "$image/etc"'
hostile 'a FIFO' 'not a regular file' eval 'mkfifo "$image/etc/kvmtune.conf"'
hostile 'a directory' 'not a regular file' eval 'mkdir "$image/etc/kvmtune.conf"'
hostile 'a huge file' 'more than 65536 bytes' eval 'truncate -s 1G "$image/etc/kvmtune.conf"'
hostile 'a FIFO among the drop-ins' 'not a regular file' \
	eval 'mkdir "$image/etc/kvmtune.conf.d"; mkfifo "$image/etc/kvmtune.conf.d/a.conf"'
if [ "$(id -u)" = 0 ] && mknod "$tmp/zero" c 1 5 2>/dev/null; then
	hostile 'a device' 'not a regular file' eval 'mknod "$image/etc/kvmtune.conf" c 1 5'
	hostile 'a file of another user' 'owned by another user' \
		eval 'echo "ept = off" >"$image/etc/kvmtune.conf"; chown 12345 "$image/etc/kvmtune.conf"'
fi

done_testing
