#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hardened.sh [BUILD] - is the program in BUILD (default build) made as the Makefile says it is?
#
# What is looked for is what the linker and the loader see: position independence, relocations that
# are read-only before main() runs, a stack that is not executable, the checks of the C library and
# of the compiler, no library linked but those that every command needs (libkmod and libsystemd are
# loaded by the commands that do: src/sys/library.c), marks for Intel's CET in each of our objects (the
# C library's own start files decide whether the whole program has them). Each check is tried on a program made without its flag
# first: one that does not notice is worth nothing.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
LC_ALL=C
export LC_ALL

build=${1:-build}
failed=0

# shows FILE OPTION ERE: readelf says so
shows()
{
	local text
	text=$(readelf -W "$2" "$1" 2>/dev/null)
	grep -qE "$3" <<<"$text"
}

# imports FILE ERE: a function of a library
imports()
{
	shows "$1" --dyn-syms " UND ($2)(@|$)"
}

# Each prints nothing where all is well, else what is wrong.

check_pie()
{
	shows "$1" -h 'Type: *DYN' && shows "$1" -d 'FLAGS_1.* PIE' ||
		echo 'is not position independent (-fPIE -pie)'
}

check_relro()
{
	shows "$1" -l GNU_RELRO || echo 'has no read-only relocations (-z relro)'
}

check_now()
{
	shows "$1" -d '\(FLAGS\).*BIND_NOW|FLAGS_1.* NOW' || echo 'binds functions late (-z now)'
}

check_stack()
{
	shows "$1" -l 'GNU_STACK.* RW ' || echo 'has an executable stack (-z noexecstack)'
}

check_segments()
{
	! shows "$1" -l '^ *LOAD.* RWE ' || echo 'has memory to write and execute'
}

check_text()
{
	! shows "$1" -d TEXTREL || echo 'has relocations in its code (-z text)'
}

check_rpath()
{
	! shows "$1" -d '\((RPATH|RUNPATH)\)' || echo 'looks for libraries in a path of its own (-rpath)'
}

check_fortify()
{
	imports "$1" '__[a-z]+_chk' || echo 'is without the checks of the C library (-D_FORTIFY_SOURCE)'
}

check_protector()
{
	imports "$1" __stack_chk_fail || echo 'is without stack protector (-fstack-protector-strong)'
}

# All but the first two are the C library, whole or as it was before glibc 2.34.
check_needed()
{
	local others
	others=$(readelf -W -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' |
		grep -vE '^(libcpuid|libjson-c|libc|libdl|libm|libpthread)\.so\.' | paste -sd ' ')
	[ -z "$others" ] || echo "is linked with $others: what only some commands need is loaded (src/sys/library.h)"
}

# Of an object: the linker drops the mark where one of the others has none.
check_cet()
{
	shows "$1" -n 'x86 feature:.*IBT.*SHSTK' || echo 'is not marked for CET (-fcf-protection=full)'
}

program_checks='pie relro now stack segments text rpath needed fortify protector'

# ---- each check, on a program that lacks what it looks for ----

complain()
{
	printf 'hardened: %s\n' "$*"
	failed=1
}

right_flags='-O2 -fPIE -fstack-protector-strong -fcf-protection=full -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -pie
	-Wl,-z,relro,-z,now,-z,noexecstack'

# try CHECK FLAG...: the flags come after the right ones
try()
{
	local check=$1 text
	shift
	# shellcheck disable=SC2086 # words
	"${CC:-gcc}" $right_flags "$@" -o "$scratch/wrong" "$scratch/wrong.c" 2>/dev/null ||
		{ complain "self-test: cannot link with $*"; return; }
	text=$("check_$check" "$scratch/wrong")
	[ "$text" ] || complain "self-test: $check does not notice $*"
}

try_object()
{
	local text
	# shellcheck disable=SC2086 # words
	"${CC:-gcc}" $right_flags -fcf-protection=none -c -o "$scratch/wrong.o" "$scratch/wrong.c" 2>/dev/null ||
		{ complain 'self-test: no compiler'; return; }
	text=$(check_cet "$scratch/wrong.o")
	[ "$text" ] || complain 'self-test: cet does not notice -fcf-protection=none'
}

# The sample is right with the right flags.
try_right()
{
	local check text
	# shellcheck disable=SC2086 # words
	"${CC:-gcc}" $right_flags -o "$scratch/right" "$scratch/wrong.c" || complain 'self-test: no compiler'
	for check in $program_checks; do
		text=$("check_$check" "$scratch/right")
		[ ! "$text" ] || complain "self-test: $check: a program with all flags $text"
	done
}

self_test()
{
	scratch=$(mktemp -d) || exit 1
	trap 'rm -rf "$scratch"' EXIT
	cat >"$scratch/wrong.c" <<-'END'
		#include <stdio.h>
		#include <string.h>
		#ifdef WRITABLE_CODE
		__asm__(".section .mixed,\"awx\"; .byte 0; .text");
		#endif
		#ifdef ABSOLUTE_IN_CODE
		__asm__(".text; .quad stdout");
		#endif
		int (*volatile call)(const char *) = puts;
		int main(int argc, char **argv)
		{
			char text[16];
			strcpy(text, argv[argc - 1]);
			return call(text);
		}
	END
	try_right
	try pie -no-pie -fno-pie
	try relro -Wl,-z,norelro
	try now -Wl,-z,lazy
	try stack -Wl,-z,execstack
	try segments -DWRITABLE_CODE
	try text -DABSOLUTE_IN_CODE -Wl,-z,notext
	try rpath -Wl,-rpath,/opt
	try needed -Wl,--no-as-needed -lz
	try fortify -U_FORTIFY_SOURCE
	try protector -fno-stack-protector
	try_object
}

# ---- the program ----

check_program()
{
	local check text
	[ -x "$build/kvmtune" ] || { complain "$build/kvmtune is not built"; return; }
	for check in $program_checks; do
		text=$("check_$check" "$build/kvmtune")
		[ ! "$text" ] || complain "$build/kvmtune $text"
	done
}

check_objects()
{
	local object text
	case $(uname -m) in
	x86_64 | i?86) ;;
	*) return ;;
	esac
	for object in "$build"/obj/main.o "$build"/obj/*/*.o; do
		text=$(check_cet "$object")
		[ ! "$text" ] || complain "$object $text"
	done
}

if ! command -v readelf >/dev/null; then
	echo 'skipped: readelf is not installed'
	[ "${KVMTUNE_TESTS_MUST_RUN:-0}" != 1 ]
	exit
fi
self_test
check_program
check_objects
[ $failed = 0 ] || exit 1
echo 'hardened: ok'
