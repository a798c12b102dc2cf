#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# undo undoes the last change, then the one before.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

journal()
{
	file=$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal
}

# ---- every host that can be changed ----

for name in $(some_hosts); do
	for goal in 'ept off' 'ept on' 'ept off --defer' 'ept on --defer'; do
		read -ra command <<<"$goal"
		host "$name"
		read_tree origin
		run kvmtune "${command[@]}"
		read_calls calls
		[[ $status =~ ^[05]$ && $calls ]] || continue
		# Two options came into force with the reload, and stay: see what status says.
		[ "$name: $goal" != 'nested-edited: ept off' ] || continue
		run kvmtune undo
		read_tree tree
		is "$status $(differences "$origin" "$tree")" '0 ' "$name: undo undoes $goal"
		run kvmtune undo
		like "$status $out" '^0 No change is left to undo' "$name: and then nothing is left"
	done
done

# ---- one after the other ----

host intel-ept-on
read_tree first
run kvmtune undo --list
golden undo-list-empty.txt 'undo --list where nothing was done'
run kvmtune ept off --defer
read_tree second
run kvmtune ept off
read_tree third
run kvmtune ept on
run kvmtune undo --list
golden undo-list.txt 'undo --list'
run kvmtune undo --dry-run
like "$status $out" '^0 undo: kvmtune ept on' 'the last change is the first'
run kvmtune undo
read_tree tree
is "$status $(differences "$third" "$tree")" '0 ' 'undo: the last change'
run kvmtune undo
read_tree tree
is "$status $(differences "$second" "$tree")" '0 ' 'undo: the one before'
run kvmtune undo
read_tree tree
is "$status $(differences "$first" "$tree")" '0 ' 'undo: the first'
run kvmtune undo --list
golden undo-list-all.txt 'undo --list after all that'
run kvmtune undo
like "$status $out" '^0 No change is left to undo' 'nothing is left'

# A new change after an undo is the one to be undone.
host intel-ept-on
run kvmtune ept off
run kvmtune undo
run kvmtune ept off
run kvmtune undo
param ept
is "$status $value" '0 Y' 'off, undo, off, undo: on'

# ---- undo in other circumstances ----

host intel-ept-on
run kvmtune ept off
run kvmtune undo --defer
status_is 5 'undo --defer leaves the running module alone'
param ept
own_file
is "$value $lines" 'N ' 'the file is undone, the module runs on'

host intel-ept-on
run kvmtune ept off
rm "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zz-kvmtune.conf"
run kvmtune undo
param ept
is "$status $value" '0 Y' 'undo, where somebody removed the file by hand'

host intel-ept-on
run kvmtune ept off
read_tree before
call_number load undo
KVMTUNE_FAKE_FAIL=$n run kvmtune undo
status_is 1 'an undo that fails'
read_tree tree
is "$(differences "$before" "$tree")" '' 'is undone itself'
run kvmtune undo
param ept
is "$status $value" '0 Y' 'and can be tried again'

# Stopped while KVM was away: with --defer it stays away, and all else is undone.
host intel-ept-on
call_number load ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
run kvmtune undo --defer
own_file
is "$status $lines" '5 ' 'undo --defer, where KVM is away'

# ---- a journal that is not as it was written ----

host intel-ept-on
run kvmtune ept off
journal
printf '0badc0de {"record":"end","id":1,"result":"walked_ba' >>"$file"
run kvmtune undo
param ept
is "$status $value" '0 Y' 'a last line that a power cut tore is passed over'
run kvmtune undo --list
like "$out" '1 lines? of the journal cannot be read|undone' 'the list still works'

# The line that says what was done: without it there is nothing that could be undone.
host intel-ept-on
run kvmtune ept off
journal
sed -i 's/"command":"ept off"/"command":"ept on"/' "$file"
run kvmtune undo
like "$status $out" '^0 No change is left to undo' 'a line with a wrong checksum is not believed'
run kvmtune undo --list
like "$out" 'lines? of the journal cannot be read' 'and counted'

# The line with the steps: nobody knows the undo any more.
host intel-ept-on
run kvmtune ept off
journal
sed -i 's/ept=0/ept=1/' "$file"
read_tree before
run kvmtune undo
status_is 1 'steps with a wrong checksum are not done'
like "$err" 'the journal is damaged' 'and it says why'
read_tree tree
is "$(differences "$before" "$tree")" '' 'and nothing is changed'

# A power cut while the beginning was written: nothing was done, and nothing stands in the way.
host intel-ept-on
call_number replace ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
journal
size=$(stat -c %s "$file")
host intel-ept-on
run kvmtune undo --list
nothing=$out
stuck='' unlisted=''
for ((cut = 1; cut < size; cut += 97)); do
	host intel-ept-on
	KVMTUNE_FAKE_KILL=$n run kvmtune ept off
	journal
	truncate -s $((size - cut)) "$file"
	if ! grep -q '"record":"begin".*}$' "$file"; then
		run kvmtune undo --list
		[ "$status $out" = "0 $nothing" ] || unlisted+="${unlisted:+ }$((size - cut))"
		run kvmtune status
		[[ $out != *'did not end'* ]] || unlisted+="${unlisted:+ }$((size - cut)):status"
	fi
	run kvmtune undo
	run kvmtune ept off
	param ept
	[ "$status $value" = '0 N' ] || stuck+="${stuck:+ }$((size - cut))"
done
is "$unlisted" '' 'a plan without its begin is no change'
is "$stuck" '' "a beginning torn anywhere in its $size bytes: undo, and then a change works"

# forge FILE MODULE: an interrupted change whose undo writes and loads these
forge()
{
	crc_line '{"record":"plan","id":1,"steps":[{"act":{"kind":"remove","target":"/etc/modprobe.d/zz-kvmtune.conf"},"back":{"kind":"write","target":"'"$1"'","text":"options kvm_intel vpid=0\n","mode":511}},{"act":{"kind":"confirm","target":"kvm_intel","parameter":"ept","value":1},"back":{"kind":"none"}},{"act":{"kind":"unload","target":"kvm_intel"},"back":{"kind":"restore","target":"'"$2"'","text":"vpid=0","parameter":"ept","value":1,"before":{"ept":"Y","vpid":"N"}}}]}' \
		'{"record":"begin","id":1,"time":1,"command":"ept off","undoes":0}' >"$file"
}

# ---- what of a change cannot be undone ----

# A step that this version does not know: the rest is undone.
host intel-ept-on
run kvmtune ept off --defer
run kvmtune ept off
journal
mapfile -t records <"$file"
for ((i = 0; i < ${#records[@]}; i++)); do
	records[i]=${records[i]:9}
	[[ ${records[i]} != '{"record":"plan","id":2,'* ]] ||
		records[i]=${records[i]/'"steps":['/'"steps":[{"act":{"kind":"frobnicate","target":"/x"},"back":{"kind":"none"}},'}
done
crc_line "${records[@]}" >"$file"
for words in 'undo --dry-run' undo; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}"
	is "$status" 4 "$words: an unknown step"
	like "$err" 'step 1 of the change \(frobnicate /x\) is unknown.*kvmtune undo --skip' "$words: it is told"
done
param ept
is "$value" N 'nothing of it is undone'
run kvmtune undo --skip
run kvmtune undo
own_file
is "$status $lines" '0 ' 'the change before can be undone'

# All records of its steps are lost: it is left as it is, and the one before is undone.
host intel-ept-on
run kvmtune ept off --defer
run kvmtune ept off
journal
sed -i '/"record":"plan","id":2/s/ept=1/ept=0/' "$file"
run kvmtune undo
status_is 1 'lost steps: refused'
like "$err" 'kvmtune undo --skip' 'lost steps: the way out is named'
read_tree before
run kvmtune undo --skip --dry-run
like "$status $out" '^0 keep: kvmtune ept off \(change 2\).*Nothing was changed' 'undo --skip --dry-run'
run kvmtune undo --list
unlike "$out" 'left as it is' 'undo --skip --dry-run: nothing is written'
run kvmtune undo --skip --json
is "$status" 0 'undo --skip'
like "$out" '"result": ?"skipped".*"undoes": ?2.*"skips": ?true' 'undo --skip: in JSON'
read_tree tree
is "$(differences "$before" "$tree")" '' 'undo --skip: the host stays as it is'
run kvmtune undo --list
like "$out" '2 .* ept off +kept' 'undo --list says so'
run kvmtune undo
own_file
is "$status $lines" '0 ' 'the change before is undone'
run kvmtune undo --skip
like "$status $out" '^0 No change is left to undo' 'undo --skip: nothing is left'
run kvmtune undo --skip --defer
is "$status" 2 'undo --skip: the host stays as it is, also at the next load'
run kvmtune undo --skip --list
is "$status" 2 'undo --skip --list'

# Whoever could write the journal shall not have modprobe run a command.
host intel-ept-on
mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune"
journal
crc_line '{"record":"plan","id":1,"steps":[{"act":{"kind":"remove","target":"/etc/modprobe.d/zz-kvmtune.conf"},"back":{"kind":"write","target":"/etc/modprobe.d/zz-kvmtune.conf","text":"options kvm_intel ept=0\ninstall kvm_intel /bin/evil\n"}},{"act":{"kind":"confirm","target":"kvm_intel","parameter":"ept","value":1},"back":{"kind":"none"}}]}' \
	'{"record":"begin","id":1,"version":2,"time":1,"command":"ept on","undoes":0}' '{"record":"end","id":1,"result":"done"}' >"$file"
run kvmtune undo --defer
own_file
is "$lines" 'options kvm_intel ept=0' 'a journal writes nothing but options'

# Whoever could write the journal shall not have another file written or another module loaded.
host intel-ept-on
mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune"
journal
forge /etc/cron.d/evil evil
read_tree before
run kvmtune undo
read_tree tree
read_calls calls
is "$(differences "$before" "$tree")" '' 'a journal cannot name other files and modules'
unlike "$calls" 'replace|unload|load' 'and nothing is tried'
# So that this proves something: it is a journal that would be followed.
forge /etc/modprobe.d/zz-kvmtune.conf kvm_intel
run kvmtune undo
own_file
param vpid
is "$status $lines $value" '0 options kvm_intel vpid=0 N' 'the same with our own file and module is done'

host intel-ept-on
mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune"
journal
crc_line '[]' '{}' '{"record":5}' '{"record":"begin"}' '{"record":"begin","id":-7}' \
	'{"record":"plan","steps":{}}' '{"record":"plan","id":"x"}' '{"record":"plan","id":9}' \
	'{"record":"end","id":99,"result":"done"}' \
	'{"record":"plan","id":3,"steps":[[],5,{"act":5}]}' '{"record":"begin","id":3}' \
	'{"record":"step","id":3,"step":"x"}' '{"record":"end","id":3,"result":"nonsense"}' >"$file"
for words in status 'undo --list' 'undo --list --json' 'undo --dry-run' undo; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}"
	ok "a journal of nonsense: $words" [ "$status" -le 6 ]
done

head -c 100000 /dev/urandom >"$file"
run kvmtune undo --list
is "$status" 0 'a journal of noise'
head -c 2000000 /dev/zero | tr '\0' x >"$file"
run kvmtune ept off
ok 'a journal of two megabytes without a line: an error, or a new one' [ "$status" -le 1 ]

# The journal does not grow for ever.
host intel-ept-on
run kvmtune ept off --defer
journal
for ((i = 0; i < 400; i++)); do
	printf '%s\n' "$(<"$file")"
done >"$tmp/long"
for ((i = 0; i < 2; i++)); do
	cat "$tmp/long"
done >"$file"
run kvmtune ept on --defer
is "$status" 0 'a long journal'
ok 'is cut to its newer half' [ "$(stat -c %s "$file")" -lt 600000 ]
run kvmtune undo --list
is "$status" 0 'and can be read'

# What keeps the module from being loaded again is seen before it is removed, as for any change.
for line in 'option-refused options kvm_intel ept=maybe' 'install-line install kvm_intel /bin/true'; do
	host intel-ept-on
	run kvmtune ept off
	rm -f "$KVMTUNE_FAKE_HOST/fake/log"
	echo "${line#* }" >"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zzz.conf"
	refused 3 "${line%% *}" 'zzz.conf:1 ' undo
	param ept
	is "$value" N "${line#* }: undo leaves the module alone"
	rm "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zzz.conf"
	run kvmtune undo
	param ept
	is "$status $value" '0 Y' "${line#* }: and works once it is gone"
done

done_testing
