"""Workflows and state in a real PostgreSQL."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import harness
import postgres
import raw
import served


@unittest.skipIf(postgres.missing(), f"NOT TESTED: {postgres.missing()}")
class Postgres(served.Served):
    make_server = postgres.Server

    def spread(self):
        return self.server.sql(
            "SELECT string_agg(n::text, ' ' ORDER BY n) FROM (SELECT count(*) AS n FROM pawl_shard WHERE"
            f" app = 'default/{self.app}' AND until > now() GROUP BY owner) AS held")

    def holders(self):
        rows = self.server.sql("SELECT string_agg(number || ' ' || epoch || ' ' || convert_from(owner, 'UTF8'), '|' ORDER BY"
                               f" number) FROM pawl_shard WHERE app = 'default/{self.app}' AND until > now()")
        return {number: (owner, epoch) for number, epoch, owner in (row.split(" ", 2) for row in rows.split("|"))}

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


@unittest.skipIf(postgres.missing(), f"NOT TESTED: {postgres.missing()}")
@unittest.skipUnless(shutil.which("openssl"), "NOT TESTED: openssl")
class Tls(unittest.TestCase):
    """Whom the daemon believes, and what it says of whom it does not."""

    @classmethod
    def setUpClass(cls):
        cls.server = postgres.Server()
        cls.addClassCleanup(cls.server.close)
        cls.folder = Path(cls.server.folder)
        for name in ("server", "other"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                            "-addext", "subjectAltName=DNS:localhost", "-keyout", cls.folder / f"{name}.key", "-out",
                            cls.folder / f"{name}.crt"], check=True, capture_output=True)
            os.chmod(cls.folder / f"{name}.key", 0o600)
            if os.getuid() == 0:
                shutil.chown(cls.folder / f"{name}.key", postgres.USER)

    def connect(self, host, words):
        """Starts a daemon; it serves, or its output says why not."""
        metadata = (f'    - {{name: connectionString, value: "host={host} port={self.server.port} {postgres.LOGIN}'
                    f' {words}"}}\n')
        self.server.metadata = lambda *ports: metadata
        self.addCleanup(self.server.__dict__.pop, "metadata", None)
        folder = tempfile.mkdtemp(prefix="pawl-e2e-")
        self.addCleanup(shutil.rmtree, folder)
        harness.Daemon(app_id="app", server=self.server, folder=folder).close()

    def refuse(self, host, words, *texts):
        with self.assertRaises(RuntimeError) as told:
            self.connect(host, words)
        for text in texts:
            self.assertIn(text, str(told.exception))

    def test_certificates(self):
        self.refuse("localhost", "sslmode=require", "server does not support SSL, but SSL was required")
        self.server.set("ssl_cert_file", self.folder / "server.crt")
        self.server.set("ssl_key_file", self.folder / "server.key")
        self.server.set("ssl", "on")
        trusted, strange = (f"sslrootcert={self.folder}/{name}.crt" for name in ("server", "other"))
        self.connect("localhost", f"sslmode=verify-full {trusted}")
        self.refuse("localhost", f"sslmode=verify-full {strange}", "certificate verify failed")
        self.refuse("127.0.0.1", f"sslmode=verify-full {trusted}", 'does not match host name')
        self.refuse("localhost", "sslmode=verify-full sslrootcert=/nowhere.crt", "/nowhere.crt", "does not exist")


@unittest.skipIf(postgres.missing(), f"NOT TESTED: {postgres.missing()}")
@unittest.skipUnless(shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin"), "NOT TESTED: pgbouncer (apt install pgbouncer)")
class Pool(unittest.TestCase):
    """PgBouncer between daemon and server."""

    @classmethod
    def setUpClass(cls):
        cls.server = postgres.Server()
        cls.addClassCleanup(cls.server.close)

    def pool(self, mode):
        """The port of one."""
        folder, port = Path(self.server.folder), harness.free_port()
        (folder / "users").write_text(f'"{postgres.USER}" "secret"\n')
        (folder / "pool.ini").write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={self.server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
            f"unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = {mode}\n")
        user = ["setpriv", f"--reuid={postgres.USER}", f"--regid={postgres.USER}", "--clear-groups"] if os.getuid() == 0 else []
        process = subprocess.Popen([*user, shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), "-q", folder / "pool.ini"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return port
            except OSError:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)

    def test_keeps_sessions(self):
        daemon = harness.Daemon(server=self.server, ports=[self.pool("session")], shards=4)
        self.addCleanup(daemon.close)
        hub, worker = raw.Hub(daemon.grpc), raw.Worker(daemon.grpc)
        self.addCleanup(hub.close)
        worker.connected.wait(10)
        names = [f"w{i}" for i in range(20)]
        for name in names:
            hub.start(name, text="3")
        for name in names:
            self.assertEqual(hub.wait(name).workflowStatus, 1)
        self.assertEqual(daemon.request("POST", "/v1.0/state/statestore", b'[{"key": "cars", "value": 7}]')[0], 204)
        worker.closing = True

    def test_gives_sessions_away(self):
        """Said at the start, as later a statement would be missed now and then."""
        with self.assertRaises(RuntimeError) as caught:
            harness.Daemon(server=self.server, ports=[self.pool("transaction")], shards=4)
        self.assertIn("pool_mode = session", str(caught.exception))


if __name__ == "__main__":
    if os.environ.get("PAWL_REQUIRE_ALL") and postgres.missing():
        raise SystemExit(f"needed: {postgres.missing()}")
    unittest.main(verbosity=2)
