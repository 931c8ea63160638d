"""Each order-processor: to its end, twice on one file, with kills of the daemon, the app and both."""

import concurrent.futures
import os
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

import apps
import harness
import redis_server

LANGUAGES = os.environ.get("PAWL_LANGUAGES", "c python javascript go java").split()
AT_ONCE = 3  # languages; an order spends most of its time in waits
# Kills of the daemon: many where an app starts quickly, some in every language.
KILLS = {"c": 50, "python": 50, "go": 50, "javascript": 8, "java": 8}


class Apps(unittest.TestCase):
    def begin(self, language, server=None):
        """A daemon of its own, and the id of an order."""
        apps.install(language)
        daemon = harness.Daemon(server=server)
        self.addCleanup(daemon.close)
        return daemon, f"order-{uuid.uuid4()}"

    def finish(self, app, timeout=90):
        try:
            code = app.wait(timeout)
        except subprocess.TimeoutExpired:
            app.kill()
            self.fail(f"the app did not end:\n{app.text()[-3000:]}\n{app.daemon.output()[-3000:]}")
        self.assertEqual(code, 0, app.text()[-3000:])

    def each(self, check):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            checks = {language: pool.submit(check, language) for language in LANGUAGES}
        for language, checked in checks.items():
            with self.subTest(language):
                checked.result()

    def test_run_file(self):
        """pawl run -f, as a newcomer types it on a machine without Redis, twice on the same file."""
        def check(language):
            apps.install(language)
            data = tempfile.TemporaryDirectory()
            self.addCleanup(data.cleanup)
            for _ in range(2):
                run = subprocess.run([harness.PAWL, "run", "-f", apps.APPS / language, "--local-stores"],
                                     capture_output=True, text=True, timeout=120,
                                     env={**os.environ, "XDG_DATA_HOME": data.name})
                self.assertIn(f'State store "statestore" (state.redis) is kept in {data.name}/pawl/statestore.db', run.stdout)
                self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr)
                ours = [l for l in run.stdout.splitlines() if l.startswith("== APP - order-processor == ")]
                text = "\n".join(ours)
                order = next(l for l in text.split() if len(l) == 36 and l.count("-") == 4)
                self.assertEqual(apps.missing_lines(language, text, order), [], text)
        self.each(check)

    def test_on_redis(self):
        """As the page has it: again and again on one Redis, which keeps what was saved with first-write in a way of its own."""
        def check(language):
            server = redis_server.Server()
            self.addCleanup(server.close)
            daemon, order = self.begin(language, server)
            for n in range(2):
                app = apps.start(language, daemon, order + str(n))
                self.finish(app)
                self.assertEqual(apps.missing_lines(language, app.text(), order + str(n)), [], app.text())
                self.assertEqual(daemon.stock(), 90)
                daemon.kill()
                daemon.start()
                self.assertEqual(daemon.status(order + str(n)), "COMPLETED")
        self.each(check)

    def test_completes(self):
        def check(language):
            daemon, order = self.begin(language)
            for n in range(2):
                app = apps.start(language, daemon, order + str(n))
                self.finish(app)
                self.assertEqual(apps.missing_lines(language, app.text(), order + str(n)), [],
                                 app.text())
                self.assertEqual(daemon.stock(), 90)
                self.assertEqual(daemon.status(order + str(n)), "COMPLETED")
            app = apps.start(language, daemon, order, RESTOCK="no")
            self.finish(app)
            self.assertEqual(daemon.stock(), 80, app.text())
        self.each(check)

    def test_daemon_is_killed(self):
        def check(language):
            daemon, order = self.begin(language)
            random = harness.seeded(f"{self.id()} {language}")
            kills, orders = 0, 0
            while kills < KILLS[language]:
                orders += 1
                one = f"{order}-{orders}"
                app = apps.start(language, daemon, one)
                deadline = time.monotonic() + 240
                patience, quiet_since = 15, time.monotonic()
                while time.monotonic() < deadline:
                    time.sleep(random.uniform(0.1, 0.7))
                    if app.process.poll() is not None:
                        if daemon.status(one) == "COMPLETED":
                            break
                        app.kill()
                        app.start()  # its own client gave up
                        continue
                    if kills < KILLS[language]:
                        daemon.kill()
                        daemon.start()
                        kills += 1
                        quiet_since = time.monotonic()
                    elif time.monotonic() - quiet_since > patience:
                        app.kill()  # it lives on, but its worker gave up, as that of JavaScript does
                        app.start()
                        patience, quiet_since = 2 * patience, time.monotonic()  # it may only be slow to start
                self.assertEqual(daemon.status(one), "COMPLETED", app.text()[-3000:])
                self.finish(app)
                self.assertEqual(daemon.stock(), 90, app.text())
            print(f"{self.id()} {language}: {kills} kills in {orders} orders", flush=True)
        self.each(check)

    def test_app_is_killed(self):
        """In the middle of the order, and then both."""
        def check(language):
            daemon, order = self.begin(language)
            app = apps.start(language, daemon, order)
            deadline = time.monotonic() + 60
            while "Requesting approval" not in app.text() and time.monotonic() < deadline:
                time.sleep(0.02)
            app.kill()
            self.assertEqual(daemon.status(order), "RUNNING")
            app.start()
            time.sleep(1)
            app.kill()
            daemon.kill()
            daemon.start()
            app.start()
            self.finish(app)
            self.assertEqual(daemon.status(order), "COMPLETED")
            self.assertEqual(daemon.stock(), 90)
        self.each(check)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=[sys.argv[0], *sys.argv[1:]])
