#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What undo --forward says, asks, and refuses; and journals of other boots, older and newer versions.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh
# shellcheck source=tests/lib/forward.sh
. tests/lib/forward.sh

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

# ---- nothing to finish ----

host intel-ept-on
read_all before
run kvmtune undo --forward
is "$status $out" '0 There is nothing to finish.' 'nothing was interrupted'
run kvmtune undo --forward --json
like "$status $out" '^0 .*"result": ?"already".*"finishes": ?null' 'nothing was interrupted, in JSON'
nothing_changed 'nothing was interrupted: nothing is done'
run kvmtune ept off
run kvmtune undo --forward
is "$status $out" '0 There is nothing to finish.' 'a change that was done is not finished once more'
run kvmtune undo --forward --list
like "$status $err" '^2 .*--list only lists' '--list only lists'
run kvmtune ept off --forward
like "$status $err" '^2 .*ept does not take --forward' 'only undo takes --forward'

# ---- both ways are named ----

both='Take it back:  kvmtune undo        Finish it:  kvmtune undo --forward'
host intel-ept-on
stopped_at load ept off
run kvmtune status
like "$out" "$both" 'status names both ways'
run kvmtune ept on
like "$status $err" "^6 .*$both" 'so does the refusal'
run kvmtune undo --forward
like "$status $out" '^0 finishing: kvmtune ept off \(change 1\)' 'it says what is finished'
like "$out" 'Take it back:  kvmtune undo' 'and how to take it back'
run kvmtune undo --list
like "$out" '2 .*ept off .*done +<- .*1 .*ept off .*finished later' 'the list'
run kvmtune undo --list --json
like "$out" '"state": ?"done",[^}]*"finishes": ?1,.*"state": ?"finished"' 'the list in JSON'
param ept
is "$value" N 'it is off'

# An undo that was interrupted is the one that is finished.
host intel-ept-on
read_tree origin
run kvmtune ept off
stopped_at load undo
run kvmtune status
like "$out" 'earlier change \(undo\) did not end.*Finish it:  kvmtune undo' 'status: an undo'
unlike "$out" 'forward' 'status: an undo has one way only'
run kvmtune undo --forward --json
like "$status $out" '^0 .*"undoes": ?1.*"finishes": ?null' 'an undo is finished: in JSON'
read_tree tree
is "$(differences "$origin" "$tree")" '' 'an undo is finished: the host'
host intel-ept-on
run kvmtune ept off
stopped_at load undo
run kvmtune undo --forward
like "$status $out" '^0 finishing to take back: kvmtune ept off' 'an undo is finished, and it says so'

# ---- as it was begun ----

host intel-ept-on
stopped_at append ept off --defer
stopped_at replace ept off --defer
run kvmtune undo --forward
param ept
own_file
is "$status $value $lines" '5 Y options kvm_intel ept=0' 'what was begun with --defer is deferred'

host intel-ept-on
stopped_at unload ept off
run kvmtune undo --forward --defer
param ept
is "$status $value" '5 Y' '--defer'

host ksm-tuned
stopped_at unmerge ksm unmerged --watch 3s --reserve 2G
run kvmtune undo --forward -n
like "$out" 'as long as 2.0 GiB stay free' 'the reserve is remembered'
like "$out" 'watch .* 3 s;' 'so is how long to watch'
run kvmtune undo --forward -n --reserve 3G --watch 0
like "$out" 'as long as 3.0 GiB stay free' '--reserve goes before'
unlike "$out" 'watch ' '--watch goes before'
host ksm-tuned
stopped_at unmerge ksm unmerged --reserve 0
journal
like "$(<"$file")" '"reserve_bytes":0' 'a reserve of nothing is remembered as such'

# ---- more to do than what was begun ----

# The module was not there when the change was begun, but is when it is finished.
host intel-ept-on
rm -rf "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel"
stopped_at replace ept off
cp -a "$tmp/hosts/intel-ept-on/root/sys/module/kvm_intel" "$KVMTUNE_FAKE_HOST/root/sys/module/"
run kvmtune undo --forward
param ept
own_file
is "$status $value $lines" '0 N options kvm_intel ept=0' 'a module that was loaded meanwhile is reloaded'
run kvmtune undo
param ept
own_file
is "$status $value $lines" '0 Y ' 'and undo knows of that reload'

# A value that was given by hand is lost by the reload: noticed, also where that was interrupted.
host hand-loaded-nested
read_tree origin
stopped_at run_guest ept off
[ "$status" = 137 ] || stopped_at load ept off
run kvmtune undo --forward
like "$status $err" '^6 .*nested is Y, not N' 'what the interrupted change has lost is noticed'
run kvmtune undo
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'and undo brings it back'

# ---- refused: it stays interrupted ----

host intel-ept-on
stopped_at unload ept off
host_dir=$KVMTUNE_FAKE_HOST
in_use 1
user 41922 64055 qemu qemu-kvm 1 1 8 /machine.slice/x.scope /usr/bin/qemu-kvm -name guest=web-01
refused 3 in-use 'in use by 1 process' undo --forward
like "$err" 'kvmtune undo --forward --wait' 'the way out is the same command'
run kvmtune undo --forward --wait=2s
status_is 3 'it waits'
ok 'and stays interrupted' is_interrupted
run kvmtune undo
status_is 0 'undo: there was nothing to reload yet'
ok 'and is taken back' [ ! -e "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zz-kvmtune.conf" ]

# A step of it fails.
host intel-ept-on
read_tree origin
stopped_at load ept off
call_number load undo --forward
KVMTUNE_FAKE_FAIL=$n run kvmtune undo --forward
status_is 6 'KVM is away, and the load fails'
ok 'it stays interrupted' is_interrupted
run kvmtune undo --forward
param ept
is "$status $value" '0 N' 'the next way forward'
run kvmtune undo
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'undo takes all of it back'

# Not root.
host intel-ept-on
stopped_at load ept off
printf 'root no\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
read_all before
run kvmtune undo --forward
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
run kvmtune status
unlike "$out" 'forward' 'of an older version: only the way back is named'
refused 3 unknown-goal 'is not known.*kvmtune undo' undo --forward
run kvmtune undo
status_is 0 'of an older version: undo works'

for goals in '"ept=off","ept=on"' '"ept=off","xyz=off"' '"ept"' '"ept=perhaps"' '5' '"ept=off",null' '[]' ''; do
	host intel-ept-on
	begin_line '"version":2,' ",\"goals\":[$goals]"
	run kvmtune undo --forward --json
	json_id
	is "$status $id" '3 unknown-goal' "goals that make no sense are none: $goals"
done

host intel-ept-on
begin_line '"version":3,' ',"goals":["ept=off"]'
run kvmtune status
like "$status $out" '^0 .*did not end.*newer kvmtune has begun it' 'of a newer version: status says so'
refused 4 newer-journal 'made by a newer kvmtune' undo
refused 4 newer-journal 'made by a newer kvmtune' undo --forward
refused 6 interrupted 'did not end' ept off
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
for way in undo 'undo --forward'; do
	read -ra command <<<"$way"
	host intel-ept-on
	boot 1111
	stopped_at load ept off
	as_booted intel-ept-off
	run kvmtune "${command[@]}"
	param ept
	own_file
	if [ "$way" = undo ]; then
		is "$status $value $lines" '0 Y ' 'the file is in force since the boot: undo'
	else
		is "$status $value $lines" '0 N options kvm_intel ept=0' 'the same: forward'
		like "$out" 'ept: off already' 'forward has nothing to do'
		run kvmtune undo
		param ept
		is "$status $value" '0 Y' 'and is taken back'
	fi
done

# In between: the file was written, but the module is loaded with the old value (from the initramfs).
for way in undo 'undo --forward'; do
	read -ra command <<<"$way"
	host intel-ept-on
	boot 1111
	stopped_at load ept off
	as_booted intel-ept-on
	run kvmtune "${command[@]}"
	param ept
	own_file
	if [ "$way" = undo ]; then
		is "$status $value $lines" '0 Y ' 'in between since the boot: undo'
	else
		is "$status $value $lines" '0 N options kvm_intel ept=0' 'the same: forward'
		run kvmtune undo
		param ept
		own_file
		is "$status $value $lines" '0 Y ' 'and is taken back'
	fi
done

# A module that nobody has loaded since the boot was not lost: it is left alone.
for way in undo 'undo --forward'; do
	read -ra command <<<"$way"
	host intel-ept-on
	boot 1111
	stopped_at load ept off
	boot 2222
	run kvmtune "${command[@]}"
	status_is 0 "not loaded since the boot: $way"
	ok "not loaded since the boot: $way leaves it so" \
		[ ! -e "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel" ]
done
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
