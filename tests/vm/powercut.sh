#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# powercut.sh - power cuts in the middle of changes: one machine (kvm_amd in QEMU's TCG), one disk, many cuts
#
#	tests/vm/powercut.sh [cuts=N] [seed=N] [flush=MS] [report=FILE] OUTDIR
#
# Each boot looks at what the last cut has left, takes the change back, makes it once more in whole
# (powercut-job.sh), and begins the next one; at a random moment of that, or right after it has ended, QEMU is ended
# by SIGKILL, and powercut-disk.c decides which of the sectors that were not flushed reach the disk. The root file
# system is ext4 with a journal, as hosts have it.
#
# What it finds is a table on stdout, and in the report; OUTDIR/console has what the machine said, OUTDIR/cuts a line for each cut.
# Exit status: 0 nothing is broken, 1 something is: the disk is kept, and the cut's number and seed are said.
# A seed gives the same changes, moments (as parts of a change's time) and choice of sectors; not the same
# instruction, as QEMU's time is not the host's.

set -uo pipefail

# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
# shellcheck source-path=SCRIPTDIR source=report.sh
. "$machine_here/report.sh"

cuts=200 seed=1 flush=15 report=""

say() { printf 'powercut: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

options()
{
	while [ $# -gt 1 ]; do
		case $1 in
		cuts=* | seed=* | flush=*) printf -v "${1%%=*}" %d "${1#*=}" ;;
		report=*) report=$(realpath "${1#*=}") ;;
		*) die "unknown option '$1'" ;;
		esac
		shift
	done
	[ $# = 1 ] || die "OUTDIR is needed"
	mkdir -p "$1" && out=$(cd "$1" && pwd) || exit
	RANDOM=$seed
}

# ---- the machine ----

prepare()
{
	machine_programs "$out/job" || exit
	cp "$machine_here/powercut-job.sh" "$out/job/run.sh"
	machine_options kind=tcg serial=stdio words=kvmtune.udev=off "$out/job" "$out" && machine_prepare || exit
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -o powercut-disk "$machine_here/powercut-disk.c" || exit
	cp --sparse=always "$images/root.img" disk.img && tune2fs -O has_journal disk.img >/dev/null || exit
	: >"$out/console"
	: >"$out/cuts"
}

# $1: of the disk's choice at the end of this boot; the rest: words for the job
power_on()
{
	local disk_seed=$1
	shift
	words="kvmtune.udev=off $*"
	machine_tcg
	emulator=("${emulator[@]/#file=root.img,*/file=nbd+unix:///?socket=disk.socket,format=raw,if=virtio}")
	emulator=("${emulator[@]/#file=io.img,*/file=io.img,format=raw,if=virtio,snapshot=on}")
	exec {disk}< <(exec ./powercut-disk disk.img disk.socket "$flush" "$disk_seed")
	disk_pid=$!
	read -r -t 10 -u "$disk" || die "the disk does not start"
	exec {console}< <(exec setpriv --pdeathsig KILL "${emulator[@]}" </dev/null 2>"$out/emulator.log")
	pid=$!
}

# Ends the machine; sets disk_says.
power_off()
{
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	pid=""
	# It waits for a machine for ever, should QEMU not even have begun
	read -r -t 10 -u "$disk" disk_says || kill "$disk_pid"
	wait "$disk_pid"
	exec {disk}<&- {console}<&-
}

# The next of the job's words on the console within $1 seconds, in $event and $detail.
next_event()
{
	local text
	event="" detail=""
	while read -r -t "$1" -u "$console" text; do
		text=${text%$'\r'}
		printf '%s\n' "$text" >>"$out/console"
		case $text in
		"cut: "*)
			read -r _ event detail <<<"$text"
			return 0
			;;
		esac
	done
	return 1
}

# ---- what is done ----

# Sets next, next_goal: a change that begins at $1 (npt-on,ksm-off and so on).
choose_change()
{
	local npt=on ksm=on
	[[ $1 != *npt-on* ]] || npt=off
	[[ $1 != *ksm-on* ]] || ksm=off
	case $((RANDOM % 5)) in
	0 | 1) next="npt+$npt" next_goal=npt-$npt,${1#*,} ;;
	2) next="ksm+$ksm" next_goal=${1%,*},ksm-$ksm ;;
	*) next="apply+npt=$npt+ksm=$ksm" next_goal=npt-$npt,ksm-$ksm ;;
	esac
}

# "npt off" and "npt on" are alike.
kind_of()
{
	local kind=${1//+/ }
	kind=${kind//[= ]off/}
	echo "${kind//[= ]on/}"
}

# Sets part: the moment in thousandths of the change's time, 0: right after its end; next_back; disk_seed.
choose_moment()
{
	part=$((RANDOM % 1050 + 1))
	[ $((RANDOM % 8)) != 0 ] || part=0
	next_back=undo
	[ $((RANDOM % 2)) = 0 ] || next_back=keep
	disk_seed=$((RANDOM * 32768 + RANDOM))
}

# Waits for the moment after "begin"; sets ended where the change was faster.
wait_for_moment()
{
	local us timeout=30
	us=$((part * ${took[$(kind_of "$next")]:-400000} / 1000))
	[ "$part" = 0 ] || printf -v timeout '%d.%06d' $((us / 1000000)) $((us % 1000000))
	ended=""
	! next_event "$timeout" || ended=$detail
}

now_us() { local now=$EPOCHREALTIME; echo $((10#${now/./})); }

# One boot, to its cut. Sets left, interrupted, leftovers, and off. False: something is broken.
one_boot()
{
	local began=0
	while next_event 60; do
		case $event in
		off) off=$detail ;;
		left) read -r left interrupted leftovers <<<"$detail" ;;
		full) began=$(now_us) ;;
		full-end) took[$(kind_of "$change")]=$(($(now_us) - began)) ;;
		begin) wait_for_moment && return ;;
		end) next_event 60 || return 0 ;;
		broken) break ;;
		esac
	done
	[ "$event" = broken ] || detail="the machine says nothing any more"
	local why=$detail
	while next_event 2; do :; done # what it says of it
	detail=$why
	return 1
}

# What became of the cut before this boot, in OUTDIR/cuts
note_cut()
{
	local how=before
	if [ "$interrupted" = yes ]; then
		how=undone
	elif [ "$left" = "$goal" ]; then
		how=goal
	fi
	read -r _ _ _ at_risk lost <<<"$disk_said"
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(kind_of "$change")" "$how" "${last_ended:--}" "$leftovers" \
		"${at_risk#*=}" "${lost#*=}" "$last_part" >>"$out/cuts"
}

# The change that is next becomes the one that was cut.
pass_on()
{
	before=$goal goal=$next_goal change=$next back=$next_back
	last_ended=$ended last_part=$part disk_said=$disk_says
}

give_up()
{
	say "cut $1 of seed $seed: $2; see $out/console"
	cp --sparse=always disk.img "$out/disk.img"
	power_off
	exit 1
}

run_cuts()
{
	local n
	for ((n = 0; n <= cuts; n++)); do
		choose_change "$goal"
		choose_moment
		[ $n != "$cuts" ] || next=""
		power_on "$disk_seed" "cut.off=$off cut.before=$before cut.goal=$goal cut.change=$change" \
			"cut.ended=$last_ended cut.back=$back cut.next=$next"
		one_boot || give_up $n "$detail"
		power_off
		[ $n = 0 ] || note_cut
		pass_on
	done
}

# ---- the report ----

table()
{
	echo "| change | cuts | nothing done yet | undone by undo | at the goal | of them after its exit | sectors at risk | lost | temporary files, removed later |"
	echo "|---|---|---|---|---|---|---|---|---|"
	awk -F '\t' -v OFS=' | ' '
	function add(k) { n[k]++; how[k, $2]++; exited[k] += $3 != "-"; left[k] += $4; risk[k] += $5; lost[k] += $6 }
	function row(k) {
		print "| " k, n[k], how[k, "before"] + 0, how[k, "undone"] + 0, how[k, "goal"] + 0,
			exited[k], risk[k], lost[k], left[k] " |"
	}
	{ add($1); add("all") }
	END { for (k in n) if (k != "all") row(k); row("all") }' "$out/cuts"
}

end()
{
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	rm -rf "$out/.machine" "$out/job"
}

declare -A took=()
pid="" off="" before="" goal=npt-on,ksm-on change="" back="" ended="" last_ended="" disk_says=""
options "$@"
trap end EXIT
trap 'exit 143' INT TERM HUP
prepare
run_cuts
e2fsck -fy disk.img >"$out/fsck" 2>&1
fsck=$?
{
	echo "seed $seed, $cuts cuts, broken 0; a flush takes $flush ms; e2fsck of the disk at the end: $fsck"
	echo
	table
} | tee "$out/table"
[ -z "$report" ] || report_into "$report" <"$out/table"
[ $fsck = 0 ]
