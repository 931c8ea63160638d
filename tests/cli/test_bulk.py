"""pawl workflow suspend, terminate and the like, done to all that filters choose."""

import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import clilib


class Bulk(clilib.Steering):
    def test_many_at_once(self):
        for id in ("order-1", "order-2", "order-3", "other"):
            self.done("run", "wait_for_go", "-i", id)
        orders = ["--filter-id", "order-*"]
        for command in (["suspend"], ["resume"], ["terminate"], ["purge"], ["raise-event", "go"]):
            self.assert_mistake(self.workflow(*command, *orders), "nobody is there to be asked; give --yes", code=2)
        for answer in "\n", "n\n", "\x04":
            code, said = self.ask(answer, "suspend", *orders)
            self.assertEqual(code, 1, said)
            self.assertIn(f"suspend 3 workflows of app '{self.id}'? [y/N]", said)
            self.assertIn("nothing was done", said)
        self.assertEqual(self.ids("-s", "SUSPENDED"), [])
        self.done("suspend", "order-1")
        code, said = self.ask("y\n", "suspend", *orders, "-r", "night")
        self.assertEqual(code, 0, said)
        self.assertIn("✅  2 of 2 suspended", said)  # one was already
        self.assertEqual(self.ids("-s", "SUSPENDED"), ["order-1", "order-2", "order-3"])
        self.assertIn("The filters choose no workflow to suspend", self.done("suspend", *orders, "--yes"))
        self.assertIn("The filters choose no workflow to send the event to",
                      self.done("raise-event", "go", "--filter-id", "none-*", "--yes"))
        self.assertEqual(self.done("resume", "-s", "SUSPENDED", "-y"), "✅  3 of 3 resumed\n")
        self.assertEqual(self.done("terminate", "-y", "--filter-id", "order-1"), "✅  1 of 1 terminated\n")
        began = time.monotonic()
        self.assertEqual(self.done("raise-event", "go", *orders, "-x", "7", "--yes", "--rate", "2"),
                         "✅  2 of 2 got the event\n")
        self.assertGreater(time.monotonic() - began, 0.5)
        clilib.wait_for(lambda: self.ids("-s", "COMPLETED") == ["order-2", "order-3"])
        self.assertEqual(self.get("order-2")["output"], "7")
        self.assertEqual(self.done("purge", "--filter-name", "*", "--yes"), "✅  3 of 3 purged\n")
        self.assertEqual(self.ids(), ["other"])
        self.done("run", "parent", "-i", "p")
        clilib.wait_for(lambda: len(self.ids()) == 3)
        self.assertEqual(self.done("purge", "--filter-name", "*", "--force", "--yes"), "✅  3 of 3 purged\n")
        self.assertEqual(self.ids(), [])

    def test_many_are_stopped(self):
        """Ctrl-C says how far it came, and the same command does the rest."""
        for i in range(4):
            self.done("run", "wait_for_go", "-i", f"s-{i}")
        process = subprocess.Popen([clilib.BIN / "pawl", "workflow", "suspend", "-a", self.id, "-w", "wait_for_go", "-y", "--rate", "1"],
                                   env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        clilib.wait_for(lambda: self.ids("-s", "SUSPENDED"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, out + err)
        done = len(self.ids("-s", "SUSPENDED"))
        self.assertLess(done, 4)
        self.assertEqual(out, f"❌  {done} of 4 suspended\n")
        self.assertRegex(err, rf"^stopped; {4 - done} (is|are) left, and the same command goes on with them\n$")
        self.assertEqual(self.done("suspend", "-w", "wait_for_go", "-y"), f"✅  {4 - done} of {4 - done} suspended\n")

    def test_the_daemon_dies_in_the_middle(self):
        """What was told as done is done, the rest is told as not done, soon, and the same command does it later."""
        app = self.id + "-dies"
        ports = ["--dapr-http-port", clilib.free_port(), "--dapr-grpc-port", clilib.free_port()]
        names = [f"d-{i:02}" for i in range(40)]
        self.daemon(app, *ports)
        for name in names:
            self.done("run", "echo", "-i", name, "-s", "1h", app=app)
        for command, past, left in (["suspend", "-w", "echo"], "suspended", ["-s", "PENDING"]), \
                (["terminate", "-w", "echo"], "terminated", ["-s", "SUSPENDED"]), (["purge", "-w", "echo"], "purged", []):
            with self.subTest(command[0]):
                process = subprocess.Popen([clilib.BIN / "pawl", "workflow", *command, "-a", app, "-y", "--rate", "40"], env=self.env,
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.started.append(process)
                clilib.wait_for(lambda: len(self.ids(*left, app=app)) < 34)
                self.started[-2].kill()
                self.started[-2].wait()
                out, err = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 1, out + err)
                told = int(re.match(rf"❌  (\d+) of 40 ({past}|told to {command[0]}), \d+ failed\n$", out)[1])
                self.assertIn(f"cannot {command[0]} 'd-", err)
                self.daemon(app, *ports)
                rest = self.ids(*left, app=app)
                self.assertIn(40 - told - len(rest), (0, 1), (out, rest))  # of one the answer was on its way
                self.assertEqual(rest, names[-len(rest):])
                self.assertEqual(self.done(*command, "-y", app=app), f"✅  {len(rest)} of {len(rest)} {past}\n")
                self.assertEqual(self.ids(*left, app=app), [])

    def test_many_at_once_mistakes(self):
        for args in (["terminate", "a"], ["suspend", "a"], ["purge", "a"], ["purge", "--all"], ["purge", "--all-older-than", "1h"]):
            self.assert_mistake(self.workflow(*args, "-w", "echo", "--yes"), args[0] + ": ", code=2)
        self.assert_mistake(self.workflow("raise-event", "-w", "echo", "--yes"), "name the event", code=2)
        self.assert_mistake(self.workflow("raise-event", "go", "-w", "echo", "--yes", "-x", "{"), "not JSON", code=2)
        self.assert_mistake(self.workflow("terminate", "-w", "echo", "--yes", "--rate", "0"), "--rate is '0'", code=2)
        self.assert_mistake(self.workflow("terminate", "--yes"), "name the instance, or give filters", code=2)

    def idle(self, count=12):
        """An app without a worker, and instances that wait for one."""
        app = self.id + "-idle"
        self.http, self.grpc = clilib.free_port(), clilib.free_port()
        self.daemon(app, "--dapr-http-port", self.http, "--dapr-grpc-port", self.grpc, "--enable-dashboard")
        for i in range(count):
            body = json.dumps({"name": "wait_for_go", "id": f"w-{i:02}"}).encode()
            ask = urllib.request.Request(f"http://127.0.0.1:{self.http}/pawl/v1/instances", body, {"content-type": "application/json"})
            urllib.request.urlopen(ask, timeout=10).close()
        return app

    @contextlib.contextmanager
    def worker(self):
        """Serves the idle app meanwhile."""
        process = subprocess.Popen([clilib.BIN / "cli_worker"], env={**self.env, "DAPR_GRPC_PORT": str(self.grpc)}, stdout=subprocess.DEVNULL)
        self.started.append(process)
        yield
        process.kill()
        process.wait()

    def test_many_without_a_worker(self):
        """What needs a worker is on record for all, and the command says that it waits for one."""
        app = self.idle()
        at, all = ["--address", f"127.0.0.1:{self.grpc}"], ["-w", "wait_for_go", "-y"]

        def later(command, past):
            answer = self.pawl("workflow", command, *at, *all)
            self.assertEqual((answer.returncode, answer.stdout), (0, f"ℹ️  0 of 12 {past}, 12 not yet\n"), answer.stderr)
            self.assertEqual(answer.stderr, f"what is not yet {past} waits for a worker; it is on record, and needs no second command\n")

        def come(status):
            clilib.wait_for(lambda: len(self.ids("-s", status, app=app)) == 12)
        later("suspend", "suspended")
        with self.worker():
            come("SUSPENDED")
        later("resume", "resumed")
        with self.worker():
            come("RUNNING")
        later("suspend", "suspended")
        self.assertEqual(self.done("raise-event", "go", *all, app=app), "✅  12 of 12 got the event\n")
        later("terminate", "terminated")
        with self.worker():
            come("TERMINATED")
        self.assertEqual(self.done("rerun", *all, "--id-suffix=-again", app=app), "✅  12 of 12 run again\n")
        self.assertEqual(self.done("purge", *all, "-s", "TERMINATED", app=app), "✅  12 of 12 purged\n")

    def test_one_without_a_worker(self):
        """Where the workers cannot be counted, a command that waits for one says so after a while."""
        self.idle()
        for args in ["suspend", "w-01"], ["terminate", "w-01"], ["run", "wait_for_go"]:
            with self.subTest(args=args):
                waiting = self.start("workflow", *args, "--address", f"127.0.0.1:{self.grpc}")
                self.wait_output(f"{args[0]} '{args[1]}' waits for a worker; Ctrl-C ends the waiting and takes nothing back\n")
                self.assertIsNone(waiting.poll())
                waiting.send_signal(signal.SIGINT)
                self.assertEqual(waiting.wait(5), -signal.SIGINT)
        with self.worker():
            said = self.pawl("workflow", "get", "w-01", "--address", f"127.0.0.1:{self.grpc}", "--wait").stdout
            self.assertIn("TERMINATED", said)

    def test_stopped_in_a_call(self):
        """Ctrl-C lets a call go that is not answered; what was done is told, and the same command does the rest."""
        app = self.idle()
        daemon = self.started[-1]
        for command, past, told in (["suspend"], "suspended", "told to suspend"), (["purge", "--force"], "purged", "purged"):
            with self.subTest(command=command), self.worker():
                process = subprocess.Popen([clilib.BIN / "pawl", "workflow", *command, "-a", app, "-w", "wait_for_go", "-y", "--rate", "4"],
                                           env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.started.append(process)
                clilib.wait_for(lambda: len(self.ids("-s", "PENDING,RUNNING" if past == "suspended" else "SUSPENDED", app=app)) < 11)
                daemon.send_signal(signal.SIGSTOP)
                time.sleep(1)  # by now it has asked for the next
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=20)
                self.assertLess(time.monotonic() - began, 10)
                daemon.send_signal(signal.SIGCONT)
                self.assertEqual(process.returncode, 130, out + err)
                done = int(re.match(rf"❌  (\d+) of 12 {told}\n$", out)[1])
                self.assertRegex(err, rf"^'w-\d\d' has not answered: whether it was done is not known\nstopped; {12 - done} are left, and the same command goes on with them\n$")
                rest = int(re.match(rf"✅  (\d+) of \1 {past}\n$", self.done(*command, "-w", "wait_for_go", "-y", app=app))[1])
                self.assertIn(12 - done - rest, (-1, 0, 1))  # one was on its way

    def test_all_that_have_ended_are_stopped(self):
        """Ctrl-C tells how many 'purge --all' has purged, too."""
        app = self.idle(1000)
        with self.worker():
            self.done("terminate", "-w", "wait_for_go", "-y", app=app)
        process = subprocess.Popen([clilib.BIN / "pawl", "workflow", "purge", "--all", "-a", app], env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        clilib.wait_for(lambda: len(self.ids(app=app)) < 1000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, out[-200:] + err)
        left = len(self.ids(app=app))
        self.assertGreater(left, 0)
        told = int(re.search(r"^(\d+) purged, children included$", out, re.M)[1])
        self.assertIn(1000 - left - told, (0, 1))  # one was on its way
        self.assertIn("stopped; the same command goes on\n", err)
        self.assertIn(f"{left} purged, children included", self.done("purge", "--all", app=app))

    def test_a_daemon_that_is_older(self):
        """One from before commands that wait for no worker: they wait, and it is told."""
        app = self.idle()
        python = "/usr/bin/python3"  # which has Debian's grpc
        if subprocess.run([python, "-c", "import grpc"], capture_output=True).returncode:
            self.skipTest("NOT TESTED: grpc is missing (package python3-grpcio)")
        elder = subprocess.Popen([python, Path(__file__).with_name("elder.py"), str(self.grpc)], stdout=subprocess.PIPE, text=True)
        self.started.append(elder)
        port = int(elder.stdout.readline())
        with self.worker():
            clilib.wait_for(lambda: len(self.ids("-s", "RUNNING", app=app)) == 12)
            for command, past in ("suspend", "suspended"), ("resume", "resumed"), ("terminate", "terminated"):
                answer = self.pawl("workflow", command, "-w", "wait_for_go", "-y", "--address", f"127.0.0.1:{port}")
                self.assertEqual((answer.returncode, answer.stdout), (0, f"✅  12 of 12 {past}\n"), answer.stderr)
                self.assertEqual(answer.stderr, "the daemon is older than this program: each waits for a worker\n")


if __name__ == "__main__":
    clilib.main()
