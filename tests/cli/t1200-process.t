#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whoever starts it, and how: environment, directory, descriptors, signals, limits, umask make no
# difference to what a command does, or are a clear error with nothing done. The rights it keeps.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

program=$tmp/kvmtune
cp "$KVMTUNE" "$program"
chmod 711 "$tmp"
chmod 755 "$program"

new_image()
{
	rm -rf "$tmp/image"
	mkdir -p "$tmp/image"/{etc/modprobe.d,proc}
	cp "$tmp/cpuinfo" "$tmp/image/proc/"
	chmod -R go-w "$tmp/image"
}

# story [COMMAND...]: what a change of an image by the real program says and leaves behind, each
# command started by COMMAND
story()
{
	local word

	new_image
	for word in status 'ept off --dry-run' 'ept off' status 'undo --list' undo 'ksm off'; do
		# shellcheck disable=SC2086
		"$@" "$program" --root "$tmp/image" $word 2>&1 </dev/null |
			sed 's/[0-9-]\{10\} [0-9:]\{8\}/TIME/'
		printf 'status %s\n' "${PIPESTATUS[0]}"
	done
	find "$tmp/image" -printf '%P %m\n' | LC_ALL=C sort
}

host intel-ept-on
cp "$KVMTUNE_FAKE_HOST/root/proc/cpuinfo" "$tmp/"
usual=$(story)
like "$usual" 'options kvm_intel ept=0.*done .*/journal 644' 'an image is changed and changed back'

# same NAME COMMAND...
same()
{
	local name=$1 said

	shift
	said=$(story "$@")
	if [ "$said" = "$usual" ]; then
		pass "the same: $name"
	else
		fail "the same: $name" "$(diff <(echo "$usual") <(echo "$said"))"
	fi
}

# ---- the environment ----

same 'no environment at all' env -i
same 'variables that libraries read' env POSIXLY_CORRECT=1 KMOD_LOG=debug SYSTEMD_LOG_LEVEL=debug \
	SYSTEMD_LOG_TARGET=console SYSTEMD_COLORS=1 MODPROBE_OPTIONS='-n --config=/nonexistent' \
	DBUS_SYSTEM_BUS_ADDRESS='unixexec:path=/bin/false' DBUS_SESSION_BUS_ADDRESS=x OPENSSL_CONF=/x
same 'a language' env LANG=de_DE.UTF-8 LC_ALL=tr_TR.UTF-8 LC_NUMERIC=de_DE.UTF-8 LANGUAGE=de
same 'directories' env HOME=/nonexistent TMPDIR=/nonexistent XDG_CONFIG_HOME=/nonexistent PATH=
same 'a terminal' env TERM=xterm LINES=1 NO_COLOR=
same 'an odd time zone' env TZ=Nowhere/Never
same 'a very large one' env "LARGE=$(head -c 100000 /dev/zero | tr '\0' x)"

# Where the program itself asks, not an image: modprobe.d is read by libkmod, which would tell.
run env KMOD_LOG=debug SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console "$program" guests
is "$status$err" 0 'libraries say nothing by themselves'
run env POSIXLY_CORRECT=1 "$program" --root "$tmp/image" ept off --dry-run
is "$status" 0 'options may stand behind operands, whatever POSIXLY_CORRECT says'

# ---- libraries ----

# Such as cannot be loaded, in the place of those that a command loads when it needs them: an image
# takes neither, and who only looks says what he could not see.
mkdir "$tmp/broken"
: >"$tmp/broken/libkmod.so.2"
: >"$tmp/broken/libsystemd.so.0"
same 'without libkmod and libsystemd' env LD_LIBRARY_PATH="$tmp/broken"
for word in cpu status ksm guests 'undo --list'; do
	# shellcheck disable=SC2086
	run env LD_LIBRARY_PATH="$tmp/broken" "$program" $word
	is "$status$err" 0 "$word: without libkmod and libsystemd"
done

# ---- where, and with which descriptors ----

in_deleted_directory()
{
	(mkdir "$tmp/gone" && cd "$tmp/gone" && rmdir "$tmp/gone" && exec "$@")
}
same 'in a directory that is deleted' in_deleted_directory

in_closed_directory()
{
	(mkdir -p "$tmp/closed" && cd "$tmp/closed" && chmod 0 . && exec "$@")
}
same 'in a directory that may not be read' in_closed_directory

with_descriptors()
{
	(
		for ((i = 3; i < 900; i++)); do
			eval "exec $i</dev/null" 2>/dev/null || break
		done
		exec "$@"
	)
}
same 'with hundreds of descriptors' with_descriptors

with_umask()
{
	(umask "$1" && shift && exec "$@")
}
same 'umask 0' with_umask 0
same 'umask 777' with_umask 777

with_name()
{
	(exec -a "$1" "${@:2}")
}
same 'without a name' with_name ''

# ---- signals ----

if env --block-signal=TERM true 2>/dev/null; then
	same 'signals blocked' env --block-signal
	same 'SIGCHLD ignored' env --ignore-signal=CHLD
	same 'all signals ignored' env --ignore-signal
else
	skip 'env cannot block signals' 'the same: signals blocked or ignored'
fi

# ---- limits ----

with_limit()
{
	(ulimit "$1" "$2" && shift 2 && exec "$@")
}
for limit in '-c 0' '-l 0' '-t 5' '-s 256' '-n 64' '-d 8000' '-u 0' '-v 100000' '-e 0' '-i 0'; do
	# shellcheck disable=SC2086 # words
	if ! (ulimit $limit) 2>/dev/null; then
		skip "ulimit $limit is not possible here" "the same: ulimit $limit"
	else
		same "ulimit $limit" with_limit $limit
	fi
done

# too_little LIMIT REGEX: where root may not lift it, either
too_little()
{
	new_image
	# shellcheck disable=SC2086 # words
	err=$(with_limit $1 "$program" --root "$tmp/image" ept off 2>&1 | cat; exit "${PIPESTATUS[0]}")
	status=$?
	if [ "$status" = 0 ]; then
		pass "ulimit $1 was lifted"
	else
		like "$status $err" "^1 kvmtune: .*$2" "ulimit $1: a clear error"
		is "$(ls -A "$tmp/image/etc/modprobe.d")" '' "ulimit $1: and nothing is done"
	fi
}
too_little '-n 12' 'ulimit -n'
too_little '-s 100' 'ulimit -s'
too_little '-f 0' 'File too large'

# ---- rights ----

# capabilities_of PID: those it has and could have, in $caps, "PERMITTED EFFECTIVE NO_NEW_PRIVS"
capabilities_of()
{
	caps=$(awk '/^CapPrm|^CapEff|^NoNewPrivs/ { printf "%s%s", sep, $2; sep = " " }' "/proc/$1/status")
}

# has_only MASK NAME: of what we have, the running kvmtune kept just this
has_only()
{
	local want ours

	capabilities_of $$
	ours=${caps%% *}
	want=$(printf '%016x' $((0x$ours & $1)))
	capabilities_of "$pid"
	is "$caps" "$want $want 1" "$2"
}

# until_it TEST...: waits for what a program in the background does
until_it()
{
	local i

	for ((i = 0; i < 500; i++)); do
		"$@" && return
		sleep 0.01
	done
}
lock_taken() { ! flock -n "$tmp/image/var/lib/kvmtune/lock" true; }
limited() { grep -q '^NoNewPrivs:.1' "/proc/$pid/status" 2>/dev/null; }

# DAC_READ_SEARCH, SYS_PTRACE, SYS_RAWIO, SYSLOG; DAC_OVERRIDE, CHOWN; SYS_MODULE, FOWNER, IPC_LOCK
read=0x4000a0004 files=0x4000a0007 change=0x4000b400f
mkfifo "$tmp/fifo"

# stopped MASK NAME WORDS...: it reads a FIFO that nobody writes
stopped()
{
	local mask=$1 name=$2

	shift 2
	"$program" "$@" <>"$tmp/fifo" >/dev/null 2>&1 &
	pid=$!
	until_it limited
	has_only "$mask" "$name"
	kill "$pid"
	wait "$pid" 2>/dev/null
}
stopped $read 'what only looks keeps what it takes to look' cpu --cpuid /dev/stdin

new_image
mkdir -p "$tmp/image/var/lib/kvmtune"
: >"$tmp/image/var/lib/kvmtune/lock"
flock "$tmp/image/var/lib/kvmtune/lock" sleep 2 &
holder=$!
until_it lock_taken
stopped $files 'what writes files may write where others may' --root "$tmp/image" ept off --wait
kill "$holder"

host in-use
"$KVMTUNE_FAKE" ept off --wait >/dev/null 2>&1 &
pid=$!
until_it limited
has_only $change 'what changes the host keeps what that takes'
kill "$pid"
wait "$pid" 2>/dev/null

# ---- as nobody ----

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups '--inh-caps=-all')
# The KSM of the machine that this runs on may be in any state: here it is off.
mkdir "$tmp/ksm"
for file in run pages_{shared,sharing,unshared,volatile,scanned} full_scans; do
	echo 0 >"$tmp/ksm/$file"
done
# shellcheck disable=SC2016 # for the inner shell
own=(unshare --mount --propagation unchanged sh -c 'mount --make-rprivate /sys && cd /sys/kernel/mm &&
	{ [ ! -d ksm ] || mount --bind "$0" ksm; } && cd "$OLDPWD" && exec "$@"' "$tmp/ksm")
"${own[@]}" true 2>/dev/null || own=()
nobody=("${own[@]}" "${nobody[@]}")
if [ "$UID" != 0 ] || [ ${#own[@]} = 0 ] || ! "${nobody[@]}" "$program" --version >/dev/null 2>&1; then
	skip 'needs root, setpriv and the right to mount' 'as nobody'
	done_testing
	exit
fi

# by_nobody STATUSES WORDS...: ends with one of these, with a text and without a crash
by_nobody()
{
	local statuses=$1

	shift
	run "${nobody[@]}" "$program" "$@"
	like "$status" "^($statuses)\$" "as nobody: kvmtune $*"
	if [ "$status" = 0 ]; then
		like "$out" . "as nobody: kvmtune $* says something"
		is "$err" '' "as nobody: kvmtune $* complains of nothing"
	else
		like "$out$err" . "as nobody: kvmtune $* says why"
	fi
}
by_nobody 0 status
by_nobody 0 status --verbose
by_nobody 0 cpu --verbose
by_nobody 0 guests
by_nobody 0 ept
by_nobody 0 npt
by_nobody 0 ksm
by_nobody 0 ksm --verbose
by_nobody 0 undo --list
by_nobody '0|4|7' audit ept=on
by_nobody '0|4|7' audit ksm=on
by_nobody '3|4' ept off
by_nobody '3|4' npt off --dry-run
by_nobody '0|3|4' ksm off --dry-run
for words in status cpu guests ept ksm 'undo --list'; do
	# shellcheck disable=SC2086 # words
	run "${nobody[@]}" "$program" --json $words
	ok "as nobody: kvmtune --json $words is JSON" python3 -m json.tool "$tmp/out" /dev/null
done
mkdir -m 777 "$tmp/open"
by_nobody 0 cpu --capture "$tmp/open/cpu"
by_nobody 0 cpu --cpuid "$tmp/open/cpu/cpuid.txt"

# Nothing of the sort may be said of what nobody could not see: it is not seen. That a kernel has no KVM
# is for everybody to see.
run "${nobody[@]}" "$program" guests
like "$out" 'not (all )?(be )?seen|No process holds KVM|no process can hold KVM|hidden|root' 'as nobody: guests says what it could not see'

done_testing
