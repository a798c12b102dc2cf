# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# common.sh - what a .t file is made of: one machine, the scenario files to run in its one boot
#
#	machine KEY=VALUE...     as machine.sh has them (kind, cpu, cpus, words, mode, limit...)
#	scenarios NAME...        runs scenarios/NAME.sh in it and gives its TAP
#	pack_modules             both vendors' modules go into the job, compressed with xz, as packed/NAME.ko.xz
#	boots COUNT NAME...      the same so many times on the same disk; /io/boot says which boot it is
#
# A scenario file says in a line "# needs: WORD..." what it cannot do without: vmx, svm (for the reader), or
# kvmtune, the built program. In the machine: /io/lib.sh, /io/bin (kvmtune, and a program for each guest/*.c).
#
# KVMTUNE                   the program (default <project>/build/kvmtune)
# KVMTUNE_TESTS_MUST_RUN=1  fail where a tool is missing, instead of skipping
# KVMTUNE_VM_KEEP=1         keep the results of a good run too

set -uo pipefail

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=$(basename "$0" .t)
machine=(kind=bochs)
# shellcheck source-path=SCRIPTDIR source=../machine.sh
. "$vm/machine.sh"

machine() { machine=("$@"); }

pack=no
pack_modules() { pack=yes; }

# $1: job directory. From the image itself: they must be those that are loaded.
make_packed()
{
	local images release path name
	images=$("$vm/images.sh") || return
	release=$(debugfs -R "ls -p /usr/lib/modules" "$images/root.img" 2>/dev/null | cut -d/ -f6 | grep '^[0-9]')
	mkdir -p "$1/packed"
	for name in kvm-intel kvm-amd; do
		path=/usr/lib/modules/$release/kernel/arch/x86/kvm/$name.ko
		debugfs -R "dump $path $1/packed/$name.ko" "$images/root.img" >/dev/null 2>&1
		xz --check=crc32 --lzma2=dict=1MiB "$1/packed/$name.ko" || return
	done
}

skip_all()
{
	[ "${KVMTUNE_TESTS_MUST_RUN:-0}" != 1 ] || { echo "Bail out! $1"; exit 1; }
	echo "1..0 # SKIP $1"
	exit 0
}

machine_kind()
{
	local option kind=bochs
	for option in "${machine[@]}"; do
		case $option in kind=*) kind=${option#*=} ;; esac
	done
	echo "$kind"
}

check_tools()
{
	local lacks
	lacks=$(machine_lacks "$(machine_kind)" | paste -sd ';')
	[ -z "$lacks" ] || skip_all "$lacks"
	command -v "${CC:-cc}" >/dev/null || skip_all "no C compiler for the helper programs"
	"$vm/images.sh" >/dev/null || skip_all "no images"
}

# $1: job directory, the rest: scenarios
make_job()
{
	local job=$1 file
	shift
	mkdir -p "$job/scenarios"
	machine_programs "$job" || { echo "Bail out! the machine's programs do not build"; return 1; }
	[ $pack = no ] || make_packed "$job" || { echo "Bail out! the image's modules cannot be packed"; return 1; }
	cp "$vm/guest/run-scenarios.sh" "$job/run.sh"
	printf '%s\n' "$@" >"$job/list"
	for file in "${@/%/.sh}"; do
		cp "$vm/scenarios/$file" "$job/scenarios/" || { echo "Bail out! no scenario $file"; return 1; }
		! grep -q '^# needs:.*\bkvmtune\b' "$vm/scenarios/$file" || [ -x "$job/bin/kvmtune" ] ||
			{ echo "Bail out! $file needs kvmtune, which is not built"; return 1; }
	done
}

# Makes the job of those scenarios below $work.
make_work()
{
	check_tools
	mkdir -p "$vm/../../build/vm/results"
	work=$(mktemp -d "$vm/../../build/vm/results/$name.XXXXXX") && work=$(realpath "$work")
	# shellcheck disable=SC2064 # this very directory
	trap "rm -rf '$work/job' '$work/root.img'" EXIT
	make_job "$work/job" "$@" || exit 1
	: >"$work/tap"
}

# One boot; sets status.
boot()
{
	# Should this test be killed, its machine ends too
	setpriv --pdeathsig TERM "$vm/machine.sh" "${machine[@]}" "$work/job" "$work/result" 2>"$work/messages"
	status=$?
	sed 's/^/# /' "$work/messages"
	cat "$work/result/stdout" 2>/dev/null
	cat "$work/result/stdout" >>"$work/tap" 2>/dev/null
	return $status
}

# The inside's TAP has neither numbers nor a plan: it ends with one, so that nothing lost goes unseen.
report()
{
	local count
	count=$(grep -cE '^(not )?ok' "$work/tap")
	if [ "$status" != 0 ] || [ "$count" = 0 ]; then
		echo "not ok - the machine's job ends well (status $status)"
		count=$((count + 1))
		tail -n 20 "$work/result/stderr" "$work/result/serial.log" "$work/result/emulator.log" 2>/dev/null | sed 's/^/# /'
	fi
	echo "1..$count"
	finish "$work"
}

scenarios()
{
	make_work "$@"
	boot
	report
}

boots()
{
	local n count=$1
	shift
	make_work "$@"
	machine+=("persistent=$work/root.img")
	for ((n = 1; n <= count; n++)); do
		echo "$n" >"$work/job/boot"
		boot || break
	done
	report
}

finish()
{
	if grep -q '^not ok' "$1/tap" || [ "$status" != 0 ]; then
		{
			# prove shows only this of a test that fails
			[ -n "${HARNESS_IS_VERBOSE:-}" ] || grep -E '^(not ok|    #)' "$1/tap" | sed 's/^ *#* */# /'
			sed 's/^/# stderr: /' "$1/result/stderr"
			echo "# all of it is in $1/result"
		} >&2
		exit 1
	fi
	[ "${KVMTUNE_VM_KEEP:-0}" = 1 ] || rm -rf "$1"
}
