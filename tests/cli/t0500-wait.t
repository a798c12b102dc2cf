#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --wait: until nobody uses KVM, and until another kvmtune is done.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# soon COMMAND...: does it in the background as soon as the program waits
soon()
{
	(
		for ((i = 0; i < 1000; i++)); do
			[ ! -e "$KVMTUNE_FAKE_HOST/fake/slept" ] || break
			sleep 0.01
		done
		"$@"
	) &
}

all_leave()
{
	host_dir=$KVMTUNE_FAKE_HOST
	: >"$KVMTUNE_FAKE_HOST/fake/users"
	in_use 0
}

one_leaves()
{
	host_dir=$KVMTUNE_FAKE_HOST
	sed -i 1d "$KVMTUNE_FAKE_HOST/fake/users"
	in_use 6
	sleep 0.1
	all_leave
}

host in-use
soon all_leave
run kvmtune ept off --wait
wait
is "$status$err" 0 '--wait: the holders leave'
param ept
is "$value" N '--wait: then it is done'
ok '--wait: it did wait' [ -e "$KVMTUNE_FAKE_HOST/fake/slept" ]
unlike "$out" 'waiting' '--wait: quiet where there is no terminal'

host in-use
soon one_leaves
run kvmtune ept off --wait=10m
wait
is "$status$err" 0 '--wait=TIME: they leave one after the other'

host in-use
read_all before
run kvmtune ept off --wait=1s
status_is 3 '--wait=1s: nobody leaves'
like "$err" 'refused: KVM is in use by 3 processes; nothing was changed' '--wait=1s: and it says so'
nothing_changed '--wait=1s: nothing was changed'

for time in 0 0s 1ms 1 2s; do
	host in-use
	run kvmtune ept off --wait="$time"
	status_is 3 "--wait=$time: ends"
done

host in-use
run kvmtune ept off --wait --dry-run
status_is 3 'a dry run does not wait'
ok 'a dry run does not wait at all' [ ! -e "$KVMTUNE_FAKE_HOST/fake/slept" ]

# Nothing to wait for.
host conf-conflict
host_dir=$KVMTUNE_FAKE_HOST
in_use 3
run kvmtune ept off --wait
status_is 3 'what waiting cannot mend is refused at once'
ok 'without waiting' [ ! -e "$KVMTUNE_FAKE_HOST/fake/slept" ]
host intel-ept-on
run kvmtune ept off --wait
is "$status" 0 'where nobody uses KVM'
ok 'there is no waiting' [ ! -e "$KVMTUNE_FAKE_HOST/fake/slept" ]

# A signal ends the waiting.
host in-use
read_tree before
"$KVMTUNE_FAKE" ept off --wait >"$tmp/out" 2>"$tmp/err" &
waiter=$!
until_slept
kill -TERM "$waiter"
wait "$waiter"
status=$?
text_of out "$tmp/out"
text_of err "$tmp/err"
! is_crash || fail 'SIGTERM while it waits: no crash' "$err"
is "$status" 143 'SIGTERM ends the waiting'
read_tree tree
is "$tree" "$before" 'and nothing was changed'

# A holder between the check and the removal is waited for, too.
host intel-ept-on
KVMTUNE_FAKE_BUSY=9 run kvmtune ept off --wait
is "$status$err" 0 '--wait: a holder between check and removal'
param ept
is "$value" N '--wait: then it is done'

# ---- the lock ----

lock_file()
{
	lock=$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/lock
}

# hold_lock: somebody else has it, and says what he does
hold_lock()
{
	printf 'kvmtune ept on, PID 4711\n' >"$lock"
	# By a process that stays: in a PID namespace /proc/locks has no locks of processes that ended.
	flock --no-fork -x "$lock" sleep 600 &
	holder=$!
	for ((i = 0; i < 1000; i++)); do
		flock -n "$lock" true || break
		sleep 0.01
	done
}

# drop_lock: in a moment
drop_lock()
{
	{
		sleep 0.3
		kill "$holder"
	} &
}

host intel-ept-on
lock_file
hold_lock
read_all before
run kvmtune ept off --json
json_id
is "$status $id" '3 locked' 'another kvmtune is at work'
like "$err" 'another kvmtune is running: kvmtune ept on, PID 4711.*--wait' 'it is named'
nothing_changed 'nothing was changed'
run kvmtune status
is "$status" 0 'status needs no lock'
run kvmtune ept off --dry-run --json
json_id
is "$status $id" '3 locked' 'a dry run ends as the real one would'
run kvmtune ept off --wait=100ms
status_is 3 '--wait=100ms: it stays at work'
drop_lock
run kvmtune ept off --wait
is "$status$err" 0 '--wait: it ends'
param ept
is "$value" N '--wait: then it is done'
wait
text_of value "$lock"
like "$value" '^kvmtune ept off, PID [0-9]+$' 'the lock file says who had it last'

# Who waits for KVM keeps nobody else waiting.
host in-use
lock_file
"$KVMTUNE_FAKE" ept off --wait=1h >"$tmp/out" 2>"$tmp/err" &
waiter=$!
until_slept
ok 'while it waits for KVM, the lock is free' flock -n "$lock" true
run kvmtune ept off --defer
is "$status$err" 5 'and another change is made'
run kvmtune undo --dry-run
is "$status$err" 0 'and a dry run is as ever'
run kvmtune undo
is "$status$err" 0 'and one is undone'
"$KVMTUNE_FAKE" ept off --wait=1h >"$tmp/out2" 2>&1 &
second=$!
sleep 0.2
all_leave
wait "$waiter"
is "$?$(<"$tmp/err")" 0 'then it goes on'
wait "$second"
is "$?" 0 'and so does a second one, after it'
like "$(cat "$tmp/out" "$tmp/out2")" 'ept: off already' 'which finds it done'
param ept
own_file
is "$value $lines" 'N options kvm_intel ept=0' 'it is planned anew'
run kvmtune undo
param ept
is "$status $value" '0 Y' 'and only one of them is there to be undone'

# Its time runs on while another one is at work.
host in-use
lock_file
"$KVMTUNE_FAKE" ept off --wait=60s --json >"$tmp/out" 2>"$tmp/err" &
waiter=$!
until_slept
hold_lock
all_leave
wait "$waiter"
status=$?
is "$status" 3 'KVM is free, but the lock is not: the wait ends'
like "$(<"$tmp/out")" '"id": ?"locked"' 'and it says so'
kill "$holder"
wait

# ---- a change that is being made is not an interrupted one ----

# being_made REGEX COMMAND...: what this change is called, and how a dry run of another ends
being_made()
{
	run kvmtune status
	like "$out" "^in progress: $1; until it ends" "$2: status says who"
	unlike "$out" 'did not end|Undo it' "$2: and not that it did not end"
	run kvmtune status --json
	like "$out" "\"at_work\": ?\"$1\"" "$2: so in JSON"
	like "$out" '"interrupted": ?null' "$2: not interrupted, in JSON"
	run kvmtune undo --list
	like "$out" ' in progress ' "$2: undo --list"
	unlike "$out" 'interrupted|did not end' "$2: undo --list: not interrupted"
	run kvmtune undo --list --json
	like "$out" '"state": ?"being_made"' "$2: undo --list in JSON"
	for goal in 'ept on' undo; do
		read -ra command <<<"$goal"
		run kvmtune "${command[@]}" --dry-run --json
		json_id
		is "$status $id" '3 locked' "$2: $goal --dry-run"
		like "$err" "another kvmtune is running: $1; nothing was changed" "$2: it is named"
	done
}

# interrupted_now NAME: nobody is at work any more
interrupted_now()
{
	run kvmtune status
	like "$out" '^interrupted: kvmtune ept off did not end' "$1: status"
	run kvmtune status --json
	like "$out" '"at_work": ?null,.*"interrupted": ?\{' "$1: in JSON"
	run kvmtune undo --list
	like "$out" ' interrupted ' "$1: undo --list"
	run kvmtune ept on --dry-run
	is "$status" 0 "$1: a dry run"
}

# One that goes on: it watches for swapping.
host ksm-tuned
"$KVMTUNE_FAKE" ksm unmerged --watch 1h >"$tmp/watched" 2>&1 &
maker=$!
until_slept
being_made "kvmtune ksm unmerged, PID $maker" 'ksm unmerged'
kill -TERM "$maker"
wait "$maker"
run kvmtune status
unlike "$out" 'in progress|did not end' 'it has taken itself back'

# One that is killed in the middle, while the lock is held; and then it is free.
host intel-ept-on
call_number load ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
lock_file
interrupted_now 'killed'
mkfifo "$tmp/hold"
printf 'kvmtune ept off, PID 4711\n' >"$lock"
flock "$lock" cat "$tmp/hold" >/dev/null &
exec {hold}>"$tmp/hold"
being_made 'kvmtune ept off, PID 4711' 'locked'
exec {hold}>&-
wait
interrupted_now 'unlocked'

# What stands in the lock file is another's text.
host intel-ept-on
lock_file
hold_lock
printf '\033[31mred\nlines\n' >"$lock"
run kvmtune ept off
status_is 3 'a lock file with odd text'
unlike "$err" $'\033' 'is shown without its escapes'
drop_lock
wait

# A file that somebody else put there
host intel-ept-on
lock_file
: >"$lock"
if [ "$UID" = 0 ]; then
	chown 1000 "$lock"
	read_all before
	run kvmtune ept off
	status_is 3 "somebody else's lock file"
	like "$err" 'is owned by another user \(uid 1000\)' 'it is said'
	nothing_changed 'nothing was changed'
else
	skip 'needs root' "somebody else's lock file"
fi

host intel-ept-on
lock_file
ln -s ../../etc/passwd "$lock"
read_all before
run kvmtune ept off
status_is 3 'a link in the place of the lock file'
ok 'is not followed' [ ! -e "$KVMTUNE_FAKE_HOST/root/etc/passwd" ]

host intel-ept-on
lock_file
mkdir "$lock"
run kvmtune ept off
status_is 3 'a directory in the place of the lock file'

done_testing
