#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# layers.sh [BUILD] - checks what each layer of src/ includes
#
# base < model < engine < report, bench < cli < main. sys stands aside: it implements the ports and does
# not know its callers. CONTRIBUTING.md has the map. BUILD (default build) has the objects.

set -uo pipefail
shopt -s nullglob
cd "$(dirname "$0")/../.." || exit 1

build=${1:-build}
failed=0

# The layer of each header of include/kvmtune. "data" is plain data that sys fills and the model holds
# (cpu_id, host_id, kvm_user); "port" is the table of the ports. A header that is missing here is an error.
declare -A layer_of_header
in_layer() { local header; for header in "${@:2}"; do layer_of_header[$header]=$1; done; }
in_layer base base.h elf_note.h err.h proc_text.h version.h wrap.h
in_layer data facts.h user.h
in_layer port port.h process.h
in_layer sys reader.h scan.h testguest.h
in_layer model advice.h attribute.h boot.h sysfs_writer.h tuned.h cpu.h cpuid.h host.h host_file.h ksm.h loader.h memory.h modconf.h own_file.h plan.h setting.h shadow_paging.h
in_layer engine apply.h change.h host_file_read.h journal.h json_string.h observe.h
in_layer bench bench.h bench_run.h stats.h
in_layer report report.h style.h
in_layer cli command.h

# The layers that a layer may include, besides itself.
declare -A sees=(
	[base]=""
	[data]="base"
	[model]="base data"
	[port]="base data"
	[engine]="base data port model engine"
	[bench]="base data port model engine"
	[report]="base data model engine"
	[cli]="base data port model engine bench report"
	[main]="base data port model engine bench report cli"
	[sys]="base data port"
)

complain()
{
	printf 'layers: %s\n' "$*"
	failed=$((failed + 1))
}

has_word() { [[ " $1 " == *" $2 "* ]]; }

# In $layers: those that may include this header of a library.
set_layers_of_library()
{
	case $1 in
	libkmod.h | lzma.h | zlib.h | zstd.h | systemd/sd-bus.h | libcpuid.h | libcpuid/*) layers=sys ;;
	json-c/*) layers="engine report bench" ;;
	getopt.h) layers=cli ;;
	*) layers=any ;;
	esac
}

# In $layer: that of a file. No command substitution: there are thousands of calls.
set_layer()
{
	case $1 in
	src/*/*) layer=${1#src/} layer=${layer%%/*} ;;
	src/*) layer=main ;;
	include/kvmtune/*) layer=${layer_of_header[${1##*/}]:-none} ;;
	*) layer=outside ;;
	esac
}

# All our files that a file includes, through other headers too.
includes_of()
{
	"${CC:-gcc}" -MM -std=gnu11 -D_GNU_SOURCE -Iinclude -Isrc "$1" | sed 's/\\$//' | tr ' ' '\n' |
		grep -E '^(src|include)/' | grep -vxF "$1"
}

# Indirect includes count.
check_includes()
{
	local file=$1 as=${2:-$1} other layer own
	set_layer "$as"
	own=$layer
	while read -r other; do
		set_layer "$other"
		if [ "$layer" = none ]; then
			complain "$other has no layer: add it to the table in tests/lint/layers.sh"
		elif [ "$layer" != "$own" ] && ! has_word "${sees[$own]-}" "$layer"; then
			complain "$as ($own) includes $other ($layer)"
		fi
	done < <(includes_of "$file")
}

check_libraries()
{
	local file=$1 as=${2:-$1} layer header layers
	set_layer "$as"
	while read -r header; do
		set_layers_of_library "$header"
		[ "$layers" = any ] || has_word "$layers" "$layer" ||
			complain "$as ($layer) includes <$header>, which is for $layers"
	done < <(sed -n 's/^#[ \t]*include[ \t]*<\([^>]*\)>.*/\1/p' "$file")
}

# No shell and no other program anywhere, except the load that bench is given.
check_commands()
{
	local file=$1 as=${2:-$1} own=''
	[ "$as" != src/sys/load.c ] || own='^[0-9]+:[[:space:]]*execve\((argv\[0\]|file), argv, env\);$'
	grep -nE '\b(system|popen|posix_spawnp?|exec(l|le|lp|v|ve|vp|vpe|veat)|fexecve)[ \t]*\(' "$file" |
		grep -vE "${own:-^\$}" |
		sed "s,^,$as:," | grep . && complain "$as runs commands"
}

impure="open|open64|openat|openat64|fopen|fopen64|freopen|opendir|read|pread|write|pwrite|time|clock_gettime"
impure+="|gettimeofday|getenv|secure_getenv|printf|puts|stdout|stderr|syscall|ioctl"

# Model and bench are pure: they depend on their arguments alone.
check_pure()
{
	local object=$1 symbols
	symbols=$(nm -u "$object" | awk '{ print $2 }' | sed 's/@.*//; s/^__\(.*\)_chk$/\1/; s/^__\(.*\)_2$/\1/' |
		grep -xE "$impure" | paste -sd ' ')
	[ -z "$symbols" ] || complain "$object is not pure: $symbols"
}

check_tree()
{
	local file objects=("$build"/obj/model/*.o "$build"/obj/bench/*.o)
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

# ---- self-test: each check must catch a violation ----

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
		[ -n "$output" ] || complain "self-test: caught without a message: $text"
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
	must_catch 'execve(argv[0], argv, env);' src/sys/x.c check_commands
	must_catch 'execvp(argv[0], argv);' src/sys/load.c check_commands
	must_catch_impure
	must_pass '#include <kvmtune/plan.h>' src/engine/x.c check_includes
	must_pass '#include <kvmtune/port.h>' src/sys/x.c check_includes
	must_pass '#include <libkmod.h>' src/sys/x.c check_libraries
}

self_test
check_tree
[ $failed = 0 ] || { echo "layers: $failed wrong"; exit 1; }
echo "layers: ok"
