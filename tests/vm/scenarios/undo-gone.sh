# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Changes of a module that is not there any more, and the ones before them.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

own=/etc/modprobe.d/zz-kvmtune.conf
file=$(modinfo -n "$module")

# As when its package is removed
gone()
{
	rmmod "$module"
	mv "$file" /tmp/module
	depmod
}

there_again()
{
	mv /tmp/module "$file"
	depmod
	modprobe "$module"
}

scenario "three changes, and the module is gone: undo comes to the oldest"
snapshot /tmp/before
run kvmtune "$setting" off --defer
is "saved" "$status" 5
run kvmtune "$setting" off
is "off" "$status" 0
run kvmtune "$setting" on
is "on" "$status" 0
gone
run kvmtune undo --dry-run
is "dry run: exit status" "$status" 0
like "dry run: it is told" "$stdout" "not undone: module $module is no longer installed"
run kvmtune undo
is "undo: exit status" "$status" 0
like "undo: it is told" "$stdout" "not undone: module $module is no longer installed"
is "undo: the option" "$(grep -v '^#' $own)" "options $module $setting=0"
run kvmtune undo
is "the one before: exit status" "$status" 0
is "the one before: the option" "$(grep -v '^#' $own)" "options $module $setting=0"
run kvmtune undo
is "the oldest: exit status" "$status" 0
not "the oldest: our file is gone" [ -e $own ]
run kvmtune undo
like "nothing is left" "$stdout" "No change is left to undo"
there_again
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "interrupted while the module was away, and it is gone: refused, until --skip"
run kvmtune "$setting" off --defer
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:signal=KILL:when=2 \
	kvmtune "$setting" off
rmmod "$module" 2>/dev/null # the signal may come after the insertion
mv "$file" /tmp/module
depmod
run kvmtune undo --dry-run
is "dry run: refused" "$status" 4
run kvmtune undo
is "refused" "$status" 4
like "with both ways out" "$stderr" "undo --skip"
run kvmtune undo --skip --dry-run
is "skip, dry run: exit status" "$status" 0
run kvmtune undo
is "it has skipped nothing" "$status" 4
run kvmtune undo --skip
is "skip: exit status" "$status" 0
like "skip: which one" "$stdout" "keep: kvmtune $setting off \(change 2\)"
run kvmtune undo
is "the one before: exit status" "$status" 0
not "the one before: our file is gone" [ -e $own ]
there_again
is "on" "$(parameter "$module" "$setting")" Y

scenario "the newest change is to stay: skip, then undo the one before"
run kvmtune "$setting" off --defer
run kvmtune "$setting" off
run kvmtune undo --skip
is "skip: exit status" "$status" 0
is "skip: it is as it was" "$(parameter "$module" "$setting")" N
run kvmtune undo --list
like "the list says so" "$stdout" "$setting off .*kept"
run kvmtune undo
is "undo: exit status" "$status" 0
is "undo: what was there before the first" "$(parameter "$module" "$setting")" Y
not "undo: our file is gone" [ -e $own ]
