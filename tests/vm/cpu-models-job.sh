#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cpu-models-job.sh - the job of cpu-models.sh, inside the machine: what kvmtune says of the processor at each
# stage, and what kernel and modules make of it, one "KEY=VALUE" a line
#
#	bare.ept_usable=unknown		at a stage: kvmtune cpu --json
#	bare.status_ept=unknown		at a stage: kvmtune status --json
#	kernel.ept=yes			/proc/cpuinfo
#	module.kvm_intel=Y		the parameter after a load with defaults, or "refused"
#
# Stages: bare (no module), kvm_intel and kvm_amd (loaded), msr (no module, the registers are readable), off
# (the same, with a module that was told not to use EPT or NPT).

# document COMMAND: kvmtune's JSON on one line, without spaces
document() { kvmtune "$1" --json | tr -d ' \n'; }

# fact KEY DOCUMENT: yes, no, unknown; "-": there is no such fact
fact()
{
	case $(echo "$2" | sed -n "s/.*\"$1\":{\"value\":\([a-z]*\),.*/\1/p") in
	true) echo yes ;;
	false) echo no ;;
	null) echo unknown ;;
	*) echo - ;;
	esac
}

# look STAGE
look()
{
	cpu=$(document cpu) status=$(document status)
	for key in vmx vmx_enabled ept ept_usable svm svm_enabled npt npt_usable hypervisor; do
		echo "$1.$key=$(fact $key "$cpu")"
	done
	rest=${status#*\"ept\":\{\"now\"}
	echo "$1.status_ept=$(fact usable_by_kvm "${rest%%\"npt\":\{\"now\"*}")"
	rest=${status#*\"npt\":\{\"now\"}
	echo "$1.status_npt=$(fact usable_by_kvm "${rest%%\"ksm\":*}")"
}

# kernel NAME LINE: has the line of the first processor in /proc/cpuinfo this word? "-": there is no such line
kernel()
{
	line=$(grep -m 1 "^$2[[:space:]]*:" /proc/cpuinfo) || { echo "kernel.$1=-"; return; }
	case " ${line#*:} " in
	*" $1 "*) echo "kernel.$1=yes" ;;
	*) echo "kernel.$1=no" ;;
	esac
}

# module NAME PARAMETER: a load with defaults
module()
{
	if ! /sbin/modprobe "$1"; then
		echo "module.$1=refused"
		return
	fi
	echo "module.$1=$(cat "/sys/module/$1/parameters/$2")"
	look "$1"
	rmmod "$1"
}

[ -e /sys/module/kvm_intel ] || [ -e /sys/module/kvm_amd ] && exit 1
sed -n 's/^vendor_id[[:space:]]*: /kernel.vendor=/p; /^$/q' /proc/cpuinfo
kvmtune cpu --json | sed -n '/"vendor":/,/}/s/.*"value":"\(.*\)".*/kvmtune.vendor=\1/p'
kernel vmx flags
kernel svm flags
kernel npt flags
kernel hypervisor flags
kernel ept "vmx flags"
look bare
module kvm_intel ept
module kvm_amd npt
/sbin/modprobe msr || exit 1
look msr
if /sbin/modprobe kvm_intel ept=0 || /sbin/modprobe kvm_amd npt=0; then
	look off
fi
exit 0
