# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unmerging without enough memory. The machine has 256 MiB.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

refused()
{
	snapshot /tmp/before
	run kvmtune ksm unmerged "$@"
	is "exit status" "$status" 3
	snapshot /tmp/after
	ok "nothing changed" same_host /tmp/before /tmp/after
}

# A host with 130 MiB merged and room for half of it
make_tight()
{
	services enable --now
	fill 130
	merge 33280
	fill --more 60 0
}

scenario "it does not fit: refused with the figures"
make_tight
refused --reserve 0
like "the need" "$stderr" "130 MiB"
like "what there is" "$stderr" "[0-9]+(\.[0-9])? MiB.* available"
refused
like "the reserve" "$stderr" "1(\.0)? GiB"
is "its dry run says the same" "$(kvmtune ksm unmerged --dry-run >/dev/null 2>&1; echo $?)" 3
run kvmtune ksm off
is "off needs no memory" "$status" 0

# /proc/meminfo is made to lie, so the plan sees room that is not there, and the kernel runs out of memory.
scenario "the kernel runs out of memory: only the writer dies, the host is put back"
make_tight
guests=$(pgrep -x -d ' ' ksmfill)
snapshot /tmp/before
sed 's/^MemAvailable:.*/MemAvailable:     200000 kB/' /proc/meminfo >/tmp/meminfo
mount --bind /tmp/meminfo /proc/meminfo
run kvmtune ksm unmerged --reserve 0
umount /proc/meminfo
is "exit status" "$status" 1
like "why" "$stderr" "memory"
is "only kvmtune's processes were killed" "$(dmesg | grep -oE 'Killed process.*\)' | sed 's/ [0-9][0-9]*//' | sort -u)" "Killed process (kvmtune)"
dmesg --clear # of the call traces that go with it
is "all guests live" "$(pgrep -x -d ' ' ksmfill)" "$guests"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "a guest's cgroup has a limit that is too small: refused, naming it"
services enable --now
systemd-run --quiet --unit machine-qemu-1-web.service ksmfill 60
merge 15360
systemctl set-property --runtime machine-qemu-1-web.service MemoryMax=30M
refused --reserve 0
like "names it" "$stderr" "machine-qemu-1-web.service"
like "what it leaves" "$stderr" "leaves (29|30)(\.[0-9])? MiB"
ok "the guest lives" systemctl --quiet is-active machine-qemu-1-web.service
systemctl set-property --runtime machine-qemu-1-web.service MemoryMax=100M
run kvmtune ksm unmerged --reserve 0 --watch 0
is "with a limit that suffices" "$status" 0
systemctl stop machine-qemu-1-web.service
