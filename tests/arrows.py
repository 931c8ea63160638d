#!/usr/bin/env python3
"""Checks that includes and calls of src/ point one way.

    tests/arrows.py [BUILD_DIR]

Each room includes only what stands below it, as the rows of pawl_room in CMakeLists.txt say: the
build reads the same table. Within a room no file includes, by way of others, itself; a .c and the
.h of its name count as one file.

Nor does a file use, by way of others, itself: its functions and data, as the objects of the build
name them. Files that have to know each other are one module, and their header says so in a line
that names them: "// --- between a.c, b.c and c.c ---". They count as one file.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
INCLUDE = re.compile(r'\s*#\s*include "([a-z0-9_/]+)\.[ch]"')
MODULE = re.compile(r"^// --- between ((?:\w+\.c(?:, | and )?)+) -+$", re.M)
SYMBOL = re.compile(r"(\S+\.o):\S*\s+([TDRBVWU]) (\S+)")


def rooms():
    """What each room may include: the rooms that it uses, and theirs."""
    below = {}
    text = (ROOT / "CMakeLists.txt").read_text()
    for name, words in re.findall(r"^pawl_room\((\w+)([^)]*)\)", text, re.M):
        uses = re.search(r"USES((?:\s+\w+)*?)(?:\s+LINKS|\s*$)", words)
        below[name] = set()
        for used in uses[1].split() if uses else []:
            below[name] |= {used} | below[used]
    return below


def includes():
    """(file, line number, the file that is included) for each include of one of ours."""
    for path in sorted(SRC.rglob("*.[ch]")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match and (SRC / match[1]).with_suffix(".h").exists():
                yield path, number, match[1]


def modules():
    """The module of each file that is in one, by the name of its header."""
    return {str(header.parent.relative_to(SRC) / name): str(header.relative_to(SRC).with_suffix(""))
            for header in SRC.rglob("*.h")
            for names in MODULE.findall(header.read_text())
            for name in re.findall(r"(\w+)\.c", names)}


def objects():
    """The file of each object of the build."""
    found = {}
    for path in BUILD.glob("CMakeFiles/pawl_*.dir/src/**/*.c.o"):
        file = "/".join(path.relative_to(BUILD).parts[3:]).removesuffix(".c.o")
        if (SRC / file).with_suffix(".c").exists():  # it is not from an earlier build
            found[str(path)] = file
    return found


def uses():
    """The symbols by which a file, or a module, uses another: {file: {other: symbol}}."""
    files, module, homes, wanted = objects(), modules(), {}, []
    listed = subprocess.run(["nm", "-A", *files], capture_output=True, text=True, check=True).stdout
    for path, kind, symbol in SYMBOL.findall(listed):
        file = module.get(files[path], files[path])
        if kind == "U":
            wanted.append((file, symbol))
        else:
            homes.setdefault(symbol, set()).add(file)
    found = {}
    for file, symbol in wanted:
        for home in homes.get(symbol, set()) - {file}:
            found.setdefault(file, {})[home] = symbol
    return found


def circles(arrows):
    """One circle for each file that is in one."""
    found, done = [], set()

    def walk(file, way):
        if file in way:
            found.append(way[way.index(file):] + [file])
            return
        if file in done:
            return
        for other in sorted(arrows.get(file, ())):
            walk(other, way + [file])
        done.add(file)

    for file in sorted(arrows):
        walk(file, [])
    return found


def main():
    below, arrows, wrong = rooms(), {}, 0
    for path, number, other in includes():
        file = str(path.relative_to(SRC).with_suffix(""))
        here, there = file.split("/")[0], other.split("/")[0]
        if here not in below and len(path.relative_to(SRC).parts) > 1:
            print(f"{path}:{number}: the room {here} has no row in CMakeLists.txt")
            wrong += 1
        elif here in below and there != here and there not in below[here]:
            print(f"{path}:{number}: {here} must not include {there}; it may include "
                  f"{', '.join(sorted(below[here])) or 'nothing'}")
            wrong += 1
        if file != other and here == there:
            arrows.setdefault(file, set()).add(other)
    for circle in circles(arrows):
        print("a circle of files: " + " -> ".join(circle))
        wrong += 1
    if not objects():
        print(f"{BUILD} has no objects: build first")
        return 1
    calls = uses()
    for circle in circles(calls):
        way = (f" -> {other} ({calls[file][other]})" for file, other in zip(circle, circle[1:]))
        print(f"a circle of calls: {circle[0]}{''.join(way)}")
        wrong += 1
    print(f"{wrong} wrong arrows")
    return 1 if wrong else 0


sys.exit(main())
