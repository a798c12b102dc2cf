# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What rights a change takes, on a real kernel: with these few it works, without one of them it is a
# clear error with nothing done. What an ordinary user can do to root's kvmtune: nothing.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

lock=/var/lib/kvmtune/lock

# with CAPABILITIES COMMAND...: as root, but with these alone, as setpriv writes them
with()
{
	caps=$1
	shift
	setpriv --bounding-set "-all$caps" --inh-caps -all "$@"
}

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all "$@"; }

all=+dac_read_search,+sys_ptrace,+sys_rawio,+dac_override,+sys_module,+chown,+fowner,+ipc_lock

scenario "the capabilities that kvmtune keeps are enough"
snapshot /tmp/before
run with ",$all" kvmtune "$setting" off
is "off: exit status" "$status" 0
run with ",$all" kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "what a dry run and status keep is enough to ask the kernel"
snapshot /tmp/before
run with ",+dac_read_search,+sys_ptrace,+sys_rawio,+sys_module" kvmtune "$setting" off --dry-run
is "dry run: exit status" "$status" 0
run kvmtune "$setting" off --dry-run
is "dry run with all rights: exit status" "$status" 0
run kvmtune status --json
like "status: an answer" "$(echo "$stdout" | tr -d ' \n')" '"reloadable":\{"value":true'
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "without the right to load modules nothing is done"
snapshot /tmp/before
run with ",+dac_override,+dac_read_search,+sys_ptrace,+chown,+fowner" kvmtune "$setting" off
is "exit status" "$status" 4
like "says why" "$stderr" "$module could not be loaded again: .*CAP_SYS_MODULE.*Operation not permitted"
like "and what the host is like" "$stderr" "nothing was changed"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "an ordinary owner of /dev/kvm takes the right to give it back to him"
chown 65534 /dev/kvm
snapshot /tmp/before
run with ",$all" kvmtune "$setting" off
is "off: exit status" "$status" 0
is "its owner" "$(stat -c %u /dev/kvm)" 65534
run with ",$all" kvmtune undo
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
chown 0 /dev/kvm

scenario "without one of them: an error, or done, never in between"
for cap in dac_read_search sys_ptrace sys_rawio dac_override chown fowner ipc_lock; do
	snapshot /tmp/before
	run with ",$(printf %s "$all" | sed "s/+$cap,//; s/,+$cap\$//")" kvmtune "$setting" off
	diag "without $cap: $status $stderr"
	if [ "$status" = 0 ]; then
		run kvmtune undo
		is "without $cap: undo" "$status" 0
	fi
	snapshot /tmp/after
	ok "without $cap: as before" same_host /tmp/before /tmp/after
done

scenario "nobody may look, and may not change"
hold --argv0 qemu-system-x86_64 --vcpus 1 guest -- -name guest=web-01 -smp 1
snapshot /tmp/before
for command in status "$setting" "cpu" "undo --list" guests; do
	# shellcheck disable=SC2086 # words
	run as_nobody kvmtune $command
	is "$command: exit status" "$status" 0
	is "$command: no complaint" "$stderr" ""
done
unlike "guests: not that there are none" "$stdout" "No process holds KVM"
release
run as_nobody kvmtune "$setting" off
is "off: exit status" "$status" 4
like "off: says why" "$stderr" "root.*nothing was changed"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "an ordinary user cannot put anything in the place of the lock, nor take it"
run kvmtune "$setting" off
is "exit status" "$status" 0
not "no other file" as_nobody ln -s /etc/passwd ${lock%/*}/new
not "not removed" as_nobody rm -f $lock
not "the lock" as_nobody flock -n $lock true
not "its directory" as_nobody flock -n ${lock%/*} true
run as_nobody kvmtune undo --list
is "he still sees what was changed" "$status" 0
run kvmtune "$setting" on
is "and holds up nobody" "$status" 0

scenario "our file keeps its attributes through change and undo"
run kvmtune "$setting" off
own=/etc/modprobe.d/zz-kvmtune.conf
echo '# a line of somebody' >>$own
chgrp 1234 $own
chmod 640 $own
before=$(stat -c '%u:%g %a' $own)
run kvmtune "$setting" on
is "on: exit status" "$status" 0
is "on: owner and mode" "$(stat -c '%u:%g %a' $own)" "$before"
run kvmtune undo
is "undo: exit status" "$status" 0
is "undo: owner and mode" "$(stat -c '%u:%g %a' $own)" "$before"
