# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# hosts.sh - builds made-up hosts for kvmtune-fake from the descriptions in tests/hosts/.
#
#	make_host NAME DIR	builds tests/hosts/NAME.sh in DIR: DIR/root is its file tree,
#				DIR/fake what the fake kernel is told (tests/lib/fake_ports.c)
#
# A description calls the functions below. Everything is done by the shell itself, and a host takes
# some milliseconds.

host_dir=
MODULE= # the one of this host's processor
PARAMS=
HOSTS=${HOSTS:-tests/hosts}

make_host()
{
	host_dir=$2
	MODULE=kvm_intel PARAMS=$PARAMS_6_1
	mkdir -p "$2"/fake "$2"/root/{dev,etc/modprobe.d,lib/modprobe.d,proc/sys/kernel} \
		"$2"/root/{run/udev,sys/module,usr/local/lib,var/lib/kvmtune,var/cache} \
		"$2"/root/sys/devices/system/cpu/vulnerabilities
	chmod 711 "$2"/root/var/lib/kvmtune
	# shellcheck source=/dev/null
	. "$HOSTS/$1.sh"
}

# all_hosts: the names of all; some_hosts: for loops that take long: of those that differ in KSM only
# these few, or with KVMTUNE_HOSTS='NAME...' only these (under AddressSanitizer, for example), and
# without those in KVMTUNE_HOSTS_DONE='NAME...' (those that another run has)
KSM_HOSTS='ksm-chroot ksm-only ksm-tmpfiles ksm-tuned'

all_hosts()
{
	local file

	for file in "$HOSTS"/*.sh; do
		file=${file##*/}
		printf '%s\n' "${file%.sh}"
	done
}

some_hosts()
{
	local name hosts=$KVMTUNE_HOSTS

	if [ ! "$hosts" ]; then
		hosts=$KSM_HOSTS
		for name in $(all_hosts); do
			[[ $name = ksm-* ]] || hosts+=" $name"
		done
	fi
	for name in $hosts; do
		[[ " $KVMTUNE_HOSTS_DONE " == *" $name "* ]] || printf '%s\n' "$name"
	done
}

# about KEY VALUE: one line for the fake kernel; of two with the same key the last one holds.
about()
{
	printf '%s\n' "$*" >>"$host_dir/fake/host"
}

# put PATH LINE...: a file of the host.
put()
{
	local path=$host_dir/root$1

	shift
	[ -d "${path%/*}" ] || mkdir -p "${path%/*}"
	printf '%s\n' "$@" >"$path"
}

# ---- the machine ----

# machine NAME KERNEL: root on a host with udev, as nearly all are
machine()
{
	about name "$1"
	about kernel "$2"
	about machine x86_64
	about root yes
	put /run/udev/control ''
	put /proc/sys/kernel/modules_disabled 0
	cmdline "BOOT_IMAGE=/boot/vmlinuz-$2 root=/dev/mapper/vg0-root ro quiet"
	put /lib/modprobe.d/aliases.conf '# aliases of this distribution' 'alias net-pf-1 unix'
}

# hypervisor: Debian 12 on a machine with EPT and 64 GiB, kvm_intel loaded
# shellcheck disable=SC2119 # its own arguments are not the module's
hypervisor()
{
	machine hv042 6.1.0-28-amd64
	cpu_broadwell
	module_loaded
	memory 64 48
}

cmdline()
{
	put /proc/cmdline "$*"
}

# folder PATH, drop PATH...: a directory more, files less
folder()
{
	mkdir -p "$host_dir/root$1"
}

drop()
{
	rm -r "${@/#/$host_dir/root}"
}

# conf FILE LINE...: a file of /etc/modprobe.d
conf()
{
	local file=$1

	shift
	put "/etc/modprobe.d/$file" "$@"
}

# own_conf LINE...: kvmtune's own file
own_conf()
{
	# shellcheck disable=SC2016
	conf zz-kvmtune.conf '# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back.' "$@"
}

no_udev()
{
	drop /run/udev/control
}

# ---- processors ----

FLAGS_X86_64='fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush'
FLAGS_X86_64+=' mmx fxsr sse sse2 ss ht syscall nx'

# cpuinfo VENDOR FAMILY MODEL BRAND FLAGS [VMX-FLAGS]: two processors
cpuinfo()
{
	local cpu extra=()

	if [ "$6" ]; then
		extra=("vmx flags	: $6")
	fi
	for cpu in 0 1; do
		printf '%s\n' "processor	: $cpu" "vendor_id	: $1" "cpu family	: $2" \
			"model		: $3" "model name	: $4" "stepping	: 1" \
			"cpu MHz		: 2394.454" "cpu cores	: 2" "fpu		: yes" \
			"flags		: $FLAGS_X86_64 $5" "${extra[@]}" \
			"bogomips	: 4788.90" "address sizes	: 46 bits physical, 48 bits virtual" \
			"power management:" ""
	done >"$host_dir/root/proc/cpuinfo"
	about vendor "$1"
	about brand "$4"
}

l1tf()
{
	put /sys/devices/system/cpu/vulnerabilities/l1tf "$*"
}

# vtx_hidden [FLAG]: CPUID shows VT-x, the flags of the kernel do not
vtx_hidden()
{
	machine dom0 6.1.0-28-amd64
	cpuinfo GenuineIntel 6 79 'Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz' \
		"est ssse3 sse4_1 sse4_2${1:+ $1}"
	about vmx yes
	about svm no
	about hypervisor no
	about virt unknown
	about ept yes
	module_loadable
}

cpu_broadwell()
{
	local vmx='vnmi preemption_timer posted_intr invvpid ept_x_only ept_ad ept_1gb flexpriority'

	vmx+=' apicv tsc_offset vtpr mtf vapic ept vpid unrestricted_guest vapic_reg vid ple'
	vmx+=' shadow_vmcs pml'
	cpuinfo GenuineIntel 6 79 'Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz' \
		'vmx smx est tm2 ssse3 sse4_1 sse4_2 tpr_shadow flexpriority ept vpid ept_ad' "$vmx"
	about vmx yes
	about svm no
	about hypervisor no
	about virt yes
	about ept yes
	l1tf 'Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable'
}

# VT-x without EPT: the capability registers have no secondary control for it.
cpu_penryn()
{
	cpuinfo GenuineIntel 6 23 'Intel(R) Core(TM)2 Duo CPU     T9600  @ 2.80GHz' \
		'vmx smx est tm2 ssse3 sse4_1 tpr_shadow flexpriority vnmi' \
		'vnmi flexpriority tsc_offset vtpr vapic'
	about vmx yes
	about svm no
	about hypervisor no
	about virt yes
	about ept no
	l1tf 'Mitigation: PTE Inversion; VMX: EPT disabled'
}

# amd FLAGS: an EPYC whose flags are these; its module is kvm_amd
amd()
{
	cpuinfo AuthenticAMD 23 49 'AMD EPYC 7302 16-Core Processor' "$1"
	about vmx no
	about svm yes
	about hypervisor no
	about virt yes
	about npt yes
	about module kvm_amd
	MODULE=kvm_amd PARAMS=$PARAMS_AMD_6_1
	l1tf 'Not affected'
}

cpu_epyc()
{
	amd 'svm extapic npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid avic vgif'
}

# epyc_host: Debian 12 on an EPYC with kvm_amd loaded
epyc_host()
{
	machine hv100 6.1.0-28-amd64
	cpu_epyc
	module_loaded "$@"
}

# ---- the module ----

# Parameters of kvm_intel in Linux 6.1 with what they are when nobody says anything.
PARAMS_6_1='allow_smaller_maxphyaddr=N:bool dump_invalid_vmcs=N:bool eptad=Y:bool ept=Y:bool
	emulate_invalid_guest_state=Y:bool enable_apicv=Y:bool enable_ipiv=N:bool
	enable_shadow_vmcs=Y:bool error_on_inconsistent_vmcs_config=Y:bool fasteoi=Y:bool
	flexpriority=Y:bool nested=Y:bool nested_early_check=N:bool ple_gap=128:int
	ple_window=4096:int ple_window_grow=2:int ple_window_max=4294967295:int
	ple_window_shrink=0:int pml=Y:bool preemption_timer=Y:bool pt_mode=0:int
	unrestricted_guest=Y:bool vmentry_l1d_flush=cond:l1d vnmi=Y:bool vpid=Y:bool'

# Those of RHEL 8 (4.18): nested is shown as a number.
PARAMS_EL8='dump_invalid_vmcs=N:bool eptad=Y:bool ept=Y:bool emulate_invalid_guest_state=Y:bool
	enable_apicv=Y:bool enable_shadow_vmcs=Y:bool fasteoi=Y:bool flexpriority=Y:bool
	nested=1:bint nested_early_check=N:bool ple_gap=128:int ple_window=4096:int
	ple_window_grow=2:int ple_window_max=4294967295:int ple_window_shrink=0:int pml=Y:bool
	preemption_timer=Y:bool pt_mode=0:int unrestricted_guest=Y:bool
	vmentry_l1d_flush=cond:l1d vnmi=Y:bool vpid=Y:bool'

# Those of kvm_amd in Linux 6.1, on a processor with SEV.
PARAMS_AMD_6_1='avic=N:bool dump_invalid_vmcb=N:bool force_avic=N:bool intercept_smi=Y:bool lbrv=1:bint
	nested=1:bint npt=Y:bool nrips=1:bint pause_filter_count=3000:int
	pause_filter_count_grow=2:int pause_filter_count_max=65535:int
	pause_filter_count_shrink=0:int pause_filter_thresh=128:int sev=Y:bool sev_es=Y:bool
	tsc_scaling=1:bint vgif=1:bint vls=1:bint'

# Those of RHEL 7 (3.10), where all are numbers.
PARAMS_AMD_EL7='avic=0:bint nested=0:bint npt=1:bint vgif=1:bint vls=1:bint'

# more_params NAME=DEFAULT:TYPE...: a kernel that has these too; params_el8: that of RHEL 8
more_params()
{
	PARAMS+=" $*"
}

params_el8()
{
	PARAMS=$PARAMS_EL8
}

# params_amd_el7: kvm_amd of RHEL 7
params_amd_el7()
{
	PARAMS=$PARAMS_AMD_EL7
}

# The module file is there for this kernel.
module_loadable()
{
	local p name value

	about kind loadable
	for p in $PARAMS; do
		name=${p%%=*} value=${p#*=}
		about param "$name" "${value#*:}" "${value%:*}"
	done
}

# parameters PARAM=VALUE...: what sysfs shows, where it is not the default
parameters()
{
	local p dir=$host_dir/root/sys/module/$MODULE/parameters

	for p in "$@"; do
		printf '%s\n' "${p#*=}" >"$dir/${p%%=*}"
	done
}

# module_loaded [PARAM=VALUE...]: it is loaded, and not in use
# shellcheck disable=SC2120 # descriptions call it with some
module_loaded()
{
	local dir=$host_dir/root/sys/module p

	module_loadable
	mkdir -p "$dir/$MODULE"/{parameters,holders} "$dir"/kvm/parameters
	put "/sys/module/$MODULE/initstate" live
	put "/sys/module/$MODULE/refcnt" 0
	put "/sys/module/$MODULE/coresize" 421888
	put /sys/module/kvm/initstate live
	put /sys/module/kvm/parameters/halt_poll_ns 200000
	for p in $PARAMS; do
		parameters "${p%:*}"
	done
	parameters "$@"
	device 0660
}

# other_kvm_module NAME [REFCNT]: it makes /dev/kvm, and ours is not loaded
other_kvm_module()
{
	put "/sys/module/$1/initstate" live
	[ ! "$2" ] || put "/sys/module/$1/refcnt" "$2"
	put /sys/module/kvm/initstate live
	folder "/sys/module/kvm/holders/$1"
	device 0660
}

# What a kernel shows that was told ept=0.
EPT_OFF=(ept=N eptad=N pml=N unrestricted_guest=N allow_smaller_maxphyaddr=Y
	'vmentry_l1d_flush=EPT disabled')
: "${EPT_OFF[@]}" # for the descriptions

# What one shows that was told npt=0.
NPT_OFF=(npt=N vls=0 sev=N sev_es=N)
: "${NPT_OFF[@]}"

# device MODE: /dev/kvm, of root and group kvm (104) where the tests may give it away
device()
{
	local path=$host_dir/root/dev/kvm

	: >"$path"
	chmod "$1" "$path"
	[ "$UID" != 0 ] || chown 0:104 "$path"
	about kvm_gid 104
	about udev_mode "$1"
}

# ---- the holders of KVM ----

in_use()
{
	put "/sys/module/${MODULE:-kvm_intel}/refcnt" "$1"
}

# user PID UID USER COMM KVM-FDS VM-FDS VCPU-FDS CGROUP ARGUMENT...; bytes as \xHH
user()
{
	local IFS='	'

	printf '%s\n' "$*" >>"$host_dir/fake/users"
}

# hidden N: so many processes do not let us look
hidden()
{
	printf 'hidden %s\n' "$1" >>"$host_dir/fake/users"
}

# guest PID NAME VCPUS: a virtual machine of libvirt
guest()
{
	user "$1" 107 qemu qemu-system-x86 1 1 "$3" \
		"/machine.slice/machine-qemu\\x5cx2d1\\x5cx2d$2.scope/libvirt/emulator" \
		/usr/bin/qemu-system-x86_64 -name "guest=$2,debug-threads=on" -S \
		-machine pc-q35-7.2,accel=kvm -m 4096 -smp "$3,sockets=$3"
}

# ---- memory ----

GIB=1048576 # in kB, as in /proc/meminfo

# memory TOTAL AVAILABLE [SWAP]: in GiB; 8 GiB of swap unless said, of which nothing is used
memory()
{
	local swap=${3-8}

	printf '%-16s%8d kB\n' MemTotal: $(($1 * GIB)) MemFree: $(($2 * GIB - GIB / 2)) \
		MemAvailable: $(($2 * GIB)) Buffers: 81920 Cached: 2097152 \
		SwapTotal: $((swap * GIB)) SwapFree: $((swap * GIB)) \
		>"$host_dir/root/proc/meminfo"
	put /proc/vmstat 'nr_free_pages 1048576' 'pgpgin 812377' 'pswpin 1200' 'pswpout 3400' \
		'oom_kill 0'
	put /proc/pressure/memory 'some avg10=0.00 avg60=0.00 avg300=0.00 total=120311' \
		'full avg10=0.00 avg60=0.00 avg300=0.00 total=98210'
}

# ---- same-page merging ----

# ksm_files RUN [NAME=VALUE...]: the files that every kernel with KSM has, nothing is merged; and more
ksm_files()
{
	local p

	for p in "run=$1" sleep_millisecs=20 pages_to_scan=100 merge_across_nodes=1 \
		max_page_sharing=256 stable_node_chains_prune_millisecs=2000 pages_shared=0 \
		pages_sharing=0 pages_unshared=0 pages_volatile=0 stable_node_dups=0 \
		stable_node_chains=0 full_scans=3104 "${@:2}"; do
		put "/sys/kernel/mm/ksm/${p%%=*}" "${p#*=}"
	done
}

# ksm RUN: as Linux 6.1 shows it
ksm()
{
	ksm_files "$1" use_zero_pages=0
}

# choice FILE WORD WORDS...: a file of sysfs that shows its words, the chosen one in brackets
choice()
{
	local file=$1 chosen=$2 word line=

	shift 2
	for word in "$@"; do
		[ "$word" != "$chosen" ] || word="[$word]"
		line+="${line:+ }$word"
	done
	put "$file" "$line"
}

# thp ENABLED DEFRAG: transparent huge pages as Linux 6.1 has them
thp()
{
	choice /sys/kernel/mm/transparent_hugepage/enabled "$1" always madvise never
	choice /sys/kernel/mm/transparent_hugepage/defrag "$2" \
		always defer defer+madvise madvise never
}

# merges COUNTER=N...: what the counters are when all that can be merged is: as soon as merging is
# turned on. A number is a process that has so many of these pages.
merges()
{
	local p

	for p in "$@"; do
		about merges "${p%%=*}" "${p#*=}"
	done
}

# merged COUNTER=N...: and that has happened already
merged()
{
	local p

	merges "$@"
	for p in "$@"; do
		case $p in
		[0-9]*) put "/proc/${p%%=*}/ksm_merging_pages" "${p#*=}" ;;
		*) put "/sys/kernel/mm/ksm/${p%%=*}" "${p#*=}" ;;
		esac
	done
}

# process PID PPID COMM CGROUP [ARGUMENT...]: what /proc shows of it
process()
{
	local dir=$host_dir/root/proc/$1

	mkdir -p "$dir"
	printf '%s\n' "$3" >"$dir/comm"
	printf '0::%s\n' "$4" >"$dir/cgroup"
	printf '%s (%s) S %s 0 0 0 -1 0 0 0 0 0 5200 431 0 0 20 0 1 0 100 0 0\n' "$1" "$3" "$2" \
		>"$dir/stat"
	printf 'ksm_rmap_items 0\n' >"$dir/ksm_stat"
	printf '0\n' >"$dir/ksm_merging_pages"
	: >"$dir/cmdline"
	[ $# -lt 5 ] || printf '%s\0' "${@:5}" >"$dir/cmdline"
}

ksmd()
{
	process 58 2 ksmd /
}

# guest_process PID NAME: the same virtual machine as guest() makes, as /proc shows it
guest_process()
{
	process "$1" 1 qemu-system-x86 \
		"/machine.slice/machine-qemu\\x2d1\\x2d$2.scope/libvirt/emulator" \
		/usr/bin/qemu-system-x86_64 -name "guest=$2,debug-threads=on" -S \
		-machine pc-q35-7.2,accel=kvm -m 4096
}

# two_guests: web-01 and db-01 run; of 2.7 GiB of their pages is only one copy there
two_guests()
{
	in_use 12
	guest 41922 web-01 8
	guest 41987 db-01 4
	guest_process 41922 web-01
	guest_process 41987 db-01
	ksmd
}

# two_guests_merged: and KSM is at work
two_guests_merged()
{
	two_guests
	ksm 1
	merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
}

# cgroup_limit CGROUP MAX CURRENT: in bytes
cgroup_limit()
{
	put "/sys/fs/cgroup$1/memory.max" "$2"
	put "/sys/fs/cgroup$1/memory.current" "$3"
}

# ---- services ----

# unit_file NAME [LINE...]: its file; the lines are those of its [Install] section
unit_file()
{
	local name=$1

	shift
	put "/lib/systemd/system/$name" '[Unit]' "Description=$name" '' '[Service]' \
		'Type=oneshot' 'RemainAfterExit=yes' 'ExecStart=/bin/true' ${1:+'' '[Install]'} "$@"
}

# unit NAME ACTIVE FILE [LOAD]: systemd knows it, in its own words
unit()
{
	no_units
	mkdir -p "$host_dir/fake/units"
	printf '%s %s %s\n' "${4:-loaded}" "$2" "$3" >"$host_dir/fake/units/$1"
	unit_file "$1" WantedBy=multi-user.target
	[ "$3" != enabled ] || wanted "$1"
}

# wanted NAME [TARGET [DIR]]: the link that starts it at boot
wanted()
{
	local dir=${3:-/etc/systemd/system}/${2:-multi-user.target}.wants

	folder "$dir"
	ln -s "/lib/systemd/system/$1" "$host_dir/root$dir/$1"
}

# state NAME ACTIVE FILE [JOB]: of a unit that is there; its links go with it
state()
{
	printf 'loaded %s %s\n' "$2" "$3${4:+ $4}" >"$host_dir/fake/units/$1"
	rm -f "$host_dir"/root/{etc,run}/systemd/system/*.wants/"$1"
	case $3 in
	enabled) wanted "$1" ;;
	enabled-runtime) wanted "$1" multi-user.target /run/systemd/system ;;
	esac
}

# other NAME ACTIVE: a unit of somebody else; relation UNIT PROPERTY NAME: systemd says so of it
other()
{
	printf 'loaded %s static\n' "$2" >"$host_dir/fake/units/$1"
}

relation()
{
	printf '%s\n' "$*" >>"$host_dir/fake/relations"
}

masked()
{
	ln -s /dev/null "$host_dir/root/etc/systemd/system/$1"
}

# both_units ACTIVE FILE [LOAD]: those of Debian's package ksmtuned
both_units()
{
	unit ksm.service "$@"
	unit ksmtuned.service "$@"
}

# no_units: systemd runs, and none of these services is installed
no_units()
{
	folder /run/systemd/system
	folder /etc/systemd/system
	folder /etc/tmpfiles.d
}
