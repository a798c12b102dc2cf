#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# machine.sh - run one job in one emulated machine
#
#   tests/vm/machine.sh [KEY=VALUE...] JOBDIR OUTDIR       as a command, or
#   . tests/vm/machine.sh; machine_run [KEY=VALUE...] JOBDIR OUTDIR
#
# JOBDIR is copied to the machine's /io; its run.sh is the job (cwd /io, PATH begins with /io/bin). All that
# the job leaves in /io/out comes back in OUTDIR, with stdout, stderr, status, boot (uptime at its start),
# serial.log, emulator.log and bochs.log. Exit status: the job's own, 124 time-out, 125 the machine failed.
#
#   kind=bochs|tcg    Bochs (VMX and EPT as cpu= says) or QEMU's TCG                        bochs
#   cpu=MODEL         of that emulator                           corei7_sandy_bridge_2600k, EPYC
#   cpus=N            number of processors                                                      1
#   memory=MIB                                                                                512
#   mode=fast|systemd our small init, or systemd with its services (shell, systemd-shell:
#                     for shell.sh)                                                          fast
#   words=TEXT        more kernel words, such as "kvm_intel.ept=0"
#   limit=SECONDS     wall time before the machine is ended                                   600
#   boot=SECONDS      wall time in which the job has to begin                         as limit=
#   persistent=FILE   keep the root file system in FILE (made if absent), for jobs that need
#                     a second boot; otherwise whatever the job does to it is forgotten
#
# machine_programs JOBDIR puts lib.sh, ksm.sh, faults.sh and the programs in a job: kvmtune (KVMTUNE, default
# <project>/build/kvmtune, if it is built), one for each guest/*.c, and faults of all that is in guest/faults.
#
# Several machines may run at once. Their temporary files are in OUTDIR/.machine.

machine_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

machine_say() { printf 'machine: %s\n' "$*" >&2; }

# Says what is missing to run machines of a kind; nothing if all is there.
machine_lacks()
{
	local tool tools="mke2fs debugfs setpriv"
	case $1 in
	bochs) tools+=" bochs-bin xorriso" ;;
	tcg) tools+=" qemu-system-x86_64" ;;
	*) echo "no machine kind '$1'" && return ;;
	esac
	for tool in $tools; do
		command -v "$tool" >/dev/null || echo "$tool is not installed"
	done
	[ "$1" != bochs ] || [ -r /usr/lib/ISOLINUX/isolinux.bin ] || echo "isolinux is not installed"
	[ "$1" != bochs ] || [ -r /usr/share/vgabios/vgabios.bin ] || echo "vgabios is not installed"
}

# PROGRAM SOURCE...
machine_compile() { "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -o "$@"; }

machine_programs()
{
	local source kvmtune=${KVMTUNE:-$machine_here/../../build/kvmtune}
	mkdir -p "$1/bin" && cp "$machine_here"/guest/{lib,ksm,faults}.sh "$1/" || return
	[ ! -x "$kvmtune" ] || cp "$kvmtune" "$1/bin/kvmtune" || return
	for source in "$machine_here"/guest/*.c; do
		machine_compile "$1/bin/$(basename "$source" .c)" "$source" || return
	done
	machine_compile "$1/bin/faults" "$machine_here"/guest/faults/*.c
}

# Sets kind, cpu, ... and job, out in the caller's scope.
machine_options()
{
	kind=bochs cpu="" cpus=1 memory=512 mode=fast words="" limit=600 boot="" persistent="" serial=file
	while [ $# -gt 2 ]; do
		case $1 in
		kind=* | cpu=* | cpus=* | memory=* | mode=* | words=* | limit=* | boot=* | persistent=* | serial=*)
			printf -v "${1%%=*}" %s "${1#*=}" ;;
		*) machine_say "unknown option '$1'" && return 125 ;;
		esac
		shift
	done
	[ $# = 2 ] || { machine_say "JOBDIR and OUTDIR are needed"; return 125; }
	if [ -z "$cpu" ]; then
		case $kind in bochs) cpu=corei7_sandy_bridge_2600k ;; tcg) cpu=EPYC ;; esac
	fi
	job=$(realpath "$1")
	mkdir -p "$2" || return 125
	out=$(cd "$2" && pwd)
	[ -z "$persistent" ] || persistent=$(realpath -m "$persistent")
}

machine_words()
{
	# loglevel=3: an oops is still seen. cryptomgr.notests=1 saves Bochs 13 s, ",115200" 50 ms a line,
	# idle=halt a third of the time with several processors (its mwait is slow to wake). no_timer_check: on a
	# busy host the ticks that the kernel counts in TCG come too late, and it panics at boot.
	local all="console=ttyS0,115200 panic=-1 quiet loglevel=3 mitigations=off nokaslr random.trust_cpu=1"
	all+=" idle=halt no_timer_check cryptomgr.notests=1 audit=0 lsm=lockdown,yama kvmtune.mode=$mode"
	case $mode in systemd*) all+=" systemd.show_status=0 systemd.unit=kvmtune-job.service" ;; esac
	echo "$all $words"
}

# The io disk: the job's tree and our own files. The room that is left is for results.
machine_io_disk()
{
	mkdir -p io/.vm
	cp -a "$job/." io/ && cp "$machine_here"/guest/{init.sh,job.sh,kvmtune-job.service} io/.vm/ || return
	mke2fs -q -t ext4 -O ^has_journal -m 0 -L kvmtune-io -E root_owner=0:0 -d io io.img \
		$((64 + $(du -sm io | cut -f1)))M >/dev/null
}

machine_root_disk()
{
	root_mode=volatile root=root.img
	ln -s "$images/root.img" root.img
	[ -n "$persistent" ] || return 0
	root_mode=flat root=$persistent
	[ -e "$persistent" ] || { cp --sparse=always "$images/root.img" "$persistent.new" && mv "$persistent.new" "$persistent"; }
}

machine_iso()
{
	mkdir -p iso/isolinux
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 iso/isolinux/
	ln "$images/vmlinuz" "$images/initrd" iso/ 2>/dev/null || cp "$images/vmlinuz" "$images/initrd" iso/
	printf 'default linux\nlabel linux\nkernel /vmlinuz\nappend initrd=/initrd %s\n' "$(machine_words)" >iso/isolinux/isolinux.cfg
	xorriso -as mkisofs -quiet -o boot.iso -b isolinux/isolinux.bin -c isolinux/boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table iso 2>xorriso.log
}

# clock sync=none: time inside follows the instruction count, however busy this host is, and an idle machine
# does not wait. A person wants real time.
machine_bochsrc()
{
	local com1="mode=file, dev=$out/serial.log" clock=none
	[ "$serial" = file ] || { com1="mode=socket-server, dev=$serial"; clock=slowdown; }
	cat <<-RC
		config_interface: textconfig
		display_library: rfb, options=timeout=0
		cpu: model=$cpu, count=$cpus, ips=50000000, reset_on_triple_fault=0
		memory: guest=$memory, host=$memory
		romimage: file=/usr/share/bochs/BIOS-bochs-latest
		vgaromimage: file=/usr/share/vgabios/vgabios.bin
		vga: extension=none, update_freq=1
		clock: sync=$clock, time0=local
		pci: enabled=1, chipset=i440fx
		ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
		ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
		ata0-master: type=disk, mode=$root_mode, path="$root"
		ata0-slave: type=disk, mode=flat, path=io.img
		ata1-master: type=cdrom, path=boot.iso, status=inserted
		boot: cdrom
		com1: enabled=1, $com1
		sound: waveoutdrv=dummy
		speaker: enabled=0
		log: $out/bochs.log
		panic: action=fatal
		error: action=report
		info: action=ignore
		debug: action=ignore
	RC
}

# Makes the array emulator: the command to run.
machine_bochs()
{
	machine_iso && machine_bochsrc >bochsrc && echo continue >debugger || return
	emulator=(bochs-bin -q -f bochsrc -rc debugger)
	# Its only display is a VNC server on all interfaces: give it none, where we may
	if [ "$serial" = file ] && unshare --net true 2>/dev/null; then
		emulator=(unshare --net "${emulator[@]}")
	fi
}

machine_tcg()
{
	local snapshot=on
	[ -z "$persistent" ] || snapshot=off
	# Without cx16: QEMU 7.2 loses the flags of a cmpxchg16b that an interrupt follows, and Linux 6.12's slab
	# allocator then dies of a double fault, in two runs of three
	# shellcheck disable=SC2054 # QEMU's own commas
	emulator=(env TMPDIR="$PWD" qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -accel tcg -cpu "$cpu,-cx16"
		-smp "$cpus" -m "$memory" -kernel "$images/vmlinuz" -initrd "$images/initrd" -append "$(machine_words)"
		-drive "file=$root,format=raw,if=virtio,snapshot=$snapshot" -drive file=io.img,format=raw,if=virtio
		-device virtio-rng-pci)
	if [ "$serial" = file ]; then
		emulator+=(-display none -serial "file:$out/serial.log")
	else
		emulator+=(-display none -serial mon:stdio)
	fi
}

machine_prepare()
{
	local lacks
	lacks=$(machine_lacks "$kind")
	[ -z "$lacks" ] || { machine_say "$lacks"; return 1; }
	images=$("$machine_here/images.sh") || return
	rm -rf "$out/.machine" && mkdir "$out/.machine" && cd "$out/.machine" || return
	rm -f "$out"/{status,stdout,stderr,boot,bochs.log} # of an earlier run
	: >"$out/serial.log"
	machine_io_disk && machine_root_disk && "machine_$kind"
}

# Waits until the machine has ended or has to be; returns 0 when the job has ended.
machine_watch()
{
	local begin=$SECONDS end=$((SECONDS + limit))
	while :; do
		if [ $SECONDS -ge $((begin + ${boot:-$limit})) ] && ! grep -q 'kvmtune-vm: job starts' "$out/serial.log"; then
			machine_say "no boot in ${boot:-$limit} s" && return 124
		fi
		if grep -q 'kvmtune-vm: job ended' "$out/serial.log"; then
			[ -n "$persistent" ] || return 0 # a root that is kept wants an orderly end
		elif grep -q 'Kernel panic - not syncing' "$out/serial.log"; then
			machine_say "the kernel panicked" && return 125
		fi
		kill -0 "$pid" 2>/dev/null || break
		[ $SECONDS -lt $end ] || { machine_say "ended after $limit s"; return 124; }
		sleep 0.2
	done
	grep -q 'kvmtune-vm: job ended' "$out/serial.log" && return
	machine_say "the machine ended before its job: see $out/*.log"
	return 125
}

# By its process id, and only that.
machine_stop()
{
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	pid=""
}

machine_results()
{
	mkdir results
	debugfs -R "rdump /out results" io.img >/dev/null 2>&1
	cp -a results/out/. "$out/" 2>/dev/null
}

machine_main()
{
	local status
	pid=""
	machine_options "$@" || exit
	trap 'machine_stop; rm -rf "$out/.machine"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	machine_prepare || { machine_say "cannot prepare the machine"; exit 125; }
	# Should this shell be killed, so is the emulator
	setpriv --pdeathsig KILL "${emulator[@]}" </dev/null >"$out/emulator.log" 2>&1 &
	pid=$!
	machine_watch
	status=$?
	machine_stop
	machine_results
	[ $status != 0 ] || status=$(cat "$out/status") || status=125
	exit "$status"
}

# A sub-shell, so that traps and variables are the machine's own.
machine_run() (machine_main "$@")

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	machine_main "$@"
fi
