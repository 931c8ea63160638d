#!/usr/bin/env python3
"""Each patch of the folders below still fits the sources, so that scripts/sim-mutants has them all."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def hunks(lines):
    """(file, text that has to be there) of each hunk."""
    name, old = None, None
    for line in lines:
        if line.startswith("--- a/"):
            if old:
                yield name, "".join(old)
            old = None
            name = line[6:].split("\t")[0].strip()
        elif line.startswith("@@"):
            if old:
                yield name, "".join(old)
            old = []
        elif line.startswith("+++ ") or old is None:
            continue
        elif line[0] in " -":
            old.append(line[1:])
    if old:
        yield name, "".join(old)


patches = [patch for folder in ("tests/sim/mutants", "tests/unit/runtime/mutants", "tests/unit/runtime/mutants-apps",
                                  "tests/unit/runtime/mutants-tests", "tests/loops/mutants")
           for patch in sorted((ROOT / folder).glob("*.patch"))]
numbers = [(patch.parent, patch.name.split("-")[0]) for patch in patches]
wrong = [f"{patch.name}: another patch has this number" for patch, number in zip(patches, numbers) if numbers.count(number) > 1]
for patch in patches:
    found = list(hunks(patch.read_text().splitlines(keepends=True)))
    if not found:
        wrong.append(f"{patch.name}: there is no hunk in it")
    for name, old in found:
        if old not in (ROOT / name).read_text():
            wrong.append(f"{patch.name} does not fit {name}: make it anew on today's sources")
print("\n".join(wrong) or f"{len(patches)} patches fit")
sys.exit(bool(wrong))
