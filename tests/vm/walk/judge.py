# SPDX-License-Identifier: GPL-2.0-or-later
"""What kvmtune said, compared with what the host is. Nothing here runs a command or alters anything.

Each function gives a list of sentences, one for each difference. What is expected comes from the
contract (exit statuses, now and next, undo) and from facts of the kernel, not from kvmtune's code.
"""
import os
import re

from view import GROUPS, OWN_CONF, UNITS, Merging, Parameter, differences

OWN_TMPFILES = "/etc/tmpfiles.d/00-kvmtune.conf"
REACHED, REFUSED = (0, 5), (1, 3, 4)


def matches(value, wanted):
    return value == wanted or (value == "unmerged" and wanted == "off")


def matches_next(value, wanted):
    """A boot leaves nothing merged: off is all that the next one can be."""
    return matches(value, "off" if wanted == "unmerged" else wanted)


def may_be_unknown(row, view):
    """kvmtune may say that it does not know the next value: what no option says, or nobody can."""
    if isinstance(row, Merging):
        return view["units"].get("/etc/systemd/system/ksm.service") == "-> /dev/null"
    if isinstance(row, Parameter):
        unsaid = row.name == "nested" and not row.said(view)
        return unsaid or row.refused(view) or bool(view["load"]["install"])
    return False


def unlike(row, what, said, true, view):
    if said == true or (said is None and "next" in what and may_be_unknown(row, view)):
        return []
    # Nobody can tell what a load brings that fails, or that a command replaces
    if true is None and "next" in what and may_be_unknown(row, view):
        return []
    return [f"{row.name}: {what} is {said!r}, the host says {true!r}"]


# ---- status, audit, guests ----

def status(doc, view, rows, held, open_change):
    found = []
    for row in rows:
        said = doc["settings"][row.name]
        found += unlike(row, "now", said["now"], row.now(view), view)
        found += unlike(row, "next", said["next"], row.next(view), view)
        if said["next_when"] != row.when:
            found.append(f"{row.name}: next_when is {said['next_when']}")
    module = doc["modules"]["kvm_amd"]
    loaded = view["module"] is not None
    facts = {
        "module": (module["state"], "loaded" if loaded else "loadable"),
        "parameters": (module["parameters"], view["module"] or {}),
        "run": (str(doc["ksm"]["run"]), view["ksm"]["run"]),
        "interrupted": (doc["interrupted"] is not None, open_change),
        "at_work": (doc["at_work"], None),
        "device": (doc["kvm_device"] and "{mode} {uid}:{gid}".format(
            **doc["kvm_device"] | {"mode": doc["kvm_device"]["mode"].lstrip("0") or "0"}), view["device"]),
        "in_use": (bool(module["in_use"]["value"]), bool(held)),
        "users": ([user["pid"] for user in doc["users"]], held),
        "not_seen": (doc["not_seen"], []),
    }
    for unit in doc["ksm"]["units"]:
        if unit["name"] in UNITS:
            true = view["ksm"]["units"][unit["name"]]
            facts[unit["name"]] = ([unit["enabled"], unit["active"]],
                                   [true["enabled"], true["ActiveState"]])
    return found + [f"{name} is {said!r}, the host says {true!r}"
                    for name, (said, true) in facts.items() if said != true]


def audit_state(row, wanted, view, next_value):
    now = row.now(view)
    loaded = not isinstance(row, Parameter) or view["module"] is not None
    fits = not loaded or matches(now, wanted)
    if next_value is None:
        return "unknown" if fits else "differs"
    if not matches_next(next_value, wanted):
        return "differs"
    return "ok" if fits else "pending"


def audit(ended, doc, view, rows, goals, open_change):
    found, states = [], []
    for name, wanted in goals.items():
        said = doc["settings"][name]
        row = next((row for row in rows if row.name == name), None)
        if row:
            found += unlike(row, "now", said["now"], row.now(view), view)
            found += unlike(row, "next", said["next"], row.next(view), view)
            true = audit_state(row, wanted, view, said["next"])
        else:
            true = "refused"
        states.append(true)
        if said["state"] != true:
            found.append(f"{name}={wanted}: state is {said['state']}, the host says {true}")
    order = [(6, open_change), (7, "differs" in states), (1, "unknown" in states),
             (4, "refused" in states), (5, "pending" in states)]
    wanted = next((code for code, holds in order if holds), 0)
    if (ended, doc["exit_status"]) != (wanted, wanted):
        found.append(f"exit status {ended}, in JSON {doc['exit_status']}; {wanted} by the states {states}")
    return found


def guests(doc, held):
    pids = [user["pid"] for user in doc["users"]]
    found = [] if pids == held else [f"users are {pids}, processes that hold KVM {held}"]
    if bool(doc["in_use"]["value"]) != bool(held):
        found.append(f"in_use is {doc['in_use']}, processes that hold KVM {held}")
    return found


# ---- changes ----

def option_lines(view, name, paths):
    """The values that lines of these files give a parameter, in order."""
    found = []
    for path in paths:
        for line in view["conf"][path].split("\n"):
            words = re.sub(r"^\d+ \d+:\d+ ", "", line).split()
            if words[:1] == ["options"] and words[1].replace("-", "_") == "kvm_amd":
                found += [word.partition("=")[2] for word in words[2:]
                          if word.partition("=")[0].replace("-", "_") == name]
    return found


def later_files(view):
    own = os.path.basename(OWN_CONF)
    return sorted((path for path in view["conf"] if os.path.basename(path) > own
                   and path.endswith(".conf")), key=os.path.basename)


def obstacles(rows, goals, defer, view, held):
    """Ids of refusals by what stands in the way; True: it must be refused."""
    found = {}
    for name, wanted in goals.items():
        row = next((row for row in rows if row.name == name), None)
        if row is None:
            found["no-virt"] = True
            continue
        reload = isinstance(row, Parameter) and view["module"] is not None and not defer \
            and row.now(view) != wanted
        if isinstance(row, Parameter):
            if not reload and row.said(view) and row.next(view) == wanted:
                continue
            if view["load"]["install"]:
                found["install-line"] = reload
            if any(r.refused(view) for r in rows if isinstance(r, Parameter)):
                found["option-refused"] = False
            late = option_lines(view, name, later_files(view))
            if late and row.parse(late[-1]) != wanted:
                found["file-wins"] = True
            elif OWN_CONF in view["conf"] and wanted not in map(
                    row.parse, option_lines(view, name, [OWN_CONF])[-1:]):
                found["file-wins"] = False  # a line that somebody added behind ours
            if reload and held:
                found["in-use"] = True
        elif isinstance(row, Merging):
            if wanted == "on" and any("masked" in unit["enabled"] for unit in view["ksm"]["units"].values()):
                found["unit-masked"] = False
            if any(os.path.basename(path) < os.path.basename(OWN_TMPFILES) for path in view["tmpfiles"]):
                found["ksm-driven"] = False
            if wanted == "unmerged" and view["merged"]:
                found["memory"] = False
    return found


def claims(doc, rows, before, after):
    """now and next of each setting in a change's document, and whether it was changed."""
    found = []
    for row in rows:
        said = doc["settings"].get(row.name)
        if not said:
            continue
        for what, view in (("before", before), ("after", after)):
            if view is None:
                continue
            found += unlike(row, what, said[what], row.now(view), view)
            found += unlike(row, f"next_{what}", said[f"next_{what}"], row.next(view), view)
    return found


def goals_reached(rows, goals, ended, after):
    """0: now and next are as wanted. 5: next is, and something still runs otherwise."""
    found, waits = [], False
    for row in rows:
        if row.name not in goals:
            continue
        wanted, now = goals[row.name], row.now(after)
        loaded = not isinstance(row, Parameter) or after["module"] is not None
        if not matches_next(row.next(after), wanted):
            found.append(f"{row.name}: next is {row.next(after)!r} after status {ended}, wanted {wanted}")
        waits |= loaded and not matches(now, wanted)
    if ended != (5 if waits else 0):
        found.append(f"exit status {ended}, though what runs {'differs' if waits else 'is as wanted'}")
    return found


def change(rows, command, result, before, after, held, by_hand):
    """A change that began at `before` (None where that is not known)."""
    ended, doc = result["status"], result["doc"]
    found = claims(doc, rows, before, after)
    if doc["exit_status"] != ended:
        found.append(f"exit status {ended}, in JSON {doc['exit_status']}")
    if before is None:
        return found
    made = differences(before, after, GROUPS)
    in_way = obstacles(rows, command["goals"], command["defer"], before, held)
    if ended in REACHED:
        found += goals_reached(rows, command["goals"], ended, after)
        found += [f"it was not refused ({id})" for id, must in in_way.items() if must]
        if ended == 5 and not command["defer"]:
            found.append("exit status 5 without --defer")
        if (doc["result"] == "already") != (not made):
            found.append(f"result is {doc['result']}, the host: {made or 'as before'}")
    elif ended in REFUSED:
        found += [f"changed by a command that ended with {ended}: {line}" for line in made]
        id = (doc["error"] or {}).get("id")
        if ended == 1 and not (by_hand or "option-refused" in in_way):
            found.append(f"failed: {doc['error']}")
        if ended != 1 and id not in in_way:
            found.append(f"refused as {id}, which is not so: {doc['error']}")
    else:
        found.append(f"exit status {ended}: {doc['error']}")
    if doc["changed"] != bool(made):
        found.append(f"changed is {doc['changed']}, the host: {made or 'as before'}")
    return found


def plan(doc):
    return [[step[name] for name in ("act", "target", "detail", "undo", "undo_detail")]
            for step in doc["steps"]]


def same_plan(dry, real):
    found = []
    if dry["status"] != real["status"]:
        found.append(f"the dry run ended with {dry['status']}, the real one with {real['status']}")
    if plan(dry["doc"]) != plan(real["doc"]):
        found.append(f"the dry run's plan {plan(dry['doc'])}, the real one {plan(real['doc'])}")
    for name, said in dry["doc"]["settings"].items():
        real_said = real["doc"]["settings"].get(name)
        if real["status"] in REACHED and said != real_said:
            found.append(f"the dry run says {name}: {said}, the real one {real_said}")
    return found
