# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Calls that fail, and the command that is killed at them: see guest/faults.c. /io/faults, where it is there,
# has options of its `all`; without it some of each command are tried.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
if [ -d /run/systemd/system ]; then . /io/ksm.sh; else . /io/lib.sh; fi

options="--sample 150 --seconds 15"
[ ! -e /io/faults ] || read -r options </io/faults

# What would change by itself while it is compared: ksmtuned, and how often systemd lets a unit be started.
quiet_services()
{
	mkdir -p /run/systemd/system.conf.d
	printf '[Manager]\nDefaultStartLimitIntervalSec=0\n' >/run/systemd/system.conf.d/faults.conf
	echo KSM_MONITOR_INTERVAL=100000 >>/etc/ksmtuned.conf
	systemctl daemon-reload
}

# $1: the command; the rest: options of its own
faults_of()
{
	command=$1
	shift
	# shellcheck disable=SC2086 # a list of options
	run faults "$@" $options all "$command"
	printf '%s\n' "$stdout"
	is "exit status" "$status" 0
	unlike "broken" "$stdout" "^broken:"
	like "it was tried" "$stdout" "^tally"
}

[ ! -d /run/systemd/system ] || quiet_services

scenario "$setting off"
faults_of "$setting off"

scenario "$setting on"
faults_of "$setting on" --after "$setting off"

if [ ! -d /run/systemd/system ]; then
	scenario "undo"
	faults_of undo --after "$setting off"
	exit 0
fi

scenario "ksm off"
services enable --now
faults_of "ksm off"

scenario "ksm unmerged"
services enable --now
fill 4
merge 1000
faults_of "ksm unmerged --reserve 0 --watch 0"

scenario "apply $setting=off ksm=off"
services enable --now
faults_of "apply $setting=off ksm=off"

scenario "undo of both"
services enable --now
faults_of undo --after "apply $setting=off ksm=off"
