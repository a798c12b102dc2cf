# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host is, read without kvmtune: sysfs, modprobe, systemctl, and the files themselves.

A view is a dictionary of plain data, so that it can be kept over a boot. Its parts are compared and
forgiven by group: see GROUPS.
"""
import os
import re
import stat
import subprocess

MODULE = "kvm_amd"
OWN_CONF = "/etc/modprobe.d/zz-kvmtune.conf"
UNITS = ["ksm.service", "ksmtuned.service"]
KSM = "/sys/kernel/mm/ksm/"
TREES = {
    "conf": ["/etc/modprobe.d", "/run/modprobe.d"],
    "tmpfiles": ["/etc/tmpfiles.d", "/run/tmpfiles.d"],
    "units": ["/etc/systemd/system", "/run/systemd/system", "/etc/systemd/system-preset"],
}
GROUPS = ["conf", "module", "device", "ksm", "units", "tmpfiles", "attributes"]


def run(*words, timeout=120):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=timeout)


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return None


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def parameters(module):
    folder = f"/sys/module/{module}/parameters"
    if not os.path.isdir(f"/sys/module/{module}"):
        return None
    return {name: read(f"{folder}/{name}") for name in sorted(os.listdir(folder))}


def file_of(path):
    state = os.lstat(path)
    if stat.S_ISLNK(state.st_mode):
        return "-> " + os.readlink(path)
    return f"{stat.S_IMODE(state.st_mode):o} {state.st_uid}:{state.st_gid} {read(path)}"


def files_below(trees):
    found = {}
    for tree in trees:
        for folder, folders, names in os.walk(tree):
            links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
            for name in names + links:
                found[f"{folder}/{name}"] = file_of(f"{folder}/{name}")
    return found


def device():
    try:
        state = os.stat("/dev/kvm")
    except OSError:
        return None
    return f"{stat.S_IMODE(state.st_mode):o} {state.st_uid}:{state.st_gid}"


def next_load():
    """What modprobe would do: the options of the last insmod, or the install command."""
    done = run("modprobe", "--show-depends", MODULE)
    line = (done.stdout.strip().split("\n") or [""])[-1]
    words = line.split()
    if words[:1] != ["insmod"]:
        return {"install": line, "options": []}
    return {"install": None, "options": words[2:]}


def units():
    names = ["LoadState", "ActiveState", "WantedBy"]
    shown = run("systemctl", "show", "-p", ",".join(names), *UNITS).stdout.strip().split("\n\n")
    enabled = run("systemctl", "is-enabled", *UNITS).stdout.split()
    found = {}
    for unit, text, word in zip(UNITS, shown, enabled):
        values = dict(line.split("=", 1) for line in text.split("\n"))
        found[unit] = {name: values.get(name) for name in names} | {"enabled": word}
    return found


def merged():
    names = ["pages_shared", "pages_sharing", "ksm_zero_pages"]
    return sum(int(read(KSM + name) or 0) for name in names)


def word(path):
    """The word of a file in sysfs that is [in brackets]."""
    found = re.search(r"\[(\S+)\]", read(path) or "")
    return found[1] if found else None


def take(known=None, services=True):
    """A view. What it takes programs to see is looked at anew only where it can have changed since the
    view that is `known`: they are most of an emulated machine's time."""
    found = {group: files_below(trees) for group, trees in TREES.items()} | {
        "module": parameters(MODULE),
        "kvm": parameters("kvm"),
        "device": device(),
        "ksm": {"run": read(KSM + "run")},
        "attributes": {row.path: word(row.path) for row in SETTINGS if isinstance(row, Attribute)},
        "merged": merged(),
    }
    same_conf = known and known["conf"] == found["conf"]
    found["load"] = known["load"] if same_conf else next_load()
    same_units = known and not services and known["units"] == found["units"]
    found["ksm"]["units"] = known["ksm"]["units"] if same_units else units()
    return found


def flat(value, name=""):
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            found.update(flat(inner, f"{name} {key}".strip()))
        return found
    return {name: value}


def differences(before, after, groups):
    """One line for each fact in which two views differ."""
    lines = []
    for group in groups:
        a, b = flat(before[group], group), flat(after[group], group)
        lines += [f"{key}: {a.get(key)!r} -> {b.get(key)!r}"
                  for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]
    return lines


# ---- what a view says of a setting ----

def truth(text):
    """A bool parameter as the kernel reads it; None: it refuses that."""
    if text is None or re.match(r"[yY1tT]|[oO][nN]", text):
        return "on"
    return "off" if re.match(r"[nN0fF]|[oO][fF]", text) else None


def number(text):
    """The same for a parameter that is a number."""
    if text is None or not re.fullmatch(r"\d+", text):
        return None
    return "on" if int(text) else "off"


def tokens(view, name):
    """The values that options give a parameter, in order; None stands for a name alone."""
    found = []
    for option in view["load"]["options"]:
        key, equals, value = option.partition("=")
        if key.replace("-", "_") == name:
            found.append(value if equals else None)
    return found


def at_boot(view, unit):
    """Do links in /etc start it? Those in /run are gone by then."""
    files = view["units"]
    if files.get(f"/etc/systemd/system/{unit}") == "-> /dev/null":
        return False
    return any(re.fullmatch(rf"/etc/systemd/system/[^/]+\.(wants|requires)/{unit}", path) and
               target != "-> /dev/null" for path, target in files.items())


def tmpfiles_word(view, target):
    """What the first line of tmpfiles.d for this file writes; its files go by their names."""
    for path in sorted(view["tmpfiles"], key=os.path.basename):
        for line in view["tmpfiles"][path].split("\n"):
            fields = line.split()
            while fields and not re.match(r"w[+!-]*$", fields[0]):
                fields.pop(0)  # mode and owner stand before the first line
            if len(fields) > 6 and fields[1] == target:
                return fields[6]
    return None


class Parameter:
    """A parameter of the module."""
    group, when = "module", "load"

    def __init__(self, name, parse, spellings, names=(), default="on"):
        self.name, self.parse, self.spellings = name, parse, spellings
        self.names = names or (name,)
        self.values, self.default = ["on", "off"], default

    def now(self, view):
        if view["module"] is None:
            return None
        return truth(view["module"].get(self.name))

    def refused(self, view):
        return any(self.parse(value) is None for value in tokens(view, self.name))

    def said(self, view):
        return bool(tokens(view, self.name))

    def next(self, view):
        if view["load"]["install"] or self.refused(view):
            return None
        return self.parse(tokens(view, self.name)[-1]) if self.said(view) else self.default


class Merging:
    """Same-page merging with its services."""
    name, names, group, when = "ksm", ("ksm",), "ksm", "boot"
    values = ["on", "off", "unmerged"]

    def now(self, view):
        ksm = view["ksm"]
        if ksm["run"] == "1" or ksm["units"]["ksmtuned.service"]["ActiveState"] == "active":
            return "on"  # ksmtuned writes 0 as long as there is memory
        return "off" if view["merged"] else "unmerged"

    def said(self, view):
        return True

    def next(self, view):
        if at_boot(view, "ksm.service"):
            return "on"
        if at_boot(view, "ksmtuned.service") and \
                view["units"].get("/etc/systemd/system/ksm.service") != "-> /dev/null":
            return "on"  # it requires ksm.service
        return "on" if tmpfiles_word(view, KSM + "run") == "1" else "off"


class Attribute:
    """A word in sysfs that tmpfiles.d writes at boot."""
    group, when = "attributes", "boot"

    def __init__(self, name, path, values):
        self.name, self.names, self.path = name, (name,), path
        # What a kernel has by default was decided when it was built: nobody is to guess it.
        self.values, self.default = values, None

    def now(self, view):
        return view["attributes"][self.path]

    def said(self, view):
        return tmpfiles_word(view, self.path) is not None

    def next(self, view):
        return tmpfiles_word(view, self.path) or self.default


# Those that this kvmtune does not list are left out.
SETTINGS = [
    Parameter("npt", truth, {"on": ["1", "Y", "on", "y"], "off": ["0", "N", "off", "n"]},
              names=("npt", "tdp")),
    Parameter("nested", number, {"on": ["1"], "off": ["0"]}),
    Merging(),
    Attribute("thp", "/sys/kernel/mm/transparent_hugepage/enabled", ["always", "madvise", "never"]),
]
