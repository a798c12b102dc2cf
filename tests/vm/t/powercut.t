#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Some power cuts in the middle of changes; `make power-cuts` makes many.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg
check_tools
command -v tune2fs >/dev/null || skip_all "tune2fs is not installed"
mkdir -p "$vm/../../build/vm/results"
work=$(mktemp -d "$vm/../../build/vm/results/$name.XXXXXX") && work=$(realpath "$work")
echo 1..1
if "$vm/powercut.sh" cuts=5 "$work" >"$work/table" 2>"$work/messages"; then
	echo "ok - after each of 5 power cuts the host is as before or as wanted, and can be changed"
	sed 's/^/# /' "$work/table"
	[ "${KVMTUNE_VM_KEEP:-0}" = 1 ] || rm -rf "$work"
else
	echo "not ok - a power cut leaves a host that is neither as before nor as wanted"
	sed 's/^/# /' "$work/messages" >&2
	tail -n 40 "$work/console" | sed 's/^/# /' >&2
	exit 1
fi
