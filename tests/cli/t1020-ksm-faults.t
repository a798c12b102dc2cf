#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What goes wrong while KSM is changed, beyond the loops of t0400, t0410 and t0420: memory runs out,
# the host begins to swap, ksmtuned writes in between, the bus is lost, EPT fails later.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1

# told LINE...: a fresh host, of which the fake kernel is told this, too
told()
{
	local line

	host "$1"
	host_dir=$KVMTUNE_FAKE_HOST
	for line in "${@:2}"; do
		about "$line"
	done
	read_tree before
}

# rolled_back ID REGEX NAME: the last run, with --json, failed so, and the host is as before
rolled_back()
{
	local tree

	json_id
	is "$status $id" "1 $1" "$3"
	like "$err" "$2" "$3: says why"
	like "$err$out" 'as it was before' "$3: says that it was rolled back"
	read_tree tree
	is "$(differences "$before" "$tree")" '' "$3: the host is as it was"
}

# Memory runs out half-way.
told ksm-tuned 'unmerge_fails ENOMEM'
run kvmtune ksm unmerged --json
rolled_back memory 'still merged' 'no memory half-way'
told ksm-only 'unmerge_fails ENOMEM'
run kvmtune apply ksm=unmerged ept=off --json
rolled_back memory 'still merged' 'no memory half-way, with EPT'

# Merging was stopped before, and some pages are unmerged: that cannot be rolled back.
told ksm-off-merged 'unmerge_fails ENOMEM'
run kvmtune ksm unmerged
ksm_state
like "$status $ksm" '^1 0 [1-9][0-9]* inactive/disabled inactive/disabled' \
	'no memory half-way, merging was off: it is off again'
like "$err" 'still merged' 'no memory half-way, merging was off: says how much is merged'

# It is enough, and then the host begins to swap.
told ksm-tuned 'swaps_after 5000'
run kvmtune ksm unmerged --json
rolled_back swapping 'swap' 'the host begins to swap'
told ksm-tuned 'swaps_after 5000'
run kvmtune ksm unmerged --watch 0
ksm_state
is "$status $ksm" '0 2 0 inactive/disabled inactive/disabled' 'it swaps, and nobody watches'
told ksm-tuned 'swaps_after 20'
run kvmtune ksm unmerged --watch 5s
ksm_state
is "$status $ksm" '0 2 0 inactive/disabled inactive/disabled' 'a few pages are no swapping'

# Somebody else takes memory while the services stop, or while pages are unmerged: a second look
# finds it, and what was to be kept free stays free.
for key in each_stop_takes each_step_takes; do
	told ksm-tuned "$key 19000"
	run kvmtune ksm unmerged --reserve 10G --json
	json_id
	ksm_state
	like "$status $id $ksm" '^[13] memory 1 700000 active/enabled active/enabled$' \
		"$key: memory becomes short: rolled back"
	like "$err" 'still merged.*memory|memory became short' "$key: says why"
	read_calls calls
done
unlike "$calls" 'unmerge_wait.*unmerge_wait.*unmerge_wait.*unmerge_wait' 'it is stopped in time'

# ksmtuned writes at any moment: it is off in the end, or it failed and is as before.
for goal in off unmerged; do
	told ksm-tuned
	wrong=
	for ((n = 1; n < 200; n++)); do
		told ksm-tuned
		KVMTUNE_FAKE_KSMTUNED=$n run kvmtune ksm "$goal"
		ksm_state
		mapfile -t lines <"$KVMTUNE_FAKE_HOST/fake/log"
		[ "$n" -le "${#lines[@]}" ] || break
		read_tree tree
		case $goal$status${ksm% *} in
		off0'0 700000 inactive'/*) ;;
		unmerged0'2 0 inactive'/*) ;;
		*1*) [ "$tree" = "$before" ] || wrong+=" $n:1" ;;
		*) wrong+=" $n: $status $ksm" ;;
		esac
	done
	is "$wrong" '' "ksmtuned writes at each of $((n - 1)) calls of $goal"
done

# Each of the manager's answers keeps its name.
for what in reload/bus-lost stop/job-failed stop/bus-timeout reload/bus-denied; do
	told ksm-tuned
	call_number "${what%/*}" ksm off
	KVMTUNE_FAKE_FAIL=$n KVMTUNE_FAKE_ID=${what#*/} run kvmtune ksm off --json
	rolled_back "${what#*/}" "${what%/*} ksm(tuned)?.service" "$what"
done

# Enabled until the next boot only: so it is again.
told ksm-only
state ksm.service active enabled-runtime
run kvmtune status
read_tree before
run kvmtune ksm off
ksm_state
is "$status $ksm" '0 0 90000 - inactive/disabled' 'enabled until the next boot: off'
run kvmtune undo
read_tree tree
is "$status $(differences "$before" "$tree")" '0 ' 'enabled until the next boot: undo'

# The bus is lost for good: what cannot be undone is said, and undo goes on later.
told ksm-tuned
call_number stop ksm off
KVMTUNE_FAKE_FAIL=$n+ KVMTUNE_FAKE_ID=bus-lost run kvmtune ksm off
status_is 6 'all fails from the first stop on'
run kvmtune undo
read_tree tree
is "$status $(differences "$before" "$tree")" '0 ' 'undo goes on from the journal'

# EPT and KSM as one.
told ksm-only
run kvmtune apply ept=off ksm=off
param ept
ksm_state
is "$status $value $ksm" '0 N 0 90000 - inactive/disabled' 'apply ept=off ksm=off'
run kvmtune apply ksm=off ept=off
like "$status $out" '^0 .*already.*already' 'apply ept=off ksm=off: already'
run kvmtune undo
read_tree tree
# The kernel counts how often the module was loaded; nothing else is left.
is "$status $(differences "$before" "$tree")" '0 ' 'apply ept=off ksm=off: undo'
for words in 'ept=off ksm=off' 'ksm=unmerged ept=off'; do
	read -ra command <<<"$words"
	told ksm-only 'guest_needs_ept yes'
	run kvmtune apply "${command[@]}"
	read_tree tree
	is "$status $(differences "$before" "$tree")" '1 ' "$words: the test guest fails: all is rolled back"
done

# ept alone has nothing to do with systemd, even where it does not answer.
told ksm-no-bus
run kvmtune ept off
status_is 0 'ept off works where systemd does not answer'
run kvmtune status
status_is 0 'status works where systemd does not answer'
like "$out" 'ksmtuned.service' 'status says what it could not see'

# Without systemd (a chroot): what is on disk, and the rest at the next boot.
told ksm-chroot
run kvmtune ksm off
ksm_state
is "$status $ksm" '5 1 90000 - -' 'chroot: saved for the next boot; the running kernel is left alone'
ok 'chroot: the links are gone' [ ! -L \
	"$KVMTUNE_FAKE_HOST/root/etc/systemd/system/multi-user.target.wants/ksm.service" ]
read_calls calls
is "$calls" 'append remove remove append' 'chroot: two links are removed, and nothing else'
run kvmtune ksm off
like "$status $out" '^5 ' 'chroot: a second run: it still waits'
run kvmtune ksm on
read_tree tree
is "$status $(differences "$before" "$tree")" '0 ' 'chroot: on brings the links back'
told ksm-chroot
run kvmtune ksm unmerged
status_is 5 'chroot: unmerged waits for the next boot'
run kvmtune undo
read_tree tree
is "$status $(differences "$before" "$tree")" '0 ' 'chroot: undo'

# ---- a journal that somebody else has written ----

units=/etc/systemd/system wants=/etc/systemd/system/multi-user.target.wants

# forge BACK...: an interrupted change, whose undo is this
forge()
{
	local back steps='' act='{"kind":"stop","target":"ksm.service"}'

	for back in "$@"; do
		steps+="${steps:+,}{\"act\":$act,\"back\":$back}"
	done
	mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune"
	crc_line '{"record":"plan","id":1,"steps":['"$steps"']}' \
		'{"record":"begin","id":1,"time":1,"command":"ksm off","undoes":0}' \
		>"$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal"
}

# link PATH TARGET
link()
{
	printf '{"kind":"link","target":"%s","text":"%s"}' "$1" "$2"
}

for back in '{"kind":"start","target":"evil.service"}' '{"kind":"enable","target":"evil.service"}' \
	'{"kind":"start","target":"../evil.service"}' '{"kind":"start"}' \
	'{"kind":"set_run","target":"/proc/sys/kernel/core_pattern","text":"2"}' \
	'{"kind":"set_run","target":"/sys/kernel/mm/ksm/run","text":"7"}' \
	'{"kind":"set_run","target":"/sys/kernel/mm/ksm/run"}' \
	'{"kind":"write","target":"/etc/tmpfiles.d/evil.conf","text":"x","mode":420}' \
	"$(link /etc/cron.d/ksm.service /lib/systemd/system/ksm.service)" \
	"$(link "$wants/../../../cron.d/ksm.service" /lib/systemd/system/ksm.service)" \
	"$(link "$wants/evil.service" /lib/systemd/system/ksm.service)" \
	"$(link "$units/ksm.service" /tmp/evil.service)" \
	"$(link "$units/ksm.service" /lib/systemd/system/evil.service)" \
	"$(link "$units/evil.service" /tmp/ksm.service)" \
	"$(link "$units/evil.service" /lib/systemd/system/../../../tmp/ksm.service)" \
	"$(link "/run/systemd/system/../../cron.d.wants/ksm.service" /lib/systemd/system/ksm.service)" \
	'{"kind":"stop","target":"evil.service"}' \
	"$(link "$wants/ksm.service" /tmp/evil.service)"; do
	told ksm-chroot
	rm "$KVMTUNE_FAKE_HOST/root$wants/ksm.service"
	run kvmtune status
	read_tree before
	forge "$back"
	run kvmtune undo
	read_tree tree
	is "$(differences "$before" "$tree")" '' "a journal cannot have this done: $back"
	told ksm-off
	forge "$back"
	run kvmtune undo
	read_tree tree
	is "$(differences "$before" "$tree")" '' "nor where systemd runs: $back"
done
# So that this proves something: they are journals that would be followed.
told ksm-chroot
rm "$KVMTUNE_FAKE_HOST/root$wants/ksm.service"
forge "$(link "$wants/ksm.service" /lib/systemd/system/ksm.service)"
run kvmtune undo
read_tree tree
is "$(differences "$before" "$tree")" '' 'a journal can have a link of ours made'
told ksm-off
forge '{"kind":"start","target":"ksm.service"}' \
	'{"kind":"set_run","target":"/sys/kernel/mm/ksm/run","text":"1"}'
run kvmtune undo
ksm_state
is "$ksm" '1 0 inactive/disabled active/disabled' 'a journal can have a service of ours started'

done_testing
