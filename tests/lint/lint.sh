#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lint.sh [CHECK...] - form and static analysis; without CHECK all of them
#
# shellcheck disable=SC2317 # the checks are called by their names
#
# A tool that is missing skips its check with a word, and fails it where KVMTUNE_TESTS_MUST_RUN=1.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

checks="format functions json shell cppcheck spelling words man spaces spdx executable version"
failed=0 count=0

# Sources as they are, tracked or not yet; what is built or fetched is not ours. Scripts of zsh and fish are
# judged by those shells (t0060-shells.t).
ours() { find src include tests -name build -prune -o -type f "$@" -print | sort; }
mapfile -t c_files < <(ours \( -name '*.c' -o -name '*.h' \))
mapfile -t scripts < <({
	find . -maxdepth 1 -type f -name bootstrap
	find .ci completions -type f ! -name '*.fish' ! -name '_*'
	ours \( -name '*.sh' -o -name '*.t' \)
	grep -rlE --include='[a-z]*' --exclude='*.[a-z]*' '^#!/bin/(ba)?sh' tests
} | sed 's,^\./,,' | sort -u)

need()
{
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		[ "${KVMTUNE_TESTS_MUST_RUN:-0}" != 1 ] || { echo "$tool is not installed"; return 1; }
		echo "skipped: $tool is not installed"
		return 2
	done
}

# 14 is the reference: others put line breaks elsewhere.
check_format()
{
	local tool=clang-format-14
	command -v "$tool" >/dev/null || tool=clang-format
	need "$tool" || return
	if ! "$tool" --version | grep -q 'version 14\.'; then
		echo "skipped: $("$tool" --version), 14 is wanted"
		return 2
	fi
	"$tool" --dry-run -Werror "${c_files[@]}" 2>&1 | head -n 40
}

# Kernel style: a function begins and ends with a brace in the first column.
check_functions()
{
	awk 'FNR == 1 { start = 0 }
		/^\{/ { start = FNR }
		/^}/ && start {
			if (FNR - start - 1 > 60)
				printf "%s:%d: a function of %d lines, 60 is the most\n", FILENAME, start, FNR - start - 1
			start = 0
		}' "${c_files[@]}" | grep . && return 1
	return 0
}

# One file makes JSON of text: it alone calls what json-c has for that.
check_json()
{
	local calls='json_object_(new_string|set_string|object_add|to_fd|to_file)|json_object_from_|json_tokener_'
	grep -nE "\b($calls)" "${c_files[@]}" | grep '^src/' |
		grep -vE '^src/engine/json_string\.c:|^src/(engine/journal|bench/export_json)\.c:[0-9]+:.*\bjson_tokener_parse\(' && return 1
	return 0
}

check_shell()
{
	need shellcheck || return
	# It takes its time: what was clean and has not changed since is not looked at again.
	local stamps=build/shellcheck script again=()
	mkdir -p "$stamps"
	for script in "${scripts[@]}"; do
		[ "$stamps/${script//\//,}" -nt "$script" ] || again+=("$script")
	done
	[ "${#again[@]}" = 0 ] && return
	printf '%s\0' "${again[@]}" | xargs -0 -n 8 -P 2 shellcheck --external-sources --exclude=SC2317 || return
	for script in "${again[@]}"; do
		: >"$stamps/${script//\//,}"
	done
}

check_cppcheck()
{
	local suppress=(
		# system headers are not looked into: what they declare is not known
		missingInclude missingIncludeSystem
		# the ends of blocks free these: cleanup attributes are not understood
		memleak resourceLeak
		# a caller of the ports may not write through ret; the tables share one signature
		constParameter constParameterCallback
		# in Linux's C libraries NULL is a pointer; readdir() and getpwuid() are called by one thread
		varFuncNullUB readdirCalled getpwuidCalled
		# the invocation and its ports both live in main()
		autoVariables
		# of cppcheck 2.17: memory that cannot be had ends the program (xcalloc), and mmap() says so
		# by another value; that the many branches of a function are not all followed is no defect
		nullPointerOutOfMemory nullPointerArithmeticOutOfMemory ctunullpointerOutOfMemory normalCheckLevelMaxBranches
		# cppcheck 2.10 stumbles over a compound literal between ? and :
		internalAstError
		# one file at a time is what this is asked for
		unusedFunction
	)
	need cppcheck || return
	mkdir -p build/cppcheck
	# shellcheck disable=SC2046 # words
	cppcheck --quiet --std=c11 --language=c -j2 --cppcheck-build-dir=build/cppcheck -Iinclude -Isrc \
		--enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
		--library=posix,gnu -D_GNU_SOURCE -D__linux__ -D__x86_64__ \
		$(printf -- '--suppress=%s ' "${suppress[@]}") src 2>&1
}

# Words that are right here: names of fields, registers and options. The seeds of the fuzz targets are
# not texts: a wrong letter in one of them is what it is kept for.
check_spelling()
{
	need codespell || return
	codespell --ignore-words-list=ept,vmx,msr,fo,te,ot,unmerged,optio,advices,wronly \
		--skip='build,.git,LICENSE,*.gz,./tests/fuzz/corpus' . 2>&1
}

# CONTRIBUTING.md, "Rules for texts".
check_words()
{
	command -v perl >/dev/null || { need perl; return; }
	tests/lint/words.sh
}

check_man()
{
	need scdoc mandoc || return
	local work wrong
	work=$(mktemp -d) || return
	# scdoc itself writes empty .PP and long lines.
	wrong=$(cd "$work" && scdoc <"$OLDPWD/man/kvmtune.8.scd" >kvmtune.8 &&
		mandoc -T lint -W warning kvmtune.8 | grep -v 'skipping paragraph macro: PP')
	[ -s "$work/kvmtune.8" ] || wrong="scdoc does not read the man page"
	rm -r "$work"
	[ -z "$wrong" ] || { echo "$wrong"; return 1; }
}

text_files()
{
	{
		printf '%s\n' "${c_files[@]}" "${scripts[@]}" Makefile tests/tests.mk .clang-format .editorconfig
		find . -maxdepth 1 -name '*.md'
		find completions man schema -type f
	} | sed 's,^\./,,' | sort -u
}

check_spaces()
{
	local list
	mapfile -t list < <(text_files)
	grep -nE '[ 	]+$' "${list[@]}" | head -n 20 | grep . && return 1
	for file in "${list[@]}"; do
		[ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || { echo "$file: no newline at its end"; return 1; }
	done
}

# In the first line, or the second of a script.
check_spdx()
{
	local file status=0
	for file in "${c_files[@]}" "${scripts[@]}" completions/* Makefile tests/tests.mk .clang-format; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
			{ echo "$file: no SPDX line"; status=1; }
	done
	return "$status"
}

# run_tests.py and prove start them as programs.
check_executable()
{
	find tests -name build -prune -o -name '*.t' ! -perm -100 -print | grep . && return 1
	return 0
}

# The version is in one place; the news begin with it. Before a release it ends with "~dev".
check_version()
{
	local version heading
	version=$(sed -n 's/^#define KVMTUNE_VERSION "\(.*\)"/\1/p' include/kvmtune/version.h)
	heading=$(grep -m 1 '^## ' NEWS.md)
	case $version in
	*~dev) [ "$heading" = "## ${version%~dev} (not released yet)" ] ;;
	*) [[ $heading =~ ^##\ "$version"\ \([0-9]+\ [A-Z][a-z]+\ 20[0-9]{2}\)$ ]] ;;
	esac || { echo "version.h says \"$version\", NEWS.md begins with \"$heading\""; return 1; }
}

# One test of TAP
run()
{
	local output status
	output=$("check_$1" 2>&1)
	status=$?
	count=$((count + 1))
	case $status in
	0) echo "ok $count - $1" ;;
	2) echo "ok $count - $1 # SKIP $1: ${output#skipped: }" ;;
	*)
		echo "not ok $count - $1"
		[ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/# /'
		failed=1
		;;
	esac
}

# shellcheck disable=SC2086 # words
[ $# != 0 ] || set -- $checks
for check; do
	declare -F "check_$check" >/dev/null || { echo "lint: no check $check; there are: $checks"; exit 2; }
	run "$check"
done
echo "1..$count"
exit $failed
