#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# powercut-job.sh - the machine's side of powercut.sh: one boot. Looks at what the last cut left, takes the change
# back, makes it once more in whole, and then makes the next one until the power goes.
#
# The state is a word such as npt-off,ksm-on; npt-torn is a file of ours that is neither there nor gone in whole,
# ksm-part one of the two links. What to do stands on the kernel's command line:
#
#	cut.off=CKSUM         of the whole /etc/modprobe.d/zz-kvmtune.conf; nothing at the first boot
#	cut.before=STATE      where the change that was cut began; cut.goal=STATE where it was to end
#	cut.ended=STATUS      what it had ended with before the cut; nothing: it had not
#	cut.change=WORDS      that change, with + for the spaces between its words
#	cut.back=undo         a change that was done is undone, too; keep: it stays
#	cut.next=WORDS        the change that the next cut is for; nothing: none
#
# Says on the console, one a line after "cut:":
#
#	off CKSUM, left STATE INTERRUPTED LEFTOVERS, full, full-end, begin, ended STATUS, end, broken TEXT

# shellcheck disable=SC2086 # commands are split into their words
:
conf=/etc/modprobe.d/zz-kvmtune.conf
wants=/etc/systemd/system/multi-user.target.wants
settled="0 5" # what a change may end with: `ksm on` waits for the next boot, where no systemd runs

tell() { echo "cut: $*" >/dev/console; }

word() { sed -n "s/.* cut\.$1=\([^ ]*\).*/\1/p" /proc/cmdline | tr + ' '; }

broken()
{
	tell "broken $*"
	{ echo "status $status"; cat /tmp/out /tmp/err; ls -laR /etc/modprobe.d $wants /var/lib/kvmtune; cat $conf
	  cut -c1-120 /var/lib/kvmtune/journal | tail -n 12; } >/dev/console 2>&1
	exit 1
}

run()
{
	"$@" >/tmp/out 2>/tmp/err
	status=$?
}

conf_state()
{
	if [ ! -e $conf ]; then
		echo npt-on
	elif [ "$(cksum <$conf | tr ' ' -)" = "$off" ]; then
		echo npt-off
	else
		echo npt-torn
	fi
}

ksm_state()
{
	case "$(readlink $wants/ksm.service) $(readlink $wants/ksmtuned.service)" in
	" ") echo ksm-off ;;
	"/lib/systemd/system/ksm.service /lib/systemd/system/ksmtuned.service") echo ksm-on ;;
	*) echo ksm-part ;;
	esac
}

state() { echo "$(conf_state),$(ksm_state)"; }

# Whatever its name: all that should not be where kvmtune writes.
leftovers()
{
	find /etc/modprobe.d $wants /var/lib/kvmtune -mindepth 1 -printf '%f\n' 2>/dev/null | grep -vcxE \
		'zz-kvmtune.conf|e2scrub_reap.service|remote-fs.target|ksm(tuned)?.service|journal|lock'
}

expect_state() { [ "$(state)" = "$2" ] || broken "$1: $(state), not $2"; }

# What the file says is what the module got at this boot, or has since a change.
expect_parameter()
{
	case "$(conf_state) $(cat /sys/module/kvm_amd/parameters/npt)" in
	"npt-on Y" | "npt-off N") ;;
	*) broken "$1: npt is $(cat /sys/module/kvm_amd/parameters/npt), the file says $(conf_state)" ;;
	esac
}

is_interrupted() { grep -q 'did not end' /tmp/status; }

# What the power cut left is judged before kvmtune may change anything.
look()
{
	run kvmtune status
	cp /tmp/out /tmp/status
	interrupted=no
	! is_interrupted || interrupted=yes
	tell "left $(state) $interrupted $(leftovers)"
	[ "$status" = 0 ] || broken "status ends with $status"
	run kvmtune undo --list
	! grep -qE 'cannot be read' /tmp/out /tmp/err || broken "the journal is damaged"
	case "$(state)" in *torn*) broken "the file is neither old nor new" ;; esac
	expect_parameter "after the boot"
}

judge()
{
	if [ -n "$ended" ]; then
		[ $interrupted = no ] || broken "the change had ended with $ended, status calls it interrupted"
		expect_state "the change had ended with $ended" "$goal"
	elif [ $interrupted = no ]; then
		[ "$(state)" = "$before" ] || expect_state "not interrupted" "$goal"
	else
		[ "$back" = keep ] || return 0
		# The next change rolls it back by itself, and says so
		run kvmtune $change
		in_list "$status" "$settled" || broken "after an interrupted change"
		grep -qE 'interrupted' /tmp/out /tmp/err || broken "it does not tell of the interrupted change"
		expect_state "the change after the interrupted one" "$goal"
	fi
}

# An interrupted change is rolled back; so is one that was done, half of the times.
go_back()
{
	[ $interrupted = yes ] || { [ "$(state)" = "$goal" ] && [ "$back" = undo ]; } || return 0
	run kvmtune undo
	in_list "$status" "$settled" || broken "undo fails"
	expect_state "after undo" "$before"
	run kvmtune status
	cp /tmp/out /tmp/status
	! is_interrupted || broken "after undo it is still interrupted"
}

in_list() { case " $2 " in *" $1 "*) ;; *) return 1 ;; esac; }

in_full()
{
	real=yes
	[ "$(state)" != "$goal" ] || real=""
	[ -z "$real" ] || tell "full"
	run kvmtune $change
	[ -z "$real" ] || tell "full-end"
	in_list "$status" "$settled" || broken "$change in full"
	expect_state "$change in full" "$goal"
	expect_parameter "$change in full"
	[ "$(leftovers)" = 0 ] || broken "something is left over"
}

first_boot()
{
	ln -sf /lib/systemd/system/ksm.service /lib/systemd/system/ksmtuned.service $wants/
	run kvmtune npt off
	off=$(cksum <$conf | tr ' ' -)
	[ "$status" = 0 ] || broken "npt off"
	run kvmtune npt on
	[ "$status" = 0 ] || broken "npt on"
	rm -r /var/lib/kvmtune
	sync
	tell "off $off"
}

# ext4 has a heuristic that flushes a file which is renamed over another: kvmtune must not need it.
mount -o remount,noauto_da_alloc / || exit
modprobe kvm_amd || exit
off=$(word off) before=$(word before) goal=$(word goal) ended=$(word ended)
change=$(word change) back=$(word back) next=$(word next)
if [ -z "$off" ]; then
	first_boot
else
	look
	[ -z "$before" ] || judge
	[ -z "$before" ] || go_back
fi
[ -z "$change" ] || in_full
if [ -n "$next" ]; then
	tell "begin"
	kvmtune $next >/dev/null 2>&1
	tell "ended $?"
	sleep 60
	broken "the power was not cut"
fi
tell "end"
