#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What kvmtune's own files are beside their text: owner, mode, access control lists, labels, other
# names; file systems that take nothing; the lock while it is removed; and which trees are images.

# shellcheck disable=SC2154,SC2016 # read_tree and others set variables by name; in_mounts runs a script
# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

own=/etc/modprobe.d/zz-kvmtune.conf journal=/var/lib/kvmtune/journal lock=/var/lib/kvmtune/lock

# new_image: with an earlier change, and a line of somebody's own: our file stays at `ept on`
new_image()
{
	image=$tmp/image
	rm -rf "$image"
	mkdir -p "$image"/{etc/modprobe.d,proc}
	cp "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo" "$image/proc"
	"$KVMTUNE" --root "$image" ept off >/dev/null
	echo 'options kvm ignore_msrs=1' >>"$image$own"
}

# acl PATH KIND ENTRY...: sets an access control list; entries are TAG:PERMISSIONS or TAG:PERMISSIONS:ID
acl()
{
	python3 - "$@" <<'PY'
import os, struct, sys
path, kind, *entries = sys.argv[1:]
tags = {"owner": 1, "user": 2, "group_obj": 4, "group": 8, "mask": 16, "other": 32}
data = struct.pack("<I", 2)
for entry in entries:
    tag, perm, *who = entry.split(":")
    data += struct.pack("<HHI", tags[tag], int(perm), int(who[0]) if who else 0xffffffff)
os.setxattr(path, "system.posix_acl_" + kind, data)
PY
}

# attributes PATH: all that is to stay
attributes()
{
	stat -c '%u:%g %a' "$1"
	python3 -c 'import os, sys
for name in sorted(os.listxattr(sys.argv[1])): print(name, os.getxattr(sys.argv[1], name))' "$1"
}

# digest DIR: all but the lock
digest()
{
	find "$1" ! -name lock -printf '%P %m %U:%G %n\n' -type f -exec cksum {} + | sed "s#$1##" | LC_ALL=C sort
}

# refused_in_image NAME STATUS REGEX [WORDS...]: nothing is done, and a dry run says the same
refused_in_image()
{
	local name=$1 want=$2 regex=$3 before

	shift 3
	[ $# != 0 ] || set -- ept on
	before=$(digest "$image")
	run timeout 10 "$KVMTUNE" --root "$image" "$@"
	like "$status $err" "^$want kvmtune: .*$regex" "$name"
	run timeout 10 "$KVMTUNE" --root "$image" "$@" --dry-run
	like "$status $err" "^$want kvmtune: .*$regex" "$name, dry run"
	is "$(digest "$image")" "$before" "$name: nothing was changed"
}

program=$(readlink -f "$KVMTUNE")
host intel-ept-on

# ---- attributes that stay ----

new_image
if ! acl "$image$own" access owner:6 user:4:1234 group_obj:4 mask:4 other:0 2>/dev/null; then
	skip 'no access control lists on this file system' 'attributes'
else
	[ "$UID" != 0 ] || chown 0:1234 "$image$own"
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", b"ours")' "$image$own" 2>/dev/null
	before=$(attributes "$image$own")
	like "$before" 'posix_acl_access' 'our file has a list'
	run "$KVMTUNE" --root "$image" ept on
	is "$status$err" 0 'a change of a file with attributes'
	unlike "$(cat "$image$own")" 'ept=' 'is done'
	is "$(attributes "$image$own")" "$before" 'owner, mode, list and attributes stay'
	run "$KVMTUNE" --root "$image" undo
	is "$status $(attributes "$image$own")" "0 $before" 'and stay at undo'

	new_image
	chmod 600 "$image$own"
	acl "$image/etc/modprobe.d" default owner:7 user:7:1234 group_obj:5 mask:7 other:5
	before=$(attributes "$image$own")
	run "$KVMTUNE" --root "$image" ept on
	is "$status $(attributes "$image$own")" "0 $before" "the directory's default adds nothing"
	rm "$image$own"
	run "$KVMTUNE" --root "$image" ept off
	is "$(stat -c %a "$image$own")" 644 'nor does it let others write a new file'

	# ---- lists that let others write ----

	for path in "$own" "$journal" "$lock" "${journal%/*}" "${own%/*}"; do
		new_image
		mode=4
		[ ! -d "$image$path" ] || mode=5
		acl "$image$path" access owner:7 user:6:1234 "group_obj:$mode" mask:7 "other:$mode"
		refused_in_image "$path that a named user may write" 3 "$path is writable by other users"
		acl "$image$path" access owner:7 "group_obj:$mode" group:6:1234 mask:7 "other:$mode"
		refused_in_image "$path that a named group may write" 3 "$path is writable by other users"
		acl "$image$path" access owner:7 user:7:1234 "group_obj:$mode" "mask:$mode" "other:$mode"
		run "$KVMTUNE" --root "$image" ept on
		is "$status$err" 0 "$path: the mask takes that right away"
	done
fi

# A label that this process may not give: clear, and nothing is left behind.
new_image
if [ "$UID" = 0 ] && python3 -c 'import os, sys
os.setxattr(sys.argv[1], "security.kvmtune", b"x")' "$image$own" 2>/dev/null; then
	before=$(digest "$image/etc")
	run "$KVMTUNE" --root "$image" ept on
	like "$status $err" '^1 kvmtune: failed: cannot write /etc/modprobe.d/zz-kvmtune.conf: its attribute security.kvmtune cannot be kept.*as it was' \
		'an attribute that cannot be kept is named'
	is "$(digest "$image/etc") $(ls -A "$image/etc/modprobe.d")" "$before zz-kvmtune.conf" 'the file is as it was'
else
	skip 'needs root' 'an attribute that cannot be kept'
fi

# ---- other names ----

# A copy by links: the trees share their files until one is changed.
new_image
rm -rf "$tmp/copy"
cp -al "$image" "$tmp/copy"
texts() { cksum "$image$own" "$image$journal" "$image$lock"; }
before=$(texts)
chmod 640 "$image$journal"
attributes_before=$(attributes "$image$journal")
run "$KVMTUNE" --root "$tmp/copy" ept on
is "$status$err" 0 'a change in a copy by hard links'
is "$(texts)" "$before" 'does not reach the original'
is "$(attributes "$tmp/copy$journal")" "$attributes_before" 'the copied journal keeps its attributes'
is "$(head -n 3 "$tmp/copy$journal")" "$(cat "$image$journal")" 'and its text'
run "$KVMTUNE" --root "$tmp/copy" undo
run "$KVMTUNE" --root "$tmp/copy" undo
is "$status$(grep ept= "$tmp/copy$own")" 0 'the copy is led back beyond the copying'
is "$(texts)" "$before" 'which does not reach the original either'

new_image
echo secret >"$tmp/secret"
rm "$image$journal"
ln "$tmp/secret" "$image$journal"
run "$KVMTUNE" --root "$image" ept on
is "$(cat "$tmp/secret")" secret "another file's second name as the journal is not written to"

# On a host a file would lose its other names.
kvmtune ept off >/dev/null
root=$KVMTUNE_FAKE_HOST/root
ln "$root$own" "$root/etc/other"
read_all before
run kvmtune undo --dry-run
like "$status $err" '^3 kvmtune: refused: .*zz-kvmtune.conf has 2 hard links' 'our file has another name'
run kvmtune undo --json
json_id
is "$status $id" '3 not-trusted' 'and is refused'
read_all after
is "$after" "$before" 'nothing was changed'
rm "$root/etc/other"
ln "$root$journal" "$root/etc/other"
before=$(cat "$root/etc/other")
run kvmtune undo
is "$status$err" 0 'a journal with another name'
is "$(cat "$root/etc/other")" "$before" 'is copied'

# ---- file systems that take nothing ----

if [ "$UID" = 0 ] && unshare -m true 2>/dev/null; then
	# in_mounts SCRIPT: in mounts of its own; $image, $KVMTUNE
	in_mounts() { image=$image KVMTUNE=$program unshare -m bash -c "$1"; }

	new_image
	run in_mounts 'mount -t tmpfs -o mode=755,size=4k,nr_inodes=2 tmpfs "$image/var/lib" &&
		head -c 4096 /dev/zero >"$image/var/lib/full"; "$KVMTUNE" --root "$image" ept on'
	like "$status $err" '^1 kvmtune: failed: .*/var/lib/kvmtune: No space left.*as it was.*Free some space' 'a full disk'
	new_image
	run in_mounts 'mount -t tmpfs -o mode=755,size=8k tmpfs "$image/etc/modprobe.d" &&
		head -c 8192 /dev/zero >"$image/etc/modprobe.d/full"; "$KVMTUNE" --root "$image" ept off
		status=$?; ls -A "$image/etc/modprobe.d" >&2; exit $status'
	like "$status $err" '^1 kvmtune: failed: cannot write /etc/modprobe.d/zz-kvmtune.conf: No space left.*as it was.*Free some space.*full$' \
		'a full disk below our file: nothing is left behind'
	for words in 'ept on' 'ept on --dry-run'; do
		run in_mounts "mount --bind \"\$image/var\" \"\$image/var\" && mount -o remount,bind,ro \"\$image/var\"
			\"\$KVMTUNE\" --root \"\$image\" $words"
		like "$status $err" '^4 kvmtune: not possible: /var/lib/kvmtune/journal cannot be written: Read-only' \
			"a read-only journal: $words"
	done
	run in_mounts 'mount --bind "$image/var" "$image/var" && mount -o remount,bind,ro "$image/var"
		"$KVMTUNE" --root "$image" ept off'
	like "$status $out" '^0 ept: off already' 'with nothing to do a read-only journal does not matter'

	# ---- the running system by another name ----

	run in_mounts 'mkdir -p "$image/mnt" && mount --bind / "$image/mnt" && "$KVMTUNE" --root "$image/mnt" ept off --dry-run --json'
	like "$status $err" '^2 kvmtune: .*is the root directory of the running system.*Leave --root out' 'a bind mount of /'
	new_image
	run in_mounts 'mount -t tmpfs -o mode=755 tmpfs /etc && mkdir -m 755 /etc/modprobe.d && mount --bind /etc/modprobe.d "$image/etc/modprobe.d" &&
		"$KVMTUNE" --root "$image" ept on'
	like "$status $err" "^2 kvmtune: .*/etc/modprobe.d in the image is the running system's own" 'a bind mount of a directory of it'
	run in_mounts 'mount -t tmpfs -o mode=755 tmpfs /var/lib && mkdir -m 755 /var/lib/kvmtune && cp "$image/var/lib/kvmtune/journal" /var/lib/kvmtune &&
		mount --bind /var/lib/kvmtune/journal "$image/var/lib/kvmtune/journal"
		"$KVMTUNE" --root "$image" ept on'
	like "$status $err" "^2 kvmtune: .*/journal in the image is the running system's own" 'a bind mount of its journal'

	# The libraries make a root directory to run in.
	run in_mounts 'mkdir "$image"/{usr,bin,lib,lib64,program} && for d in usr bin lib lib64; do mount --bind /$d "$image/$d"; done
		mount --bind "$(dirname "$KVMTUNE")" "$image/program" && chroot "$image" /program/kvmtune --root / ept on'
	is "$status$err" 0 'in a chroot --root / is an image, without /proc'
	run in_mounts 'for d in usr bin lib lib64; do mount --bind /$d "$image/$d"; done
		mount --bind "$(dirname "$KVMTUNE")" "$image/program" && mount --bind /proc "$image/proc" &&
		chroot "$image" /program/kvmtune --root / ept off'
	is "$status$err" 0 'and with it'
	like "$(cat "$image$own")" 'ept=0' 'its files are changed'
	run in_mounts 'mount --bind "$image" "$image"; for d in usr bin lib lib64; do mount --bind /$d "$image/$d"; done
		mount --bind "$(dirname "$KVMTUNE")" "$image/program" && mount --bind /proc "$image/proc" &&
		chroot "$image" /program/kvmtune --root / ept on'
	is "$status$err" 0 'and where the chroot is a mount of its own'
else
	skip 'needs root and unshare' 'file systems that take nothing, and the running system by another name'
fi

run "$KVMTUNE" --root / status --json
like "$status $err" '^2 kvmtune: .*is the root directory of the running system.*Leave --root out' '--root /'
run "$KVMTUNE" --root /usr/.. ept off --dry-run
is "$status" 2 '--root with dots that lead there'
run env -C / "$program" --root . status
is "$status" 2 '--root . there'

# chattr: not on each file system
new_image
where=$(mktemp -d ./build/own-files.XXXXXX)
cp -a "$image/." "$where"
image=$PWD/$where
chmod 755 "$where"
for path in "$own" "$journal" "${own%/*}" "${journal%/*}"; do
	for flag in i a; do
		if ! { [ "$UID" = 0 ] && chattr "+$flag" "$image$path"; } 2>/dev/null; then
			skip 'no chattr here' "$path with attribute $flag"
			continue
		fi
		refused_in_image "$path with attribute $flag" 4 "${path} cannot be written: Operation not permitted.*chattr"
		run "$KVMTUNE" --root "$image" status
		is "$status$err" 0 "$path with attribute $flag: status works"
		chattr "-$flag" "$image$path"
	done
done
rm -rf "$where"

# ---- the way to DIR ----

new_image
ln -s image "$tmp/link"
run "$KVMTUNE" --root "$tmp/link" ept on
is "$status$err" 0 'a link of our own leads to an image'
run env -C "$tmp" "$program" --root image/../link/ ept off
is "$status$err" 0 'from the working directory'
if [ "$UID" = 0 ]; then
	chown -h 1234 "$tmp/link"
	before=$(digest "$image")
	run "$KVMTUNE" --root "$tmp/link" ept on
	like "$status $err" '^3 kvmtune: refused: .*the link link is not followed: it is owned by another user \(uid 1234\)' \
		"somebody else's link"
	mkdir -m 1777 "$tmp/all"
	ln -s ../image "$tmp/all/link"
	run "$KVMTUNE" --root "$tmp/all/link/" ept on
	like "$status $err" '^3 kvmtune: refused: .*the link link is not followed: its directory is writable by other users' \
		'a link in a directory that all may write'
	mkdir -p "$tmp/all/deep"
	chown 1234 "$tmp/all/deep"
	ln -s "$image" "$tmp/all/deep/link"
	run "$KVMTUNE" --root "$tmp/all/deep/link/etc/.." ept on
	like "$status $err" '^3 kvmtune: refused: .*its directory is owned by another user' 'a link on the way, in a directory of somebody else'
	is "$(digest "$image")" "$before" 'nothing was written there'
	# Below the image as well
	new_image
	mv "$image/etc/modprobe.d" "$image/etc/real"
	ln -s real "$image/etc/modprobe.d"
	chown -h 1234 "$image/etc/modprobe.d"
	refused_in_image "somebody else's link in the image" 3 'the link modprobe.d is not followed'
else
	skip 'needs root' 'links of somebody else'
fi

# ---- one at a time, while somebody removes the lock ----

# both: two at once, as often as it goes; each begins where the other has ended
new_image
while :; do rm -f "$image$lock"; done &
remover=$!
# On a busy machine one of them may be through before the other begins: then both begin again.
for ((round = 0; round < 50; round++)); do
	workers=()
	for value in on off; do
		for ((i = 0; i < 8; i++)); do
			"$KVMTUNE" -q --root "$image" ept "$value" --wait=20s >>"$tmp/said" 2>&1 || echo "status $?" >>"$tmp/said"
		done &
		workers+=("$!")
	done
	wait "${workers[@]}"
	[ "$(grep -c '"record":"end"' "$image$journal")" -le 2 ] || break
done
kill "$remover"
wait "$remover" 2>/dev/null
is "$(cat "$tmp/said")" '' 'each ended well'
overlaps=$(sed -n 's/^[0-9a-f]* {"record":"\(begin\|end\)","id":\([0-9]*\).*/\1 \2/p' "$image$journal" | awk '
	$1 == "begin" { if (open) print "change " open " goes on while " $2 " begins"; open = $2 }
	$1 == "end" { if (open != $2) print "change " $2 " ends out of turn"; open = 0 }')
is "$overlaps" '' 'one change after the other'
ok 'some were done' [ "$(grep -c '"record":"end"' "$image$journal")" -gt 2 ]
run "$KVMTUNE" --root "$image" undo --list --json
like "$out" '"damaged_lines": ?0' 'the journal is whole'

# A change that goes on holds its lock also where the file is gone.
host ksm-tuned
"$KVMTUNE_FAKE" ksm unmerged --watch 1h >/dev/null 2>&1 &
maker=$!
until_slept
rm "$KVMTUNE_FAKE_HOST/root$lock"
run kvmtune ksm on
like "$status $err" "^3 kvmtune: refused: another kvmtune is running: kvmtune, PID $maker" 'the lock holds without its file'
run kvmtune status
like "$out" "^in progress: kvmtune, PID $maker" 'and status sees it'
kill -TERM "$maker"
wait "$maker"

done_testing
