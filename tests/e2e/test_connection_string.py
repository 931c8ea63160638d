#!/usr/bin/env python3
"""'pawl workflow --connection-string' looks into a server's store when no daemon of the app runs."""

import json
import subprocess
import unittest

import harness
import postgres
import raw
import redis_server


class Looks:
    def test_workflows_without_a_daemon(self):
        missing = self.kind.missing()
        if missing:
            raise unittest.SkipTest(f"NOT TESTED: {missing}")
        server = self.kind.Server()
        self.addCleanup(server.close)
        where, app = self.where(server), f"looked-into-{server.port}"
        asked = self.workflow("list", "-a", app, "-c", where)
        self.assertEqual(asked.returncode, 1, asked.stdout)
        daemon = harness.Daemon(app, server=server)
        self.addCleanup(daemon.close)
        worker, hub = raw.Worker(daemon.grpc), raw.Hub(daemon.grpc)
        for i in range(3):
            hub.start(f"w{i}", "chain", "2")
            self.assertEqual(hub.wait(f"w{i}").workflowStatus, 1)
        hub.close()
        worker.close()
        self.end(daemon)
        listed = self.workflow("list", "-a", app, "-o", "ids", "-c", where)
        self.assertEqual(listed.stdout.split(), ["w0", "w1", "w2"], listed.stderr)
        rows = json.loads(self.workflow("history", "w1", "-a", app, "-o", "json", "-c", where).stdout)
        self.assertIn("TaskCompleted", json.dumps(rows))
        purged = self.workflow("purge", "w1", "-a", app, "-c", where)
        self.assertEqual(purged.returncode, 0, purged.stderr)
        nobody = self.workflow("list", "-a", app + "-not", "-c", where)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn(f"no workflows of app '{app}-not'", nobody.stderr)
        daemon.start()
        hub = raw.Hub(daemon.grpc)
        self.assertEqual(sorted(hub.ids()[0]), ["w0", "w2"])
        hub.close()

    def workflow(self, *arguments):
        return subprocess.run([harness.PAWL, "workflow", *map(str, arguments)], capture_output=True, text=True, timeout=60)


class Redis(Looks, unittest.TestCase):
    kind = redis_server

    def end(self, daemon):
        daemon.kill()  # its leases last for some seconds

    def where(self, server):
        return f"redis://127.0.0.1:{server.port}"


class Postgres(Looks, unittest.TestCase):
    kind = postgres

    def end(self, daemon):
        self.assertEqual(daemon.stop(), 0)

    def where(self, server):
        return server.connection


if __name__ == "__main__":
    unittest.main(verbosity=2)
