#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --defer: saved for the next load, and the running module left alone.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

for name in in-use in-use-hidden intel-ept-on vboxdrv-in-use modules-disabled; do
	host "$name"
	run kvmtune ept off --defer
	status_is 5 "$name: ept off --defer"
	like "$out" 'ept: on now; next load on -> off.*saved: applies when the module is loaded next' \
		"$name: it says what is now and what comes"
	read_calls calls
	unlike "$calls" 'load|guest' "$name: the module is not touched"
	own_file
	is "$lines" 'options kvm_intel ept=0' "$name: the option is saved"
	read_tree before
	rm "$KVMTUNE_FAKE_HOST/fake/log"
	run kvmtune ept off --defer
	read_tree tree
	read_calls calls
	is "$status $calls $tree" "5  $before" "$name: again: still waits, and nothing is left to do"
	run kvmtune audit ept=off
	status_is 5 "$name: audit: saved, but it is not so yet"
	like "$out" 'ept=off +pending +on; off at the next load' "$name: audit says so"
	run kvmtune ept on --defer
	param ept
	own_file
	is "$status $value $lines" '0 Y ' "$name: ept on --defer removes it again"
done

# The next load brings it; kvmtune itself can be the one who loads.
host intel-ept-on
run kvmtune ept off --defer
run kvmtune ept off
is "$status$err" 0 'a change that was saved is done later'
param ept
is "$value" N 'it is off'
run kvmtune undo
param ept
own_file
is "$status $value $lines" '0 Y options kvm_intel ept=0' 'undo: the module, but not what was saved'
run kvmtune undo
own_file
is "$status $lines" '0 ' 'undo once more: what was saved'

# A module that is not loaded is not loaded uninvited.
host not-loaded
run kvmtune ept off
status_is 0 'not loaded: the option is saved, and nothing runs with another'
like "$out" 'next load on -> off.*not loaded' 'not loaded: it says so'
read_calls calls
unlike "$calls" 'load|guest' 'not loaded: the module is not loaded uninvited'
run kvmtune undo
own_file
is "$status $lines" '0 ' 'not loaded: undo'

done_testing
