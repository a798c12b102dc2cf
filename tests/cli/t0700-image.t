#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --root: files only, never the running kernel.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# The running host is in use; the image knows nothing of that.
host in-use
image=$tmp/image
mkdir -p "$image"/{etc/modprobe.d,proc,dev,lib/modprobe.d}
printf 'kvm_intel.ept=1\n' >"$image/proc/cmdline"

# image_file: the lines of our file in the image that say something, in $lines
image_file()
{
	lines=$(grep -v '^#' "$image/etc/modprobe.d/zz-kvmtune.conf" 2>/dev/null)
}

run kvmtune --root "$image" status
golden status-image.txt 'status of an image'
is "$status$err" 0 'status of an image works'

read_tree before
run kvmtune --root "$image" ept off --dry-run
is "$status$err" 0 'dry run'
image_file
is "$lines" '' 'dry run: nothing is written'
run kvmtune --root="$image" ept off
is "$status$err" 0 'ept off in an image, while the running host is in use'
image_file
is "$lines" 'options kvm_intel ept=0' 'the file is in the image'
read_tree tree
is "$tree" "$before" 'the running host is not touched'
read_calls calls
unlike "$calls" 'load|guest|owner' 'no module, no guest, no device'
run kvmtune --root "$image" ept off
like "$status $out" '^0 ept: off already' 'already'
run kvmtune --root "$image" audit ept=off
status_is 0 'audit of an image'
run kvmtune --root "$image" undo
image_file
is "$status $lines" '0 ' 'undo in an image'
run kvmtune --root "$image" undo --list
like "$out" 'ept off +undone' "the image's journal is its own"
run kvmtune undo --list
like "$out" 'has not changed this host' "and not the running host's"

printf 'options kvm_intel ept=1\n' >"$image/etc/modprobe.d/zzz-late.conf"
run kvmtune --root "$image" ept off
status_is 3 'another file wins in an image, too'
rm "$image/etc/modprobe.d/zzz-late.conf"
printf 'options kvm_intel ept=1\n' >"$image/lib/modprobe.d/zz-kvmtune.conf"
run kvmtune --root "$image" ept off
image_file
is "$status $lines" '0 options kvm_intel ept=0' 'our file hides one of its name in /lib'

# Two options in one file.
rm -rf "$image/lib/modprobe.d/zz-kvmtune.conf"
run kvmtune --root "$image" undo
run kvmtune --root "$image" apply ept=off npt=off
image_file
is "$status $lines" '0 options kvm_intel ept=0
options kvm_amd npt=0' 'both options of one change'
run kvmtune --root "$image" undo
image_file
is "$status $lines" '0 ' 'and both are undone'
run kvmtune --root "$image" ept off
run kvmtune --root "$image" npt off
run kvmtune --root "$image" undo
image_file
is "$status $lines" '0 options kvm_intel ept=0' 'one after the other: the other one stays'
run kvmtune --root "$image" npt off
run kvmtune --root "$image" undo --skip
is "$status" 0 'undo --skip'
run kvmtune --root "$image" undo
image_file
is "$status $lines" '0 options kvm_amd npt=0' 'the one before is undone, and this one stays'
rm "$image/etc/modprobe.d/zz-kvmtune.conf"

# Links in an image lead to places in the image.
linked=$tmp/linked outside=$tmp/outside
mkdir -p "$linked/etc" "$outside"
ln -s "$outside" "$linked/etc/modprobe.d"
run kvmtune --root "$linked" ept off
is "$(ls -A "$outside")" '' 'an absolute link does not lead out of the image'
rm -r "$linked"
mkdir -p "$linked/etc"
ln -s ../../outside "$linked/etc/modprobe.d"
run kvmtune --root "$linked" ept off
is "$(ls -A "$outside")" '' 'nor does one with dots'
rm -r "$linked"
mkdir -p "$linked/etc/modprobe.d"
ln -s "$outside/file" "$linked/etc/modprobe.d/zz-kvmtune.conf"
run kvmtune --root "$linked" ept off
is "$status$(ls -A "$outside")" 3 'nor does one in the place of our file'
like "$err" 'zz-kvmtune.conf is a symbolic link' 'which is refused'
ok 'and stays' [ -L "$linked/etc/modprobe.d/zz-kvmtune.conf" ]

# Odd things where files should be.
odd=$tmp/odd
mkdir -p "$odd/etc/modprobe.d/dir.conf"
mkfifo "$odd/etc/modprobe.d/fifo.conf"
ln -s nowhere "$odd/etc/modprobe.d/broken.conf"
ln -s loop.conf "$odd/etc/modprobe.d/loop.conf"
head -c 3000000 /dev/zero >"$odd/etc/modprobe.d/long.conf"
head -c 60000 /dev/urandom >"$odd/etc/modprobe.d/noise.conf"
run timeout 10 "$KVMTUNE_FAKE" --root "$odd" status
is "$status$err" 0 'directories, FIFOs, loops, noise and long files in modprobe.d'
run timeout 10 "$KVMTUNE_FAKE" --root "$odd" ept off
is "$status$err" 0 'are no obstacle'

# Nothing at all.
host empty-root-image
empty=$tmp/empty
mkdir "$empty"
run kvmtune --root "$empty" status
is "$status$err" 0 'status of an empty directory'
run kvmtune --root "$empty" ept off
is "$status$err" 0 'ept off in an empty directory makes what is missing'
run kvmtune --root "$empty" undo
ok 'and undo takes the file away' [ ! -e "$empty/etc/modprobe.d/zz-kvmtune.conf" ]
run kvmtune --root "$empty" guests
like "$status $err" '^4 .*an image has no processes' 'an image has no guests'
run kvmtune --root "$tmp/out" status
status_is 2 'a file is no root directory'

# The real program does the same.
rm -r "${image:?}"/{etc/modprobe.d,lib,var}
run "$KVMTUNE" --root "$image" ept off
image_file
is "$status $lines" '0 options kvm_intel ept=0' 'the real kvmtune: ept off in an image'
run "$KVMTUNE" --root "$image" undo
image_file
is "$status $lines" '0 ' 'the real kvmtune: undo in an image'

done_testing
