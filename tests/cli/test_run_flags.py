"""Each flag of pawl run, by table: it changes something that is seen, or says that it does not."""

import json
import re
import socket

import clilib

# What tells that a flag has had its effect, by its name. What is asked for is in |flags| below; |seen| is what the app
# has found out (see APP), |said| is the output.
SEEN = {
    "app-id": lambda seen, said: seen["metadata"]["id"] == "tabled",
    "app-port": lambda seen, said: seen["env"]["APP_PORT"] == str(seen["connection"]["port"]),
    "app-protocol": lambda seen, said: seen["env"]["APP_PROTOCOL"] == "h2c" and seen["connection"]["protocol"] == "h2c",
    "dapr-http-port": lambda seen, said: seen["env"]["DAPR_HTTP_PORT"] == str(seen["ports"][0]),
    "dapr-grpc-port": lambda seen, said: seen["env"]["DAPR_GRPC_PORT"] == str(seen["ports"][1]) and seen["grpc"],
    "metrics-port": lambda seen, said: seen["env"]["DAPR_METRICS_PORT"] == str(seen["ports"][2]) and seen["metrics"],
    "resources-path": lambda seen, said: "named" in seen["components"],
    "local-stores": lambda seen, said: "on-redis" in seen["components"] and "--local-stores: state store" in said,
    "config": lambda seen, said: "spans go to the log" in said,
    "app-channel-address": lambda seen, said: seen["env"]["APP_CHANNEL_ADDRESS"] == "127.0.0.9",
    "app-max-concurrency": lambda seen, said: seen["connection"]["maxConcurrency"] == 7,
    "max-body-size": lambda seen, said: seen["bodies"] == [202, 413],
    "read-buffer-size": lambda seen, said: seen["headers"] == [204, 431],
    "loops": lambda seen, said: seen["shards"] == 3,
    "dapr-listen-addresses": lambda seen, said: seen["listens"] == [True, True],
    "enable-app-health-check": lambda seen, said: "App entered healthy status" in said,
    "app-health-check-path": lambda seen, said: seen["health"]["healthCheckPath"] == "/well",
    "app-health-probe-interval": lambda seen, said: seen["health"]["healthProbeInterval"] == "1s",
    "app-health-probe-timeout": lambda seen, said: seen["health"]["healthProbeTimeout"] == "7s",
    "app-health-threshold": lambda seen, said: seen["health"]["healthThreshold"] == 1,
    "enable-api-logging": lambda seen, said: "HTTP API Called" in said,
}

# Those whose effect is seen by another test of the table, or of test_run.py.
ELSEWHERE = {"run-file", "log-level", "components-path", "no-default-store", "unix-domain-socket", "kubernetes", "enable-profiling", "app-ssl"}

# Those that are taken for Dapr's sake, and are not in the help.
HIDDEN = {"dapr-internal-grpc-port": 50002, "profile-port": 7777, "placement-host-address": "localhost:50005",
          "scheduler-host-address": "localhost:50006", "runtime-path": "/usr"}

APP = """import http.server, json, os, re, socket, sys, threading, time, urllib.error, urllib.request


class Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/well' else 500)
        self.end_headers()


app = http.server.ThreadingHTTPServer((os.environ['APP_CHANNEL_ADDRESS'], int(os.environ['APP_PORT'])), Well)
threading.Thread(target=app.serve_forever, daemon=True).start()
base = 'http://127.0.0.1:' + os.environ['DAPR_HTTP_PORT']


def ask(path, body=None, headers={}):
    try:
        with urllib.request.urlopen(urllib.request.Request(base + path, body, headers), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def listens(address, port):
    try:
        socket.create_connection((address, int(port)), 20).close()
        return True
    except OSError:
        return False


metadata = json.loads(ask('/v1.0/metadata')[1])
metrics = urllib.request.urlopen(f"http://127.0.0.1:{os.environ['DAPR_METRICS_PORT']}/metrics", timeout=20).read().decode()
json.dump({
    'env': dict(os.environ),
    'metadata': metadata,
    'connection': metadata['appConnectionProperties'],
    'health': metadata['appConnectionProperties']['health'],
    'components': [one['name'] for one in metadata['components']],
    'grpc': listens('127.0.0.1', os.environ['DAPR_GRPC_PORT']),
    'metrics': 'pawl_ready' in metrics,
    'shards': float(re.search('^pawl_shards[^ ]* (.*)', metrics, re.M)[1]),
    'listens': [listens(address, os.environ['DAPR_HTTP_PORT']) for address in ('127.0.0.1', '127.0.0.6')],
    'bodies': [ask('/v1.0/workflows/dapr/w/start', b'x' * size)[0] for size in (1000, 3000)],
    'headers': [ask('/v1.0/healthz/outbound', headers={'x': 'y' * size})[0] for size in (100, 3000)],
}, open(sys.argv[1], 'w'))
end = time.monotonic() + 20
while time.monotonic() < end and 'entered healthy' not in open(sys.argv[2]).read():
    time.sleep(0.02)
"""

STORE = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: {name}}}
spec: {{type: {type}, version: v1, metadata: [{metadata}]}}
"""


class Flags(clilib.Case):
    def told(self):
        """The flags that the help names."""
        return set(re.findall(r"^  (?:-\w, |    )--([a-z-]+)", self.pawl("run", "--help").stdout, re.M)) - {"help"}

    def test_the_table_is_whole(self):
        self.assertEqual(self.told(), set(SEEN) | ELSEWHERE)

    def test_each_has_its_effect(self):
        self.file("resources/named.yaml", STORE.format(name="named", type="state.in-memory", metadata="{name: actorStateStore, value: 'true'}"))
        self.file("resources/redis.yaml", STORE.format(name="on-redis", type="state.redis", metadata="{name: redisHost, value: 'localhost:1'}"))
        self.file("config.yaml", "kind: Configuration\nspec: {tracing: {samplingRate: '1', stdout: true}}\n")
        script, seen = self.file("app.py", APP), self.home / "seen"
        ports = [clilib.free_port() for _ in range(3)]
        flags = {
            "app-id": "tabled", "app-port": clilib.free_port(), "app-protocol": "h2c", "dapr-http-port": ports[0], "dapr-grpc-port": ports[1],
            "metrics-port": ports[2], "resources-path": "resources", "local-stores": True, "config": "config.yaml",
            "app-channel-address": "127.0.0.9", "app-max-concurrency": 7, "max-body-size": "2Ki",
            "read-buffer-size": "2Ki", "loops": 3, "dapr-listen-addresses": "127.0.0.1,127.0.0.6", "enable-app-health-check": True,
            "app-health-check-path": "/well", "app-health-probe-interval": 1, "app-health-probe-timeout": 7000,
            "app-health-threshold": 1, "enable-api-logging": True,
        }
        self.assertEqual(set(flags), set(SEEN))
        arguments = [word for name, value in flags.items()
                     for word in ([f"--{name}"] if value is True else [f"--{name}", value])]
        process = self.start("run", *map(str, arguments), "--", "python3", str(script), str(seen), str(self.home / "out"))
        self.assertEqual(process.wait(60), 0, self.output())
        found = dict(json.loads(seen.read_text()), ports=ports)
        for name, shows in SEEN.items():
            with self.subTest(flag=name):
                self.assertTrue(shows(found, self.output()), f"{found}\n{self.output()}")

    def run_one(self, *arguments):
        return self.pawl("run", "-a", "tabled", *arguments, "--", "true")

    def test_log_level(self):
        self.assertNotIn("level=info", self.run_one("--log-level", "warn").stdout)

    def test_older_name(self):
        self.file("old/named.yaml", STORE.format(name="named", type="state.in-memory", metadata=""))
        self.assertIn("Component loaded: named", self.run_one("--components-path", "old").stdout)

    def test_those_without_effect_say_so(self):
        for name, value in HIDDEN.items():
            with self.subTest(flag=name):
                answer = self.pawl("run", f"--{name}", value, "-f", "nothing.yaml")
                self.assertIn(f"pawl run: --{name} has no effect here\n", answer.stderr)
        answer = self.pawl("run", "--app-ssl", "--enable-profiling", "-f", "nothing.yaml")
        for name in "app-ssl", "enable-profiling":
            self.assertIn(f"pawl run: --{name} has no effect here\n", answer.stderr)

    def test_beside_a_run_file(self):
        """The file says what becomes of each app: what is said beside it is said to have no effect."""
        self.file("apps/tiny/out", "")
        self.file("apps/dapr.yaml", "version: 1\napps: [{appDirPath: tiny, command: ['true']}]\n")
        one = {"app-port": 1, "log-level": "warn", "config": "none.yaml", "enable-api-logging": None}
        answer = self.pawl("run", "-f", "apps", *(word for name, value in one.items()
                                                  for word in [f"--{name}"] + ([value] if value else [])))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        for name in one:
            self.assertIn(f"pawl run: --{name} has no effect beside --run-file; the file may say it\n", answer.stderr)
        quiet = self.pawl("run", "-f", "apps", "--local-stores", "--no-default-store")
        self.assertEqual((quiet.returncode, "no effect" in quiet.stderr), (0, False), quiet.stderr)


if __name__ == "__main__":
    clilib.main()
