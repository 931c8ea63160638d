"""What the tests of the command line share: a scratch home, processes found by a mark, waiting."""

import contextlib
import json
import os
import pathlib
import pty
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import uuid

BIN = pathlib.Path(os.environ["PAWL_BIN_DIR"])


def wait_for(what, seconds=20, step=0.02):
    """The first true answer of what(); fails when none comes in time."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what.__doc__ or what}")
        time.sleep(step)


given_ports = set()


def free_port():
    """A port below those that the kernel gives to clients, one of which could take it before a daemon does; each is
    given once."""
    while True:
        port = secrets.randbelow(12000) + 20000
        if port in given_ports:
            continue
        given_ports.add(port)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


class Case(unittest.TestCase):
    """Runs pawl with a home of its own. Whatever a test starts carries a mark in its environment,
    by which leftovers are found, also those that no longer have a parent."""

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pawl-cli-"))
        self.mark = f"PAWL_TEST_MARK={uuid.uuid4()}"
        keep = ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env.update(HOME=str(self.home), PAWL_TEST_MARK=self.mark.split("=")[1])
        self.started = []

    def tearDown(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for process in self.started:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr, process.stdin):
                if stream:
                    stream.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def file(self, name, text, mode=None):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if mode:
            path.chmod(mode)
        return path

    def pawl(self, *args, name="pawl", timeout=60, env=None, **more):
        """Runs to the end. The result has returncode, stdout and stderr."""
        more.setdefault("cwd", self.home)
        return subprocess.run([str(BIN / name), *map(str, args)], env={**self.env, **(env or {})},
                              capture_output=True, text=True, timeout=timeout, **more)

    def start(self, *args, name="pawl", **more):
        """Starts it; its output goes to the file self.home/out."""
        more.setdefault("cwd", self.home)
        self.out = self.home / "out"
        with open(self.out, "wb") as out:
            process = subprocess.Popen([str(BIN / name), *map(str, args)], env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, **more)
        self.started.append(process)
        return process

    def output(self):
        return self.out.read_text(errors="replace")

    def wait_output(self, text, seconds=20):
        def there():
            return text in self.output()
        try:
            wait_for(there, seconds)
        except AssertionError:
            self.fail(f"no {text!r} in:\n{self.output()}")

    def processes(self):
        """All live processes that a test's pawl or its descendants are."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                environment = pathlib.Path(f"/proc/{entry}/environ").read_bytes()
                state = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if self.mark.encode() in environment.split(b"\0") and state not in "ZX":
                found.append(int(entry))
        return found

    def assert_nothing_left(self, seconds=10):
        def gone():
            return not self.processes()
        try:
            wait_for(gone, seconds)
        except AssertionError:
            self.fail("left behind: " + str([command_line(pid) for pid in self.processes()]) +
                      "\n" + self.output())

    def daemons(self):
        return [pid for pid in self.processes()
                if (command_line(pid) or [b""])[0].endswith(b"daprd")]

    def list_json(self):
        answer = self.pawl("list", "-o", "json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        mine = set(self.daemons())
        return [one for one in json.loads(answer.stdout) if one["daprdPid"] in mine]

    def assert_mistake(self, answer, *texts, code=None):
        if code is None:
            self.assertNotEqual(answer.returncode, 0, answer.stdout)
        else:
            self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
        for text in texts:
            self.assertIn(text, answer.stderr)


class Steering(Case):
    """An app that runs, and 'pawl workflow' for it."""

    def setUp(self):
        super().setUp()
        self.id = self.run_app()

    def run_app(self, name="one", program="cli_worker", ready="ready\n"):
        id = f"wf-{name}-{os.getpid()}-{self.home.name[-6:].lower().replace('_', 'x')}"
        self.start("run", "-a", id, "--", BIN / program)
        self.wait_output(ready)
        return id

    def daemon(self, id, *flags, **more):
        self.start("--app-id", id, *flags, name="daprd", **more)
        self.wait_output("dapr initialized")
        wait_for(lambda: "is not ready yet" not in self.workflow("list", app=id).stderr)

    def ask(self, answer, command, *args):
        """What a command says at a terminal, at which |answer| is typed."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([BIN / "pawl", "workflow", command, "-a", self.id, *args], env=self.env,
                                   stdin=theirs, stdout=theirs, stderr=theirs)
        self.started.append(process)
        os.close(theirs)
        os.write(ours, answer.encode())
        shown = b""
        with os.fdopen(ours, "rb", 0) as terminal, contextlib.suppress(OSError):
            while more := terminal.read(4096):
                shown += more
        return process.wait(20), shown.decode()

    def workflow(self, command, *args, app=None, **more):
        return self.pawl("workflow", command, "-a", app or self.id, *args, **more)

    def done(self, command, *args, **more):
        answer = self.workflow(command, *args, **more)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""), answer.stdout)
        return answer.stdout

    def listed(self, *args):
        return json.loads(self.done("list", "-o", "json", *args))

    def wait_status(self, id, status):
        def so():
            return any(one["instanceID"] == id and one["runtimeStatus"] == status for one in self.listed())
        wait_for(so)

    def ids(self, *args, **more):
        return self.done("list", "-o", "ids", *args, **more).split()

    def get(self, *args):
        return json.loads(self.done("get", *args, "-o", "json"))

    def events(self, id):
        return json.loads(self.done("history", id, "-o", "events"))


def get_metadata(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1.0/metadata", timeout=5) as answer:
        return json.load(answer)


def main():
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
