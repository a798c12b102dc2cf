# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# thp and thp-defrag: the kernel's own words, with guests running; one plan with a module; undo.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

thp=/sys/kernel/mm/transparent_hugepage
own=/etc/tmpfiles.d/00-kvmtune.conf
chosen() { sed 's/.*\[\(.*\)\].*/\1/' "$thp/$1"; }
was=$(chosen enabled) was_defrag=$(chosen defrag)

scenario "each word, as the kernel shows it"
for word in always never madvise; do
	run kvmtune thp $word
	is "$word: exit status" "$status" 0
	is "$word" "$(chosen enabled)" $word
	is "$word: at boot" "$(grep -c "^w $thp/enabled - - - - $word$" $own)" 1
	run kvmtune audit thp=$word
	is "$word: audit" "$status" 0
done
for word in always madvise never; do
	run kvmtune undo
	is "undo of $word: exit status" "$status" 0
done
is "as it was" "$(chosen enabled)" "$was"
ok "our file is gone" [ ! -e $own ]

scenario "every word of defrag"
for word in always defer defer+madvise madvise never; do
	run kvmtune thp-defrag $word
	is "$word" "$status $(chosen defrag)" "0 $word"
done
for word in 1 2 3 4 5; do
	run kvmtune undo
	is "undo $word" "$status" 0
done
is "as it was" "$(chosen defrag)" "$was_defrag"

scenario "while a guest runs"
kvmhold guest 30 &
holder=$!
sleep 1
run kvmtune thp never
is "exit status" "$status" 0
run kvmtune apply thp=always "$setting=off"
is "with a module in use: refused" "$status $(chosen enabled)" "3 never"
kill $holder
wait $holder
run kvmtune undo
is "undo" "$status $(chosen enabled)" "0 $was"

scenario "one plan with a module, and undone as one"
snapshot /tmp/before
run kvmtune apply "$setting=off" nested=off thp=never
is "exit status" "$status" 0
is "thp" "$(chosen enabled)" never
run kvmtune audit "$setting=off" nested=off thp=never
is "audit" "$status" 0
run kvmtune undo
is "undo" "$status $(chosen enabled)" "0 $was"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
