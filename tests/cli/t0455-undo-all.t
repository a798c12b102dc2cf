#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# undo --all undoes every change, the newest first, and names those that it could not.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# ---- whatever was changed ----

for name in intel-ept-on amd ksm-tuned ksm-chroot; do
	host "$name"
	read_tree origin
	changes=0
	for goal in 'tdp off' 'ksm off' 'thp never' 'nested off --defer' 'ksm on' 'thp always' 'tdp on --defer'; do
		read -ra command <<<"$goal"
		run kvmtune "${command[@]}"
		[ "$status" = 0 ] || [ "$status" = 5 ] || continue
		read_calls calls
		[ ! "$calls" ] || changes=$((changes + 1))
	done
	ok "$name: several changes" [ "$changes" -ge 3 ]
	run kvmtune undo --all --quiet
	read_tree tree
	is "$status $(differences "$origin" "$tree")" '0 ' "$name: undo --all restores the host"
	run kvmtune undo --list
	unlike "$out" 'next to undo' "$name: no change is left"
	run kvmtune undo --all
	is "$status $out" '0 No change is left to undo.' "$name: the second undo --all"
done

# ---- the order, and the dry run ----

host intel-ept-on
read_tree origin
run kvmtune ept off
run kvmtune nested off --defer
run kvmtune ept on --defer
read_tree before
run kvmtune undo --all --dry-run
is "$status" 0 'dry run'
like "$out" 'undo: kvmtune ept on --defer \(change 3\)' 'it plans the first undo'
like "$out" 'then: kvmtune nested off --defer \(change 2\)'$'\n''then: kvmtune ept off \(change 1\)' 'and names the others, the newest first'
unlike "$out" 'then: kvmtune ept on' 'each once'
read_tree tree
is "$(differences "$before" "$tree")" '' 'a dry run changes nothing'
run kvmtune undo --all
numbers=$(grep -o '^undo: .*(change [0-9])' <<<"$out" | grep -o '[0-9])' | tr -d ')\n')
is "$status $numbers" '0 321' 'the newest first'
read_tree tree
is "$(differences "$origin" "$tree")" '' 'the host is as at first'

# ---- some later, some never ----

host intel-ept-on
run kvmtune ept off
run kvmtune nested off --defer
run kvmtune undo --all --defer
own_file
is "$status $lines" '5 ' 'with --defer: the files are undone, what runs stays'

# One that is refused stops it: those before it on the list are undone, and the others named.
host intel-ept-on
run kvmtune nested off
run kvmtune ept off
run kvmtune nested on --defer
call_number load undo --all
KVMTUNE_FAKE_FAIL=$n run kvmtune undo --all
is "$status" 1 'one that fails'
like "$err" '^kvmtune: failed: .*; the newer changes are undone' 'it says what the host is like'
like "$out" 'not undone: kvmtune ept off \(change 2\)'$'\n''not undone: kvmtune nested off \(change 1\)' 'and what is left'
unlike "$out" 'not undone: kvmtune nested on' 'not what is undone'
param ept
is "$value" N 'the failed undo was rolled back'
run kvmtune undo --list
like "$out" '2 .*ept off +done +next to undo' 'it is the next to undo'
run kvmtune undo --all
is "$status" 0 'undo --all continues there'

# A guest is in the way of one.
host intel-ept-on
run kvmtune ept off
run kvmtune nested off --defer
host_dir=$KVMTUNE_FAKE_HOST in_use 1
run kvmtune undo --all
like "$status $err" '^3 kvmtune: refused: KVM is in use.*; the newer changes are undone' 'refused while a guest runs'
like "$out" 'undo: kvmtune nested.*'$'\n''not undone: kvmtune ept off \(change 1\)' 'after the others'

# Without anything undone before, the words are those of a single undo.
host intel-ept-on
run kvmtune ept off
call_number load undo
KVMTUNE_FAKE_FAIL=$n run kvmtune undo --all
like "$status $err" '^1 kvmtune: failed: .*; the host is as it was before' 'the first fails'

# ---- an interrupted change comes first ----

host intel-ept-on
read_tree origin
run kvmtune nested off --defer
call_number load ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
run kvmtune undo --all
read_tree tree
is "$status $(differences "$origin" "$tree")" '0 ' 'an interrupted change, and the one before'

# ---- for programs ----

host intel-ept-on
run kvmtune ept off
run kvmtune nested off --defer
run kvmtune undo --all --dry-run --json
dry=$out
run kvmtune undo --all --json
real=$out
judge()
{
	python3 -c 'import json, sys
d = json.loads(sys.argv[1])
print([u["undoes"] for u in d["undos"]], [c["id"] for c in d["left"]], d["exit_status"], d["changed"])' "$1"
}
is "$(judge "$dry")" '[2] [1] 0 True' 'JSON: the dry run'
is "$(judge "$real")" '[2, 1] [] 0 True' 'JSON: all undone'

done_testing
