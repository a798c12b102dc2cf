#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-unit.sh [RUNNER [ARG...]] -- TEST... - runs unit tests, perhaps under valgrind. A test that
# passes prints one line; one that fails prints all of its output.
#
# UNIT_JOBS  how many run side by side (1)

runner=()
while [ "$1" != -- ]; do
	runner+=("$1")
	shift
done
shift
export runner_words="${runner[*]}"

run_test()
{
	local output status

	# shellcheck disable=SC2086 # the runner is words
	output=$($runner_words "$1" 2>&1)
	status=$?
	# One write for each test: two that end together do not mix their lines.
	if [ $status = 0 ]; then
		output=$(
			sed -n "s/^\[  PASSED  \] /ok   ${1##*/}: /p" <<<"$output"
			grep -E '^\[  SKIPPED \] [a-z]' <<<"$output"
		)
	else
		output+=$'\n'"FAIL $1"
	fi
	printf '%s\n' "$output"
	return $status
}
export -f run_test

printf '%s\n' "$@" | xargs -P "${UNIT_JOBS:-1}" -I{} bash -c 'run_test {}'
