# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many kvmtune at once, while guests start and stop. /io/races may say how many and for how long (races.sh).
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

journal=/var/lib/kvmtune/journal

# One change after the other: each ends before the next begins.
overlapping()
{
	sed -n 's/^[0-9a-f]* {"record":"\(begin\|end\)".*"id":\([0-9]*\).*/\1 \2/p' $journal | awk '
	$1 == "begin" { if (open) print "change " open " goes on while " $2 " begins"; open = $2 }
	$1 == "end" { if (open != $2) print "change " $2 " ends out of turn"; open = 0 }
	END { if (open) print "change " open " does not end" }'
}

# The goal of the last change that came to its end
last_goal()
{
	sed -n 's/^[0-9a-f]* {"record":"begin","id":\([0-9]*\).*"command":"'"$setting"' \(o[nf]*\).*/begin \1 \2/p
		s/^[0-9a-f]* {"record":"end","id":\([0-9]*\),"result":"done".*/done \1/p' $journal | awk '
	$1 == "begin" { goal[$2] = $3 }
	$1 == "done" { last = $2 }
	END { print goal[last] }'
}

processes=50 seconds=15 seed=1
[ ! -r /io/races ] || read -r processes seconds seed </io/races

scenario "$processes kvmtune at once for $seconds s"
# On a busy host the guests may keep the module all of the time: then once more, with other guests.
for round in 1 2 3 4 5 6 7 8; do
	run races "$setting" "$module" "$processes" "$seconds" "$((seed + round - 1))"
	printf '%s\n' "$stdout" "$stderr" | sed 's/^/# /'
	is "each ended as it must, no guest was harmed" "$status" 0
	is "one change after the other" "$(overlapping)" ""
	goal=$(last_goal)
	[ -z "$goal" ] || break
done
like "some were done" "$goal" "^(on|off)$"
run kvmtune audit "$setting=$goal"
is "the host is as the last one left it" "$status" 0
case $goal in on) value=Y ;; *) value=N ;; esac
is "so is the module" "$(parameter "$module" "$setting")" $value
ok "no lock is held" flock -n /var/lib/kvmtune/lock flock -n /var/lib/kvmtune true
is "no temporary file" "$(find /etc/modprobe.d /var/lib/kvmtune ! -type d | grep -vE '/(zz-kvmtune.conf|journal|lock)$')" ""
run kvmtune status
unlike "nothing is interrupted" "$stdout" "did not end"
ok "a guest runs" kvmhold guest 0
