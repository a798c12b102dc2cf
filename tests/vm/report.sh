# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# report.sh - keep the figures of a long run
#
#	report_into FILE     stdin takes the place of all after the line in FILE that begins with
#	                     "<!-- the rest is made"; date and commit come before it. The head is written by hand.

report_commit() { git -C "$(dirname "$1")" describe --always --dirty --abbrev=12 2>/dev/null || echo "no commit"; }

report_into()
{
	local file=$1
	sed '/^<!-- the rest is made/q' "$file" >"$file.new" || return
	{
		printf '\n%s, commit %s, %d minutes\n\n' "$(date +%F)" "$(report_commit "$file")" $((SECONDS / 60))
		cat
	} >>"$file.new"
	mv "$file.new" "$file"
}
