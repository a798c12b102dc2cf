#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# images.sh - make the images of the emulated test machines, out of Debian packages only
#
#   tests/vm/images.sh        makes what is missing or out of date, prints the directory:
#       DIR/vmlinuz           Debian's cloud kernel, as it is
#       DIR/initrd            busybox, the disk drivers and guest/initramfs-init
#       DIR/root.img          ext4 without a journal (so that debugfs sees all), label kvmtune-root
#       DIR/stamp             hash of what they were made from
#   tests/vm/images.sh --suite    prints which suite that would be
#
# All machines, boot modes and emulators share these; everything else (kernel words, ISO, io disk) is
# made for each run by machine.sh. Nothing is mounted and nothing is installed on this host.
#
# KVMTUNE_VM_DIR      where to keep them (default <project>/build/vm); one sub-directory a suite
# KVMTUNE_VM_SUITE    Debian suite (default: this host's, so that programs that are built here find their libraries
#                     there; bookworm where this is neither bookworm nor trixie)
# KVMTUNE_VM_MIRROR   Debian mirror (default: the one this host's apt uses)

set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KVMTUNE_VM_DIR:-$here/../../build/vm}
PATH=$PATH:/usr/sbin:/sbin
kernel=linux-image-cloud-amd64 # the full kernel takes minutes to boot in Bochs
root_size=768M                 # sparse; leaves some 250 MiB free
drivers="ata_piix ata_generic sd_mod virtio_pci virtio_blk ext4"
subjects="kvm_intel kvm_amd msr cpuid"

# shellcheck source=/dev/null # of this host
suite=${KVMTUNE_VM_SUITE:-$(. /etc/os-release 2>/dev/null; echo "${VERSION_CODENAME:-}")}
case $suite in bookworm | trixie) ;; *) suite=${KVMTUNE_VM_SUITE:-bookworm} ;; esac
[ "${1:-}" != --suite ] || { echo "$suite"; exit; }

say() { printf 'images: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

packages()
{
	local cpuid=libcpuid16
	[ "$suite" = bookworm ] || cpuid=libcpuid17
	echo "systemd,systemd-sysv,dbus,kmod,udev,procps,ksmtuned,python3,strace,libkmod2,libsystemd0,$cpuid,libjson-c5"
}

# What an emulator does not need, and would spend long seconds on.
masked()
{
	cat <<-'LIST'
		apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
		systemd-tmpfiles-clean.timer e2scrub_reap.service getty@.service serial-getty@.service getty-static.service
		console-getty.service systemd-timesyncd.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
		systemd-udev-trigger.service systemd-udev-settle.service systemd-random-seed.service
		systemd-sysusers.service systemd-modules-load.service systemd-remount-fs.service systemd-sysctl.service
		systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service kmod-static-nodes.service
		systemd-pstore.service systemd-binfmt.service systemd-hwdb-update.service systemd-journal-flush.service
		systemd-machine-id-commit.service systemd-firstboot.service ldconfig.service
		systemd-journal-catalog-update.service systemd-udev-load-credentials.service systemd-update-done.service
		systemd-network-generator.service systemd-networkd.service systemd-resolved.service
		systemd-logind.service systemd-user-sessions.service rc-local.service networking.service
		dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount
		sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount
		modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@dm_mod.service modprobe@loop.service
	LIST
}

inputs_hash()
{
	{ cat "${BASH_SOURCE[0]}" "$here/guest/initramfs-init"; packages; } | sha256sum | cut -d' ' -f1
}

need_tools()
{
	local tool missing=""
	for tool in debootstrap apt-get dpkg-deb depmod modprobe cpio gzip busybox mke2fs xz unshare; do
		command -v "$tool" >/dev/null || missing+=" $tool"
	done
	[ "$(id -u)" = 0 ] || die "root is needed to make the images (debootstrap)"
	[ -z "$missing" ] || die "not installed here:$missing"
}

mirror()
{
	local uri=${KVMTUNE_VM_MIRROR:-}
	# shellcheck disable=SC2016 # these are apt's own variables
	[ -n "$uri" ] || uri=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" { print $2; exit }')
	[ -n "$uri" ] || die "no Debian mirror among this host's apt sources: run apt-get update, or set KVMTUNE_VM_MIRROR"
	echo "$uri"
}

# apt with its own lists, so that any suite can be had and this host's apt is left alone
private_apt()
{
	local tool=$1
	shift
	"$tool" -qq -o Dir::State="$new/apt" -o Dir::Cache="$new/apt" -o Dir::State::status=/dev/null \
		-o Dir::Etc::sourcelist="$new/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o APT::Sandbox::User=root "$@"
}

fetch_kernel()
{
	local package
	say "fetching $suite's kernel"
	mkdir -p "$new/apt/lists/partial" "$new/apt/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $1 $suite main" >"$new/apt/sources.list"
	private_apt apt-get update
	package=$(private_apt apt-cache depends --important "$kernel" | awk '/Depends: linux-image-/ { print $2; exit }')
	[ -n "$package" ] || die "$suite has no kernel that $kernel depends on"
	(cd "$new/apt" && private_apt apt-get download "$package")
	dpkg-deb -x "$new"/apt/linux-image-*.deb "$new/kernel"
}

# debootstrap mounts /proc in its tree: in a mount name space of its own nothing can be left behind
bootstrap_root()
{
	local private=(unshare --mount --propagation private)
	say "fetching and unpacking $suite"
	mkdir -p "$cache/debs-$suite"
	# In a chroot whose root directory is no mount point, nothing can be made private: umount_root sees to it
	unshare --mount --propagation private true 2>/dev/null || private=()
	"${private[@]}" debootstrap --variant=minbase --cache-dir="$cache/debs-$suite" \
		--include="$(packages)" "$suite" "$new/root" "$1" 2>&1 9>&- | tee "$new/debootstrap.log" | show_progress ||
		{ tail -n 20 "$new/debootstrap.log" >&2; die "debootstrap failed"; }
}

# Of debootstrap's lines, four for each package, one now and then
show_progress()
{
	awk '/^I: (Retrieving|Extracting|Unpacking|Configuring) [a-z0-9]/ && !/Release|Packages|required|the base/ {
		if ($2 != doing) n = 0
		doing = $2
		if (n++ % 40 == 0) { print "images: " tolower(doing) " packages: " $3; fflush() }
	}' >&2
}

umount_root() { ! mountpoint -q "$new/root/proc" || umount "$new/root/proc"; }

# Verifying a signature takes Bochs 2 s of the 3 that kvm_intel takes to load. The signature is the file's
# tail: PKCS#7 data, a struct of 12 bytes that ends in the data's length, and 28 bytes of magic text.
unsign()
{
	local file=$1 length
	[ "$(tail -c 28 "$file")" = "~Module signature appended~" ] || return 0
	length=$(tail -c 32 "$file" | head -c 4 | od -An -tu1 | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }')
	truncate -s "-$((length + 40))" "$file"
}

# The files of those modules and of all that they need, in order of loading.
module_files()
{
	local module
	for module in "$@"; do
		modprobe -d "$new/root" -S "$release" --show-depends "$module" || die "$suite's kernel has no $module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

install_modules()
{
	local modules file
	modules=$(echo "$new"/kernel/usr/lib/modules/*)
	[ -d "$modules" ] || modules=$(echo "$new"/kernel/lib/modules/*)
	release=${modules##*/}
	# A module that Debian 13 compressed costs an emulator a second at each load
	find "$modules" -name '*.ko.xz' -exec xz -d {} +
	mkdir -p "$new/root/usr/lib/modules"
	cp -a "$modules" "$new/root/usr/lib/modules/"
	depmod -b "$new/root" "$release"
	# shellcheck disable=SC2086 # lists of words
	module_files $drivers $subjects >"$new/loaded"
	while read -r file; do unsign "$file"; done <"$new/loaded"
	cp "$new"/kernel/boot/vmlinuz-* "$new/images/vmlinuz"
}

trim_root()
{
	local root=$new/root unit generator
	for unit in $(masked); do
		ln -sf /dev/null "$root/etc/systemd/system/$unit"
	done
	# Run at boot and by each daemon-reload, they take most of its time and have nothing to generate here
	mkdir -p "$root/etc/systemd/system-generators"
	for generator in "$root"/lib/systemd/system-generators/*; do
		ln -s /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
	done
	rm -f "$root"/etc/systemd/system/*.wants/ksm*.service # a test starts them when it wants them
	rm -rf "$root"/usr/share/{doc,man,info,locale,i18n,zoneinfo} "$root"/var/cache/apt "$root"/var/lib/apt/lists/*
	rm -rf "${root:?}"/dev/* "$root"/run/* "$root"/etc/fstab "$root"/etc/resolv.conf
	mkdir -p "$root/io"
	echo kvmtune-vm >"$root/etc/hostname"
	echo 6b766d74756e65000000000000000000 >"$root/etc/machine-id"
}

make_initrd()
{
	local ram=$new/ram n=0 path
	mkdir -p "$ram"/{bin,modules,proc,sys,dev,root}
	cp "$(command -v busybox)" "$ram/bin/busybox"
	cp "$here/guest/initramfs-init" "$ram/init"
	chmod 755 "$ram/init"
	# shellcheck disable=SC2086 # a list of words
	module_files $drivers >"$new/insmod"
	while read -r path; do
		n=$((n + 1))
		cp "$path" "$ram/modules/$(printf '%02d' $n)-${path##*/}"
	done <"$new/insmod"
	(cd "$ram" && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >"$new/images/initrd"
}

make_root_image()
{
	say "making the root image"
	mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -m 0 -L kvmtune-root -d "$new/root" \
		"$new/images/root.img" "$root_size" >/dev/null
}

make_images()
{
	local mirror
	need_tools
	mirror=$(mirror)
	rm -rf "$cache/.new.$suite".* # of a run that was killed
	new=$(mktemp -d "$cache/.new.$suite.XXXXXX")
	trap 'umount_root && rm -rf --one-file-system "$new"' EXIT
	trap 'exit 130' INT TERM HUP
	mkdir "$new/images"
	fetch_kernel "$mirror"
	bootstrap_root "$mirror"
	install_modules
	trim_root
	make_initrd
	make_root_image
	inputs_hash >"$new/images/stamp"
	[ ! -e "$cache/$suite" ] || mv "$cache/$suite" "$new/old" # machines that run now keep their open files
	mv "$new/images" "$cache/$suite"
	say "done in $SECONDS s"
}

up_to_date() { [ "$(cat "$cache/$suite/stamp" 2>/dev/null)" = "$(inputs_hash)" ]; }

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/.$suite.lock"
flock 9 # a second caller waits for the first one's images
up_to_date || make_images
echo "$cache/$suite"
