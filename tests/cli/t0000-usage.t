#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can be typed, and what is said to mistakes.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

host intel-ept-on

# mistake WORDS REGEX: exit status 2, a message on stderr alone, and nothing is done
mistake()
{
	local words calls

	read -ra words <<<"$1"
	run kvmtune "${words[@]}"
	status_is 2 "usage: kvmtune $1"
	like "$out|$err" "^\\|kvmtune: $2" "usage: kvmtune $1: says why"
	like "$err" 'kvmtune --help' "usage: kvmtune $1: says where to look"
	read_calls calls
	is "$calls" '' "usage: kvmtune $1: does nothing"
}

mistake 'frobnicate' 'unknown command "frobnicate"'
mistake 'status now' 'status takes no argument: "now"'
mistake 'guests all' 'guests takes no argument'
mistake 'undo 3' 'undo takes no argument'
mistake 'ept maybe' 'ept takes on\|off, not "maybe"'
mistake 'ept off on' 'one argument too many: "on"'
mistake 'ept OFF' 'ept takes on\|off'
mistake 'apply' 'no setting is wanted: no SETTING=VALUE is given, and there is neither a file .etc.kvmtune.conf'
mistake 'apply ept' '"ept" is not of the form'
mistake 'npt maybe' 'npt takes on\|off, not "maybe"'
mistake 'apply pml=off' 'unknown setting "pml"; the settings are: ept, npt, tdp, nested, ksm'
mistake 'apply ept=' 'ept takes on\|off, not ""'
mistake 'apply ept=off ept=on' 'ept is named twice'
mistake 'audit' 'no setting is wanted'
mistake 'audit ept=yes' 'ept takes on\|off'
mistake '--frobnicate' 'unknown or ambiguous option --frobnicate'
mistake '-x' 'unknown option -x'
mistake '--dry-run' '--dry-run needs a command'
mistake '--list' '--list needs a command'
mistake '--reserve=1G' '--reserve needs a command'
mistake '--frobnicate status' 'unknown or ambiguous option --frobnicate'
mistake '-x status' 'unknown option -x'
mistake 'cpu --dry-run' 'cpu does not take --dry-run'
mistake 'status --cpuid x' 'status does not take --cpuid'
mistake 'status --dry-run' 'status does not take --dry-run'
mistake 'audit --defer ept=on' 'audit does not take --defer'
mistake 'status --file x' 'status does not take --file'
mistake 'apply --file' '--file needs a value'
mistake 'guests --wait' 'guests does not take --wait'
mistake 'ept off --list' 'ept does not take --list'
mistake 'ept off --wait --defer' '--wait and --defer exclude each other'
mistake 'ept --dry-run' 'ept without a value changes nothing'
mistake 'undo --list --defer' '--list only lists'
mistake 'undo --list --all' '--list only lists'
mistake 'undo --skip --all' '--skip and --all exclude each other'
mistake 'ept off --all' 'ept does not take --all'
mistake 'ept off --wait=soon' '--wait takes a time'
mistake 'ept off --wait=-1' '--wait takes a time'
mistake 'ept off --wait=99999999999999999999' '--wait takes a time'
mistake 'status --color=green' '--color takes auto, always or never'
mistake 'status --color' '--color needs a value'
mistake 'status --json=yes' '--json takes no value'

# meant TYPED COMMAND: it is named, and not run
meant()
{
	# shellcheck disable=SC2086 # words
	run kvmtune $1
	read_calls calls
	like "$status $err" "^2 .*Did you mean:  $2 " "meant: $1"
	is "$calls" '' "meant: $1: nothing is done"
}
meant 'off ept' 'kvmtune ept off'
meant 'disable nested' 'kvmtune nested off'
meant 'ept=off' 'kvmtune apply ept=off'
meant 'EPT off' 'kvmtune ept off'
meant 'ept OFF' 'kvmtune ept off'
meant 'ept disable' 'kvmtune ept off'
meant 'nested enable' 'kvmtune nested on'
meant 'ksm stop' 'kvmtune ksm off'
meant 'ksm unmergd' 'kvmtune ksm unmerged'
meant 'stauts' 'kvmtune status'
meant 'guest' 'kvmtune guests'
meant 'ept off --dryrun' '--dry-run'
meant 'ept off --reserv=1G --jsn' '--json'
meant 'ept off --wait 10m' '--wait=10m'
run kvmtune frobnicate
unlike "$err" 'Did you mean' 'meant: who knows'
for words in help 'help ept'; do
	# shellcheck disable=SC2086 # words
	run kvmtune $words
	like "$status $out" '^0 .*kvmtune' "$words"
done

# No command is status, and one more line.
run kvmtune status
said=$out
run kvmtune
is "$status $out|$err" "0 $said

Help:  kvmtune --help|" 'no command: status, and the help'
run kvmtune --quiet
quiet=$out
run kvmtune status --quiet
is "$quiet" "$out" 'no command, --quiet: status alone'
run kvmtune --json
document=$out
run kvmtune status --json
is "$document" "$out" 'no command, --json: status alone'
run kvmtune -v --color=never
like "$out" 'Parameters of kvm_intel now' 'no command, -v: status -v'
run kvmtune --json --root "$tmp/no-such-directory"
like "$status $out" '^2 .*"command": ?"status"' 'no command, --json: an error names the command'

run kvmtune --root "$tmp/no-such-directory" status
status_is 2 'a root that is not there is a usage error'
like "$err" 'cannot open the root directory' 'it is named'

# Options stand where they like.
run kvmtune ept --dry-run off -q
is "$status$err" 0 'options may stand between the words'
run kvmtune -nq ept off
is "$status$err" 0 'short options may be joined'

# Help needs no host, and everything that is advertised is there.
unset KVMTUNE_FAKE_HOST
for program in "$KVMTUNE_FAKE" "$KVMTUNE"; do
	run "$program" --help
	is "$status$err" 0 "${program##*/} --help"
	for command in status cpu guests ept apply audit undo; do
		like "$out" $'\n  '"$command" "--help names $command"
		run "$program" "$command" --help
		is "$status$err" 0 "$command --help"
		like "$out" "^Usage: kvmtune \\[options\\] $command" "$command --help: usage"
		run "$program" --help
	done
	longest=$(awk '{ if (length > n) n = length } END { print n }' "$tmp/out")
	ok 'help fits into 80 columns' [ "$longest" -le 80 ]
	run "$program" --version
	like "$status $out" '^0 kvmtune [0-9]+\.[0-9]+\.[0-9]+(~dev)?$' '--version'
done

# The real program on the machine that runs this test: whatever it is, looking works.
for words in status cpu guests ept 'status --json' 'cpu --json' 'undo --list'; do
	# shellcheck disable=SC2086
	run "$KVMTUNE" $words
	is "$status$err" 0 "the real kvmtune $words works here"
done

done_testing
