# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An ordinary user keeps his processes from being read, by a file server of his own that never answers:
# each command of root's ends all the same, in bounded time and at a signal, and says which process it is.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

modprobe fuse
wait_for 5 test -e /dev/fuse
chmod 666 /dev/fuse
# A process that waits for minutes is no complaint here.
[ ! -e /proc/sys/kernel/hung_task_timeout_secs ] || echo 0 >/proc/sys/kernel/hung_task_timeout_secs

# Long enough for any machine: without a limit of its own each would wait for ever.
limited() { timeout -k 5 -s KILL 60 "$@"; }

hold_up()
{
	mode=$(stat -c %a /dev/kvm)
	chmod 666 /dev/kvm
	hold_program setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all holdup "$@"
	first=$(head -n 1 $lib_dir/ready)
}

let_go()
{
	release
	chmod "$mode" /dev/kvm
}

# pgrep and ps read command lines: they would wait for ever.
is_none_left()
{
	for comm in /proc/[0-9]*/comm; do
		read -r name 2>/dev/null <"$comm" || continue
		[ "$name" != kvmtune ] || return 1
	done
}

# A child is gone a moment after its parent.
none_left() { wait_for 5 is_none_left; }

has_ended() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

# interrupt COMMAND...: SIGINT while it looks at a process that does not answer
interrupt()
{
	start env --default-signal=INT "$@"
	sleep 0.6
	kill -INT "$started"
	wait_for 30 has_ended "$started" || kill -KILL "$started"
	finish
}

# hung COMMAND...: what holds it up is really held up, or these scenarios show nothing
hung() { timeout -s KILL 1 cat "$1" >/dev/null 2>&1; [ $? = 137 ]; }

scenario "commands that look end, and name who does not answer"
hold_up memory 1
ok "its command line cannot be read" hung "/proc/$first/cmdline"
run limited kvmtune guests
is "guests: exit status" "$status" 0
like "names it" "$stdout" "^ *$first +nobody +- +- +holdup .*does not answer"
like "says so" "$stdout" "not seen: the holders of KVM: PID $first does not answer"
run limited kvmtune guests --json
like "guests --json" "$(printf %s "$stdout" | tr -d ' \n')" "\"unanswering_processes\":\[$first\]"
run limited kvmtune status
is "status: exit status" "$status" 0
like "names it, too" "$stdout" "PID $first does not answer"
run limited kvmtune audit "$setting=off"
is "audit: exit status" "$status" 7
run limited kvmtune "$setting" off --dry-run
is "dry run: exit status" "$status" 3
like "refuses" "$stderr" "KVM is in use by 1 process"
like "and shows it" "$stderr" "^ *$first .*does not answer"
ok "nothing is left behind" none_left
let_go

scenario "a change is refused in bounded time, and done when he lets go"
hold_up memory 1
snapshot /tmp/before
run limited kvmtune "$setting" off
is "exit status" "$status" 3
like "refuses" "$stderr" "KVM is in use by 1 process"
like "and shows it" "$stderr" "^ *$first .*does not answer"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
ok "nothing is left behind" none_left
let_go
run limited kvmtune "$setting" off
is "then it is done" "$status" 0
run limited kvmtune undo

scenario "SIGINT ends each of them while it looks"
hold_up memory 1
snapshot /tmp/before
for command in status guests "audit $setting=off" "$setting off --dry-run" "$setting off" "$setting off --wait"; do
	# shellcheck disable=SC2086 # words
	interrupt kvmtune $command
	is "$command: exit status" "$status" 130
	ok "$command: nothing is left behind" none_left
done
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
run limited kvmtune undo --list
unlike "no change was begun" "$stdout" "interrupted"
let_go

scenario "many of them cost no more than a few"
hold_up memory 60
read -r before _ </proc/uptime
run limited kvmtune guests
read -r after _ </proc/uptime
diag "60 processes: ${before} to ${after}"
is "exit status" "$status" 0
is "all are listed" "$(printf '%s\n' "$stdout" | grep -c ' holdup ')" 60
like "the first say no" "$stdout" "$first .*does not answer"
like "the others were not asked" "$stdout" "5[0-9] more processes were not asked"
ok "nothing is left behind" none_left
let_go

scenario "one that is held up in the middle of execve()"
hold_up exec 1
ok "its maps cannot be read" hung "/proc/$first/maps"
run limited kvmtune guests
is "guests: exit status" "$status" 0
like "names it" "$stdout" "^ *$first +nobody"
run limited kvmtune ksm
is "ksm: exit status" "$status" 0
ok "nothing is left behind" none_left
let_go

scenario "merged pages of one that does not answer"
setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all holdup merge 1 >$lib_dir/ready 2>&1 &
held=$!
merge 100
ksm_set run 0
wait_for 30 said ready
first=$(head -n 1 $lib_dir/ready)
ok "its command line cannot be read" hung "/proc/$first/cmdline"
run limited kvmtune ksm
is "ksm: exit status" "$status" 0
like "names it, with its pages" "$stdout" "^ *$first +- +[0-9.]+ .iB +holdup .*does not answer"
like "says so" "$stdout" "not seen: processes with merged pages: PID $first does not answer"
run limited kvmtune ksm unmerged --dry-run --reserve 0
is "a dry run of unmerging: exit status" "$status" 0
interrupt kvmtune ksm
is "SIGINT ends it" "$status" 130
ok "nothing is left behind" none_left
release
