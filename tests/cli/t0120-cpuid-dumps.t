#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What cpu --cpuid makes of dumps of real processors.
#
# They are not part of the project. KVMTUNE_CPUID_DUMPS (default ../shared/cpuid-dumps) is a folder of
# them, with expected.tsv: file, form, vendor, VMX, SVM, hypervisor. Where there is none, nothing is tested.

# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

dumps=${KVMTUNE_CPUID_DUMPS:-../shared/cpuid-dumps}
if [ ! -r "$dumps/expected.tsv" ]; then
	echo "1..0 # SKIP no dumps of processors here (KVMTUNE_CPUID_DUMPS)"
	exit 0
fi

# The value of a fact at the top of $out, as expected.tsv writes it.
fact()
{
	printf '%s\n' "$out" | sed -n "/^  \"$1\":{/{n;s/^ *\"value\"://;s/,\$//;s/^\"\(.*\)\"\$/\1/;s/^true\$/yes/;s/^false\$/no/;p}"
}

while IFS=$'\t' read -r file _ vendor vmx svm hypervisor; do
	[ "$file" != file ] || continue
	run "$KVMTUNE" cpu --json --cpuid "$dumps/$file"
	is "$status $err $(fact vendor) $(fact vmx) $(fact svm) $(fact hypervisor)" \
		"0  $vendor $vmx $svm $hypervisor" "$file"
done <"$dumps/expected.tsv"
done_testing
