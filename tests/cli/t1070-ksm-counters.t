#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksm: counters that nothing stands behind any more, and values of run above 2.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

host ksm-stale
run kvmtune ksm
like "$out" 'off, nothing merged; the counters are stale' 'stale counters are told'
like "$out" 'unmerging +needs nothing' 'and that clearing them needs nothing'
run kvmtune ksm unmerged
status_is 0 'unmerged: not refused for memory'
text_of value "$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/pages_sharing"
is "$value" 0 'the counters are cleared'
run kvmtune ksm unmerged
like "$status $out" '^0 .*already' 'already'

# A child of a guest has mergeable memory, though none is counted.
host ksm-stale
sed -i 's/ksm_mergeable: no/ksm_mergeable: yes/' "$KVMTUNE_FAKE_HOST/root/proc/812/ksm_stat"
run kvmtune ksm
unlike "$out" stale 'mergeable memory: not stale'
refused 3 memory 'memory' ksm unmerged

# Kernels that do not tell, and a kernel that merges.
host ksm-stale
sed -i '/ksm_mergeable/d' "$KVMTUNE_FAKE_HOST"/root/proc/*/ksm_stat
run kvmtune ksm
unlike "$out" stale 'a kernel that does not tell: not stale'
host ksm-stale
printf '1\n' >"$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/run"
run kvmtune ksm
unlike "$out" stale 'merging: not stale'

host ksm-stale
printf '4\n' >"$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/run"
run kvmtune ksm
like "$out" 'run is 4: memory is going offline' 'run above 2'
printf '9\n' >"$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm/run"
run kvmtune ksm
like "$out" 'unknown: cannot be read' 'run that no kernel writes: unknown'
like "$out" 'a value that no known kernel writes' 'and named'

done_testing
