"""Workers that share an app's load, die with work in hand, or carry a thousand workflows."""

import json
import subprocess
import threading
import time
import unittest

import harness
import raw

LOAD = harness.ROOT / "tests" / "e2e" / "load"


class Workers(unittest.TestCase):
    def setUp(self):
        self.daemon = harness.Daemon()
        self.addCleanup(self.daemon.close)
        self.hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(self.hub.close)

    def test_two_share_and_one_dies(self):
        workers = [raw.Worker(self.daemon.grpc, delay=0.005) for _ in range(2)]
        for worker in workers:
            worker.connected.wait(10)
        for n in range(60):
            self.hub.start(f"w{n}", text="5", start_at=0)
        deadline = time.monotonic() + 30
        while min(len(worker.given) for worker in workers) <= 10:
            self.assertLess(time.monotonic(), deadline, "they do not share")
            time.sleep(0.01)
        workers[0].close()
        for n in range(60):
            self.assertEqual(self.hub.wait(f"w{n}").output.value, "5")
        # Only what the first had not answered is given again.
        again = set(workers[0].acknowledged) & set(workers[1].given)
        self.assertEqual(again, set())
        workers[1].close()

    def test_end_of_the_daemon(self):
        """Dapr's workers are told as daprd tells them. Some of Microsoft's for Python end for good when they are told so."""
        dapr = raw.pb.GetWorkItemsRequest(workflows=["chain"]).SerializeToString()
        theirs = b"\x08\x64"  # the most workflows at once
        streams = []
        for request in (dapr, theirs, b""):
            stream = self.hub.channel.unary_stream(raw.SERVICE + "GetWorkItems", lambda bytes: bytes,
                                                   raw.pb.WorkItem.FromString)(request)
            stream.initial_metadata()
            streams.append(stream)
        self.daemon.stop()
        self.assertEqual([(stream.code().name, stream.details()) for stream in streams],
                         [(name, "shutting down") for name in ("CANCELLED", "UNAVAILABLE", "UNAVAILABLE")])

    def test_work_waits_for_a_worker(self):
        self.hub.start("early", text="2", start_at=0)
        time.sleep(0.3)
        self.assertEqual(self.daemon.status("early"), "PENDING")
        deadline = time.monotonic() + 20
        while ("no worker is connected" not in self.daemon.output()
               and time.monotonic() < deadline):
            time.sleep(0.1)
        self.assertIn("no worker is connected", self.daemon.output())
        worker = raw.Worker(self.daemon.grpc)
        self.assertEqual(self.hub.wait("early").output.value, "2")
        worker.close()

    def test_starts_that_wait_leave_room_for_the_worker(self):
        """On one connection: each start holds a stream until its first turn has run."""
        hub = raw.Hub(self.daemon.grpc)
        start = hub.channel.unary_unary(raw.SERVICE + "StartInstance",
                                        raw.pb.CreateInstanceRequest.SerializeToString,
                                        raw.pb.CreateInstanceResponse.FromString)
        waiting = []
        for n in range(1500):
            request = raw.pb.CreateInstanceRequest(instanceId=f"m{n}", name="chain")
            request.input.value = "0"
            waiting.append(start.future(request, timeout=60))
        deadline = time.monotonic() + 20
        while self.daemon.status("m1499") != "PENDING" and time.monotonic() < deadline:
            time.sleep(0.05)
        worker = raw.Worker(self.daemon.grpc, hub=hub)
        for call in waiting:
            call.result()
        worker.close()

    def test_worker_dies_with_an_activity_in_hand(self):
        release, holds = threading.Event(), threading.Event()
        first = raw.Worker(self.daemon.grpc)
        answer = first.activity

        def hold(request, token):
            holds.set()
            release.wait(30)
            answer(request, token)

        first.activity = hold
        self.hub.start("held", text="1", start_at=0)
        self.assertTrue(holds.wait(10))
        first.closing = True
        first.hub.close()
        second = raw.Worker(self.daemon.grpc)
        self.assertEqual(self.hub.wait("held").output.value, "1")
        release.set()
        second.close()

    def load(self, command, cwd, workflows):
        run = subprocess.run([*map(str, command), "-workflows", str(workflows), "-activities", "5",
                              "-in-flight", "50", "-grpc-port", str(self.daemon.grpc)],
                             cwd=cwd, capture_output=True, text=True, timeout=300,
                             env={**self.daemon.env, "DAPR_GRPC_PORT": str(self.daemon.grpc),
                                  "DAPR_HTTP_PORT": str(self.daemon.http)})
        self.assertEqual(run.returncode, 0, run.stdout[-2000:] + run.stderr[-2000:])
        result = json.loads(run.stdout.strip().splitlines()[-1])
        print(self.id(), result, flush=True)

    def test_thousand_workflows_in_go(self):
        harness.need("go")
        harness.install(LOAD / "go")
        self.load(["./load"], LOAD / "go", 1000)

    def test_thousand_workflows_in_python(self):
        harness.need("python")
        harness.install(LOAD / "python")
        self.load([".venv/bin/python", "load.py"], LOAD / "python", 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
