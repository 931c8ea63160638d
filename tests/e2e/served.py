"""What the tests of a store on a server have in common: what a daemon, and what the server itself, loses by being killed."""

import time
import unittest

import clock
import harness
import raw


class Served(unittest.TestCase):
    make_server = None  # of the test's own
    kills = 1           # of the daemon, one after the other

    @classmethod
    def setUpClass(cls):
        if cls is Served:
            raise unittest.SkipTest("it is for others to inherit")
        cls.server = cls.make_server()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.app = f"app{time.monotonic_ns()}"  # the server is that of all tests
        self.daemon, self.worker = self.start()

    def start(self, env=None, lease=None, **options):
        daemon = harness.Daemon(app_id=self.app, server=self.server, shards=6, env=env, lease=lease)
        self.addCleanup(daemon.close)
        worker = raw.Worker(daemon.grpc, **options)
        self.addCleanup(worker.close)
        worker.connected.wait(20)
        return daemon, worker

    def hub(self, daemon=None):
        hub = raw.Hub((daemon or self.daemon).grpc)
        self.addCleanup(hub.close)
        return hub

    def begin(self, count):
        hub = self.hub()
        for n in range(count):
            hub.start(f"w{n}", text=str(n % 5), start_at=0)
        return count

    def all_complete(self, count, daemon=None, workers=()):
        hub = self.hub(daemon)
        for n in range(count):
            state = hub.wait(f"w{n}", timeout=40)
            self.assertEqual((state.workflowStatus, state.output.value), (1, str(n % 5)), f"w{n}")
        for worker in [self.worker, *workers]:
            self.assertEqual(worker.again, [], "an acknowledged activity was given again")

    def holders(self):
        """Who has each shard, under which lease: {number: (owner, epoch)}, of leases that have not ended."""
        raise NotImplementedError

    def spread(self):
        """How many shards each daemon holds, the fewest first, as "2 2 2"."""
        raise NotImplementedError

    def wait_for_spread(self, expected):
        end = time.monotonic() + 40
        while (spread := self.spread()) != expected:
            self.assertLess(time.monotonic(), end, f"shards are spread {spread}, not {expected}")
            time.sleep(0.1)

    def wait_for_given(self, count):
        end = time.monotonic() + 40
        while len(self.worker.given) < count:
            self.assertLess(time.monotonic(), end, "no activities are given out")
            time.sleep(0.01)

    def test_the_daemon_is_killed(self):
        count = self.begin(60)
        for _ in range(self.kills):
            self.daemon.kill()
            self.daemon.start()  # as soon as the lease of the one before has ended
        self.all_complete(count)

    def test_the_server_is_killed(self):
        count = self.begin(60)
        self.server.kill()
        self.server.start()
        self.all_complete(count)

    def test_three_daemons_share_it(self):
        """One that is killed is replaced once its leases have ended."""
        others = [self.start() for _ in range(2)]
        self.wait_for_spread("2 2 2")
        count = self.begin(30)
        others[0][0].kill()
        self.wait_for_spread("3 3")
        self.all_complete(count, others[1][0], [worker for _, worker in others])

    def test_a_daemon_sleeps_for_longer_than_its_lease(self):
        """Others have its shards by then. When it wakes it still takes them for its own, and cannot write."""
        other, worker = self.start(ledger=self.worker, delay=0.3, at_once=True)
        self.worker.delay, self.worker.at_once = 0.3, True
        self.wait_for_spread("3 3")
        count = self.begin(30)
        self.wait_for_given(10)
        self.daemon.pause()
        self.addCleanup(self.daemon.wake)
        self.wait_for_spread("6")
        given = len(self.worker.given)
        self.wait_for_given(given + 3)  # the other one goes on with them
        self.daemon.wake()
        self.all_complete(count, other, [worker])
        self.wait_for_spread("3 3")
        # It sees by itself that its lease has ended, or the store tells it when it writes.
        self.assertRegex(self.daemon.output(), "its state again: (its lease has ended|shard .* was leased by another owner)")
        self.assertTrue(self.daemon.healthy())
        hub = self.hub()
        for n in range(10):  # and it takes part again
            hub.start(f"x{n}", text="1", start_at=0)
            self.assertEqual(hub.wait(f"x{n}").output.value, "1")

    def test_a_clock_is_moved_by_an_hour(self):
        """Leases are by the server's clock: none is lost, and none is taken from another, whatever a daemon's own clock says.
        What runs meanwhile is done once."""
        wall = clock.Clock()
        self.addCleanup(wall.close)
        other, worker = self.start(env=wall.env, lease=4, ledger=self.worker)
        self.wait_for_spread("3 3")
        holders, count, hubs = self.holders(), 0, [self.hub(), self.hub(other)]
        for seconds in (3600, -3600):
            wall.move(seconds)
            end = time.monotonic() + 4.5  # longer than its leases last
            while time.monotonic() < end:
                hubs[count % 2].start(f"w{count}", text=str(count % 5))
                count += 1
                self.assertEqual(self.holders(), holders, f"shards have moved when a clock was {seconds} s off")
                time.sleep(0.2)
        self.all_complete(count, workers=[worker])
        self.all_complete(count, other)
        self.assertEqual(self.worker.again, [])
        # A daemon that is well gets what one with a wrong clock has, when that dies; and as soon as from any other.
        wall.move(3600)
        hubs[1].start("last", text="1")
        began = time.monotonic()
        other.kill()
        self.wait_for_spread("6")
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(hubs[0].wait("last", timeout=40).output.value, "1")
