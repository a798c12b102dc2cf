#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Changes that were interrupted: what is said of them, how undo undoes them, when it is refused; and
# journals of other boots, older and newer versions.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh

# stopped_at VERB COMMAND...: on the host as it is; the log begins anew
stopped_at()
{
	local n

	rm -f "$KVMTUNE_FAKE_HOST/fake/log"
	call_number "$@"
	KVMTUNE_FAKE_KILL=$n run kvmtune "${@:2}"
	rm "$KVMTUNE_FAKE_HOST/fake/log"
}

journal()
{
	file=$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal
}

# The plan in a document, whatever became of it
steps_of() { sed -n '/"steps":/,/^  \],/p' <<<"$1" | grep -v '"state"'; }

# ---- what is said of it ----

host intel-ept-on
read_tree origin
stopped_at load ept off
run kvmtune status
like "$out" 'interrupted: kvmtune ept off did not end.*Undo it:  kvmtune undo' 'status: a change'
unlike "$out" 'Finish it' 'status: a change has one way only'
run kvmtune ept on --dry-run
like "$status $out" '^0 interrupted: kvmtune ept off; it is rolled back first.*undo: kvmtune ept off' \
	'a dry run of another shows the rollback'
like "$out" 'Nothing was changed.*Your change is planned after that' 'and that the rest comes then'
run kvmtune ept on --dry-run --json
like "$status $out" '^0 .*"recovered": ?\{[^}]*"command": ?"ept off",[^}]*"result": ?"planned"' 'in JSON'
run kvmtune undo --forward
like "$status $err" '^2 .*unknown or ambiguous option --forward' 'there is no other way'
ok 'and it stays interrupted' is_interrupted
run kvmtune undo
like "$status $out" '^0 undo: kvmtune ept off \(change 1\)' 'undo names the change'
read_tree tree
is "$(differences "$origin" "$tree")" '' 'the host is as before'
run kvmtune ept off
param ept
own_file
is "$status $value $lines" '0 N options kvm_intel ept=0' 'then the same command ends where it would have'

# Somebody loaded another module in its place.
host intel-ept-on
stopped_at load ept off
host_dir=$KVMTUNE_FAKE_HOST
other_kvm_module kvm_pvm 0
refused 3 other-kvm-module 'kvm_pvm makes /dev/kvm now, and kvm_intel cannot be loaded beside' undo
run kvmtune undo --defer
is "$status" 5 'another module: saved for the next load'

# An undo that was interrupted goes on.
host intel-ept-on
read_tree origin
run kvmtune ept off
stopped_at load undo
run kvmtune status
like "$out" 'interrupted: kvmtune undo did not end.*Finish it:  kvmtune undo' 'status: an undo'
run kvmtune undo --json
like "$status $out" '^0 .*"undoes": ?1' 'an undo goes on'
read_tree tree
is "$(differences "$origin" "$tree")" '' 'an undo goes on: the host'

# What was begun by one option is rolled back without it.
host intel-ept-on
read_tree origin
stopped_at replace ept off --defer
run kvmtune undo
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'begun with --defer'

# The module was not there when the change was begun, but is when it is made again.
host intel-ept-on
rm -rf "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel"
stopped_at replace ept off
cp -a "$tmp/hosts/intel-ept-on/root/sys/module/kvm_intel" "$KVMTUNE_FAKE_HOST/root/sys/module/"
run kvmtune undo
param ept
own_file
is "$status $value $lines" '0 Y ' 'a module that was loaded meanwhile is left alone'
run kvmtune ept off
param ept
is "$status $value" '0 N' 'and reloaded by the command again'

# A value that was given by hand, and lost by the reload, comes back.
host hand-loaded-nested
read_tree origin
stopped_at run_guest ept off
[ "$status" = 137 ] || stopped_at load ept off
run kvmtune undo
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'what the interrupted change has lost comes back'

# ---- the next change leads on by itself ----

# recovers AT GOAL COMMAND...: `ept off` is killed there; the next command ends with ept at GOAL
recovers()
{
	local at=$1 goal=$2

	shift 2
	host intel-ept-on
	stopped_at "$at" ept off
	run kvmtune "$@"
	param ept
	is "$status $value" "0 $goal" "killed at $at, then $*: done"
	like "$out" 'interrupted: kvmtune ept off; it (was rolled back first|had reached its goal)' \
		"killed at $at, then $*: it is said"
	run kvmtune status
	unlike "$out" 'did not end' "killed at $at, then $*: nothing is left open"
	run kvmtune undo
	param ept
	is "$status $value" "0 Y" "killed at $at, then $*: and that can be undone"
}

for at in replace unload load; do
	recovers $at N ept off
	recovers $at Y ept on
	recovers $at N apply ept=off nested=off
done

# Behind its last step only the record of its end was missing.
host intel-ept-on
rm -f "$KVMTUNE_FAKE_HOST/fake/log"
run kvmtune ept off
read_calls calls
n=$(wc -w <<<"$calls")
host intel-ept-on
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
rm -f "$KVMTUNE_FAKE_HOST/fake/log"
ok 'killed before the end is written: interrupted' is_interrupted
# A dry run does not show a rollback that the real run does not do.
read_tree before
run kvmtune nested off -n --json
dry_steps=$(steps_of "$out")
like "$out" '"recovered": ?\{[^}]*"result": ?"closed"' 'a dry run says that it would be closed'
read_tree tree
is "$(differences "$before" "$tree")" '' 'and does nothing'
cp -a "$KVMTUNE_FAKE_HOST" "$tmp/unclosed"
run kvmtune nested off --json
is "$(steps_of "$out")" "$dry_steps" 'its plan is that of the real run'
rm -rf "$KVMTUNE_FAKE_HOST"
mv "$tmp/unclosed" "$KVMTUNE_FAKE_HOST"
run kvmtune ept off
like "$status $out" '^0 interrupted: kvmtune ept off; it had reached its goal, and is closed as done' \
	'killed before the end is written: closed'
read_calls calls
is "$calls" 'append' 'and the host is not touched'
run kvmtune undo
param ept
is "$status $value" '0 Y' 'and it can be undone'

# An undo that was interrupted is gone on with.
host intel-ept-on
run kvmtune ept off
stopped_at load undo
run kvmtune nested off
param ept
ept=$value
param nested
is "$status $ept $value" '0 Y N' 'an undo that was interrupted, then another change'

# KSM, too.
host ksm-tuned
stopped_at write_value ksm off
run kvmtune ksm off
like "$status $out" '^0 interrupted: kvmtune ksm off' 'KSM'
run kvmtune undo
status_is 0 'KSM: and that can be undone'

# ---- refused: it stays interrupted ----

host intel-ept-on
read_tree origin
stopped_at run_guest ept off
host_dir=$KVMTUNE_FAKE_HOST
in_use 1
user 41922 64055 qemu qemu-kvm 1 1 8 /machine.slice/x.scope /usr/bin/qemu-kvm -name guest=web-01
refused 3 in-use 'in use by 1 process' undo
like "$err" 'kvmtune undo --wait' 'the way out is the same command'
run kvmtune undo --wait=2s
status_is 3 'it waits'
ok 'and stays interrupted' is_interrupted

# A step of it fails.
host intel-ept-on
read_tree origin
stopped_at load ept off
call_number load undo
KVMTUNE_FAKE_FAIL=$n+ run kvmtune undo
status_is 6 'KVM is away, and the load fails'
ok 'it stays interrupted' is_interrupted
run kvmtune undo
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'the next undo takes all of it back'

# Not root.
host intel-ept-on
stopped_at load ept off
printf 'root no\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
read_all before
run kvmtune undo
status_is 4 'not root'
nothing_changed 'not root: nothing was changed'

# ---- other versions ----

# begin_line VERSION MORE: what a program of that version has begun, in an image's journal
begin_line()
{
	mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune"
	journal
	crc_line '{"record":"plan","id":1,"steps":[{"act":{"kind":"write","target":"/etc/modprobe.d/zz-kvmtune.conf","text":"options kvm_intel ept=0\n","mode":420},"back":{"kind":"remove","target":"/etc/modprobe.d/zz-kvmtune.conf"}},{"act":{"kind":"confirm","target":"kvm_intel","parameter":"ept","value":0},"back":{"kind":"none"}}]}' \
		"{\"record\":\"begin\",\"id\":1,$1\"time\":1,\"command\":\"ept off --defer\",\"undoes\":0$2}" >"$file"
}

host intel-ept-on
begin_line ''
run kvmtune undo
status_is 0 'of an older version: undo works'

# 0.1.0 wrote down what was wanted, and could finish an interrupted change by a second entry.
host intel-ept-on
begin_line '"version":2,' ',"goals":["ept=off"],"defer":1,"reserve_bytes":0,"watch_ms":10000'
run kvmtune undo
status_is 0 'of 0.1.0: undo works'

host intel-ept-on
read_tree origin
run kvmtune ept off
journal
{
	crc_line '{"record":"begin","id":7,"version":2,"time":1,"command":"ept off","undoes":0,"goals":["ept=off"],"watch_ms":10000}'
	sed 's/^[0-9a-f]* //;s/"undoes":0/&,"finishes":7/' "$file" | while read -r line; do crc_line "$line"; done
} >"$file.new"
mv "$file.new" "$file"
run kvmtune status
unlike "$status $out" 'did not end' 'of 0.1.0, finished: not interrupted'
run kvmtune undo --list --json
like "$status $out" '^0 .*"next_undo": ?true' 'of 0.1.0, finished: the list'
run kvmtune undo
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'of 0.1.0, finished: undo undoes it'
run kvmtune status
unlike "$status $out" 'did not end' 'of 0.1.0, finished: and nothing is left'

host intel-ept-on
begin_line '"version":4,' ',"goals":["ept=off"]'
run kvmtune status
like "$status $out" '^0 .*did not end.*newer kvmtune started it' 'of a newer version: status says so'
refused 4 newer-journal 'made by a newer kvmtune' undo
refused 4 newer-journal 'made by a newer kvmtune' ept off
run kvmtune undo --list
status_is 0 'of a newer version: the list'

# ---- the next boot ----

# boot NAME: the kernel runs since another boot
boot()
{
	mkdir -p "$KVMTUNE_FAKE_HOST/root/proc/sys/kernel/random"
	printf '%s\n' "$1" >"$KVMTUNE_FAKE_HOST/root/proc/sys/kernel/random/boot_id"
}

# as_booted HOST: the module is as the configuration has it, as that of this host
as_booted()
{
	pristine "$1"
	rm -rf "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel"
	cp -a "$tmp/hosts/$1/root/sys/module/kvm_intel" "$KVMTUNE_FAKE_HOST/root/sys/module/"
	boot 2222
}

host intel-ept-on
boot 1111
run kvmtune status
read_tree origin
stopped_at replace ept off
boot 2222
run kvmtune undo -n
like "$status $out" '^0 .*ept: on already' 'nothing of it reached the disk: nothing to do'
run kvmtune undo
read_calls calls
like "$status $out" '^0 .*ept: on already' 'and it says so'
is "$calls" 'append append' 'and does nothing but to remember that'
boot 1111
run kvmtune status
read_tree tree
is "$(differences "$origin" "$tree")" '' 'the host is as before'

# The file was written, and the boot has brought it into force.
host intel-ept-on
boot 1111
stopped_at load ept off
as_booted intel-ept-off
run kvmtune undo
param ept
own_file
is "$status $value $lines" '0 Y ' 'the file is in force since the boot'

# In between: the file was written, but the module is loaded with the old value (from the initramfs).
host intel-ept-on
boot 1111
stopped_at load ept off
as_booted intel-ept-on
run kvmtune undo
param ept
own_file
is "$status $value $lines" '0 Y ' 'in between since the boot'

# A module that nobody has loaded since the boot was not lost: it is left alone.
host intel-ept-on
boot 1111
stopped_at load ept off
boot 2222
run kvmtune undo
status_is 0 'not loaded since the boot'
ok 'not loaded since the boot: undo leaves it so' \
	[ ! -e "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel" ]
# While in the same boot it is brought back.
host intel-ept-on
boot 1111
stopped_at load ept off
run kvmtune undo
param ept
is "$status $value" '0 Y' 'in the same boot it is brought back'

# What was edited meanwhile, and is in force since the boot, is not turned back with it.
host intel-ept-on
boot 1111
stopped_at load ept off
as_booted intel-ept-off
printf 'options kvm_intel nested=0\n' >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/admin.conf"
printf 'N\n' >"$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel/parameters/nested"
run kvmtune undo
param ept
ept=$value
param nested
is "$status $ept $value" '0 Y N' 'an option of the new boot stays'

done_testing
