# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tap.sh - a small test library that speaks TAP, for prove, from the project's root.
#
#	. tests/lib/tap.sh
#	run kvmtune status		keeps $out, $err, $status; a crash is a failure
#	status_is 0 'status works'
#	done_testing
#
# The next test is marked as one for a defect that is known and not mended yet by todo='why'.
# With KVMTUNE_TESTS_MUST_RUN=1 a test that would be skipped fails.

shopt -s extglob
LC_ALL=C
TZ=UTC
export LC_ALL TZ
unset NO_COLOR TERM COLUMNS "${!KVMTUNE_FAKE_@}"

KVMTUNE=${KVMTUNE:-build/kvmtune}
KVMTUNE_FAKE=${KVMTUNE_FAKE:-build/kvmtune-fake}
tests=0
todo=
out='' err='' status=0
tmp=$(TMPDIR=$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}") mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
for program in "$KVMTUNE" "$KVMTUNE_FAKE"; do
	[ -x "$program" ] || { echo "Bail out! $program is not built"; exit 1; }
done

# The program under test; KVMTUNE_WRAP may be "valgrind -q --error-exitcode=126".
# shellcheck disable=SC2086
kvmtune()
{
	${KVMTUNE_WRAP:-} "$KVMTUNE_FAKE" "$@"
}

pass()
{
	printf 'ok %d - %s%s\n' $((++tests)) "$1" "${todo:+ # TODO $todo}"
	todo=
}

# fail NAME [LINE...]
fail()
{
	printf 'not ok %d - %s%s\n' $((++tests)) "$1" "${todo:+ # TODO $todo}"
	shift
	[ $# = 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
	todo=
}

# ok NAME COMMAND...: the command succeeds
ok()
{
	local name=$1

	shift
	if "$@"; then pass "$name"; else fail "$name" "failed: $*"; fi
}

is()
{
	if [ "$1" = "$2" ]; then pass "$3"; else fail "$3" "     got: $1" "expected: $2"; fi
}

# like TEXT ERE NAME, unlike TEXT ERE NAME
like()
{
	if [[ $1 =~ $2 ]]; then pass "$3"; else fail "$3" "     got: $1" "expected: /$2/"; fi
}

unlike()
{
	if [[ $1 =~ $2 ]]; then fail "$3" "       got: $1" "unexpected: /$2/"; else pass "$3"; fi
}

# text_of VARIABLE FILE: the whole file, without starting a process
text_of()
{
	local content

	IFS= read -r -d '' content <"$2"
	printf -v "$1" %s "${content%$'\n'}"
}

# 137 is the end that a test itself asked for.
is_crash()
{
	[[ $status -ge 126 && ! $status =~ ^(129|130|137|143)$ ]] || # signals that a test has sent
		[[ $err == *Sanitizer* || $err == *'runtime error:'* ]]
}

# run COMMAND...: sets out, err, status. A crash or a sanitizer's report is a failure at once.
run()
{
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	text_of out "$tmp/out"
	text_of err "$tmp/err"
	! is_crash || fail "$* does not crash" "exit status $status" "$err"
}

status_is()
{
	if [ "$status" = "$1" ]; then
		pass "$2"
	else
		fail "$2" "exit status $status, expected $1" "$out" "$err"
	fi
}

# skip REASON NAME
skip()
{
	if [ "$KVMTUNE_TESTS_MUST_RUN" = 1 ]; then
		fail "$2" "cannot be skipped: $1"
	else
		printf 'ok %d # skip %s: %s\n' $((++tests)) "$2" "$1"
	fi
}

done_testing()
{
	printf '1..%d\n' "$tests"
}
