# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A processor without VT-x, but with SVM.
# needs: kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "no VT-x: not possible, nothing changed"
snapshot /tmp/before
run kvmtune status
is "status" "$status" 0
unlike "status has no line for it" "$stdout" "VT-x|^ept "
run kvmtune ept
like "ept says so" "$stdout" "^VT-x, EPT +absent"
for command in "ept off" "ept on" "ept off --defer" "ept off --dry-run" "apply ept=off"; do
	# shellcheck disable=SC2086 # words
	run kvmtune $command
	is "$command: exit status" "$status" 4
	like "$command: the reason" "$stderr" "this processor has no VT-x"
	like "$command: the way out" "$stderr" "kvmtune npt"
done
run kvmtune audit ept=off
is "audit: exit status" "$status" 4
like "audit: the reason" "$stdout" "ept=off +not here +this processor has no VT-x"
like "audit: the way out" "$stdout" "kvmtune npt"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
