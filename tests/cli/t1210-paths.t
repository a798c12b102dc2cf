#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What others may have put in the place of kvmtune's own files: links, FIFOs, directories, files that
# they own or may write. None is followed, waited for or believed; each is named.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# turned_away NAME STATUS REGEX [WORDS...]: and nothing is done
turned_away()
{
	local name=$1 want=$2 regex=$3

	shift 3
	[ $# != 0 ] || set -- ept off
	rm -f "$KVMTUNE_FAKE_HOST/fake/log"
	read_all before
	run timeout 10 "$KVMTUNE_FAKE" "$@"
	like "$status $err" "^$want kvmtune: .*$regex" "$name: refused"
	nothing_changed "$name: nothing was changed"
}

# a_host: with an earlier change, so that each file is there
a_host()
{
	host intel-ept-on
	run kvmtune ept off
	root=$KVMTUNE_FAKE_HOST/root
	journal=$root/var/lib/kvmtune/journal conf=$root/etc/modprobe.d/zz-kvmtune.conf
	lock=$root/var/lib/kvmtune/lock
}

a_host
is "$(stat -c %a "$lock" "$journal" "$conf" | paste -sd ' ')" '600 644 644' \
	'nobody else can take the lock or write what is ours'

# ---- the lock ----

is "$(stat -c %a "$root/var/lib/kvmtune")" 711 'nor lock its directory'
chmod 755 "$root/var/lib/kvmtune"
chmod 644 "$lock"
run kvmtune ept on
is "$status $(stat -c %a "$lock" "$root/var/lib/kvmtune" | paste -sd ' ')" '0 600 711' \
	'a lock that all can open is closed to them'

# lock_turned_away NAME REGEX: by a dry run as well
lock_turned_away()
{
	turned_away "$1" 3 "$2" ept on
	turned_away "$1, dry run" 3 "$2" ept on --dry-run
}
a_host
chmod 666 "$lock"
lock_turned_away 'a lock file that all may write' 'kvmtune/lock is writable by other users'
a_host
rm "$lock"
ln -s ../../../etc/victim "$lock"
echo text >"$root/etc/victim"
lock_turned_away 'a link as the lock file' 'kvmtune/lock is a symbolic link'
a_host
rm "$lock"
mkfifo "$lock"
lock_turned_away 'a FIFO as the lock file' 'kvmtune/lock is not a regular file'
a_host
rm "$lock"
mkdir "$lock"
lock_turned_away 'a directory as the lock file' 'kvmtune/lock is not a regular file'
a_host
rm "$lock"
echo text >"$root/run/victim"
ln "$root/run/victim" "$lock"
run kvmtune ept on
is "$status $(stat -c %h "$lock")" '0 1' 'a second name as the lock file is replaced'
is "$(cat "$root/run/victim")" text 'what it is the name of is not written to'

# ---- the journal and the files that are written anew ----

# own_file NAME PATH
own_file()
{
	local name=$1

	a_host
	chmod 666 "$root$2"
	turned_away "$name that all may write" 3 "$2 is writable by other users \\(mode 0666\\)" ept on
	turned_away "$name that all may write, dry run" 3 'is writable by other users' ept on --dry-run
	run kvmtune ept on --json
	json_id
	is "$id" not-trusted "$name that all may write: its id"
	a_host
	rm "$root$2"
	mkfifo "$root$2"
	turned_away "$name is a FIFO" 3 "$2 is not a regular file" ept on
	a_host
	rm "$root$2"
	mkdir "$root$2"
	turned_away "$name is a directory" 3 "$2 is not a regular file" ept on
	a_host
	rm "$root$2"
	ln -s "/dev/null" "$root$2"
	mkdir -p "$root/dev/null"
	turned_away "$name is a link to something odd" 3 "$2 is a symbolic link" ept on
	a_host
	mv "$root$2" "$root$2.real"
	ln -s "${2##*/}.real" "$root$2"
	turned_away "$name is a link" 3 "$2 is a symbolic link" ept on
	turned_away "$name is a link, dry run" 3 "$2 is a symbolic link" ept on --dry-run
	a_host
	chmod 777 "$root${2%/*}"
	turned_away "$name in a directory that all may write" 3 "${2%/*} is writable by other users" ept on
	a_host
	chmod 1777 "$root${2%/*}"
	turned_away "$name in a sticky directory" 3 "${2%/*} is writable by other users" ept on
}
own_file 'a journal' /var/lib/kvmtune/journal
own_file 'our file in modprobe.d' /etc/modprobe.d/zz-kvmtune.conf

a_host
mkdir -p "$root/etc/tmpfiles.d"
echo 'w /sys/kernel/mm/ksm/run - - - - 1' >"$root/etc/tmpfiles.d/00-kvmtune.conf"
chmod 666 "$root/etc/tmpfiles.d/00-kvmtune.conf"
turned_away 'our file in tmpfiles.d that all may write' 3 'is writable by other users' ept on

a_host
chmod 666 "$journal"
run kvmtune status
is "$status" 0 'status works where the journal is not believed'
like "$out" 'not seen: .*is writable by other users' 'and says so'
run kvmtune undo --list
is "$status" 3 'the list of changes is not shown from such a journal'

# Where our file is not there yet, its directory still counts.
host intel-ept-on
chmod 777 "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d"
root=$KVMTUNE_FAKE_HOST/root
turned_away 'a directory that all may write' 3 '/etc/modprobe.d is writable by other users'
chmod 1777 "$KVMTUNE_FAKE_HOST/root/etc/modprobe.d"
turned_away 'a sticky directory' 3 '/etc/modprobe.d is writable by other users'

if [ "$UID" = 0 ]; then
	for path in /var/lib/kvmtune/journal /etc/modprobe.d/zz-kvmtune.conf /etc/modprobe.d; do
		a_host
		chown 1000 "$root$path"
		turned_away "$path of somebody else" 3 "$path is owned by another user \\(uid 1000\\)" ept on
	done
	# An image is its owner's: all of it may be his.
	mkdir -p "$tmp/image"/{etc/modprobe.d,proc}
	cp "$root/proc/cpuinfo" "$tmp/image/proc"
	run "$KVMTUNE" --root "$tmp/image" ept off
	chown -R 1000:1000 "$tmp/image"
	run "$KVMTUNE" --root "$tmp/image" undo
	is "$status$err" 0 'an image whose owner is not root'
else
	skip 'needs root' 'files of somebody else'
fi

# ---- images: links, and without openat2() ----

# An image with every kind of link that leads out, in every place that is written.
hostile_image()
{
	rm -rf "$tmp/hostile" "$tmp/outside"
	mkdir -p "$tmp/outside" "$tmp/hostile"/{etc,var/lib,run,proc}
	cp "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo" "$tmp/hostile/proc"
	chmod -R go-w "$tmp/hostile"
	case $1 in
	absolute) ln -s "$tmp/outside" "$tmp/hostile/etc/modprobe.d" ;;
	dots) ln -s ../../../../../../../../../../../../"$tmp/outside" "$tmp/hostile/etc/modprobe.d" ;;
	chain)
		ln -s /../var/a "$tmp/hostile/etc/modprobe.d"
		ln -s ../.././../../var/b/.. "$tmp/hostile/var/a"
		ln -s ../../outside "$tmp/hostile/var/b"
		;;
	magic) ln -s "/proc/self/root$tmp/outside" "$tmp/hostile/etc/modprobe.d" ;;
	lib) ln -s "$tmp/outside" "$tmp/hostile/var/lib/kvmtune" ;;
	lock) ln -s "$tmp/outside" "$tmp/hostile/var/lib/kvmtune" ;;
	loop) ln -s modprobe.d "$tmp/hostile/etc/modprobe.d" ;;
	inside)
		mkdir "$tmp/hostile/etc/real"
		ln -s /etc/real "$tmp/hostile/etc/modprobe.d"
		;;
	esac
}

# all_hostile NAME COMMAND...: what is said and what becomes of each
all_hostile()
{
	local kind name=$1 said

	shift
	for kind in absolute dots chain magic lib lock loop inside; do
		hostile_image "$kind"
		said=$("$@" timeout 10 "$KVMTUNE" --root "$tmp/hostile" ept off 2>&1 >/dev/null)
		printf '%s %s %s\n' "$kind" $? "$said"
		find "$tmp/hostile" -printf '%P %y %m\n' | LC_ALL=C sort
		[ "$kind" != loop ] || ok "$name: links in a circle are an error" [ "$said" ] >&3
		[ "$kind" != inside ] ||
			ok "$name: links inside the image are followed" [ -f "$tmp/hostile/etc/real/zz-kvmtune.conf" ] >&3
		is "$(ls -A "$tmp/outside")" '' "$name: nothing is written through a link: $kind" >&3
	done
}

exec 3>&1
all_hostile 'in an image' env >"$tmp/with"
if strace -o /dev/null -e inject=openat2:error=ENOSYS true 2>/dev/null; then
	all_hostile 'without openat2()' strace -f -qq -o /dev/null -e inject=openat2:error=ENOSYS >"$tmp/without"
	is "$(diff "$tmp/with" "$tmp/without")" '' 'without openat2() it ends the same'
else
	skip 'needs strace' 'without openat2()'
fi

# A device in an image is not opened: it may do something then.
if [ "$UID" = 0 ] && mkdir -p "$tmp/devices/etc/modprobe.d" &&
	mknod "$tmp/devices/etc/modprobe.d/zero.conf" c 1 5 2>/dev/null; then
	run timeout 10 "$KVMTUNE" --root "$tmp/devices" status
	is "$status$err" 0 'an image with a device in modprobe.d'
	if command -v strace >/dev/null; then
		strace -f -qq -e trace=open,openat,openat2 -o "$tmp/trace" "$KVMTUNE" --root "$tmp/devices" status \
			>/dev/null 2>&1
		is "$(grep 'zero.conf' "$tmp/trace" | grep -v O_PATH)" '' 'which is looked at, not opened'
	fi
fi

done_testing
