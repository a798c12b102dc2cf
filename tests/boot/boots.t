#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# boots.t - real boots: a tree is changed by `kvmtune --root`, booted by systemd-nspawn, and looked at.
#
# Of each tree: what `kvmtune ksm` promised before anything was done is what a boot gives; after
# `ksm off` what `audit ksm=off` promises is what two boots give; and `undo` brings every file back. The
# kernel's switch is a file of the test's own, bound over that in the container.
#
# Needs root, debootstrap, systemd-nspawn, overlayfs, a mirror; the base tree is kept in build/boot.
# CASES='NAME...' runs only these.

# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

base=$PWD/build/boot/base
units=usr/lib/systemd/system
links=etc/systemd/system
switch=/sys/kernel/mm/ksm/run

# In a mount name space of its own nothing can be left behind.
if [ "$UID" = 0 ] && [ -z "$KVMTUNE_BOOTS" ] && command -v unshare >/dev/null; then
	export KVMTUNE_BOOTS=1
	rm -rf "$tmp"
	exec unshare --mount --propagation private bash "$0" "$@"
fi

why_not()
{
	local tool

	[ "$UID" = 0 ] || { echo 'needs root'; return; }
	for tool in unshare debootstrap systemd-nspawn; do
		command -v "$tool" >/dev/null || { echo "no $tool"; return; }
	done
	[ -d "${switch%/*}" ] || { echo "this kernel has no ${switch%/*} to bind a file over"; return; }
	make_base || echo 'the base tree cannot be made'
}

# As tests/vm/images.sh does, with the packages that it has fetched.
make_base()
{
	local mirror cache=$PWD/build/vm/debs-bookworm

	[ ! -e "$base/done" ] || return 0
	# shellcheck disable=SC2016 # these are apt's own variables
	mirror=${KVMTUNE_VM_MIRROR:-$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' \
		'Created-By: Packages' | awk '$1 == "Debian" { print $2; exit }')}
	[ "$mirror" ] || return 1
	rm -rf "$base"
	mkdir -p "$base" "$cache"
	debootstrap --variant=minbase --cache-dir="$cache" --include=systemd,systemd-sysv,dbus \
		bookworm "$base" "$mirror" >"$base.log" 2>&1 || return 1
	: >"$base/done"
}

reason=$(why_not)
if [ "$reason" ]; then
	skip "$reason" 'real boots'
	done_testing
	exit
fi

mount -t tmpfs none "$tmp"
trap 'cd / && umount -R "$tmp" && rmdir "$tmp"' EXIT
trees=0 right=0

put()
{
	mkdir -p "$(dirname "$root/$1")"
	printf '%s\n' "${@:2}" >"$root/$1"
}

link()
{
	mkdir -p "$(dirname "$root/$2")"
	ln -s "$1" "$root/$2"
}

# service NAME [LINE-OF-UNIT...]: a service that does nothing
service()
{
	put "$units/$1" '[Unit]' "${@:2}" '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' \
		'ExecStart=/bin/true' '[Install]' 'WantedBy=multi-user.target'
}

enabled()
{
	link "/usr/lib/systemd/system/$1" "$links/multi-user.target.wants/$1"
}

# writer NAME VALUE: a service that writes the switch
writer()
{
	put "$units/$1" '[Unit]' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' \
		"ExecStart=/bin/sh -c 'echo $2 >$switch'" '[Install]' 'WantedBy=multi-user.target'
}

# new_tree: the base with both services, not enabled, and what ends the boot
new_tree()
{
	((trees++))
	root=$tmp/$trees/root
	mkdir -p "$tmp/$trees"/{up,work,root}
	mount -t overlay overlay \
		-o "lowerdir=$base,upperdir=$tmp/$trees/up,workdir=$tmp/$trees/work" "$root"
	echo 6b766d74756e65000000000000000000 >"$root/etc/machine-id"
	writer ksm.service 1
	put "$units/ksmtuned.service" '[Unit]' 'Requires=ksm.service' 'After=ksm.service' '[Service]' \
		'Type=oneshot' 'RemainAfterExit=yes' 'ExecStart=/bin/true' \
		'[Install]' 'WantedBy=multi-user.target'
	put "$units/zz-finish.service" '[Unit]' 'After=multi-user.target' 'DefaultDependencies=no' \
		'[Service]' 'Type=oneshot' 'ExecStart=/bin/sh /finish'
	put finish "${finish[@]}" 'touch /booted' 'systemctl poweroff --force --force'
	link ../zz-finish.service "$units/multi-user.target.wants/zz-finish.service"
	# What writes the switch comes later than this.
	put "$units/aa-switch.service" '[Unit]' 'DefaultDependencies=no' \
		'Before=sysinit.target systemd-tmpfiles-setup.service ksm.service' '[Service]' \
		'Type=oneshot' "ExecStart=mount --bind /switch ${switch%/*}"
	link ../aa-switch.service "$units/sysinit.target.wants/aa-switch.service"
	mkdir "$root/switch"
}

# boot: what the switch is in the end, in $now
boot()
{
	local dir=$tmp/$trees

	echo 0 >"$root/switch/run"
	rm -f "$root/booted"
	timeout 20 systemd-nspawn -q -D "$root" --boot --register=no --keep-unit --private-network >"$dir/log" 2>&1 </dev/null
	[ -e "$root/booted" ] || fail "$name: it boots" "$(tail -5 "$dir/log")"
	now=$(<"$root/switch/run")
}

# promised: the next boot by `kvmtune ksm`, in $next: on, off, null
promised()
{
	run "$KVMTUNE" --root "$root" ksm --json
	next=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["ksm"]["next_boot"]["value"] or "null")' \
		"$out")
}

# matches: is $next what the switch became? Unknown promises nothing.
matches()
{
	case $next in
	on) [ "$now" = 1 ] ;;
	off) [ "$now" = 0 ] ;;
	*) true ;;
	esac
}

state_of_etc()
{
	(cd "$root" && find etc usr/lib/systemd ! -type d -print0 | LC_ALL=C sort -z |
		tar -c --null -T - --mtime=@0 --numeric-owner | cksum)
}

# try NAME BEFORE OFF: BEFORE is what it is at first; OFF the status of `ksm off`, or "-": 0 or 3
try()
{
	local before=$2 want=$3 good=1 saved tree_before n

	name=$1
	promised
	is "$next" "$before" "$name: before"
	saved=$tmp/$trees/saved
	cp -a "$root/etc" "$saved"
	boot
	ok "$name: a boot gives what was promised: $next" matches || good=0
	matches || good=0
	# What a boot leaves in /etc, as a machine-id, is not ours.
	rm -rf "${root:?}/etc"
	cp -a "$saved" "$root/etc"
	tree_before=$(state_of_etc)
	run "$KVMTUNE" --root "$root" ksm off
	status_is "$want" "$name: ksm off"
	[ "$status" = "$want" ] || good=0
	already=
	[[ $out != *already* ]] || already=1
	run "$KVMTUNE" --root "$root" audit ksm=off
	if [ "$want" = 0 ]; then
		status_is 0 "$name: audit promises off"
		[ "$status" = 0 ] || good=0
		cp -a "$root/etc" "$saved.off"
		for n in 1 2; do
			boot
			is "$now" 0 "$name: boot $n: KSM is off"
			[ "$now" = 0 ] || good=0
		done
		rm -rf "${root:?}/etc"
		cp -a "$saved.off" "$root/etc"
		run "$KVMTUNE" --root "$root" undo
		# Where it was off already there is nothing to undo.
		[ "$already" ] || is "$status $(state_of_etc)" "0 $tree_before" "$name: undo"
	else
		ok "$name: audit promises nothing" [ "$status" != 0 ]
		[ "$status" != 0 ] || good=0
		is "$(state_of_etc)" "$tree_before" "$name: nothing was changed"
	fi
	right=$((right + good))
	umount "$root"
	rm -rf "${tmp:?}/$trees"
}

finish=()
# shellcheck disable=SC2016 # scripts of the trees
cases()
{
	new_tree; enabled ksm.service; enabled ksmtuned.service
	try 'enabled' on 0
	new_tree
	try 'not enabled' off 0
	new_tree; link ../ksm.service "$units/multi-user.target.wants/ksm.service"
	try 'a link of the vendor' on 0
	new_tree; enabled ksm.service; link ../ksm.service "$units/multi-user.target.wants/ksm.service"
	try 'a link of the vendor below the own one' on 0
	new_tree; service app.service; enabled app.service
	put "$links/app.service.d/ksm.conf" '[Unit]' 'Wants=ksmtuned.service'
	try 'Wants= in a drop-in' on 0
	new_tree; service app.service; put "$links/app.service.d/ksm.conf" '[Unit]' 'Wants=ksm.service'
	try 'Wants= of a unit that is not started' off 0
	new_tree; service app.service 'Requires=ksm.service'; enabled app.service
	try 'Requires=' on 3
	new_tree; service app.service; enabled app.service
	put "$links/app.service.d/ksm.conf" '[Unit]' 'BindsTo=ksm.service' 'After=ksm.service'
	try 'BindsTo= in a drop-in' on 3
	new_tree; link ../ksm.service "$units/sysinit.target.requires/ksm.service"
	put "$units/ksm.service.d/early.conf" '[Unit]' DefaultDependencies=no
	try 'a link in .requires' on 3
	new_tree; put "$units/service.d/all.conf" '[Unit]' 'Wants=ksm.service'
	try 'a drop-in for all services' on 0
	finish=('echo >/dev/tcp/127.0.0.1/7777' 'sleep 1')
	new_tree; put "$units/ksm.socket" '[Socket]' 'ListenStream=127.0.0.1:7777'
	sed -i '1i #!/bin/bash' "$root/finish"; sed -i 's,/bin/sh /finish,/bin/bash /finish,' "$root/$units/zz-finish.service"
	link ../ksm.socket "$units/sockets.target.wants/ksm.socket"
	try 'a socket' null 0
	finish=('sleep 3')
	new_tree; put "$units/ksm.timer" '[Timer]' 'OnBootSec=1' 'AccuracySec=1ms'
	link ../ksm.timer "$units/timers.target.wants/ksm.timer"
	try 'a timer' null 0
	new_tree; put "$units/other.path" '[Path]' 'PathExists=/etc/hostname' 'Unit=ksm.service'
	link ../other.path "$units/multi-user.target.wants/other.path"
	try 'a path unit' null 0
	finish=()
	new_tree; enabled ksm.service; link /dev/null "$links/ksm.service"
	try 'masked' off 0
	new_tree; link ../ksm.service "$units/multi-user.target.wants/ksm.service"
	link /dev/null run/systemd/system/ksm.service
	try 'masked until the next boot' on 0
	new_tree; link /usr/lib/systemd/system/ksm.service run/systemd/system/multi-user.target.wants/ksm.service
	try 'enabled until the next boot' off 0
	new_tree; rm "$root/$units/ksm.service" "$root/$units/ksmtuned.service"
	put run/systemd/system/ksm.service '[Service]' "ExecStart=/bin/sh -c 'echo 1 >$switch'"
	enabled ksm.service
	try 'a unit in /run' off 0
	new_tree; link ksm.service "$units/samepages.service"; service app.service 'Wants=samepages.service'
	enabled app.service
	try 'an alias of the vendor' on 0
	new_tree; link /usr/lib/systemd/system/ksm.service "$links/samepages.service"
	link ../samepages.service "$links/multi-user.target.wants/samepages.service"
	try 'an alias' on 3 # kvmtune removes links in X.wants/ by the names of the services alone
	new_tree; service starter@.service 'Wants=%i.service'
	link ../starter@.service "$links/multi-user.target.wants/starter@ksm.service"
	try 'a template' on 0
	new_tree; rm "$root/etc/machine-id"
	try 'presets: no machine-id' on 0
	new_tree; echo uninitialized >"$root/etc/machine-id"; enabled ksm.service
	try 'presets: machine-id uninitialized' on 0
	new_tree; : >"$root/etc/machine-id"
	try 'presets: machine-id empty' off 0
	new_tree; rm "$root/etc/machine-id"; put usr/lib/systemd/system-preset/90-vendor.preset 'disable *'
	try 'presets: disabled by the vendor' off 0
	new_tree; rm "$root/etc/machine-id"; put etc/systemd/system-preset/00-a.preset 'enable ksm*'
	try 'presets: a file before ours' on 3
	new_tree; rm "$root/etc/machine-id"; service app.service 'Wants=ksm.service'
	put etc/systemd/system-preset/10-site.preset 'enable app.service' 'disable *'
	try 'presets: another unit that wants it' on 0
	new_tree; link ../ksm.service "$units/multi-user.target.wants/ksm.service"
	link /dev/null "$links/multi-user.target.wants/ksm.service"
	try 'a link to /dev/null' off 0
	new_tree; put opt/ksm.service '[Service]' "ExecStart=/bin/sh -c 'echo 1 >$switch'"
	rm "$root/$units/ksm.service" "$root/$units/ksmtuned.service"
	link /opt/ksm.service "$links/ksm.service"
	link ../ksm.service "$links/multi-user.target.wants/ksm.service"
	try 'a linked unit' on 0
	new_tree; cp "$root/$units/ksm.service" "$root/$links/ksm.service"
	link ../ksm.service "$units/multi-user.target.wants/ksm.service"
	try 'a unit file in /etc that the vendor wants' on 3
	new_tree; rm "$root/$units/ksm.service" "$root/$units/ksmtuned.service"
	put etc/init.d/ksm '#!/bin/sh' '### BEGIN INIT INFO' '# Provides: ksm' '# Required-Start:' \
		'# Required-Stop:' '# Default-Start: 2 3 4 5' '# Default-Stop:' '### END INIT INFO' \
		"[ \"\$1\" != start ] || echo 1 >$switch"
	chmod 755 "$root/etc/init.d/ksm"
	for n in 2 3 4 5; do link ../init.d/ksm "etc/rc$n.d/S01ksm"; done
	try 'generated of an init script' on 0
	new_tree; put usr/lib/tmpfiles.d/site.conf "w $switch - - - - 1"
	try 'tmpfiles.d' on 0
	new_tree; put etc/tmpfiles.d/site.conf "w! $switch - - - - 1"
	try 'tmpfiles.d, at boot only' on 0
	new_tree; put "$units/merge.service" '[Service]' 'Type=oneshot' \
		"ExecStart=/bin/sh -c 'echo 1 >$switch'"
	link ../merge.service "$links/multi-user.target.wants/merge.service"
	try 'a one-shot unit that writes the switch' on 3
	new_tree; put "$units/merge.service" '[Service]' 'Type=oneshot' 'ExecStart=/opt/merge'
	put opt/merge '#!/bin/sh' '# not at boot: echo 0' "echo 1 > $switch"
	chmod 755 "$root/opt/merge"
	link ../merge.service "$links/multi-user.target.wants/merge.service"
	try 'a script of a unit that writes the switch' on 3
	new_tree; put etc/rc.local '#!/bin/sh' "echo 1 >$switch"; chmod 755 "$root/etc/rc.local"
	try 'rc.local' on 3
	new_tree; put etc/rc.local '#!/bin/sh' "echo 1 >$switch"; chmod 644 "$root/etc/rc.local"
	try 'rc.local that is not executable' off 0
	new_tree; put etc/sysfs.d/site.conf '# comment' 'kernel/mm/ksm/run = 1'
	put etc/sysfs.conf 'kernel/mm/ksm/sleep_millisecs = 20'
	put opt/sysfsutils '#!/bin/sh' 'cat /etc/sysfs.conf /etc/sysfs.d/*.conf |' \
		'while read -r name equals value; do' \
		'case $name in [a-z]*) echo "$value" >"/sys/$name";; esac; done'
	chmod 755 "$root/opt/sysfsutils"; echo 20 >"$root/switch/sleep_millisecs"
	put "$units/sysfsutils.service" '[Service]' 'Type=oneshot' 'ExecStart=/opt/sysfsutils'
	link ../sysfsutils.service "$links/multi-user.target.wants/sysfsutils.service"
	try 'sysfsutils' on 3
	new_tree; put usr/lib/systemd/system-generators/site '#!/bin/sh' \
		"mkdir -p \"\$1/multi-user.target.wants\"" \
		"ln -s /usr/lib/systemd/system/ksm.service \"\$1/multi-user.target.wants/\""
	chmod 755 "$root/usr/lib/systemd/system-generators/site"
	try 'a generator' null 0
}

cases
is "$right of $trees" "$trees of $trees" 'all promises were kept'
done_testing
