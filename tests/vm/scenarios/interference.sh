# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another tool acts between two steps of a change: it is noticed and said, not fought; status tells what is, and
# undo leads on. meddle holds kvmtune right after a system call, while the other acts.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

own=/etc/modprobe.d/zz-kvmtune.conf
dir=/etc/modprobe.d

# meddled CALL N SCRIPT: `kvmtune SETTING off` with another at work after that call
meddled() { run meddle "$1" "$2" "$3" kvmtune "$setting" off; }

# What status says of the setting: "now on" "next load off", in words
says() { kvmtune status | grep -E "^$setting " | tr -s ' '; }

as_before()
{
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
	run kvmtune status
	unlike "nothing is interrupted" "$stdout" "did not end"
	ok "a guest runs" kvmhold guest 0
}

leads_back()
{
	run kvmtune undo
	is "undo: exit status" "$status" 0
	is "the module is as before" "$(parameter "$module" "$setting")" Y
	not "our file is gone" test -e $own
	run kvmtune "$setting" off
	is "the next change works" "$status" 0
	is "off" "$(parameter "$module" "$setting")" N
}

# --- before the module is removed ---

scenario "the module is removed by hand before kvmtune does it"
meddled fdatasync@/var/lib/kvmtune/journal 1 "rmmod $module"
is "exit status" "$status" 0
is "off" "$(parameter "$module" "$setting")" N

scenario "the module is loaded anew by hand before kvmtune removes it"
meddled fdatasync@/var/lib/kvmtune/journal 1 "rmmod $module; modprobe $module"
is "exit status" "$status" 0
is "off" "$(parameter "$module" "$setting")" N

scenario "our file is deleted as soon as it is there"
snapshot /tmp/before
meddled renameat@$dir 1 "rm $own"
is "exit status" "$status" 1
like "what differs" "$stderr" "the option did not take effect.*$setting"
as_before

scenario "our file is rewritten as soon as it is there"
snapshot /tmp/before
meddled renameat@$dir 1 "echo 'options $module $setting=1' >$own"
is "exit status" "$status" 1
like "what differs" "$stderr" "would get $setting on, not off"
as_before

scenario "a later file with another value comes in between"
snapshot /tmp/before
meddled renameat@$dir 1 "echo 'options $module $setting=1' >$dir/zzz-site.conf"
is "exit status" "$status" 1
like "what differs" "$stderr" "would get $setting on, not off"
rm $dir/zzz-site.conf
as_before

# --- while the module is away ---

scenario "the module is loaded with the old value before kvmtune does it"
snapshot /tmp/before
meddled delete_module 1 "modprobe $module $setting=1"
is "exit status" "$status" 1
like "what differs" "$stderr" "$setting is $(parameter "$module" "$setting"), not"
as_before

scenario "our file is deleted while the module is away"
meddled delete_module 1 "rm $own"
is "exit status" "$status" 6
like "it is said" "$stderr" "could not be verified: something else has changed the host"
like "status has both" "$(says)" "off; on at the next load"
leads_back

scenario "a later file with another value comes while the module is away"
meddled delete_module 1 "echo 'options $module $setting=1' >$dir/zzz-site.conf"
is "exit status" "$status" 6
like "it is said, with the file" "$stderr" "could not be verified: .*zzz-site.conf"
like "status has both, and the file" "$(says)" "off; on at the next load.*zzz-site.conf:1"
rm $dir/zzz-site.conf
leads_back

scenario "status and a dry run while the module is away"
meddled delete_module 1 "exec >/tmp/looked 2>&1; kvmtune status; kvmtune undo --list
	kvmtune $setting on --dry-run; echo dry run \$?"
is "exit status" "$status" 0
looked=$(cat /tmp/looked)
like "status says who" "$looked" "in progress: kvmtune $setting off, PID [0-9]+"
unlike "not that it did not end" "$looked" "did not end|interrupted [ <]"
like "a dry run is refused" "$looked" "dry run 3"

# --- when it is loaded ---

scenario "the module is removed again"
snapshot /tmp/before
meddled finit_module 2 "rmmod $module"
is "exit status" "$status" 1
as_before

scenario "the module is loaded anew with the old value"
snapshot /tmp/before
meddled finit_module 2 "rmmod $module; modprobe $module $setting=1"
is "exit status" "$status" 1
like "what differs" "$stderr" "$setting is .*, not"
as_before

scenario "the module is loaded anew with the old value, and a guest runs on it"
meddled finit_module 2 "rmmod $module; modprobe $module $setting=1
	kvmhold guest </dev/null >/tmp/guest 2>&1 & echo \$! >/tmp/guest.pid
	until grep -q ready /tmp/guest; do sleep 0.05; done"
is "exit status" "$status" 6
run kvmtune status
like "status says it first" "$stdout" "did not end"
ok "the guest was let alone" kill -0 "$(cat /tmp/guest.pid)"
is "the module, too" "$(parameter "$module" "$setting")" Y
kill "$(cat /tmp/guest.pid)"
wait_for 10 test "$(cat "/sys/module/$module/refcnt")" = 0
leads_back

# --- after the end ---

scenario "our file is deleted after the last step"
meddled fdatasync@/var/lib/kvmtune/journal 2 "rm $own"
is "exit status" "$status" 6
like "it is said" "$stderr" "could not be verified: something else has changed the host"
leads_back

scenario "another tool takes it all back on the way of undo"
run kvmtune "$setting" off
run meddle delete_module 1 "modprobe $module $setting=1" kvmtune undo
is "exit status" "$status" 0
is "on" "$(parameter "$module" "$setting")" Y
not "our file is gone" test -e $own
