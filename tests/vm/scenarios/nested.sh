# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nested, alone and together with ept (npt): one plan, one reload, one undo.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

own=/etc/modprobe.d/zz-kvmtune.conf
is_on() { case $(parameter "$module" "$1") in Y | 1) echo on ;; *) echo off ;; esac; }

scenario "nested off, and back"
nested=$(is_on nested)
snapshot /tmp/before
run kvmtune nested off
is "exit status" "$status" 0
is "off" "$(is_on nested)" off
is "the option is there" "$(grep -c "^options $module nested=0$" $own)" 1
is "the page tables are as they were" "$(is_on "$setting")" on
ok "a guest runs" kvmhold guest 0
run kvmtune audit nested=off "$setting=on"
is "audit" "$status" 0
run kvmtune nested off
is "again: nothing to do" "$status $(echo "$stdout" | head -n 1)" "0 nested: off already"
run kvmtune undo
is "undo: exit status" "$status" 0
is "as it was" "$(is_on nested)" "$nested"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "both together: one reload, one undo"
snapshot /tmp/before
run kvmtune apply "$setting=off" nested=off --verbose
is "exit status" "$status" 0
is "one load" "$(echo "$stdout" | grep -c "^ *[0-9]*  load ")" 1
is "one write" "$(echo "$stdout" | grep -c "^ *[0-9]*  write ")" 1
is "both are off" "$(is_on "$setting") $(is_on nested)" "off off"
ok "a guest runs" kvmhold guest 0
run kvmtune undo
is "undo: exit status" "$status" 0
is "as it was" "$(is_on "$setting") $(is_on nested)" "on $nested"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "one after the other, undone in turn"
snapshot /tmp/before
run kvmtune "$setting" off
run kvmtune nested off
is "both are off" "$(is_on "$setting") $(is_on nested)" "off off"
run kvmtune undo
is "nested is as it was, the other is off" "$(is_on "$setting") $(is_on nested)" "off $nested"
run kvmtune undo
is "both are as they were" "$(is_on "$setting") $(is_on nested)" "on $nested"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "tdp is the setting of this processor"
snapshot /tmp/before
run kvmtune tdp off
is "exit status" "$status" 0
is "off" "$(is_on "$setting")" off
run kvmtune undo
like "undo names it" "$stdout" "^$setting: off -> on"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "killed in the middle of both: one undo leads back"
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:signal=KILL:when=2 \
	kvmtune apply "$setting=off" nested=off
rmmod "$module" 2>/dev/null # the signal may come after the insertion
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
ok "a guest runs" kvmhold guest 0
