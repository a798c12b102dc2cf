# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# fake.sh - tests of kvmtune on made-up hosts: fresh hosts, and what has become of them.

# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/hosts.sh
. tests/lib/hosts.sh

# pristine NAME: the host as described, in $tmp/hosts/NAME; made once, and looked at once, so that
# read_tree works on every copy of it
pristine()
{
	[ ! -d "$tmp/hosts/$1" ] || return 0
	make_host "$1" "$tmp/hosts/$1"
	KVMTUNE_FAKE_HOST=$tmp/hosts/$1 kvmtune status >/dev/null
}

# host NAME: a fresh host to work on
host()
{
	pristine "$1"
	host_from "$tmp/hosts/$1"
}

copies=0

# until_slept: waits until the program that works on the host, in the background, has slept
until_slept()
{
	local i

	for ((i = 0; i < 1000; i++)); do
		[ ! -e "$KVMTUNE_FAKE_HOST/fake/slept" ] || break
		sleep 0.01
	done
}

# host_from DIR: a copy of a host that was worked on already
host_from()
{
	# To remove them one by one would cost as much as the rest.
	if [ $((++copies % 64)) = 0 ]; then
		find "$tmp" -maxdepth 1 -name 'work.*' ! -path "$KVMTUNE_FAKE_HOST" -exec rm -rf {} +
	fi
	export KVMTUNE_FAKE_HOST=$tmp/work.$copies
	cp -a "$1" "$KVMTUNE_FAKE_HOST"
}

# read_tree VARIABLE: what all files of the host were at the end of the last run, with owners and
# modes, but for the lock and the journal
read_tree()
{
	text_of "$1" "$KVMTUNE_FAKE_HOST/fake/tree"
}

# read_all VARIABLE: the same by other means, but for the lock only
read_all()
{
	local sum

	sum=$(tar -c -C "$KVMTUNE_FAKE_HOST/root" --sort=name --mtime=@0 --numeric-owner \
		--exclude=./var/lib/kvmtune/lock . | cksum)
	printf -v "$1" %s "$sum"
}

# differences BEFORE AFTER: of two trees, on one line
differences()
{
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") | grep '^[<>]' | tr '\n' ';'
}

# read_calls VARIABLE: the names of all calls that changed something, but for the lock
read_calls()
{
	local line list=

	if [ -e "$KVMTUNE_FAKE_HOST/fake/log" ]; then
		while read -r _ line _; do
			[ "$line" = lock ] || list+="${list:+ }$line"
		done <"$KVMTUNE_FAKE_HOST/fake/log"
	fi
	printf -v "$1" %s "$list"
}

# call_number VERB COMMAND...: which of the command's calls on this host is the first of this name,
# in $n; found out on a copy
# shellcheck disable=SC2034
call_number()
{
	local host=$KVMTUNE_FAKE_HOST verb

	host_from "$host"
	run kvmtune "${@:2}"
	while read -r n verb _; do
		[ "$verb" != "$1" ] || break
	done <"$KVMTUNE_FAKE_HOST/fake/log"
	KVMTUNE_FAKE_HOST=$host
}

# How often the module was loaded.
read_loads()
{
	text_of "$1" "$KVMTUNE_FAKE_HOST/fake/loads" 2>/dev/null
}

# param NAME: what sysfs shows of a parameter, in $value
param()
{
	text_of value "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel/parameters/$1"
}

# own_file: the lines of kvmtune's file that say something, in $lines; empty: no such file
own_file()
{
	local file=$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zz-kvmtune.conf line

	lines=
	[ -e "$file" ] || return 0
	while IFS= read -r line; do
		[[ $line == '#'* ]] || lines+="${lines:+;}$line"
	done <"$file"
}

# ksm_state: what the kernel and systemd say of KSM, in $ksm: "RUN SHARING KSMTUNED KSM", where a
# unit is ACTIVE/FILE, or "-": "1 700000 active/enabled active/enabled"
ksm_state()
{
	local dir=$KVMTUNE_FAKE_HOST/root/sys/kernel/mm/ksm name value active file

	text_of ksm "$dir/run"
	text_of value "$dir/pages_sharing"
	ksm+=" $value"
	for name in ksmtuned ksm; do
		value=-
		if [ -e "$KVMTUNE_FAKE_HOST/fake/units/$name.service" ]; then
			read -r _ active file <"$KVMTUNE_FAKE_HOST/fake/units/$name.service"
			value=$active/$file
		fi
		ksm+=" $value"
	done
}

# own_tmpfiles: the lines of kvmtune's file of tmpfiles.d that say something, in $lines
own_tmpfiles()
{
	lines=
	[ ! -e "$KVMTUNE_FAKE_HOST/root/etc/tmpfiles.d/00-kvmtune.conf" ] ||
		lines=$(grep -v '^#' "$KVMTUNE_FAKE_HOST/root/etc/tmpfiles.d/00-kvmtune.conf")
}

before= # set by read_all

# nothing_changed NAME: not a single call but the lock, and no file differs from $before
nothing_changed()
{
	local after calls

	read_all after
	read_calls calls
	is "$after $calls" "$before " "$1"
}

# refused STATUS ID REGEX COMMAND...: on the host as it is; REGEX is for the message
refused()
{
	local want=$1 want_id=$2 regex=$3 name

	shift 3
	name="$want_id: $*"
	read_all before
	run kvmtune "$@"
	status_is "$want" "$name"
	like "$err" "$regex" "$name: says why"
	nothing_changed "$name: nothing was changed"
	run kvmtune "$@" --json
	json_id
	is "$status $id" "$want $want_id" "$name: in JSON"
	like "$err" $'\n.*[^ ]' "$name: names a way out"
	nothing_changed "$name: nothing was changed, with JSON"
}

# crc_line JSON...: lines of the journal as kvmtune writes them
crc_line()
{
	python3 -c 'import sys, zlib
for line in sys.argv[1:]: print("%08x %s" % (zlib.crc32(line.encode()), line))' "$@"
}

# golden FILE NAME: $out is the text in tests/cli/expected/FILE; UPDATE_GOLDEN=1 writes it instead
golden()
{
	local file=tests/cli/expected/$1 expected=

	[ -z "$UPDATE_GOLDEN" ] || printf '%s\n' "$out" >"$file"
	[ ! -e "$file" ] || text_of expected "$file"
	is "$out" "$expected" "$2"
}

# json_id: the id of the refusal or error that $out, a JSON document, tells of, in $id
# shellcheck disable=SC2034
json_id()
{
	id=none
	[[ ! $out =~ \"error\":\ ?\{[^\"]*\"id\":\ ?\"([a-z-]+)\" ]] || id=${BASH_REMATCH[1]}
}
