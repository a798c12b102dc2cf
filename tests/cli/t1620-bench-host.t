#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench: what the host did during a run, and what is said about it. The load plays the kernel: it
# writes the files of the made-up host.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1
if ! command -v python3 >/dev/null; then
	echo "1..0 # SKIP python3 is not there"
	exit "${KVMTUNE_TESTS_MUST_RUN:-0}"
fi

# load: a script from stdin, with $root, the files of the host
load()
{
	{
		# shellcheck disable=SC2016 # for the load
		printf '#!/bin/bash\nroot=$KVMTUNE_FAKE_HOST/root\n'
		cat
	} >"$tmp/load"
	chmod +x "$tmp/load"
}

# values METRIC: of all runs but the warm-up ones
values()
{
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); v = [r.get(sys.argv[2]) for r in d["runs"] if r["block"]]; print([x if x is None else round(x, 6) for x in v])' \
		"$tmp/export.json" "$1"
}

bench()
{
	run kvmtune bench current --export "$tmp/export.json" "$@" -- "$tmp/load"
}

# cpus BUSY STEAL: /proc/stat of two CPUs, in ticks
cpus()
{
	printf 'cpu  %d 0 %d 5000 0 0 0 %d 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\n' "$1" "$1" "$2" >"$KVMTUNE_FAKE_HOST/root/proc/stat"
}

# ksmd TICKS
ksmd()
{
	mkdir -p "$KVMTUNE_FAKE_HOST/root/proc/75"
	printf '75 (ksmd) S 2 0 0 0 -1 2129984 0 0 0 0 0 %d 0 0 25 5 1 0 40 0 0\n' "$1" >"$KVMTUNE_FAKE_HOST/root/proc/75/stat"
}

# ---- counters ----

load <<'TEXT'
read -r _ busy _ <"$root/proc/stat"
ksmd=$(cut -d' ' -f15 "$root/proc/75/stat" | head -n 1)
swapped=$(sed -n 's/^pswpout //p' "$root/proc/vmstat")
printf 'cpu  %d 0 %d 5000 0 0 0 20 0 0\n' $((busy + 30)) $((busy + 30)) >"$root/proc/stat"
sed -i "s/ $ksmd 0 0 25 / $((ksmd + 50)) 0 0 25 /" "$root/proc/75/stat"
sed -i "s/^pswpout .*/pswpout $((swapped + 7))/" "$root/proc/vmstat"
kvm=$root/sys/kernel/debug/kvm
mkdir -p "$kvm/77-9"
printf '500\n' >"$kvm/11-8/exits"
for file in exits pf_taken pf_fixed remote_tlb_flush; do echo 1000 >"$kvm/77-9/$file"; done
# It is looked at five times a second; then the guest is gone, and its counters with it.
sleep 1
rm -r "$kvm/77-9"
printf '100\n' >"$kvm/11-8/exits"
TEXT
host intel-ept-on
cpus 100 20
ksmd 300
printf 'pswpin 1\npswpout 1\n' >"$KVMTUNE_FAKE_HOST/root/proc/vmstat"
mkdir -p "$KVMTUNE_FAKE_HOST/root/sys/kernel/debug/kvm/11-8"
printf '100\n' >"$KVMTUNE_FAKE_HOST/root/sys/kernel/debug/kvm/11-8/exits"
bench --runs 2 --warmup 1
status_is 0 "a load"
is "$(values ksmd_seconds)" "[0.5, 0.5]" "ksmd's CPU time is exact"
is "$(values host_busy_seconds)" "[0.6, 0.6]" "the host's CPU time"
is "$(values host_steal_seconds)" "[0.0, 0.0]" "nothing was stolen"
is "$(values swap_out_pages)" "[7.0, 7.0]" "pages swapped out"
is "$(values swap_in_pages)" "[0.0, 0.0]" "pages swapped in"
like "$out" "The host swapped during runs \\(21 pages\\)" "swapping is told"
# What the older guest counted, and then 1000 of the new one: in a second and what the machine adds.
exits=$(values kvm_exits_per_second | tr -d '[],' | cut -d. -f1)
ok "exits of guests, also of one that has ended ($exits)" test "$exits" -gt 100 -a "$exits" -le 1500
ok "MMU faults" test "$(values kvm_mmu_faults_per_second | tr -d '[],' | cut -d. -f1)" -gt 100
ok "TLB flushes" test "$(values kvm_tlb_flushes_per_second | tr -d '[],' | cut -d. -f1)" -gt 100
like "$out" "guest exits +[0-9]+/s" "which are in the table"

# ---- the load itself ----

load <<'TEXT'
# In a grandchild that its parent does not wait for: it is the load's all the same.
(python3 -c '
import os, sys, time
data = bytearray(64 << 20)
end = time.process_time() + 0.3
while time.process_time() < end: pass
open(sys.argv[1] + ".new", "w").write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
' "$KVMTUNE_FAKE_HOST/pid" &)
until [ -e "$KVMTUNE_FAKE_HOST/pid" ]; do sleep 0.02; done
# It is gone when the one that watches the load has seen its end.
while kill -0 "$(cat "$KVMTUNE_FAKE_HOST/pid")" 2>/dev/null; do sleep 0.02; done
TEXT
host intel-ept-on
bench --runs 1 --warmup 0
status_is 0 "a load with a grandchild"
is "$(python3 -c "print([0.15 <= v < 3 for v in $(values user_seconds)])")" "[True]" "its CPU time"
is "$(python3 -c "print([64 << 20 <= v < 1 << 30 for v in $(values peak_memory_bytes)])")" "[True]" "its memory"
is "$(values ksmd_seconds) $(values kvm_exits_per_second)" "[None] [None]" "what is not known is left out"

# ---- what is said of the host ----

load <<'TEXT'
sleep 0.1
TEXT
host intel-ept-on
cpus 100 0
printf '0.40 0.3 0.2 1/100 7\n' >"$KVMTUNE_FAKE_HOST/root/proc/loadavg"
bench --runs 1
unlike "$out" "busy|governor" "a quiet host"
printf '0.60 0.3 0.2 1/100 7\n' >"$KVMTUNE_FAKE_HOST/root/proc/loadavg"
mkdir -p "$KVMTUNE_FAKE_HOST/root/sys/devices/system/cpu/cpu0/cpufreq"
printf 'powersave\n' >"$KVMTUNE_FAKE_HOST/root/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
bench --runs 1
like "$out" "host was busy before the first run" "a busy host"
like "$out" "governor is not \"performance\"" "a governor that changes the clock"
printf 'performance\n' >"$KVMTUNE_FAKE_HOST/root/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
bench --runs 1
unlike "$out" "governor" "one that does not"
load <<'TEXT'
read -r _ busy _ _ _ _ _ _ steal _ <"$root/proc/stat"
printf 'cpu  %d 0 0 5000 0 0 0 %d 0 0\n' $((busy + 95)) $((steal + 5)) >"$root/proc/stat"
TEXT
printf 'cpu  0 0 0 5000 0 0 0 0 0 0\n' >"$KVMTUNE_FAKE_HOST/root/proc/stat"
bench --runs 4 --warmup 0
like "$out" "lost 5\\.0 % of its CPU time" "stolen time"
done_testing
