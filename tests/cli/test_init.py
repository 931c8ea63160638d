"""pawl init and uninstall, what apps do with the files, and --local-stores."""

import json
import socket
import threading
import unittest

import clilib


class Server:
    """Says |answer| to whoever connects and asks, on a port of its own."""

    def __init__(self, case, answer):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.answer, self.asked = answer, b""
        case.addCleanup(self.socket.close)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.asked += connection.recv(1000)
                connection.sendall(self.answer)


# An app that asks its sidecar: a path, and what is posted there.
ASK = """#!/usr/bin/env python3
import os, sys, urllib.request
url = "http://127.0.0.1:" + os.environ["DAPR_HTTP_PORT"] + "/v1.0/" + sys.argv[1]
body = sys.argv[2].encode() if len(sys.argv) > 2 else None
with urllib.request.urlopen(url, body) as answer:
    print(answer.status, answer.read().decode())
"""


class Init(clilib.Case):
    def setUp(self):
        super().setUp()
        taken = socket.socket()  # and nobody listens: so no other server gets this port
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        self.nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        self.store = self.home / ".dapr/components/statestore.yaml"
        self.configuration = self.home / ".dapr/config.yaml"
        self.ask = self.file("ask", ASK, 0o755)
        self.database = self.home / ".local/share/pawl/statestore.db"

    def init(self, *flags, redis=None, zipkin=None, code=0, name="pawl"):
        answer = self.pawl("init", "--redis-host", redis or self.nobody, "--zipkin-host", zipkin or self.nobody,
                           *flags, name=name)
        self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
        return answer.stdout + answer.stderr

    def uninstall(self, code=0):
        answer = self.pawl("uninstall")
        self.assertEqual(answer.returncode, code, answer.stderr)
        return answer.stdout

    def test_a_machine_with_nothing(self):
        said = self.init(name="dapr")
        self.assertIn(f"No Redis answers on {self.nobody}.", said)
        self.assertIn(f"No Zipkin answers on {self.nobody}.", said)
        self.assertIn(f"Wrote {self.store}: state and workflows are kept in {self.database}.", said)
        self.assertIn(f"Wrote {self.configuration}: no traces are sent.", said)
        self.assertIn("run -f .", said)
        self.assertIn(f'connectionString\n      value: "{self.database}"\n', self.store.read_text())
        self.assertIn("name: daprConfig\nspec: {}\n", self.configuration.read_text())

    def test_zipkin(self):
        zipkin = Server(self, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        said = self.init(zipkin=zipkin.address)
        self.assertIn(f"Zipkin answers on {zipkin.address}.", said)
        self.assertIn(f"traces are sent to Zipkin on {zipkin.address}.", said)
        self.assertIn(f'samplingRate: "1"\n    zipkin:\n      endpointAddress: "http://{zipkin.address}/api/v2/spans"',
                      self.configuration.read_text())

    def test_redis_is_looked_for(self):
        for answer, says in ((b"+PONG\r\n", "Redis answers on {}"),
                             (b"-NOAUTH Authentication required.\r\n", "Redis on {} wants a password"),
                             (b"HTTP/1.1 400 Bad Request\r\n\r\n", "What answers on {} is not Redis")):
            redis = Server(self, answer)
            self.assertIn(says.format(redis.address), self.init(redis=redis.address))
            self.assertEqual(redis.asked, b"PING\r\n")

    def test_slim_looks_for_nobody(self):
        zipkin = Server(self, b"HTTP/1.1 200 OK\r\n\r\n")
        self.init("--slim", zipkin=zipkin.address)
        self.assertEqual(zipkin.asked, b"")
        self.assertIn("spec: {}", self.configuration.read_text())

    def test_what_is_there_is_kept(self):
        self.file(".dapr/components/statestore.yaml", "# mine\n")
        said = self.init()
        self.assertIn(f"Kept {self.store}, which was there before.", said)
        self.assertEqual(self.store.read_text(), "# mine\n")
        self.assertTrue(self.configuration.exists())

    def test_uninstall(self):
        """Takes back what init wrote, and nothing else."""
        self.init()
        said = self.uninstall()
        self.assertIn(f"Removed {self.store}.", said)
        self.assertFalse((self.home / ".dapr").exists())
        self.init()
        text = self.store.read_text()
        self.store.write_text(text.replace('"true"', '"TRUE"'))
        other = self.file(".dapr/components/pubsub.yaml", "kind: Component\n")
        said = self.uninstall()
        self.assertIn(f"Kept {self.store}:", said)
        self.assertTrue(self.store.exists() and other.exists())
        self.assertFalse(self.configuration.exists())

    def test_kubernetes_and_no_home(self):
        self.assertIn("leave out -k", self.init("-k", code=1))
        self.file("plain", "")
        answer = self.pawl("init", env={"HOME": str(self.home / "plain")})
        self.assertEqual(answer.returncode, 1)
        self.assertIn("cannot create the folder", answer.stderr)

    # What apps do with the files.

    def metadata(self, *flags):
        """What the sidecar of an app that names nothing says of itself."""
        answer = self.pawl("run", "-a", "plain", *flags, "--", self.ask, "metadata")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        line = next(line for line in answer.stdout.splitlines() if line.startswith("200 "))
        return json.loads(line[4:])["components"], answer.stdout

    def component(self, path, name, kind):
        self.file(path, "apiVersion: dapr.io/v1alpha1\nkind: Component\n"
                        f"metadata: {{name: {name}}}\nspec: {{type: {kind}, version: v1, metadata: "
                        "[{name: actorStateStore, value: 'true'}, {name: redisHost, value: nowhere}]}\n")

    def test_run_uses_the_components_of_the_home(self):
        self.component(".dapr/components/mine.yaml", "mine", "state.in-memory")
        components, _ = self.metadata()
        self.assertEqual([(c["name"], c["type"]) for c in components], [("mine", "state.in-memory")])
        self.component("own/other.yaml", "other", "state.in-memory")
        components, _ = self.metadata("--resources-path", self.home / "own")
        self.assertEqual([c["name"] for c in components], ["other"])

    def test_a_home_without_stores(self):
        """As after 'init --slim' of Dapr: the built-in store is there."""
        (self.home / ".dapr/components").mkdir(parents=True)
        components, _ = self.metadata()
        self.assertEqual([(c["name"], c["type"]) for c in components], [("statestore", "state.sqlite")])
        self.assertTrue(self.database.exists())

    def test_run_file_uses_them(self):
        self.component(".dapr/components/mine.yaml", "mine", "state.in-memory")
        self.file(".dapr/config.yaml", "kind: Configuration\nspec: {workflow: {maxConcurrentWorkflowInvocations: -1}}\n")
        self.file("apps/dapr.yaml", "version: 1\napps:\n- {appDirPath: ., appID: one, command: [\"../ask\", metadata]}\n")
        answer = self.pawl("run", "-f", "apps")
        self.assertIn(f"{self.home}/.dapr/config.yaml", answer.stderr)  # it is read: this value is refused
        (self.home / ".dapr/config.yaml").write_text("kind: Configuration\n")
        answer = self.pawl("run", "-f", "apps")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn('"name":"mine"', answer.stdout)

    def test_local_stores(self):
        """In one line told; kept in a file of the store's name, shared by the apps of a run file."""
        self.component("resources/redis.yaml", "orders", "state.redis")
        app = """{{appDirPath: ., appID: {}, command: ["../ask", state/orders, '[{{"key": "k", "value": 1}}]']}}"""
        self.file("apps/dapr.yaml", "version: 1\ncommon: {resourcesPath: ../resources}\napps:\n"
                  + "".join(f"- {app.format(name)}\n" for name in ("one", "two")))
        answer = self.pawl("run", "-f", "apps", "--local-stores")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        file = self.home / ".local/share/pawl/orders.db"
        told = f'State store "orders" (state.redis) is kept in {file}, as --local-stores says'
        self.assertEqual(answer.stdout.count(told), 1, answer.stdout)
        self.assertIn("== APP - one == 204", answer.stdout)
        self.assertIn("== APP - two == 204", answer.stdout)
        self.assertTrue(file.exists())
        components, said = self.metadata("--resources-path", self.home / "resources", "--local-stores")
        self.assertEqual([(c["name"], c["type"]) for c in components], [("orders", "state.sqlite")])
        self.assertEqual(said.count("--local-stores"), 1, said)

    def test_a_server_that_is_not_there(self):
        """Which file named it, and three ways on, before the app begins."""
        self.component("resources/redis.yaml", "orders", "state.redis")
        file = self.home / "resources/redis.yaml"
        file.write_text(file.read_text().replace("nowhere", "'127.0.0.1:1'"))
        answer = self.pawl("run", "-a", "plain", "--resources-path", file.parent, "--", self.ask, "metadata")
        self.assertEqual(answer.returncode, 1, answer.stdout)
        self.assertNotIn("200 ", answer.stdout)
        for told in (str(file), "orders", "127.0.0.1:1", "apt install redis-server",
                     "another component", "--local-stores"):
            self.assertIn(told, answer.stdout + answer.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
