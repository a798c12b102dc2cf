# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What kvmtune refuses to do, with nothing changed.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# refused STATUS PATTERN COMMAND...: exactly that, and the host is as before
refused()
{
	wanted=$1 pattern=$2
	shift 2
	snapshot /tmp/before
	run "$@"
	is "exit status" "$status" "$wanted"
	like "the reason" "$stderr" "$pattern"
	like "the state of the host" "$stderr" "nothing was changed"
	snapshot /tmp/after
	ok "nothing changed" same_host_load /tmp/before /tmp/after
	run "$@" --dry-run
	is "a dry run has the same exit status" "$status" "$wanted"
}

for kind in dev vm vcpu; do
	scenario "refused while a process holds $kind"
	hold $kind
	refused 3 "KVM is in use by 1 process" kvmtune "$setting" off
	refused 3 "^ *$held +root" kvmtune "$setting" off
	like "the way out" "$stderr" "kvmtune $setting off --wait"
done

scenario "refused while a real guest runs; it is named and goes on running"
hold --argv0 qemu-system-x86_64 --vcpus 1 guest -- -name guest=web-01,debug-threads=on -smp 1
refused 3 "^ *$held +root +web-01 +1 +qemu-system-x86_64" kvmtune "$setting" off
run kvmtune guests
is "guests" "$status" 0
like "guests names it" "$stdout" "^ *$held +root +web-01 +1 +qemu-system-x86_64"
ok "the guest is alive" kill -0 "$held"

scenario "a holder that only looks is told from a guest"
hold dev
run kvmtune guests
like "holds the device only" "$stdout" "holds /dev/kvm, runs no guest"

scenario "a holder that appears between check and removal"
snapshot /tmp/before
strace -f -qq -e trace=delete_module -e inject=delete_module:delay_enter=3000000:when=1 \
	kvmtune "$setting" off >/tmp/out 2>/tmp/err &
strace=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	test -e /etc/modprobe.d/zz-kvmtune.conf && break
	sleep 0.2
done
ok "the change has begun" test -e /etc/modprobe.d/zz-kvmtune.conf
hold dev
wait $strace
is "exit status" "$?" 3
like "says why" "$(cat /tmp/err)" "KVM came into use.*the host is as it was before"
snapshot /tmp/after
ok "the file was rolled back, the module not touched" same_host_load /tmp/before /tmp/after

scenario "a later file wins"
echo "options $module $setting=1" >/etc/modprobe.d/zzz-site.conf
refused 3 "$setting=1 in /etc/modprobe.d/zzz-site.conf:1 takes precedence" kvmtune "$setting" off

scenario "another line has a value of ours that the kernel refuses"
echo "options $module nested=banana" >/etc/modprobe.d/site.conf
refused 3 "/etc/modprobe.d/site.conf:1 sets nested=banana, which this kernel refuses" kvmtune "$setting" off
rmmod "$module"
not "the kernel does refuse it" modprobe "$module"
rm /etc/modprobe.d/site.conf
modprobe "$module"

scenario "an install line is in the way"
echo "install $module /sbin/modprobe --ignore-install $module" >/etc/modprobe.d/site.conf
refused 3 "/etc/modprobe.d/site.conf:1 makes modprobe run a command" kvmtune "$setting" off

scenario "not root"
cp "$(command -v kvmtune)" /tmp/kvmtune
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/kvmtune"
# shellcheck disable=SC2086 # words
refused 4 "this needs root" $nobody "$setting" off
# shellcheck disable=SC2086
run $nobody status
is "status works without root" "$status" 0
like "and tells the state" "$stdout" "^$setting +on, now and at the next load"
hold dev
# shellcheck disable=SC2086
run $nobody status
like "and what it could not see" "$stdout" "needs root"

scenario "two at once: the second is told who works"
# shellcheck disable=SC2016 # for the other shell
run meddle renameat@/etc/modprobe.d 1 "kvmtune $setting off >/tmp/out 2>/tmp/err"'; echo $? >/tmp/second
	grep -lx kvmtune /proc/[0-9]*/comm | cut -d / -f 3 >/tmp/first' kvmtune "$setting" off
is "exit status" "$(cat /tmp/second)" 3
like "who" "$(cat /tmp/err)" "another kvmtune is running: kvmtune $setting off, PID $(cat /tmp/first)\\b"
is "the first one's exit status" "$status" 0
is "it went on" "$(parameter "$module" "$setting")" N

scenario "one that waits and is stopped has changed nothing"
hold dev
snapshot /tmp/before
start kvmtune "$setting" off --wait
sleep 2
ok "it waits" kill -0 "$started"
kill "$started"
finish
is "exit status" "$status" 143
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
