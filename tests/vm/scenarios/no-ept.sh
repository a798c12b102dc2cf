# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A processor with VT-x but without EPT.
# needs: vmx kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "no EPT: off is so already, on is not possible"
is "the kernel agrees" "$(parameter kvm_intel ept)" N
snapshot /tmp/before
run kvmtune status
like "status says so" "$stdout" "^VT-x, EPT +VT-x yes, EPT no"
run kvmtune ept off
is "off: exit status" "$status" 0
like "already" "$stdout" "ept: off already"
run kvmtune ept on
is "on: exit status" "$status" 4
like "why" "$stderr" "this processor has no EPT"
run kvmtune audit ept=off
is "audit of off" "$status" 0
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
