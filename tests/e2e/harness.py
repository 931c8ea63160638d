"""What the end-to-end tests share: a daemon that can be killed, and a worker made of raw calls."""

import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PAWL_BUILD", ROOT / "build"))
PAWL = BUILD / "bin" / "pawl"

COMPONENT = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: statestore}}
spec:
  type: {type}
  version: v1
  metadata:
    - {{name: connectionString, value: "{path}"}}
    - {{name: actorStateStore, value: "true"}}
"""

SERVER = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: statestore}}
spec:
  type: {type}
  version: {version}
  metadata:
    - {{name: actorStateStore, value: "true"}}
"""


def messages():
    """The modules that protoc makes of our .proto files."""
    out = BUILD / "e2e-proto"
    if not (out / "done").exists():
        out.mkdir(parents=True, exist_ok=True)
        names = ["orchestration", "attestation", "history_events", "orchestrator_actions",
                 "orchestrator_service", "dapr_common", "dapr_runtime"]
        subprocess.run(
            ["protoc", f"-I{ROOT}/proto", "-I/usr/include", f"--python_out={out}",
             *(f"{ROOT}/proto/{n}.proto" for n in names),
             "/usr/include/protobuf-c/protobuf-c.proto"], check=True)
        package = out / "protobuf_c"  # protoc writes what a folder with a dash in its name needs
        del package
        (out / "done").touch()
    sys.path.insert(0, str(out))
    import orchestrator_service_pb2
    return orchestrator_service_pb2


def lacks(language):
    """What is missing of the language's tools; "" when they are here and new enough."""
    return subprocess.run([ROOT / "scripts" / "have", language], capture_output=True, text=True).stdout.strip()


def need(language):
    """Skips the test, in words, when the language is missing."""
    missing = lacks(language)
    if missing:
        raise unittest.SkipTest(f"NOT TESTED: {missing}")


def install(folder):
    """Installs what a program in this folder needs, or builds it; its output is shown when that fails."""
    made = subprocess.run([folder / "install.sh"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        raise RuntimeError(f"{folder}/install.sh failed:\n{made.stdout[-5000:]}")


taken_ports = set()


def free_port():
    """A port below those that the kernel gives to clients, which could take it while a daemon restarts; each is given once."""
    while True:
        port = secrets.randbelow(12000) + 20000
        if port in taken_ports:
            continue
        taken_ports.add(port)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Daemon:
    """A daprd with a store in a folder of its own. Restarts keep ports and store."""

    def __init__(self, app_id="order-processor", store="state.sqlite", folder=None, flags=(), env=None,
                 program=PAWL, shards=1, server=None, ports=(), lease=None):
        """|server|: keeps all in that, at its own port or behind |ports|; its leases last |lease| seconds there."""
        self.folder = Path(folder or tempfile.mkdtemp(prefix="pawl-e2e-"))
        self.own = folder is None
        self.resources = self.folder / "resources"
        self.resources.mkdir(exist_ok=True)
        kept = (SERVER.format(type=server.type, version=server.version) + server.metadata(*ports) if server
                else COMPONENT.format(type=store, path=self.folder / "state.db"))
        kept += f'    - {{name: shards, value: "{shards}"}}\n' if shards else ""
        (self.resources / "statestore.yaml").write_text(kept + (f'    - {{name: lease, value: "{lease}s"}}\n' if lease else ""))
        self.http, self.grpc, self.metrics = free_port(), free_port(), free_port()
        self.app_id, self.flags, self.program = app_id, list(flags), str(program)
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.log = open(self.folder / "daemon.log", "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["daprd", "--app-id", self.app_id, "--dapr-http-port", str(self.http),
             "--dapr-grpc-port", str(self.grpc), "--metrics-port", str(self.metrics), "--resources-path", str(self.resources),
             "--log-level", "debug", *self.flags],
            executable=self.program, stdout=self.log, stderr=self.log, env=self.env)
        deadline = time.monotonic() + 60  # with a disk that others have
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the daemon did not start:\n" + self.output()[-3000:])
            time.sleep(0.005)

    def healthy(self):
        try:
            return self.request("GET", "/v1.0/healthz/outbound", timeout=1)[0] == 204
        except OSError:
            return False

    def request(self, method, path, body=None, headers=None, timeout=30):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method=method,
                                         data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def stock(self, item="cars"):
        value = json.loads(self.request("GET", f"/v1.0/state/statestore/{item}")[1])
        if isinstance(value, str):
            value = json.loads(value)
        return {k.lower().replace("_", ""): v for k, v in value.items()}["quantity"]

    def status(self, instance):
        code, body, _ = self.request("GET", f"/v1.0/workflows/dapr/{instance}")
        return json.loads(body).get("runtimeStatus") if code == 200 else None

    def rss(self):
        """Bytes of memory that it has."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self):
        """Stops its process until it is woken, as a machine that swaps or is moved does; returns once all threads stand."""
        self.process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 20
        while any(stat.read_text().rsplit(")", 1)[1].split()[0] != "T"
                  for stat in Path(f"/proc/{self.process.pid}/task").glob("*/stat")):
            if time.monotonic() > deadline:
                raise RuntimeError("the daemon does not stop")
            time.sleep(0.005)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def output(self):
        return (self.folder / "daemon.log").read_text(errors="replace")

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.log.close()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)


class App:
    """An app as a child process, its output in a list of lines."""

    def __init__(self, daemon, command, cwd, env=None):
        self.daemon, self.command, self.cwd = daemon, command, cwd
        self.env = dict(os.environ, DAPR_HTTP_PORT=str(daemon.http), DAPR_GRPC_PORT=str(daemon.grpc),
                        APP_ID=daemon.app_id, **(env or {}))
        self.lines = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=self.cwd, env=self.env,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        start_new_session=True)
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def wait(self, timeout=120):
        code = self.process.wait(timeout)
        self.reader.join(5)
        return code

    def text(self):
        return "\n".join(self.lines)


def seeded(name):
    """A random source whose seed is printed, and can be given by PAWL_SEED."""
    seed = int(os.environ.get("PAWL_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"{name}: PAWL_SEED={seed}", flush=True)
    return random.Random(seed)
