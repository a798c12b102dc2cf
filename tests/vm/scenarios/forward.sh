# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An interrupted change is led to its end, and taken back from there; and signals, and descriptors that
# are not there.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# killed_at CALL COMMAND...: before it
killed_at()
{
	call=$1
	shift
	run strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=1" "$@"
}

# Taken back by one undo.
leads_back()
{
	run kvmtune undo
	is "undo: exit status" "$status" 0
	snapshot /tmp/after
	ok "undo: all is as before" same_host /tmp/before /tmp/after
	ok "undo: a guest runs" kvmhold guest 0
}

finished()
{
	run kvmtune undo --forward
	is "forward: exit status" "$status" 0
	like "forward: it says what" "$stdout" "finishing: kvmtune $setting off"
	is "forward: the parameter" "$(parameter "$module" "$setting")" N
	ok "forward: a guest runs" kvmhold guest 0
	run kvmtune status
	unlike "forward: nothing is left to do" "$stdout" "did not end"
}

scenario "killed while the module is away: undo --forward finishes it"
snapshot /tmp/before
killed_at finit_module kvmtune "$setting" off
rmmod "$module" 2>/dev/null # the signal may come after the insertion
run kvmtune status
like "status names both ways" "$stdout" "kvmtune undo .*kvmtune undo --forward"
finished
leads_back

scenario "killed before the module is removed, and on the way forward, too"
snapshot /tmp/before
killed_at delete_module kvmtune "$setting" off
killed_at finit_module kvmtune undo --forward
rmmod "$module" 2>/dev/null
finished
leads_back

scenario "killed on the way forward: undo leads back"
snapshot /tmp/before
killed_at finit_module kvmtune "$setting" off
killed_at delete_module kvmtune undo --forward
leads_back

scenario "the way forward is refused: KVM is in use"
snapshot /tmp/before
killed_at delete_module kvmtune "$setting" off
modprobe "$module" 2>/dev/null # the signal may come after the removal
hold dev
run kvmtune undo --forward
if [ "$(parameter "$module" "$setting")" = N ]; then
	is "loaded as asked for meanwhile: exit status" "$status" 0
else
	is "exit status" "$status" 3
fi
release
leads_back

for signal in INT TERM HUP; do
	scenario "SIG$signal at every write to disk"
	snapshot /tmp/before
	run strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:signal=$signal:when=1+ \
		kvmtune "$setting" off
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
