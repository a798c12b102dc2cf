# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib.sh - what scenarios are written with, inside the machine. A scenario file begins with
#
#	. /io/lib.sh
#
# and goes on with any number of
#
#	scenario "what it shows"      begins on a reset host; gives one line of TAP at its end
#	go_on "what it shows"         a scenario that begins where the one before, or the last boot, ended
#	run COMMAND [ARG...]          sets $status, $stdout, $stderr
#	ok   WHAT COMMAND [ARG...]    COMMAND must succeed
#	not  WHAT COMMAND [ARG...]    COMMAND must fail
#	is   WHAT GOT WANTED          strings that are equal
#	like WHAT TEXT PATTERN        TEXT has a line that matches (grep -E)
#	unlike WHAT TEXT PATTERN
#	skip REASON                   the rest of the scenario is for other machines: return or end after it
#	start COMMAND [ARG...]        the same in the background: its process is $started
#	finish                        waits for it, sets $status, $stdout, $stderr
#	wait_for SECONDS COMMAND...   until COMMAND succeeds; fails where it does not
#	hold KIND [ARG...]            starts kvmhold, waits until it holds; its process: $held
#	hold_program COMMAND...       another one, that prints "ready"
#	said LINE                     one that holds has printed it since the last began
#	release                       ends all that hold, and what was started
#	snapshot FILE                 writes the host's state, and to FILE.load what changes with each load
#	same_state A B                the states are equal (commands, for ok and not)
#	same_load A B                 the modules were not loaded anew in between either
#	same_host, same_host_load     the same, but for kvmtune's own journal and lock
#	same_kvm_load A B             kvm was not loaded anew
#	reset_host                    what `scenario` does first
#	parameter MODULE NAME         its value
#	$module $setting $virt        kvm_intel ept vmx, or kvm_amd npt svm; $yes $no: values of nested
#	cpu_has FLAG                  as in /proc/cpuinfo; vmx_has FLAG: in its "vmx flags"
#	diag TEXT                     shown if the scenario fails
#
# A scenario fails when one of its checks does, or when the kernel complained meanwhile.

lib_dir=/run/kvmtune-vm
lib_scenario=""
lib_trees="/etc/modprobe.d /run/modprobe.d /usr/local/lib/modprobe.d /lib/modprobe.d"
lib_files="" # of which only the content matters
lib_settled=""
held="" started=""
mkdir -p $lib_dir
dmesg -C # complaints of the boot are not the scenario's

# --- TAP -----------------------------------------------------------------------------------------------

# To the job's output, and to the console for those who watch.
lib_tap() { printf '%s\n' "$*" | tee /dev/console; }

diag() { printf '%s\n' "$*" | sed 's/^/    # /' >>$lib_dir/diag; }

lib_uptime() { read -r uptime _ </proc/uptime && echo "$uptime"; }

# Of the kernel's messages since the last time: to read all of them again takes Bochs 0.2 s.
lib_complaints() { dmesg -S -c | grep -E 'WARNING:|BUG:|Oops|general protection|Call Trace'; }

scenario()
{
	lib_end_scenario
	reset_host
	lib_begin "$1"
}

go_on()
{
	lib_end_scenario
	lib_begin "$1"
}

lib_begin()
{
	lib_scenario=$1 lib_failed=0 lib_checks=0 lib_skip="" lib_told=yes status="" stdout="" stderr=""
	lib_started=$(lib_uptime)
	: >$lib_dir/diag
}

lib_end_scenario()
{
	[ -n "$lib_scenario" ] || return 0
	is "the kernel did not complain" "$(lib_complaints)" ""
	[ "$lib_checks" -gt 1 ] || [ -n "$lib_skip" ] || lib_fail "it checks nothing"
	if [ "$lib_failed" = 0 ]; then
		lib_tap "ok - $lib_scenario$lib_skip"
	else
		lib_tap "not ok - $lib_scenario"
		cat $lib_dir/diag
	fi
	echo "# from $lib_started to $(lib_uptime) s: $lib_scenario"
	lib_scenario=""
	sync # a machine that is ended by force still tells what was done
}

lib_at_exit()
{
	lib_status=$?
	[ -z "$lib_scenario" ] || [ $lib_status = 0 ] || lib_fail "the scenario's shell ended with status $lib_status"
	lib_end_scenario
	release
}
trap lib_at_exit EXIT

lib_fail()
{
	lib_failed=1
	diag "failed: $1"
	[ -n "$lib_told" ] || diag "after: $lib_command
  status $status
  stdout: $stdout
  stderr: $stderr"
	lib_told=yes
	[ $# -lt 2 ] || diag "$2"
}

lib_check() { lib_checks=$((lib_checks + 1)); }

ok()
{
	lib_check
	lib_what=$1
	shift
	lib_said=$("$@" 2>&1) || lib_fail "$lib_what" "'$*' failed: $lib_said"
}

not()
{
	lib_check
	lib_what=$1
	shift
	! lib_said=$("$@" 2>&1) || lib_fail "$lib_what" "'$*' did not fail: $lib_said"
}

is()
{
	lib_check
	[ "$2" = "$3" ] || lib_fail "$1" "got:    '$2'
wanted: '$3'"
}

like()
{
	lib_check
	printf '%s\n' "$2" | grep -qE -e "$3" || lib_fail "$1" "nothing like '$3' in: $2"
}

unlike()
{
	lib_check
	! printf '%s\n' "$2" | grep -qE -e "$3" || lib_fail "$1" "'$3' should not be in: $2"
}

skip() { lib_skip=" # SKIP $1"; }

run()
{
	lib_command=$*
	"$@" >$lib_dir/stdout 2>$lib_dir/stderr
	lib_ran $? $lib_dir
}

lib_ran()
{
	status=$1 lib_told=""
	stdout=$(cat "$2/stdout")
	stderr=$(cat "$2/stderr")
}

start()
{
	mkdir -p $lib_dir/started
	lib_command_started=$*
	"$@" >$lib_dir/started/stdout 2>$lib_dir/started/stderr &
	started=$!
}

finish()
{
	lib_command=$lib_command_started
	wait "$started"
	lib_ran $? $lib_dir/started
	started=""
}

wait_for()
{
	read -r lib_now _ </proc/uptime
	lib_end=$((${lib_now%.*} + $1))
	shift
	until "$@"; do
		read -r lib_now _ </proc/uptime
		[ "${lib_now%.*}" -lt $lib_end ] || return 1
		sleep 0.1
	done
}

# --- what is kept in the background --------------------------------------------------------------------

# Starts a program and waits until it says that it is ready.
hold_program()
{
	: >$lib_dir/ready
	"$@" >>$lib_dir/ready 2>&1 &
	held="$! $held"
	held=${held% }
	wait_for 30 lib_held_or_gone
	said ready || lib_fail "'$*' is not ready" "$(cat $lib_dir/ready)"
}

lib_held_or_gone() { said ready || ! kill -0 "${held%% *}" 2>/dev/null; }

hold() { hold_program kvmhold "$@"; }

said() { grep -qx "$1" $lib_dir/ready; }

release()
{
	for lib_pid in $held $started; do
		kill "$lib_pid" 2>/dev/null
		wait "$lib_pid" 2>/dev/null
	done
	held="" started=""
}

# --- the host's state ----------------------------------------------------------------------------------

parameter() { cat "/sys/module/$1/parameters/$2"; }

cpu_has() { grep -qwE "^flags.* $1" /proc/cpuinfo; }

vmx_has() { grep -qwE "^vmx flags.* $1" /proc/cpuinfo; }

# What this machine's processor has; no module where it has nothing. nested is a number in kvm_amd.
# bad: an option that its kernel refuses and kvmtune, whose setting it is not, does not judge.
module="" setting=ept virt=vmx yes=Y no=N bad=ple_gap=banana
if cpu_has vmx; then
	module=kvm_intel
elif cpu_has svm; then
	module=kvm_amd setting=npt virt=svm yes=1 no=0 bad=pause_filter_thresh=banana
fi
: "$setting" "$virt" "$yes" "$no" "$bad" # for the scenarios

# sysfs gives each directory a new inode number, so this changes with each load of the module, and with
# nothing else (its times do: they are those of the inode's last stay in memory).
load_identity() { stat -c %i "/sys/module/$1" 2>/dev/null || echo "not loaded"; }

snapshot()
{
	udev_settle
	# Few processes: each costs Bochs 25 ms
	{
		grep -sr '' /sys/module/kvm/parameters /sys/module/kvm_intel/parameters /sys/module/kvm_amd/parameters
		# shellcheck disable=SC2086 # a list of directories
		find $lib_trees /var/lib/kvmtune /dev/kvm -printf '%p %y %m %U:%G %l\n' -type f -exec sha256sum {} +
		lib_more_state
	} 2>/dev/null | sort >"$1"
	stat -c '%n %i' /sys/module/kvm /sys/module/kvm_intel /sys/module/kvm_amd >"$1.load" 2>/dev/null
}

same_state() { diff "$1" "$2"; }

same_load() { diff "$1" "$2" && diff "$1.load" "$2.load"; }

# Without kvmtune's own journal and lock
same_host() { diff -I /var/lib/kvmtune "$1" "$2"; }

same_host_load() { same_host "$1" "$2" && diff "$1.load" "$2.load"; }

same_kvm_load()
{
	grep '/kvm ' "$1.load" >"$1.kvm"
	grep '/kvm ' "$2.load" >"$2.kvm"
	diff "$1.kvm" "$2.kvm"
}

# --- the baseline --------------------------------------------------------------------------------------

# Waits until udev has dealt with the /dev/kvm of the last load. Asking udevd takes Bochs 0.2 s.
udev_settle()
{
	lib_node=$(stat -c %i /dev/kvm 2>/dev/null)
	[ "$lib_node" != "$lib_settled" ] || return 0
	[ ! -S /run/udev/control ] || udevadm settle
	lib_settled=$lib_node
}

# Each tree and file when it is first seen: a boot's second scenario file may know of more of them.
lib_save_baseline()
{
	for lib_tree in $lib_trees $lib_files; do
		[ ! -d "$lib_dir/saved$lib_tree" ] || continue
		mkdir -p "$lib_dir/saved$lib_tree" "$lib_dir/baseline${lib_tree%/*}"
		[ ! -e "$lib_tree" ] || cp -a "$lib_tree" "$lib_dir/baseline$lib_tree"
	done
	[ ! -e $lib_dir/kvm ] || return 0
	lib_reset_module # it sets some of kvm's parameters
	find /sys/module/kvm/parameters -type f -perm -200 -exec grep '' /dev/null {} + >$lib_dir/kvm
}

# shellcheck disable=SC2034 # ksm.sh wants to know
lib_reset_files()
{
	lib_files_changed=""
	for lib_tree in $lib_trees; do
		[ -e "$lib_tree" ] || [ -L "$lib_tree" ] || [ -e "$lib_dir/baseline$lib_tree" ] || continue
		diff -r --no-dereference "$lib_tree" "$lib_dir/baseline$lib_tree" >/dev/null 2>&1 && continue
		lib_files_changed=yes
		rm -rf "$lib_tree"
		[ ! -d "$lib_dir/baseline$lib_tree" ] || cp -a "$lib_dir/baseline$lib_tree" "$lib_tree"
	done
	for lib_file in $lib_files; do
		cp -a "$lib_dir/baseline$lib_file" "$lib_file"
	done
	rm -rf /var/lib/kvmtune
}

# kvm stays loaded from one scenario to the next (it takes seconds to load): put back what was set in it.
lib_reset_kvm()
{
	[ -d /sys/module/kvm ] || modprobe kvm
	while IFS=: read -r lib_file lib_value; do
		read -r lib_now <"$lib_file"
		[ "$lib_now" = "$lib_value" ] || echo "$lib_value" >"$lib_file"
	done <$lib_dir/kvm
}

# Loaded with defaults; left alone if it still is as we loaded it.
lib_reset_module()
{
	[ -n "$module" ] || return 0
	[ "$(load_identity "$module")" != "$(cat $lib_dir/fresh 2>/dev/null)" ] || return 0
	! [ -d "/sys/module/$module" ] || rmmod "$module" || lib_bail_out "$module cannot be removed"
	modprobe "$module" || lib_bail_out "$module cannot be loaded"
	load_identity "$module" >$lib_dir/fresh
	udev_settle
}

lib_bail_out()
{
	lib_tap "Bail out! reset_host: $1"
	lib_scenario=""
	trap - EXIT
	exit 99
}

# For those who test more than modules (ksm.sh)
lib_more_state() { :; }
lib_more_reset() { :; }

reset_host()
{
	release
	lib_save_baseline
	lib_reset_files
	lib_reset_kvm
	lib_reset_module
	lib_more_reset
}
