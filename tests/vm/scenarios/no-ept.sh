# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A processor with VT-x but without EPT.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

paging=$(echo "$setting" | tr "[:lower:]" "[:upper:]")

scenario "no $paging: already off, on is not possible"
is "the kernel agrees" "$(parameter "$module" "$setting")" N
snapshot /tmp/before
run kvmtune status
like "status says so" "$stdout" "^[^ ]+, $paging +[^ ]+ present, $paging absent"
run kvmtune "$setting" off
is "off: exit status" "$status" 0
like "already" "$stdout" "$setting: off already"
run kvmtune "$setting" on
is "on: exit status" "$status" 4
like "why" "$stderr" "this processor has no $paging"
run kvmtune audit "$setting=off"
is "audit of off" "$status" 0
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
