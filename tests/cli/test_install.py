"""make install and make uninstall: the three names, and programs of these names that are not Pawl."""

import os
import pathlib
import shutil
import subprocess

import clilib

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("pawl", "daprd", "dapr")


class Install(clilib.Case):
    def setUp(self):
        super().setUp()
        self.prefix = self.home / "opt"
        self.bin = self.prefix / "bin"
        # As `make install` would do it without building first.
        makefile = (ROOT / "Makefile").read_text()
        self.assertIn("\ninstall: all ##", makefile)
        self.file("Makefile", makefile.replace("\ninstall: all ##", "\ninstall: ##"))

    def make(self, *words):
        return subprocess.run(["make", "-s", "-C", ROOT, "-f", self.home / "Makefile", f"BUILD={clilib.BIN.parent}",
                               f"PREFIX={self.prefix}", *words], env=self.env, capture_output=True, text=True, timeout=60)

    def installed(self):
        return {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if not path.is_dir()}

    def test_all_names(self):
        for _ in range(2):  # it replaces its own
            answer = self.make("install")
            self.assertEqual(answer.returncode, 0, answer.stderr)
        for name in NAMES:
            for path in (f"bin/{name}", f"share/man/man1/{name}.1", f"share/bash-completion/completions/{name}",
                         f"share/zsh/site-functions/_{name}", f"share/fish/vendor_completions.d/{name}.fish"):
                self.assertIn(path, self.installed())
            version = subprocess.run([self.bin / name, "--version"], capture_output=True, text=True)
            self.assertIn("+pawl.", version.stdout)
        if shutil.which("man"):
            page = subprocess.run(["man", "dapr"], env={**self.env, "MANPATH": str(self.prefix / "share/man")},
                                  capture_output=True, text=True)
            self.assertIn("run Dapr Workflow applications", page.stdout, page.stderr)

    def test_uninstall(self):
        self.make("install")
        self.file("opt/share/man/man1/other.1", "")
        answer = self.make("uninstall")
        self.assertEqual((answer.returncode, self.installed()), (0, {"share/man/man1/other.1"}), answer.stderr)
        self.assertFalse(self.bin.exists())
        self.assert_mistake(self.make("uninstall"), "nothing is on record as installed", str(self.prefix))

    def test_others_stay(self):
        """A program of one of the names that is not ours, also as a link, or one that leads nowhere."""
        for name in NAMES:
            for kind in ("program", "link", "broken link"):
                with self.subTest(name=name, kind=kind):
                    shutil.rmtree(self.prefix, ignore_errors=True)
                    program = self.bin / name
                    if kind == "program":
                        self.file(program, "#!/bin/sh\necho Dapr\n", 0o755)
                    else:
                        self.bin.mkdir(parents=True)
                        program.symlink_to("/bin/true" if kind == "link" else "/nowhere/dapr")
                    before = os.readlink(program) if kind != "program" else program.read_text()
                    answer = self.make("install")
                    self.assert_mistake(answer, f"{program} is another program", "nothing was", "PREFIX=")
                    self.assertEqual("NAMES=pawl" in answer.stderr, name != "pawl")
                    self.assertEqual(self.installed(), {f"bin/{name}"})
                    self.assertEqual(os.readlink(program) if kind != "program" else program.read_text(), before)

    def test_fewer_names(self):
        self.file("opt/bin/dapr", "#!/bin/sh\necho Dapr\n", 0o755)
        answer = self.make("install", "NAMES=pawl daprd")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual({path for path in self.installed() if "dapr" in path and "daprd" not in path}, {"bin/dapr"})
        self.assertEqual(self.make("uninstall").returncode, 0)
        self.assertEqual(self.installed(), {"bin/dapr"})
        self.assert_mistake(self.make("install", "NAMES=pawl darp"), "NAMES has 'darp'")

    def test_a_name_that_became_another_program(self):
        self.make("install")
        (self.bin / "dapr").unlink()
        self.file("opt/bin/dapr", "#!/bin/sh\necho Dapr\n", 0o755)
        self.assertEqual(self.make("uninstall").returncode, 0)
        self.assertEqual(self.installed(), {"bin/dapr"})

    def test_what_was_installed_before_is_not_forgotten(self):
        self.make("install")
        self.make("install", "NAMES=pawl")
        self.make("uninstall")
        self.assertEqual(self.installed(), set())


if __name__ == "__main__":
    clilib.main()
