# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Commands that only look change nothing: every system call of them is looked at.
# needs: vmx (or svm) kvmtune

# shellcheck source-path=SCRIPTDIR source=../guest/lib.sh
. /io/lib.sh

# harmless COMMAND...: no write but to stdout, stderr and a pipe (its children that read tell it by one), no mount,
# no other program, and no module call but that by which the kernel refuses to load once more what is loaded
harmless()
{
	run strace -f -y -qq -o /tmp/strace "$@"
	# The first execve is strace's own
	sed 1d /tmp/strace | grep -vE '^[0-9]+ +(write|writev)\(((1|2)<|[0-9]+<pipe:)' |
		grep -vE 'finit_module\([0-9]+<[^>]*>, "[a-z]+=kvmtune-asks", 0\) += -1 EEXIST' |
		grep -E '\b(write|writev|pwrite64|execve|execveat|mount|umount2|init_module|finit_module|delete_module|rename|renameat|renameat2|unlink|unlinkat|mkdir|mkdirat|link|linkat|symlink|symlinkat|chmod|fchmod|fchmodat|chown|fchown|fchownat|truncate|ftruncate|setxattr|mknod|mknodat|kill|reboot)\(|O_(WRONLY|RDWR|CREAT|TRUNC)' >/tmp/harm
	is "$*" "$(cat /tmp/harm)" ""
}

scenario "status, dry runs, audit, guests, ept alone and undo --list do no harm"
harmless kvmtune status
ok "strace saw it all" grep -q 'exited with 0\|exit_group(0)' /tmp/strace
harmless kvmtune -v status --json
harmless kvmtune "$setting" off --dry-run
harmless kvmtune apply "$setting=off" --dry-run --json
harmless kvmtune audit "$setting=off"
harmless kvmtune "$setting"
harmless kvmtune undo --list
harmless kvmtune undo --dry-run

scenario "nor while KVM is in use"
hold guest
harmless kvmtune status
harmless kvmtune guests
harmless kvmtune "$setting" off --dry-run
