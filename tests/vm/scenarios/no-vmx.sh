# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The machine itself, without kvmtune: on a processor with SVM kvm_intel does not load, kvm_amd does.
# needs: svm

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

scenario "kvm_intel does not load without VMX"
not "no vmx flag" cpu_has vmx
run modprobe kvm_intel # with kvm_amd there Linux 6.1 calls this success, 6.12 does not
not "it is not there" test -e /sys/module/kvm_intel
run rmmod kvm_amd
run modprobe kvm_intel
is "modprobe fails" "$status" 1
like "the kernel says EOPNOTSUPP" "$stderr" "Operation not supported"
not "it is not there" test -e /sys/module/kvm_intel

scenario "kvm_amd loads, with nested paging, and runs a guest"
ok "the svm flag" cpu_has svm
is "it is there" "$(cat /sys/module/kvm_amd/initstate)" live
like "npt is on" "$(parameter kvm_amd npt)" '^[1Y]$'
ok "a guest runs" kvmhold guest 0
run rmmod kvm_amd
run modprobe kvm_amd npt=0
is "it loads without" "$status" 0
like "npt is off" "$(parameter kvm_amd npt)" '^[0N]$'
ok "a guest runs" kvmhold guest 0
