"""Workflows and state in a real Redis: what a daemon, and what the server itself, loses by being killed."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import harness
import raw

COMPONENT = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: statestore}}
spec:
  type: {type}
  version: v1
  metadata:
    - {{name: redisHost, value: "127.0.0.1:%d"}}
    - {{name: actorStateStore, value: "true"}}
"""


class Server:
    """A redis-server that syncs each write before it answers."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pawl-redis-")
        self.port = harness.free_port()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True).stdout != b"PONG\n":
            if time.monotonic() > end:
                raise RuntimeError("redis-server does not answer")
            time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not there")
class Redis(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        before, harness.COMPONENT = harness.COMPONENT, COMPONENT % self.server.port
        try:
            self.daemon = harness.Daemon(app_id="app", store="state.redis", shards=6)
        finally:
            harness.COMPONENT = before
        self.addCleanup(self.daemon.close)
        self.worker = raw.Worker(self.daemon.grpc)
        self.addCleanup(self.worker.close)
        self.worker.connected.wait(10)

    def hub(self):
        hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(hub.close)
        return hub

    def begin(self, count):
        hub = self.hub()
        for n in range(count):
            hub.start(f"w{n}", text=str(n % 5), start_at=0)
        return count

    def all_complete(self, count):
        hub = self.hub()
        for n in range(count):
            state = hub.wait(f"w{n}")
            self.assertEqual((state.workflowStatus, state.output.value), (1, str(n % 5)), f"w{n}")
        self.assertEqual(self.worker.again, [], "an acknowledged activity was given again")

    def test_the_daemon_is_killed(self):
        count = self.begin(60)
        for _ in range(3):
            time.sleep(0.1)
            self.daemon.kill()
            self.daemon.start()  # as soon as the lease of the one before has ended
        self.all_complete(count)

    def test_the_server_is_killed(self):
        count = self.begin(60)
        self.server.kill()
        self.server.start()
        self.all_complete(count)

    def test_the_lease_is_kept_for_longer_than_it_lasts(self):
        self.begin(1)
        time.sleep(7)  # a lease lasts five seconds
        before = self.daemon.output().count("reads its state again") + self.daemon.output().count("stops and will read")
        self.assertEqual(before, 0, self.daemon.output()[-2000:])
        self.all_complete(1)

    def test_three_daemons_share_it(self):
        """One that is killed is replaced once its leases have ended."""
        others = []
        before, harness.COMPONENT = harness.COMPONENT, COMPONENT % self.server.port
        try:
            for _ in range(2):
                others.append(harness.Daemon(app_id="app", store="state.redis", shards=6))
                self.addCleanup(others[-1].close)
        finally:
            harness.COMPONENT = before
        workers = [raw.Worker(daemon.grpc) for daemon in others]
        for worker in workers:
            self.addCleanup(worker.close)
            worker.connected.wait(10)
        count = self.begin(30)
        others[0].kill()
        hub = raw.Hub(others[1].grpc)
        self.addCleanup(hub.close)
        for n in range(count):
            state = hub.wait(f"w{n}", timeout=40)
            self.assertEqual((state.workflowStatus, state.output.value), (1, str(n % 5)), f"w{n}")
        for worker in [self.worker, *workers]:
            self.assertEqual(worker.again, [])

    def test_state_as_dapr_lays_it_out(self):
        body = json.dumps([{"key": "cars", "value": {"quantity": 100}}]).encode()
        self.assertEqual(self.daemon.request("POST", "/v1.0/state/statestore", body)[0], 204)
        row = subprocess.run(["redis-cli", "-p", str(self.server.port), "hgetall", "app||cars"], capture_output=True,
                             text=True).stdout.split("\n")
        self.assertEqual(dict(zip(row[::2], row[1::2]))["data"], '{"quantity": 100}')
        code, got, headers = self.daemon.request("GET", "/v1.0/state/statestore/cars")
        self.assertEqual((code, json.loads(got)), (200, {"quantity": 100}))


if __name__ == "__main__":
    if os.environ.get("PAWL_REQUIRE_ALL") and not shutil.which("redis-server"):
        raise SystemExit("redis-server is needed")
    unittest.main(verbosity=2)
