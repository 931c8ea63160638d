#!/usr/bin/env python3
"""Runs a program with PAWL_TARGET set: with_target.py memory|file|daemon PROGRAM [ARGUMENTS]"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402


def run(target):
    return subprocess.run(sys.argv[2:], env=dict(os.environ, PAWL_TARGET=target)).returncode


if sys.argv[1] == "memory":
    code = run("memory:")
elif sys.argv[1] == "file":
    with tempfile.TemporaryDirectory() as folder:
        code = run(f"{folder}/sdk.db")
else:
    daemon = harness.Daemon()
    try:
        code = run(f"grpc://127.0.0.1:{daemon.grpc}")
    finally:
        daemon.close()
sys.exit(code if code >= 0 else 128 - code)
