#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --defer=if-busy: what can be done now is done, the rest is saved for the next load or boot.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# Guests run: the module waits, thp does not.
pristine in-use
host thp
thp=$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/transparent_hugepage/enabled
refcnt=root/sys/module/kvm_intel/refcnt
cp "$KVMTUNE_FAKE_HOST/$refcnt" "$tmp/refcnt"
cp "$tmp/hosts/in-use/$refcnt" "$KVMTUNE_FAKE_HOST/$refcnt"
cp "$tmp/hosts/in-use/fake/users" "$KVMTUNE_FAKE_HOST/fake/users"
run kvmtune apply ept=off thp=never --defer=if-busy --dry-run
status_is 5 'dry run'
like "$out" 'waits: ept applies at the next load: KVM is in use by 3 processes' 'dry run: what waits, and why'
read_calls calls
is "$calls" '' 'dry run: nothing is done'
run kvmtune apply ept=off thp=never --defer=if-busy
status_is 5 'the rest waits'
like "$out" 'waits: ept applies at the next load: KVM is in use by 3 processes' 'what waits, and why'
own_file
text_of value "$thp"
is "$lines $value" 'options kvm_intel ept=0 always madvise [never]' 'one is saved, one is done'
read_tree before
run kvmtune apply ept=off thp=never --defer=if-busy --json
read_tree tree
is "$status $(differences "$before" "$tree")" '5 ' 'again: the same status, and nothing to do'
like "$out" '"deferred": ?\{[[:space:]]*"id": ?"in-use"' 'JSON names the reason'
run kvmtune audit ept=off thp=never
status_is 5 'audit'
# The guests have ended.
cp "$tmp/refcnt" "$KVMTUNE_FAKE_HOST/$refcnt"
rm "$KVMTUNE_FAKE_HOST/fake/users"
run kvmtune apply ept=off thp=never --defer=if-busy
param ept
is "$status $value" '0 N' 'without guests the rest is done'
run kvmtune undo
run kvmtune undo
own_file
param ept
is "$status $value $lines" '0 Y ' 'undo, undo: as it was'

# By the host file.
host in-use
printf '%s\n' 'ept = off' 'defer = if-busy' >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
run kvmtune apply
status_is 5 'by the host file'
run kvmtune apply --defer=no
status_is 3 'the command line wins'

# Not busy: as without it; other refusals stand.
host intel-ept-on
run kvmtune ept off --defer=if-busy
param ept
is "$status $value" '0 N' 'not in use: done now'
host cmdline
run kvmtune ept off --defer=if-busy --json
json_id
is "$status $id" '3 cmdline-wins' 'another refusal'
run kvmtune ept off --defer=maybe
like "$status $err" '^2 .*--defer takes yes, no or if-busy, not "maybe"' 'another word'

# A guest that comes between check and removal: rolled back, and deferred.
host intel-ept-on
KVMTUNE_FAKE_BUSY=1000 run kvmtune ept off --defer=if-busy
own_file
param ept
is "$status $value $lines" '5 Y options kvm_intel ept=0' 'in use at the removal: it waits'

# Too little memory to unmerge: merging stops, the pages wait for the boot.
host ksm-small
run kvmtune ksm unmerged --defer=if-busy
status_is 5 'too little memory'
like "$out" 'waits: ksm applies at the next boot: not enough memory to unmerge' 'memory: it says why'
ksm_state
like "$ksm" '^0 ' 'memory: merging stops now'
run kvmtune ksm unmerged --defer=if-busy
status_is 5 'memory: again'
run kvmtune undo
is "$status" 0 'memory: undo'

done_testing
