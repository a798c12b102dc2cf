# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# faults.sh - goes through every host and goal, and through every call that changes something.
#
#	each_goal FUNCTION	calls FUNCTION with $title, $command (an array), $base: the directory
#				of the host to begin with; $before, $origin, $after: the trees of
#				the host before, of where undo shall lead, and after a run without
#				a fault, which ended with $normal
#
# Each function makes one test of TAP out of all calls: it collects what is wrong in $wrong.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1
calls=() title='' command=() base='' before='' origin='' after='' normal=0
wrong=()

# Runs the command on a fresh copy of $base, and reads the log of its calls.
run_on_base()
{
	calls=()
	host_from "$base"
	run kvmtune "${command[@]}"
	[ ! -e "$KVMTUNE_FAKE_HOST/fake/log" ] || mapfile -t calls <"$KVMTUNE_FAKE_HOST/fake/log"
}

# changed_by HOST COMMAND...: makes and keeps a host on which this change was done, in $base;
# false where it is not possible or has nothing to do
changed_by()
{
	local host=$1 kept="$tmp/changed/$*" calls

	shift
	base=$kept
	[ ! -d "$kept" ] || return 0
	host "$host"
	run kvmtune "$@"
	read_calls calls
	[[ $status =~ ^[05]$ && $calls ]] || return 1
	rm "$KVMTUNE_FAKE_HOST/fake/log"
	mkdir -p "$tmp/changed"
	cp -a "$KVMTUNE_FAKE_HOST" "$kept"
}

# stopped_in HOST VERB COMMAND...: makes and keeps a host on which this change was stopped before its
# first call of this name, in $base; false where it does not come to that
stopped_in()
{
	local host=$1 verb=$2 kept="$tmp/stopped/$*" n=

	shift 2
	base=$kept
	[ ! -d "$kept" ] || return 0
	host "$host"
	call_number "$verb" "$@" 2>/dev/null
	[ "$n" ] || return 1
	KVMTUNE_FAKE_KILL=$n run kvmtune "$@"
	rm "$KVMTUNE_FAKE_HOST/fake/log"
	run kvmtune status # for read_tree
	mkdir -p "$tmp/stopped"
	cp -a "$KVMTUNE_FAKE_HOST" "$kept"
}

# goals_of HOST: what is tried on it, in $goals. KSM is tried on the hosts that differ in what is to
# be done there; an undo is "undo: COMMAND" or "undo stopped at VERB: COMMAND".
goals_of()
{
	case $1 in
	ksm-tuned)
		goals=('ksm off' 'ksm unmerged' 'ksm off --defer' 'undo: ksm unmerged'
			'undo: ksm off --defer' 'undo stopped at unmerge_wait: ksm unmerged')
		;;
	ksm-tmpfiles)
		goals=('ksm off' 'undo: ksm off' 'undo stopped at write_value: ksm off')
		;;
	ksm-off)
		goals=('ksm on' 'undo: ksm on' 'undo stopped at start: ksm on')
		;;
	ksm-only)
		goals=('apply ept=off ksm=off' 'undo: apply ept=off ksm=off'
			'undo stopped at load: apply ept=off ksm=off')
		;;
	ksm-chroot)
		goals=('ksm off' 'undo: ksm off')
		;;
	ksm-*)
		goals=()
		;;
	amd | amd-el7 | amd-moved-disk)
		goals=('npt off' 'npt on' 'npt off --defer' 'undo: npt off' 'undo: npt on'
			'undo stopped at load: npt off' 'undo stopped at load: npt on')
		;;
	amd*)
		goals=('npt off' 'npt on')
		;;
	*)
		goals=('ept off' 'ept on' 'ept off --defer' 'ept on --defer' 'undo a change'
			'undo a saved one' 'undo a stopped one')
		;;
	esac
}

# begin_goal HOST GOAL: sets base and command; false where there is nothing to undo
begin_goal()
{
	local words

	pristine "$1"
	read -ra words <<<"${2#*: }"
	base=$tmp/hosts/$1
	read -ra command <<<"$2"
	case $2 in
	'undo a change')
		command=(undo)
		changed_by "$1" ept off || changed_by "$1" ept on
		;;
	'undo a saved one')
		command=(undo)
		changed_by "$1" ept off --defer || changed_by "$1" ept on --defer
		;;
	'undo a stopped one')
		command=(undo)
		stopped_in "$1" load ept off || stopped_in "$1" load ept on
		;;
	'undo: '*)
		command=(undo)
		changed_by "$1" "${words[@]}"
		;;
	'undo stopped at '*)
		command=(undo)
		[[ $2 =~ 'stopped at '([a-z_]+) ]]
		stopped_in "$1" "${BASH_REMATCH[1]}" "${words[@]}"
		;;
	esac
}

# Was the change stopped while KVM was away? An undo of it has to bring KVM back, come what may.
brings_kvm_back()
{
	[[ $title == *'stopped one' || $title == *'stopped at load: '* ]]
}

# An undo of a change that was stopped leads to what was before that change.
stopped_leads_back()
{
	local n=0

	[ "$normal" = 0 ] || note 'undo of a stopped change does not work'
	text_of origin "$tmp/hosts/$1/fake/tree"
	same_tree "$origin" 'undo of a stopped change does not lead back'
}

# shellcheck disable=SC2034 # the function that is called reads them
each_goal()
{
	local name goal goals

	for name in $(some_hosts); do
		goals_of "$name"
		for goal in "${goals[@]}"; do
			begin_goal "$name" "$goal" || continue
			title="$name: $goal"
			host_from "$base"
			read_tree before
			run kvmtune "${command[@]}"
			normal=$status
			read_tree after
			# An undo that was stopped goes on when it is run again.
			origin=$before
			[ "${command[0]}" != undo ] || origin=$after
			wrong=()
			[[ $goal != 'undo '*stopped* ]] || stopped_leads_back "$name"
			"$1"
		done
	done
}

# note TEXT: something is wrong with call number $n, that is tried just now
note()
{
	wrong+=("$* [call $n: ${calls[n > 0 ? n - 1 : 0]:-none}; exit status $status] $err")
}

# same_tree EXPECTED TEXT: the host is so since the last run, or it is noted
same_tree()
{
	local tree

	read_tree tree
	[ "$tree" = "$1" ] || note "$2: $(differences "$1" "$tree")"
}

# report_faults: all that was collected as one test
report_faults()
{
	if [ "${#wrong[@]}" = 0 ]; then pass "$title"; else fail "$title" "${wrong[@]:0:12}"; fi
}

# is_interrupted: does status say so? Sets $out.
is_interrupted()
{
	run kvmtune status
	# shellcheck disable=SC2154 # run sets it
	[[ $out == *'did not end'* ]]
}

# is_journal_open: was a change begun that did not end?
is_journal_open()
{
	local line open=false

	[ -e "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal" ] || return 1
	while read -r line; do
		[[ $line != *'"record":"begin"'* ]] || open=true
		[[ $line != *'"record":"end"'* ]] || open=false
	done <"$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal"
	$open
}
