#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where the output goes, and what may not get into it.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

esc=$'\033'

# ---- no room ----

# to_full COMMAND...: stdout is a full disk
to_full()
{
	kvmtune "$@" >/dev/full
}

# to_nowhere COMMAND...: there is no stdout; no_stderr: no stderr
to_nowhere()
{
	kvmtune "$@" >&-
}

no_stderr()
{
	kvmtune "$@" 2>&-
}

host intel-ept-on
for words in status guests ept 'status --json' 'audit ept=on' 'undo --list' --help --version \
	'ept on' 'ept off -n' 'ept off -n --json' 'apply ept=on --json' undo; do
	read -ra command <<<"$words"
	run to_full "${command[@]}"
	status_is 1 "$words to a full disk"
	like "$err" 'the output could not be written: No space left' "$words: says so"
	run to_nowhere "${command[@]}"
	status_is 1 "$words without stdout"
done
run to_full ept off
param ept
is "$status $value" '0 N' 'ept off to a full disk: the change was made, and the status says so'
like "$err" 'could not be written' 'ept off to a full disk: the output is missed'
run to_nowhere ept on --json
param ept
is "$status $value" '0 Y' 'ept on without stdout'
host in-use
run no_stderr ept off
status_is 3 'a refusal without stderr'
run kvmtune ept off
first=${out}
like "$err" '^kvmtune: refused' 'messages are on stderr'
unlike "$first" 'refused' 'and not on stdout'

# A file that was opened by mistake as descriptor 1 or 2 is not written to.
host intel-ept-on
read_tree before
(
	exec <&- >&- 2>&-
	kvmtune ept off
)
run kvmtune status
journal=$KVMTUNE_FAKE_HOST/root/var/lib/kvmtune/journal
unlike "$(<"$journal")" 'ept: on|note:' 'without any descriptor: no text gets into the journal'
unlike "$(cat "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/zz-kvmtune.conf")" 'ept: on|note:' \
	'without any descriptor: nor into the file'

# ---- whatever there is to write to, and to read from ----

to_closed_pipe()
{
	# The reader is gone when the writer begins.
	{ sleep 0.02; kvmtune "$@"; } > >(:)
}

no_stdin()
{
	kvmtune "$@" <&-
}

full_stderr()
{
	kvmtune "$@" 2>/dev/full
}

nothing_at_all()
{
	kvmtune "$@" <&- >&- 2>&-
}

all_full()
{
	kvmtune "$@" >/dev/full 2>/dev/full
}

# ends_as STATUS TREE NAME: and the journal is whole
ends_as()
{
	local tree list

	read_tree tree
	is "$status $(differences "$2" "$tree")" "$1 " "$3"
	list=$(kvmtune undo --list)
	unlike "$list" 'cannot be read|did not end|interrupted' "$3: the journal is whole"
}

host intel-ept-on
read_tree before
call_number load ept off
load=$n
run kvmtune ept off
read_tree after
for way in kvmtune to_full to_nowhere to_closed_pipe no_stdin no_stderr full_stderr all_full nothing_at_all; do
	for more in '' --json --verbose; do
		host intel-ept-on
		run "$way" ept off $more
		ends_as 0 "$after" "$way: ept off $more: done"
	done
	host intel-ept-on
	KVMTUNE_FAKE_FAIL=$load run "$way" ept off -v
	ends_as 1 "$before" "$way: a change that fails is rolled back"
	KVMTUNE_FAKE_SIGNAL=$((load - 1)) run "$way" ept off -v
	ends_as 1 "$before" "$way: a change that is stopped is rolled back"
	KVMTUNE_FAKE_KILL=$load run kvmtune ept off
	run "$way" undo
	ends_as 0 "$before" "$way: undo"
	run "$way" audit ept=off
	status_is 7 "$way: audit"
	run "$way" ept off --defer -n
	status_is 5 "$way: what waits"
	host in-use
	run "$way" ept off --json
	status_is 3 "$way: a refusal"
done

# ---- colour ----

host intel-ept-on
for words in status 'ept off -n' 'audit ept=off' guests; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}"
	unlike "$out$err" "$esc" "$words: no colour where there is no terminal"
	run kvmtune "${command[@]}" --color=never
	unlike "$out$err" "$esc" "$words: --color=never"
	run kvmtune "${command[@]}" --color=always --json
	unlike "$out" "$esc" "$words: no colour in JSON"
done
run kvmtune ept off -n --color=always
like "$out" "$esc" '--color=always'
plain=$(sed "s/$esc\\[[0-9;]*m//g" "$tmp/out")
run kvmtune ept off -n --color=never
is "$plain" "$out" 'colour changes no text'

# On a terminal: script(1) gives one.
on_terminal()
{
	TERM=xterm script -qec "$KVMTUNE_FAKE ept off -n" /dev/null
}

if command -v script >/dev/null; then
	run on_terminal
	like "$out" "$esc\\[" 'colour on a terminal'
	NO_COLOR=1 run on_terminal
	unlike "$out" "$esc\\[[0-9;]*m" 'NO_COLOR'
else
	skip 'script(1) is not there' 'colour on a terminal'
fi

# ---- names that others chose ----

host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
in_use 5
long=$(printf '%0100000d' 0)
long=${long//0/A}
user 901 1000 'ev\x1b[31mil' 'c\x1bc' 1 1 1 '/a/\x1b]0;title\x07.scope' 'q\x1b[2Jemu' --name '\x1b[31mred\x9b31m'
user 902 1000 eve 'new\x0aline' 1 1 1 '/x/new\x0aline.scope' 'pro\x0agram' --name 'kvmtune: all\x0ais well'
user 903 1000 eve utf8 1 1 1 '/x/\xff\xfe.scope' 'bad\xc3\x28\xed\xa0\x80' --name '\xf0\x9f\x90\xa7\x80'
user 904 1000 eve long 1 1 1 "/x/$long.scope" "$long" --name "$long"
user 905 1000 eve empty 1 1 1 '' '' ''
user 906 1000 eve fmt 1 1 1 /x '%s%n%d' --name '%n%n%s'

for words in guests 'status -v' 'ept off' 'ept off -n'; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}"
	ok "$words: odd names are shown" [ "$status" = 0 -o "$status" = 3 ]
	unlike "$out$err" "[^[:print:]"$'\n'"]" "$words: nothing but printable ASCII"
	like "$out$err" '903.*utf8|903.*bad' "$words: all are there"
	ok "$words: a long name is cut" [ $((${#out} + ${#err})) -lt 20000 ]
	unlike "$out$err" $'\n''is well' "$words: a newline in a name makes no line of its own"
done

mkdir "$tmp/documents"
for words in guests status 'ept off'; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}" --json
	printf '%s\n' "$out" >"$tmp/documents/${words// /-}"
done
ok 'odd names: valid JSON, in UTF-8' python3 -c 'import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).iterdir():
    users = json.loads(path.read_bytes().decode("utf-8"))["users"]
    assert [u["pid"] for u in users] == [901, 902, 903, 904, 905, 906], path
    assert users[0]["guest"] == "\x1b[31mred\ufffd31m", users[0]["guest"]
    assert users[1]["comm"] == "new\nline"
    assert users[2]["guest"] == "\U0001f427\ufffd", users[2]["guest"]
    assert users[5]["guest"] == "%n%n%s"' "$tmp/documents"

# Files that others wrote.
host intel-ept-on
host_dir=$KVMTUNE_FAKE_HOST
printf 'options kvm_intel ept=\033[31mno\001 nested=\377\ninstall kvm_intel \033]0;x\007\n' \
	>"$KVMTUNE_FAKE_HOST/root/etc/modprobe.d/a"$'\033'"[31m.conf"
printf 'Y\033[31m\n' >"$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel/parameters/vpid"
for words in status 'status -v' 'ept off' 'ept off -n' 'audit ept=off'; do
	read -ra command <<<"$words"
	run kvmtune "${command[@]}"
	unlike "$out$err" "[^[:print:]"$'\n'"]" "$words: odd lines of modprobe.d and sysfs are shown safely"
done

# What was typed; perhaps not by a user, but by a program with a name from somewhere.
run kvmtune "ev${esc}[31mil"
unlike "$err" "$esc" 'a mistyped command is shown without its escapes'
run kvmtune ept "o${esc}[31mff"
unlike "$err" "$esc" 'a mistyped value is shown without its escapes'
run kvmtune apply "${esc}[31m=off"
unlike "$err" "$esc" 'a mistyped setting is shown without its escapes'
run kvmtune --root "$tmp/${esc}[31m" status
unlike "$err" "$esc" 'a mistyped directory is shown without its escapes'

done_testing
