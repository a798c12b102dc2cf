#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cpu-models.sh - `kvmtune cpu` and `status` on every processor that the emulators offer, held to what the
# kernel prints and to what loading kvm_intel and kvm_amd really does
#
#   tests/vm/cpu-models.sh               all of them: prints cpu-models.md; exit status 1 where any disagrees
#   tests/vm/cpu-models.sh list          the machines, one a line: KIND MODEL[,FEATURE...] [KERNEL WORD...]
#   tests/vm/cpu-models.sh row MACHINE   boots one and prints its row
#   tests/vm/cpu-models.sh table         makes the page of rows on standard input
#
# Two machines run side by side; all takes some half an hour. KVMTUNE: the program (default build/kvmtune).
# Results of a machine that disagrees, or whose job failed, are kept in build/vm/results.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=$here/../../build/vm/results
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$here/machine.sh"

# Seconds: a machine that has not booted by then does not boot. Others take 4 and 18 on an idle host.
declare -A boot_of=([bochs]=90 [tcg]=30)

# ---- the machines ----

# Of QEMU's models each version, not their other names; "host" is for KVM.
list()
{
	qemu-system-x86_64 -cpu help | awk '$1 == "x86" && !/\(alias/ && $2 != "host" { print "tcg", $2 }'
	bochs-bin --help cpu 2>&1 </dev/null |
		awk '/Supported CPU models/ { on = 1 } on && NF == 1 && /^[a-z]/ { print "bochs", $1 }'
	cat <<-END
		tcg EPYC,-npt
		tcg EPYC,-svm
		tcg EPYC,-hypervisor
		tcg EPYC clearcpuid=svm
		tcg EPYC clearcpuid=npt
		tcg Skylake-Server,+vmx
		bochs corei7_sandy_bridge_2600k clearcpuid=vmx
	END
}

# ---- one machine ----

declare -A is=() # what the job found: is[bare.ept]=yes
wrong=""

disagree() { wrong+="${wrong:+; }$*"; }

read_facts()
{
	local key value
	while IFS='=' read -r key value; do
		[ -z "$key" ] || is[$key]=$value
	done <"$1"
}

# may STAGE FACT VALUE...: it has one of these values, where there is such a stage
may()
{
	local got=${is[$1.$2]-} value
	[ -n "$got" ] || return 0
	for value in "${@:3}"; do
		[ "$got" != "$value" ] || return 0
	done
	disagree "$1: $2 is $got, not $3"
}

# check_kind VIRT PAGING MODULE: what the module did is the truth
check_kind()
{
	local virt=$1 paging=$2 module=$3 stage usable=no
	[ "${is[module.$module]}" != Y ] || usable=yes
	for stage in bare kvm_intel kvm_amd msr off; do
		if [ "${is[module.$module]}" != refused ]; then
			may $stage "$virt" yes
			may $stage "${virt}_enabled" yes unknown
		elif [ "${is[$stage.$virt]-}" = yes ]; then
			may $stage "${virt}_enabled" no
		fi
		may $stage "${paging}_usable" $usable unknown
		may $stage "status_$paging" $usable unknown
	done
	# With the registers, or the module, nothing is left to be unknown.
	may msr "${paging}_usable" $usable
	may msr "status_$paging" $usable
	may "$module" "${paging}_usable" $usable unknown
	[ $usable = no ] || may "$module" "${paging}_usable" yes
	[ $usable = no ] || may "$module" "status_$paging" yes
	# The flag of a kernel that offers it.
	[ "${is[kernel.$virt]}" != yes ] || may bare "$virt" yes
	[ "${is[kernel.$paging]}" != yes ] || may bare "$paging" yes
	# Words for the kernel do not alter what the processor has.
	[ -n "$words" ] || [ "${is[kernel.$virt]}:${is[kernel.$paging]}" != yes:no ] || may msr "$paging" no
}

check()
{
	[ "${is[kvmtune.vendor]-}" = "${is[kernel.vendor]-}" ] ||
		disagree "vendor is ${is[kvmtune.vendor]-}, not ${is[kernel.vendor]-}"
	may bare hypervisor "${is[kernel.hypervisor]}"
	check_kind vmx ept kvm_intel
	check_kind svm npt kvm_amd
}

# told FACT: without the registers and with them
told()
{
	local bare=${is[bare.$1]} msr=${is[msr.$1]}
	if [ "$bare" = "$msr" ]; then echo "$msr"; else echo "$bare, $msr with msr"; fi
}

# row_of MACHINE CELL...
row_of()
{
	printf '| %s ' "$@"
	printf '|\n'
}

booted_row()
{
	row_of "$1" yes "${is[kernel.vendor]}" "$(told vmx)" "${is[kernel.vmx]}" "$(told svm)" "${is[kernel.svm]}" \
		"$(told ept_usable)" "${is[kernel.ept]}" "$(told npt_usable)" "${is[kernel.npt]}" \
		"${is[module.kvm_intel]}" "${is[module.kvm_amd]}" "${wrong:-yes}"
}

row()
{
	local kind model words work status
	read -r kind model words <<<"$1"
	mkdir -p "$results"
	work=$(mktemp -d "$results/cpu-models.XXXXXX") || exit
	mkdir "$work/job"
	machine_programs "$work/job" && cp "$here/cpu-models-job.sh" "$work/job/run.sh" || exit
	machine_run kind="$kind" cpu="$model" words="$words" boot="${boot_of[$kind]}" \
		"$work/job" "$work/out" 2>"$work/messages"
	status=$?
	if [ ! -s "$work/out/status" ]; then
		row_of "$1" no "" "" "" "" "" "" "" "" "" "" "" -
		rm -rf "$work"
	elif [ $status != 0 ]; then
		row_of "$1" yes "" "" "" "" "" "" "" "" "" "" "" "the job failed: $status"
	else
		read_facts "$work/out/stdout"
		check
		booted_row "$1"
		[ -n "$wrong" ] || rm -rf "$work"
	fi
}

# ---- the page ----

table()
{
	local rows
	rows=$(LC_ALL=C sort)
	cat <<-END
		<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
		# Every processor of the emulators

		Made by \`make cpu-models\` on $(LC_ALL=C date -u '+%-d %B %Y'): kvmtune $(sed -n 's/^#define KVMTUNE_VERSION "\(.*\)"/\1/p' \
			"$here/../../include/kvmtune/version.h"), $(qemu-system-x86_64 --version | head -n 1 | sed 's/ *(.*//'), Bochs $(bochs-bin --help 2>&1 </dev/null |
			sed -n 's/.*Bochs x86 Emulator \([0-9.]*\).*/\1/p'), Linux $(kernel_release). Each is a machine that was booted, in which
		\`kvmtune cpu\` and \`kvmtune status\` were asked without any module, with each module loaded, with the msr
		driver, and with a module that was told not to use EPT or NPT; then kvm_intel and kvm_amd were loaded with their
		defaults. $(grep -c '| yes |$' <<<"$rows") of $(grep -c '^| [^|]* | yes |' <<<"$rows") machines that boot agree: what kvmtune calls usable is what the module then uses.

		vmx, svm, ept, npt: what kvmtune says (of EPT and NPT: usable by KVM), then the kernel's flag ("-": this
		kernel prints no such line). kvm_intel, kvm_amd: the parameter ept or npt after a load, or refused.
		Words behind a model: features of QEMU, or words of the kernel.
		Models of 32 bits, and such as need what an emulator's other parts lack, do not boot this kernel.

		| machine | boots | vendor | vmx | kernel | svm | kernel | ept | kernel | npt | kernel | kvm_intel | kvm_amd | agrees |
		|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
	END
	printf '%s\n' "$rows"
	! grep '^| [^|]* | yes |' <<<"$rows" | grep -qv '| yes |$'
}

kernel_release()
{
	debugfs -R 'ls -p /lib/modules' "$("$here/images.sh")/root.img" 2>/dev/null |
		sed -n 's,.*/\([0-9][^/]*\)//$,\1,p'
}

case ${1-} in
list) list ;;
row) row "$2" ;;
table) table ;;
"") list | xargs -d '\n' -n 1 -P 2 "$here/cpu-models.sh" row | table ;;
*) sed -n 's/^#   //p' "$0" >&2 && exit 2 ;;
esac
