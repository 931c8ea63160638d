"""Programs written with the SDKs of the page's own time, and with those between then and now."""

import os
import shutil
import subprocess
import unittest

import harness

CLIENTS = harness.ROOT / "tests" / "e2e" / "clients"


def venv(requirements):
    folder = harness.BUILD / "venv" / requirements.stem
    if not (folder / "done").exists():
        subprocess.run(["python3", "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "-r",
                        requirements], check=True)
        (folder / "done").touch()
    return folder / "bin" / "python"


def need(program, language):
    if not shutil.which(program):
        raise unittest.SkipTest(f"NOT TESTED: {language} needs '{program}', which is not installed")


class Clients(unittest.TestCase):
    def run_client(self, command, cwd, says):
        daemon = harness.Daemon()
        self.addCleanup(daemon.close)
        env = dict(os.environ, DAPR_GRPC_PORT=str(daemon.grpc), DAPR_HTTP_PORT=str(daemon.http))
        run = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr[-3000:])
        self.assertIn(says, run.stdout)

    def test_python(self):
        need("python3", "Python")
        folder = CLIENTS / "python"
        for requirements in sorted(folder.glob("requirements-*.txt")):
            with self.subTest(requirements.stem):
                self.run_client([venv(requirements), "app.py"], folder,
                                "There are now 90 cars left in stock")

    def test_javascript(self):
        need("npm", "JavaScript")
        for folder in sorted(CLIENTS.glob("javascript-*")):
            with self.subTest(folder.name):
                if not (folder / "node_modules").exists():
                    subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True)
                self.run_client(["node", "../javascript/app.js"], folder,
                                'Orchestration completed! Result: {"processed":true}')

    def test_go(self):
        need("go", "Go")
        for folder in sorted(CLIENTS.glob("go-*")):
            with self.subTest(folder.name):
                subprocess.run([folder / "install.sh"], check=True)
                for client in sorted(folder.glob("client*")):
                    self.run_client([client], folder, "COMPLETED")

    def test_java(self):
        need("mvn", "Java")
        for folder in sorted(CLIENTS.glob("java-*")):
            with self.subTest(folder.name):
                subprocess.run([folder / "install.sh"], check=True, stdout=subprocess.DEVNULL)
                self.run_client(["java", "-jar", "target/client.jar"], folder, "processed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
