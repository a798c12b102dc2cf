#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names and texts that others chose: shown as plain text, valid in JSON, whatever is in them. What
# t0950 tries with escapes, this tries with all that a terminal understands, everywhere.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# An escape, a title, C1 as a byte and as UTF-8, DEL, text turned around, a separator of lines, bytes
# that are no UTF-8 (cut, overlong, a surrogate), a line that could pass for one of ours.
evil=$'\e[31m\e]0;t\a\x9b1m\xc2\x9b2J\x7f\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xc3\x28\xc0\xaf\xed\xa0\x80\xf0\x9f'
line=$'x\nkvmtune: done\r\vept: on'

# Descriptions of processes have bytes as \xHH.
hex=$(printf %s "$evil$line" | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g')

checker=$tmp/check.py
cat >"$checker" <<'EOT'
import json, sys, unicodedata
text = sys.stdin.buffer.read().decode("utf-8")  # strictly
def once(members):
    keys = [key for key, value in members]
    return dict(members) if len(set(keys)) == len(keys) else sys.exit("a key twice: %r" % keys)
json.loads(text, parse_constant=lambda word: sys.exit(word), object_pairs_hook=once)
bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
sys.exit("raw in the output: %r" % bad if bad else 0)
EOT

# no_harm COMMAND...: as text and as JSON
no_harm()
{
	local name=${*@Q}

	run kvmtune "$@"
	ok "$name: is answered" [ "$status" -le 7 ]
	unlike "$out$err" "[^[:print:]"$'\n'"]" "$name: nothing but printable ASCII"
	unlike $'\n'"$out"$'\n'"$err" $'\n(kvmtune: done|ept: on'$'\n'')' "$name: no line of ours is faked"
	run kvmtune "$@" --json
	# A mistake in what was typed has no document.
	[ "$status" = 2 ] || ok "$name: valid JSON" python3 "$checker" <"$tmp/out"
	unlike "$err" "[^[:print:]"$'\n'"]" "$name: messages beside JSON"
}

root()
{
	printf %s "$KVMTUNE_FAKE_HOST/root$1"
}

# ---- processes ----

host in-use
host_dir=$KVMTUNE_FAKE_HOST
user 901 1000 "$hex" "$hex" 1 1 1 "/a/$hex.scope" "$hex" --name "$hex" -smp "$hex"
user 902 1000 eve qemu-kvm 1 1 0 "/a/$hex" /usr/bin/qemu-kvm -name "guest=$hex,,x"
for words in guests status 'status -v' 'ept off' 'ept off -n' 'apply ept=off' 'audit ept=off'; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done
run kvmtune guests
like "$out" '901.*\\x1b.*\\x9b.*\\xe2\\x80\\xae' 'guests: what cannot be shown is shown as its bytes'

# ---- same-page merging: processes, cgroups, the files of others ----

host ksm-cgroup
host_dir=$KVMTUNE_FAKE_HOST
printf '/usr/bin/qemu-system-x86_64\0-name\0guest=%s\0' "$evil$line" >"$(root /proc/41922/cmdline)"
printf '%s\n' "$evil$line" >"$(root /proc/41922/comm)"
printf '0::/machine.slice/%s.scope\n' "$evil" >"$(root /proc/41987/cgroup)"
cgroup_limit "/machine.slice/$evil.scope" 4831838208 4294967296
put "/etc/tmpfiles.d/$evil.conf" 'w /sys/kernel/mm/ksm/run - - - - 1'
put "/etc/tmpfiles.d/z$line.conf" "w /sys/kernel/mm/ksm/r[u]n - - - - 1 $evil"
put "/etc/systemd/system/a$evil.service" '[Service]' 'MemoryKSM=yes'
put /sys/kernel/mm/ksm/general_profit "$evil"
for words in ksm 'ksm -v' status 'status -v' 'ksm off -n' 'ksm unmerged -n' 'ksm unmerged' 'ksm on -n' 'audit ksm=off'; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done
run kvmtune ksm -v
like "$out" 'tmpfiles.d/.x1b\[31m' 'ksm -v: the file of tmpfiles.d is named'

host ksm-tuned-site
host_dir=$KVMTUNE_FAKE_HOST
put "/etc/tuned/site-base/tuned.conf" "[$evil]" "/sys/kernel/mm/ksm/run=1 $evil" "[main]" "include=$evil"
printf 'site-base %s\n' "$evil" >"$(root /etc/tuned/active_profile)"
for words in ksm 'ksm -v' 'ksm off -n'; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done

# ---- modprobe.d, the kernel command line, sysfs ----

host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
put "/etc/modprobe.d/$evil.conf" "options kvm_intel ept=$evil nested=$evil" "install kvm_intel $evil"
put "/etc/modprobe.d/a$line.conf" "softdep kvm_intel pre: $evil"
cmdline "kvm_intel.vpid=$evil kvm_intel.ept=$evil"
put /sys/module/kvm_intel/parameters/vpid "$evil"
put /sys/devices/system/cpu/vulnerabilities/l1tf "$evil"
about name "$evil"
about kernel "$evil"
about brand "$evil"
for words in status 'status -v' ept 'ept off' 'ept off -n' 'audit ept=off' 'apply ept=on -n'; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done

# The file that decides, the parameters and counters by their names, links of units.
host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
put "/etc/modprobe.d/$evil.conf" 'options kvm_intel ept=0'
put "/sys/module/kvm_intel/parameters/$evil" "$evil"
put "/sys/module/kvm_intel/holders/$evil/x" ''
for words in status ept 'ept on -n' 'ept off' 'undo -n' 'undo --list' 'audit ept=on'; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done
host ksm-chroot
host_dir=$KVMTUNE_FAKE_HOST
put "/sys/kernel/mm/ksm/a$evil" 7
mkdir "$(root "/etc/systemd/system/$evil.wants")"
ln -s /lib/systemd/system/ksm.service "$(root "/etc/systemd/system/$evil.wants/ksm.service")"
for words in ksm 'ksm -v' status 'ksm off -n' 'ksm off' 'undo -n' undo; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done

# Bytes that are no UTF-8 are in the journal as UTF-8, and come back as they were.
host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
own=$(root /etc/modprobe.d/zz-kvmtune.conf)
printf '# \xff\xf4\x8f\xbe\x80 %s\noptions kvm_intel vpid=1\n' "$evil" >"$own"
cp "$own" "$tmp/own"
run kvmtune ept off
status_is 0 'a file of ours with any bytes: changed'
ok 'a file of ours with any bytes: the journal is UTF-8' \
	iconv -f UTF-8 -t UTF-8 -o "$tmp/iconv" "$(root /var/lib/kvmtune/journal)"
run kvmtune undo
status_is 0 'a file of ours with any bytes: undone'
ok 'a file of ours with any bytes: as it was' cmp "$own" "$tmp/own"

# What was configured goes to the kernel again, and into the plan of an undo.
host intel-ept-on
run kvmtune ept off
host_dir=$KVMTUNE_FAKE_HOST
conf nested.conf "options kvm_intel nested=$evil ept=0"
no_harm undo -n

# ---- the journal ----

host intel-ept-on
mkdir -p "$(root /var/lib/kvmtune)"
# As JSON has it.
said='\u001b[31m\u009b2J\u202e\u2028x\nkvmtune: done'
crc_line '{"record":"plan","id":1,"steps":[]}' \
	'{"record":"begin","id":1,"time":-9223372036854775808,"command":"'"$said"'","undoes":0}' \
	'{"record":"end","id":1,"result":"done"}' \
	'{"record":"plan","id":2,"steps":[{"act":{"kind":"unload","target":"kvm_intel"},"back":{"kind":"restore","target":"kvm_intel","text":"'"$said"'","parameter":"ept","value":0}}]}' \
	'{"record":"begin","id":2,"time":1,"command":"'"$said"'","undoes":0}' \
	>"$(root /var/lib/kvmtune/journal)"
for words in 'undo --list' status 'ept off' 'undo -n'; do
	read -ra command <<<"$words"
	no_harm "${command[@]}"
done

# ---- who holds the lock ----

host intel-ept-on
lock=$(root /var/lib/kvmtune/lock)
printf '%s\n' "$evil$line" >"$lock"
locked()
{
	flock "$lock" env KVMTUNE_FAKE_HOST="$KVMTUNE_FAKE_HOST" "$KVMTUNE_FAKE" "$@"
}
run locked ept off
unlike "$out$err" "[^[:print:]"$'\n'"]" 'the holder of the lock is shown safely'
unlike $'\n'"$err" $'\nkvmtune: done' 'the holder of the lock makes no line of its own'
run locked ept off --json
ok 'the holder of the lock: valid JSON' python3 "$checker" <"$tmp/out"

# ---- a processor from files ----

cat >"$tmp/cpuid" <<'EOT'
CPU 0:
   0x00000000 0x00: eax=0x00000001 ebx=0x6d5b1b9b ecx=0x0a31e280 edx=0xae9bc27f
   0x00000001 0x00: eax=0x000406f1 ebx=0x00000000 ecx=0x80000020 edx=0x00000000
   0x40000000 0x00: eax=0x40000000 ebx=0x6d5b1b9b ecx=0x0a31e280 edx=0xae9bc27f
   0x80000000 0x00: eax=0x80000004 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
   0x80000002 0x00: eax=0x6d31335b ebx=0x9bc27f0a ecx=0xaeaee280 edx=0x31335b1b
   0x80000003 0x00: eax=0x6d31335b ebx=0x9bc27f0a ecx=0xaeaee280 edx=0x31335b1b
   0x80000004 0x00: eax=0x6d31335b ebx=0x9bc27f0a ecx=0xaeaee280 edx=0x00335b1b
EOT
printf 'processor\t: 0\nvendor_id\t: %s\nmodel name\t: %s\nflags\t\t: vmx %s\nbugs\t\t: %s\n' \
	"$evil" "$evil" "$evil" "$evil" >"$tmp/cpuinfo"
no_harm cpu --cpuid "$tmp/cpuid" --cpuinfo "$tmp/cpuinfo"
no_harm cpu --cpuid "$tmp/cpuid" --cpuinfo "$tmp/cpuinfo" -v
no_harm cpu
cp "$tmp/cpuid" "$tmp/$evil"
printf '0 0x3a %s\n' "$evil" >"$tmp/msr"
no_harm cpu --cpuid "$tmp/$evil"
no_harm cpu --cpuid "$tmp/cpuid" --msr "$tmp/msr"
no_harm cpu --cpuid "$tmp/msr"
no_harm cpu --cpuid "$tmp/no$evil"
no_harm cpu --require "$evil"

# ---- what was typed ----

for words in "$evil" "ept $evil" "apply ept=$evil" "apply $evil=off" "--$evil" "-$evil" "--color=$evil" \
	"ept off --wait=$evil" "ksm off --reserve=$evil" "--root=$evil status"; do
	IFS=' ' read -rd '' -a command <<<"$words"
	run kvmtune "${command[@]}"
	status_is 2 'a mistake that was typed'
	unlike "$out$err" "[^[:print:]"$'\n'"]" "is shown safely: ${words@Q}"
done

done_testing
