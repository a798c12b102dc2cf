#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Files that are there and cannot be read: status tells all the rest, and what it does not know;
# a change does not rest on a guess.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# unreadable ERROR PATH: on the host as it is
unreadable()
{
	printf 'unreadable %s %s\n' "$1" "$2" >>"$KVMTUNE_FAKE_HOST/fake/host"
}

# reported COMMAND...: it says all it can, in text and in JSON
reported()
{
	run kvmtune "$@" --json
	is "$status$err" 0 "$*: works in JSON"
	read_all before
	run kvmtune "$@"
	is "$status$err" 0 "$*: works"
	nothing_changed "$*: changes nothing"
}

# ---- KSM: unit files, tmpfiles.d, tuned ----

for path in /lib/systemd/system/ksm.service /etc/systemd/system/ksm.service \
	/etc/tmpfiles.d /etc/tmpfiles.d/ksm.conf /run/systemd/system; do
	host ksm-off
	put_dir=$KVMTUNE_FAKE_HOST/root/etc/tmpfiles.d
	mkdir -p "$put_dir"
	echo 'w /sys/kernel/mm/ksm/run - - - - 1' >"$put_dir/ksm.conf"
	unreadable EIO "$path"
	reported status
	like "$out" 'kvm_intel .*loaded' "$path: status says the rest"
	like "$out" "not seen: $path .*\\(Input/output error\\), which may set KSM or THP at boot" \
		"$path: and what it does not know"
	like "$out" 'ksm .*unknown at the next boot' "$path: the next boot is not guessed"
	reported ksm
	like "$out" "not seen: $path " "$path: ksm says so, too"
	for command in 'ksm off' 'ksm on' 'ksm off --dry-run' 'ksm unmerged'; do
		read_all before
		# shellcheck disable=SC2086 # words
		run kvmtune $command
		is "$status" 1 "$path: $command is refused"
		like "$err" "cannot read $path: Input/output error" "$path: $command says why"
		nothing_changed "$path: $command changes nothing"
	done
	run kvmtune audit ksm=off
	is "$status" 1 "$path: audit does not guess"
	run kvmtune ept off --dry-run
	is "$status" 0 "$path: EPT is not concerned"
done

# What systemd says is known all the same: on.
host ksm-tuned
unreadable EIO /lib/systemd/system/ksmtuned.service
COLUMNS=132 reported status
like "$out" 'on at the next boot' 'a service that systemd calls enabled'

# Users other than root may find that they may not look.
host ksm-off
sed -i 's/^root yes/root no/' "$KVMTUNE_FAKE_HOST/fake/host"
unreadable EACCES /lib/systemd/system/ksm.service
reported status
like "$out" 'not seen: /lib/systemd/system/ksm.service \(Permission denied\)' 'no rights: it is said'
refused 4 not-root 'cannot read .*Permission denied' ksm off

# ---- modprobe.d ----

host intel-ept-on
echo 'options kvm_intel ept=0' >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/kvm.conf"
unreadable EIO /etc/modprobe.d/kvm.conf
reported status
like "$out" 'ept +on; unknown at the next load +not all files could be read' 'the next load is unknown'
like "$out" 'not seen: /etc/modprobe.d/kvm.conf \(Input/output error\), which may decide the next' \
	'and why'
reported ept
like "$out" 'not seen: /etc/modprobe.d/kvm.conf' 'ept says so, too'
run kvmtune ept --json
like "$out" '"next": ?null' 'null in JSON'
run kvmtune audit ept=on
is "$status" 1 'audit does not take it for what was asked for'
# Our own file comes after it: with a word of ours nothing is left to be guessed.
run kvmtune ept off
own_file
is "$status $lines" '0 options kvm_intel ept=0' 'ept off: our file takes precedence'
like "$out" 'not seen: /etc/modprobe.d/kvm.conf' 'ept off: and says what was not seen'
run kvmtune status
like "$out" 'ept +off, now and at the next load' 'and then the next load is known'
run kvmtune ept on
own_file
is "$status $lines" '0 options kvm_intel ept=1' 'ept on: our file says so, nothing is left to a guess'
run kvmtune undo
is "$status" 0 'undo works'
own_file
is "$lines" 'options kvm_intel ept=0' 'and leads back'

# One that comes after ours.
for path in /etc/modprobe.d/zzz.conf /run/modprobe.d /proc/cmdline; do
	host intel-ept-on
	put_file=$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zzz.conf
	echo '# not known' >"$put_file"
	unreadable ENOMEM "$path"
	refused 4 unknown-state "contents of $path are unknown \\(Cannot allocate memory\\)" ept off
done

# The kernel command line beats all files.
host cmdline
unreadable EIO /etc/modprobe.d
reported status
like "$out" 'ept +on, now and at the next load +kernel command line' 'the kernel command line takes precedence'

# Our own: what others have put there would be lost.
host intel-ept-off
unreadable EIO /etc/modprobe.d/zz-kvmtune.conf
reported status
like "$out" 'unknown at the next load' 'our own file cannot be read'
refused 4 unknown-state 'the contents of /etc/modprobe.d/zz-kvmtune.conf are unknown' ept on
refused 4 unknown-state 'the contents of /etc/modprobe.d/zz-kvmtune.conf are unknown' ept off

# libkmod would wait for ever.
host intel-ept-on
mkfifo "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/a.conf"
reported status
like "$out" 'not seen: /etc/modprobe.d/a.conf \(not a regular file\)' 'a FIFO in modprobe.d'
run kvmtune ept off
is "$status" 4 'a change does not wait for it'
like "$err" 'a.conf is not a regular file: modprobe could hang on it' 'and says why'

# ---- whose pages are merged, and under what limits ----

for path in /proc/41922/ksm_merging_pages /proc/41922/cgroup; do
	host ksm-cgroup
	unreadable EIO "$path"
	reported ksm
	like "$out" "not seen: $path .*which may decide how much memory unmerging needs" "$path: ksm says it"
	read_all before
	run kvmtune ksm unmerged
	is "$status" 1 "$path: ksm unmerged does not guess"
	like "$err" "cannot read $path: Input/output error" 'and says why'
	nothing_changed "$path: nothing is changed"
	run kvmtune ksm off --dry-run
	is "$status" 0 "$path: ksm off does not need to know"
done

# ---- the rest ----

# One after the other cannot be read, and the reports say the rest.
for path in /proc/meminfo /proc/pressure/memory /proc/vmstat /proc/cpuinfo /proc/modules \
	/proc/sys/kernel/modules_disabled /sys/kernel/mm/ksm /sys/kernel/mm/ksm/run /dev/kvm \
	/sys/module/kvm_intel/refcnt /sys/module/kvm_intel/initstate \
	/sys/module/kvm_intel/parameters/ept /var/lib/kvmtune/journal /etc/tuned/active_profile \
	/proc /proc/41922/ksm_merging_pages /proc/41922/cgroup; do
	host ksm-cgroup
	unreadable EIO "$path"
	for command in status ksm ept guests; do
		run kvmtune "$command"
		is "$status$err" 0 "$path cannot be read: $command works"
	done
done

host ksm-off
unreadable EIO /sys/kernel/mm/ksm
unreadable EIO /sys/kernel/mm/ksm/run
run kvmtune status
like "$out" 'ksm +unknown: cannot be read' 'KSM that cannot be looked at is not absent'

# sysfs answers with an error while a module goes away (fs/kernfs: ENODEV).
host intel-ept-on
unreadable EIO /sys/module/kvm_intel/initstate
run kvmtune status
like "$out" 'kvm_intel +being loaded or removed right now' 'a module whose state cannot be read'
refused 3 module-busy 'loading or removing' ept off

done_testing
