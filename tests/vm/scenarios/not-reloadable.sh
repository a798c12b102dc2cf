# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Loadable before removable: a module that could not be loaded again is not removed. Its files are gone,
# damaged, replaced; or that happens while kvmtune is at work.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

dir=/lib/modules/$(uname -r)
file=$(modinfo -n "$module")
base=$(modinfo -n kvm)
# The other vendor's, of the same kernel
foreign=$(modinfo -n "$(echo kvm_intel kvm_amd | sed "s/ *$module *//")")
own=/etc/modprobe.d/zz-kvmtune.conf
cp -a "$file" /tmp/good.ko

# refused PATTERN: as a run, as a dry run and in status, for the same reason; nothing is changed; but it can
# be saved, and that undone
refused()
{
	snapshot /tmp/before
	run kvmtune "$setting" off
	is "exit status" "$status" 4
	like "says why" "$stderr" "$module could not be loaded again: $1.*; nothing was changed"
	like "the way out" "$stderr" "kvmtune $setting off --defer"
	snapshot /tmp/after
	ok "nothing changed" same_host_load /tmp/before /tmp/after
	run kvmtune "$setting" off --dry-run --json
	is "dry run: exit status" "$status" 4
	like "dry run: id" "$stdout" '"id": ?"not-reloadable"'
	run kvmtune apply "$setting=off" --wait=1s
	is "apply: exit status" "$status" 4
	run kvmtune status
	is "status: exit status" "$status" 0
	like "status says why" "$stdout" "^not reloadable: $module could not be loaded again: $1"
	ok "nothing changed" same_host_load /tmp/before /tmp/after
	run kvmtune "$setting" off --defer
	is "saved: exit status" "$status" 5
	run kvmtune undo
	is "undo of that: exit status" "$status" 0
	snapshot /tmp/after
	ok "all is as before" same_host_load /tmp/before /tmp/after
}

# changed: kvmtune did what it should, and undo leads back
changed()
{
	is "exit status" "$status" 0
	is "off" "$(parameter "$module" "$setting")" N
	put_back
	run kvmtune undo
	is "undo: exit status" "$status" 0
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
}

put_back()
{
	[ -d "$dir" ] || mv "$dir.away" "$dir"
	rm -rf "$file"
	cp -a /tmp/good.ko "$file"
}

meddled() { snapshot /tmp/before; run meddle "$1" "$2" "$3" kvmtune "$setting" off; }

# --- gone ---

scenario "the modules of the running kernel were removed"
mv "$dir" "$dir.away"
refused "the modules of the running kernel were removed: $dir has no such module, or no modules.dep"
put_back

scenario "modules.dep is gone"
mkdir /tmp/index
mv "$dir"/modules.dep* /tmp/index
refused "the modules of the running kernel were removed"
mv /tmp/index/* "$dir"

scenario "the module's file alone is gone"
rm "$file"
refused "$file cannot be opened: No such file"
put_back

scenario "the file of the module below it is gone"
mv "$base" "$base.away"
refused "the file of module kvm, which it needs, is missing: No such file"
mv "$base.away" "$base"

scenario "there is something else in the place of the file"
rm "$file"
mkdir "$file"
refused "$file is not a regular file"
rmdir "$file"
mkfifo "$file"
refused "$file is not a regular file"
rm "$file"
ln -s /nowhere "$file"
refused "$file cannot be opened: No such file"
put_back

scenario "the modules cannot be seen from this mount namespace"
snapshot /tmp/before
run unshare -m sh -c "mount -t tmpfs none $dir && kvmtune $setting off"
is "exit status" "$status" 4
like "says why" "$stderr" "the modules of the running kernel were removed"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

# --- another file ---

scenario "the file is cut short"
truncate -s 100000 "$file"
refused "its file is damaged, or not a module"
truncate -s 70 "$file"
refused "its file is damaged, or not a module"
truncate -s 0 "$file"
refused "its file is damaged, or not a module"
put_back

scenario "the file was overwritten with text, in part"
echo "not a module" | dd of="$file" conv=notrunc 2>/dev/null
refused "its file is damaged, or not a module"
put_back

scenario "the file is that of another build"
id=$(od -An -v -tx1 -j 16 "/sys/module/$module/notes/.note.gnu.build-id" | tr -d '\n' | sed 's/ /\\x/g')
at=$(LC_ALL=C grep -obUaP "$id" "$file" | cut -d: -f1)
ok "its build id was found" test -n "$at"
printf xyz | dd of="$file" bs=1 seek="$at" conv=notrunc 2>/dev/null
refused "its file was replaced after it was loaded"
put_back

scenario "the file is that of another kernel"
sed -i "s/\(vermagic=[^ ]*\) SMP/\1 UP!/" "$file"
not "its version magic is another" cmp "$file" /tmp/good.ko
refused "its file is damaged, or was built for another kernel: Exec format error"
put_back

scenario "the file is that of another module"
cp "$foreign" "$file"
refused "its file was replaced after it was loaded"
put_back

scenario "the same file anew, and with something behind it: it is loaded"
snapshot /tmp/before
cp /tmp/good.ko "$file.new"
echo >>"$file.new"
mv "$file.new" "$file"
run kvmtune "$setting" off
changed

# --- meanwhile: its file was checked; then our options are put in place (renameat), it is removed ---

scenario "a file of another module is renamed over it before the module is removed"
cp "$foreign" /tmp/foreign.ko
meddled renameat 1 "mv /tmp/foreign.ko $file"
is "the path has the other one" "$(cmp "$foreign" "$file" && echo same)" same
changed

scenario "its file is removed before the module is removed"
meddled renameat 1 "rm $file"
changed

scenario "all modules are removed before the module is removed"
meddled renameat 1 "mv $dir $dir.away"
changed

scenario "all modules are removed while the module is away"
meddled delete_module 1 "mv $dir $dir.away"
changed

scenario "all modules are removed while the module is away, and it cannot be loaded with our option"
echo "options $module $bad" >/etc/modprobe.d/site.conf
meddled delete_module 1 "mv $dir $dir.away"
is "exit status" "$status" 1
like "says so" "$stderr" "the host is as it was before"
put_back
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after
ok "a guest runs" kvmhold guest 0

scenario "its file is overwritten in place before the module is removed"
meddled renameat 1 "cp $foreign $file"
is "exit status" "$status" 4
like "says why" "$stderr" "could not be loaded again: its file was replaced.*; the host is as it was before"
put_back
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after

scenario "its file gets another owner and time before the module is removed: it is the same still"
meddled renameat 1 "touch $file; chmod 600 $file"
changed

scenario "undo is refused for the same reason, and says what to type"
run kvmtune "$setting" off
is "off: exit status" "$status" 0
rm "$file"
snapshot /tmp/before
run kvmtune undo
is "exit status" "$status" 4
like "says why" "$stderr" "could not be loaded again: $file cannot be opened.*nothing was changed"
like "the way out" "$stderr" "kvmtune undo --defer"
snapshot /tmp/after
ok "nothing changed" same_host_load /tmp/before /tmp/after
run kvmtune undo --defer
is "saved: exit status" "$status" 5
not "our file is gone" test -e $own
put_back

# --- compressed ---

if [ -e "/io/packed/${file##*/}.xz" ]; then
	scenario "a compressed file is read, and loaded"
	rm "$file"
	cp "/io/packed/${file##*/}.xz" "$file.xz"
	depmod
	ok "it is what is loaded" modprobe --show-depends "$module"
	snapshot /tmp/before
	run kvmtune "$setting" off
	is "exit status" "$status" 0
	run kvmtune undo
	is "undo: exit status" "$status" 0
	snapshot /tmp/after
	ok "all is as before" same_host /tmp/before /tmp/after
	truncate -s 20000 "$file.xz"
	refused "its file: cannot be unpacked"
	cp "/io/packed/${foreign##*/}.xz" "$file.xz"
	refused "its file was replaced after it was loaded"
	rm "$file.xz"
	put_back
	depmod
fi
