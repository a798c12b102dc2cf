#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# JSON: every document of every host is right by its schema, and says what the text says.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

documents=$tmp/documents list=$tmp/list
mkdir "$documents"
: >"$list"

# document NAME COMMAND...: keeps what the command prints; it says nothing on stderr that is not
# in the document, too
document()
{
	local name=$1

	shift
	run kvmtune "$@" --json
	printf '%s\n' "$out" >"$documents/$name"
	is_status+=("$name	d.get('exit_status', 0) == $status	$name: exit status")
}

# json_is NAME EXPRESSION TITLE: checked at the end, all at once
json_is()
{
	printf '%s\t%s\t%s: %s\n' "$1" "$2" "$1" "$3" >>"$list"
}

export KVMTUNE_FAKE_HASTE=1
is_status=()
for name in $(all_hosts); do
	host "$name"
	document "$name.status" status
	document "$name.ept" ept
	document "$name.guests" guests
	document "$name.cpu" cpu
	document "$name.audit-on" audit ept=on
	document "$name.audit-off" audit ept=off
	document "$name.off-dry" ept off --dry-run
	document "$name.off-defer-dry" ept off --defer --dry-run
	document "$name.undo-nothing" undo
	document "$name.off" ept off
	document "$name.list" undo --list
	document "$name.status-after" status
	document "$name.on" apply ept=on
	document "$name.undo-dry" undo --dry-run
	document "$name.undo" undo
	document "$name.undo-all" undo --all
	document "$name.list-after" undo --list
	if [[ $name = amd* ]]; then
		document "$name.npt" npt
		document "$name.npt-audit" audit npt=off
		document "$name.npt-dry" npt off --dry-run
		document "$name.npt-off" npt off
		document "$name.npt-status-after" status
		document "$name.npt-on" apply npt=on
		document "$name.npt-list" undo --list
		document "$name.npt-undo" undo
	fi
	[[ $name = ksm-* ]] || continue
	document "$name.ksm" ksm
	document "$name.ksm-verbose" ksm --verbose
	document "$name.ksm-audit" audit ksm=off
	document "$name.ksm-dry" ksm unmerged --dry-run
	document "$name.ksm-off" ksm off
	document "$name.ksm-unmerged" ksm unmerged --watch 1
	document "$name.ksm-on" apply ksm=on
	document "$name.ksm-list" undo --list
	document "$name.ksm-undo" undo
done

# What goes wrong.
host intel-ept-on
call_number load ept off
KVMTUNE_FAKE_FAIL=$n document failed ept off
json_is failed 'd["result"] == "failed" and d["rolled_back"] and d["error"]["exit_status"] == 1' \
	'rolled back'
json_is failed '[s["state"] for s in d["steps"]].count("failed") == 1' 'one step failed'
json_is failed '{s["state"] for s in d["steps"]} == {"rolled_back", "failed", "not_done"}' \
	'the others were rolled back or not done'
KVMTUNE_FAKE_FAIL=$n+ document stuck ept off
json_is stuck 'd["result"] == "stuck" and d["error"]["id"] == "stuck" and d["exit_status"] == 6' \
	'the rollback failed'
document stuck.status status
json_is stuck.status 'd["interrupted"]["command"] == "ept off"' 'tells of it'
document stuck.on ept on
json_is stuck.on 'd["recovered"] == {"command": "ept off", "result": "rolled_back"} and d["result"] == "already"' 'is rolled back first'
document usage apply pml=off
json_is usage 'd["schema"] == "kvmtune.error.1" and d["exit_status"] == 2 and d["command"] == "apply" and "pml" in d["error"]["text"]' 'a usage error'
document list list
json_is list 'd["settings"]["nested"]["now"] == "on" and d["settings"]["nested"]["next"] is None and d["settings"]["tdp"]["other_name"]' 'the settings'
document both apply ept=off nested=off
json_is both '{n: (s["before"], s["after"], s["changed"]) for n, s in d["settings"].items()} == {"ept": ("on", "off", True), "nested": ("on", "off", True)}' 'two settings'
json_is both '[s["act"] for s in d["steps"]].count("load") == 1 and d["changed"]' 'one reload'
document both.undo undo -n
json_is both.undo '{n: (s["before"], s["after"], s["changed"]) for n, s in d["settings"].items()} == {"ept": ("off", "on", True), "nested": ("off", "on", True)}' 'and one undo'
# A change that is being made: see t0500-wait.t.
host ksm-tuned
"$KVMTUNE_FAKE" ksm unmerged --watch 1h >"$tmp/watched" 2>&1 &
maker=$!
until_slept
document made.status status
json_is made.status 'd["at_work"].startswith("kvmtune ksm unmerged, PID ") and d["interrupted"] is None' \
	'a change is being made'
document made.list undo --list
json_is made.list 'd["changes"][0]["state"] == "being_made"' 'so in the list'
document made.dry ksm off --dry-run
json_is made.dry 'd["error"]["id"] == "locked" and d["exit_status"] == 3' 'a dry run is refused'
kill -TERM "$maker"
wait "$maker"
host intel-ept-on
KVMTUNE_FAKE_FAIL=1 document no-lock ept off
host intel-ept-on
KVMTUNE_FAKE_BUSY=99 document busy ept off
json_is busy 'd["error"]["id"] == "in-use" and d["refusal"] is None' 'a holder at the last moment'
host in-use
document waited ept off --wait=1s
json_is waited 'len(d["users"]) == 3 and d["refusal"]["id"] == "in-use"' 'who was waited for'
document image --root "$KVMTUNE_FAKE_HOST/root" status
json_is image 'd["host"]["image"] and d["host"]["name"] is None and not d["users"]' 'an image'

# A processor that was captured.
host intel-ept-on
rm -r "$KVMTUNE_FAKE_HOST/root/sys/module/kvm_intel"
run kvmtune cpu --capture "$tmp/captured"
document captured.cpu cpu --cpuid "$tmp/captured/cpuid.txt" --msr "$tmp/captured/msr.txt"
json_is captured.cpu 'd["captured"] and not d["not_seen"]' 'nothing of the live one'
json_is captured.cpu 'd["ept"] == {"value": True, "source": ["MSR 48Bh"]}' 'by its registers'
json_is captured.cpu 'd["vmx_enabled"]["value"] and d["vmx_enabled"]["source"] == ["MSR 3Ah"]' 'enabled'

# What the documents say.
json_is intel-ept-on.status 'd["settings"]["ept"]["now"] == "on" and d["settings"]["ept"]["now_source"]' 'now'
json_is intel-ept-on.status 'd["settings"]["ept"]["next"] == "on" and d["settings"]["ept"]["next_when"] == "load"' 'next load'
json_is intel-ept-on.status 'd["modules"]["kvm_intel"]["usable_by_kvm"]["value"] is True and "MSR 48Ch" in d["modules"]["kvm_intel"]["usable_by_kvm"]["source"]' 'evidence'
json_is intel-ept-on.status 'len(d["modules"]["kvm_intel"]["parameters"]) == 25' 'all parameters'
json_is intel-ept-on.status 'd["kvm_device"]["mode"] == "0660"' '/dev/kvm'
json_is intel-ept-off.status 'd["settings"]["ept"]["next_source"] == ["/etc/modprobe.d/zz-kvmtune.conf:2"]' 'file and line'
json_is intel-ept-off.status '"ept-off-slower" in [a["id"] for a in d["advice"]]' 'advice with ids'
json_is intel-ept-off.status 'd["modules"]["kvm_intel"]["usable_by_kvm"]["value"] is None' 'unknown is null'
json_is no-module.status '(d["settings"]["ept"]["now"], d["settings"]["ept"]["now_source"]) == (None, [])' 'unknown has no source'
json_is no-module.status 'd["modules"]["kvm_intel"]["in_use"]["value"] is None' 'in use: unknown'
json_is vmx-no-ept.status 'd["modules"]["kvm_intel"]["virt"]["value"] and d["modules"]["kvm_intel"]["paging"]["value"] is False' 'no EPT'
json_is amd.status 'd["cpu"]["svm"]["value"] and d["cpu"]["vendor"] == "AuthenticAMD"' 'processor'
json_is intel-ept-on.cpu 'd["vendor"] == {"value": "GenuineIntel", "source": ["CPUID 0"]}' 'vendor'
json_is intel-ept-on.cpu '"E5-2680" in d["brand"]["value"] and d["brand"]["source"]' 'brand'
json_is intel-ept-on.cpu 'd["vmx"]["value"] and d["svm"]["value"] is False and d["hypervisor"]["value"] is False' 'facts'
json_is intel-ept-on.cpu 'd["ept"]["value"] and "MSR 48Bh" in d["ept"]["source"]' 'EPT'
json_is intel-ept-on.cpu 'd["ept_usable"]["value"] and d["npt"]["value"] is False' 'EPT usable, no NPT'
json_is intel-ept-on.cpu 'd["msrs"][0] == {"cpu": 0, "msr": "0x3a", "value": "0x0000000000000005"}' 'registers'
json_is intel-ept-on.cpu 'd["logical_cpus"] == 2 and d["differences"] == [] and not d["captured"]' 'all CPUs'
json_is vtx-disabled.cpu 'd["vmx"]["value"] and d["vmx_enabled"]["value"] is False and "firmware" in d["reasons"]["vmx_enabled"]' 'switched off is not absent'
json_is no-vtx.cpu 'd["vmx"]["value"] is False and d["ept"]["value"] is False' 'absent'
json_is vmx-no-ept.cpu 'd["vmx"]["value"] and d["ept"]["value"] is False' 'no EPT'
json_is not-root.cpu '"msr driver is not loaded" in d["not_seen"][0] and d["msrs"] == []' 'what could not be read'
json_is amd.cpu 'd["svm"]["value"] and d["vmx"]["value"] is False' 'AMD'
json_is amd.status 'd["settings"]["npt"]["now"] == "on" and "/proc/cpuinfo" in d["modules"]["kvm_amd"]["usable_by_kvm"]["source"]' 'NPT'
json_is amd.status 'd["modules"]["kvm_intel"]["virt"] == {"value": False, "source": ["CPUID"]} and not d["settings"]["ept"]["here"]' 'no VT-x'
json_is amd.npt-off 'd["result"] == "done" and d["leftover"] == [] and list(d["settings"]) == ["npt"]' 'done and proved'
json_is amd.npt-off '"npt-off-sev" in [a["id"] for a in d["advice"]]' 'advice with ids'
json_is amd-moved-disk.npt-status-after 'd["settings"]["npt"]["next_source"] == ["/etc/modprobe.d/zz-kvmtune.conf:3"]' 'file and line'
json_is amd-in-use.npt-off 'd["refusal"]["id"] == "in-use" and d["users"][0]["guest"] == "web-01"' 'guests'
json_is intel-ept-on.status 'd["modules"]["kvm_amd"]["virt"]["value"] is False and d["settings"]["npt"]["now"] is None' 'no SVM'
json_is conf-conflict-off.status '[m["where"] for m in d["settings"]["ept"]["modules"]["kvm_intel"]["mentions"] if m["decides"]] == ["/etc/modprobe.d/zzz-site.conf:3"]' 'who decides'
json_is blacklisted.status 'd["settings"]["ept"]["modules"]["kvm_intel"]["mentions"][0]["kind"] == "blacklist"' 'other lines'
json_is builtin.status 'd["modules"]["kvm_intel"]["state"] == "built_in"' 'built in'
json_is in-use.guests 'd["in_use"]["value"] and [u["guest"] for u in d["users"]] == ["web-01", "db-01", None]' 'guests'
json_is in-use.guests '[u["runs_guest"] for u in d["users"]] == [True, True, False]' 'who runs one'
json_is in-use-hidden.guests 'd["in_use"]["value"] and not d["users"]' 'nobody can be seen'
json_is not-root-in-use.guests 'd["hidden_processes"] == 211 and len(d["not_seen"]) == 1' 'hidden'
json_is intel-ept-on.off 'd["result"] == "done" and d["leftover"] == [] and d["kvm_away_ms"] is not None' 'done and proved'
json_is intel-ept-on.off-dry 'd["result"] == "planned" and d["dry_run"] and "leftover" not in d' 'planned'
json_is intel-ept-on.off-defer-dry 'd["exit_status"] == 5 and d["settings"]["ept"]["after"] == "on" and d["settings"]["ept"]["next_after"] == "off"' 'will wait'
json_is intel-ept-off.off 'd["result"] == "already" and not d["steps"]' 'already'
json_is intel-ept-on.undo-nothing 'd["undoes"] is None and d["exit_status"] == 0' 'nothing to undo'
json_is intel-ept-on.undo-all '(len(d["undos"]), d["left"], d["error"]) == (1, [], None)' 'undo --all'
json_is not-loaded.off 'd["result"] == "done" and d["exit_status"] == 0' 'saved: nothing runs'
json_is nested-edited.off-dry 'd["effects"][0]["parameter"] == "nested" and d["effects"][0]["line"] == 2' 'effects'
json_is intel-ept-on.list 'd["changes"][0]["next_undo"] and d["changes"][0]["state"] == "done"' 'list'
json_is intel-ept-on.audit-off 'd["exit_status"] == 7 and d["settings"]["ept"]["state"] == "differs"' 'drift'
json_is ksm-tuned.ksm 'd["settings"]["ksm"]["now"] == "on" and d["settings"]["ksm"]["next"] == "on"' 'KSM, now and next'
json_is ksm-tuned.ksm 'd["ksm"]["run"] == 1 and d["ksm"]["counters"]["pages_sharing"] == 700000' 'counters'
json_is ksm-tuned.ksm '(d["ksm"]["saved_bytes"], d["ksm"]["need_bytes"]) == (700000 * 4096, 712000 * 4096)' 'saved, needed'
json_is ksm-6.12.ksm '(d["ksm"]["saved_bytes"], d["ksm"]["need_bytes"]) == (750000 * 4096, 762000 * 4096)' 'zero pages, too'
json_is ksm-el8.ksm '"ksm_zero_pages" not in d["ksm"]["counters"]' 'only counters that there are'
json_is ksm-tuned.ksm '[(u["guest"], u["merged_bytes"]) for u in d["ksm"]["users"]] == [("web-01", 420000 * 4096), ("db-01", 292000 * 4096)]' 'whose pages'
json_is ksm-tuned.ksm '[(u["name"], u["active"], u["enabled"]) for u in d["ksm"]["units"]][:2] == [("ksmtuned.service", "active", "enabled"), ("ksm.service", "active", "enabled")]' 'services'
json_is ksm-tuned.ksm 'd["memory"]["available_bytes"] == 48 << 30' 'memory'
json_is ksm-none.ksm 'd["settings"]["ksm"]["now"] is None and d["ksm"]["need_bytes"] is None' 'no KSM: unknown'
json_is ksm-two.ksm 'd["settings"]["ksm"]["now"] == "unmerged"' 'unmerged'
json_is ksm-tuned-site.ksm 'd["ksm"]["writers"][0]["value"] == 1' 'others that write it'
json_is ksm-small.ksm-dry 'd["refusal"]["id"] == "memory" and d["exit_status"] == 3' 'too little memory'
json_is ksm-tuned.ksm-off 'd["result"] == "done" and d["leftover"] == []' 'done and proved'
json_is ksm-tuned.ksm-audit 'd["exit_status"] == 7 and d["settings"]["ksm"]["state"] == "differs"' 'KSM: drift'
json_is in-use.audit-off 'd["settings"]["ept"]["state"] == "differs" and d["settings"]["ept"]["refusal"] is None' 'guests are no matter to an audit'
json_is amd.audit-off 'd["settings"]["ept"]["state"] == "refused" and d["exit_status"] == 4 and "kvmtune npt" in d["settings"]["ept"]["refusal"]["hint"]' "another vendor's"

# What the host file wants.
host in-use
printf '%s\n' 'nested = off' '' 'ksm = off' >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
document in-use.file-audit audit
document in-use.file-dry apply --dry-run
printf 'x\n' >"$KVMTUNE_FAKE_HOST/root/etc/kvmtune.conf"
document in-use.file-wrong apply
json_is in-use.file-audit 'd["settings"]["ksm"]["wanted_source"] == {"file": "/etc/kvmtune.conf", "line": 3}' 'the line that wants it'
json_is in-use.file-dry 'd["settings"]["nested"]["wanted_source"]["line"] == 1' 'the line that wants it'
json_is in-use.file-wrong 'd["error"]["id"] == "host-file-syntax" and ":1: " in d["error"]["text"]' 'an error with its line'
json_is in-use.audit-off '"wanted_source" not in d["settings"]["ept"]' 'the command line is no file'

cp tests/fuzz/corpus/bench_export/three "$documents/three.bench"
for name in one two three score none; do
	run kvmtune bench --analyse --json tests/fuzz/corpus/bench_export/$name
	printf '%s\n' "$out" >"$documents/$name.bench-judged"
done
json_is three.bench-judged 'len(d["judgement"]["verdicts"]) == 2 and d["judgement"]["blocks"] == 5' 'two verdicts'
json_is score.bench-judged 'd["judgement"]["verdicts"][0]["gain"]["low"] > 0' 'a higher score is a gain'
json_is two.bench-judged 'd["judgement"]["verdicts"][0]["gain"]["high"] < 0' 'a longer time is none'

printf '%s\n' "${is_status[@]}" | grep -v 'status\|\.list\|guests\|\.cpu	\|\.ept	\|^image' >>"$list"

if python3 -c 'import jsonschema' 2>"$tmp/err"; then
	python3 tests/lib/check_json.py "$documents" "$list" >"$tmp/tap"
	ok 'the checker of documents ran' [ $? = 0 ]
	cat "$tmp/tap"
	tests=$((tests + $(grep -c '^\(not \)\?ok' "$tmp/tap")))
else
	skip 'python3-jsonschema is not there' 'JSON documents'
fi

done_testing
