"""Timers: short, long, due while the daemon was down, and a wall clock that is set back."""

import time
import unittest

import clock
import harness
import raw


class Timers(unittest.TestCase):
    def begin(self, **options):
        self.daemon = harness.Daemon(**options)
        self.addCleanup(self.daemon.close)
        self.worker = raw.Worker(self.daemon.grpc)
        self.addCleanup(self.worker.close)
        self.hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(self.hub.close)

    def late(self, instance, timeout=30):
        """How late the timer fired, in seconds; it must not be early."""
        state = self.hub.wait(instance, timeout)
        self.assertEqual(state.workflowStatus, 1)
        late = int(state.output.value) / 1e9
        self.assertGreaterEqual(late, 0, "a timer fired early")
        return late

    def test_one_millisecond(self):
        self.begin()
        for n in range(20):
            self.hub.start(f"t{n}", "timer", "1")
        for n in range(20):
            self.late(f"t{n}")

    def test_ten_seconds(self):
        self.begin()
        began = time.monotonic()
        self.hub.start("t", "timer", "10000")
        self.late("t")
        self.assertGreaterEqual(time.monotonic() - began, 9.9)

    def test_thirty_days_survive_a_kill_and_do_not_fire(self):
        self.begin()
        self.hub.start("t", "timer", str(30 * 24 * 3600 * 1000))
        time.sleep(6)  # long enough to be written as a snapshot and to leave memory
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.daemon.status("t"), "RUNNING")

    def test_due_while_the_daemon_was_down(self):
        self.begin()
        self.hub.start("t", "timer", "1500")
        self.hub.close()  # which may not know in time that its connection has ended
        self.daemon.kill()
        time.sleep(2)
        began = time.monotonic()
        self.daemon.start()
        self.hub = raw.Hub(self.daemon.grpc)
        self.late("t")
        self.assertLess(time.monotonic() - began, 10)

    def test_clock_set_back_and_forward(self):
        wall = clock.Clock()
        self.addCleanup(wall.close)
        self.begin(env=wall.env)
        self.hub.start("t", "timer", "2000")
        wall.move(-3600)
        time.sleep(3)
        self.assertEqual(self.daemon.status("t"), "RUNNING", "it fired an hour early")
        wall.move(0)
        self.late("t")


if __name__ == "__main__":
    unittest.main(verbosity=2)
