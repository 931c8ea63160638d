#!/usr/bin/env python3
"""Checks that each room of src/ includes only what stands below it."""

import re
import sys
from pathlib import Path

BELOW = {
    "base": [],
    "wire": ["base"],
    "engine": ["wire", "base"],
    "store": ["wire", "base"],
    "runtime": ["engine", "store", "wire", "base"],
    "net": ["base"],
    "config": ["base"],
    "sdk": ["runtime", "net", "engine", "store", "wire", "base"],
    "observe": ["engine", "wire", "base"],
    "api": ["observe", "runtime", "net", "engine", "store", "wire", "base"],
    "bench": ["sdk", "net", "base"],
    "cli": ["api", "config", "bench", "sdk", "observe", "runtime", "net", "engine", "store", "wire", "base"],
}

src = Path(__file__).resolve().parents[1] / "src"
wrong = 0
for path in sorted(src.glob("*/*.[ch]")):
    room = path.parent.name
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include "([a-z]+)/', line)
        if not match or match[1] not in BELOW or match[1] == room:
            continue
        if room not in BELOW:
            print(f"{path}:{number}: the room {room} is not in tests/arrows.py")
            wrong += 1
        elif match[1] not in BELOW[room]:
            print(f"{path}:{number}: {room} must not include {match[1]}; it may include "
                  f"{', '.join(BELOW[room]) or 'nothing'}")
            wrong += 1
print(f"{wrong} wrong arrows")
sys.exit(1 if wrong else 0)
