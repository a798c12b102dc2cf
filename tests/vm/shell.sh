#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shell.sh - an interactive shell in a test machine, with kvmtune in it
#
#   tests/vm/shell.sh [KEY=VALUE...]      keys as in machine.sh: kind, cpu, cpus, memory, words, persistent;
#                                         mode=systemd-shell for one with systemd and its services
#
# kvmtune, kvmhold and strace are there, kvm_intel is loaded. 'exit' or ctrl-D ends the machine; ctrl-C is the
# machine's own; should it hang, end this script from outside (or, with kind=tcg, type ctrl-A x).

set -uo pipefail

# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

free_port()
{
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM))
		grep -qi ":$(printf %04X $port) " /proc/net/tcp /proc/net/tcp6 2>/dev/null || { echo $port; return; }
	done
	return 1
}

# Bochs waits for us to connect to its serial line before it boots.
# shellcheck disable=SC2031 # pid is this script's here, not that of machine_run
connect()
{
	for _ in {1..50}; do
		kill -0 "$pid" 2>/dev/null || break
		exec 3<>"/dev/tcp/127.0.0.1/$1" && return
		sleep 0.2
	done 2>/dev/null
	machine_say "Bochs does not start:"
	tail -n 5 "$top/emulator.log" >&2
	return 1
}

bochs_shell()
{
	setpriv --pdeathsig KILL "${emulator[@]}" </dev/null >"$top/emulator.log" 2>&1 &
	pid=$!
	connect "${serial#*:}" || return
	exec 4<&0
	[ ! -t 0 ] || stty raw -echo
	cat <&4 >&3 &
	reader=$!
	cat <&3
}

end()
{
	[ -z "$terminal" ] || stty "$terminal"
	[ -z "$reader" ] || kill "$reader" 2>/dev/null
	machine_stop
	cd / && rm -rf "$top"
}

top=$(mktemp -d "${TMPDIR:-/tmp}/kvmtune-vm.XXXXXX") || exit 1
pid="" reader="" terminal="" size=""
if [ -t 0 ]; then
	terminal=$(stty -g)
	size="kvmtune.tty=$(stty size | tr ' ' x)"
fi
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

port=$(free_port) || { machine_say "no free port"; exit 125; }
machine_programs "$top/job" || exit
machine_options "serial=localhost:$port" mode=shell "$@" "$top/job" "$top/out" || exit
words="$words $size"
machine_prepare || exit
machine_say "booting $kind, $cpu: a shell comes in some 20 seconds (tcg: 5)"
case $kind in
bochs) bochs_shell ;;
tcg) "${emulator[@]}" 2>"$top/emulator.log" ;;
esac
