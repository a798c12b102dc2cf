#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Input that is very large, or never ends: an answer in bounded memory, and a sentence that says why not.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# Room for all that is kept, and not for a file of 1 GiB; AddressSanitizer wants more than any limit.
memory=524288
if nm "$KVMTUNE_FAKE" 2>/dev/null | grep -q __asan_init; then
	memory=unlimited
fi

# limited COMMAND...: in so much memory, and killed (137) after two minutes: that is no bound to hold,
# but a test must not hang
limited()
{
	(
		ulimit -v "$memory"
		exec timeout -s KILL 120 "$KVMTUNE_FAKE" "$@"
	)
}

# short: what was said has a few lines only
short()
{
	[ $((${#out} + ${#err})) -lt 4000 ]
}

# ---- files that are named on the command line ----

host intel-ept-on
dump=$tmp/cpuid
cat >"$dump" <<'EOT'
CPU 0:
   0x00000000 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
   0x00000001 0x00: eax=0x000406f1 ebx=0x00000000 ecx=0x00000020 edx=0x00000000
EOT
# It takes no room: there is nothing in it.
truncate -s 1G "$tmp/huge"
mkfifo "$tmp/fifo"
run limited cpu --cpuid "$dump"
status_is 0 'a small dump, in little memory'
for option in cpuinfo msr; do
	for file in "$tmp/huge" /dev/zero; do
		run limited cpu --cpuid "$dump" "--$option" "$file"
		status_is 2 "--$option $file"
		like "$err" "$file is too big" "--$option $file: says why"
	done
	run limited cpu --cpuid "$dump" "--$option" "$tmp"
	status_is 2 "--$option: a directory"
	like "$err" 'Is a directory' "--$option: a directory: says why"
	run limited cpu --cpuid "$dump" "--$option" "$tmp/none"
	like "$status $err" "^2 .*No such file" "--$option: no such file"
	printf 'x\0y\n' >"$tmp/nul"
	run limited cpu --cpuid "$dump" "--$option" "$tmp/nul"
	like "$status $err" '^2 .*is not a text file' "--$option: with a NUL"
done
run limited cpu --cpuid "$tmp/huge"
like "$status $err" '^2 .*is too big' '--cpuid: a huge file'
run limited cpu --cpuid /dev/zero
like "$status $err" '^2 .*is too big' '--cpuid: a file without an end'
run limited cpu --cpuid /dev/null
like "$status $err" '^2 .' '--cpuid: an empty file'
printf '%8000000s' x | tr ' ' y >"$tmp/line"
run limited cpu --cpuid "$tmp/line"
ok '--cpuid: one line of 8 MB' short

# A pipe is read to its end, as <(...) is one; a signal ends the waiting for one that nobody writes to.
timeout 60 cp "$dump" "$tmp/fifo" &
run limited cpu --cpuid "$tmp/fifo"
status_is 0 '--cpuid: a pipe'
wait
interrupted()
{
	timeout --preserve-status -s INT 1 "$KVMTUNE_FAKE" cpu --cpuid "$tmp/fifo"
}
run interrupted
is "$status" 130 'a pipe that nobody writes to: a signal ends it'

# As much as can be in a file of 16 MiB: as many processors and registers as there can be, and more.
python3 - "$tmp" <<'EOT'
import sys
leaf = "   0x%08x 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
with open(sys.argv[1] + "/cpus", "w") as f:
    for cpu in range(8000):
        f.write("CPU %d:\n" % cpu)
        for n in range(16):
            f.write(leaf % n)
with open(sys.argv[1] + "/leaves", "w") as f:
    f.write("CPU 0:\n")
    for n in range(150000):
        f.write(leaf % (n * 7919 % 150001))
with open(sys.argv[1] + "/msrs", "w") as f:
    for n in range(120000):
        f.write("%d 0x%x 0x%x\n" % (n % 8000, 0x48b + n // 8000, n))
with open(sys.argv[1] + "/flags", "w") as f:
    f.write("processor : 0\nflags : " + "vmx " * 3000000 + "\n" + "vmx flags : " + "ept" * 500000 + "\n")
EOT
run limited cpu --cpuid "$tmp/cpus" --msr "$tmp/msrs" --cpuinfo "$tmp/flags"
ok 'thousands of processors: an answer' [ "$status" -le 2 ]
ok 'thousands of processors: a short one' short
run limited cpu --cpuid "$tmp/leaves"
ok 'a processor of 150,000 leaves: an answer' [ "$status" -le 2 ]
ok 'a processor of 150,000 leaves: a short one' short

# ---- files of the host ----

host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
conf=$KVMTUNE_FAKE_HOST/root/etc/modprobe.d
python3 - "$conf" <<'EOT'
import sys
for n in range(16000):
    with open("%s/%06d.conf" % (sys.argv[1], n), "w") as f:
        f.write("options kvm_intel vpid=%d\n" % (n % 2))
EOT
run limited status
status_is 0 '16,000 files in modprobe.d'
ok '16,000 files in modprobe.d: a short answer' [ ${#out} -lt 20000 ]
run limited ept off -n
status_is 0 '16,000 files in modprobe.d: a plan'

# too_much NAME FILE: reports say that it was not read, and changes are refused
too_much()
{
	run limited status
	status_is 0 "$1: status"
	like "$out" "$2 .*not[[:space:]]+read:[[:space:]]+too[[:space:]]+much" "$1: status says so"
	like "$out" 'unknown at the next load' "$1: status: the next load is unknown"
	ok "$1: status: a short answer" [ ${#out} -lt 400000 ]
	for words in 'ept off' 'ept off -n' 'ept off --defer'; do
		read -ra command <<<"$words"
		run limited "${command[@]}"
		status_is 4 "$1: $words"
		like "$err" "$2 .*not read: too much" "$1: $words: names it"
	done
}

# libkmod, which loads the module, takes time for these that grows with the square of their number.
python3 - "$conf" <<'EOT'
import sys
for n in range(16000, 100000):
    with open("%s/%06d.conf" % (sys.argv[1], n), "w") as f:
        f.write("options kvm_intel vpid=%d\n" % (n % 2))
EOT
too_much '100,000 files in modprobe.d' /etc/modprobe.d
find "$conf" -name '0*.conf' -delete

# A file of 100,000 lines is read; too many lines, or bytes, in all are not.
python3 -c 'print("options kvm_intel ept=0 # and so on, until it is more than 1 MiB\n" * 100000)' >"$conf/a-long.conf"
run limited status
status_is 0 'a file of 100,000 lines'
like "$out" 'off at the next load.*a-long.conf:' 'a file of 100,000 lines: it decides'
like "$out" '[0-9]+ more lines' 'a file of 100,000 lines: what is left out is counted'
run limited ept on -n
like "$status $err" '^[03] ' 'a file of 100,000 lines: a plan'
for n in {1..30}; do
	cp "$conf/a-long.conf" "$conf/a-long-$n.conf"
done
too_much 'files of 3,000,000 lines' '/etc/modprobe.d/a-long[^ ]*'
rm "$conf"/a-long*.conf
for n in {1..17}; do
	python3 -c 'print("options kvm_intel a=" + "x" * 1000000)' >"$conf/a-wide-$n.conf"
done
too_much 'files of 17 MiB' '/etc/modprobe.d/a-wide[^ ]*'
rm "$conf"/a-wide*.conf

ln -s /dev/zero "$conf/a-zero.conf"
mkfifo "$conf/b-fifo.conf"
mkdir "$conf/c-directory.conf"
truncate -s 64M "$conf/d-huge.conf"
ln -s e-loop.conf "$conf/e-loop.conf"
python3 -c 'print("options kvm_intel " + "x" * 900000)' >"$conf/f-line.conf"
python3 -c 'print("options kvm_intel " + "nested=1 " * 100000)' >"$conf/g-words.conf"
run limited status
status_is 0 'devices, pipes and huge files in modprobe.d: status'
# Whoever loads a module would wait for ever at the pipe, kvmtune by libkmod, too.
run limited ept off -n
status_is 4 'a pipe in modprobe.d: ept off -n'
like "$err" 'b-fifo.conf is not a regular file' 'a pipe in modprobe.d: ept off -n: names it'
run limited audit ept=on
status_is 1 'a pipe in modprobe.d: an audit does not know'
like "$out" 'ept=on +unknown.*not seen: .*b-fifo.conf' 'a pipe in modprobe.d: an audit names it'
rm "$conf/b-fifo.conf"
for words in status 'status --json'; do
	read -ra command <<<"$words"
	run limited "${command[@]}"
	status_is 0 "devices and huge files in modprobe.d: $words"
done
# libkmod reads a device to its end.
run limited ept off -n
status_is 4 'devices and huge files in modprobe.d: ept off -n'
like "$err" '(a-zero|d-huge).conf .*not read: too much' 'devices and huge files in modprobe.d: ept off -n: names it'
run limited audit ept=on
status_is 1 'devices and huge files in modprobe.d: an audit does not know'
like "$out" 'not seen: .*(a-zero|d-huge).conf .*not read: too much' 'devices and huge files in modprobe.d: an audit names it'
rm "$conf"/{a-zero,d-huge}.conf
for words in status 'status --json' 'ept off -n' 'audit ept=off'; do
	read -ra command <<<"$words"
	run limited "${command[@]}"
	ok "long lines in modprobe.d: $words" [ "$status" = 0 -o "$status" = 7 ]
done

# ---- processes ----

host ksm-cgroup
python3 - "$KVMTUNE_FAKE_HOST/root" <<'EOT'
import os, sys
for pid in range(100000, 120000):
    proc = "%s/proc/%d" % (sys.argv[1], pid)
    os.mkdir(proc)
    for name, text in (("ksm_merging_pages", "7\n"), ("ksm_stat", ""), ("comm", "guest\n"),
                       ("cmdline", "qemu\0-name\0g%d\0" % pid), ("cgroup", "0::/g/%d\n" % pid)):
        with open("%s/%s" % (proc, name), "w") as f:
            f.write(text)
EOT
run limited ksm --json
status_is 0 '20,000 processes with merged pages: JSON'
run limited ksm
status_is 0 '20,000 processes with merged pages'
ok '20,000 processes with merged pages: a short answer' [ ${#out} -lt 20000 ]

# 16 KiB of each file of a process are read, whatever is in it.
host ksm-cgroup
truncate -s 64M "$KVMTUNE_FAKE_HOST/root/proc/41922"/{cmdline,comm,cgroup}
run limited ksm
status_is 0 'a process with huge texts'

# ---- the journal, and tmpfiles.d ----

host intel-ept-on
mkdir -p "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune"
truncate -s 1G "$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal"
for words in status 'ept off' 'undo --list'; do
	read -ra command <<<"$words"
	run limited "${command[@]}"
	ok "a huge journal: $words" [ "$status" -le 1 ]
	like "$out$err" '/var/lib/kvmtune/journal' "a huge journal: $words: names it"
done

host ksm-tmpfiles
# Each a pattern for the same file, and none like another; and a unit that is wanted by 80,000 others.
python3 - "$KVMTUNE_FAKE_HOST/root" <<'EOT'
import itertools, sys
with open(sys.argv[1] + "/etc/tmpfiles.d/many.conf", "w") as f:
    for n in range(20000):
        f.write("w /sys/kernel/mm/ksm/[r%d]un - - - - 1\n" % n)
EOT
run limited ksm
status_is 0 '20,000 lines of tmpfiles.d'
host ksm-chroot
python3 - "$KVMTUNE_FAKE_HOST/root/lib/systemd/system/ksm.service" <<'EOT'
import sys
with open(sys.argv[1], "w") as f:
    f.write("[Install]\nWantedBy=" + " ".join("%x.target" % n for n in range(70000)) + "\n")
EOT
run limited ksm
status_is 0 'a unit that 70,000 others want'

done_testing
