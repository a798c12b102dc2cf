# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian's own ksm and ksmtuned on a real bus: off, on, and back to exactly what was.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

off="disabled inactive, disabled inactive"

stays() { [ "$(ksm run)" = "$1" ] && sleep "$2" && [ "$(ksm run)" = "$1" ]; }

# restored COMMAND...: it succeeds, and the host is as in /tmp/before
restored()
{
	run "$@"
	is "$*: exit status" "$status" 0
	snapshot /tmp/after
	ok "$*: all is as before" same_host /tmp/before /tmp/after
}

scenario "both services on: off keeps merged pages, ksmd rests, undo brings all back"
services enable --now
fill 64
merge 16384
snapshot /tmp/before
run kvmtune ksm
is "ksm: exit status" "$status" 0
like "ksmtuned is shown" "$stdout" "ksmtuned.*active.*enabled"
like "what is saved" "$stdout" "6[34](\.[0-9])? MiB"
run kvmtune ksm off
is "off: exit status" "$status" 0
is "the services" "$(units)" "$off"
is "run" "$(ksm run)" 0
ok "what is merged stays merged" ksm_at_least 16384
ksm_set pages_to_scan 20000
before=$(ksmd_ticks)
sleep 1
is "ksmd uses no CPU" "$(ksmd_ticks)" "$before"
run kvmtune ksm off
is "off again: exit status" "$status" 0
like "off again: already" "$stdout" "already|[Nn]othing"
run kvmtune audit ksm=off
is "audit agrees" "$status" 0
restored kvmtune undo

scenario "off, then on: as before"
services enable --now
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
restored kvmtune ksm on

# guest MIB NAME: merges as a guest of that name does
guest() { hold_program bash -c "exec -a qemu-system-x86_64 ksmfill $1 -- -name guest=$2"; }

scenario "who has merged pages; after off they are unmerged as guests write to them"
guest 32 web-01
pages_of=${held%% *}
guest 24 db
merge 14336
run kvmtune ksm
like "a guest, the most first" "$(printf '%s\n' "$stdout" | grep -m 1 qemu-system)" "$pages_of +web-01 +32\.0 MiB"
like "the other" "$stdout" "db +24\.0 MiB"
run kvmtune ksm off
before=$(meminfo AnonPages)
kill -USR1 "$pages_of"
ok "it has written to all" wait_for 10 said dirty
ok "its memory is its own" [ $(($(meminfo AnonPages) - before)) -ge $((32 * 1024 - 512)) ]
sleep 1
is "nothing is merged again" "$(ksm run)" 0

scenario "enabled, but not started; started, but not enabled: each comes back as it was"
services enable
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
is "disabled" "$(units)" "$off"
restored kvmtune undo
services disable
services start
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
restored kvmtune undo

scenario "off while ksmtuned is at work"
echo "KSM_MONITOR_INTERVAL=0.05" >/etc/ksmtuned.conf
printf 'KSM_THRES_COEF=100\n' >>/etc/ksmtuned.conf # it always finds memory short: it writes 1
services enable --now
is "ksmtuned writes" "$(ksm_set run 0; wait_for 10 grep -qx 1 $ksm_dir/run && echo 1)" 1
run kvmtune ksm off
is "exit status" "$status" 0
is "the services" "$(units)" "$off"
ok "run stays 0" stays 0 2
run kvmtune undo
is "undo: exit status" "$status" 0
is "undo: the services" "$(units)" "enabled active, enabled active"

scenario "only ksm.service is there"
without ksmtuned.service
systemctl --quiet enable --now ksm.service
snapshot /tmp/before
run kvmtune ksm
unlike "nothing of ksmtuned" "$stdout" "ksmtuned"
run kvmtune ksm off
is "off: exit status" "$status" 0
is "the services" "$(units)" "absent inactive, disabled inactive"
is "run" "$(ksm run)" 0
restored kvmtune undo
run kvmtune ksm off
restored kvmtune ksm on

scenario "no service is there, run was set by hand: on is remembered by a file of ours"
without ksmtuned.service
without ksm.service
ksm_set run 1
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
is "run" "$(ksm run)" 0
restored kvmtune undo
run kvmtune ksm off
run kvmtune ksm on
is "on: exit status" "$status" 0
is "run" "$(ksm run)" 1
ksm_set run 0
ok "systemd-tmpfiles reads our file" systemd-tmpfiles --create /etc/tmpfiles.d/00-kvmtune.conf
is "as at boot: run" "$(ksm run)" 1
run kvmtune ksm off
is "off: exit status" "$status" 0
not "our file is gone" test -e /etc/tmpfiles.d/00-kvmtune.conf

scenario "somebody's tmpfiles.d turns it on at boot: a line of ours before it"
without ksmtuned.service
without ksm.service
echo 'w /sys/kernel/mm/ksm/run - - - - 1' >/etc/tmpfiles.d/ksm.conf
systemd-tmpfiles --create
is "on" "$(ksm run)" 1
snapshot /tmp/before
run kvmtune ksm
like "who turns it on" "$stdout" "/etc/tmpfiles.d/ksm.conf:1"
run kvmtune ksm off
is "off: exit status" "$status" 0
ksm_set run 1
systemd-tmpfiles --create
is "as at boot: run" "$(ksm run)" 0
ksm_set run 0
restored kvmtune undo
systemd-tmpfiles --create
is "as at boot: run" "$(ksm run)" 1

scenario "masked services: off leaves the masks, on is refused"
services mask
ksm_set run 1
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
is "run" "$(ksm run)" 0
is "the services" "$(units)" "masked inactive, masked inactive"
restored kvmtune undo
ksm_set run 0
snapshot /tmp/before
run kvmtune ksm on
is "on: exit status" "$status" 3
like "on: why" "$stderr" "masked"
snapshot /tmp/after
ok "nothing changed" same_host /tmp/before /tmp/after

scenario "run was 2: off leaves it, and undo brings it back"
ksm_set run 2
services enable
snapshot /tmp/before
run kvmtune ksm off
is "off: exit status" "$status" 0
is "the services" "$(units)" "$off"
is "run" "$(ksm run)" 2
restored kvmtune undo

scenario "dry run: the plan, and nothing else"
services enable --now
snapshot /tmp/before
run kvmtune ksm off --dry-run
is "exit status" "$status" 0
like "unlink" "$stdout" "unlink +/etc/systemd/system/multi-user.target.wants/ksmtuned.service"
like "stop" "$stdout" "stop +ksm.service"
snapshot /tmp/after
ok "nothing changed" same_state /tmp/before /tmp/after
