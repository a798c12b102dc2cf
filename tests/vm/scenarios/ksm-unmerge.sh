# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unmerging: the memory it needs, its result, and a signal half-way.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

pages=25600 # 100 MiB

json_number() { printf '%s\n' "$stdout" | grep -oE "\"$1\": *[0-9]+" | grep -oE '[0-9]+$' | head -n 1; }

# $2 <= $1 <= 1.5 * $2
fair() { [ "$1" -ge "$2" ] && [ $(($1 * 2)) -le $(($2 * 3)) ]; }

scenario "all is unmerged, and the announced figure is a fair one"
services enable --now
fill 100
merge $pages
snapshot /tmp/before
run kvmtune ksm unmerged --reserve 0 --dry-run
is "dry run: exit status" "$status" 0
like "dry run: the need" "$stdout" "100 MiB"
run kvmtune ksm --json
need=$(($(json_number need_bytes) / 1024))
before=$(meminfo MemAvailable)
run kvmtune ksm unmerged --reserve 0 --watch 2s
is "exit status" "$status" 0
drop=$((before - $(meminfo MemAvailable)))
is "pages_sharing" "$(ksm pages_sharing)" 0
is "pages_shared" "$(ksm pages_shared)" 0
is "run" "$(ksm run)" 2
is "the services" "$(units)" "disabled inactive, disabled inactive"
# The rest of the machine takes or gives some MiB meanwhile
ok "need $need KiB, MemAvailable fell by $drop KiB" fair $((need + 2048)) $drop
run kvmtune ksm unmerged
is "again: exit status" "$status" 0
like "again: already" "$stdout" "already|[Nn]othing"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "undo: all is as before" same_host /tmp/before /tmp/after
merge $pages
ok "and merges again" ksm_at_least $pages

scenario "different pages: the need holds for them, too"
fill --different 1000 60
merge 15360
run kvmtune ksm --json
need=$(($(json_number need_bytes) / 1024))
before=$(meminfo MemAvailable)
run kvmtune ksm unmerged --reserve 0 --watch 0
is "exit status" "$status" 0
drop=$((before - $(meminfo MemAvailable)))
ok "need $need KiB, MemAvailable fell by $drop KiB" fair $((need + 2048)) $drop

# kvmtune gets a tenth of the processor: taking 100 MiB apart lasts some seconds.

is_unmerging() { [ "$(ksm run)" = 2 ] && [ "$(awk '$1 == "cow_ksm" { print $2 }' /proc/vmstat)" -gt "$1" ]; }

scenario "SIGINT half-way: services and run as before"
services enable --now
fill 100
merge $pages
snapshot /tmp/before
cow=$(awk '$1 == "cow_ksm" { print $2 }' /proc/vmstat)
# The shell starts what is in the background with SIGINT ignored; systemd-run becomes kvmtune.
start env --default-signal=INT systemd-run --scope --quiet -p CPUQuota=10% kvmtune ksm unmerged --reserve 0
ok "it has begun" wait_for 60 is_unmerging $((cow + 100))
kill -INT "$started"
finish
is "exit status" "$status" 1
like "why" "$stderr" "stopped by a signal"
like "what is left" "$stderr" "still merged"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
