# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An interrupted change is rolled back, and the command again leads to its end; and signals, and descriptors
# that are not there.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# killed_at CALL[:N] COMMAND...: before the Nth of these (1). Where the module is removed, the first
# finit_module only asks whether it could be loaded again.
killed_at()
{
	call=${1%:*} n=1
	[ "$call" = "$1" ] || n=${1#*:}
	shift
	run strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" "$@"
}

# Undone by one undo.
leads_back()
{
	run kvmtune undo
	is "undo: exit status" "$status" 0
	snapshot /tmp/after
	ok "undo: all is as before" same_host /tmp/before /tmp/after
	ok "undo: a guest runs" kvmhold guest 0
}

# The command again ends where it would have.
made_again()
{
	run kvmtune "$setting" off
	is "again: exit status" "$status" 0
	is "again: the parameter" "$(parameter "$module" "$setting")" N
	ok "again: a guest runs" kvmhold guest 0
	run kvmtune status
	unlike "again: nothing is left to do" "$stdout" "did not end"
}

scenario "killed while the module is away: undo leads back, and the command again to its end"
snapshot /tmp/before
killed_at finit_module:2 kvmtune "$setting" off
rmmod "$module" 2>/dev/null # the signal may come after the insertion
run kvmtune status
like "status says so" "$stdout" "did not end"
like "status names the way out" "$stdout" "^Undo it:  kvmtune undo$"
leads_back
made_again
leads_back

scenario "killed before the module is removed, and in the undo, too"
snapshot /tmp/before
killed_at delete_module kvmtune "$setting" off
modprobe "$module" 2>/dev/null # the signal may come after the removal
killed_at unlink,unlinkat kvmtune undo
is "the undo was killed" "$status" 137
leads_back
made_again
leads_back

scenario "killed twice while the module is away: undo leads back"
snapshot /tmp/before
killed_at finit_module:2 kvmtune "$setting" off
rmmod "$module" 2>/dev/null
killed_at finit_module kvmtune undo
rmmod "$module" 2>/dev/null
leads_back

scenario "undo is refused: KVM is in use"
snapshot /tmp/before
killed_at finit_module:2 kvmtune "$setting" off
rmmod "$module" 2>/dev/null
modprobe "$module" # as the file says: with the new value
is "loaded as the file says" "$(parameter "$module" "$setting")" N
hold dev
run kvmtune undo
is "exit status" "$status" 3
run kvmtune status
like "it stays interrupted" "$stdout" "did not end"
release
leads_back

# signalled SIGNAL: at each write to disk of a change
signalled()
{
	run strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:signal="$1":when=1+ kvmtune "$setting" off
}

for signal in INT TERM HUP; do
	scenario "SIG$signal at every write to disk"
	snapshot /tmp/before
	signalled $signal
	is "before the journal is begun: it ends like any program" "$(kill -l "$status")" $signal
	snapshot /tmp/after
	ok "before the journal is begun: nothing changed" same_host_load /tmp/before /tmp/after
	not "before the journal is begun" [ -e /var/lib/kvmtune/journal ]
	signalled $signal
	is "exit status" "$status" 1
	like "the reason" "$stderr" "stopped by a signal"
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
done

scenario "without stdin, stdout and stderr"
snapshot /tmp/before
kvmtune "$setting" off <&- >&- 2>&-
is "exit status" $? 0
is "the parameter" "$(parameter "$module" "$setting")" N
run kvmtune undo --list
unlike "the journal is whole" "$stdout" "cannot be read"
kvmtune "$setting" off --json >/dev/full 2>/dev/full
is "nothing to do, and nobody to tell: exit status" $? 1
leads_back

# The next change leads on by itself.
for goal in off on; do
	scenario "killed while the module is away, then $setting $goal: rolled back first, then done"
	snapshot /tmp/before
	killed_at finit_module:2 kvmtune "$setting" off
	rmmod "$module" 2>/dev/null # the signal may come after the insertion
	run kvmtune "$setting" "$goal"
	is "exit status" "$status" 0
	like "it is said" "$stdout" "interrupted: kvmtune $setting off; it was rolled back first"
	is "the module" "$(parameter "$module" "$setting")" "$([ $goal = on ] && echo Y || echo N)"
	ok "a guest runs" kvmhold guest 0
	[ $goal = on ] || run kvmtune undo
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
done
