#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench --analyse: recorded runs judged, drawn and exported.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

host intel-ept-on

# record FILE HOST SPEED [MEMBER]: six blocks, in which ept=off takes 1/SPEED of the time. MEMBER: what
# else is in the record.
record()
{
	awk -v host="$2" -v speed="$3" -v member="${4:-}" 'BEGIN {
		printf "{\"schema\": \"kvmtune.bench.1\", \"kvmtune_version\": \"0\", "
		printf "\"host\": {\"name\": \"%s\", \"kernel\": \"6.1.0\"}, \"started\": 1, ", host
		printf "\"load\": [\"./guests.sh\", \"4\"], \"variants\": [\"current\", \"ept=off\"], "
		printf "\"seed\": 7, \"planned_blocks\": 6, \"looks\": false, \"metric\": \"wall_seconds\", "
		printf "\"higher_is_better\": false, \"notes\": [], \"judgement\": null, %s\"runs\": [\n", member
		for (b = 1; b <= 6; b++) {
			off = b % 2
			base = 10 + b * 0.01
			for (at = 0; at < 2; at++) {
				is_off = at == off
				printf "{\"block\": %d, \"position\": %d, ", b, at
				printf "\"variant\": \"%s\", ", is_off ? "ept=off" : "current"
				printf "\"wall_seconds\": %.6f, \"ksmd_seconds\": 0.5}%s\n",
					is_off ? base / speed : base, b == 6 && at == 1 ? "" : ","
			}
		}
		print "]}"
	}' >"$1"
}

record "$tmp/a.json" hv1 1.06
run kvmtune bench --analyse "$tmp/a.json"
status_is 0 "a bench"
like "$out" "ept=off is 6\\.[01] % faster than current \\(93\\.8 % sure: between (5\\.9|6\\.0) and 6\\.1 %\\)\\." "the verdict"
like "$out" "Host   hv1, Linux 6\\.1\\.0"$'\n'"Load   \\./guests\\.sh 4"$'\n'"Runs   6 blocks of 2" "its head"
like "$out" "ksmd CPU +500 ms +500 ms" "what else was measured"
like "$out" "ept=off +.*\\|" "the plot"

run kvmtune bench --analyse "$tmp/a.json" --json
status_is 0 "as JSON"
mkdir "$tmp/json"
printf '%s\n' "$out" >"$tmp/json/bench.json"
cp "$tmp/a.json" "$tmp/json/input.json"
run kvmtune bench --analyse "$tmp/json/bench.json" --json
is "$(cat "$tmp/json/bench.json")" "$out" "what is written reads back as the same"

run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/json/export.json" --plot "$tmp/a.svg"
status_is 0 "exported and drawn"
is "$(cat "$tmp/json/export.json")" "$(cat "$tmp/json/bench.json")" "the export is the document"
run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/a.csv"
is "$(wc -l <"$tmp/a.csv")" 13 "a line a run in CSV"
run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/a.md"
like "$(cat "$tmp/a.md")" "\\| ksmd CPU \\| 500 ms \\| 500 ms \\|" "a table in Markdown"

if command -v python3 >/dev/null; then
	run python3 -c 'import sys, xml.etree.ElementTree as t; print(t.parse(sys.argv[1]).getroot().tag)' "$tmp/a.svg"
	is "$out" "{http://www.w3.org/2000/svg}svg" "the picture is XML"
fi
is "$(grep -c '<circle' "$tmp/a.svg")" 12 "a circle a run"

# ---- several hosts ----

files=()
for i in 1 2 3 4 5 6; do
	record "$tmp/h$i.json" "hv$i" 1.0$i
	files+=("$tmp/h$i.json")
done
run kvmtune bench --analyse "${files[@]}" --export "$tmp/fleet.md" --plot "$tmp/fleet.svg"
status_is 0 "six hosts"
like "$out" "ept=off is 3\\.5 % faster than current \\(93\\.8 % sure: between 1\\.5 and 5\\.5"[[:space:]]"%\\), over"[[:space:]]"6 hosts" \
	"each counts once"
is "$(grep -c '<circle' "$tmp/fleet.svg")" 72 "all of their runs are drawn"
run kvmtune bench --analyse "${files[@]:0:3}"
like "$out" "these runs; they are too few to be sure" "three hosts are too few"
like "$out" "3 hosts are too few: an interval needs 5" "which is said"
run kvmtune bench --analyse "$tmp/h1.json" "$tmp/h1.json"
like "$out" "95\\.3 % sure" "twice one host: its blocks are taken together"
run kvmtune bench --analyse --json "${files[@]}"
status_is 2 "no JSON of several"
run kvmtune bench --analyse "${files[@]}" --export "$tmp/fleet.csv"
status_is 2 "no CSV of several"

# ---- what cannot be ----

run kvmtune bench --analyse
status_is 2 "no file"
run kvmtune bench --analyse "$tmp/absent.json"
status_is 2 "a file that is not there"
like "$err" "cannot read .*absent.json: No such file" "which is said"
printf 'null' >"$tmp/null.json"
run kvmtune bench --analyse "$tmp/null.json"
status_is 2 "no record"
like "$err" "null.json: it is not a JSON object" "which is said"
printf 'a\0b' >"$tmp/zero.json"
run kvmtune bench --analyse "$tmp/zero.json"
status_is 2 "no text"
run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/a.txt"
status_is 2 "an export of no known kind"
run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/none/a.md"
status_is 1 "an export that cannot be written"
like "$err" "cannot write .*/none/a.md: No such file" "which is said"
if [ -c /dev/full ]; then
	ln -s /dev/full "$tmp/full.json"
	run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/full.json"
	status_is 1 "a full disk"
	like "$err" "cannot write .*full.json: No space left" "which is said"
	ok "the device is there still" test -c /dev/full
fi
record "$tmp/escape.json" 'hv\u001b[31m' 1.06
run kvmtune bench --analyse "$tmp/escape.json" --plot "$tmp/escape.svg"
unlike "$out$(cat "$tmp/escape.svg")" $'\e' "no control reaches the terminal or the picture"

# A file keeps its mode. A link to one may be somebody else's.
printf x >"$tmp/kept.md"
chmod 600 "$tmp/kept.md"
ln -s kept.md "$tmp/link.md"
run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/link.md"
status_is 1 "a link to a file"
like "$err" "link.md: it is a symbolic link" "is not followed"
is "$(cat "$tmp/kept.md")" x "and its target is as it was"
run kvmtune bench --analyse "$tmp/a.json" --export "$tmp/kept.md"
is "$(stat -c %a "$tmp/kept.md") $(grep -c ksmd "$tmp/kept.md")" "600 1" "a file keeps its mode"
is "$(find "$tmp" -maxdepth 1 -name '*.md.*')" "" "nothing is left beside"
ln -s /dev/stdout "$tmp/out.csv"
run bash -c '"$0" bench --analyse "$1" --export "$2" | cat' "$KVMTUNE_FAKE" "$tmp/a.json" "$tmp/out.csv"
like "$out" "host,block,position" "a pipe is written to"

done_testing
