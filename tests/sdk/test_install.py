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
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build").resolve()
EMBED = ROOT / "examples" / "embed"


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="pawl-install-"))
        cls.prefix = cls.folder / "staged" / "opt" / "pawl"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", "/opt/pawl"], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, DESTDIR=str(cls.folder / "staged")))
        cls.lib = next(cls.prefix.rglob("libpawl.so")).parent
        cls.env = dict(os.environ, PKG_CONFIG_PATH=str(cls.lib / "pkgconfig"), LD_LIBRARY_PATH=str(cls.lib), HOME=str(cls.folder),
                       PATH=f"{cls.prefix}/bin:{os.environ['PATH']}",
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
        self.assertIn("libpawl.so.0.1 ", self.work("ldd", folder / "hello"))
        self.assertNotIn("libpawl", self.work("ldd", folder / "hello_static"))

    def test_event_loop(self):
        folder = self.copy("event-loop")
        self.work("sh", "-c", "cc -Wall -Wextra -Werror reminders.c $(pkg-config --cflags --libs pawl) -o reminders",
                  cwd=folder)
        out = self.work(folder / "reminders", cwd=folder, input="tea\ncoffee\n")
        self.assertEqual(sorted(out.splitlines()), ['"coffee"', '"tea"'])
        # What was not told before a kill is told after it.
        with subprocess.Popen([folder / "reminders"], cwd=folder, env=self.env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as killed:
            killed.stdin.write("milk\n")
            killed.stdin.flush()
            time.sleep(0.2)
            killed.kill()
            self.assertEqual(killed.stdout.read(), "")
        time.sleep(0.5)
        with subprocess.Popen([folder / "reminders"], cwd=folder, env=self.env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as again:
            self.assertEqual(again.stdout.readline(), '"milk"\n')
            again.stdin.close()
            self.assertEqual(again.wait(30), 0)

    def paste(self, page):
        """Does what the page tells its reader to do, and compares with what it shows. "..." stands for any lines."""
        folder = self.folder / page.stem
        folder.mkdir()
        text, out = page.read_text(), None
        for block in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
            kind, body = block.groups()
            name = re.search(r"Save this as `(\S+)`:\n\n$", text[:block.start()])
            if name:
                (folder / name[1]).write_text(body)
            elif kind == "sh":
                out = self.work("bash", "-c", body, cwd=folder)
            elif not kind and out is not None:
                shown = re.escape(body).replace(re.escape("...\n"), "(?:.*\n)*")
                self.assertRegex(out, f"^{shown}$", f"{page}: {body}")
                out = None
        self.assertTrue(any(folder.iterdir()), f"{page} has nothing to do")

    def test_first_program(self):
        self.paste(ROOT / "docs" / "c" / "first-program.md")

    def test_daemon(self):
        self.paste(ROOT / "docs" / "c" / "daemon.md")

    def test_client(self):
        """A program that only talks to daemons links with no engine and no store."""
        folder = self.copy("cmake")
        self.work("sh", "-c", "cc hello.c $(pkg-config --cflags --libs pawl-client) -o hello", cwd=folder)
        needed = self.work("ldd", folder / "hello")
        self.assertIn("libpawl-client.so.0.1 ", needed)
        self.assertNotIn("sqlite", needed)
        self.work("sh", "-c", "cc hello.c $(pkg-config --cflags pawl-client) -l:libpawl-client.a "
                              "$(pkg-config --static --libs pawl-client | sed s/-lpawl-client//) -o hello_static",
                  cwd=folder)
        for program in ("hello", "hello_static"):
            run = subprocess.run([folder / program], cwd=folder, env=self.env, capture_output=True, text=True)
            self.assertNotEqual(run.returncode, 0)
            self.assertIn("cannot open 'hello.db': this program is linked with libpawl-client, which has no engine; "
                          "name a daemon as grpc://HOST:PORT, or link with libpawl", run.stderr)
        shop = re.search(r"^```c\n(.*?)^```$", (ROOT / "docs" / "c" / "daemon.md").read_text(), re.M | re.S)[1]
        (folder / "shop.c").write_text(shop)
        self.work("sh", "-c", "cc shop.c $(pkg-config --cflags --libs pawl-client) -o shop", cwd=folder)
        self.assertIn("done, in a daemon", self.work("pawl", "run", "--app-id", "client", "--", "./shop", cwd=folder))
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(hello C)\nfind_package(pawl REQUIRED)\n"
            "add_executable(hello hello.c)\ntarget_link_libraries(hello pawl::client)\n")
        self.work("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.work("cmake", "--build", folder / "build")
        self.assertIn("libpawl-client", self.work("ldd", folder / "build" / "hello"))

    def test_cplusplus(self):
        """The header is C++ too."""
        folder = self.copy("cmake")
        source = folder / "hello.cpp"
        source.write_text((folder / "hello.c").read_text())
        self.work("sh", "-c", "c++ -std=c++17 -Wall -Wextra -Werror hello.cpp $(pkg-config --cflags --libs pawl) "
                              "-o hello", cwd=folder)
        self.run_hello(folder, folder / "hello")
        self.work("sh", "-c", "c++ -std=c++17 hello.cpp $(pkg-config --cflags pawl) -l:libpawl.a "
                              "$(pkg-config --static --libs pawl | sed s/-lpawl//) -o hello_static", cwd=folder)
        self.run_hello(folder, folder / "hello_static")
        (folder / "json.cpp").write_text("#include <pawl/jansson.h>\n")
        self.work("sh", "-c", "c++ -std=c++17 -Wall -Wextra -Werror -c json.cpp $(pkg-config --cflags pawl)",
                  cwd=folder)

    def test_all_is_installed(self):
        """Under DESTDIR, whose name appears in none of the files."""
        found = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if not path.is_dir()}
        lib = self.lib.relative_to(self.prefix)
        self.assertEqual(found, {
            "bin/pawl", "bin/daprd", "bin/dapr", "share/pawl/installed",
            *(file.format(name) for name in ("pawl", "daprd", "dapr") for file in (
                "share/man/man1/{}.1", "share/bash-completion/completions/{}", "share/zsh/site-functions/_{}",
                "share/fish/vendor_completions.d/{}.fish")),
            "include/pawl.h", "include/pawl/common.h", "include/pawl/error.h", "include/pawl/jansson.h",
            *(f"{lib}/{file.format(name)}" for name in ("pawl", "pawl-client") for file in (
                "lib{}.a", "lib{}.so", "lib{}.so.0.1", "lib{}.so.0.1.0", "pkgconfig/{}.pc")),
            f"{lib}/cmake/pawl/pawlConfig.cmake",
            f"{lib}/cmake/pawl/pawlConfigVersion.cmake"})
        for name in found:
            if name.endswith((".pc", ".cmake")):
                self.assertNotIn(str(self.folder), (self.prefix / name).read_text())

    def declared(self):
        declared = set()
        for header in (self.prefix / "include").rglob("*.h"):
            declared |= set(re.findall(r"PAWL_API[^;]*?\*?\b(pawl_\w+)\(", header.read_text()))
        return declared

    def defined(self, *nm):
        symbols = {line.split()[-1] for line in self.work("nm", "--defined-only", *nm).splitlines()
                   if len(line.split()) == 3}
        return {s for s in symbols if not s.startswith(("__asan", "__odr_asan", "__ubsan"))}

    def test_only_the_header_is_exported(self):
        for name in ("libpawl.so", "libpawl-client.so"):
            self.assertEqual(self.defined("-D", self.lib / name), self.declared())

    def test_static_library_takes_no_other_names(self):
        for name in ("libpawl.a", "libpawl-client.a"):
            self.assertEqual(self.defined("-g", self.lib / name), self.declared())

    def test_header_needs_only_the_standard_library(self):
        standard = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "pawl/common.h", "pawl/error.h"}
        for name in ("pawl.h", "pawl/common.h", "pawl/error.h"):
            text = (self.prefix / "include" / name).read_text()
            self.assertLessEqual(set(re.findall(r'^#include [<"]([^">]+)', text, re.M)), standard)

    def test_headers_stand_alone(self):
        for standard in ("c99", "c17", "gnu17"):
            for name in ("pawl.h", "pawl/common.h", "pawl/error.h", "pawl/jansson.h"):
                self.work("cc", f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow",
                          "-Wstrict-prototypes", "-Werror", "-fsyntax-only", "-x", "c", f"-I{self.prefix}/include",
                          "-include", name, "/dev/null")


if __name__ == "__main__":
    unittest.main(verbosity=2)
