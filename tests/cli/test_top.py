"""pawl top: once, as a table and as JSON, and live in a terminal, by keys."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

import clilib

SEQUENCE = re.compile(rb"\x1b\[[?0-9;]*[A-Za-z]")


class Terminal:
    """A program in a terminal of its own; |picture| is what it has drawn last."""

    def __init__(self, case, *args, rows=24, columns=110, env=None):
        self.master, slave = pty.openpty()
        self.resize(rows, columns, None)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen([str(clilib.BIN / "pawl"), *args], stdin=slave, stdout=slave,
                                        stderr=subprocess.PIPE, cwd=case.home,
                                        env={**case.env, "TERM": "xterm", **(env or {})}, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        case.started.append(self.process)
        self.bytes = b""
        threading.Thread(target=self.read, daemon=True).start()
        case.addCleanup(os.close, slave)

    def read(self):
        while True:
            try:
                self.bytes += os.read(self.master, 65536)
            except OSError:
                return

    def resize(self, rows, columns, process):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if process:
            process.send_signal(signal.SIGWINCH)

    def type(self, text):
        os.write(self.master, text.encode())

    def picture(self):
        """The last whole one, as lines."""
        pictures = self.bytes.split(b"\33[H")
        whole = [one for one in pictures if one.endswith(b"\33[J") and b"pawl top" in one]
        return SEQUENCE.sub(b"", whole[-1]).decode().replace("\r", "").split("\n") if whole else []

    def line(self, text):
        return next((line for line in self.picture() if text in line), None)

    def wait(self, condition):
        """Until the picture is so; its lines."""
        try:
            clilib.wait_for(lambda: condition(self.picture()))
        except AssertionError:
            raise AssertionError("never so:\n" + "\n".join(self.picture())) from None
        return self.picture()

    def wait_for(self, *texts):
        return self.wait(lambda lines: all(any(text in line for line in lines) for text in texts))

    def wait_gone(self, text):
        return self.wait(lambda lines: lines and not any(text in line for line in lines))


class Top(clilib.Case):
    def setUp(self):
        super().setUp()
        self.id = f"top-{os.getpid()}-{self.home.name[-6:].lower().replace('_', 'x')}"
        self.start("run", "-a", self.id, "--", clilib.BIN / "cli_worker")
        self.wait_output("ready\n")

    def run_one(self, id, name="echo", *args):
        answer = self.pawl("workflow", "run", name, "-a", self.id, "-i", id, *args)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def mine(self, *args):
        answer = self.pawl("top", "-o", "json", "-i", "200ms", *args)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        return json.loads(answer.stdout)

    def test_once(self):
        self.run_one("a", "wait_for_go")
        self.run_one("b", "echo", "-x", "1", "-w")
        row = next(row for row in self.mine() if row["app"] == self.id)
        self.assertEqual((row["state"], row["workers"], row["running"], row["stalled"]), ("ok", 1, 1, 0))
        self.assertGreater(row["memory"], 1 << 20)
        for rate in ("endedRate", "failedRate", "commitRate", "cpu"):
            self.assertGreaterEqual(row[rate], 0)
        rows = {row["workflow"]: row for row in self.mine("-a", self.id)}
        self.assertEqual((rows["wait_for_go"]["running"], rows["echo"]["completed"]), (1, 1))
        self.assertGreater(rows["echo"]["time"], 0)
        table = self.pawl("top", "-i", "100ms").stdout.splitlines()
        self.assertEqual(table[0].split()[:3], ["APP^", "STATE", "WORKERS"])
        self.assertEqual(next(line for line in table if line.startswith(self.id)).split()[1:4], ["ok", "1", "1"])

    def test_mistakes(self):
        self.assert_mistake(self.pawl("top", "-a", "nobody-here", "--once", "-i", "100ms"), "no app 'nobody-here'",
                            code=1)
        self.assert_mistake(self.pawl("top", "-i", "soon"), "has to be a duration from 100ms to 1h")
        self.assert_mistake(self.pawl("top", "-o", "yaml"), "has to be table or json")
        self.assert_mistake(self.pawl("top", self.id), "--app-id")

    def test_live(self):
        """From all apps into one and back, sorted, filtered and resized; the terminal is left as it was."""
        self.run_one("a", "wait_for_go")
        self.run_one("b", "echo", "-x", "1", "-w")
        top = Terminal(self, "top", "-i", "200ms")
        top.wait_for("all apps", self.id)
        top.type("/" + self.id)
        top.wait_for("filter: " + self.id + "_", "1 daemons")
        top.type("q")  # a letter, in a filter
        top.wait_for("Nothing fits the filter")
        top.type("\x7f\r")
        top.wait_for(f"> {self.id}", "(/ changes it)")
        top.type("\r")
        top.wait_for("app " + self.id, "WORKFLOW^", "> echo", "  wait_for_go")
        top.type("j")
        top.wait_for("> wait_for_go", "  echo")
        top.type("\33[A")
        top.wait_for("> echo")
        top.type("s")  # by those that run, the most first
        lines = top.wait_for("RUNNINGv")
        self.assertLess([i for i, l in enumerate(lines) if "wait_for_go" in l],
                        [i for i, l in enumerate(lines) if "echo" in l])
        top.type("r")
        lines = top.wait_for("RUNNING^")
        self.assertGreater([i for i, l in enumerate(lines) if "wait_for_go" in l],
                           [i for i, l in enumerate(lines) if "echo" in l])
        top.resize(24, 40, top.process)
        top.wait_gone("COMPLETED")
        self.assertEqual([line for line in top.picture() if len(line) > 40], [])
        self.run_one("c", "wait_for_go")
        top.wait(lambda lines: any(line.split()[-1:] == ["2"] or " 2 " in line for line in lines
                                   if "wait_for_go" in line))
        top.type("\33")
        top.wait_for("all apps")
        top.type("q")
        self.assertEqual(top.process.wait(20), 0)
        self.assertEqual(termios.tcgetattr(top.slave), top.before)
        clilib.wait_for(lambda: top.bytes.endswith(b"\33[?25h\33[?1049l"))

    def test_colours(self):
        """An app with work and no worker is red, unless NO_COLOR is set; a signal ends it as q does."""
        alone = self.id + "-alone"
        self.start("run", "-a", alone)
        self.wait_output("The sidecar is up")
        self.start("workflow", "run", "x", "-a", alone, "-i", "x")  # it waits for a worker, too
        for env, red in (({}, True), ({"NO_COLOR": "1"}, False)):
            top = Terminal(self, "top", "-i", "200ms", env=env)
            top.wait(lambda lines: any(alone in line and "no worker" in line for line in lines))
            self.assertEqual(b"\33[31mno worker" in top.bytes, red)
            top.process.terminate()
            self.assertEqual(top.process.wait(20), 0)
            self.assertEqual(termios.tcgetattr(top.slave), top.before)

    def test_daemon_that_goes(self):
        top = Terminal(self, "top", "-a", self.id, "-i", "200ms")
        top.wait_for("app " + self.id)
        self.assertEqual(self.pawl("stop", "-a", self.id).returncode, 0)
        top.wait_for("No workflow of this app has run")
        top.type("\3")
        self.assertEqual(top.process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
