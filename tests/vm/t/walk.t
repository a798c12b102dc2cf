#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first steps of a random walk; `make walk` makes many.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg
check_tools
mkdir -p "$vm/../../build/vm/results"
work=$(mktemp -d "$vm/../../build/vm/results/$name.XXXXXX") && work=$(realpath "$work")
echo 1..1
if "$vm/walk.sh" seed=1 steps=60 "$work" >"$work/differences" 2>&1; then
	echo "ok - 60 random commands: all that kvmtune says is what the host says"
	[ "${KVMTUNE_VM_KEEP:-0}" = 1 ] || rm -rf "$work"
else
	echo "not ok - a random walk finds a difference between kvmtune and the host"
	sed 's/^/# /' "$work/differences" >&2
	exit 1
fi
