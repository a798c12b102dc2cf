#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm where no systemd runs: the switch is written now, nothing is saved, init scripts are named.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

switch()
{
	text_of value "$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/run"
}

host ksm-sysv
run kvmtune ksm off --dry-run
like "$status $out" '^0 .*nothing is saved for the next boot' 'dry run: nothing is saved'
run kvmtune ksm off
switch
is "$status $value" '0 0' 'off: written now'
run kvmtune audit ksm=off
status_is 0 'off: audit'
run kvmtune ksm off
like "$status $out" '^0 .*already' 'off: already'
run kvmtune undo
switch
is "$status $value" '0 1' 'undo'
run kvmtune ksm unmerged
switch
is "$status $value" '0 2' 'unmerged'
run kvmtune ksm on
switch
is "$status $value" '0 1' 'on: written now'
ok 'on: no file that nobody reads' [ ! -e "$KVMTUNE_FAKE_HOST/root/etc/tmpfiles.d" ]

host ksm-sysv
mv "$KVMTUNE_FAKE_HOST"/root/etc/rc2.d/{K01,S20}ksmtuned
run kvmtune ksm
like "$out" 'next boot +on +ksmtuned.service \(/etc/rc2.d/S20ksmtuned\)' 'a link that starts the script'
refused 3 unit-wanted '/etc/rc2.d/S20ksmtuned' ksm off
run kvmtune audit ksm=off
status_is 7 'a link that starts the script: audit'
host ksm-sysv
mv "$KVMTUNE_FAKE_HOST"/root/etc/rc2.d/{K01,S20}ksmtuned
chmod 644 "$KVMTUNE_FAKE_HOST/root/etc/init.d/ksmtuned"
run kvmtune ksm
like "$out" 'next boot +off +default' 'a script that cannot be run'

# In a chroot process 1 is systemd: only files are changed there.
host ksm-sysv
printf 'systemd\n' >"$KVMTUNE_FAKE_HOST/root/proc/1/comm"
run kvmtune ksm off
switch
is "$status $value" '5 1' 'a chroot: as before'

done_testing
