"""The daemon as its users start it: where it listens, what it writes."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import resource
import signal
import socket
import threading
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

    def daemon(self, *flags, **more):
        self.http, self.grpc = clilib.free_port(), clilib.free_port()
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

    def connect(self, count):
        """How many of so many connections, held at the same time, stay open."""
        with contextlib.ExitStack() as held:
            made = [held.enter_context(socket.create_connection(("127.0.0.1", self.http))) for _ in range(count)]
            for one in made:
                one.settimeout(20)
                try:
                    one.sendall(b"GET /v1.0/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                except OSError:
                    pass
            return sum(self.has_answer(one) for one in made)

    def has_answer(self, one):
        try:
            return one.recv(9) == b"HTTP/1.1 "
        except OSError:
            return False

    def test_open_files(self):
        """A limit that may be raised is raised; where none is left, the log tells."""
        told = "files that the process may open are in use"
        for most in (400, 64):
            process = self.daemon(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, most)))
            self.wait_output("Workflow engine started")
            if most == 400:
                self.assertEqual(self.connect(150), 150)
                self.assertNotIn(told, self.output())
            else:
                self.assertLess(self.connect(150), 64)
                self.wait_output(told)
            self.end(process)

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
        deep = self.home / ("d" * 100)
        deep.mkdir()
        none = "--unix-domain-socket has to be a folder, and .*"
        for folder, said in ((self.home / "nowhere", none + "nowhere is not there; create it first"),
                             (file, none + "file is none"),
                             (deep, "may have 107 bytes, and .*/dapr-.*-http.socket has [0-9]+; choose a folder")):
            process = self.daemon("--unix-domain-socket", folder)
            self.assertEqual(process.wait(20), 1)
            self.assertRegex(self.output(), said)
            self.assertNotIn("permission", self.output())

    def test_service_manager_is_told(self):
        """As sd_notify(3) says: when it serves, that it lives, and that it ends."""
        path = str(self.home / "notify")
        for name in (path, "@" + path):
            with self.subTest(name[0]), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(name.replace("@", "\0", 1))
                manager.settimeout(20)
                self.env.update(NOTIFY_SOCKET=name, WATCHDOG_USEC="40000")
                process = self.daemon()
                while manager.recv(100) != b"READY=1":
                    self.assertIsNone(process.poll())
                self.assertEqual(self.health("127.0.0.1", self.http), 204)
                while manager.recv(100) != b"WATCHDOG=1":
                    pass
                process.send_signal(signal.SIGTERM)
                while manager.recv(100) != b"STOPPING=1":
                    pass
                self.assertEqual(process.wait(20), 0, self.output())

    def test_service_manager_does_not_listen(self):
        for name in ("/nowhere/socket", "", "x" * 200):
            self.env.update(NOTIFY_SOCKET=name, WATCHDOG_USEC="1", WATCHDOG_PID="1")
            process = self.daemon()
            clilib.wait_for(lambda: self.health("127.0.0.1", self.http) == 204)
            self.end(process)

    def test_calls_in_the_log(self):
        """Each API call is told, as the flag says, and else the configuration."""
        config = self.file(self.home / "c.yaml", "kind: Configuration\nspec: {logging: {apiLogging: {enabled: true, "
                                                 "obfuscateURLs: true, omitHealthChecks: true}}}\n")
        for flags, expected in (((), ()), (("--enable-api-logging",), ('"GET /v1.0/metadata"', '"GET /v1.0/healthz"')),
                                (("--config", config), ('"GET /v1.0/metadata"', '"GET /v1.0/workflows/{component}/{id}"')),
                                (("--config", config, "--enable-api-logging=false"), ())):
            process = self.daemon(*flags)
            clilib.wait_for(lambda: self.health("127.0.0.1", self.http) == 204, 30)
            for path in "metadata", "workflows/dapr/none":
                request = urllib.request.Request(f"http://127.0.0.1:{self.http}/v1.0/{path}", headers={"user-agent": "a test/1"})
                try:
                    urllib.request.urlopen(request, timeout=5).close()
                except urllib.error.HTTPError:
                    pass
            self.end(process)
            lines = [line for line in self.output().splitlines() if "HTTP API Called" in line]
            if not expected:
                self.assertEqual(lines, [])
                continue
            for method in expected:
                self.assertTrue(any(f"method={method}" in line for line in lines), (method, lines))
            self.assertEqual(any("healthz" in line for line in lines), "--config" not in flags)
            told = next(line for line in lines if "/v1.0/metadata" in line)
            self.assertRegex(told, r' level=info msg="HTTP API Called" .* code=200 duration=\d+ method="GET /v1.0/metadata" '
                                   r'size=\d+ useragent="a test/1" scope=dapr.runtime.http-info type=log ')

    def test_health_of_the_app(self):
        """It is asked, and told in the log when it changes; workflows are served all the while."""
        well = threading.Event()

        class App(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if well.is_set() and self.path == "/ok" else 500)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        well.set()
        process = self.daemon("--enable-app-health-check", "--app-health-check-path", "/ok", "--app-health-probe-interval", "1",
                              "--app-health-threshold", "2", "--app-health-probe-timeout", "5000", "--app-port",
                              server.server_address[1])
        self.wait_output("App entered healthy status")
        well.clear()
        self.wait_output("App entered un-healthy status")
        clilib.wait_for(lambda: self.health("127.0.0.1", self.http) == 204, 30)
        well.set()
        clilib.wait_for(lambda: self.output().count("App entered healthy status") == 2, 30)
        self.end(process)
        for flags, why in ((("--app-port", "1", "--app-protocol", "grpc"), "an app is asked over plain HTTP only"),
                           ((), "there is no --app-port")):
            process = self.daemon("--enable-app-health-check", *flags)
            self.wait_output(f"--enable-app-health-check has no effect here: {why}")
            self.end(process)

    def test_each_flag_of_daprd(self):
        """Each is taken; what has no effect says so, and all else is in the help."""
        texts = {"mode": "standalone", "dapr-internal-grpc-port": "5", "dapr-internal-grpc-listen-address": "a",
                 "dapr-public-listen-address": "a", "placement-host-address": "a", "actors-service": "a",
                 "reminders-service": "a", "scheduler-host-address": "a", "scheduler-job-streams": "3", "sentry-address": "a",
                 "control-plane-address": "a", "control-plane-trust-domain": "a", "control-plane-namespace": "a",
                 "sentry-request-jwt-audiences": "a", "profile-port": "7", "dapr-block-shutdown-duration": "5s",
                 "actors-disseminate-timeout": "30s", "app-binding-options-timeout": "3s", "disable-init-endpoints": "log"}
        switches = "enable-mtls", "enable-profiling", "app-ssl", "disable-builtin-k8s-secret-store"
        served = ("app-id app-port app-protocol app-channel-address app-max-concurrency dapr-http-port dapr-grpc-port "
                  "dapr-listen-addresses dapr-public-port resources-path components-path config allowed-origins max-body-size "
                  "read-buffer-size dapr-http-max-request-size dapr-http-read-buffer-size unix-domain-socket "
                  "dapr-graceful-shutdown-seconds enable-api-logging enable-app-health-check app-health-check-path "
                  "app-health-probe-interval app-health-probe-timeout app-health-threshold hot-reload-reconcile-interval "
                  "log-level log-as-json enable-metrics metrics-port metrics-listen-address version build-info wait").split()
        self.assertEqual(self.end_of_start(), [])
        idle = self.end_of_start(*(word for name, text in texts.items() for word in (f"--{name}", text)),
                                 *(f"--{name}" for name in switches))
        self.assertEqual(sorted(idle), sorted([*texts, *switches]))
        self.assertEqual(self.end_of_start(*(f"--{name}=false" for name in switches)), [])
        shown = self.pawl("daemon", "--help").stdout
        idle_help = [line.split()[0].strip("-,") for line in shown.splitlines() if "has no effect here" in line]
        self.assertEqual(sorted(idle_help), sorted(switches))
        for name in served:
            self.assertRegex(shown, rf"--{name}\b")

    def end_of_start(self, *flags):
        """The flags of which a daemon that is started with them says that they have no effect."""
        process = self.daemon(*flags)
        self.wait_output("dapr initialized")
        self.end(process)
        return re.findall(r'msg="--(\S+) has no effect here', self.output())

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
