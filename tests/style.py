#!/usr/bin/env python3
"""Checks the look of the sources: length, blanks at line ends, words left for later, licence, format."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

LONGEST = 800
LONGER = {"docs/c/reference.md": 2000}  # made from the headers
TEXT = {".c", ".h", ".cpp", ".py", ".cmake", ".txt", ".md", ".proto", ".sh", ".json", ".yaml", ".js", ".go",
        ".java", ".cs", ".mjs", ""}
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
OTHER_LICENCE = re.compile(r"SPDX-License-" r"Identifier: (?!Apache-2\.0)|GNU (Lesser |Affero )?General Public")

INPUTS = ("tests/fuzz/seeds/", "tests/fuzz/crashes/")  # bytes, whatever they look like

root = Path(__file__).resolve().parents[1]
listed = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True)
if listed.returncode:
    print("skipped: the sources are not a git checkout")
    sys.exit(77)

wrong = 0


def complain(where, what):
    global wrong
    print(f"{where}: {what}")
    wrong += 1


formatted = []
for name in listed.stdout.splitlines():
    path = root / name
    if not path.is_file() or path.suffix not in TEXT or path.name in ("LICENSE", "package-lock.json") \
            or name.startswith(INPUTS):
        continue
    lines = path.read_text().split("\n")
    if path.suffix in (".c", ".h", ".cpp"):
        formatted.append(str(path))
    limit = LONGER.get(name, LONGEST)
    if len(lines) - 1 > limit:
        complain(name, f"{len(lines) - 1} lines; at most {limit}, divide it")
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            complain(f"{name}:{number}", "blanks at the end of the line")
        if LATER.search(line):
            complain(f"{name}:{number}", "a note for later; do it, or open an issue")
        if OTHER_LICENCE.search(line):
            complain(f"{name}:{number}", "a licence that is not Apache-2.0")

tool = shutil.which("clang-format-14") or shutil.which("clang-format")
version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout if tool else ""
if "version 14." in version:
    checked = subprocess.run([tool, "--dry-run", "-Werror", *formatted], capture_output=True, text=True)
    for line in checked.stderr.splitlines():
        if "error:" in line:
            complain(line.split(": error:")[0], "not formatted; run `make format`")
else:
    print("the format is not checked: clang-format 14 is not installed")

print(f"{wrong} faults of style")
sys.exit(1 if wrong else 0)
