"""Workflows and state in a real PostgreSQL: what a daemon, and what the server itself, loses by being killed."""

import json
import os
import time
import unittest

import harness
import postgres
import raw

COMPONENT = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: statestore}}
spec:
  type: {type}
  version: v2
  metadata:
    - {{name: connectionString, value: "%s"}}
    - {{name: actorStateStore, value: "true"}}
"""


@unittest.skipIf(postgres.missing(), f"NOT TESTED: {postgres.missing()}")
class Postgres(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = postgres.Server()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.app = f"app{time.monotonic_ns()}"  # the server is that of all tests
        self.daemon, self.worker = self.start()

    def start(self):
        before, harness.COMPONENT = harness.COMPONENT, COMPONENT % self.server.connection
        try:
            daemon = harness.Daemon(app_id=self.app, store="state.postgresql", shards=6)
        finally:
            harness.COMPONENT = before
        self.addCleanup(daemon.close)
        worker = raw.Worker(daemon.grpc)
        self.addCleanup(worker.close)
        worker.connected.wait(20)
        return daemon, worker

    def hub(self, daemon=None):
        hub = raw.Hub((daemon or self.daemon).grpc)
        self.addCleanup(hub.close)
        return hub

    def begin(self, count):
        hub = self.hub()
        for n in range(count):
            hub.start(f"w{n}", text=str(n % 5), start_at=0)
        return count

    def all_complete(self, count, daemon=None, workers=()):
        hub = self.hub(daemon)
        for n in range(count):
            state = hub.wait(f"w{n}", timeout=40)
            self.assertEqual((state.workflowStatus, state.output.value), (1, str(n % 5)), f"w{n}")
        for worker in [self.worker, *workers]:
            self.assertEqual(worker.again, [], "an acknowledged activity was given again")

    def wait_for_spread(self, expected):
        """How many shards each daemon holds."""
        query = ("SELECT string_agg(n::text, ' ' ORDER BY n) FROM (SELECT count(*) AS n FROM pawl_shard WHERE"
                 f" app = 'default/{self.app}' AND until > now() GROUP BY owner) AS held")
        end = time.monotonic() + 40
        while (spread := self.server.sql(query)) != expected:
            self.assertLess(time.monotonic(), end, f"shards are spread {spread}, not {expected}")
            time.sleep(0.1)

    def test_the_daemon_is_killed(self):
        count = self.begin(60)
        self.daemon.kill()
        self.daemon.start()  # as soon as the lease of the one before has ended
        self.all_complete(count)

    def test_the_server_is_killed(self):
        count = self.begin(60)
        self.server.kill()
        self.server.start()
        self.all_complete(count)

    def test_three_daemons_share_it(self):
        """One that is killed is replaced once its leases have ended."""
        others = [self.start() for _ in range(2)]
        self.wait_for_spread("2 2 2")
        count = self.begin(30)
        others[0][0].kill()
        self.wait_for_spread("3 3")
        self.all_complete(count, others[1][0], [worker for _, worker in others])

    def test_state_as_dapr_lays_it_out(self):
        body = json.dumps([{"key": "cars", "value": {"quantity": 100}}]).encode()
        self.assertEqual(self.daemon.request("POST", "/v1.0/state/statestore", body)[0], 204)
        row = self.server.sql(f"SELECT convert_from(value, 'UTF8') FROM state WHERE key = '{self.app}||cars'")
        self.assertEqual(row, '{"quantity": 100}')
        etag = self.server.sql(f"SELECT etag FROM state WHERE key = '{self.app}||cars'")
        code, got, headers = self.daemon.request("GET", "/v1.0/state/statestore/cars")
        self.assertEqual((code, json.loads(got), headers["etag"]), (200, {"quantity": 100}, etag))
        self.server.sql(f"UPDATE state SET value = '7' WHERE key = '{self.app}||cars'")  # another program
        self.assertEqual(self.daemon.request("GET", "/v1.0/state/statestore/cars")[1], b"7")


if __name__ == "__main__":
    if os.environ.get("PAWL_REQUIRE_ALL") and postgres.missing():
        raise SystemExit(f"needed: {postgres.missing()}")
    unittest.main(verbosity=2)
