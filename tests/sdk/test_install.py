#!/usr/bin/env python3
"""Projects outside the tree build against an installed copy, and run.

    test_install.py BUILD_DIR
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build").resolve()
EMBED = ROOT / "examples" / "embed"


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="pawl-install-"))
        cls.prefix = cls.folder / "usr"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True,
                       stdout=subprocess.DEVNULL)
        cls.lib = next(cls.prefix.rglob("libpawl.so")).parent
        cls.env = dict(os.environ, PKG_CONFIG_PATH=str(cls.lib / "pkgconfig"), LD_LIBRARY_PATH=str(cls.lib),
                       ASAN_OPTIONS="verify_asan_link_order=0")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def work(self, *command, **more):
        run = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=self.env, timeout=120,
                             **more)
        self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}{run.stderr}")
        return run.stdout

    def copy(self, name):
        folder = self.folder / f"{name}-{self.id()}"
        shutil.copytree(EMBED / name, folder)
        return folder

    def run_hello(self, folder, program):
        out = self.work(program, cwd=folder)
        self.assertEqual(out, 'hello "world"\nhello "again"\n')
        self.assertTrue((folder / "hello.db").exists())

    def test_cmake(self):
        folder = self.copy("cmake")
        self.work("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.work("cmake", "--build", folder / "build")
        self.run_hello(folder, folder / "build" / "hello")
        self.run_hello(folder, folder / "build" / "hello_static")

    def test_pkg_config(self):
        folder = self.copy("pkg-config")
        self.work("make", "-C", folder)
        self.run_hello(folder, folder / "hello")
        self.run_hello(folder, folder / "hello_static")
        self.assertIn("libpawl.so.0", self.work("ldd", folder / "hello"))
        self.assertNotIn("libpawl", self.work("ldd", folder / "hello_static"))

    def test_event_loop(self):
        folder = self.copy("event-loop")
        self.work("sh", "-c", "cc -Wall -Wextra -Werror ticker.c $(pkg-config --cflags --libs pawl) -o ticker", cwd=folder)
        self.assertEqual(self.work(folder / "ticker", cwd=folder), "tick 0\ntick 1\ntick 2\nthe workflow has ended\n")

    def test_cplusplus(self):
        """The header is C++ too."""
        folder = self.copy("cmake")
        source = folder / "hello.cpp"
        source.write_text((folder / "hello.c").read_text())
        self.work("sh", "-c", "c++ -std=c++17 -Wall -Wextra -Werror hello.cpp $(pkg-config --cflags --libs pawl) "
                              "-o hello", cwd=folder)
        self.run_hello(folder, folder / "hello")
        (folder / "json.cpp").write_text("#include <pawl/jansson.h>\n")
        self.work("sh", "-c", "c++ -std=c++17 -Wall -Wextra -Werror -c json.cpp $(pkg-config --cflags pawl)",
                  cwd=folder)

    def test_only_the_header_is_exported(self):
        declared = set()
        for header in (self.prefix / "include").rglob("*.h"):
            declared |= set(re.findall(r"PAWL_API[^;]*?\*?\b(pawl_\w+)\(", header.read_text()))
        symbols = {line.split()[-1] for line in
                   self.work("nm", "-D", "--defined-only", self.lib / "libpawl.so").splitlines()}
        ours = {s for s in symbols if not s.startswith(("__asan", "__odr_asan", "__ubsan"))}
        self.assertEqual(ours, declared)

    def test_header_needs_only_the_standard_library(self):
        standard = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "pawl/common.h", "pawl/error.h"}
        for name in ("pawl.h", "pawl/common.h", "pawl/error.h"):
            text = (self.prefix / "include" / name).read_text()
            self.assertLessEqual(set(re.findall(r'#include [<"]([^">]+)', text)), standard)


if __name__ == "__main__":
    unittest.main(verbosity=2)
