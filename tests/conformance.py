#!/usr/bin/env python3
"""Runs the tests of each feature that Dapr's users rely on, and prints a table of them.

    tests/conformance.py [--build DIR] [FEATURE...]   all, or those whose name begins with one of the words
    tests/conformance.py [--build DIR] --rest         only those that have not passed before, in that build
    tests/conformance.py [--build DIR] --write        and puts the table into docs/compatibility.md when all passed
    tests/conformance.py [--build DIR] --check        runs nothing: do features, tests and that page fit each other?
"""

import argparse
import collections
import fnmatch
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "compatibility.md"
RELIABILITY = PAGE.with_name("reliability.md")
BEGIN, END = "<!-- made by `make conformance` -->\n", "<!-- end -->\n"


def features():
    """{feature: {test: [patterns]}}, as the file has them."""
    table = {}
    for line in (TESTS / "features.txt").read_text().splitlines():
        if line.startswith(" "):
            test, _, patterns = line.strip().partition(":")
            feature[test] = patterns.split() or ["*"]
        elif line and not line.startswith("#"):
            feature = table[line] = {}
    return table


class Test:
    """What ctest knows by a name: a Python file, or a program of cmocka's."""

    def __init__(self, entry):
        self.name, self.command = entry["name"], entry["command"]
        properties = {p["name"]: p["value"] for p in entry["properties"]}
        self.folder, self.timeout = properties["WORKING_DIRECTORY"], max(properties.get("TIMEOUT", 0), 1800)
        self.env = dict(os.environ, PAWL_WORLDS="all", **dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", [])))
        self.script = next((Path(word) for word in self.command if Path(word).match("test_*.py")), None)

    def source(self):
        """Of a program: the file of its name, whose folder may be part of it."""
        def words(*names):
            return {word for name in names for word in name.split("_")} - {"test", "unit"}
        wanted = words(Path(self.command[-1]).name)
        return next(file for file in sorted(TESTS.rglob("*.c")) if words(file.stem) | words(file.parent.name) == wanted)

    @functools.cache
    def cases(self):
        """The names of its cases. Does not run them."""
        if self.script:
            run = subprocess.run([self.command[0], "-B", __file__, "--list-of", self.script], env=self.env,
                                 capture_output=True, text=True, timeout=120)
            if run.returncode:
                raise RuntimeError(f"{self.script} cannot be loaded:\n{run.stderr}")
            return run.stdout.split()
        source = self.source()
        files = [source, *(source.parent / f"{name}.c" for name in re.findall(r'#include "(\w+)\.h"', source.read_text()))]
        text = "".join(file.read_text() for file in files if file.exists())
        text = re.sub(r"^ *#.*$", "", text, flags=re.M)  # where ROW is defined
        return re.findall(r"\b(?:cmocka_unit_test\w*|ROW)\(\s*(\w+)", text)

    def run(self, cases, log):
        """{case: "passed", "failed" or "skipped"}"""
        with open(log, "w+b") as output, tempfile.NamedTemporaryFile("r", prefix="pawl-") as answer:
            command = [self.command[0], "-B", __file__, "--run", self.script, answer.name, *cases] if self.script else self.command
            try:
                subprocess.run(command, env=dict(self.env, CMOCKA_MESSAGE_OUTPUT="TAP"), cwd=self.folder, stdout=output,
                               stderr=subprocess.STDOUT, timeout=self.timeout)
            except subprocess.TimeoutExpired:
                output.write(f"\nended after {self.timeout} s\n".encode())
            text = answer.read() if self.script else Path(log).read_text(errors="replace")
        if self.script:
            return dict(line.split() for line in text.splitlines())
        return {name: "skipped" if "# SKIP" in rest else "failed" if bad else "passed"
                for bad, name, rest in re.findall(r"^(not )?ok \d+ - (\w+)(.*)$", text, re.M)}


class Result(unittest.TextTestResult):
    """Also writes one line for each case: its name, and how it went."""

    file = None

    def stopTest(self, test):
        super().stopTest(test)
        words = "skipped" if any(test is t for t, _ in self.skipped) else "passed"
        if any(test is getattr(t, "test_case", t) for t, _ in self.failures + self.errors):
            words = "failed"
        print(name_of(test), words, file=self.file, flush=True)


def name_of(case):  # which may have an attribute id of its own
    return unittest.TestCase.id(case).partition(".")[2]


def load(script):
    sys.path.insert(0, str(Path(script).parent))
    return unittest.defaultTestLoader.loadTestsFromName(Path(script).stem)


def flat(suite):
    for test in suite:
        yield from flat(test) if isinstance(test, unittest.TestSuite) else [test]


def assign(table, tests):
    """{feature: [(test, case)]}. Each case has one feature: that of the longest pattern."""
    shares = {feature: [] for feature in table}
    for name in sorted({name for patterns in table.values() for name in patterns}):
        if name not in tests:
            sys.exit(f"tests/features.txt: ctest has no test {name}")
        used = set()
        for case in tests[name].cases():
            fits = [(len(pattern), feature, pattern) for feature, of in table.items() for pattern in of.get(name, [])
                    if fnmatch.fnmatchcase(case, pattern)]
            if not fits:
                print(f"tests/features.txt: {name}'s case {case} belongs to no feature")
                continue
            used.add(max(fits)[2])
            shares[max(fits)[1]].append((name, case))
        for feature, of in table.items():
            for pattern in of.get(name, []):
                if pattern not in used:
                    sys.exit(f"tests/features.txt: {feature}: {name} has no case {pattern}")
    return shares


def differences():
    """How many of the page's differences are of each feature, by the bold words that they begin with."""
    text = PAGE.read_text().partition(END)[2].partition("These differ:\n")[2]
    found = re.findall(r"^- (?:\*\*(.+?)\.\*\*)?", text, re.M)
    if "" in found:
        print(f"{PAGE.name}: a difference does not begin with its feature in bold, a full stop in it, as tests/features.txt has it")
    return collections.Counter(filter(None, found))


def unfounded(tests):
    """The names in the other page's table of features that are of no test, or of no case of it."""
    text = RELIABILITY.read_text().partition("\n### Dapr's features, and what holds them\n")[2].partition("\n### ")[0]
    invariants = set(re.findall(r"`(\w+)`", RELIABILITY.read_text().replace(text, "")))
    names = re.findall(r"`([^`\n]+)`", text.partition("\n|---|")[2].partition("\n\n")[0])
    if not names:
        yield "the table of features is empty"
    for name in names:
        test, _, case = name.partition(" ")
        if test not in tests:
            if case or test not in invariants:
                yield f"there is no test {test}"
        elif case and not any(fnmatch.fnmatchcase(one, case) for one in tests[test].cases()):
            yield f"{test} has no case {case}"


def written(rows):
    return "".join(f"| {' | '.join(map(str, row))} |\n"
                   for row in [("feature", "cases", "passed", "known differences"), ("---", "---:", "---:", "---:"), *rows])


def check(shares, differ):
    """The page may not claim what is not there. It may lag behind cases that came later."""
    text = PAGE.read_text()
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \| (\d+) \|$", text.partition(BEGIN)[2].partition(END)[0], re.M)
    there = [(feature, str(differ[feature])) for feature in shares]
    wrong = [f"its table's rows are {[(row[0], row[3]) for row in rows]}, and not {there}"] \
        if [(row[0], row[3]) for row in rows] != there else []
    wrong += [f"{feature} has {len(shares[feature])} cases, not {cases}" for feature, cases, passed, _ in rows
              if feature in shares and int(cases) > len(shares[feature])]
    wrong += [f"the differences name a feature {name} that is not in tests/features.txt" for name in differ if name not in shares]
    for text in wrong:
        print(f"{PAGE.name}: {text}; `make conformance WRITE=1` writes it")
    return 1 if wrong else 0


def run(shares, tests, build, differ, rest):
    """What passed is kept in the build, for a run of the |rest|."""
    logs = build / "conformance"
    logs.mkdir(exist_ok=True)
    went = {}
    for name in sorted({name for cases in shares.values() for name, _ in cases}):
        wanted = [case for cases in shares.values() for test, case in cases if test == name]
        kept = logs / f"{name}.json"
        results = json.loads(kept.read_text()) if rest and kept.exists() else {}
        if any(results.get(case) != "passed" for case in wanted):
            began = time.monotonic()
            results = tests[name].run(wanted, logs / f"{name}.log")
            kept.write_text(json.dumps(results))
            passed = sum(results.get(case) == "passed" for case in wanted)
            print(f"{name}: {passed} of {len(wanted)} in {time.monotonic() - began:.0f} s", flush=True)
        went.update({(name, case): results.get(case, "not run") for case in wanted})
    rows = [(feature, len(cases), sum(went[case] == "passed" for case in cases), differ[feature])
            for feature, cases in shares.items()]
    print("\n" + written(rows))
    for (name, case), how in went.items():
        if how != "passed":
            print(f"{how}: {name} {case}, see {logs / name}.log")
    return rows, all(how == "passed" for how in went.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=TESTS.parent / "build", type=Path)
    parser.add_argument("--rest", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list-of")
    parser.add_argument("--run", nargs="+")
    parser.add_argument("feature", nargs="*")
    given = parser.parse_args()
    if given.list_of:
        print("\n".join(name_of(case) for case in flat(load(given.list_of))))
        return 0
    if given.run:
        script, answer, *cases = given.run
        with open(answer, "w") as Result.file:
            suite = unittest.TestSuite(case for case in flat(load(script)) if name_of(case) in cases)
            unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
        return 0
    listed = subprocess.run(["ctest", "--test-dir", given.build, "--show-only=json-v1"], capture_output=True, text=True, check=True)
    tests = {entry["name"]: Test(entry) for entry in json.loads(listed.stdout)["tests"] if "command" in entry}
    shares, differ = assign(features(), tests), differences()
    if given.check:
        unknown = list(unfounded(tests))
        for text in unknown:
            print(f"{RELIABILITY.name}: {text}")
        return check(shares, differ) or bool(unknown)
    chosen = {feature: cases for feature, cases in shares.items()
              if not given.feature or any(feature.lower().startswith(word.lower()) for word in given.feature)}
    rows, good = run(chosen, tests, given.build, differ, given.rest)
    if given.write and good and chosen == shares:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + BEGIN + written(rows) + END + rest.partition(END)[2])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
