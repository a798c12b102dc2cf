#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-scenarios.sh - the job of tests/vm/t/*.t: each scenario file of /io/list in a shell of its own

while read -r name; do
	echo "# $name"
	sh "/io/scenarios/$name.sh"
	status=$?
	[ $status = 0 ] || echo "not ok - $name.sh ended with status $status"
	[ $status != 99 ] || exit 99 # the host could not be reset: nothing after it would mean anything
done </io/list
