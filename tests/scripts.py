"""What a newcomer meets first, `make` and its scripts, on machines of which this one lacks or has something.

A machine is made of a folder of small programs that say a version or fail, and is all that PATH holds.
"""

import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
ALWAYS = ["sh", "env", "grep", "head", "sort", "sed", "cut", "xargs", "dirname", "id", "cat", "tail", "tr", "mktemp",
          "sleep", "rm", "touch", "stty", "kill", "paste", "echo"]


class Machine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name in ALWAYS:
            (self.bin / name).symlink_to(next(p for p in (Path("/usr/bin", name), Path("/bin", name)) if p.exists()))

    def program(self, name, body):
        path = self.bin / name
        path.unlink(missing_ok=True)  # which may be a link to the machine's own
        path.write_text("#!/bin/sh\n" + body + "\n")
        path.chmod(0o755)

    def run_script(self, name, *args, code=0, **more):
        run = subprocess.run([SCRIPTS / name, *map(str, args)], env={"PATH": str(self.bin), "HOME": str(self.folder)},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **more)
        self.assertEqual(run.returncode, code, run.stdout)
        return run.stdout


class Have(Machine):
    def test_too_old(self):
        self.program("go", "echo go version go1.19.8 linux/amd64")
        self.assertEqual(self.run_script("have", "go", code=1), "Go 1.24 or newer is needed, 1.19.8 is there\n")

    def test_new_enough(self):
        for version in ("1.24", "1.24.0", "1.26.8", "2.0"):
            self.program("go", f"echo go version go{version} linux/amd64")
            self.assertEqual(self.run_script("have", "go"), "")
        for version in ("17.0.15", "21.0.1"):
            self.program("javac", f"echo javac {version}")
            self.program("mvn", r"printf '\033[1mApache Maven 3.8.7\033[m\n'")
            self.assertEqual(self.run_script("have", "java"), "")

    def test_not_there(self):
        self.assertEqual(self.run_script("have", "go", code=1), "Go 1.24 or newer is needed, there is no go\n")
        self.assertEqual(self.run_script("have", "csharp", code=1),
                         ".NET SDK 8 or newer is needed, there is no dotnet\n")

    def test_runtime_without_sdk(self):
        self.program("dotnet", "echo 'No .NET SDKs were found.'; exit 145")
        self.assertEqual(self.run_script("have", "csharp", code=1),
                         ".NET SDK 8 or newer is needed, and 'dotnet --version' prints no version\n")

    def test_node_without_npm(self):
        self.program("node", "echo v18.20.4")
        self.assertEqual(self.run_script("have", "javascript", code=1), "npm is needed, there is no npm\n")

    def test_old_compiler(self):
        self.program("javac", "echo javac 1.8.0_392 >&2")
        self.program("mvn", "echo Apache Maven 3.8.7")
        self.assertEqual(self.run_script("have", "java", code=1),
                         "A Java compiler 17 or newer is needed, 1.8.0 is there\n")

    def test_python_without_venv(self):
        self.program("python3", 'case $1 in --version) echo Python 3.11.2;; *) echo "No module named ensurepip" >&2; exit 1;; esac')
        self.assertIn("python3-venv", self.run_script("have", "python", code=1))


class Tools(Machine):
    def test_a_name_that_is_none(self):
        self.assertIn("choose one of: c python javascript go java csharp", self.run_script("tools", "cobol", code=2))

    def test_what_debian_lacks(self):
        self.program("go", "echo go version go1.19.8 linux/amd64")
        said = self.run_script("tools", "go", code=1)
        self.assertIn("Go 1.24 or newer is needed, 1.19.8 is there", said)
        self.assertIn("go.dev", said)

    def test_packages_and_sudo_are_told_first(self):
        """Names and reasons, and that it is done with sudo; then the new tool is looked at."""
        self.program("dpkg-query", "exit 1")
        self.program("id", "echo 1000")
        self.program("apt-get", f"echo apt-get \"$@\" >>{self.folder}/done")
        self.program("sudo", f"echo sudo \"$@\" >>{self.folder}/done; exec \"$@\"")
        self.program("true", "exit 0")
        self.program("node", "echo v18.20.4")
        said = self.run_script("tools", "javascript", code=1)
        self.assertIn("missing: npm (installs the JavaScript SDK)", said)
        self.assertLess(said.index("with sudo, which may ask for your password"), said.index("npm is needed"))
        done = (self.folder / "done").read_text()
        self.assertRegex(done, "(?s)sudo true.*apt-get .*update.*apt-get .*install .* npm")

    def test_no_sudo(self):
        self.program("dpkg-query", "exit 1")
        self.program("id", "echo 1000")
        self.program("apt-get", "exit 1")
        self.assertRegex(self.run_script("tools", "javascript", code=1), "there is no sudo; as root, run: apt-get install.* npm")


class Live(Machine):
    def test_what_failed_is_shown(self):
        said = self.run_script("live", "making it", "sh", "-c", "echo a reason; exit 3", code=3)
        self.assertIn("a reason", said)
        self.assertIn("failed: making it", said)

    def test_success_is_quiet(self):
        self.assertEqual(self.run_script("live", "making it", "sh", "-c", "echo a lot"), "")

    def test_it_lives(self):
        said = self.run_script("live", "making it", "sh", "-c", "echo step 5 of 9; sleep 3")
        self.assertIn("making it, 2 s: step 5 of 9", said)

    def test_nothing_is_left(self):
        """Who reads its output to the end does not wait for its ticker."""
        began = time.monotonic()
        self.run_script("live", "making it", "sh", "-c", "exit 0")
        self.assertLess(time.monotonic() - began, 1.5)


class Venv(Machine):
    def setUp(self):
        super().setUp()
        (self.bin / "python3").symlink_to("/usr/bin/python3")
        self.requirements = self.folder / "requirements.txt"
        self.requirements.write_text("# nothing\n")
        self.venv = self.folder / ".venv"
        if subprocess.run(["/usr/bin/python3", "-c", "import ensurepip, venv"], capture_output=True).returncode:
            self.skipTest("NOT TESTED: python3-venv is not there")

    def make(self):
        said = self.run_script("venv", self.venv, self.requirements)
        subprocess.run([self.venv / "bin" / "python", "-m", "pip", "--version"], check=True, stdout=subprocess.DEVNULL)
        return said

    def test_whole_is_left_alone(self):
        self.make()
        time.sleep(0.02)
        before = (self.venv / "done").stat().st_mtime_ns
        self.assertEqual(self.make(), "")
        self.assertEqual((self.venv / "done").stat().st_mtime_ns, before)
        self.requirements.touch()
        self.make()
        self.assertNotEqual((self.venv / "done").stat().st_mtime_ns, before)

    def test_half_made(self):
        """As python3 -m venv leaves it where python3-venv is not there, and as a Python that went leaves it."""
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", self.venv], check=True)
        self.make()
        for link in self.venv.glob("bin/python*"):
            link.unlink()
        (self.venv / "bin" / "python").symlink_to("/nowhere/python3")
        self.make()


if __name__ == "__main__":
    unittest.main(verbosity=2)
