"""Programs written with the SDKs of the page's own time, and with those between then and now."""

import os
import subprocess
import unittest

import harness

CLIENTS = harness.ROOT / "tests" / "e2e" / "clients"


class Clients(unittest.TestCase):
    def run_client(self, command, cwd, says):
        daemon = harness.Daemon()
        self.addCleanup(daemon.close)
        env = dict(os.environ, DAPR_GRPC_PORT=str(daemon.grpc), DAPR_HTTP_PORT=str(daemon.http))
        run = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr[-3000:])
        self.assertIn(says, run.stdout)

    def test_python(self):
        harness.need("python")
        folder = CLIENTS / "python"
        harness.install(folder)
        for requirements in sorted(folder.glob("requirements-*.txt")):
            version = requirements.stem.removeprefix("requirements-")
            with self.subTest(version):
                self.run_client([folder / f".venv-{version}" / "bin" / "python", "app.py"], folder,
                                "There are now 90 cars left in stock")

    def test_javascript(self):
        harness.need("javascript")
        for folder in sorted(CLIENTS.glob("javascript-*")):
            with self.subTest(folder.name):
                harness.install(folder)
                self.run_client(["node", "../javascript/app.js"], folder,
                                'Orchestration completed! Result: {"processed":true}')

    def test_go(self):
        harness.need("go")
        for folder in sorted(CLIENTS.glob("go-*")):
            with self.subTest(folder.name):
                harness.install(folder)
                for client in sorted(folder.glob("client*")):
                    self.run_client([client], folder, "COMPLETED")

    def test_java(self):
        harness.need("java")
        for folder in sorted(CLIENTS.glob("java-*")):
            with self.subTest(folder.name):
                harness.install(folder)
                self.run_client(["java", "-jar", "target/client.jar"], folder, "processed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
