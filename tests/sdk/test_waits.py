#!/usr/bin/env python3
"""Waits for events without a limit: what they leave in a history, and histories from before they left anything.

data/before-wait-timers.json and .db.gz were written by the Pawl of commit 8d50aa72, with the worker of waits.c: a history that has ended, and a
store in which "old-N" has had N of the five events.

    test_waits.py BIN_DIR
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
BIN = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build" / "bin").resolve()
os.environ.setdefault("PAWL_BUILD", str(BIN.parent))
import harness  # noqa: E402

DATA = ROOT / "tests" / "sdk" / "data"
OLD = json.loads((DATA / "before-wait-timers.json").read_text())
EVENTS = ["go", "left", "right", "soon", "go"]
NEVER = "9999-12-31T23:59:59.999999999Z"


def turns(history):
    """What the history was before each of its turns."""
    return [history[:i] for i, event in enumerate(history) if i and "workflowStarted" in event]


def raised(history):
    return [event["eventRaised"]["name"] for event in history if "eventRaised" in event]


def timers(history):
    return [(event["timerCreated"]["externalEvent"]["name"], event["timerCreated"]["fireAt"] == NEVER)
            for event in history if "externalEvent" in event.get("timerCreated", {})]


class Replaying(unittest.TestCase):
    def replay(self, history):
        """What does not fit."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(history, file)
            file.flush()
            run = subprocess.run([BIN / "sdk_waits", "replay", file.name], capture_output=True, text=True, timeout=20)
        return run.stderr


class Replays(Replaying):
    def test_replays_what_has_no_timers(self):
        self.assertEqual(timers(OLD), [("soon", False)])
        self.assertEqual(self.replay(OLD), "")
        for past in turns(OLD):
            self.assertEqual(self.replay(past), "", raised(past))

    def test_a_daemon_replays(self):
        """As a worker that is asked turn by turn."""
        def replay(history):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(history, file)
                file.flush()
                run = subprocess.run([BIN / "pawl", "workflow", "replay", file.name, "--", BIN / "sdk_waits"], capture_output=True, text=True, timeout=60)
            return run.stdout + run.stderr
        self.assertIn("waits does what its history says", replay(OLD))
        other = json.loads(json.dumps(OLD).replace('"name": "one"', '"name": "first"'))
        self.assertIn("the history has activity 'first' (0), and the program asks for activity 'one'", replay(other))

    def test_still_finds_what_differs(self):
        other = json.loads(json.dumps(OLD).replace('"name": "two"', '"name": "second"'))
        self.assertIn("calls activity 'second', but the code now", self.replay(other))


class Daemon(Replaying):
    def setUp(self):
        self.daemon = harness.Daemon("waits")
        self.addCleanup(self.daemon.close)
        self.work()

    def work(self):
        self.worker = subprocess.Popen([BIN / "sdk_waits", f"grpc://127.0.0.1:{self.daemon.grpc}"])
        self.addCleanup(self.worker.wait)
        self.addCleanup(self.worker.kill)

    def ask(self, method, path, body=None):
        code, answer, _ = self.daemon.request(method, f"/pawl/v1/{path}", json.dumps(body).encode() if body is not None else None,
                                              headers={"content-type": "application/json", "x-pawl-dashboard": "1"})
        self.assertLess(code, 300, answer)
        return json.loads(answer or "{}")

    def until(self, what, why):
        end = time.monotonic() + 20
        while not what():
            self.assertLess(time.monotonic(), end, why)
            time.sleep(0.02)

    def history(self, id):
        run = subprocess.run([BIN / "pawl", "workflow", "export", id, "--address", f"127.0.0.1:{self.daemon.grpc}"], capture_output=True, text=True, check=True)
        return json.loads(run.stdout)

    def came(self, id):
        """How many events have come."""
        return len(raised(self.history(id)))

    def awaits(self, id):
        return sorted(one["name"] for one in self.ask("GET", f"instances/{id}")["waits"] if one["kind"] == "event")

    def raise_all(self, id, names):
        for name in names:
            self.ask("POST", f"instances/{id}/raise", {"event": name})

    def ends(self, id):
        self.until(lambda: self.ask("GET", f"instances/{id}")["status"] == "COMPLETED", f"{id} ends")
        return self.history(id)

    def test_is_told(self):
        self.ask("POST", "instances", {"name": "waits", "id": "new"})
        for names, event in ((["go"], "go"), (["left", "right"], "right"), (["left"], "left"), (["soon"], "soon"), (["go"], "go")):
            self.until(lambda: self.awaits("new") == names, names)
            self.raise_all("new", [event])
        history = self.ends("new")
        self.assertEqual(timers(history), [("go", True), ("left", True), ("right", True), ("soon", False), ("go", True)])
        for past in [history, *turns(history)]:
            self.assertEqual(self.replay(past), "", raised(past))

    def test_goes_on_without(self):
        """From each wait of the old file on, also when the worker has to begin anew in the middle."""
        self.daemon.stop()
        (self.daemon.folder / "state.db").write_bytes(gzip.decompress((DATA / "before-wait-timers.db.gz").read_bytes()))
        self.daemon.start()
        for number in range(len(EVENTS)):
            self.raise_all(f"old-{number}", EVENTS[number:number + 1])
            self.until(lambda: self.came(f"old-{number}") == number + 1, "it came")
        self.worker.kill()
        self.worker.wait()
        self.work()
        for number in range(len(EVENTS)):
            self.raise_all(f"old-{number}", EVENTS[number + 1:])
            history = self.ends(f"old-{number}")
            self.assertEqual(raised(history), EVENTS)
            self.assertTrue(timers(history), history)
            for past in [history, *turns(history)]:
                self.assertEqual(self.replay(past), "", raised(past))

    def test_reruns_without(self):
        """What is run again from an event of an old history has the timers from there on."""
        self.ask("POST", "instances/import", {"id": "ended", "history": OLD})
        for number, waits in ((0, ["left", "right", "soon", "go"]), (1, ["soon", "go"]), (3, ["go"]), (4, [])):
            id = f"again-{number}"
            self.ask("POST", "instances/ended/rerun", {"event": number, "id": id})
            if number == 0:
                self.raise_all(id, ["go"])  # which it waits for since before that event
            for name in waits:
                self.until(lambda: name in self.awaits(id), f"{id} waits for {name}")
                self.raise_all(id, [name])
            self.assertEqual(self.replay(self.ends(id)), "", id)


if __name__ == "__main__":
    unittest.main(verbosity=2)
