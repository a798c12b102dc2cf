#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-unit.sh [RUNNER [ARG...]] -- TEST... - runs unit tests, perhaps under valgrind. A test that
# passes says one line; one that fails says all.

runner=""
while [ "$1" != -- ]; do
	runner="$runner $1"
	shift
done
shift

failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for test in "$@"; do
	# shellcheck disable=SC2086 # the runner is words
	if $runner "$test" >"$log" 2>&1; then
		printf 'ok   %s: %s\n' "$(basename "$test")" "$(sed -n 's/^\[  PASSED  \] //p' "$log")"
		grep -E '^\[  SKIPPED \] [a-z]' "$log"
	else
		failed=$((failed + 1))
		cat "$log"
		printf 'FAIL %s\n' "$test"
	fi
done
[ $failed = 0 ]
