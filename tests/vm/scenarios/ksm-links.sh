# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What starts the services at boot: links of every kind, removed and made again exactly, on a real systemd.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

etc=/etc/systemd/system run=/run/systemd/system lib=/lib/systemd/system

# off_and_back: off works, says nothing is enabled, and undo leads back to the host that was
off_and_back()
{
	snapshot /tmp/before
	run kvmtune ksm off
	is "off: exit status" "$status" 0
	unlike "off: what systemd says" "$(units)" "^enabled|, enabled| active"
	run kvmtune undo
	is "undo: exit status" "$status" 0
	snapshot /tmp/after
	ok "undo: all is as before" same_host /tmp/before /tmp/after
}

# wanted DIR UNIT.wants NAME TARGET: a link; and systemd reads its files
wanted()
{
	mkdir -p "$1/$2"
	ln -s "$4" "$1/$2/$3"
	systemctl daemon-reload
}

scenario "a link in another target's .wants"
wanted $etc timers.target.wants ksm.service $lib/ksm.service
systemctl start ksm.service
off_and_back

scenario "a link in .requires and one in .upholds, relative ones"
wanted $etc timers.target.requires ksm.service ../../../../lib/systemd/system/ksm.service
wanted $etc timers.target.wants ksmtuned.service ../../../../lib/systemd/system/ksmtuned.service
services start
off_and_back

scenario "links in /run and in /etc at once"
services enable
wanted $run multi-user.target.wants ksmtuned.service $lib/ksmtuned.service
systemctl start ksmtuned
off_and_back

scenario "links in /run only"
systemctl --quiet enable --runtime ksm.service
off_and_back

scenario "another name of the service"
ln -s $lib/ksm.service $etc/samepages.service
services enable
systemctl daemon-reload
systemctl start samepages.service
off_and_back

scenario "a service wanted by another name: refused before anything is done"
ln -s $lib/ksm.service $etc/samepages.service
wanted $etc multi-user.target.wants samepages.service $lib/ksm.service
systemctl start ksm
snapshot /tmp/before
run kvmtune ksm off --dry-run
is "dry run: exit status" "$status" 3
run kvmtune ksm off
is "exit status" "$status" 3
like "which link" "$stderr" "samepages.service"
snapshot /tmp/after
ok "nothing changed" same_host /tmp/before /tmp/after

scenario "a unit file from elsewhere, linked and enabled"
without ksmtuned.service
without ksm.service
mkdir -p /opt/ksm
sed 's/^Condition.*//' $lib_dir/units/ksm.service >/opt/ksm/ksm.service
systemctl --quiet enable --now /opt/ksm/ksm.service
is "it is a link" "$(readlink $etc/ksm.service)" /opt/ksm/ksm.service
is "it runs" "$(systemctl is-active ksm)" active
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
is "the unit file stays" "$(readlink $etc/ksm.service)" /opt/ksm/ksm.service
is "it does not run" "$(systemctl is-active ksm)" inactive
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "undo: all is as before" same_host /tmp/before /tmp/after

scenario "a unit file from elsewhere, linked in /run, not enabled"
without ksmtuned.service
without ksm.service
mkdir -p /opt/ksm
sed 's/^Condition.*//' $lib_dir/units/ksm.service >/opt/ksm/ksm.service
systemctl --quiet link --runtime /opt/ksm/ksm.service
systemctl start ksm
off_and_back
rm -f $run/ksm.service

scenario "on where it was never on: the links of [Install], and nothing of them after undo"
rm -rf $etc/multi-user.target.wants/ksm.service $etc/multi-user.target.wants/ksmtuned.service
rmdir $etc/multi-user.target.wants 2>/dev/null && systemctl daemon-reload
snapshot /tmp/before
run kvmtune ksm on
is "on: exit status" "$status" 0
is "on: what systemd says" "$(units)" "enabled active, enabled active"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "undo: all is as before" same_host /tmp/before /tmp/after

scenario "the directory that off has emptied keeps its mode"
services disable
mkdir -m 0750 $etc/machines.target.wants
wanted $etc machines.target.wants ksm.service $lib/ksm.service
off_and_back

scenario "a mask in .wants is no link that starts"
services enable
mkdir -p $etc/timers.target.wants
ln -s /dev/null $etc/timers.target.wants/ksm.service
systemctl daemon-reload
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
not "the link that starts it is gone" test -L $etc/multi-user.target.wants/ksm.service
run kvmtune ksm off
like "off again: already" "$status $stdout" "^0 .*already"
run kvmtune undo
snapshot /tmp/after
ok "undo: all is as before" same_host /tmp/before /tmp/after
is "the mask is there" "$(readlink $etc/timers.target.wants/ksm.service)" /dev/null

scenario "what somebody has linked since is left alone by undo"
services enable
run kvmtune ksm off
wanted $etc timers.target.wants ksm.service $lib/ksm.service
run kvmtune undo
is "undo: exit status" "$status" 0
ok "the link is there" test -L $etc/timers.target.wants/ksm.service
ok "and ours" test -L $etc/multi-user.target.wants/ksm.service

scenario "a package was removed between two changes: undo says so, and older changes are reached"
services enable --now
run kvmtune ksm off
is "off" "$status" 0
ksm_set run 1
run kvmtune ksm off
is "off, again" "$status" 0
without ksmtuned.service
run kvmtune undo
is "first undo" "$status" 0
is "first undo: run" "$(ksm run)" 1
run kvmtune undo
is "second undo" "$status" 0
like "second undo: what is lost" "$stdout" "ksmtuned.service is not installed"
is "second undo: the rest" "$(units)" "absent inactive, enabled active"
run kvmtune undo
like "third undo: nothing is left" "$status $stdout" "^0 .*No change is left to undo"
