#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Help, man page and completions against the program's own tables: nothing is left out, nothing made up.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

kvmtune=$(readlink -f "${KVMTUNE:-build/kvmtune}")
page=man/kvmtune.8.scd
count=0

# The rest of the words is the command that must succeed; what it prints is shown when it does not.
ok()
{
	local name=$1 output
	shift
	count=$((count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		printf '#   %s\n' "${output//$'\n'/$'\n'#   }"
	fi
}

# Fails with what differs between two lists of words.
same()
{
	diff <(sort -u <<<"$1") <(sort -u <<<"$2") && [ -n "$1" ]
}

words=$("$kvmtune" --list-words) || { echo "Bail out! $kvmtune --list-words failed"; exit 1; }
of() { sed -n "s/^$1 //p" <<<"$words" | sed 's/=$//'; }
section() { sed -n "/^# $1\$/,/^# /p" "$page" | sed '/^# /d'; }
# The terms that a section explains: lines of bold and underlined words, followed by an indented one.
terms() { section "$1" | sed -n '/^[*_]/{h;n;/^\t/{x;p}}'; }

# ---- the man page ----

refusals_in_source()
{
	{
		# The id is the first word with quotes that is no sentence.
		grep -rhozP '\b(err_status|plan_refuse|refuse_want|refuse|give_way_out)\([^;]*?"[a-z0-9]+(-[a-z0-9]+)*"' src | tr '\0\n' '\n ' |
			grep -oP '"[a-z0-9]+(-[a-z0-9]+)*"'
	} | tr -d '"' | sort -u
}

advice_in_source() { sed -n 's/^\t*\.name = "\(.*\)",$/\1/p' src/model/advice.c; }
statuses_in_source() { sed -n 's/^\tSTATUS_[A-Z]* = \([0-9]*\),.*/\1/p' include/kvmtune/err.h; }
plain() { tr -d '*_' ; }

ok "man page: commands" same "$(of command)" "$(terms COMMANDS | plain | cut -d' ' -f1)"
ok "man page: synopsis" same "$(of command)" \
	"$(section SYNOPSIS | sed -n 's/^\*kvmtune\* \[options\] \[\{0,1\}\*\([a-z-]*\)\*.*/\1/p')"
ok "man page: options" same "$(of option)" "$(terms OPTIONS | grep -oE -- '--[a-z-]+')"
ok "man page: no option that is not" same "$(of option)" \
	"$({ of option; grep -oE -- '(^|[^-a-z])--[a-z][a-z-]+' "$page" | grep -oE -- '--.*'; })"
ok "man page: exit statuses" same "$(statuses_in_source)" "$(terms 'EXIT STATUS' | plain)"
ok "man page: refusals" same "$(refusals_in_source)" "$(terms REFUSALS | plain | cut -d' ' -f1)"
ok "man page: advice" same "$(advice_in_source)" "$(terms ADVICE | plain)"

short_options()
{
	local long
	for long in $(of option); do
		"$kvmtune" --help | sed -n "s/^ *\(-[a-z]\), $long.*/\1/p"
	done
}
ok "man page: short options" same "$(short_options)" "$(terms OPTIONS | grep -oE '\*-[a-z]\*' | plain)"

# Documents are named in JSON as in the page.
documents_in_source()
{
	grep -rhoP 'json_document\("\K[a-z]+' src/report | sed 's/.*/kvmtune.&.1/'
	grep -rhoP '#define SCHEMA\s+"\K[a-z0-9.]+' src/bench
}
ok "man page: JSON documents" same "$(documents_in_source)" "$(terms JSON | plain)"

# ---- help ----

help_options() { "$kvmtune" "$@" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--.*'; }
ok "help: options" same "$(of option)" "$(help_options)"
for command in $(of command); do
	ok "help of $command: its options" same "$(of "takes $command")" "$(help_options "$command")"
	ok "help: $command" grep -qE "^  $command( |\$)" <("$kvmtune" --help)
done
refuses() { ! "$kvmtune" "$@" >/dev/null 2>&1; }
ok "help of what is no command" refuses nonsense --help

# What the table says is what the parser does: an option that is not taken is a usage error.
takes()
{
	local command=$1 option=$2 status
	"$kvmtune" --root /nonexistent "$command" "$option" >/dev/null 2>&1
	status=$?
	if of "takes $command" | grep -qx -- "$option"; then
		"$kvmtune" --root /nonexistent "$command" "$option" 2>&1 | grep 'does not take' && return 1
	else
		[ $status = 2 ] || { echo "$command $option: exit status $status, not 2"; return 1; }
	fi
	return 0
}
all_taken()
{
	local option
	for option in $(of option | grep -vE -- '--(root|color|help|version)'); do
		takes "$1" "$option" || return 1
	done
}
for command in $(of command); do
	ok "$command takes what the table says" all_taken "$command"
done

# ---- completions ----

complete_in() # WORD... - the last one is being typed
{
	local PATH=${kvmtune%/*}:$PATH
	# shellcheck disable=SC2034 # the function's input
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_kvmtune 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}"
}
offers() { same "$1" "$(complete_in "${@:2}")"; }

# shellcheck source-path=SCRIPTDIR source=../../completions/kvmtune.bash
. completions/kvmtune.bash
ok "completion: registered" grep -q -- '-F _kvmtune kvmtune' <(complete -p kvmtune)
ok "completion: commands" offers "$(of command)" kvmtune ""
ok "completion: commands behind options" offers "$(of command)" kvmtune -q --root /tmp --wait = 5 ""
ok "completion: beginning of a command" offers status kvmtune sta
raw_options() { sed -n "s/^$1 //p" <<<"$words"; }
ok "completion: all options" offers "$(raw_options option)" kvmtune --
for command in $(of command); do
	ok "completion: options of $command" offers "$(raw_options "takes $command")" kvmtune "$command" --
done
ok "completion: choices of --color" offers "$(raw_options "choice --color")" kvmtune --color = ""
ok "completion: choices of --require" offers "$(raw_options "choice --require")" kvmtune cpu --require ""
ok "completion: begun choice of --require" offers unrestricted-guest kvmtune cpu --require = unr
for option in cpuid msr cpuinfo; do
	ok "completion: files of --$option" offers LICENSE kvmtune cpu --$option LICEN
done
for option in export plot resume; do
	ok "completion: files of --$option" offers LICENSE kvmtune bench --$option LICEN
done
# Of each option that takes a value the next word is that value.
while read -r option; do
	ok "completion: a command behind the value of $option" offers "$(of command)" kvmtune "$option" x ""
done < <(sed -n 's/^option \(.*\)=$/\1/p' <<<"$words")
ok "completion: behind an option with a value" offers "$(of command)" kvmtune --require ept ""
for setting in $(of value | cut -d' ' -f1 | sort -u); do
	ok "completion: values of $setting" offers "$(of "value $setting")" kvmtune "$setting" ""
	begun=$(of value | grep "^${setting%?}" | sed 's/ .*/=/')
	ok "completion: $setting= behind apply" offers "$begun" kvmtune apply "${setting%?}"
	ok "completion: values behind apply $setting=" offers "$(of "value $setting")" kvmtune apply "$setting" =
	last=$(of "value $setting" | tail -n 1)
	ok "completion: begun value" offers "$last" kvmtune audit "$setting" = "${last%?}"
done
ok "completion: current, a variant of bench" offers current kvmtune bench curr
ok "completion: directories" offers /usr/bin kvmtune --root /usr/bi
nothing() { [ -z "$(complete_in "$@")" ]; }
ok "completion: nothing behind what is no command" nothing kvmtune nonsense ""
# All commands, options and settings come from --list-words.
own_words()
{
	! grep -v '^#' "$1" | sed 's/--list-words//' | grep -wE "$({ of command; of option; of value | cut -d' ' -f1; } | paste -sd '|')"
}
for file in completions/*; do
	ok "completion: no words of its own: $file" own_words "$file"
done

echo "1..$count"
