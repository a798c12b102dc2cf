# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Other units that a start or a stop of the services has to do with, and services that are on their way.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

etc=/etc/systemd/system

# unit NAME LINE...: of somebody else
unit()
{
	lib_unit=$1
	shift
	printf '%s\n' '[Unit]' 'DefaultDependencies=no' "$@" >"$etc/$lib_unit"
}

runs() { printf '%s\n' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' "ExecStart=${1:-/bin/true}"; }

# service NAME LINE...: one that stays active; the lines are of [Unit]
service()
{
	unit "$@"
	runs >>"$etc/$1"
	systemctl daemon-reload
}

# drop_in NAME LINE...: of a service of KSM
drop_in()
{
	mkdir -p "$etc/$1.d"
	lib_unit=$1
	shift
	printf '%s\n' "$@" >"$etc/$lib_unit.d/test.conf"
	systemctl daemon-reload
}

# refused_as ID NAME COMMAND...: and nothing is done, which the dry run says, too
refused_as()
{
	lib_id=$1 lib_named=$2
	shift 2
	snapshot /tmp/before
	run "$@" --dry-run
	is "dry run: exit status" "$status" 3
	run "$@" --json
	is "exit status" "$status" 3
	like "its id" "$stdout" "\"$lib_id\""
	like "who it is" "$stdout" "$lib_named"
	snapshot /tmp/after
	ok "nothing changed" same_host /tmp/before /tmp/after
}

restored_by()
{
	run "$@"
	is "$*: exit status" "$status" 0
	snapshot /tmp/after
	ok "$*: all is as before" same_host /tmp/before /tmp/after
}

for relation in Requires BindsTo PartOf; do
	scenario "a unit with $relation=ksmtuned.service runs: off is refused"
	services enable --now
	service web.service "$relation=ksmtuned.service" "After=ksmtuned.service"
	systemctl start web
	refused_as stops-others web.service kvmtune ksm off
	systemctl stop web
	snapshot /tmp/before
	run kvmtune ksm off
	is "it does not run: off: exit status" "$status" 0
	restored_by kvmtune undo
done

scenario "through another one, which does not run itself"
services enable --now
service middle.service PartOf=ksm.service
service web.service PartOf=middle.service
systemctl start web
refused_as stops-others web.service kvmtune ksm off
run kvmtune ksm off --defer
is "deferred: nothing is stopped: exit status" "$status" 5
is "it runs" "$(systemctl is-active web)" active
run kvmtune undo
is "undo: exit status" "$status" 0

scenario "PropagatesStopTo of the service itself"
services enable --now
service web.service
drop_in ksm.service '[Unit]' PropagatesStopTo=web.service
systemctl start web
refused_as stops-others web.service kvmtune ksm off

scenario "a start would stop a unit of somebody else"
service web.service Conflicts=ksm.service
systemctl start web
refused_as stops-others web.service kvmtune ksm on

scenario "an active timer, and a unit that upholds: it would be started again"
services enable --now
unit ksm.timer '[Timer]' OnActiveSec=1h
systemctl daemon-reload
systemctl start ksm.timer
refused_as starts-again ksm.timer kvmtune ksm off
systemctl stop ksm.timer
rm $etc/ksm.timer
service keeper.service Upholds=ksmtuned.service
systemctl start keeper
refused_as starts-again keeper.service kvmtune ksm off

scenario "what the service needs and wants is started before it, and stopped by undo"
service base.service
service needed.service Requires=base.service
service wanted.service
service idle.service
drop_in ksm.service '[Unit]' Requires=needed.service Wants=wanted.service
snapshot /tmp/before
run kvmtune ksm on --dry-run
like "dry run: it is named" "$stdout" "start +needed.service"
run kvmtune ksm on
is "on: exit status" "$status" 0
is "they run" "$(systemctl is-active base needed wanted idle | paste -sd ' ')" "active active active inactive"
restored_by kvmtune undo

scenario "what is used by others by now stays, and undo says so"
service needed.service
drop_in ksm.service '[Unit]' Requires=needed.service
run kvmtune ksm on
service web.service Requires=needed.service
systemctl start web
run kvmtune undo
is "undo: exit status" "$status" 0
like "undo: it stays" "$stdout" "needed.service"
is "it runs" "$(systemctl is-active needed web | paste -sd ' ')" "active active"

scenario "a start does not start what is stopped elsewhere"
services enable --now
service elsewhere.service
mkdir -p $etc/sysinit.target.wants
ln -s ../elsewhere.service $etc/sysinit.target.wants/elsewhere.service
systemctl daemon-reload
snapshot /tmp/before
run kvmtune ksm off
restored_by kvmtune undo
is "it is left" "$(systemctl is-active elsewhere)" inactive

scenario "what the service needs is masked: refused"
drop_in ksm.service '[Unit]' Requires=nowhere.service
refused_as unit-not-startable nowhere.service kvmtune ksm on

scenario "it may not be stopped by hand: refused"
services enable --now
drop_in ksm.service '[Unit]' RefuseManualStop=yes
refused_as unit-not-stoppable ksm.service kvmtune ksm off

scenario "it is just being stopped by somebody else, and writes 1 at its end"
drop_in ksm.service '[Service]' 'ExecStop=/bin/sh -c "sleep 4; echo 1 >/sys/kernel/mm/ksm/run"'
services enable --now
systemctl stop ksmtuned
systemctl stop --no-block ksm
is "it is on its way" "$(systemctl is-active ksm)" deactivating
run kvmtune ksm off --dry-run
like "dry run: says so" "$stdout" "deactivating"
run kvmtune ksm off
is "off: exit status" "$status" 0
is "run" "$(ksm run)" 0
is "it has stopped" "$(systemctl is-active ksm)" inactive
sleep 5
is "run, later" "$(ksm run)" 0
run kvmtune undo
is "undo: exit status" "$status" 0
is "it was being stopped: it is not started" "$(systemctl is-active ksm)" inactive

scenario "it is just being started, and writes 1 at its end"
without ksmtuned.service
drop_in ksm.service '[Service]' 'ExecStartPost=/bin/sh -c "sleep 4; echo 1 >/sys/kernel/mm/ksm/run"'
systemctl --quiet enable ksm
systemctl start --no-block ksm
is "it is on its way" "$(systemctl is-active ksm)" activating
run kvmtune ksm off
is "off: exit status" "$status" 0
sleep 5
is "run" "$(ksm run)" 0
like "it has stopped, in the middle of its start" "$(systemctl is-active ksm)" "^(inactive|failed)$"
run kvmtune undo
is "undo: exit status" "$status" 0
is "it was being started: it runs" "$(systemctl is-active ksm)" active

scenario "its start waits behind another one's"
without ksmtuned.service
unit slow.service Before=ksm.service
runs '/bin/sleep 6' >>$etc/slow.service
systemctl daemon-reload
systemctl start --no-block slow
systemctl start --no-block ksm
is "it waits" "$(systemctl show -p ActiveState --value ksm)" inactive
run kvmtune ksm off
is "off: exit status" "$status" 0
sleep 7
is "it was not started" "$(systemctl is-active ksm)" inactive
is "run" "$(ksm run)" 0

scenario "it is between two runs of Restart=always"
drop_in ksmtuned.service '[Service]' Type=simple ExecStart= ExecStart=/bin/true Restart=always RestartSec=2 GuessMainPID=no
services enable
systemctl start ksm
systemctl start --no-block ksmtuned
wait_for 10 sh -c 'systemctl is-active ksmtuned | grep -q activating'
run kvmtune ksm off
is "off: exit status" "$status" 0
sleep 3
is "it stays stopped" "$(systemctl is-active ksmtuned)" inactive

scenario "nothing is merged, and less memory is free than the reserve: unmerged needs none"
services enable --now
ksm_set run 0
free=$(meminfo MemAvailable)
for when in --dry-run ""; do
	# shellcheck disable=SC2086 # no word where it is empty
	run kvmtune ksm unmerged $when --reserve $((free + 100000))K
	is "unmerged $when: exit status" "$status" 0
done
is "the services" "$(units)" "disabled inactive, disabled inactive"
run kvmtune undo
is "undo: exit status" "$status" 0

scenario "lines of others in our file of tmpfiles.d stay"
without ksmtuned.service
without ksm.service
run kvmtune ksm on
is "on: exit status" "$status" 0
echo 'd /run/theirs 0755' >>/etc/tmpfiles.d/00-kvmtune.conf
run kvmtune undo
is "undo: exit status" "$status" 0
is "their line, and nothing else" "$(cat /etc/tmpfiles.d/00-kvmtune.conf)" 'd /run/theirs 0755'
