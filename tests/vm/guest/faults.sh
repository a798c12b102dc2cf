# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults.sh - what scenarios with faults are written with, besides lib.sh or, with systemd, ksm.sh, which it reads
#
#	faults_of COMMAND [OPTION...]    has its calls fail; options are those of faults
#	quiet_services                   nothing changes by itself while it is compared, and systemd has little to do
#
# /io/faults, where it is there, has options for all; without it some faults of each command are tried.

faults_lib=/io/lib.sh
[ ! -d /run/systemd/system ] || faults_lib=/io/ksm.sh
# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. $faults_lib

faults_options="--sample 150 --seconds 15"
[ ! -e /io/faults ] || read -r faults_options </io/faults

faults_of()
{
	command=$1
	shift
	# shellcheck disable=SC2086 # a list of options
	run faults "$@" $faults_options all "$command"
	printf '%s\n' "$stdout"
	is "exit status" "$status" 0
	unlike "broken" "$stdout" "^broken:"
	like "it was tried" "$stdout" "^tally"
	calls=$(printf '%s\n' "$stdout" | sed -n 's/^# \([0-9]*\) calls.*/\1/p')
	# A change of KSM reads the unit files of the boot before and after: some 8,400 at most. A loop without a
	# pause makes tens of thousands.
	ok "no more calls than it needs: $calls" [ "${calls:-99999}" -lt 10000 ]
}

# For each change of a service systemd reads all its units anew, which takes an emulator the most of its time.
few_units()
{
	systemctl list-units --state=active --no-legend --plain | cut -d " " -f 1 >/tmp/units
	for unit in /lib/systemd/system/*; do
		case ${unit##*/} in ksm* | shutdown.target | *.wants | *.d) continue ;; esac
		grep -qxF "${unit##*/}" /tmp/units || rm -rf "$unit"
	done
	find /lib/systemd/system /etc/systemd/system -xtype l -delete
}

# ksmtuned, and how often systemd lets a unit be started.
quiet_services()
{
	mkdir -p /run/systemd/system.conf.d
	printf '[Manager]\nDefaultStartLimitIntervalSec=0\n' >/run/systemd/system.conf.d/faults.conf
	echo KSM_MONITOR_INTERVAL=100000 >>/etc/ksmtuned.conf
	few_units
	systemctl daemon-reload
}
