#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""walk.py SEED STEPS: a random walk over kvmtune, inside the machine; see tests/vm/walk.md

Each step is drawn from the seed and its own number, never from what the host is. What has to outlast
a boot is in STATE. Exit status: 0 no differences, 1 some, 75 boot again and go on.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

import judge
import view
from view import GROUPS, SETTINGS, Parameter, differences

STATE = "/var/lib/walk/state.json"
REBOOT = 75
CHANGE = "kvmtune.change.1"
OTHERS = ["/etc/modprobe.d/aa-others.conf", "/etc/modprobe.d/kvm.conf", "/etc/modprobe.d/zzz-late.conf",
          "/run/modprobe.d/kvm-run.conf"]
KILLED_AT = ["fsync", "rename,renameat,renameat2", "write", "delete_module", "finit_module",
             "unlinkat", "symlinkat", "sendmsg", "openat", "all"]


class Walk:
    def __init__(self, seed, steps):
        self.seed, self.steps = seed, steps
        self.step, self.count, self.bad, self.boots = 0, 0, 0, 0
        self.stack = []       # changes that can be undone: the view before, and groups altered since
        self.open = None      # an interrupted one, likewise
        self.by_hand = False  # the module has options that are in no file
        self.took = 1.0       # seconds that a change takes
        self.promised = None
        self.rows, self.held, self.processes, self.node = [], [], [], None

    # ---- over a boot ----

    def load(self):
        with open(STATE) as file:
            self.__dict__.update(json.load(file))

    def save(self):
        kept = {k: v for k, v in self.__dict__.items()
                if k not in ("rows", "held", "processes", "node", "view", "seed", "steps", "rng")}
        os.makedirs(os.path.dirname(STATE), exist_ok=True)
        view.write(STATE, json.dumps(kept))
        os.sync()

    # ---- what is told ----

    def tell(self, text):
        """To the job's output, and shortened to the console for those who watch."""
        print(text, flush=True)
        view.write("/dev/console", text[:400] + "\n")

    def differ(self, found, result=None):
        for line in found:
            self.bad += 1
            self.tell(f"DIFFERENCE {self.bad}, seed {self.seed}, step {self.step}: {self.what}\n  {line}")
        if found:
            if result:
                self.tell(f"  it said: {json.dumps(result['doc'])[:3000]}\n  {result['stderr']}")
            self.tell(f"  repeat: make walk WALK_SEED={self.seed} WALK_STEPS={self.step}")

    # ---- kvmtune ----

    def kvmtune(self, *words, schema=None):
        """Runs it; doc is None where it is not the document of that command."""
        done = view.run("kvmtune", "--json", *words)
        result = {"status": done.returncode, "doc": None, "stderr": done.stderr.strip()}
        try:
            result["doc"] = json.loads(done.stdout)
        except ValueError:
            self.differ([f"no JSON on stdout: {done.stdout[:300]!r} (status {done.returncode})"], result)
        schema = schema or f"kvmtune.{words[0]}.1"
        if result["doc"] and result["doc"]["schema"] != schema:
            self.differ([f"{result['doc']['schema']} instead of {schema}, status {done.returncode}"], result)
            result["doc"] = None
        return result

    def draw_goals(self, most):
        goals, typed = {}, []
        for row in self.rng.sample(self.rows, self.rng.randint(1, min(most, len(self.rows)))):
            goals[row.name] = self.rng.choice(row.values)
            typed.append((self.rng.choice(row.names), goals[row.name]))
        if self.rng.random() < 0.04 and "tdp" not in dict(typed):
            goals["ept"] = self.rng.choice(["on", "off"])
            typed.append(("ept", goals["ept"]))
        return goals, typed

    def draw_command(self):
        several = self.rng.random() < 0.35
        goals, typed = self.draw_goals(3 if several else 1)
        words = ["apply"] + [f"{n}={v}" for n, v in typed] if several or len(typed) > 1 else list(typed[0])
        defer = self.rng.random() < 0.15
        words += ["--defer"] if defer else []
        if goals.get("ksm") == "unmerged":
            words += self.rng.choice([[], ["--watch=0"], ["--reserve=16M", "--watch=1s"]])
        return {"words": words, "goals": goals, "defer": defer}

    # ---- the steps ----

    def change(self):
        command = self.draw_command()
        self.what = "kvmtune " + " ".join(command["words"])
        dry_first, again, kill = (self.rng.random() < p for p in (0.3, 0.2, 0.15))
        if kill:
            return self.killed(command)
        dry = self.dry_run(command["words"]) if dry_first else None
        began = time.monotonic()
        result = self.kvmtune(*command["words"], schema=CHANGE)
        self.took = time.monotonic() - began
        recovering = self.open is not None
        self.changed(command, result)
        # A reload loses what was given by hand, and nobody can tell beforehand that it does
        lost = self.by_hand and result["status"] == 1
        if dry and result["doc"] and dry["doc"] and not recovering and not lost:
            self.differ(judge.same_plan(dry, result), result)
        if again and result["status"] in judge.REACHED and not self.open:
            self.again(command, result)

    def dry_run(self, words):
        result = self.kvmtune(*words, "--dry-run", schema=CHANGE)
        after = view.take(self.view, services=False)
        self.differ([f"a dry run changed the host: {line}"
                     for line in differences(self.view, after, GROUPS)], result)
        return result

    def again(self, command, first):
        self.what += " (a second time)"
        before, result = self.view, self.kvmtune(*command["words"], schema=CHANGE)
        self.view = view.take(self.view)
        said = (result["status"], result["doc"] and result["doc"]["result"], result["doc"] and result["doc"]["changed"])
        found = differences(before, self.view, GROUPS)
        if said[0] != first["status"] or said[2] or said[1] not in ("already", "saved"):
            found.append(f"the first time {first['status']}, now {said}")
        self.differ(found, result)

    def changed(self, command, result):
        """Judges a change that has just been made, and keeps what undo will have to bring back."""
        before, self.view = self.view, view.take(self.view)
        if not result["doc"]:
            return
        if self.open:
            before = self.recovered(result, before)
        elif result["doc"]["recovered"]:
            self.differ(["it recovered a change, none was interrupted"], result)
        if before == "stop":
            return
        self.differ(judge.change(self.rows, command, result, before, self.view, self.held, self.by_hand), result)
        if result["doc"].get("kvm_away_ms") is not None and result["status"] == 0:
            self.by_hand = False
        if result["status"] in judge.REACHED and result["doc"]["changed"]:
            self.stack.append({"view": before or self.view, "what": self.what,
                               "altered": [] if before else GROUPS})

    def recovered(self, result, before):
        """What came of an interrupted change; gives the view from which the new one began."""
        said = result["doc"]["recovered"]
        if not said:
            if result["status"] in (0, 5, 6):
                self.differ(["an interrupted change was not recovered"], result)
            return "stop"
        if said["result"] == "closed":
            self.stack.append(self.open | {"what": "the interrupted one"})
        if said["result"] in ("closed", "rolled_back"):
            back, self.open = self.open, None
            if said["result"] == "closed":
                return before
            return None if back["altered"] else back["view"]
        return "stop"

    def killed(self, command):
        """kvmtune is ended by SIGKILL, after a time or at a system call."""
        by_time, part, calls = self.rng.random() < 0.5, self.rng.random(), self.rng.choice(KILLED_AT)
        n = int(2 ** self.rng.uniform(0, 12)) if calls in ("all", "openat") else self.rng.randint(1, 5)
        words = ["kvmtune", *command["words"]]
        if by_time:
            self.what += f" (killed after {part:.3f} of its time)"
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(part * 1.1 * self.took)
            process.kill()
            ended = process.wait()
        else:
            self.what += f" (killed at {calls}, the {n}th)"
            ended = view.run("strace", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e",
                             f"inject={calls}:signal=KILL:when={n}", *words).returncode
        self.settle()
        before, self.view = self.view, view.take(self.view)
        was_killed = ended in (-signal.SIGKILL, 128 + signal.SIGKILL)
        self.after_kill(command, before, None if was_killed else ended)

    def after_kill(self, command, before, ended):
        """By what status says: interrupted, or wholly before, or wholly done."""
        doc = self.kvmtune("status")["doc"]
        if not doc:
            return
        made = differences(before, self.view, GROUPS)
        if doc["interrupted"]:
            first = self.open
            self.open = {"view": before, "altered": []} if not first else first
            if first and made:
                self.open["altered"] = GROUPS  # part of the recovery may have been done
        elif self.open:
            # Recovered before it was killed: which of all these the host is now is not known
            for entry in self.stack:
                entry["altered"] = GROUPS
            self.open = None
        elif made:
            reached = judge.goals_reached(self.rows, command["goals"], 5 if command["defer"] else 0, self.view)
            if ended in judge.REACHED or ended is None:
                self.differ(reached if not command["defer"] else
                            [line for line in reached if not line.startswith("exit")])
            else:
                self.differ([f"ended with {ended}: {line}" for line in made])
            self.stack.append({"view": before, "what": self.what, "altered": []})
            self.by_hand = False
        if self.open and self.view["module"] is None:
            self.what += ", the module is gone"

    def undo(self):
        defer, skip, dry_first = (self.rng.random() < p for p in (0.1, 0.04, 0.3))
        words = ["undo"] + (["--skip"] if skip else ["--defer"] if defer else [])
        self.what = "kvmtune " + " ".join(words)
        dry = self.dry_run(words) if dry_first else None
        result = self.kvmtune(*words, schema=CHANGE)
        before, self.view = self.view, view.take(self.view)
        if not result["doc"]:
            return
        if dry and dry["doc"] and not skip:
            self.differ(judge.same_plan(dry, result), result)
        if self.open:
            self.undone_open(result, before, words)
        elif not self.stack:
            found = differences(before, self.view, GROUPS)
            if result["status"] or result["doc"]["undoes"]:
                found.append("there is nothing to undo")
            self.differ(found, result)
        else:
            self.undone(result, before, words)

    def undone_open(self, result, before, words):
        doc, back = result["doc"], self.open
        made = differences(before, self.view, GROUPS)
        found = judge.claims(doc, self.rows, before, self.view)
        if "--skip" in words:
            self.open = None if result["status"] == 0 else self.open
            for entry in self.stack:
                entry["altered"] = GROUPS
        elif result["status"] in judge.REFUSED:
            found += [f"changed by an undo that ended with {result['status']}: {line}" for line in made]
            if not (self.held or back["altered"] or self.by_hand):
                found.append(f"cannot be undone: {doc['error']}")
        elif (doc["recovered"] or {}).get("result") == "closed":
            found += [f"closed as done, but {line}" for line in made]
            self.stack.append(back | {"what": "the interrupted one"})
            self.open = None
        else:
            found += self.not_back(back, words, result)
            self.open = None
        self.differ(found, result)

    def not_back(self, back, words, result):
        groups = [g for g in GROUPS if g not in back["altered"]]
        if "--defer" in words:
            groups = [g for g in groups if g not in ("module", "device", "ksm", "attributes")]
            self.alter(["module", "device", "ksm", "attributes"])
        elif result["status"] != 0:
            return [f"exit status {result['status']} of an undo"]
        return [f"undo did not bring back: {line}" for line in differences(back["view"], self.view, groups)]

    def undone(self, result, before, words):
        doc, back = result["doc"], self.stack[-1]
        made = differences(before, self.view, GROUPS)
        found = judge.claims(doc, self.rows, before, self.view)
        if doc["exit_status"] != result["status"]:
            found.append(f"exit status {result['status']}, in JSON {doc['exit_status']}")
        if doc["changed"] != bool(made) and "--skip" not in words:
            found.append(f"changed is {doc['changed']}, the host: {made or 'as before'}")
        if doc["undoes"] is None:
            found.append(f"nothing was undone, though there is: {back['what']}")
        if "--skip" in words:
            found += [f"--skip changed the host: {line}" for line in made]
            self.stack.pop()
            self.alter({line.split(" ")[0].rstrip(":") for line in
                        differences(back["view"], self.view, GROUPS)} | set(back["altered"]))
        elif result["status"] in judge.REACHED:
            self.stack.pop()
            found += self.not_back(back, words, result)
            if doc.get("kvm_away_ms") is not None:
                self.by_hand = False
        else:
            found += [f"changed by an undo that ended with {result['status']}: {line}" for line in made]
            if not (self.held or back["altered"] or self.by_hand):
                found.append(f"cannot be undone: {doc['error']}")
        self.differ(found, result)

    def alter(self, groups):
        """Others altered these: an undo of what was before need not bring them back."""
        groups = set(groups)
        if groups & {"conf", "tmpfiles", "units", "ksm"}:
            groups |= {"module", "device"} if "conf" in groups else {"ksm", "attributes", "units", "tmpfiles"}
        for entry in self.stack + ([self.open] if self.open else []):
            entry["altered"] = sorted(groups | set(entry["altered"]))

    def undo_list(self):
        self.what = "kvmtune undo --list"
        result = self.kvmtune("undo", "--list", schema="kvmtune.changes.1")
        found = [f"--list changed the host: {line}" for line in differences(self.view, view.take(self.view, services=False), GROUPS)]
        if not result["doc"]:
            return
        changes = result["doc"]["changes"]
        first = next((change for change in changes if change["next_undo"]), None)
        if (first is not None) != bool(self.stack or self.open):
            found.append(f"next_undo is {first}, the walk knows {[e['what'] for e in self.stack]}")
        if any(change["state"] == "interrupted" for change in changes) != (self.open is not None):
            found.append(f"interrupted: {[c['state'] for c in changes][:3]}, open: {self.open is not None}")
        self.differ(found, result)

    def dry(self):
        command = self.draw_command()
        self.what = "kvmtune " + " ".join(command["words"]) + " --dry-run"
        result, text = self.dry_run(command["words"]), view.run("kvmtune", *command["words"], "--dry-run")
        if result["doc"] and text.returncode != result["status"]:
            self.differ([f"exit status {text.returncode} as text, {result['status']} as JSON"], result)

    def guests(self):
        self.what = "kvmtune guests"
        result = self.kvmtune("guests")
        if result["doc"]:
            self.differ(judge.guests(result["doc"], self.held), result)

    def show(self):
        row = self.rng.choice(self.rows)
        self.what = f"kvmtune {row.name}"
        result = self.kvmtune(self.rng.choice(row.names), schema="kvmtune.setting.1")
        if not result["doc"]:
            return
        said = next(iter(result["doc"]["settings"].values()))
        self.differ(judge.unlike(row, "now", said["now"], row.now(self.view), self.view) +
                    judge.unlike(row, "next", said["next"], row.next(self.view), self.view), result)

    # ---- what others do ----

    def others(self):
        edit = self.rng.choices(*zip(*EDITS))[0]
        promised = {row.name: row.next(self.view) for row in self.rows if isinstance(row, Parameter)}
        was_loaded = self.view["module"] is not None
        self.what = "others: " + (edit(self, self.rng) or edit.__name__)
        services = edit in (units, merge)
        self.settle(services)
        before, self.view = self.view, view.take(self.view, services)
        self.alter({line.split(" ")[0].rstrip(":") for line in differences(before, self.view, GROUPS)})
        if edit is load and not was_loaded and self.view["module"] is not None and not self.by_hand:
            self.keeps_promise(promised)

    def keeps_promise(self, promised):
        """What was said of the next load or boot, and what is now."""
        self.differ([f"{row.name}: the next {row.when} was to bring {promised[row.name]!r}, it is {row.now(self.view)!r}"
                     for row in self.rows if promised.get(row.name) and row.now(self.view) is not None
                     and not judge.matches(row.now(self.view), promised[row.name])])

    def settle(self, services=True):
        """Until udev and systemd have done what they were asked for."""
        node = os.path.exists("/dev/kvm") and os.stat("/dev/kvm").st_ino
        if node != self.node:
            view.run("udevadm", "settle")
            self.node = node
        while services and view.run("systemctl", "list-jobs", "--no-legend", *view.UNITS).stdout.strip():
            time.sleep(0.1)

    def release(self):
        for process in self.processes:
            process.terminate()
            process.wait()
        self.processes, self.held = [], []

    def hold(self, words):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        self.processes.append(process)
        return process if process.stdout.readline().strip() == "ready" else None

    # ---- the walk ----

    def look(self):
        """After each step: status and audit, which change nothing."""
        step = self.what
        result = self.kvmtune("status")
        if result["status"]:
            self.differ([f"status ended with {result['status']}"], result)
        elif result["doc"]:
            self.what = step + "; then status"
            self.differ(judge.status(result["doc"], self.view, self.rows, self.held, self.open is not None), result)
            self.promised = {row.name: result["doc"]["settings"][row.name]["next"] for row in self.rows}
        goals, _ = self.draw_goals(3)
        self.what = f"{step}; then audit " + " ".join(f"{n}={v}" for n, v in goals.items())
        result = self.kvmtune("audit", *(f"{n}={v}" for n, v in goals.items()))
        if result["doc"]:
            self.differ(judge.audit(result["status"], result["doc"], self.view, self.rows, goals,
                                    self.open is not None), result)
        after = view.take(self.view, services=self.step % 10 == 0)
        self.differ([f"status or audit changed the host: {line}"
                     for line in differences(self.view, after, GROUPS)])
        self.view = after

    def begin(self):
        listed = self.kvmtune("list")["doc"]["settings"]
        self.rows = [row for row in SETTINGS if row.name in listed]
        if self.boots == 0:
            prepare()
        else:
            self.load()
        self.boots += 1
        self.what = f"boot {self.boots}"
        if random.Random(f"{self.seed} boot {self.boots}").random() < 0.9:
            view.run("modprobe", view.MODULE)
        self.by_hand = False
        self.settle()
        self.view = view.take()
        if self.promised:
            self.keeps_promise(self.promised)
        self.alter(["module", "device", "ksm", "attributes"])

    def walk(self):
        if os.path.exists(STATE):
            self.boots = -1
        self.begin()
        while self.step < self.steps:
            self.step += 1
            self.rng = random.Random(f"{self.seed} {self.step}")
            action = self.rng.choices(*zip(*ACTIONS))[0]
            if action == "reboot":
                self.release()
                self.tell(f"{self.step}: reboot")
                self.save()
                return REBOOT
            known = self.bad
            action(self)
            told = self.what
            self.look()
            self.tell(f"{self.step}: {view.read('/proc/uptime').split()[0]} s: {told}" + ("" if self.bad == known else " ***"))
        self.release()
        self.save()
        self.tell(f"seed {self.seed}: {self.step} commands, {self.bad} differences")
        return 1 if self.bad else 0


# ---- the first boot ----

def prepare():
    """ksmtuned writes the switch each minute, and systemd limits starts: neither is under test here."""
    os.makedirs("/etc/systemd/system.conf.d", exist_ok=True)
    view.write("/etc/systemd/system.conf.d/walk.conf", "[Manager]\nDefaultStartLimitIntervalSec=0\n")
    with open("/etc/ksmtuned.conf", "a") as file:
        file.write("KSM_MONITOR_INTERVAL=100000\n")
    few_units()
    view.run("systemctl", "daemon-reexec")
    view.run("systemctl", "enable", "--now", *view.UNITS)


def few_units():
    """systemd and kvmtune read all unit files for each change of a service: keep those that are in use."""
    keep = set("default.target graphical.target shutdown.target umount.target final.target poweroff.target "
               "systemd-poweroff.service ksm.service ksmtuned.service".split())
    listed = view.run("systemctl", "list-units", "--state=active", "--no-legend", "--plain").stdout
    keep |= {line.split()[0] for line in listed.strip().split("\n")}
    folder = "/lib/systemd/system/"
    for name in os.listdir(folder):
        if name not in keep and not os.path.isdir(folder + name):
            os.unlink(folder + name)
    view.run("find", folder, "/etc/systemd/system", "-xtype", "l", "-delete")


# ---- edits: each gives what it did ----

def draw_line(rng):
    row = rng.choice([row for row in SETTINGS if isinstance(row, Parameter)])
    kind = rng.random()
    if kind < 0.75:
        module = rng.choice(["kvm_amd", "kvm-amd"])
        return f"options {module} {row.name}={rng.choice(row.spellings[rng.choice(row.values)])}"
    if kind < 0.85:
        return "options kvm_amd " + rng.choice(["avic=0", "vgif=0", "vgif=1", "npt", "npt=maybe", "nested=N"])
    return rng.choice(["# a comment", "", "blacklist kvm_amd", "install kvm_amd /bin/true",
                       "options kvm nx_huge_pages=off", "options kvm_intel ept=0"])


def append(path, line):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a") as file:
        file.write(line + "\n")
    return f"'{line}' to {path}"


def add_line(_walk, rng):
    return append(rng.choice(OTHERS), draw_line(rng))


def own_line(_walk, rng):
    return append(view.OWN_CONF, rng.choice(["# a comment of somebody", draw_line(rng)]))


def remove_files(_walk, rng):
    paths = OTHERS + ([view.OWN_CONF] if rng.random() < 0.2 else [])
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
    return "remove " + " ".join(paths)


def unload(walk, _rng):
    view.run("rmmod", view.MODULE)


def load(walk, _rng):
    view.run("rmmod", view.MODULE)
    if view.run("modprobe", view.MODULE).returncode == 0 and not walk.held:
        walk.by_hand = False


def load_by_hand(walk, rng):
    options = rng.choice([["npt=0"], ["npt=1", "nested=0"], ["nested=0"], ["nested=1", "vgif=0"], ["avic=0"]])
    if view.run("rmmod", view.MODULE).returncode == 0 or walk.view["module"] is None:
        view.run("modprobe", view.MODULE, *options)
        walk.by_hand = True
    return "modprobe kvm_amd " + " ".join(options)


def device_mode(_walk, rng):
    mode, gid = rng.choice([0o600, 0o660, 0o666, 0o640]), rng.choice([0, 6])
    if os.path.exists("/dev/kvm"):
        os.chmod("/dev/kvm", mode)
        os.chown("/dev/kvm", 0, gid)
    return f"mode {mode:o} group {gid} of /dev/kvm"


def write_run(_walk, rng):
    value = rng.choice("012")
    view.write(view.KSM + "run", value)
    return f"{value} to run"


def units(_walk, rng):
    verb = rng.choice(["enable", "disable", "mask", "unmask", "unmask", "start", "stop", "restart",
                       "enable --now", "disable --now", "enable --runtime", "mask --runtime", "unmask --runtime"])
    chosen = rng.choice([view.UNITS, view.UNITS[:1], view.UNITS[1:]])
    view.run("systemctl", *verb.split(), *chosen)
    return f"systemctl {verb} {' '.join(chosen)}"


def tmpfiles(_walk, rng):
    path = rng.choice(["/etc/tmpfiles.d/00-a.conf", "/etc/tmpfiles.d/ksm.conf", "/run/tmpfiles.d/ksm.conf"])
    if rng.random() < 0.5:
        return append(path, f"w {view.KSM}run - - - - {rng.choice('01')}")
    if os.path.exists(path):
        os.unlink(path)
    return f"remove {path}"


def hold(walk, rng):
    kind = rng.choice(["dev", "vm", "guest"])
    if walk.held or not os.path.exists("/dev/kvm"):
        walk.release()
        return "the holder goes"
    process = walk.hold(["kvmhold", kind])
    if process:
        walk.held = [process.pid]
    return f"a holder comes ({kind})"


def merge(walk, _rng):
    """Pages are merged, and stay so when their owner stays."""
    speed = {name: view.read(view.KSM + name) for name in ("pages_to_scan", "sleep_millisecs")}
    view.write(view.KSM + "pages_to_scan", "20000")
    view.write(view.KSM + "sleep_millisecs", "2")
    walk.hold(["ksmfill", "8"])
    view.write(view.KSM + "run", "1")
    for _ in range(50):
        if view.merged() > 1500:
            break
        time.sleep(0.1)
    view.write(view.KSM + "run", "0")
    for name, value in speed.items():
        view.write(view.KSM + name, value)


EDITS = [(add_line, 5), (own_line, 3), (remove_files, 6), (unload, 2), (load, 5), (load_by_hand, 3),
         (device_mode, 2), (write_run, 3), (units, 7), (tmpfiles, 2), (hold, 8), (merge, 2)]
ACTIONS = [(Walk.change, 40), (Walk.undo, 22), (Walk.others, 22), (Walk.undo_list, 2), (Walk.dry, 4),
           (Walk.guests, 2), (Walk.show, 2), ("reboot", 1.5)]

if __name__ == "__main__":
    sys.exit(Walk(sys.argv[1], int(sys.argv[2])).walk())
