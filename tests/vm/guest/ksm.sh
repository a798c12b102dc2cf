# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm.sh - what scenarios about same-page merging are written with, besides lib.sh, which it reads. They need
# a machine with systemd. A scenario begins with ksm and ksmtuned disabled and stopped, run 0, nothing merged.
#
#	ksm NAME                 a file of /sys/kernel/mm/ksm; ksm_set NAME VALUE
#	merged                   how many pages are (pages_shared + pages_sharing)
#	services WORD...         systemctl WORD for both services: services enable --now
#	units                    how both are: "enabled active, enabled active" (ksmtuned, ksm)
#	fill [OPTION...] MIB     ksmfill, until the scenario's end
#	merge PAGES              has the kernel merge quickly until so many pages are
#	meminfo NAME             in KiB
#	without UNIT             as if no package had brought it
#	ksmd_ticks               CPU time that the kernel's thread has used
#
# snapshot and same_host (lib.sh) see run, the services and what is in /etc/systemd/system, too.

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

lib_trees="$lib_trees /etc/systemd/system /run/systemd/system /etc/tmpfiles.d"
lib_files="/etc/ksmtuned.conf"
ksm_dir=/sys/kernel/mm/ksm

ksm() { cat $ksm_dir/"$1"; }

ksm_set() { echo "$2" >$ksm_dir/"$1"; }

merged() { echo $(($(ksm pages_shared) + $(ksm pages_sharing))); }

services() { systemctl --quiet "$@" ksm.service ksmtuned.service; }

units() { ksm_units_text "$(ksm_enabled ksmtuned)" "$(ksm_enabled ksm)" "$(systemctl is-active ksmtuned ksm)"; }

# systemd 257 says "not-found", 252 nothing
ksm_enabled() { systemctl is-enabled "$1.service" 2>/dev/null | sed 's/^not-found$//'; }

# shellcheck disable=SC2086 # two words
ksm_units_text() { printf '%s %s, %s %s\n' "${1:-absent}" ${3%%[!a-z]*} "${2:-absent}" ${3##*[!a-z]}; }

fill() { hold_program ksmfill "$@"; }

ksm_at_least() { [ "$(merged)" -ge "$1" ]; }

# The scanning speeds are put back: only run is left at 1.
merge()
{
	ksm_set pages_to_scan 20000
	ksm_set sleep_millisecs 2
	ksm_set run 1
	wait_for 60 ksm_at_least "$1" || lib_fail "only $(merged) of $1 pages were merged"
	ksm_speed_reset
}

ksm_speed_reset()
{
	ksm_set pages_to_scan 100
	ksm_set sleep_millisecs 20
}

meminfo() { awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo; }

ksmd_ticks() { awk '{ print $14 + $15 }' "/proc/$(pgrep -x ksmd)/stat"; }

# The unit files of packages, until the next reset
without()
{
	mkdir -p $lib_dir/units
	mv "/lib/systemd/system/$1" $lib_dir/units/
	systemctl daemon-reload
}

# Each systemctl costs 0.3 s; what is enabled is seen in /etc/systemd/system.
lib_more_state()
{
	echo "run $(ksm run)"
	# generator directories are made anew by each reload; transient units come and go
	find /etc/systemd /run/systemd/system -type l -printf 'link %p -> %l\n'
	systemctl list-units --all --plain --no-legend --type=service,target,timer,path,socket |
		awk '{ print "unit", $1, $2, $3, $4 }'
}

lib_more_reset()
{
	[ -z "$lib_files_changed" ] || systemctl daemon-reload
	[ ! -d $lib_dir/units ] || ksm_units_back
	[ -z "$lib_files_changed" ] || systemctl daemon-reload
	services stop
	ksm_set run 2
	ksm_set run 0
	ksm_speed_reset
}

ksm_units_back()
{
	mv $lib_dir/units/* /lib/systemd/system/
	rmdir $lib_dir/units
	lib_files_changed=yes
}
