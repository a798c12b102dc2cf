#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libraries.sh - builds and tests kvmtune with other versions of libkmod and libcpuid
#
#	tests/compat/libraries.sh SOURCES WORK [NAME...]
#
# SOURCES has the source tree of each version as kmod-VERSION or libcpuid-VERSION: what the archives of both
# projects unpack to. WORK gets a prefix of each, a log, and a build of kvmtune with it; the other library is
# the system's. NAME... are those to try (all of SOURCES). Each gives a row of the table in README.md: how the
# tests went, how many lines of `kvmtune cpu` and `kvmtune status` differ from those with the system's libraries,
# and what tests/diff says that this libkmod does in its own way.
#
# Needs what the quick tests need, and autoconf automake libtool gtk-doc-tools.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export KVMTUNE_TESTS_MUST_RUN=1 # no warning may stand

die() { printf 'libraries: %s\n' "$*" >&2; exit 2; }

# The directories of modprobe.d are those of a distribution, whatever the prefix.
install_library()
{
	local name=$1 options=(--disable-static)
	[ -e "$work/$name/lib/pkgconfig" ] && return
	[[ $name != kmod-* ]] || options+=(--disable-manpages --with-distconfdir=/usr/lib)
	rm -rf "$work/source-$name" "${work:?}/$name"
	cp -a "$sources/$name" "$work/source-$name" || return
	(
		cd "$work/source-$name" || exit
		[ ! -d libkmod/docs ] || gtkdocize --docdir libkmod/docs || exit
		autoreconf --force --install &&
			./configure --prefix="$work/$name" --libdir="$work/$name/lib" --sysconfdir=/etc "${options[@]}" &&
			make -s -j"$(nproc)" && make -s install
	)
}

# make with the library of that name; "system" is none of them
make_with()
{
	local lib=$work/$1/lib
	shift
	PKG_CONFIG_PATH=$lib/pkgconfig LDFLAGS=-Wl,-rpath,$lib \
		make -s --no-print-directory -j"$(nproc)" BUILD="$build" "$@"
}

# Those that a program is linked with, and those that it loads: the test of modules.c loads libkmod.
libraries_of() { LD_DEBUG=libs "$1" 2>&1 >/dev/null | sed -n 's/.*calling init: //p'; }

build_kvmtune()
{
	local test=$build/tests/unit/test_modules
	make_with "$1" all "$test" || return
	[ "$1" = system ] || { libraries_of "$test" && cat "$build"/obj/sys/*.d; } | awk -v prefix="$work/$1/" '
		index($0, prefix "lib/") { library = 1 }
		index($0, prefix "include/") { header = 1 }
		END { if (!library || !header) { print "it is not this library that was taken"; exit 1 } }'
}

# Those that run the program itself: in the others something made up stands for the libraries.
check_cli() { make_with "$1" CLI_TESTS="$(grep -lw KVMTUNE tests/cli/*.t | paste -sd ' ')" check-cli; }

# What does not depend on the moment.
told()
{
	"$1" cpu
	"$1" status | grep -v '^Memory'
}

# Appends how COMMAND went to the row, and what it said to the log.
try()
{
	printf '== %s\n' "$*" >>"$log"
	if "$@" >>"$log" 2>&1; then
		row+=" ok |"
	else
		row+=" FAILED |"
		failed=1
	fi
}

test_library()
{
	local name=$1 row="| $1 |" log=$work/$1.log build=$work/build-$1
	: >"$log"
	try install_library "$name"
	try build_kvmtune "$name"
	try make_with "$name" check-unit
	try make_with "$name" check-diff
	try check_cli "$name"
	row+=" $(diff <(told "$work/build-system/kvmtune") <(told "$build/kvmtune") | tee -a "$log" | grep -c '^[<>]') |"
	echo "$row $(sed -n 's/^# this libkmod //p' "$log" | paste -sd ';') |"
}

if [ $# -lt 2 ] || [ ! -d "$1" ]; then
	die "usage: tests/compat/libraries.sh SOURCES WORK [NAME...]"
fi
mkdir -p "$2" && sources=$(realpath "$1") && work=$(realpath "$2") || exit 2
shift 2
names=("$@")
[ $# != 0 ] || mapfile -t names < <(cd "$sources" && printf '%s\n' kmod-* libcpuid-*)
failed=0
build=$work/build-system
log=$work/system.log
build_kvmtune system >"$log" 2>&1 || die "kvmtune does not build with the system's libraries: see $log"
echo "| library | it builds | kvmtune builds | unit | modprobe.d | command line | lines that differ | libkmod... |"
echo "|---|---|---|---|---|---|---|---|"
for name in "${names[@]}"; do test_library "$name"; done
[ $failed = 0 ] || die "see $work/*.log"
