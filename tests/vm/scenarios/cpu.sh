# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What kvmtune says of the processor, against what the kernel and its module make of it.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# judged STATUS NAME
judged()
{
	run kvmtune cpu --require "$2"
	is "--require $2" "$status" "$1"
}

scenario "cpu: says of $setting what the loaded module says"
usable=4
[ "$(parameter "$module" "$setting")" != Y ] || usable=0
judged 0 "$virt"
judged "$usable" "$setting-usable"
run kvmtune cpu --json
is "exit status" "$status" 0
like "$virt is a fact with its source" "$(echo "$stdout" | tr -d '\n ')" "\"$virt\":\{\"value\":true,\"source\":\[\"CPUID"

scenario "cpu: without the module, by the kernel's flags"
flag=4
! grep -qw "$setting" /proc/cpuinfo || flag=0
rmmod "$module"
judged "$flag" "$setting"
run kvmtune cpu --capture /tmp/captured
is "capture" "$status" 0
run kvmtune cpu --require "$setting" --cpuid /tmp/captured/cpuid.txt --cpuinfo /tmp/captured/cpuinfo.txt
is "the capture says the same" "$status" "$flag"
modprobe "$module"
