#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scan.sh DIR [ROUNDS] [PROCESSES] [DESCRIPTORS] - what finding the users of KVM costs, beside others.
#
# DIR holds manyprocs, walk_plain and walk_ours, built. Starts many processes and times the walks
# in turn, there and back (ABBA), so that what else the machine does falls on all alike. Prints the
# median of each as a ratio to the plain walk, from the pairs of the same half round.
# Work of others on the second processor takes away what the second thread of the scan gains: the
# line above the table tells how busy the machine was without us.
set -eu

usage() {
	echo "usage: scan.sh DIR [ROUNDS] [PROCESSES] [DESCRIPTORS]" >&2
	exit 2
}

if [ $# -lt 1 ] || [ $# -gt 4 ]; then
	usage
fi
dir=$1 rounds=${2:-10} processes=${3:-2000} descriptors=${4:-50}
for program in manyprocs walk_plain walk_ours; do
	[ -x "$dir/$program" ] || {
		echo "scan.sh: $dir/$program is not built" >&2
		exit 2
	}
done

tmp=$(mktemp -d)
many=
finish() {
	exec 9>&- 2>/dev/null || :
	[ -z "$many" ] || wait "$many" || :
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

arms="plain ours"
command -v fuser >/dev/null && arms="$arms fuser"
command -v lsof >/dev/null && arms="$arms lsof"

run_arm() {
	case $1 in
	plain) "$dir/walk_plain" ;;
	ours) "$dir/walk_ours" ;;
	fuser) fuser -s /dev/kvm ;;
	lsof) lsof -w -t /dev/kvm ;;
	esac >/dev/null 2>&1 || : # fuser and lsof fail where they find nobody
}

# Microseconds that one run takes.
time_arm() {
	start=$(date +%s%N)
	run_arm "$1"
	end=$(date +%s%N)
	echo $(((end - start) / 1000))
}

busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8; exit }' /proc/stat; }

# manyprocs waits for the end of its input: descriptor 9.
mkfifo "$tmp/stop"
"$dir/manyprocs" "$processes" "$descriptors" <"$tmp/stop" >"$tmp/ready" 9>&- &
many=$!
exec 9>"$tmp/stop"
while ! grep -q ready "$tmp/ready"; do
	kill -0 "$many" 2>/dev/null || {
		echo "scan.sh: manyprocs could not start $processes processes" >&2
		exit 1
	}
	sleep 0.1
done

reversed=
for arm in $arms; do
	run_arm "$arm" # once for nothing: the first walk of all makes the kernel's entries
	reversed="$arm $reversed"
done
round=0
while [ "$round" -lt "$rounds" ]; do
	half=a
	for order in "$arms" "$reversed"; do
		for arm in $order; do
			echo "$round$half $arm $(time_arm "$arm")"
		done
		half=b
	done
	round=$((round + 1))
done >"$tmp/samples"
before=$(busy) && sleep 1 && after=$(busy)

awk -v arms="$arms" -v processes="$processes" -v descriptors="$descriptors" \
	-v rounds="$rounds" -v idle_check="$((after - before))" -v cpus="$(getconf _NPROCESSORS_ONLN)" '
function sorted_at(list, n, share,    i, j, v) {
	for (i = 2; i <= n; i++) {
		v = list[i]
		for (j = i - 1; j > 0 && list[j] > v; j--)
			list[j + 1] = list[j]
		list[j + 1] = v
	}
	i = share * (n - 1) + 1
	return (list[int(i)] + list[int(i + 0.5)]) / 2
}
{ time[$1, $2] = $3; halves[$1] = 1 }
END {
	printf "%d processes of %d descriptors, %d rounds ABBA, %d CPUs, %d %% busy otherwise\n",
		processes, descriptors, rounds, cpus, idle_check / cpus
	printf "%-7s %10s %12s %10s\n", "walk", "median ms", "to plain", "quartiles"
	count = split(arms, arm)
	for (a = 1; a <= count; a++) {
		n = 0
		for (h in halves) {
			ms[++n] = time[h, arm[a]] / 1000
			ratio[n] = time[h, arm[a]] / time[h, "plain"]
		}
		printf "%-7s %10.1f %12.2f %5.2f-%.2f\n", arm[a], sorted_at(ms, n, 0.5),
			sorted_at(ratio, n, 0.5), sorted_at(ratio, n, 0.25), sorted_at(ratio, n, 0.75)
	}
}' "$tmp/samples"
