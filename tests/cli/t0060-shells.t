#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tab in the real shells: what the typed line becomes in bash, zsh and fish.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

kvmtune=$(readlink -f "${KVMTUNE:-build/kvmtune}")
count=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/bin" "$scratch/hosts/only-one"
ln -s "$kvmtune" "$scratch/bin/kvmtune"
touch "$scratch/hosts/record.json"
export PATH=$scratch/bin:$PATH

# What is typed, and what it becomes; "|" marks the end, behind the space that a shell adds.
cases="\
kvmtune stat>kvmtune status |
kvmtune ept of>kvmtune ept off |
kvmtune ept --dry>kvmtune ept --dry-run |
kvmtune apply nested=of>kvmtune apply nested=off |
kvmtune audit ept=off ksm=unm>kvmtune audit ept=off ksm=unmerged |
kvmtune bench curr>kvmtune bench current |
kvmtune bench ept=off,ksm=unm>kvmtune bench ept=off,ksm=unmerged |
kvmtune cpu --require unre>kvmtune cpu --require unrestricted-guest |
kvmtune --color=nev>kvmtune --color=never |
kvmtune --root $scratch/hosts/on>kvmtune --root $scratch/hosts/only-one/|
kvmtune --root=$scratch/hosts/on>kvmtune --root=$scratch/hosts/only-one/|
kvmtune bench --resume $scratch/hosts/rec>kvmtune bench --resume $scratch/hosts/record.json |
kvmtune --root $scratch ksm unm>kvmtune --root $scratch ksm unmerged |
kvmtune nonsense of>kvmtune nonsense of|"

for shell in bash zsh fish; do
	if ! command -v "$shell" >/dev/null; then
		count=$((count + 1))
		if [ "${KVMTUNE_TESTS_MUST_RUN:-0}" = 1 ]; then
			echo "not ok $count - $shell is not installed"
		else
			echo "ok $count - $shell # SKIP $shell is not installed"
		fi
		continue
	fi
	mapfile -t lines < <(cut -d '>' -f 1 <<<"$cases" | tests/lib/shell_complete.py "$shell" 2>"$scratch/messages")
	sed 's/^/# /' "$scratch/messages"
	i=0
	while IFS='>' read -r typed wanted; do
		count=$((count + 1))
		if [ "${lines[i]:-}" = "$wanted" ]; then
			echo "ok $count - $shell: $typed"
		else
			echo "not ok $count - $shell: $typed"
			echo "#   the line is  ${lines[i]:-}"
			echo "#   wanted       $wanted"
		fi
		i=$((i + 1))
	done <<<"$cases"
done

echo "1..$count"
