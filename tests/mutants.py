#!/usr/bin/env python3
"""Each patch of tests/sim/mutants still fits the sources, so that scripts/sim-mutants has them all."""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

if not shutil.which("git"):
    print("git is not here")
    sys.exit(77)
patches = sorted((ROOT / "tests/sim/mutants").glob("*.patch"))
numbers = [patch.name.split("-")[0] for patch in patches]
wrong = [f"{patch.name}: another patch has this number" for patch, number in zip(patches, numbers) if numbers.count(number) > 1]
for patch in patches:
    answer = subprocess.run(["git", "apply", "--check", patch], cwd=ROOT, capture_output=True, text=True)
    if answer.returncode:
        wrong.append(f"{patch.name} does not apply: make it anew on today's sources\n{answer.stderr}")
print("\n".join(wrong) or f"{len(patches)} patches apply")
sys.exit(bool(wrong))
