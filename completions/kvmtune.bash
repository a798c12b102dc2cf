# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bash completion for kvmtune. All words come from the program: `kvmtune --list-words`.

# The words of one kind ("command", "option", "takes ept", "value ept", "choice --color") that fit what is typed.
_kvmtune_words()
{
	local word
	while read -r word; do
		[[ $word != "$1 "* || ${word#"$1 "} != "$2"* ]] || COMPREPLY+=("${word#"$1 "}")
	done < <("${COMP_WORDS[0]/#\~/$HOME}" --list-words 2>/dev/null)
}

# SETTING=VALUE: bash has split it at the "=".
_kvmtune_goal()
{
	local setting=$1 typed=$2 word
	if [ -n "$setting" ]; then
		_kvmtune_words "value $setting" "$typed"
		return
	fi
	while read -r word; do
		COMPREPLY+=("$word=")
	done < <("${COMP_WORDS[0]/#\~/$HOME}" --list-words 2>/dev/null |
		sed -n 's/^value \([^ ]*\) .*/\1/p' | uniq | grep "^$typed")
	compopt -o nospace 2>/dev/null
}

# What stands behind an option's "=".
_kvmtune_value()
{
	case $1 in
	--root | --capture) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	--file | --cpuid | --msr | --cpuinfo | --export | --plot | --resume) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	--color | --require | --defer) _kvmtune_words "choice $1" "$2" ;;
	esac
}

# Is the next word this option's value, "=" or not?
_kvmtune_takes_value()
{
	case $1 in
	--root | --file | --color | --reserve | --watch | --require | --cpuid | --msr | --cpuinfo | --capture | \
		--export | --plot | --resume | --runs | --precision | --budget | --seed | --warmup | --prepare | --cleanup | \
		--score | --score-json) ;;
	*) return 1 ;;
	esac
}

_kvmtune()
{
	local typed=${COMP_WORDS[COMP_CWORD]} before="" option="" command="" i
	COMPREPLY=()
	[ "$COMP_CWORD" -lt 1 ] || before=${COMP_WORDS[COMP_CWORD - 1]}
	[ "$typed" != "=" ] || { before="=" typed="" i=$((COMP_CWORD - 1)); option=${COMP_WORDS[i]}; }
	[ -n "$option" ] || [ "$before" != "=" ] || option=${COMP_WORDS[COMP_CWORD - 2]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		if _kvmtune_takes_value "${COMP_WORDS[i]}"; then
			((i++))
			[ "${COMP_WORDS[i]:-}" != "=" ] || ((i++))
			continue
		fi
		case ${COMP_WORDS[i]} in
		--wait | --defer) [ "${COMP_WORDS[i + 1]:-}" != "=" ] || ((i += 2)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]}; break ;;
		esac
	done
	if _kvmtune_takes_value "$before"; then
		option=$before before="="
	fi
	if [ "$before" = "=" ]; then
		case $option in
		-*) _kvmtune_value "$option" "$typed" ;;
		*) _kvmtune_goal "$option" "$typed" ;;
		esac
	elif [[ $typed == -* ]]; then
		_kvmtune_words "${command:+takes }${command:-option}" "$typed"
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
	elif [ -z "$command" ]; then
		_kvmtune_words command "$typed"
	elif [ "$command" = apply ] || [ "$command" = bench ] || [ "$command" = audit ]; then
		_kvmtune_goal "" "$typed"
	else
		_kvmtune_words "value $command" "$typed"
	fi
}
complete -F _kvmtune kvmtune
