#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The links that start the services, the units that a start or a stop of them has to do with, and
# services that are on their way: removed and made again exactly, refused, or waited for.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1
etc=/etc/systemd/system run=/run/systemd/system

# on HOST: a fresh host, for the functions of its description
on()
{
	host "$1"
	host_dir=$KVMTUNE_FAKE_HOST
	root=$host_dir/root
}

# there_and_back WANTED_STATUS: off, undo: as before
there_and_back()
{
	run kvmtune status
	read_tree old
	run kvmtune ksm off
	ksm_state
	is "$status ${ksm#* * }" "0 $2" "$1: off"
	run kvmtune undo
	read_tree new
	is "$status $(differences "$old" "$new")" '0 ' "$1: undo leads back"
}

off='inactive/disabled inactive/disabled'

# ---- links ----

on ksm-tuned
mkdir -p "$root$etc/machines.target.wants" "$root$etc/box.target.requires" "$root$run/multi-user.target.wants"
rm "$root$etc/multi-user.target.wants/ksm.service"
ln -s /lib/systemd/system/ksm.service "$root$etc/machines.target.wants/ksm.service"
ln -s ../../../../lib/systemd/system/ksm.service "$root$etc/box.target.requires/ksm.service"
ln -s /lib/systemd/system/ksmtuned.service "$root$run/multi-user.target.wants/ksmtuned.service"
ln -s /lib/systemd/system/ksm.service "$root$etc/samepages.service"
there_and_back 'links of other targets, relative ones, in /run, and another name' "$off"

on ksm-tuned
mkdir -p "$root/opt/ksm"
mv "$root/lib/systemd/system/ksm.service" "$root/opt/ksm/"
ln -s /opt/ksm/ksm.service "$root$etc/ksm.service"
ln -sf /opt/ksm/ksm.service "$root$etc/multi-user.target.wants/ksm.service"
there_and_back 'a linked unit file outside of the unit directories' "$off"
ok 'the linked unit file is there' [ "$(readlink "$root$etc/ksm.service")" = /opt/ksm/ksm.service ]

on ksm-tuned
mkdir -p "$root$etc/machines.target.wants"
ln -s /dev/null "$root$etc/machines.target.wants/ksm.service"
run kvmtune ksm off
ok 'a link that hides one of packages stays' [ -L "$root$etc/machines.target.wants/ksm.service" ]

on ksm-tuned
rm "$root$etc/multi-user.target.wants/ksm.service"
ln -s /lib/systemd/system/ksm.service "$root$etc/samepages.service"
ln -s /lib/systemd/system/ksm.service "$root$etc/multi-user.target.wants/samepages.service"
refused 3 unit-link 'samepages.service points to' ksm off

# The directory that was made for a link goes with it; one that was there stays.
on ksm-off
rm -rf "${root:?}$etc/multi-user.target.wants"
run kvmtune status
read_tree old
run kvmtune ksm on
ok 'on: the link of [Install]' [ -L "$root$etc/multi-user.target.wants/ksm.service" ]
run kvmtune undo
read_tree new
is "$status $(differences "$old" "$new")" '0 ' 'on, undo: no directory is left'
on ksm-tuned
chmod 0700 "$root$etc/multi-user.target.wants"
there_and_back 'the mode of the directory stays' "$off"

# Somebody has put a link there since.
on ksm-tuned
run kvmtune ksm off
wanted ksm.service machines.target
run kvmtune undo
ok 'a link of somebody else stays after undo' [ -L "$root$etc/machines.target.wants/ksm.service" ]

# What a journal of 0.1.0 says is still undone.
on ksm-off
mkdir -p "$root/var/lib/kvmtune"
crc_line '{"record":"plan","id":1,"steps":[{"act":{"kind":"disable","target":"ksm.service"},"back":{"kind":"enable","target":"ksm.service"}},{"act":{"kind":"disable","target":"ksmtuned.service","runtime":1},"back":{"kind":"enable","target":"ksmtuned.service","runtime":1}},{"act":{"kind":"stop","target":"ksm.service"},"back":{"kind":"start","target":"ksm.service"}}]}' \
	'{"record":"begin","id":1,"version":2,"time":1,"command":"ksm off","undoes":0}' \
	'{"record":"end","id":1,"result":"done"}' >"$root/var/lib/kvmtune/journal"
run kvmtune undo
ksm_state
is "$status $ksm" '0 1 0 inactive/enabled-runtime active/enabled' 'a journal of 0.1.0: undo'
on ksm-tuned
mkdir -p "$root/var/lib/kvmtune"
crc_line '{"record":"plan","id":1,"steps":[{"act":{"kind":"enable","target":"ksm.service"},"back":{"kind":"disable","target":"ksm.service"}}]}' \
	'{"record":"begin","id":1,"version":2,"time":1,"command":"ksm on","undoes":0}' \
	'{"record":"end","id":1,"result":"done"}' >"$root/var/lib/kvmtune/journal"
run kvmtune undo
ksm_state
is "$status $ksm" '0 1 700000 active/enabled active/disabled' 'a journal of 0.1.0: undo of on'

# ---- others ----

for relation in RequiredBy BoundBy ConsistsOf; do
	on ksm-tuned
	other web.service active
	relation ksmtuned.service "$relation" web.service
	refused 3 stops-others 'ksmtuned.service.*: web.service' ksm off
	run kvmtune ksm off --defer
	is "$status" 5 "$relation: deferred: nothing is stopped"
	on ksm-tuned
	other web.service inactive
	relation ksmtuned.service "$relation" web.service
	there_and_back "$relation, and it does not run" "$off"
done
on ksm-tuned
other middle.service inactive
other web.service activating
relation ksm.service RequiredBy middle.service
relation middle.service ConsistsOf web.service
relation web.service RequiredBy ksm.service
refused 3 stops-others 'web.service' ksm unmerged
on ksm-tuned
for n in 1 2 3 4 5 6 7; do
	other "web$n.service" active
	relation ksm.service RequiredBy "web$n.service"
done
refused 3 stops-others 'web5.service and 2 more' ksm off
on ksm-off
other web.service active
relation ksm.service ConflictedBy web.service
refused 3 stops-others 'web.service' ksm on
for relation in UpheldBy TriggeredBy; do
	on ksm-tuned
	other keeper.timer active
	relation ksmtuned.service "$relation" keeper.timer
	refused 3 starts-again 'keeper.timer' ksm off
	refused 3 starts-again 'keeper.timer' ksm off --defer
done
on ksm-off
relation ksm.service Requires gone.mount
refused 3 unit-not-startable 'gone.mount \(not-found\)' ksm on

# What is needed is started before, and stopped by undo.
on ksm-off
other base.service inactive
other needed.service inactive
other wanted.service inactive
relation ksm.service Requires needed.service
relation needed.service Requires base.service
relation ksm.service Wants wanted.service
relation ksm.service Wants gone.service
run kvmtune status
read_tree old
run kvmtune ksm on --dry-run
like "$out" 'start +base.service.*start +needed.service.*start +wanted.service.*start +ksm.service' 'what is needed is in the plan'
run kvmtune ksm on
like "$status $(cat "$host_dir"/fake/units/{base,needed,wanted}.service)" '^0 loaded active.*loaded active.*loaded active' 'it is started'
cp -r "$host_dir" "$host_dir.used"
run kvmtune undo
read_tree new
is "$status $(differences "$old" "$new")" '0 ' 'undo stops it'
KVMTUNE_FAKE_HOST=$host_dir.used host_dir=$host_dir.used
other web.service active
relation needed.service RequiredBy web.service
run kvmtune undo
like "$status $out" '^0 .*needed.service.*keeps running' 'what others use by now stays'
like "$(cat "$host_dir/fake/units/needed.service")" 'active' 'it runs'

# Undo starts what ran, not what it wants.
on ksm-tuned
other wanted.service inactive
relation ksm.service Wants wanted.service
there_and_back 'what it wants did not run' "$off"

# ---- on their way ----

for state in deactivating 'active stop'; do
	on ksm-only
	read -r active job <<<"$state"
	state ksm.service "$active" enabled "$job"
	about at_its_end 1
	run kvmtune ksm off --dry-run
	like "$status $out" "^0 .*stop +ksm.service .*$active.*waits" "$state: the plan says so"
	run kvmtune ksm off
	ksm_state
	is "$status $ksm" '0 0 90000 - inactive/disabled' "$state: off: what it writes at its end does not count"
	run kvmtune undo
	ksm_state
	is "$status $ksm" '0 1 90000 - inactive/enabled' "$state: undo: it was being stopped"
done
on ksm-only
state ksm.service inactive enabled start
printf '0\n' >"$root/sys/kernel/mm/ksm/run"
run kvmtune ksm off
ksm_state
is "$status $ksm" '0 0 90000 - inactive/disabled' 'a start that waits: off'
run kvmtune undo
ksm_state
is "$status ${ksm#* * * }" '0 active/enabled' 'a start that waits: undo: it was to run'

# ---- memory ----

on ksm-tuned
rm "$host_dir/fake/host.merges" 2>/dev/null
sed -i '/^merges/d' "$host_dir/fake/host"
for name in pages_shared pages_sharing; do
	printf '0\n' >"$root/sys/kernel/mm/ksm/$name"
done
for command in '--dry-run' ''; do
	# shellcheck disable=SC2086 # no word where it is empty
	run kvmtune ksm unmerged --reserve 60G $command
	is "$status" 0 "nothing is merged: unmerged needs no memory $command"
done

# ---- deferred ----

# boot: what becomes of the services and the switch
boot()
{
	local name file

	for name in ksm ksmtuned; do
		read -r _ _ file <"$host_dir/fake/units/$name.service"
		printf 'loaded inactive %s\n' "$file" >"$host_dir/fake/units/$name.service"
	done
	printf '0\n' >"$root/sys/kernel/mm/ksm/run"
}

on ksm-tuned
run kvmtune ksm off --defer
boot
cp -r "$host_dir" "$host_dir.defer"
run kvmtune undo
ksm_state
is "$status $ksm" '0 1 700000 active/enabled active/enabled' 'off --defer, boot, undo: all runs again'
KVMTUNE_FAKE_HOST=$host_dir.defer
run kvmtune undo --defer
ksm_state
is "$status $ksm" '5 0 700000 inactive/enabled inactive/enabled' 'off --defer, boot, undo --defer: only the links'
on ksm-off
run kvmtune ksm on --defer
is "$status" 5 'on --defer'
for name in ksm ksmtuned; do
	state "$name.service" active enabled
done
printf '1\n' >"$root/sys/kernel/mm/ksm/run"
run kvmtune undo
ksm_state
is "$status ${ksm#* * }" "0 $off" 'on --defer, boot, undo: nothing runs'

# ---- a package is removed ----

on ksm-tuned
run kvmtune ksm off
printf '1\n' >"$root/sys/kernel/mm/ksm/run"
run kvmtune ksm off
rm "$root/lib/systemd/system/ksmtuned.service" "$host_dir/fake/units/ksmtuned.service"
run kvmtune undo
is "$status $(<"$root/sys/kernel/mm/ksm/run")" '0 1' 'the newer change is undone'
run kvmtune undo --json
like "$status $out" '^0 .*"lost": ?\[[^]]*ksmtuned.service is not installed any more' 'undo tells what is lost'
ksm_state
is "$ksm" '1 700000 - active/enabled' 'and undoes the rest'
run kvmtune undo
like "$status $out" '^0 No change is left to undo' 'nothing is left to undo'

# ---- our file ----

own=/etc/tmpfiles.d/00-kvmtune.conf
on ksm-by-hand
run kvmtune ksm on
run kvmtune ksm off
run kvmtune ksm on
printf 'f /run/theirs 0644\n' >>"$root$own"
run kvmtune undo
is "$status $(<"$root$own")" '0 f /run/theirs 0644' "undo leaves a line of others"
run kvmtune ksm on
like "$(<"$root$own")" $'\nw /sys/kernel/mm/ksm/run - - - - 1\nf /run/theirs 0644$' 'so does a change'

# ---- read-only ----

on ksm-only
state ksm.service active enabled-runtime
about read_only /run/systemd/system
refused 4 read-only-config '/run/systemd/system cannot be written' ksm off
on ksm-by-hand
about read_only /etc/tmpfiles.d
printf '0\n' >"$root/sys/kernel/mm/ksm/run"
refused 4 read-only-config '/etc/tmpfiles.d cannot be written' ksm on

done_testing
