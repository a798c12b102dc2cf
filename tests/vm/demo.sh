#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - shows kvmtune on a real kvm_intel and kvm_amd, in two emulated machines, to a person
#
#	tests/vm/demo.sh [TRANSCRIPT]     keeps what was shown in TRANSCRIPT (build/demo.txt)
#
# Under a minute, after the images have been made once. Both machines boot at once: the first one is shown as it
# goes on, the second one behind it. Its power is cut: QEMU ends in the middle of a change, and it boots again.
# Exit status: 0 where each step ended as the job says, else 1.

set -uo pipefail

PATH=$PATH:/usr/sbin:/sbin # as an ordinary user has not
vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath -m "$vm/../../build")
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$vm/machine.sh"

die() { echo "demo: $*" >&2; exit 1; }

# ---- the machines ----

# NAME KEY=VALUE...: runs its job in the background; sets machine_pid
start_machine()
{
	local name=$1
	shift
	setpriv --pdeathsig TERM "$vm/machine.sh" "$@" limit=300 "$work/job-$name" "$work/$name" 2>"$work/$name.messages" &
	machine_pid=$!
}

# NAME: the job of guest/demo-NAME.sh
make_job()
{
	cp -a "$work/programs" "$work/job-$1" && cp "$vm/guest/demo.sh" "$work/job-$1/" &&
		cp "$vm/guest/demo-$1.sh" "$work/job-$1/run.sh"
}

on_console() { grep -q "kvmtune-demo: $2" "$work/$1/serial.log" 2>/dev/null; }

# The second machine, with its power cut in between. It goes on while the first one is shown.
run_amd()
{
	local boot=1 mode=systemd
	trap 'kill -TERM $machine_pid 2>/dev/null; wait' EXIT
	trap 'exit 143' TERM
	for boot in 1 2; do
		echo $boot >"$work/job-amd/boot"
		start_machine amd kind=tcg mode=$mode persistent="$work/root.img"
		until on_console amd 'power cut' || ! kill -0 $machine_pid 2>/dev/null; do sleep 0.1; done
		[ $boot = 2 ] || ! on_console amd 'power cut' || kill -TERM $machine_pid
		wait $machine_pid
		status=$?
		cp "$work/amd/serial.log" "$work/amd$boot.log"
		: >"$work/amd/serial.log"
		mode=fast
	done
	return $status
}

# ---- what is shown ----

# Some time for reading, where somebody reads
pause() { [ ! -t 1 ] || read -r -t "$1" -u "$never"; }

# Lines of a console as a person should see them
show_lines()
{
	local line shown=no
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		"kvmtune-demo: begin") shown=yes ;;
		"kvmtune-demo: end" | "kvmtune-demo: power cut") return 0 ;;
		"kvmtune-demo: "*) echo "demo: ${line#kvmtune-demo: }" >&2 ;;
		*)
			[ $shown = yes ] || continue
			case $line in
			"== "*) pause 1 ;;
			"# "*) pause 0.5 ;;
			*) pause 0.02 ;;
			esac
			printf '%s\n' "$line"
			printf '%s\n' "$line" >>"$transcript"
			[[ $line != "# "* ]] || pause 0.5
			;;
		esac
	done
	return 1
}

# FILE PID: shows a console while that process writes it; false where it ends too early
follow() { show_lines < <(tail -n +1 -s 0.1 -F --pid="$2" "$1" 2>/dev/null); }

# FILE PID: waits for that file, and says so
await()
{
	local n=0
	until [ -e "$1" ] && grep -q "kvmtune-demo: begin" "$1" || ! kill -0 "$2" 2>/dev/null; do
		sleep 0.2
		n=$((n + 1))
		[ $((n % 10)) != 0 ] || printf . >&2
	done
	[ $n -lt 10 ] || echo >&2
}

tell_needs()
{
	local suite=$1
	echo "This shows kvmtune on two emulated hosts, Intel and AMD. It changes nothing on this host."
	if [ -e "$build/vm/$suite/root.img" ]; then
		echo "It takes about a minute."
	else
		echo "It takes about a minute, and three more the first time: it fetches some 100 MB of"
		echo "Debian packages and makes a disk image, which takes 1 GB in build/vm."
	fi
}

cleanup()
{
	# shellcheck disable=SC2046 # words
	kill -TERM $(jobs -p) 2>/dev/null
	wait
	rm -rf "$work"
}

main()
{
	local kind status=0 intel amd images
	[ "$(id -u)" = 0 ] || die "root is needed, to make the machines' disk image: run sudo ./bootstrap demo"
	for kind in bochs tcg; do
		lacks=$(machine_lacks $kind | paste -sd ';')
		[ -z "$lacks" ] || die "$lacks: run ./bootstrap demo"
	done
	transcript=$(realpath -m "${1:-$build/demo.txt}")
	tell_needs "$("$vm/images.sh" --suite)" || exit 1
	images=$("$vm/images.sh") || exit 1

	mkdir -p "$build/vm/results"
	work=$(mktemp -d "$build/vm/results/demo.XXXXXX") || exit 1
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	exec {never}<> <(:)
	# With a journal, as hosts have it: the power will be cut
	cp --sparse=always "$images/root.img" "$work/root.img" && tune2fs -O has_journal "$work/root.img" >/dev/null || exit 1
	machine_programs "$work/programs" && make_job intel && make_job amd || exit 1
	: >"$transcript"

	printf 'Booting both: about 20 seconds ' >&2
	start_machine intel kind=bochs
	intel=$machine_pid
	run_amd &
	amd=$!
	await "$work/intel/serial.log" "$intel"
	follow "$work/intel/serial.log" "$intel" || status=1
	wait "$intel" || status=1
	for boot in 1 2; do
		[ $status = 0 ] || break
		await "$work/amd$boot.log" "$amd"
		show_lines <"$work/amd$boot.log" || status=1
	done
	[ $status != 0 ] || wait "$amd" || status=1
	[ $status = 0 ] || tail -n 3 "$work"/*.messages >&2
	[ $status = 0 ] || die "it did not end as it should"
}

main "$@"
