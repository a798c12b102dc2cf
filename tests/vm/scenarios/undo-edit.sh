# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lines that others add to our file: an undo and a rollback remove our own option, and nothing else.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

own=/etc/modprobe.d/zz-kvmtune.conf

# undone_to TEXT: our file, and the module
undone_to()
{
	run kvmtune undo
	is "undo: exit status" "$status" 0
	is "undo: our file" "$(cat $own 2>/dev/null)" "$1"
	is "undo: the parameter" "$(parameter "$module" "$setting")" Y
	run kvmtune audit "$setting=on"
	is "undo: audit" "$status" 0
}

scenario "an option that somebody added stays"
run kvmtune "$setting" off
echo "options kvm ignore_msrs=0" >>$own
undone_to "options kvm ignore_msrs=0"

scenario "a comment that somebody added stays"
run kvmtune "$setting" off
sed -i '1i # Ask Eve before you change this' $own
undone_to "# Ask Eve before you change this"

scenario "another option on our own line stays"
run kvmtune "$setting" off
sed -i "s/$setting=0/& force_emulation_prefix=0/" $own
undone_to "options $module force_emulation_prefix=0"

scenario "a file that was there before: a line added, one removed"
printf '# mine\noptions kvm ignore_msrs=0\n' >$own
run kvmtune "$setting" off
is "off" "$status" 0
sed -i '/ignore_msrs/d' $own
echo "options kvm halt_poll_ns=200000" >>$own
undone_to "# mine
options kvm halt_poll_ns=200000"

scenario "our option from before comes back, beside a new line"
run kvmtune "$setting" off
run kvmtune "$setting" on --defer
is "on --defer: our file is gone" "$(cat $own 2>/dev/null)" ""
echo "options kvm ignore_msrs=0" >$own
run kvmtune undo
is "undo: exit status" "$status" 0
is "undo: what our file says" "$(grep -v '^#' $own)" "options kvm ignore_msrs=0
options $module $setting=0"
undone_to "options kvm ignore_msrs=0"

scenario "a file that nobody changed comes back to the byte"
printf 'options   kvm\tignore_msrs=0   # x\n\n#\n' >$own
chmod 600 $own
snapshot /tmp/before
run kvmtune "$setting" off
is "off" "$status" 0
chmod 600 $own
run kvmtune undo
is "undo: exit status" "$status" 0
chmod 600 $own
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "a failure: nobody changed the file, and it comes back to the byte"
printf 'options kvm ignore_msrs=0\n\n# the end' >$own
snapshot /tmp/before
run strace -f -qq -o /dev/null -e trace=finit_module -e inject=finit_module:error=ENOMEM:when=2 \
	kvmtune "$setting" off
is "it fails, and is rolled back" "$status" 1
snapshot /tmp/after
ok "all is as before" same_host /tmp/before /tmp/after

scenario "a failure, and a line that came meanwhile: it stays"
start strace -f -qq -o /dev/null -e trace=delete_module \
	-e inject=delete_module:error=EPERM:delay_enter=2000000:when=1 kvmtune "$setting" off
ok "our file is there" wait_for 20 [ -e $own ]
echo "options kvm ignore_msrs=0" >>$own
finish
not "it fails" [ "$status" = 0 ]
is "our file" "$(cat $own)" "options kvm ignore_msrs=0"
is "the parameter" "$(parameter "$module" "$setting")" Y

scenario "killed, a line that came since, undo"
run strace -f -qq -o /dev/null -e trace=delete_module -e inject=delete_module:signal=KILL:when=1 \
	kvmtune "$setting" off
modprobe "$module" 2>/dev/null # the signal may come after the removal
echo "# mine" >>$own
undone_to "# mine"
