"""A redis-server of Debian's, in a temporary folder, that syncs each write before it answers."""

import shutil
import signal
import subprocess
import tempfile
import time

import harness


def missing():
    """Why there can be no server here; "" when there can."""
    return "" if shutil.which("redis-server") else "redis-server (apt install redis-server)"


class Server:
    type, version = "state.redis", "v1"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pawl-redis-")
        self.port = harness.free_port()
        self.start()

    def metadata(self, *ports):
        return f'    - {{name: redisHost, value: "127.0.0.1:{(ports or [self.port])[0]}"}}\n'

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while self.ask("ping") != "PONG":
            if time.monotonic() > end:
                raise RuntimeError("redis-server does not answer")
            time.sleep(0.02)

    def ask(self, *words):
        """What the server answers, as text."""
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True).stdout.strip()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
