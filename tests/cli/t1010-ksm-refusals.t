#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What stands in the way of ksm: its id, its exit status, its cause with the figures, and a way out;
# and nothing at all is changed.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1

# on HOST STATUS ID REGEX COMMAND...
on()
{
	host "$1"
	shift
	refused "$@"
}

# Without KSM it is off already.
for words in 'ksm off' 'ksm unmerged' 'ksm off --defer' 'audit ksm=off'; do
	read -ra command <<<"$words"
	host ksm-none
	read_all before
	run kvmtune "${command[@]}"
	status_is 0 "no KSM in this kernel: $words"
	nothing_changed "no KSM in this kernel: $words: nothing was changed"
done
on ksm-none 4 no-ksm 'not possible: .*no same-page merging' ksm on
for words in 'ksm off' 'ksm on' 'ksm unmerged' 'ksm off --defer'; do
	read -ra command <<<"$words"
	on ksm-no-bus 1 no-bus 'systemd cannot be asked.*KSM: cannot connect to the system bus' "${command[@]}"
done
on ksm-not-root 4 not-root 'this needs root' ksm off
on ksm-not-root 4 not-root 'this needs root' ksm unmerged
on ksm-not-root 4 not-root 'this needs root' ksm off --defer
on ksm-read-only-sys 4 read-only-sysfs '/sys/kernel/mm/ksm/run cannot be written: Read-only' ksm off
on ksm-read-only-sys 4 read-only-sysfs 'Read-only' ksm unmerged

# Others that would turn it on, or off, again.
on ksm-mom 3 ksm-driven 'policy.*mom-vdsm.service' ksm off
on ksm-mom 3 ksm-driven 'policy' ksm unmerged
on ksm-mom 3 ksm-driven 'policy' ksm off --defer
on ksm-tuned-site 3 ksm-driven 'tuned.*turns KSM on.*/etc/tuned/site-base/tuned.conf:2' ksm off
on ksm-tuned-profile 3 ksm-driven \
	'tuned.*turns KSM off.*/usr/lib/tuned/realtime-virtual-host/tuned.conf:5' ksm on
on ksm-ubuntu 3 ksm-driven 'qemu-kvm.service.*/etc/default/qemu-kvm:2' ksm off
on ksm-tmpfiles-pattern 3 ksm-driven '/etc/tmpfiles.d/ksm.conf:1' ksm off
on ksm-tmpfiles-pattern 3 ksm-driven '/etc/tmpfiles.d/ksm.conf:1' ksm unmerged

# With what they are set to do they do not stand in the way.
for goal in ksm-tuned-site/on ksm-ubuntu/on ksm-tmpfiles-pattern/on ksm-tuned-profile/off; do
	host "${goal%/*}"
	run kvmtune ksm "${goal#*/}"
	status_is 0 "${goal%/*}: ksm ${goal#*/}: no hindrance"
done

# Services.
on ksm-masked 3 unit-masked 'ksm(tuned)?.service is masked.*unmask' ksm on
on ksm-generated 3 unit-generated 'ksmtuned.service is generated.*Disable the script' ksm off
on ksm-generated 3 unit-generated 'generated' ksm unmerged

# Memory, with the figures.
on ksm-small 3 memory 'needs up to 2.7 GiB, but only 2.0 GiB is available above the 1.0 GiB reserve' \
	ksm unmerged
on ksm-tuned 3 memory 'needs up to 2.7 GiB, but only 2.0 GiB is available above the 46.0 GiB reserve' \
	ksm unmerged --reserve 46G
on ksm-tuned 3 memory 'above the 46.0 GiB reserve' apply ksm=unmerged --reserve=46GiB
on ksm-cgroup 3 cgroup-memory \
	'web-01.*up to 1.6 GiB.*/machine.slice/machine-qemu\\x2d1\\x2dweb-01.scope leaves 512 MiB' \
	ksm unmerged
on ksm-cgroup 3 cgroup-memory 'leaves 512 MiB' ksm unmerged --reserve 0

# Not a byte is needed where nothing is unmerged.
for goal in ksm-small/off ksm-cgroup/off; do
	host "${goal%/*}"
	run kvmtune ksm off
	status_is 0 "${goal%/*}: off needs no memory"
done

# How much there is cannot be told.
host ksm-tuned
rm "$KVMTUNE_FAKE_HOST/root/proc/meminfo"
refused 3 unknown-memory '/proc/meminfo' ksm unmerged

# A plan that nobody may carry out is no secret.
host ksm-not-root
run kvmtune ksm off --dry-run
like "$status $out" '^4 .*ksmtuned.service' 'a dry run without root shows the plan'

# Two goals are one plan: EPT stands in the way, and nothing of KSM is done.
on ksm-tuned 3 in-use 'in use by 2 processes' apply ept=off ksm=off
on ksm-tuned 3 in-use 'in use' apply ksm=unmerged ept=off
# And the other way round.
host ksm-mom
host_dir=$KVMTUNE_FAKE_HOST in_use 0
rm "$KVMTUNE_FAKE_HOST/fake/users"
refused 3 ksm-driven 'policy' apply ept=off ksm=off

# Words that there are not.
host ksm-tuned
for words in 'ksm maybe' 'ksm 2' 'apply ksm=unmerge' 'audit ksm=' 'ksm off --reserve' \
	'ksm off --reserve=much' 'ksm unmerged --reserve=-1' 'ksm off --watch=x' 'ept unmerged'; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}"
	status_is 2 "usage: $words"
done

# What is refused to the rollback of an interrupted change is refused to the next one.
host ksm-tuned
call_number stop ksm off
KVMTUNE_FAKE_KILL=$n run kvmtune ksm off
rm "$KVMTUNE_FAKE_HOST/fake/log"
printf 'root no\n' >>"$KVMTUNE_FAKE_HOST/fake/host"
refused 4 not-root 'this needs root' ksm on
refused 4 not-root 'this needs root' ept off

done_testing
