#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The host file: what apply and audit do without settings on the command line.

# shellcheck disable=SC2154 # read_tree and others set variables by name
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# host_file [LINE...]: the host file of the host as it is; drop_in NAME LINE...
host_file()
{
	printf '%s\n' "$@" >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
}
drop_in()
{
	mkdir -p "$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf.d"
	printf '%s\n' "${@:2}" >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf.d/$1"
}
remove() { rm -rf "${@/#/$KVMTUNE_FAKE_HOST/root/etc/}"; }

# ---- what it does ----

host intel-ept-on
host_file '# a hypervisor' '' '  ; of the second rack' $'\tept=off\r' 'nested   =   off  '
run kvmtune audit
status_is 7 'audit by the host file'
like "$out" 'ept=off +DIFFERS .*nested=off +DIFFERS' 'audit has a row for each setting'
run kvmtune audit -v
like "$out" 'ept=off is wanted by /etc/kvmtune\.conf:4' 'audit -v names the line'
run kvmtune audit --json
like "$out" '"wanted_source": ?\{[[:space:]]*"file": ?"/etc/kvmtune\.conf",[[:space:]]*"line": ?5[[:space:]]*\}' 'audit names the line in JSON'
read_all before
run kvmtune apply --dry-run
status_is 0 'apply: dry run'
nothing_changed 'apply: a dry run changes nothing'
run kvmtune apply --json
status_is 0 'apply by the host file'
like "$out" '"wanted_source": ?\{[[:space:]]*"file": ?"/etc/kvmtune\.conf",[[:space:]]*"line": ?4[[:space:]]*\}' 'apply names the line in JSON'
own_file
is "$lines" 'options kvm_intel ept=0;options kvm_intel nested=0' 'one change of one file'
read_loads loads
is "$loads" 1 'with one reload'
run kvmtune audit
status_is 0 'then audit agrees'
read_tree before
run kvmtune apply
read_tree tree
is "$status $(differences "$before" "$tree")" '0 ' 'a second run does nothing'
run kvmtune undo
like "$status $out" '^0 undo: kvmtune apply ' 'undo'
run kvmtune audit
status_is 7 'and it is as before'

# Drop-ins are parts of it, in the order of their names; others are not read.
host thp
host_file 'thp = never'
drop_in 50-defrag.conf 'thp-defrag = never'
drop_in 60-notes.txt 'not = read'
drop_in .hidden.conf 'not = read'
run kvmtune audit --json
like "$status $out" '"/etc/kvmtune\.conf\.d/50-defrag\.conf",[[:space:]]*"line": ?1' 'a drop-in'
remove kvmtune.conf
run kvmtune apply
is "$status$err" 0 'drop-ins alone'
own_tmpfiles
is "$lines" 'w /sys/kernel/mm/transparent_hugepage/defrag - - - - never' 'only what they say'

# ---- the command line ----

host thp
host_file 'thp = never' 'thp-defrag = never'
run kvmtune audit thp=madvise --json
unlike "$out" 'wanted_source|thp-defrag' 'settings on the command line: the host file is not read'
put_file() { printf '%s\n' "${@:2}" >"$1"; }
put_file "$tmp/wanted.conf" 'thp = never' 'thp-defrag = madvise'
run kvmtune audit --file "$tmp/wanted.conf" thp=madvise
like "$out" 'thp=madvise .*thp-defrag=madvise' 'with --file the command line wins, a setting at a time'
unlike "$out" 'thp=never' 'over the same setting in the file'
run kvmtune apply --file "$tmp/wanted.conf"
is "$status$err" 0 'apply --file'
run kvmtune undo --list
like "$out" "apply --file $tmp/wanted.conf +done" 'the journal has the command'
host intel-ept-on
put_file "$tmp/wanted.conf" 'tdp = off' 'nested = off'
run kvmtune audit --file "$tmp/wanted.conf" ept=on
like "$out" '^ept=on ' 'ept on the command line'
unlike "$out" 'tdp' 'is over tdp in the file'
like "$out" 'nested=off' 'and not over others'

from_stdin() { printf '%s\n' "${@:2}" | "$KVMTUNE_FAKE" "$1" --file -; }
run from_stdin audit 'ept = on'
status_is 0 'from standard input'
run from_stdin audit 'ept = on' 'epx = on'
like "$status $err" '^2 kvmtune: standard input:2: unknown name "epx"' 'standard input has lines, too'

# ---- options ----

host in-use
host_file 'ept = off' 'defer = yes'
run kvmtune apply
status_is 5 'defer = yes'
host in-use
host_file 'ept = off' 'defer = no'
run kvmtune apply
status_is 3 'defer = no'
like "$err" 'kvmtune apply --wait .*kvmtune apply --defer' 'the hint is to be typed'
run kvmtune apply --defer
status_is 5 '--defer wins over the file'
host in-use
host_file 'ept = off' 'wait = 1s'
run kvmtune apply
status_is 3 'wait: it waits, and gives up'
ok 'it has waited' [ -e "$KVMTUNE_FAKE_HOST/fake/slept" ]
run kvmtune apply --defer
status_is 5 '--defer wins over wait in the file'
host in-use
host_file 'ept = off' 'defer = yes'
run kvmtune apply --wait=1s
status_is 3 '--wait wins over defer in the file'
host ksm-tuned
host_file 'ksm = unmerged' 'reserve = 1T'
run kvmtune apply --json
json_id
is "$status $id" '3 memory' 'reserve'
run kvmtune apply --reserve 16M --dry-run
status_is 0 '--reserve wins over the file'

# ---- errors ----

# wrong ID REGEX LINE...: of a host file with these lines
wrong()
{
	host_file "${@:3}"
	run kvmtune apply --json
	json_id
	is "$status $id" "2 $1" "$1: ${*:3}"
	like "$err" "^kvmtune: .*$2" "$1: ${*:3}: says where"
	run kvmtune audit
	is "$status" 2 "$1: ${*:3}: audit"
}

host intel-ept-on
refused 2 no-host-file 'neither a file /etc/kvmtune.conf nor one in /etc/kvmtune.conf.d' apply
refused 2 no-host-file 'neither a file /etc/kvmtune.conf nor one in /etc/kvmtune.conf.d' audit
wrong host-file-empty '/etc/kvmtune.conf sets none' ''
wrong host-file-empty '/etc/kvmtune.conf sets none' '# ept = off' 'wait = 5m'
wrong host-file-syntax '/etc/kvmtune.conf:2: "ept off" is not of the form NAME = VALUE' 'nested = off' 'ept off'
wrong host-file-syntax '/etc/kvmtune.conf:1: "\[kvmtune\]" is not' '[kvmtune]' 'ept = off'
wrong host-file-syntax '/etc/kvmtune.conf:1: "= off" is not' '= off'
wrong host-file-name '/etc/kvmtune.conf:1: unknown name "EPT"; the names are: ept, .*, reserve, wait, defer' 'EPT = off'
wrong host-file-name '/etc/kvmtune.conf:1: unknown name "\\x1b\[2Jept"' $'\e[2Jept = off'
wrong host-file-value '/etc/kvmtune.conf:1: ept takes on\|off, not "off # why"' 'ept = off # why'
wrong host-file-value '/etc/kvmtune.conf:1: ept takes on\|off, not ""' 'ept ='
wrong host-file-value 'wait takes a time like 90s, 10m or 2h, yes or no, not "soon"' 'ept = off' 'wait = soon'
wrong host-file-value 'defer takes .*, not "maybe"' 'ept = off' 'defer = maybe'
wrong host-file-value 'reserve takes a size like 2G or 512M, not "-1"' 'ept = off' 'reserve = -1'
wrong host-file-value '/etc/kvmtune.conf:3: defer and wait \(/etc/kvmtune.conf:2\) exclude' 'ept = off' 'wait = 5m' 'defer = yes'
wrong host-file-twice '/etc/kvmtune.conf:3: ept is set twice: /etc/kvmtune.conf:1 sets it' 'ept = off' '' 'ept = off'
wrong host-file-twice '/etc/kvmtune.conf:2: wait is set twice: /etc/kvmtune.conf:1' 'wait = no' 'wait = 5m' 'ept = off'
wrong host-file-twice 'tdp and ept \(/etc/kvmtune.conf:1\) are the same' 'ept = off' 'tdp = off'
host_file 'ept = off'
drop_in 50.conf 'nested = off' 'ept = on'
refused 2 host-file-twice '/etc/kvmtune.conf.d/50.conf:2: ept is set twice: /etc/kvmtune.conf:1 sets' apply
remove kvmtune.conf.d
read_calls calls
is "$calls" '' 'nothing was done by any of them'
printf 'ept = off\0\n' >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
refused 2 host-file-syntax '/etc/kvmtune.conf:1: a NUL byte' apply

# All errors are told.
host_file 'a' 'b = 1' 'ept = maybe' 'ksm = off' 'ksm = off'
run kvmtune apply
for line in 1 2 3 5; do
	like "$err" "kvmtune.conf:$line: " "all errors: line $line"
done
for ((n = 1; n <= 100; n++)); do printf 'x\n'; done >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
run kvmtune apply
like "$err" 'and 80 more errors' 'all errors: but not without end'

# ---- whose files, and what kind ----

host_file 'ept = off'
conf=$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf
chmod o+w "$conf"
refused 2 host-file-not-trusted '/etc/kvmtune.conf is writable by other users' apply
chmod 664 "$conf"
if [ "$(id -u)" = 0 ]; then
	chgrp 12345 "$conf"
	refused 2 host-file-not-trusted '/etc/kvmtune.conf is writable by other users' apply
	chmod 644 "$conf"
	chown 12345:0 "$conf"
	refused 2 host-file-not-trusted '/etc/kvmtune.conf is owned by another user \(uid 12345\)' audit
	chown 0:0 "$conf"
	put_file "$tmp/other.conf" 'ept = off'
	chown 12345 "$tmp/other.conf"
	refused 2 host-file-not-trusted 'other.conf is owned by another user' audit --file "$tmp/other.conf"
fi
chmod 644 "$conf"
mkdir "$conf.d"
chmod o+w "$conf.d"
drop_in 50.conf 'nested = off'
refused 2 host-file-not-trusted 'kvmtune.conf.d is writable by other users' apply
chmod o-w "$conf.d"

# special MAKE...: something that is no file, in place of the host file, of a drop-in, of FILE; FIFOs and devices
# are not waited for
special()
{
	rm -rf "$conf" "$conf.d"/*
	"$@" "$conf"
	refused 2 "$want" "$regex" apply
	rm -rf "$conf"
	"$@" "$conf.d/50.conf"
	run kvmtune audit
	like "$status $err" "^2 .*$regex" "a drop-in: $*"
	rm -rf "$conf.d"/*
}
want=host-file-not-trusted regex='is not a regular file'
special mkfifo
special mkdir
regex='is a symbolic link'
special ln -s /etc/passwd
special ln -s nowhere
special ln -s kvmtune.conf
want=host-file-unreadable regex='has more than 65536 bytes'
special truncate -s 65537
for path in "$tmp" /dev/zero "$conf.d/none"; do
	refused 2 host-file-unreadable "$path" audit --file "$path"
done
mkfifo "$tmp/fifo"
refused 2 host-file-unreadable 'fifo is not a regular file' audit --file "$tmp/fifo"
truncate -s 65537 "$tmp/huge"
refused 2 host-file-unreadable 'huge has more than 65536 bytes' audit --file "$tmp/huge"
run bash -c 'yes "# no end" | "$1" audit --file -' bash "$KVMTUNE_FAKE"
like "$status $err" '^2 kvmtune: standard input has more than' 'standard input without an end'
run bash -c '"$1" audit --file - <&-' bash "$KVMTUNE_FAKE"
like "$status $err" '^2 kvmtune: cannot read standard input' 'no standard input'
remove kvmtune.conf.d
put_file "$conf.d" 'ept = off'
refused 2 host-file-unreadable 'cannot read the directory /etc/kvmtune.conf.d: Not a directory' apply
remove kvmtune.conf.d
for ((n = 0; n < 257; n++)); do drop_in "$n.conf" ''; done
refused 2 host-file-unreadable 'kvmtune.conf.d has more than 256 files' apply

# ---- the examples ----

host intel-ept-on
for file in examples/*.conf; do
	run kvmtune audit --file "$file"
	like "$status" '^[04571]$' "$file is a host file"
done
grep -lE '^ *[a-z]' examples/*.conf >"$tmp/active"
is "$(wc -l <"$tmp/active")" "$(find examples -name '*.conf' | wc -l)" 'each example sets something'

done_testing
