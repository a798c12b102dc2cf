#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Input of the worst kinds that are known, in two sizes: twice as much takes no more than about twice as many
# instructions. They are counted by valgrind: what else the machine does makes no difference.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

if ! command -v valgrind >/dev/null; then
	[ "${KVMTUNE_TESTS_MUST_RUN:-0}" != 1 ] || { echo 'Bail out! valgrind is not installed'; exit 1; }
	echo '1..0 # SKIP valgrind is not installed'
	exit 0
fi
if nm "$KVMTUNE_FAKE" 2>/dev/null | grep -q __asan_init; then
	echo '1..0 # SKIP valgrind does not run with AddressSanitizer'
	exit 0
fi

# The smaller size in KiB. Where an algorithm is quadratic, its part of the work is four times as much for
# twice the input; with sizes like these it shows.
kib=${GROWTH_KIB:-128}

maker=$tmp/make.py
cat >"$maker" <<'EOT2'
import os, sys, zlib
root, kind, size = sys.argv[1], sys.argv[2], int(sys.argv[3]) * 1024

def put(path, text):
    path = root + path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())

def fill(line):
    # line(n) until there is enough
    parts, have, n = [], 0, 0
    while have < size:
        part = line(n)
        parts.append(part)
        have += len(part)
        n += 1
    return "".join(parts)

def journal(line):
    def whole(n):
        return "".join("%08x %s\n" % (zlib.crc32(text.encode()), text) for text in line(n + 1))
    put("/var/lib/kvmtune/journal", fill(whole))

def begin(n, more=""):
    return '{"record":"begin","id":%d,"version":2,"command":"ept off"%s}' % (n, more)

def end(n, result="done"):
    return '{"record":"end","id":%d,"result":"%s"}' % (n, result)

step = ('{"act":{"kind":"write_file","target":"/etc/modprobe.d/zz-kvmtune.conf","text":"x"},'
        '"back":{"kind":"remove_file","target":"/etc/modprobe.d/zz-kvmtune.conf"}}')
conf = "/etc/modprobe.d/a.conf"
unit = "/etc/systemd/system/ksm.service"
every = size // 64
kinds = {
    "modprobe: aliases and options": lambda: put(conf, fill(lambda n: "alias a b\noptions a b\n")),
    "modprobe: aliases of the module": lambda: put(conf, fill(
        lambda n: "alias a%d kvm_intel\noptions a%d ept=0\n" % (n, n))),
    "modprobe: one option": lambda: put(conf, fill(lambda n: "options kvm_intel ept=0\n")),
    "modprobe: many options": lambda: put(conf, fill(lambda n: "options kvm_intel p%d=1\n" % n)),
    "modprobe: one line of options": lambda: put(conf, "options kvm_intel " + fill(lambda n: "p%d " % n) + "\n"),
    "modprobe: one long word": lambda: put(conf, "options kvm_intel " + "x" * size + "\n"),
    "modprobe: open quotes": lambda: put(conf, fill(lambda n: 'options kvm_intel "a\n')),
    "modprobe: continued lines": lambda: put(conf, fill(lambda n: "options \\\n")),
    "modprobe: patterns": lambda: put(conf, fill(lambda n: "install *k*v*m*i*n*t*x* b\n")),
    "modprobe: a long pattern": lambda: put(conf, "install " + "*k" * (size // 2) + " b\n"),
    "modprobe: brackets": lambda: put(conf, "install " + "[k-" * (size // 3) + "] b\n"),
    "modprobe: blanks": lambda: put(conf, " " * size + "\n"),
    "modprobe: empty lines": lambda: put(conf, "\n" * size),
    "modprobe: many files": lambda: [put("/etc/modprobe.d/%06d.conf" % n, "options kvm_intel ept=1\n")
                                     for n in range(every)],
    "modprobe: many pipes": lambda: [os.mkfifo(root + "/etc/modprobe.d/%06d.conf" % n) for n in range(every)],
    "modprobe: our own file": lambda: put("/etc/modprobe.d/zz-kvmtune.conf", fill(
        lambda n: "options kvm_intel a%d=1 ept=%d\n" % (n, n % 2))),
    "modprobe: our own file, continued": lambda: put("/etc/modprobe.d/zz-kvmtune.conf", fill(
        lambda n: "options kvm_intel a=1 \\\n")),
    "modprobe: our own file, quoted": lambda: put("/etc/modprobe.d/zz-kvmtune.conf", "options kvm_intel " + fill(
        lambda n: '"a b" ept=0 ') + "\n"),
    "command line": lambda: put("/proc/cmdline", fill(lambda n: "kvm_intel.p%d=1 " % n)),
    "cpuinfo: flags": lambda: put("/proc/cpuinfo", "flags : " + fill(lambda n: "vm ") + "\n"),
    "cpuinfo: processors": lambda: put("/proc/cpuinfo", fill(lambda n: "processor : %d\nflags : vmx ept\n\n" % n)),
    "meminfo": lambda: put("/proc/meminfo", fill(lambda n: "MemTotal:\n")),
    "vmstat": lambda: put("/proc/vmstat", fill(lambda n: "pswpin\n")),
    "tmpfiles: patterns": lambda: put("/etc/tmpfiles.d/a.conf", fill(
        lambda n: "w /sys/kernel/mm/ksm/[r%d]un - - - - 1\n" % n)),
    "tmpfiles: appending": lambda: put("/etc/tmpfiles.d/a.conf", fill(
        lambda n: "w+ /sys/kernel/mm/ksm/run - - - - 1\n")),
    "tmpfiles: stars": lambda: put("/etc/tmpfiles.d/a.conf", fill(
        lambda n: "w /sys/k*e*r*n*e*l/m*/k*s*m/r*u*x*%d - - - - 1\n" % n)),
    "tmpfiles: one long path": lambda: put("/etc/tmpfiles.d/a.conf", "w " + "/." * (size // 2) + " - - - - 1\n"),
    "tmpfiles: quotes": lambda: put("/etc/tmpfiles.d/a.conf", fill(lambda n: "w \"' \\")),
    "tuned: a profile": lambda: put("/etc/tuned/virtual-host/tuned.conf", fill(
        lambda n: "[s%d]\n/sys/kernel/mm/ksm/r*n=1\n" % n)),
    "tuned: includes": lambda: put("/etc/tuned/virtual-host/tuned.conf", "[main]\ninclude=" + fill(
        lambda n: "p%d," % n) + "\n"),
    "tuned: active profiles": lambda: put("/etc/tuned/active_profile", fill(lambda n: "p%d " % n)),
    "units: continued lines": lambda: put(unit, "[Install]\nWantedBy=" + fill(lambda n: "a\\\n") + "\n"),
    "units: comments between": lambda: put(unit, "[Install]\nWantedBy=\\\n" + fill(lambda n: "#\n") + "\n"),
    "units: MemoryKSM": lambda: put("/etc/systemd/system/a.service", "[Service]\nMemoryKSM=" + fill(
        lambda n: "\\\n") + "\n"),
    "units: many": lambda: [put("/etc/systemd/system/%06d.service" % n, "[Service]\nMemoryKSM=yes\n")
                            for n in range(every)],
    "units: many links": lambda: [os.symlink("/lib/systemd/system/ksm.service",
                                             root + "/etc/systemd/system/%06d.service" % n) for n in range(every)],
    "default": lambda: put("/etc/default/qemu-kvm", fill(lambda n: "KSM_ENABLED=\n")),
    "journal: open": lambda: journal(lambda n: [begin(n)]),
    "journal: undos of undos": lambda: journal(lambda n: [begin(n, ',"undoes":%d' % (n - 1))]),
    "journal: undos that did not end": lambda: journal(lambda n: [begin(n, ',"undoes":1')]),
    "journal: done, each finishing another": lambda: journal(
        lambda n: [begin(n, ',"finishes":%d,"undoes":%d' % (n - 1, n - 1)), end(n)]),
    "journal: done over and over": lambda: journal(
        lambda n: [begin(n, ',"finishes":%d' % (n - 1)), end(n), end(1), end(n)]),
    "journal: stuck": lambda: journal(lambda n: [begin(n), end(n, "stuck")]),
    "journal: many steps": lambda: journal(lambda n: [
        '{"record":"plan","id":1,"steps":[%s]}' % ",".join([step] * (size // len(step))), begin(1), end(1)]
        if n == 1 else [" " * size]),
    "journal: no lines of ours": lambda: journal(lambda n: ["x"]),
    "processes": lambda: [(put("/proc/%d/ksm_merging_pages" % pid, "7\n"), put("/proc/%d/ksm_stat" % pid, ""),
                           put("/proc/%d/comm" % pid, "guest\n"), put("/proc/%d/cmdline" % pid, "qemu\0-name\0g\0"),
                           put("/proc/%d/cgroup" % pid, "0::/g/%d\n" % pid),
                           put("/sys/fs/cgroup/g/%d/memory.max" % pid, "1073741824\n"),
                           put("/sys/fs/cgroup/g/%d/memory.current" % pid, "1\n"))
                          for pid in range(100000, 100000 + every // 2)],
}
kinds[kind]()
EOT2

# instructions COMMAND...: how many it takes, in $count
instructions()
{
	text=$(valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "$KVMTUNE_FAKE" "$@" \
		2>&1 >"$tmp/answer")
	status=$?
	count=$(sed -n 's/^==[0-9]*== I *refs: *//p' <<<"$text" | tr -d ,)
	count=${count:-0}
}

# grows HOST KIND COMMAND...: with KIND of input, the command's work grows no faster than that
grows()
{
	local name="$2: ${*:3}" first

	host "$1"
	python3 "$maker" "$KVMTUNE_FAKE_HOST/root" "$2" "$kib" || { fail "$name: is made"; return; }
	instructions "${@:3}"
	first=$count
	[ "$status" -le 7 ] || fail "$name: is answered" "$text"
	host "$1"
	python3 "$maker" "$KVMTUNE_FAKE_HOST/root" "$2" $((2 * kib))
	instructions "${@:3}"
	ok "$name: $first, then $count" [ "$first" -gt 0 -a "$count" -gt 0 -a $((count * 10)) -lt $((first * 23)) ]
}

for kind in 'aliases and options' 'aliases of the module' 'one option' 'many options' 'one line of options' \
	'one long word' 'open quotes' 'continued lines' patterns 'a long pattern' brackets blanks 'empty lines' \
	'many files' 'many pipes' 'our own file' 'our own file, continued' 'our own file, quoted'; do
	grows intel-ept-on "modprobe: $kind" status
	grows intel-ept-on "modprobe: $kind" ept off -n
done
for kind in 'aliases of the module' 'one option' 'many pipes'; do
	grows intel-ept-on "modprobe: $kind" status --json
done
for kind in 'command line' 'cpuinfo: flags' 'cpuinfo: processors' meminfo vmstat; do
	grows intel-ept-on "$kind" status
	grows intel-ept-on "$kind" cpu
done
for kind in patterns appending stars 'one long path' quotes; do
	grows ksm-tmpfiles "tmpfiles: $kind" ksm
done
grows ksm-tmpfiles 'tmpfiles: patterns' ksm off -n
for kind in 'a profile' includes 'active profiles'; do
	grows ksm-tuned-profile "tuned: $kind" ksm
done
for kind in 'continued lines' 'comments between' many 'many links'; do
	grows ksm-chroot "units: $kind" ksm
done
grows ksm-chroot 'units: continued lines' ksm off -n
grows ksm-tuned 'units: MemoryKSM' ksm -v
grows ksm-tuned 'units: many' ksm -v
grows ksm-ubuntu default ksm
for kind in open 'undos of undos' 'undos that did not end' 'done, each finishing another' 'done over and over' stuck \
	'many steps' 'no lines of ours'; do
	for words in 'undo --list' 'undo --list --json' 'undo -n'; do
		read -ra command <<<"$words"
		grows intel-ept-on "journal: $kind" "${command[@]}"
	done
done
grows ksm-cgroup processes ksm
grows ksm-cgroup processes ksm unmerged -n --json

done_testing
