# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - what the jobs of tests/vm/demo.sh are written with, inside the machines
#
#	say TEXT                     a heading
#	show STATUS COMMAND...       the command as a person would type it, and what it prints; it must end so
#	shows STATUS TEXT COMMAND... the same for what a person would type as TEXT
#	expect PATTERN               what was shown last has a line like that (grep -E)
#	tell STEP...                 runs these functions one after the other, between two marks on the console
#
# Everything goes to the console, where demo.sh reads it. A step that does not end as told ends the job with
# status 1, and a line "kvmtune-demo: ..." says which.

demo_log=/tmp/demo
wrong=0

say() { printf '\n== %s\n' "$*"; }

broken()
{
	echo "kvmtune-demo: $*"
	exit 1
}

shows()
{
	wanted=$1
	printf '\n# %s\n' "$2"
	shift 2
	"$@" >$demo_log 2>&1
	status=$?
	cat $demo_log
	[ $status = 0 ] || echo "[exit status $status]"
	[ $status = "$wanted" ] || broken "'$*' ended with status $status, not $wanted"
}

show()
{
	wanted=$1
	shift
	shows "$wanted" "$*" "$@"
}

expect() { grep -qE -e "$1" $demo_log || broken "'$1' is not in what was shown last"; }

# In a shell of its own, so that the first step that is broken ends it.
tell()
{
	echo "kvmtune-demo: begin" >/dev/console
	(for step; do "$step"; done) >/dev/console 2>&1
	wrong=$?
	echo "kvmtune-demo: end" >/dev/console
	return $wrong
}
