#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How output looks: no line is wider than the terminal, status is one screen, and colours follow words.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

esc=$'\033'

# too_wide WIDTH FILE...: lines that are longer, though they could be broken; a command in backquotes is
# one word
# shellcheck disable=SC2016 # backquotes as they are
too_wide()
{
	sed -E ':a; s/(`[^` ]*) ([^`]*`)/\1_\2/; ta' "${@:2}" |
		awk -v width="$1" 'length > width && NF > 1'
}

# fits WIDTH NAME
fits()
{
	local wide

	wide=$(too_wide "$1" "$tmp/out" "$tmp/err")
	is "$wide" '' "$2 at $1 columns"
}

# The test itself sees what is too wide.
# shellcheck disable=SC2016
printf '%s\n' 'four words are here' '/a/word/alone/is/fine' '`a command alone` ' >"$tmp/out"
is "$(too_wide 10 "$tmp/out")" 'four words are here' 'too_wide'

widths='60 80 100 132'
hosts='intel-ept-off-by-hand amd-npt-off in-use conf-conflict ksm-6.12 ksm-kubevirt not-root-in-use own-file-more'
commands='|status -v|list -v|cpu -v|guests|ept|ksm -v|undo --list|ept off -n|npt off -n|nested off -n
	ksm unmerged -n|undo -n|audit ept=off npt=on ksm=off nested=on|ept off --defer -v|apply ksm=on ept=off
	ksm unmerged -v|undo|undo --skip|frobnicate|ept off on|cpu --require ept-5level'
IFS='|' read -r -d '' -a list <<<"${commands//$'\n\t'/|}"
for name in $hosts; do
	for width in $widths; do
		host "$name"
		export COLUMNS=$width
		for command in "${list[@]}"; do
			read -ra words <<<"$command"
			run kvmtune "${words[@]}"
			printf '%s\n%s\n' "$out" "$err"
		done >"$tmp/all"
		is "$(too_wide "$width" "$tmp/all")" '' "$name at $width columns"
	done
done
for command in '' $("$KVMTUNE" --list-words | sed -n 's/^command //p'); do
	for width in $widths; do
		COLUMNS=$width run kvmtune ${command:+"$command"} --help
		fits "$width" "kvmtune $command --help"
	done
done
unset COLUMNS

# ---- one screen ----

for name in $hosts intel-ept-off cmdline nested-edited ksm-tuned ksm-generated vtx-disabled libvirt-tdx; do
	host "$name"
	COLUMNS=80 run kvmtune
	lines=$(wc -l <"$tmp/out")
	ok "$name: status is one screen" [ "$lines" -le 24 ]
	is "${out##*$'\n'}" 'Help:  kvmtune --help' "$name: the last line names the help"
done

# ---- what the width is ----

widest()
{
	sed "s/$esc\\[[0-9;]*m//g" "$1" | awk '{ if (length > n) n = length } END { print n + 0 }'
}

terminal=tests/lib/terminal.py
host own-file-more
for width in 60 72 132; do
	COLUMNS=90 run $terminal $width out "$KVMTUNE_FAKE" status -v
	ok "a terminal of $width columns" [ "$(widest "$tmp/out")" -le "$width" ]
	ok "a terminal of $width columns is used" [ "$(widest "$tmp/out")" -gt $((width < 100 ? width - 15 : 85)) ]
done
COLUMNS=60 run kvmtune status -v
at_60=$out
run $terminal 20 out "$KVMTUNE_FAKE" status -v
is "$out" "$at_60" 'a terminal of 20 columns is one of 60'
for columns in 1 59; do
	COLUMNS=$columns run kvmtune status -v
	is "$out" "$at_60" "COLUMNS=$columns is 60"
done
run kvmtune status -v
unbroken=$out
ok 'a pipe: nothing is broken' [ "$(widest "$tmp/out")" -gt 200 ]
for columns in 0 -5 x 99999999999999999999 ''; do
	COLUMNS=$columns run kvmtune status -v
	is "$out" "$unbroken" "COLUMNS=$columns is no width"
done
COLUMNS=80 run kvmtune status -v
at_80=$out
run $terminal 0 out "$KVMTUNE_FAKE" status -v
is "$out" "$at_80" 'a terminal that does not know its size'

# Messages: broken on a terminal, one line each in a log.
host in-use
run kvmtune ept off
like "$err"$'\n' $'^kvmtune: refused: [^\n]*\n\n.*\nWait for them: [^\n]*\n$' 'in a log a message is one line'
run $terminal 60 err "$KVMTUNE_FAKE" ept off
ok 'on a terminal a message is broken' [ "$(widest "$tmp/out")" -le 60 ]
like "$status $out" $'^3 kvmtune: refused: [^\n]*\n         .*\nWait for them:  kvmtune ept off --wait\n' \
	'on a terminal: alternatives stand below each other'

# ---- colours ----

# colored TEXT MEANING NAME: $out has the text in this colour
colored()
{
	like "$out" "$esc\\[$2m$1$esc\\[0m" "$3"
}

host in-use
export TERM=xterm
run $terminal 80 both "$KVMTUNE_FAKE" ept off
colored refused 31 'a refusal on a terminal'
run $terminal 80 err "$KVMTUNE_FAKE" ept off
colored refused 31 'stderr is a terminal'
run $terminal 80 out "$KVMTUNE_FAKE" ept off
unlike "$out$err" "$esc" 'stdout is a terminal, stderr is none'
run $terminal 80 both "$KVMTUNE_FAKE" audit ept=off ept=on
colored kvmtune: '1;31' 'a usage error'
NO_COLOR=1 run $terminal 80 both "$KVMTUNE_FAKE" ept off
unlike "$out$err" "$esc" 'NO_COLOR'
NO_COLOR='' run $terminal 80 both "$KVMTUNE_FAKE" ept off
colored refused 31 'an empty NO_COLOR is none'
TERM=dumb run $terminal 80 both "$KVMTUNE_FAKE" ept off
unlike "$out$err" "$esc" 'TERM=dumb'
run $terminal 80 both "$KVMTUNE_FAKE" ept off --color=never
unlike "$out$err" "$esc" '--color=never'
unset TERM
run $terminal 80 both "$KVMTUNE_FAKE" ept off
unlike "$out$err" "$esc" 'no TERM'
run kvmtune ept off --color=always
like "$err" "$esc\\[31mrefused$esc\\[0m" '--color=always: messages too'

host ksm-tuned
run kvmtune --color=always audit ept=on ksm=off npt=on nested=on
colored ok 32 'audit: ok'
colored DIFFERS '1;31' 'audit: DIFFERS'
colored 'not here' 31 'audit: refused'
colored unknown 35 'audit: unknown'
run kvmtune ept off --defer
run kvmtune --color=always audit ept=off
colored pending 33 'audit: pending'
run kvmtune --color=always status
colored 'on; off at the next load' 33 'status: pending'
run kvmtune --color=always list
like "$out" "on\\|off +on +$esc\\[33moff$esc" 'list: pending'
run kvmtune --color=always undo --list
colored 'done *' 32 'undo --list: done' # padded
run kvmtune --color=always ksm off
colored 'done' 32 'a change: done'
run kvmtune --color=always cpu
colored yes 32 'cpu: yes'
host intel-ept-on
call_number load ept off
KVMTUNE_FAKE_FAIL=$n run kvmtune ept off --color=always
colored FAILED '1;31' 'the step that failed'
like "$err" "$esc\\[1;31mfailed$esc\\[0m" 'a failure'
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
run kvmtune --color=always
like "$out" "^$esc\\[1;31minterrupted$esc\\[0m: kvmtune ept off did not end" 'status: an interrupted change comes first'

# A colour changes no text, and is never alone.
for words in status list cpu guests 'ksm -v' 'undo --list' 'ept off -n' 'audit ept=off ksm=on npt=on' 'ept off' \
	--help; do
	for width in 60 80; do
		host ksm-6.12
		read -ra command <<<"$words"
		COLUMNS=$width run kvmtune "${command[@]}" --color=always
		plain=$(sed "s/$esc\\[[0-9;]*m//g" "$tmp/out" "$tmp/err")
		host ksm-6.12
		COLUMNS=$width run kvmtune "${command[@]}"
		is "$plain" "$(cat "$tmp/out" "$tmp/err")" "$words at $width columns: colour changes no text"
	done
done

done_testing
