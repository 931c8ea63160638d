#!/usr/bin/env python3
"""Runs a program with PAWL_TARGET set: with_target.py memory|file|daemon[-loops] PROGRAM [ARGUMENTS]

With -loops PAWL_LOOPS is set, too: the program then has three loops.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402


kind, _, loops = sys.argv[1].partition("-")


def run(target):
    env = dict(os.environ, PAWL_TARGET=target)
    if loops:
        env["PAWL_LOOPS"] = "3"
    return subprocess.run(sys.argv[2:], env=env).returncode


if kind == "memory":
    code = run("memory:")
elif kind == "file":
    with tempfile.TemporaryDirectory() as folder:
        code = run(f"{folder}/sdk.db")
else:
    daemon = harness.Daemon()
    try:
        code = run(f"grpc://127.0.0.1:{daemon.grpc}")
    finally:
        daemon.close()
sys.exit(code if code >= 0 else 128 - code)
