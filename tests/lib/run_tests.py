#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
run_tests.py - runs test programs, and prints one line for all of them

    run_tests.py [--jobs N] [--runner COMMAND] [--results DIR] PART PROGRAM...
    run_tests.py --sum DIR

A PROGRAM, which may have arguments, prints TAP, as cmocka's do here, or nothing of the kind: then it is one
test, by its exit status. The line of a PART has its name, how many tests passed, failed and were skipped,
and its time. What failed stands above that line, by name, with what was got and what was wanted.
DIR keeps the counts and the whole output of each part; --sum adds up the counts.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

TEST = re.compile(r"(not )?ok\b\s*\d*\s*(?:- )?(.*)")
DETAILS = 30  # lines of one failure


class Result:
    def __init__(self, program):
        self.name = os.path.basename(program.split()[0])
        self.passed, self.failures, self.skips, self.output, self.errors = 0, [], [], "", ""

    def add(self, not_ok, text, said=""):
        """One test; returns the list that takes the details of a failure. said: what it printed before."""
        skip = re.search(r"# skip\s*(.*)", text, re.IGNORECASE)
        if skip:
            reason = said[9:] if said.startswith("skipped: ") else skip[1] or text.split("#")[0].strip()
            self.skips.append(f"{self.name}: {reason}")
        elif not_ok and "# TODO" not in text:
            self.failures.append((f"{self.name}: {text.strip()}", []))
            return self.failures[-1][1]
        else:
            self.passed += 1
        return []


def parse(result, status):
    plan, seen, details, before = None, 0, [], ""
    lines = result.output.splitlines()
    last = (lines + result.errors.splitlines())[-DETAILS:]
    for line in lines:
        test = TEST.fullmatch(line)
        if re.fullmatch(r"1\.\.0 # skip.*", line, re.IGNORECASE):
            result.add(False, line[4:])
            plan = 0
        elif re.fullmatch(r"1\.\.\d+", line):
            plan = int(line[3:])
        elif line.startswith("Bail out!"):
            plan = -1
        elif test:
            seen += 1
            details = result.add(test[1], test[2], before)
        elif len(details) < DETAILS:
            details.append(re.sub(r"^ *# ?", "", line))
        before = line
    if plan is None and not seen:  # no TAP
        skip = [line for line in lines if line.startswith("skipped: ")]
        if status == 0 and skip:
            result.skips += [f"{result.name}: {line[9:]}" for line in skip]
        elif status == 0:
            result.passed += 1
        else:
            result.failures.append((f"{result.name}: ended with status {status}", last))
    elif plan != seen or status != 0 and not result.failures:
        wanted = "an unknown number" if plan is None else "none" if plan < 0 else plan
        result.failures.append((f"{result.name}: ended with status {status} after {seen} of {wanted} tests",
                                last))


def run(program, runner):
    result = Result(program)
    try:
        done = subprocess.run(shlex.split(runner) + shlex.split(program), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    except OSError as error:
        result.failures.append((f"{result.name}: {error}", []))
        return result
    # Apart: what a program of theirs says on stderr may come in the middle of a line of TAP.
    result.output = done.stdout.decode(errors="backslashreplace")
    result.errors = done.stderr.decode(errors="backslashreplace")
    parse(result, done.returncode)
    return result


def counts(passed, failed, skipped):
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def report(part, results, seconds):
    failures = [failure for result in results for failure in result.failures]
    skips = [skip for result in results for skip in result.skips]
    passed = sum(result.passed for result in results)
    text = ""
    for name, details in failures:
        text += f"not ok  {name}\n" + "".join(f"        {line}\n" for line in details)
    if failures and os.environ.get("KVMTUNE_TESTS_LOG"):
        text += f"        all of it: {os.environ['KVMTUNE_TESTS_LOG']}\n"
    text += f"{'FAIL' if failures else 'ok':4}  {part:10}  {counts(passed, len(failures), len(skips)):40}{seconds:4.0f} s"
    print(text, flush=True)
    return {"passed": passed, "failed": len(failures), "skips": skips}


def total(directory):
    """The last line of all; each reason for a skip once."""
    parts = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                parts.append(json.load(file))
    skips = [skip for part in parts for skip in part["skips"]]
    for skip in sorted(set(skips)):
        print(f"skipped: {skip}")
    failed = sum(part["failed"] for part in parts)
    print(counts(sum(part["passed"] for part in parts), failed, len(skips)))
    return failed != 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--runner", default="")
    parser.add_argument("--results")
    parser.add_argument("--sum")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    if args.sum:
        return total(args.sum)
    # nohup ignores it, scripts ignore others: the tests' programs would inherit that.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    part, programs = args.words[0], args.words[1:]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(lambda program: run(program, args.runner), programs))
    if args.results:
        os.makedirs(args.results, exist_ok=True)
        log = os.path.join(args.results, part + ".log")
        with open(log, "w", encoding="utf-8") as file:
            file.writelines(f"==== {result.name}\n{result.output}{result.errors}" for result in results)
        os.environ["KVMTUNE_TESTS_LOG"] = log
    summary = report(part, results, time.monotonic() - begin)
    if args.results:
        with open(os.path.join(args.results, part + ".json"), "w", encoding="utf-8") as file:
            json.dump(summary, file)
    return summary["failed"] != 0


sys.exit(main())
