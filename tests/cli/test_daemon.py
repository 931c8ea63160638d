"""The daemon as its users start it: where it listens, what it writes."""

import json
import os
import pathlib
import signal
import socket
import urllib.error
import urllib.request

import clilib


def has_v6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


class Daemon(clilib.Case):
    def setUp(self):
        super().setUp()
        self.id = f"daemon-{os.getpid()}-{self.home.name[-6:].lower().replace('_', 'x')}"

    def port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]

    def daemon(self, *flags, **more):
        self.http, self.grpc = self.port(), self.port()
        return self.start("--app-id", self.id, "--dapr-http-port", self.http, "--dapr-grpc-port", self.grpc,
                          *flags, name="daprd", **more)

    def health(self, host, port):
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/v1.0/healthz", timeout=5) as answer:
                return answer.status
        except (urllib.error.URLError, OSError):
            return None

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, self.output())

    def test_addresses(self):
        """As Dapr's documentation and its Kubernetes injector write them, and as people do."""
        if not has_v6():
            self.skipTest("no IPv6 here")
        both = ["127.0.0.1", "[::1]"]
        for text, hosts in (("[::1],127.0.0.1", both), ("127.0.0.1, [::1]", both), ("[::]", both), ("::1", both[1:]),
                            (" 127.0.0.1 , ", both[:1]), ("[::],0.0.0.0", both), ("127.0.0.1,0.0.0.0", both[:1]),
                            ("127.0.0.1,127.0.0.1", both[:1]), ("127.0.0.1,[::]", both), ("localhost", both),
                            ("203.0.113.1,127.0.0.1", both[:1])):  # RFC 5737: nobody has it
            with self.subTest(text=text):
                process = self.daemon("--dapr-listen-addresses", text)
                self.wait_output("Workflow engine started")
                for host in hosts:
                    self.assertEqual([self.health(host, port) for port in (self.http, self.grpc)], [204, 204])
                self.assertEqual(self.pawl("workflow", "list", "-a", self.id, "-o", "ids").returncode, 0)
                self.end(process)

    def test_addresses_that_cannot_be(self):
        for text, said in (("127.0.0.1,nowhere", "nowhere"), ("203.0.113.1", "203.0.113.1"),
                           ("203.0.113.1,203.0.113.2", "203.0.113.2"), ("[::1", "[::1"), (",".join(["::1"] * 17), "more than 16")):
            with self.subTest(text=text):
                process = self.daemon("--dapr-listen-addresses", text)
                self.assertEqual(process.wait(20), 1)
                self.assertIn("level=fatal", self.output())
                self.assertIn(said, self.output())

    def test_sockets(self):
        (self.home / "s").mkdir()
        for folder, cwd in (("s", self.home), (self.home / "s", "/")):
            process = self.daemon("--unix-domain-socket", folder, cwd=cwd)
            self.wait_output("Workflow engine started")
            [one] = [one for one in json.loads(self.pawl("list", "-o", "json").stdout) if one["appId"] == self.id]
            self.assertEqual((one["httpPort"], one["grpcPort"], one["unixDomainSocket"]), (0, 0, str(self.home / "s")))
            self.assertEqual(self.pawl("workflow", "list", "-a", self.id, "-o", "ids", cwd="/").returncode, 0)
            self.end(process)

    def test_no_folder_for_sockets(self):
        file = self.file("file", "")
        for folder, said in ((self.home / "nowhere", "nowhere is not there; create it first"), (file, "file is none")):
            process = self.daemon("--unix-domain-socket", folder)
            self.assertEqual(process.wait(20), 1)
            self.assertIn("--unix-domain-socket has to be a folder, and ", self.output())
            self.assertIn(said, self.output())
            self.assertNotIn("permission", self.output())

    def test_json_log(self):
        """Each line parses."""
        odd = self.home / ("caf\u00e9" + "x" * 200) / ("y" * 200) / "\udce9"
        odd.mkdir(parents=True)
        self.file(odd / "a.yaml", "kind: Component\nmetadata: {name: 'caf\u00e9'}\nspec: {type: pubsub.x}\n")
        process = self.daemon("--log-as-json", "--log-level", "debug", "--resources-path", odd)
        self.wait_output("dapr initialized")
        self.end(process)
        lines = self.out.read_bytes().splitlines()
        self.file(odd / "b.yaml", "kind: [\n")
        process = self.daemon("--log-as-json", "--resources-path", odd)
        self.assertEqual(process.wait(20), 1)
        lines += self.out.read_bytes().splitlines()
        self.assertGreater(len(lines), 5)
        for line in lines:
            self.assertEqual(json.loads(line.decode())["app_id"], self.id)
        self.assertIn("caf\u00e9", json.loads(lines[-1])["msg"])


if __name__ == "__main__":
    clilib.main()
