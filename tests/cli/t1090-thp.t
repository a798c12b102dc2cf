#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# thp and thp-defrag: a word in sysfs, written at once and at each boot, with everything that other
# settings have.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

THP=/sys/kernel/mm/transparent_hugepage

# read_state: what the kernel has chosen, and our file in tmpfiles.d: "madvise madvise; LINES"
read_state()
{
	local dir=$KVMTUNE_FAKE_HOST/root$THP file word

	state=
	for file in enabled defrag; do
		text_of word "$dir/$file"
		word=${word#*\[}
		state+="${word%%\]*} "
	done
	own_tmpfiles
	state="${state% };${lines:+ ${lines//$'\n'/;}}"
}

for name in thp thp-tuned thp-el7; do
	host "$name"
	read_all before
	run kvmtune thp
	is "$status$err" 0 "$name: thp works"
	golden "$name.txt" "$name: thp says"
	run kvmtune thp-defrag
	golden "$name-defrag.txt" "$name: thp-defrag says"
	nothing_changed "$name: to look changes nothing"
done

# changes HOST WORDS STATUS STATE: a dry run does nothing and ends like the real run, which leads to
# this state; a second run finds it done; undo leads back.
changes()
{
	local name="$1: $2" words want=$3 old new

	read -ra words <<<"$2"
	host "$1"
	read_tree old
	run kvmtune "${words[@]}" --dry-run
	status_is "$want" "$name: dry run"
	read_calls calls
	is "$calls" '' "$name: a dry run does nothing"
	run kvmtune "${words[@]}"
	status_is "$want" "$name"
	read_state
	is "$state" "$4" "$name: leads to the state"
	read_tree new
	run kvmtune "${words[@]}"
	status_is "$want" "$name: a second run"
	read_tree tree
	is "$(differences "$new" "$tree")" '' "$name: a second run does nothing"
	run kvmtune undo
	status_is 0 "$name: undo"
	read_tree new
	is "$(differences "$old" "$new")" '' "$name: undo leads back"
}

LINE="w $THP/enabled - - - -"
changes thp 'thp never' 0 "never madvise; $LINE never"
changes thp 'thp always' 0 "always madvise; $LINE always"
# It is so now, but by the kernel's default: nobody has said so.
changes thp 'thp madvise' 0 "madvise madvise; $LINE madvise"
changes thp 'thp never --defer' 5 "madvise madvise; $LINE never"
changes thp 'thp-defrag defer+madvise' 0 "madvise defer+madvise; w $THP/defrag - - - - defer+madvise"
changes thp 'apply thp=never thp-defrag=never' 0 \
	"never never; $LINE never;w $THP/defrag - - - - never"
changes thp-el7 'thp madvise' 0 "madvise always; $LINE madvise"

# Settings that share our file do not lose each other's lines, and are undone one by one.
put_in_host() { printf '%s\n' "$2" >"$KVMTUNE_FAKE_HOST/root$1"; }
host thp
put_in_host /etc/tmpfiles.d/ksm.conf 'w /sys/kernel/mm/ksm/run - - - - 1'
mkdir -p "$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm"
for file in run:1 pages_shared:0 pages_sharing:0; do
	put_in_host "/sys/kernel/mm/ksm/${file%:*}" "${file#*:}"
done
run kvmtune apply thp=never ksm=off
status_is 0 'one plan for both'
read_state
is "$state" "never madvise; w /sys/kernel/mm/ksm/run - - - - 0;$LINE never" 'one file for both'
run kvmtune thp always
read_state
is "$state" "always madvise; w /sys/kernel/mm/ksm/run - - - - 0;$LINE always" \
	'the line of ksm stays'
run kvmtune undo
read_state
is "$state" "never madvise; w /sys/kernel/mm/ksm/run - - - - 0;$LINE never" 'thp undone alone'
run kvmtune undo
status_is 0 'both undone'
like "$out" 'thp: never -> madvise' 'thp is told'
like "$out" 'ksm: unmerged -> on' 'ksm is told'
read_state
is "$state" 'madvise madvise;' 'nothing of ours is left'

# A deferred change: after the boot it is as saved, and undo leads back to what ran.
host thp
run kvmtune thp never --defer
run kvmtune audit thp=never
status_is 5 'saved: audit waits'
choice_now() { put_in_host "$THP/enabled" "$1"; }
choice_now 'always madvise [never]'
run kvmtune audit thp=never
status_is 0 'after the boot: audit agrees'
run kvmtune undo
status_is 0 'after the boot: undo'
read_state
is "$state" 'madvise madvise;' 'after the boot: undo leads back'

# ---- refusals ----

host thp-tuned
refused 3 attribute-driven 'sets thp to always at boot' thp never
host thp-el7
refused 4 no-such-value 'does not take defer for thp-defrag, but only always' thp-defrag defer
host thp-tuned
run kvmtune thp never
out=$err
golden thp-refused.txt 'what a refusal says'
run kvmtune thp always
like "$status $out" '^0 thp: always already' 'tuned writes that anyway'
run kvmtune audit thp=always thp-defrag=madvise
is "$status" 1 'the default of the kernel is not known'
# tuned leaves it alone where the kernel command line says something.
host thp-tuned
put_in_host /proc/cmdline 'ro transparent_hugepage=madvise'
run kvmtune thp never
status_is 0 'tuned does not write it'

# A kernel without it: never is how it is.
host intel-ept-on
run kvmtune thp never
is "$status $out" '0 thp: never already' 'no huge pages: never'
refused 4 no-attribute 'no transparent huge pages' thp always
run kvmtune audit thp=always
status_is 4 'audit of what cannot be'

# Others that write it.
written()
{
	host thp
	mkdir -p "$KVMTUNE_FAKE_HOST/root${1%/*}"
	printf '%s\n' "${@:2}" >"$KVMTUNE_FAKE_HOST/root$1"
}

written /etc/tmpfiles.d/zz.conf "$LINE always"
run kvmtune thp never
status_is 0 'a line of tmpfiles.d behind ours does not count'
run kvmtune audit thp=never
status_is 0 'and audit knows'
written /etc/rc.local '#!/bin/sh' "echo always > $THP/enabled"
chmod 755 "$KVMTUNE_FAKE_HOST/root/etc/rc.local"
run kvmtune thp never
is "$status" 3 'rc.local writes it later'
like "$err" 'rc.local sets thp to always at boot \(/etc/rc.local:2\)' 'rc.local is named'
written /etc/rc.local '#!/bin/sh' "echo \$THP > $THP/enabled"
chmod 755 "$KVMTUNE_FAKE_HOST/root/etc/rc.local"
run kvmtune thp never
status_is 0 'what cannot be told stands in no way'
run kvmtune audit thp=never
status_is 1 'but nothing is promised'
like "$out" 'may be written by rc.local' 'it is named'

# ---- images ----

host thp
image=$tmp/image
mkdir -p "$image/etc"
run kvmtune --root "$image" apply thp=never ksm=off
status_is 0 'an image'
is "$(grep -v '^#' "$image/etc/tmpfiles.d/00-kvmtune.conf")" "$LINE never" 'its file'
run kvmtune --root "$image" audit thp=never
status_is 0 'audit of the image'
run kvmtune --root "$image" undo
ok 'undone in the image' [ ! -e "$image/etc/tmpfiles.d/00-kvmtune.conf" ]

# ---- failures ----

# Every call that changes something fails in turn: the host is as it was.
host thp
run kvmtune apply thp=never thp-defrag=never
read_calls calls
read -ra calls <<<"$calls"
for ((n = 1; n <= ${#calls[@]}; n++)); do
	host thp
	read_tree old
	KVMTUNE_FAKE_FAIL=$n run kvmtune apply thp=never thp-defrag=never
	read_tree new
	case $status in
	1) is "$(differences "$old" "$new")" '' "call $n (${calls[n - 1]}) fails: rolled back" ;;
	0) read_state; is "$state" "never never; $LINE never;w $THP/defrag - - - - never" "call $n: done" ;;
	*) ok "call $n (${calls[n - 1]}) fails: status $status" false ;;
	esac
done

done_testing
