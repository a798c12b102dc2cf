#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""boot_systemd.py KVMTUNE [TREES (600) [SEED]] - what a boot starts: kvmtune's reading of unit files against
systemd's own, on generated trees.

systemd --test builds the transaction of a boot from a tree that is mounted over its unit directories, in
a mount name space of its own, and prints its jobs; presets are applied before by systemctl --root. Needs
root, unshare, setpriv, systemd 252 or later. Speaks TAP; a difference prints the tree.

Not followed by kvmtune, and counted apart: jobs that systemd deletes to break an ordering cycle; units
that fail, and so pull in less, because what they require is masked or absent; and presets that systemd
gives up in the middle. In such a tree kvmtune may say that a unit starts which does not, never the other
way round.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

SYSTEMD = "/lib/systemd/systemd"
NOBODY = "65534"
WATCHED = ["ksm.service", "ksmtuned.service"]
ETC, LIB, LOCAL = "etc/systemd/system", "usr/lib/systemd/system", "usr/local/lib/systemd/system"
DIRS = [ETC, LOCAL, LIB]
MOUNT_SCRIPT = """
set -e
mkdir -p /usr/local/lib/systemd/system
mount --bind "$1/usr/lib/systemd/system" /usr/lib/systemd/system
mount --bind "$1/usr/local/lib/systemd/system" /usr/local/lib/systemd/system
mount --bind "$1/etc/systemd/system" /etc/systemd/system
mount --bind "$1/empty" /usr/lib/systemd/system-generators
mount -t tmpfs none /run
mkdir -p /run/systemd/system "$1/runtime"
chown {nobody} "$1/runtime"
XDG_RUNTIME_DIR=$1/runtime exec setpriv --reuid {nobody} --clear-groups \\
	{systemd} --test --system --unit=default.target --log-target=console --log-level=debug
""".format(nobody=NOBODY, systemd=SYSTEMD)

# Units that others depend on; a name in here may be anything: service, target, instance, alias.
SERVICES = ["a.service", "b.service", "c.service", "a-b.service", "a-b-c.service", "samepages.service"]
TEMPLATES = ["t@.service", "x-y@.service"]
INSTANCES = ["t@1.service", "t@ksm.service", "x-y@a.service"]
TARGETS = ["multi-user.target", "basic.target", "sysinit.target", "other.target", "sockets.target",
           "timers.target"]
SOCKETS = ["ksm.socket", "a.socket"]
TIMERS = ["ksm.timer", "b.timer"]
ALL = SERVICES + INSTANCES + TARGETS + SOCKETS + TIMERS + WATCHED * 3


def systemd_version():
    if not os.path.exists(SYSTEMD):
        return 0
    done = subprocess.run([SYSTEMD, "--version"], stdout=subprocess.PIPE, check=False, encoding="utf-8")
    return int(done.stdout.split()[1]) if done.returncode == 0 else 0


# Links in .upholds count since systemd 254; kvmtune counts them always.
LINK_DIRS = ["wants", "wants", "requires"] + (["upholds"] if systemd_version() >= 254 else [])


class Tree:
    """A generated tree below self.root."""

    def __init__(self, root, rng):
        self.root, self.rng = root, rng
        for d in DIRS + ["empty", "etc/systemd/system-preset", "usr/lib/systemd/system-preset"]:
            os.makedirs(os.path.join(root, d))
        self.first_boot = rng.random() < 0.25
        self.first_boot_id()
        self.units()
        for _ in range(rng.randrange(12)):
            self.one_more()
        if self.first_boot:
            self.presets()

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def put(self, path, text):
        path = self.path(path)
        if os.path.lexists(path):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)

    def link(self, path, target):
        path = self.path(path)
        if os.path.lexists(path):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)

    def first_boot_id(self):
        if self.first_boot:
            if self.rng.random() < 0.5:
                self.put("etc/machine-id", "uninitialized\n")
        else:
            self.put("etc/machine-id", self.rng.choice(["", "6b766d74756e65000000000000000000\n"]))

    def wish(self):
        """Some lines of [Unit]."""
        rng, text = self.rng, ""
        for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
            key = rng.choice(["Wants", "Wants", "Requires", "BindsTo", "Upholds", "After", "Before",
                              "PartOf"])
            names = rng.sample(sorted(set(ALL)) + ["t@.service", "missing.service", "%p.socket", "%N.timer"],
                               rng.choice([1, 1, 2]))
            sep = rng.choice([" ", " ", "  ", " \\\n  "])
            text += rng.choice(["", "  ", "# "] if rng.random() < 0.2 else [""])
            text += "%s%s=%s\n" % (key, rng.choice(["", " "]), sep.join(names))
        if rng.random() < 0.1:
            text += "DefaultDependencies=%s\n" % rng.choice(["no", "yes", "false"])
        return text

    def install(self):
        rng, text = self.rng, ""
        if rng.random() < 0.6:
            text += "[Install]\n"
            for _ in range(rng.choice([1, 1, 2])):
                text += "%s=%s\n" % (rng.choice(["WantedBy", "WantedBy", "RequiredBy"]),
                                     rng.choice(TARGETS))
        return text

    def unit_text(self, name):
        text = "[Unit]\n" + self.wish()
        if name.endswith(".service"):
            text += "[Service]\nType=oneshot\nExecStart=/bin/true\n"
        elif name.endswith(".timer"):
            text += "[Timer]\nOnBootSec=1\n"
            if self.rng.random() < 0.3:
                text += "Unit=%s\n" % self.rng.choice(WATCHED + ["a.service"])
        elif name.endswith(".socket"):
            text += "[Socket]\nListenStream=/run/%s\n" % name
            if self.rng.random() < 0.3:
                text += "Service=%s\n" % self.rng.choice(WATCHED + ["a.service"])
        return text + self.install()

    def units(self):
        rng = self.rng
        self.put(LIB + "/multi-user.target", "[Unit]\nRequires=basic.target\n" + self.wish())
        self.put(LIB + "/basic.target", "[Unit]\nRequires=sysinit.target\n"
                 "Wants=sockets.target timers.target\n")
        for name in ["sysinit.target", "sockets.target", "timers.target"]:
            self.put(LIB + "/" + name, "[Unit]\n")
        if rng.random() < 0.9:
            self.link(rng.choice([ETC, LIB]) + "/default.target",
                      rng.choice(["multi-user.target", "/usr/lib/systemd/system/multi-user.target"])
                      if rng.random() < 0.9 else "other.target")
            self.put(LIB + "/other.target", "[Unit]\n" + self.wish())
        else:
            self.put(LIB + "/default.target", "[Unit]\nRequires=multi-user.target\n")
        self.put(LIB + "/ksm.service", self.unit_text("ksm.service"))
        text = self.unit_text("ksmtuned.service")
        if rng.random() < 0.5:
            text = text.replace("[Unit]\n", "[Unit]\nRequires=ksm.service\n")
        self.put(LIB + "/ksmtuned.service", text)
        for name in SERVICES + TEMPLATES + SOCKETS + TIMERS:
            if rng.random() < 0.5:
                self.put(rng.choice([LIB, LIB, LOCAL, ETC]) + "/" + name, self.unit_text(name))

    def one_more(self):
        rng = self.rng
        where, name, other = rng.choice(DIRS), rng.choice(ALL), rng.choice(ALL)
        kind = rng.random()
        if kind < 0.45:
            owner = rng.choice(TARGETS + SERVICES + ["t@.service", "service", "a-.service", "target"])
            wanted = rng.choice(WATCHED * 4 + ALL) if rng.random() < 0.8 else "t@.service"
            target = rng.choice(["../" + wanted, "/usr/lib/systemd/system/" + wanted, "/dev/null",
                                 "/nowhere/" + wanted, "../" + other])
            self.link("%s/%s.%s/%s" % (where, owner, rng.choice(LINK_DIRS), wanted), target)
        elif kind < 0.65:
            owner = rng.choice(ALL + ["t@.service", "service", "a-.service", "x-@.service",
                                      "a-b-.service"])
            self.put("%s/%s.d/%s.conf" % (where, owner, rng.choice("pqr")), "[Unit]\n" + self.wish() +
                     rng.choice(["", "Wants=ksm.service\n", "Requires=ksmtuned.service\n"]))
        elif kind < 0.75:
            self.link("%s/%s" % (where, rng.choice(WATCHED + SERVICES)), "/dev/null")
        elif kind < 0.8:
            self.put("%s/%s" % (where, rng.choice(SERVICES)), "")
        elif kind < 0.92:
            alias = rng.choice(["samepages.service", "alias.service", "c.service", "t@9.service",
                                "alias.target", "u@.service"])
            self.link("%s/%s" % (where, alias),
                      rng.choice(["", "/usr/lib/systemd/system/", "../system/"]) +
                      rng.choice(WATCHED + SERVICES + TEMPLATES + INSTANCES))
            if rng.random() < 0.7:
                self.link("%s/multi-user.target.wants/%s" % (rng.choice(DIRS), alias), "../" + alias)
        else:
            self.link("%s/%s.d/null.conf" % (where, name), "/dev/null")

    def presets(self):
        rng = self.rng
        for _ in range(rng.randrange(3)):
            text = ""
            for _ in range(rng.choice([1, 2, 3])):
                text += "%s %s\n" % (rng.choice(["enable", "disable", "disable", "ignore", "# enable"]),
                                     rng.choice(["ksm.service", "ksm*", "*", "*.service", "a.service",
                                                 "t@.service", "t@.service 1 2", "b.*", "ksmtuned.service"]))
            self.put(rng.choice(["etc", "usr/lib"]) + "/systemd/system-preset/%s.preset" %
                     rng.choice(["00-a", "50-b", "90-c"]), text)


def systemd_says(root):
    """The watched units that systemd would start."""
    # Apart: a message that comes in the middle of a line would hide a job.
    done = subprocess.run(["unshare", "-m", "sh", "-c", MOUNT_SCRIPT, "sh", root],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          encoding="utf-8", errors="replace")
    if "-> By jobs:" not in done.stdout:
        # No transaction at all: not even default.target can be started.
        return None, done.stderr
    jobs = done.stdout.split("-> By jobs:")[1]
    return {u for u in WATCHED if "Action: %s -> start" % u in jobs}, done.stderr


def has_failed_requirement(log):
    found = re.findall(r"^(\S+): Cannot add dependency job, ignoring: Unit (\S+) ", log, re.M)
    return any(unit != missing for unit, missing in found)


def kvmtune_says(program, root):
    done = subprocess.run([program, "--root", root, "ksm", "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, encoding="utf-8")
    units = json.loads(done.stdout)["ksm"]["units"]
    return {u["name"] for u in units if u["name"] in WATCHED and u["boot_start"]}, units


def preset(root):
    """False: it gave up in the middle, as systemd does at a first boot."""
    done = subprocess.run(["systemctl", "--root=" + root, "preset-all", "--preset-mode=enable-only"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def show(root):
    for top, dirs, files in os.walk(root):
        for name in sorted(files + dirs):
            path = os.path.join(top, name)
            if os.path.islink(path):
                print("#  %s -> %s" % (path[len(root):], os.readlink(path)))
            elif os.path.isfile(path):
                with open(path, encoding="ascii") as text:
                    print("#  %s: %s" % (path[len(root):], text.read().replace("\n", "; ")))


def skip(reason):
    if os.environ.get("KVMTUNE_TESTS_MUST_RUN") == "1":
        print("not ok 1 - cannot be skipped: " + reason)
    else:
        print("ok 1 # skip " + reason)
    print("1..1")
    sys.exit(0)


def check_tools():
    if os.geteuid() != 0:
        skip("needs root, for a mount name space")
    for tool in ["unshare", "setpriv", "systemctl"]:
        if not shutil.which(tool):
            skip("no " + tool)
    if not os.path.exists(SYSTEMD):
        skip("no systemd")


def main():
    program = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    check_tools()
    differences = none = started = first = cycles = halves = failures = alike = 0
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        for n in range(count):
            root = os.path.join(top, str(n))
            tree = Tree(root, random.Random(seed * 1000003 + n))
            ours, units = kvmtune_says(program, root)
            partly = tree.first_boot and not preset(root)
            theirs, log = systemd_says(root)
            none += theirs is None
            first += tree.first_boot
            started += bool(theirs)
            cycle = "ordering cycle" in log
            cycles += cycle
            halves += partly
            failed = has_failed_requirement(log)
            failures += failed
            apart = cycle or failed or partly
            alike += theirs is not None and not apart
            if theirs is not None and (theirs - ours if apart else ours != theirs):
                differences += 1
                print("# tree %d of seed %d: kvmtune %s, systemd %s" %
                      (n, seed, sorted(ours), sorted(theirs)))
                if differences <= 5:
                    show(root)
                    print("#  " + json.dumps([u for u in units if u["boot_causes"]]))
                    print("#  " + "\n#  ".join(line for line in log.split("\n")
                                              if "annot" in line)[:2000])
            shutil.rmtree(root)
    print("# %d trees: %d of a first boot, %d that start something, %d that do not boot; %d compared both ways, "
          "of the others %d with a cycle, %d with a failed requirement, %d of presets given up" %
          (count, first, started, none, alike, cycles, failures, halves))
    print("%s 1 - a boot starts the same units by kvmtune and by systemd" %
          ("not ok" if differences else "ok"))
    enough = started > count // 10 and first > count // 10 and alike > count // 3
    print("%s 2 - the trees differ enough" % ("ok" if enough else "not ok"))
    print("1..2")


main()
