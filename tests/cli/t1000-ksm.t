#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm off, unmerged, on and undo: what becomes of the kernel's switch, of the services and of the
# merged pages, on every kind of host.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1

# What it says of every host.
for name in $(all_hosts | grep '^ksm-'); do
	host "$name"
	read_all before
	run kvmtune ksm
	is "$status$err" 0 "$name: ksm works"
	golden "$name.txt" "$name: ksm says"
	nothing_changed "$name: ksm changes nothing"
done
for name in ksm-tuned ksm-6.12; do
	host "$name"
	run kvmtune ksm --verbose
	golden "$name-verbose.txt" "$name: ksm --verbose says"
done

# changes HOST WORDS STATUS STATE: a dry run does nothing and ends like the real run, which leads to
# this state (see ksm_state()); a second run finds it done; audit agrees; undo leads back.
changes()
{
	local name="$1: $2" words want=$3 state=$4 old new

	read -ra words <<<"$2"
	host "$1"
	read_tree old
	run kvmtune "${words[@]}" --dry-run
	status_is "$want" "$name: dry run"
	read_calls calls
	read_tree new
	is "$calls $(differences "$old" "$new")" ' ' "$name: a dry run does nothing"
	run kvmtune "${words[@]}"
	status_is "$want" "$name"
	ksm_state
	is "$ksm" "$state" "$name: leads to the state"
	read_tree new
	run kvmtune "${words[@]}"
	if [ "$want" = 5 ]; then
		status_is 5 "$name: a second run: it still waits"
	else
		like "$status $out" "^$want ksm: .* already" "$name: a second run finds it done"
	fi
	read_tree tree
	is "$(differences "$new" "$tree")" '' "$name: a second run does nothing"
	if [[ $2 != *--* ]]; then
		run kvmtune audit "ksm=${words[1]#ksm=}"
		status_is 0 "$name: audit finds it so"
	fi
	run kvmtune undo
	status_is 0 "$name: undo"
	read_tree new
	is "$(differences "$old" "$new")" '' "$name: undo leads back"
	run kvmtune undo
	like "$status $out" '^0 ' "$name: a second undo has nothing to do"
}

# unchanged HOST WORDS: already as wanted; not a call
unchanged()
{
	local words

	read -ra words <<<"$2"
	host "$1"
	read_all before
	run kvmtune "${words[@]}"
	like "$status $out" '^0 ksm: .* already' "$1: $2: already"
	nothing_changed "$1: $2: nothing is done"
}

changes ksm-tuned 'ksm off' 0 '0 700000 inactive/disabled inactive/disabled'
changes ksm-tuned 'ksm unmerged' 0 '2 0 inactive/disabled inactive/disabled'
changes ksm-tuned 'apply ksm=off' 0 '0 700000 inactive/disabled inactive/disabled'
changes ksm-tuned 'ksm off --defer' 5 '1 700000 active/disabled active/disabled'
changes ksm-only 'ksm off' 0 '0 90000 - inactive/disabled'
changes ksm-only 'ksm unmerged --watch 0' 0 '2 0 - inactive/disabled'
changes ksm-by-hand 'ksm off' 0 '0 700000 - -'
changes ksm-by-hand 'ksm unmerged' 0 '2 0 - -'
changes ksm-tmpfiles 'ksm off' 0 '0 700000 - -'
changes ksm-tmpfiles 'ksm unmerged' 0 '2 0 - -'
changes ksm-static 'ksm off' 0 '0 700000 inactive/static inactive/static'
changes ksm-el8 'ksm off' 0 '0 700000 inactive/disabled inactive/disabled'
changes ksm-el8 'ksm unmerged' 0 '2 0 inactive/disabled inactive/disabled'
changes ksm-6.12 'ksm unmerged' 0 '2 0 inactive/disabled inactive/disabled'
changes ksm-small 'ksm off' 0 '0 700000 inactive/disabled inactive/disabled'
changes ksm-small 'ksm unmerged --reserve 128M' 0 '2 0 inactive/disabled inactive/disabled'
changes ksm-off 'ksm on' 0 '1 0 active/enabled active/enabled'
# The longest time that --watch takes.
host ksm-tuned
run kvmtune ksm unmerged --watch 9223372036854775807ms --dry-run
like "$status $out" '^0 .*watch  *memory  *9223372036854776 s;' 'a watch for ever is shown as it is'

unchanged ksm-tuned 'ksm on'
unchanged ksm-only 'ksm on'
unchanged ksm-off 'ksm off'
unchanged ksm-off 'ksm unmerged'
unchanged ksm-off-merged 'ksm off'
unchanged ksm-two 'ksm off'
unchanged ksm-two 'ksm unmerged'
unchanged ksm-tuned-profile 'ksm off'
unchanged ksm-masked 'ksm off'
unchanged ksm-masked 'ksm unmerged'

# What was merged while nothing was merging does not come back: undo says so, and no more.
host ksm-off-merged
run kvmtune ksm unmerged
ksm_state
is "$status $ksm" '0 2 0 inactive/disabled inactive/disabled' 'ksm-off-merged: unmerged'
run kvmtune undo
ksm_state
is "$status $ksm" '0 0 0 inactive/disabled inactive/disabled' 'ksm-off-merged: undo stops at off'

# The counters of zero pages and of every process, too.
host ksm-6.12
run kvmtune ksm unmerged
text_of value "$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/ksm_zero_pages"
is "$status $value" '0 0' 'ksm-6.12: unmerged: pages full of zeros, too'
host ksm-el8
run kvmtune ksm unmerged --dry-run --json
like "$out" '"need_bytes": ?2916352000' 'ksm-el8: the need is known without zero pages'

# off, then on: what was there, exactly.
for name in ksm-tuned ksm-only ksm-6.12 ksm-el8 ksm-tmpfiles; do
	for words in off unmerged 'off --defer'; do
		read -ra command <<<"$words"
		host "$name"
		read_tree before
		run kvmtune ksm "${command[@]}"
		run kvmtune ksm on
		status_is 0 "$name: $words, then on"
		read_tree tree
		is "$(differences "$before" "$tree")" '' "$name: $words, then on: as before"
		run kvmtune undo
		run kvmtune undo
		read_tree tree
		is "$status $(differences "$before" "$tree")" '0 ' "$name: $words, on, undo, undo: as before"
	done
done

# One of two services was off before, and stays off.
host ksm-tuned
host_dir=$KVMTUNE_FAKE_HOST state ksmtuned.service inactive disabled
run kvmtune ksm off
run kvmtune ksm on
ksm_state
is "$ksm" '1 700000 inactive/disabled active/enabled' 'on brings back only what was there'

# put_unit NAME STATE: ACTIVE/FILE, or "-" where it is not installed
put_unit()
{
	local root=$KVMTUNE_FAKE_HOST/root

	if [ "$2" != - ]; then
		host_dir=$KVMTUNE_FAKE_HOST state "$1" "${2%/*}" "${2#*/}"
	else
		rm "$KVMTUNE_FAKE_HOST/fake/units/$1" "$root/lib/systemd/system/$1" \
			"$root/etc/systemd/system/multi-user.target.wants/$1"
	fi
}

# Every state that the two can be in: a change ends as its dry run, leads to what was asked for, is
# found done, and is rolled back exactly.
states='- active/enabled active/disabled inactive/enabled inactive/disabled active/enabled-runtime'
states+=' failed/enabled active/static activating/enabled'
wrong='' tried=0
try_state()
{
	local before after dry

	ksm_state
	before=$ksm
	run kvmtune ksm "$1" --dry-run
	dry=$status
	run kvmtune ksm "$1"
	ksm_state
	after=$ksm
	case "$1 $status $after" in
	'on 0 '*) ;;
	off\ 0\ [02]\ *\ active/* | off\ 0\ [02]\ *[ngd]/enabled*) return 1 ;;
	off\ 0\ [02]\ *) ;;
	*) return 1 ;;
	esac
	[ "$dry" = 0 ] || return
	run kvmtune ksm "$1"
	[[ $status = 0 && $out = *' already'* ]] || return
	run kvmtune undo
	ksm_state
	before=${before//activating/active} ksm=${ksm//activating/active}
	[ "$ksm" = "$before" ] || [ "$ksm" = "${before//failed/inactive}" ]
}
for ksmtuned in $states; do
	for service in $states; do
		# ksmtuned needs ksm, where that is installed.
		[[ $ksmtuned/$service != acti*/*/@(inactive|failed)/* ]] || continue
		for goal in 0/on 1/off; do
			host ksm-tuned
			put_unit ksmtuned.service "$ksmtuned"
			put_unit ksm.service "$service"
			printf '%s\n' "${goal%/*}" >"$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/run"
			try_state "${goal#*/}" || wrong+=" [$ksmtuned $service $goal: $status $ksm $err]"
			: $((tried++))
		done
	done
done
is "$wrong" '' "$tried states and goals"

# Without services: the switch, and a file of ours for the next boot.
host ksm-by-hand
read_tree before
run kvmtune ksm off
own_tmpfiles
is "$lines" '' 'ksm-by-hand: off: no file: nothing turns it on at boot'
run kvmtune ksm on
ksm_state
own_tmpfiles
is "$status $ksm $lines" '0 1 700000 - - w /sys/kernel/mm/ksm/run - - - - 1' \
	'ksm-by-hand: on: the switch, and a line for the next boot'
run kvmtune ksm on
like "$status $out" '^0 ksm: .* already' 'ksm-by-hand: on: already'
run kvmtune audit ksm=on
status_is 0 'ksm-by-hand: on: audit finds it so'
run kvmtune ksm off
own_tmpfiles
is "$status $lines" '0 ' 'ksm-by-hand: off: the line is gone'
for i in 1 2 3; do
	run kvmtune undo
	status_is 0 "ksm-by-hand: undo $i"
done
read_tree tree
is "$(differences "$before" "$tree")" '' 'ksm-by-hand: all rolled back'
host ksm-tmpfiles
run kvmtune ksm off
own_tmpfiles
is "$lines" 'w /sys/kernel/mm/ksm/run - - - - 0' "ksm-tmpfiles: our line comes before the other's"

# audit before: what differs.
host ksm-tuned
run kvmtune audit ksm=off
status_is 7 'ksm-tuned: audit ksm=off: differs'
run kvmtune audit ksm=on
status_is 0 'ksm-tuned: audit ksm=on: so'
host ksm-tuned
run kvmtune ksm off --defer
run kvmtune audit ksm=off
status_is 5 'deferred: saved, and what runs now differs'
host ksm-tuned
run kvmtune ksm unmerged --defer
status_is 5 'unmerged, deferred: saved'
run kvmtune audit ksm=unmerged
status_is 5 'unmerged, deferred: audit says so, too'

# Both values are known and as wanted: that is no "unknown", though a service is still to be stopped.
host ksm-tuned
rm "$KVMTUNE_FAKE_HOST"/root/etc/systemd/system/multi-user.target.wants/ksm{,tuned}.service
echo loaded active disabled >"$KVMTUNE_FAKE_HOST/fake/units/ksm.service"
echo loaded inactive disabled >"$KVMTUNE_FAKE_HOST/fake/units/ksmtuned.service"
echo 0 >"$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/run"
run kvmtune audit ksm=off
like "$status $out" '^0 ksm=off  ok  off, now and at the next boot' 'audit: off, with ksm.service active'
run kvmtune ksm off
ksm_state
is "$status $ksm" '0 0 700000 inactive/disabled inactive/disabled' 'and off stops it'

# off is done with a warning of what unmerging would need; unmerged is off, too.
host ksm-tuned
run kvmtune ksm unmerged
run kvmtune ksm off
like "$status $out" '^0 ksm: .* already' 'unmerged is off already'
run kvmtune audit ksm=off
status_is 0 'unmerged is off for audit'
host ksm-tuned
run kvmtune ksm off
run kvmtune ksm unmerged
ksm_state
is "$status $ksm" '0 2 0 inactive/disabled inactive/disabled' 'off, then unmerged'
run kvmtune undo
run kvmtune undo
ksm_state
is "$status $ksm" '0 1 700000 active/enabled active/enabled' 'off, unmerged, undo, undo'

# What is printed.
host ksm-tuned
run kvmtune ksm unmerged --dry-run
golden dry-run-ksm-unmerged.txt 'the plan for people'
run kvmtune ksm off
golden ksm-off-done.txt 'what was done'
run kvmtune ksm on
golden ksm-on-done.txt 'what was done to turn it on'
run kvmtune undo --list
golden ksm-undo-list.txt 'the list of changes'
host ksm-tuned
run kvmtune ksm unmerged
golden ksm-unmerged-done.txt 'the steps of unmerging'
host ksm-tmpfiles
run kvmtune ksm off --dry-run
golden dry-run-ksm-tmpfiles.txt 'the plan with a file of ours'
host ksm-chroot
run kvmtune ksm off --dry-run
golden dry-run-ksm-chroot.txt 'the plan where systemd does not run'
host ksm-tuned
run kvmtune ksm off -q
unlike "$out" 'note:' 'quiet: no advice'

done_testing
