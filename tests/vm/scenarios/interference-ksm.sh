# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another tool writes KSM's switch, or drives its services, between two steps of a change.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/ksm.sh
. /io/ksm.sh

# meddled CALL N SCRIPT: `kvmtune ksm off` with another at work after that call
meddled() { run meddle "$1" "$2" "$3" kvmtune ksm off; }

run_file=$ksm_dir/run
journal=/var/lib/kvmtune/journal

scenario "the switch is written as soon as kvmtune has written it"
services enable --now
snapshot /tmp/before
meddled write@$run_file 2 "echo 1 >$run_file"
is "exit status" "$status" 1
like "what differs" "$stderr" "ksm/run was set to 0 but reads 1 now: another program writes it"
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "the switch is written after the last step"
services enable --now
snapshot /tmp/before
meddled fdatasync@$journal 2 "echo 1 >$run_file"
is "exit status" "$status" 6
like "it is said" "$stderr" "could not be verified: something else has changed the host"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "ksmtuned is started again after the last step"
services enable --now
meddled fdatasync@$journal 2 "systemctl start ksmtuned"
is "exit status" "$status" 6
like "it is said" "$stderr" "could not be verified: something else has changed the host"
run kvmtune ksm off
is "off again: exit status" "$status" 0
is "off" "$(units) $(ksm run)" "disabled inactive, disabled inactive 0"

scenario "another one turns it off at the same time"
services enable --now
snapshot /tmp/before
meddled write@$run_file 1 "systemctl --quiet disable --now ksm ksmtuned"
is "exit status" "$status" 0
is "off" "$(units) $(ksm run)" "disabled inactive, disabled inactive 0"
run kvmtune undo
is "undo: exit status" "$status" 0
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
