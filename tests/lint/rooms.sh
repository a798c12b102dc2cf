#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rooms.sh [BUILD] - holds the rooms of src/ to what they may see of each other
#
# base < model < engine < report, bench < cli < main; sys stands aside: it serves through the ports and knows
# nothing of its users. CONTRIBUTING.md has the map. BUILD (default build) has the objects.

set -uo pipefail
shopt -s nullglob
cd "$(dirname "$0")/../.." || exit 1

build=${1:-build}
failed=0

# Which room each header of include/kvmtune belongs to. "data" is plain data that sys fills and
# the model holds (cpu_id, host_id, kvm_user); "port" is the table of the doors. A header that is not in here is an error.
room_of_header()
{
	case $1 in
	base.h | err.h | proc_text.h | version.h) echo base ;;
	facts.h | user.h) echo data ;;
	port.h | process.h) echo port ;;
	scan.h | testguest.h) echo sys ;;
	advice.h | cpu.h | cpuid.h | host.h | ksm.h | memory.h | modconf.h | plan.h | scrub.h | setting.h) echo model ;;
	apply.h | capture.h | change.h | journal.h | observe.h | record.h) echo engine ;;
	bench.h | stats.h) echo bench ;;
	report.h) echo report ;;
	command.h) echo cli ;;
	*) echo none ;;
	esac
}

# What the files of a room may include, beside their own.
sees()
{
	case $1 in
	base) ;;
	data) echo base ;;
	model) echo base data ;;
	port) echo base data ;;
	engine | bench) echo base data port model engine ;;
	report) echo base data model engine ;;
	cli) echo base data port model engine bench report ;;
	main) echo base data port model engine bench report cli ;;
	sys) echo base data port ;;
	esac
}

# Which rooms may include which libraries' headers.
rooms_of_library()
{
	case $1 in
	libkmod.h | systemd/sd-bus.h | libcpuid.h | libcpuid/*) echo sys ;;
	json-c/*) echo engine report ;;
	gsl/*) echo bench ;;
	getopt.h) echo cli ;;
	*) echo any ;;
	esac
}

complain()
{
	printf 'rooms: %s\n' "$*"
	failed=$((failed + 1))
}

has_word() { [[ " $1 " == *" $2 "* ]]; }

room_of_file()
{
	case $1 in
	src/*/*) echo "${1#src/}" | cut -d/ -f1 ;;
	src/*) echo main ;;
	include/kvmtune/*) room_of_header "${1##*/}" ;;
	*) echo outside ;;
	esac
}

# Everything of ours that a file includes, through other headers too.
includes_of()
{
	"${CC:-gcc}" -MM -std=gnu11 -D_GNU_SOURCE -Iinclude -Isrc "$1" | sed 's/\\$//' | tr ' ' '\n' |
		grep -E '^(src|include)/' | grep -vxF "$1"
}

# What a room sees, it sees with all that comes along.
check_includes()
{
	local file=$1 as=${2:-$1} room other other_room
	room=$(room_of_file "$as")
	while read -r other; do
		other_room=$(room_of_file "$other")
		if [ "$other_room" = none ]; then
			complain "$other is in no room: add it to the table in tests/lint/rooms.sh"
		elif [ "$other_room" != "$room" ] && ! has_word "$(sees "$room" | tr '\n' ' ')" "$other_room"; then
			complain "$as ($room) includes $other ($other_room)"
		fi
	done < <(includes_of "$file")
}

check_libraries()
{
	local file=$1 as=${2:-$1} room header rooms
	room=$(room_of_file "$as")
	while read -r header; do
		rooms=$(rooms_of_library "$header")
		[ "$rooms" = any ] || has_word "$rooms" "$room" ||
			complain "$as ($room) includes <$header>, which is for $rooms"
	done < <(sed -n 's/^#[ \t]*include[ \t]*<\([^>]*\)>.*/\1/p' "$file")
}

# No shell and no other program, from anywhere.
check_commands()
{
	local file=$1 as=${2:-$1}
	grep -nE '\b(system|popen|posix_spawnp?|exec(l|le|lp|v|ve|vp|vpe|veat)|fexecve)[ \t]*\(' "$file" |
		while read -r line; do printf '%s:%s\n' "$as" "$line"; done | grep . && complain "$as runs commands"
}

impure="open|open64|openat|openat64|fopen|fopen64|freopen|opendir|read|pread|write|pwrite|time|clock_gettime"
impure+="|gettimeofday|getenv|secure_getenv|printf|puts|stdout|stderr|syscall|ioctl"

# The model answers by its arguments alone.
check_pure()
{
	local object=$1 symbols
	symbols=$(nm -u "$object" | awk '{ print $2 }' | sed 's/@.*//; s/^__\(.*\)_chk$/\1/; s/^__\(.*\)_2$/\1/' |
		grep -xE "$impure" | paste -sd ' ')
	[ -z "$symbols" ] || complain "$object is not pure: $symbols"
}

check_tree()
{
	local file objects=("$build"/obj/model/*.o)
	for file in src/*.c src/*/*.[ch]; do
		check_includes "$file"
		check_libraries "$file"
		check_commands "$file"
	done
	for file in include/kvmtune/*.h; do
		check_includes "$file"
		check_libraries "$file"
	done
	[ ${#objects[@]} != 0 ] || complain "no objects in $build/obj/model: build first"
	for file in "${objects[@]}"; do check_pure "$file"; done
}

# ---- a check that catches nothing is worth nothing ----

# The text of a file, where it would stand, the check that must complain.
must_catch()
{
	local text=$1 as=$2 check=$3 before=$failed file=$scratch/wrong.c output
	printf '%s\n' "$text" >"$file"
	"$check" "$file" "$as" >"$scratch/output"
	output=$(cat "$scratch/output")
	if [ "$failed" = "$before" ]; then
		complain "self-test: this was not caught in $as: $text"
	else
		failed=$before
		[ -n "$output" ] || complain "self-test: caught without a word: $text"
	fi
}

must_pass()
{
	local before=$failed
	printf '%s\n' "$1" >"$scratch/right.c"
	"$3" "$scratch/right.c" "$2"
	[ "$failed" = "$before" ] || complain "self-test: this is right in $2: $1"
}

must_catch_impure()
{
	local before=$failed
	printf '#include <stdlib.h>\nchar *f(void);\nchar *f(void) { return getenv("x"); }\n' >"$scratch/impure.c"
	"${CC:-gcc}" -c -o "$scratch/impure.o" "$scratch/impure.c" || complain "self-test: no compiler"
	check_pure "$scratch/impure.o" >/dev/null
	[ "$failed" != "$before" ] || { complain "self-test: getenv in the model was not caught"; return; }
	failed=$before
}

self_test()
{
	scratch=$(mktemp -d) || exit 1
	trap 'rm -rf "$scratch"' EXIT
	must_catch '#include <kvmtune/journal.h>' src/model/x.c check_includes
	must_catch '#include <kvmtune/scan.h>' src/model/x.c check_includes
	must_catch '#include <sys/sys.h>' src/engine/x.c check_includes
	must_catch '#include <kvmtune/command.h>' src/report/x.c check_includes
	must_catch '#include <kvmtune/report.h>' src/engine/x.c check_includes
	must_catch '#include <kvmtune/host.h>' src/sys/x.c check_includes
	must_catch '#include <kvmtune/err.h>
#include <kvmtune/plan.h>' src/base/x.c check_includes
	must_catch '#include <libkmod.h>' src/engine/x.c check_libraries
	must_catch '# include <libcpuid.h>' src/cli/x.c check_libraries
	must_catch '#include <json-c/json.h>' src/cli/x.c check_libraries
	must_catch 'int f(void) { return system ("x"); }' src/cli/x.c check_commands
	must_catch 'execvp(a, b);' src/sys/x.c check_commands
	must_catch_impure
	must_pass '#include <kvmtune/plan.h>' src/engine/x.c check_includes
	must_pass '#include <kvmtune/port.h>' src/sys/x.c check_includes
	must_pass '#include <libkmod.h>' src/sys/x.c check_libraries
}

self_test
check_tree
[ $failed = 0 ] || { echo "rooms: $failed wrong"; exit 1; }
echo "rooms: ok"
