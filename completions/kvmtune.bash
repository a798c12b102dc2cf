# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bash completion for kvmtune. All words come from the program: `kvmtune --list-words`.

# Is this line among its words? A "=" or a blank may follow it: "option --root".
_kvmtune_has() { [[ $'\n'$words$'\n' == *$'\n'"$1"[=\ $'\n']* ]]; }

# The words of one kind ("command", "takes ept", "value ept", "choice --color") that fit what is typed.
_kvmtune_words()
{
	local line
	while read -r line; do
		[[ $line != "$1 "* || ${line#"$1 "} != "$2"* ]] || COMPREPLY+=("${line#"$1 "}")
	done <<<"$words"
}

# SETTING=VALUE: bash has split it at the "=". A variant is several of them, with commas.
_kvmtune_goal()
{
	local setting=$1 typed=$2 command=${3:-} line name
	if [ -n "$setting" ]; then
		_kvmtune_words "value $setting" "$typed"
		return
	fi
	while read -r line; do
		name=${line#value } name=${name%% *}
		[[ $line != "value $typed"* || " ${COMPREPLY[*]} " == *" $name= "* ]] || COMPREPLY+=("$name=")
	done <<<"$words"
	if [ ${#COMPREPLY[@]} = 0 ] && _kvmtune_has "variants $command" && [[ current == "$typed"* ]]; then
		COMPREPLY=(current)
	else
		compopt -o nospace 2>/dev/null
	fi
}

# What stands behind an option's "=".
_kvmtune_value()
{
	case $'\n'$words$'\n' in
	*$'\n'"argument $1 DIR"$'\n'*) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	*$'\n'"argument $1 FILE"$'\n'*) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	*) _kvmtune_words "choice $1" "$2"; return ;;
	esac
	compopt -o filenames 2>/dev/null
}

# Is the next word this option's value, "=" or not?
_kvmtune_takes_value() { [[ $1 == --* && $'\n'$words$'\n' == *$'\n'"option $1="$'\n'* ]]; }

_kvmtune()
{
	local typed=${COMP_WORDS[COMP_CWORD]} before="" option="" command="" words i
	words=$("${COMP_WORDS[0]/#\~/$HOME}" --list-words 2>/dev/null)
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
		-*) [ "${COMP_WORDS[i + 1]:-}" != "=" ] || ((i += 2)) ;;
		*) command=${COMP_WORDS[i]}; break ;;
		esac
	done
	if _kvmtune_takes_value "$before"; then
		option=$before before="="
	fi
	if [ "$before" = "=" ]; then
		case $option in
		-*) _kvmtune_value "$option" "$typed" ;;
		*) _kvmtune_goal "${option##*,}" "$typed" ;;
		esac
	elif [[ $typed == -* ]]; then
		_kvmtune_words "${command:+takes }${command:-option}" "$typed"
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
	elif [ -z "$command" ]; then
		_kvmtune_words command "$typed"
	elif _kvmtune_has "goals $command"; then
		_kvmtune_goal "" "$typed" "$command"
	else
		_kvmtune_words "value $command" "$typed"
	fi
}
complete -F _kvmtune kvmtune
