#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench on a made-up host: loads with a planted effect; what ends a bench early; the host afterwards.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

export KVMTUNE_FAKE_HASTE=1
export TMP_OF_LOAD=$tmp

# load NAME: a script in $tmp, from stdin. $run is which run this is, from 1.
load()
{
	{
		cat <<'TEXT'
#!/bin/bash
count=$TMP_OF_LOAD/count
run=1
[ ! -e "$count" ] || { read -r run <"$count"; run=$((run + 1)); }
echo $run >"$count"
# the process of kvmtune itself: the parent of the one that watches us
kvmtune_pid() { sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$PPID/stat"; }
TEXT
		cat
	} >"$tmp/$1"
	chmod +x "$tmp/$1"
}

# bench NAME ARGUMENT...: a bench of `current` and ept=off with this load, on a fresh host
bench()
{
	local name=$1

	shift
	rm -f "$tmp/count"
	run kvmtune bench current ept=off --warmup 0 --export "$tmp/export.json" "$@" -- "$tmp/$name" a 'b c'
}

# of_export EXPRESSION: in Python, over the document d
of_export()
{
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$tmp/export.json" "$1"
}
if ! command -v python3 >/dev/null; then
	echo "1..0 # SKIP python3 is not there"
	exit "${KVMTUNE_TESTS_MUST_RUN:-0}"
fi

# ---- a planted effect ----

load score <<'TEXT'
# ept=off is 6 % better; from run to run the host gets slower, by 10 % over 20 runs.
[ "$KVMTUNE_BENCH_VARIANT" = ept=off ] && better=1.06 || better=1
awk -v b=$better -v i=$run 'BEGIN { printf "noise 7\nScore: %.9f HS06\n", 300 * b * (1 - 0.1 * i / 20) }'
TEXT
host intel-ept-on
read_all before
bench score --score '^Score: (.*) HS06' --higher-is-better --seed 1 --plot "$tmp/plot.svg"
status_is 0 "a load with a score"
like "$out" "ept=off is (5\\.[789]|6\\.[0-3]) % better than current \\(95\\.5 % sure" "the planted effect is found under a drift"
like "$out" "The values fell by (9|10) % over the bench" "the drift is told"
like "$err" "CVE-2026-53359" "the price of EPT off is told"
read_all after
is "$after" "$before" "the host, and its journal, are as they were"
is "$(of_export 'len(d["runs"])')" 20 "each run is in the export"
is "$(of_export 'd["load"][1:]')" "['a', 'b c']" "and what was run"
ok "a picture" grep -q '</svg>' "$tmp/plot.svg"
loads=
read_loads loads
is "$loads" "$(of_export '(lambda v: sum(a != b for a, b in zip(["current"] + v, v + ["current"])))([r["variant"] for r in d["runs"]])')" \
	"the module was loaded when the variant changed, and else not"

bench score --score '^Score: (.*) HS06' --seed 1
like "$out" "ept=off is 5\\.[5-9] % worse than current" "of a score, lower is better if not said otherwise"

# HEP-SPEC06 of guests on CERN's hosts, with EPT and without (2 August 2015).
load cern <<'TEXT'
[ "$KVMTUNE_BENCH_VARIANT" = ept=off ] && echo "HS06 $CERN_OFF" || echo "HS06 $CERN_ON"
TEXT
while read -r CERN_ON CERN_OFF percent; do
	export CERN_ON CERN_OFF
	bench cern --score 'HS06 (.*)' --higher-is-better --runs 5
	like "$out" "ept=off is $percent % better than current" "CERN: $CERN_ON and $CERN_OFF are $percent %"
done <<'TEXT'
329 348 5\.8
300 327 9\.0
284 311 9\.5
TEXT

load json <<'TEXT'
[ "$KVMTUNE_BENCH_VARIANT" = ept=off ] && v=90 || v=100
echo begin
echo "{\"result\": {\"time\": $v}}"
TEXT
bench json --score-json result.time --runs 5
like "$out" "ept=off is 11\\.1 % better than current \\(93\\.8 % sure" "a score in JSON"

load sleeps <<'TEXT'
[ "$KVMTUNE_BENCH_VARIANT" = ept=off ] && sleep 0.02 || sleep 0.12
TEXT
bench sleeps
like "$out" "ept=off is [0-9.]+ % faster than current" "wall time"

# A load that is sure at the first look is not run more often.
bench score --score '^Score: (.*) HS06' --higher-is-better --precision 5
status_is 0 "with --precision"
is "$(of_export 'd["judgement"]["blocks"], d["looks"]')" "(10, True)" "looked at after 10 blocks, which are enough"
like "$out" "at least 95 % sure" "the level of all looks together"

# ---- the order of runs ----

load nothing <<'TEXT'
TEXT
bench nothing --runs 100 --seed 42
is "$(of_export 'len(d["runs"])')" 200 "a hundred blocks"
first=$(of_export 'sum(r["variant"] == "current" for r in d["runs"] if r["position"] == 0)')
ok "each variant is first as often ($first of 100)" test "$first" -ge 30 -a "$first" -le 70
alike=$(of_export 'sum(d["runs"][i]["variant"] == d["runs"][i + 2]["variant"] for i in range(0, 198, 2))')
ok "blocks do not depend on each other ($alike of 99 alike)" test "$alike" -ge 30 -a "$alike" -le 70
order=$(of_export '[r["variant"] for r in d["runs"]]')
bench nothing --runs 100 --seed 42
is "$(of_export '[r["variant"] for r in d["runs"]]')" "$order" "a seed repeats the order"
bench nothing --runs 100 --seed 43
differs() { if [ "$1" != "$2" ]; then pass "$3"; else fail "$3"; fi; }
differs "$(of_export '[r["variant"] for r in d["runs"]]')" "$order" "another seed does not"

# ---- other variants ----

rm -f "$tmp/count"
host intel-ept-on
read_all before
run kvmtune bench ept=off,pml=on ept=off --runs 2 -- true
like "$status" 2 "what is no setting"
run kvmtune bench ept=on current --runs 3 --warmup 0 -- true
status_is 0 "a variant that changes nothing"
read_loads loads
is "$loads" "" "costs no reload"
host ksm-el8
read_tree before
run kvmtune bench ept=on,ksm=off ept=off,ksm=off current ksm=off --runs 5 -- true
status_is 0 "four variants, with same-page merging"
read_tree after
is "$(differences "$before" "$after")" "" "the host is as it was"
run kvmtune undo --list
like "$out" "has not changed this host" "nothing is left in the journal"

# An older change stays the one that undo comes to.
host intel-ept-on
run kvmtune ept off
read_all before
run kvmtune bench current ept=on --runs 3 -- true
status_is 0 "on a host that kvmtune changed"
read_all after
is "$after" "$before" "which is as it was, with its journal"

# Killed in the middle of a change: the journal has one that did not end.
host intel-ept-on
(KVMTUNE_FAKE_KILL=5 kvmtune ept off >/dev/null 2>&1) 2>/dev/null
run kvmtune bench current ept=on --runs 3 -- true
status_is 6 "after a change that was interrupted"
like "$err" "an earlier change \\(ept off\\) did not end" "no bench is begun"

# ---- how a load is run ----

load around <<'TEXT'
{
	printf '%s\n' "$@"
	umask
	ulimit -n
	echo "$PRIVATE"
	read -r line && echo "stdin: $line"
	grep '^NoNewPrivs\|^CapPrm\|^CapEff' /proc/self/status
	grep SigIgn /proc/self/status
	ls -l /proc/self/fd | grep -c 'lock\|journal'
} >"$TMP_OF_LOAD/seen"
TEXT
host intel-ept-on
(
	umask 027
	ulimit -S -n 200
	export PRIVATE=yes
	rm -f "$tmp/count"
	kvmtune bench current ept=off --runs 1 --warmup 0 -- "$tmp/around" a 'b c' >/dev/null 2>&1
	{ printf 'a\nb c\n0027\n200\nyes\n'; grep '^NoNewPrivs\|^CapPrm\|^CapEff' /proc/self/status; grep SigIgn /proc/self/status; echo 0; } >"$tmp/expected"
)
is "$(cat "$tmp/seen")" "$(cat "$tmp/expected")" "a load has arguments, umask, limits, environment and rights of the user, and no lock"
PATH=$tmp:$PATH run kvmtune bench current --runs 1 -- nothing
status_is 0 "a name without a slash is looked for in PATH"
run kvmtune bench current --runs 1 -- no-such-program
status_is 1 "a program that is not there"
like "$err" "no-such-program cannot be started: No such file" "which is said"
printf 'echo hello\n' >"$tmp/plain"
chmod +x "$tmp/plain"
run kvmtune bench current --runs 1 -- "$tmp/plain"
like "$err" "first line like #!/bin/sh" "no shell runs what is no program"
load prints <<'TEXT'
yes 'Score: 7' | head -c 3000000
printf '\0\377\n'
echo "Score: $((100 + run))"
yes | head -c 1000000 >&2
TEXT
bench prints --score '^Score: (.*)$' --runs 1
status_is 0 "a load that prints megabytes, and bytes that are no text"
is "$(of_export '[r["score"] for r in d["runs"]]')" "[101.0, 102.0]" "its last score counts"
load before <<'TEXT'
echo "$1 $KVMTUNE_BENCH_VARIANT" >>"$TMP_OF_LOAD/beside"
TEXT
run kvmtune bench current --runs 2 --warmup 0 --prepare "$tmp/before one" --cleanup "$tmp/before two" -- true
is "$(tr '\n' ',' <"$tmp/beside")" "one current,two current,one current,two current," "--prepare and --cleanup around each run"
load beside-fails <<'TEXT'
exit 1
TEXT
rm "$tmp/beside"
bench beside-fails --cleanup "$tmp/before two"
like "$(cat "$tmp/beside")" "^two [a-z=]+$" "--cleanup also after a load that fails"
load beside-stops <<'TEXT'
kill -INT $(kvmtune_pid)
sleep 60
TEXT
rm "$tmp/beside"
bench beside-stops --cleanup "$tmp/before two"
like "$status $(cat "$tmp/beside")" "^1 two [a-z=]+$" "--cleanup also after a signal"
bench score --score 'nothing like that'
status_is 1 "a load that prints no score"
like "$err" "printed no number that \"nothing like that\" matches" "which is said"
bench score --score '('
status_is 2 "no regular expression"

# ---- what ends a bench early ----

# same_after NAME: after at most one command the host is as it was
same_after()
{
	read_tree after
	if [ "$after" != "$before" ]; then
		run kvmtune undo
		read_tree after
	fi
	is "$(differences "$before" "$after")" "" "$1: the host is as it was"
}

load fails <<'TEXT'
[ $run -lt 6 ] || { echo "cannot do that: $(printf '\033[31m')" >&2; exit 3; }
TEXT
host intel-ept-on
read_tree before
bench fails --runs 8 --seed 3
status_is 1 "a load that fails"
like "$err" "fails failed with exit status 3; the host is as it was before" "which is said"
like "$err" "  cannot do that: \\\\x1b" "with the end of what it printed, made safe"
is "$(of_export 'len(d["runs"])')" 5 "the runs before it are on disk"
like "$out" "wall time" "and are shown"
same_after "a load that fails"

for signal in INT TERM HUP; do
	for at in 1 2 5; do
		load stops <<TEXT
[ \$run -lt $at ] || { kill -$signal \$(kvmtune_pid); sleep 60 & setsid sleep 61 & wait; }
TEXT
		host intel-ept-on
		read_tree before
		bench stops --runs 8 --seed 3
		status_is 1 "SIG$signal in run $at"
		same_after "SIG$signal in run $at"
		is "$(pgrep -f '^sleep 6[01]$' -u "$(id -u)" -P 1 | wc -l) $(cat "$tmp/count")" "0 $at" "SIG$signal: the load is gone"
	done
done
is "$(of_export 'len(d["runs"])')" 4 "the runs before it are on disk"

seen=
value=
for at in 1 2 3 4 5 6; do
	load killed <<TEXT
[ \$run -lt $at ] || { echo \$\$ >"\$TMP_OF_LOAD/pid"; kill -KILL \$(kvmtune_pid); sleep 60; }
TEXT
	host intel-ept-on
	read_tree before
	rm -f "$tmp/count"
	# Not by run(), to which this is a crash.
	(kvmtune bench current ept=off --warmup 0 --runs 8 --seed 3 --export "$tmp/export.json" -- "$tmp/killed") >/dev/null 2>&1
	for ((i = 0; i < 100; i++)); do
		kill -0 "$(cat "$tmp/pid")" 2>/dev/null || break
		sleep 0.05
	done
	ok "SIGKILL in run $at: the load ends, too" test "$i" -lt 100
	cp "$tmp/export.json" "$tmp/killed.json" 2>/dev/null
	# In which variant it was says the host.
	param ept
	if [ "$value" = Y ]; then
		in_variant=no
	elif [ $((at % 2)) = 0 ]; then
		in_variant=undone
		run kvmtune undo
		status_is 0 "undo"
	else
		in_variant=benched
		run kvmtune bench current ept=off --runs 1 -- true
		status_is 0 "the next bench"
		like "$err" "earlier bench was killed; its variant ept=off was rolled back" "says that it brings the host back"
	fi
	seen+=" $in_variant"
	kvmtune status >/dev/null
	read_tree after
	is "$(differences "$before" "$after")" "" "SIGKILL in run $at: the host is as it was after at most one command"
	run kvmtune undo
	read_tree after
	is "$status $(differences "$before" "$after")" "0 " "and there is nothing more to undo"
	[ $at = 1 ] || is "$(of_export 'len(d["runs"])')" $((at - 1)) "the runs before it are on disk"
done
like "$seen" "undone.*benched|benched.*undone" "it was killed in the variant, too:$seen"

# Two at once: the second one does not take the first for killed.
load meets <<'TEXT'
[ "$KVMTUNE_BENCH_VARIANT" = current ] || "$KVMTUNE_FAKE" bench current ept=off --runs 1 -- true >"$TMP_OF_LOAD/met" 2>&1
echo "$?" >>"$TMP_OF_LOAD/met"
TEXT
host intel-ept-on
read_tree before
KVMTUNE_FAKE=$(readlink -f "$KVMTUNE_FAKE")
export KVMTUNE_FAKE
bench meets --runs 1 --seed 3
status_is 0 "a bench in whose variant another is begun"
like "$(cat "$tmp/met")" "refused: another kvmtune is running: kvmtune bench ept=off" "which is refused"
ok "with status 3" grep -qx 3 "$tmp/met"
same_after "two benches at once"

# A guest is left running: the module cannot be reloaded, so the host can be brought back only later.
load guest <<'TEXT'
[ "$KVMTUNE_BENCH_VARIANT" = "$LEAVE_IN" ] || exit 0
printf '4242\t0\troot\tqemu-kvm\t1\t1\t1\t/a\tqemu-kvm\t-name\tleft-over\n' >>"$KVMTUNE_FAKE_HOST/fake/users"
echo 3 >"$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel/refcnt"
TEXT
for in in current ept=off; do
	host intel-ept-on
	read_tree before
	LEAVE_IN=$in bench guest --runs 3 --seed 3
	like "$err" "the load left guests running: left-over \\(PID 4242\\)" "a guest left in $in is named"
	is "$(of_export 'd["runs"][-1]["variant"]')" "$in" "the last run is that of $in, and on disk"
	is "$(of_export '"guests" in d["notes"]')" True "and so is why it ended"
	: >"$KVMTUNE_FAKE_HOST/fake/users"
	echo 0 >"$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel/refcnt"
	if [ $in = current ]; then
		status_is 1 "left in current"
	else
		status_is 6 "left in a variant: the host is not as it was"
		like "$err" "bring the host back:  kvmtune undo" "which is said"
	fi
	same_after "a guest left in $in"
done

# ---- every call that changes the host, at every stage ----

# stages VARIABLE NAME: a bench with this variable at 1, 2, 3...; VARIABLE makes the Nth call go wrong
stages()
{
	local n bad='' last

	host intel-ept-on
	read_tree before
	kvmtune bench current ept=off --runs 3 --seed 1 -- true >/dev/null 2>&1
	last=$(wc -l <"$KVMTUNE_FAKE_HOST/fake/log")
	for ((n = 1; n <= last; n++)); do
		host intel-ept-on
		(export "$1=$n"; kvmtune bench current ept=off --runs 3 --seed 1 -- true >/dev/null 2>&1) 2>/dev/null
		kvmtune status >/dev/null
		read_tree after
		if [ "$after" != "$before" ]; then
			kvmtune undo >/dev/null 2>&1 || bad+=" $n:undo-$?"
			read_tree after
		fi
		[ "$after" = "$before" ] || bad+=" $n"
	done
	is "$bad" "" "$2 at each of $last calls: the host is as it was after at most one command"
	ok "there are enough of them" test "$last" -ge 20
}
stages KVMTUNE_FAKE_FAIL "a failure"
stages KVMTUNE_FAKE_SIGNAL "a signal"
stages KVMTUNE_FAKE_KILL "a kill"

if [ -c /dev/full ]; then
	host intel-ept-on
	read_tree before
	ln -sf /dev/full "$tmp/full.json"
	rm -f "$tmp/count"
	run kvmtune bench ept=off current --warmup 0 --runs 8 --export "$tmp/full.json" -- "$tmp/nothing"
	status_is 1 "a full disk for the export"
	like "$err" "cannot write .*No space left on device" "which is said"
	is "$(cat "$tmp/count")" 1 "at the first run"
	same_after "a full disk for the export"
fi

# The place of the export goes away in the middle.
load removes <<'TEXT'
[ $run -lt 4 ] || rm -r "$TMP_OF_LOAD/exports"
TEXT
host intel-ept-on
read_tree before
mkdir "$tmp/exports"
bench removes --runs 8 --seed 3 --export "$tmp/exports/x.json"
status_is 1 "an export that cannot be written any more"
is "$(cat "$tmp/count")" 4 "ends the bench at once"
same_after "an export that cannot be written any more"

# ---- going on ----

host intel-ept-on
bench fails --runs 8 --seed 3
cp "$tmp/export.json" "$tmp/resumed.json"
rm -f "$tmp/count"
run kvmtune bench current ept=off --warmup 0 --runs 8 --resume "$tmp/resumed.json" -- "$tmp/fails" a 'b c'
status_is 1 "it fails again"
mv "$tmp/resumed.json" "$tmp/export.json"
is "$(of_export 'len(d["runs"]), d["seed"]')" "(9, 3)" "two blocks and a half are two blocks; five runs are added"
cp "$tmp/export.json" "$tmp/resumed.json"
run kvmtune bench current ept=off --warmup 0 --runs 8 --resume "$tmp/resumed.json" -- "$tmp/nothing"
status_is 2 "another load"
like "$err" "is from another bench" "which is said"
run kvmtune bench current ksm=off --warmup 0 --runs 8 --resume "$tmp/resumed.json" -- "$tmp/fails" a 'b c'
status_is 2 "other variants"

# ---- what was typed ----

for words in "" "current" "-- true" "current current -- true" "nonsense -- true" "ept=maybe -- true" \
	"current --runs 0 -- true" "current --runs x -- true" "current --runs 5 --precision 1 -- true" \
	"current --precision 0 -- true" "current --precision 1x -- true" "current --budget 0 -- true" \
	"current --seed 4294967296 -- true" "current --higher-is-better -- true" \
	"current --export x.txt -- true" "current --resume /nonexistent -- true" "current --analyse -- true" \
	"current --score a --score-json b -- true" "--analyse --runs 3 x.json" "--root / current -- true"; do
	# shellcheck disable=SC2086
	run kvmtune bench $words
	status_is 2 "bench $words"
done
run kvmtune bench current --runs 1 --warmup 0 --json -- echo --runs
status_is 0 "options behind -- are the load's"
like "$out" "\"load\":\\[[[:space:]]*\"echo\",[[:space:]]*\"--runs\"" "which are in the document"

host not-root
run kvmtune bench current ept=off -- true
status_is 4 "not root"
run kvmtune bench current --runs 1 -- true
status_is 0 "but a load can be measured"
done_testing
