#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvmtune cpu --capture DIR --host: a whole host as files. A capture is a made-up host itself, on which
# kvmtune says what it said on the one that was captured; and nothing in it tells whose that was.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

captures=0

# capture: of the host as it is, into $captured
capture()
{
	captured=$tmp/captured.$((++captures))
	run kvmtune cpu --capture "$captured" --host
}

# said COMMAND...: in JSON, without what is replaced: names and the words of command lines, the owner of /dev/kvm
said()
{
	kvmtune "$@" --json 2>&1 | sed -z 's/"command":\[[^]]*\]/"command":-/g' | sed -E '
		s/"(name|user|guest|program|comm|unit|cgroup|path)": ?"[^"]*"/"\1":-/
		s/"[ug]id": ?[0-9]+|gid [0-9]+/-/
		s/(by a command: |install kvm_intel )[^";]*/\1-/
		s/(guest|program|group)-?[0-9]+|web-01|db-01|hv[0-9]+/-/g'
}

# same_on_capture NAME COMMAND...
same_on_capture()
{
	local name=$1 here there host=$KVMTUNE_FAKE_HOST

	shift
	here=$(said "$@")
	host_from "$captured"
	there=$(said "$@")
	KVMTUNE_FAKE_HOST=$host
	if [ "$here" = "$there" ]; then
		pass "$name: $*"
	else
		fail "$name: $*" "$(diff <(echo "$here") <(echo "$there"))"
	fi
}

# ---- every host ----

for name in $(some_hosts); do
	host "$name"
	read_all before
	capture
	is "$status$err" 0 "$name: is captured"
	nothing_changed "$name: nothing was changed"
	unlike "$out" 'left out, as it may be private' "$name: all that was read has its rule"
	for words in status ksm cpu 'audit ept=off' 'ept off --dry-run' 'npt off --dry-run' 'ksm off --dry-run'; do
		# shellcheck disable=SC2086 # words
		same_on_capture "$name" $words
	done
done

# ---- whose host it is ----

# secret PATH LINE...: a file of the host
secret()
{
	local path=$KVMTUNE_FAKE_HOST/root$1

	mkdir -p "${path%/*}"
	printf '%s\n' "${@:2}" >"$path"
}

# Its guests have names, memory that is merged, and limits by names, too.
host ksm-cgroup
fake=$KVMTUNE_FAKE_HOST
sed -i 's/^name .*/name sesame9.example.net/' "$fake/fake/host"
grep -q ' 41922 \|^41922' "$fake/fake/users" && ok 'there is a guest that is known' true
secret /proc/cmdline 'root=UUID=aaaaaaaa-1111-2222-3333-sesame444444 rd.luks.uuid=luks-sesame ip=10.11.12.13::10.11.12.1' \
	'password=sesame kvm_intel.ept=1 kvm.x=aaaaaaaa-1111-2222-3333-444444444444 sesame.key=1'
secret /etc/modprobe.d/sesame9.conf '# mail sesame@example.net' 'options nfs nfs4_unique_id=sesame' \
	$'options kvm_intel ple_gap=1 # on sesame9.example.net \\\n  at aa:bb:cc:dd:ee:ff' \
	'install kvm_amd /opt/sesame --password=sesame' 'blacklist sesame' 'options kvm_intel ple_window=2'
secret /etc/modprobe.d/open-sesame.conf 'options bonding x=sesame'
secret /etc/tmpfiles.d/a.conf '# sesame' 'w /etc/sesame - - - - sesame' 'w /sys/kernel/mm/ksm/run - - - - 1'
secret /etc/tuned/active_profile 'site'
secret /etc/tuned/site/tuned.conf '[main]' 'summary=sesame' '[sysctl]' 'kernel.sesame=sesame' '[x]' '/sys/kernel/mm/ksm/run=1'
secret /etc/default/qemu-kvm 'KSM_ENABLED=1' 'SECRET=sesame'
secret /lib/systemd/system/sesame.service '[Service]' 'Environment=SECRET=sesame'
secret /lib/systemd/system/ksm.service '[Unit]' 'Description=sesame' '[Service]' 'Environment=SECRET=sesame' \
	'[Install]' 'WantedBy=multi-user.target'
secret /etc/systemd/system/sesame.service.d/sesame.conf '[Service]' 'Environment=SECRET=sesame'
secret /etc/machine-id 'deadbeefdeadbeefdeadbeefdeadbeef'
secret /etc/hostname 'sesame9.example.net'
printf '%s\n' '77001	1000	sesame	sesame	1	0	0	/user.slice/sesame.scope	/home/sesame/sesame	--token=sesame' \
	'77002	107	qemu	qemu-system-x86	1	1	2	/machine.slice/machine-sesame.scope/libvirt/emulator	/usr/bin/qemu-system-x86_64	-name	guest=sesame	-uuid	aaaaaaaa-1111-2222-3333-444444444444	-smp	2' \
	>>"$fake/fake/users"
for process in "$fake"/root/proc/[0-9]*; do
	[ ! -s "$process/cmdline" ] ||
		printf '%s\0' /usr/bin/qemu-system-x86_64 -name guest=sesame -vnc 10.11.12.13:1,password=sesame >"$process/cmdline"
done
capture
is "$status$err" 0 'a host with secrets is captured'
secrets='sesame|10\.11\.12|aaaaaaaa|aa:bb:cc|deadbeef|example\.net|web-01|db-01|hv042'
is "$(grep -raiE "$secrets" "$captured")" '' 'not one of them is in a file'
is "$(find "$captured" | sed "s,^$captured,," | grep -iE "$secrets")" '' 'or in a name'
unlike "$out" "$secrets" 'or in what is printed'
is "$(cat "$captured/root/proc/cmdline")" 'kvm_intel.ept=1 kvm.x=00000000-0000-0000-0000-000000000000' \
	'of the kernel command line the words that are about KVM'
is "$(cat "$captured/root/etc/modprobe.d/host.conf")" $'\n\noptions kvm_intel ple_gap=1 # on host \\\n  at 0.0.0.0\ninstall kvm_amd /bin/a-command\n\noptions kvm_intel ple_window=2' \
	'of modprobe.d the lines about KVM, at their place'
is "$(grep -c . "$captured/root/lib/systemd/system/ksm.service")" 4 'of a unit its sections, and when it is started'
ok 'other units are not there' [ ! -e "$captured/root/lib/systemd/system/sesame.service" ]
is "$(grep -c 'guest-1$\|guest-1[^0-9]' "$captured/fake/users")" 1 'a guest has one word'
KVMTUNE_FAKE_HOST=$captured
run kvmtune ksm --json
like "$out" '"where": ?"/etc/tmpfiles.d/a.conf:3"' 'what turns KSM on is found by file and line'
run "$KVMTUNE" --root "$captured/root" audit ksm=off
is "$status" 7 '--root on it finds the same'

# ---- who asks, and where ----

host ksm-not-root
capture
is "$status$err" 0 'without root'
like "$out" 'could not be read: .*needs root' 'says what could not be read'
grep -q '^root no$' "$captured/fake/host"
is "$?" 0 'and that is said in it'
host intel-ept-on
mkdir "$tmp/full"
: >"$tmp/full/mine"
run kvmtune cpu --capture "$tmp/full" --host
is "$status$(ls "$tmp/full")" 2mine 'a directory that is not empty'
run kvmtune cpu --capture "$tmp/none/there" --host
is "$status" 1 'one that cannot be made'
run kvmtune cpu --host
is "$status" 2 '--host alone'
run kvmtune --root "$KVMTUNE_FAKE_HOST/root" cpu --capture "$tmp/image" --host
is "$status" 4 'an image'
ok 'leaves no directory' [ ! -e "$tmp/image" ]
KVMTUNE_FAKE_HOST=$captured run kvmtune cpu --capture "$tmp/again" --host
is "$status$err" 0 'a capture can be captured'

# The host that runs this test, whatever it is.
run "$KVMTUNE" cpu --capture "$tmp/real" --host
is "$status$err" 0 'the real one'
run "$KVMTUNE" --root "$tmp/real/root" status
is "$status$err" 0 '--root on it'

done_testing
