"""What the tests of a store on a server have in common: what a daemon, and what the server itself, loses by being killed."""

import json
import threading
import time
import unittest

import grpc

import clock
import harness
import proxy
import raw
import scrape

harness.messages()
import dapr_runtime_pb2 as dapr  # noqa: E402  (made by harness.messages)

POLICED = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: policed}
spec:
  type: %s
  version: %s
  metadata:
%s---
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: rules}
spec:
  policies:
    timeouts: {DefaultTimeoutPolicy: 60s, quick: 300ms}
    retries:
      constant: {policy: constant, duration: 100ms, maxRetries: -1}
    circuitBreakers:
      two: {timeout: 500ms, trip: consecutiveFailures > 1}
  targets: {components: {policed: {outbound: %s}}}
"""


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
        self.all_complete(count, other, [worker])  # the other one goes on with them
        self.daemon.wake()  # when it has answers of its worker for them
        self.all_complete(count, other, [worker])
        self.wait_for_spread("3 3")
        # It sees by itself that its lease has ended, or the store tells it when it writes.
        self.assertRegex(self.daemon.output(), "its state again: (its lease has ended|shard .* was leased by another owner)")
        self.assertTrue(self.daemon.healthy())
        hub = self.hub()
        for n in range(10):  # and it takes part again
            hub.start(f"x{n}", text="1", start_at=0)
            self.assertEqual(hub.wait(f"x{n}").output.value, "1")

    def policed(self, outbound):
        """A second store on the server, behind a proxy, that obeys |outbound|; once files are read again."""
        kept = self.daemon.output().count("the state stores are those of the files again")
        if not hasattr(self, "way"):
            self.way = proxy.Proxy(self.server.port)
            self.addCleanup(self.way.close)
        text = POLICED % (self.server.type, self.server.version, self.server.metadata(self.way.port), outbound)
        (self.daemon.resources / "policed.new").write_text(text)
        (self.daemon.resources / "policed.new").rename(self.daemon.resources / "policed.yaml")
        self.told("the state stores are those of the files again", kept + 1)

    def told(self, text, count=1):
        end = time.monotonic() + 40
        while self.daemon.output().count(text) < count:
            self.assertLess(time.monotonic(), end, f"'{text}' is not in the log:\n{self.daemon.output()[-2000:]}")
            time.sleep(0.02)

    def read_policed(self):
        code, body, _ = self.daemon.request("GET", "/v1.0/state/policed/k", timeout=40)
        return code, json.loads(body)["message"] if code >= 400 else json.loads(body)

    def policies(self, what):
        """What the metrics say of that store's policies: {(policy, status): number}."""
        own = {"app_id": self.app, "name": "rules", "namespace": "", "flow_direction": "outbound", "target": "Statestore_policed"}
        found = scrape.read(self.daemon.metrics).all("dapr_resiliency_" + what, target="Statestore_policed")
        for labels, _ in found:
            self.assertEqual(labels, {**own, "policy": labels["policy"], "status": labels["status"]})
        return {(labels["policy"], labels["status"]): value for labels, value in found}

    def breaker(self):
        """The state of that store's circuit breaker."""
        states = self.policies("cb_state")
        self.assertEqual({status for _, status in states}, {"closed", "half-open", "open", "unknown"})
        self.assertEqual(sum(states.values()), 1)
        return next(status for (_, status), value in states.items() if value)

    def save_policed(self, value):
        body = json.dumps([{"key": "k", "value": value}]).encode()
        return self.daemon.request("POST", "/v1.0/state/policed", body, timeout=60)[0]

    def stop_for_policed(self):
        """To that store the server has gone: its connections break, and new ones are refused."""
        self.way.target = harness.free_port()
        self.way.cut()

    def test_policies_of_a_store(self):
        """A time limit, a circuit breaker, and retries, each put in force while the daemon runs."""
        why = "fail to get k from state store policed: "
        self.policed("{}")  # named, and so without the default
        self.assertEqual(self.save_policed("first"), 204)
        self.assertEqual(self.policies("count"), {})
        loaded = scrape.read(self.daemon.metrics).all("dapr_resiliency_loaded")
        self.assertEqual(loaded, [({"app_id": self.app, "name": "rules", "namespace": ""}, 1)])
        self.policed("{timeout: quick}")
        self.way.silence()
        self.assertEqual(self.read_policed(), (500, why + "context deadline exceeded"))
        self.assertEqual(self.policies("count"), {("timeout", ""): 1})
        self.assertEqual(self.policies("activations_total"), {("timeout", ""): 1})
        self.assertEqual(self.policies("cb_state"), {})
        self.way.heal()

        self.policed("{timeout: quick, circuitBreaker: two}")
        self.way.silence()
        open_now = (500, why + "circuit breaker is open")
        end = time.monotonic() + 40
        while self.read_policed() != open_now:  # a probe may run out of time instead, if this comes late
            self.assertLess(time.monotonic(), end)
        hub = self.hub()
        call = hub.channel.unary_unary("/dapr.proto.runtime.v1.Dapr/GetState", dapr.GetStateRequest.SerializeToString,
                                       dapr.GetStateResponse.FromString)
        while True:  # over gRPC
            self.assertLess(time.monotonic(), end)
            with self.assertRaises(grpc.RpcError) as failed:
                call(dapr.GetStateRequest(store_name="policed", key="k"), timeout=20)
            self.assertEqual(failed.exception.code(), grpc.StatusCode.INTERNAL)
            if failed.exception.details() == open_now[1]:
                break
        self.assertEqual(self.breaker(), "open")
        self.way.heal()
        while self.read_policed() != (200, "first"):
            self.assertLess(time.monotonic(), end + 40)
            time.sleep(0.05)
        self.told('Circuit breaker \\"policed\\" changed state from half-open to closed')
        self.assertEqual(self.breaker(), "closed")
        began, changes = self.policies("count"), self.policies("activations_total")
        self.assertEqual(sum(n for (policy, _), n in began.items() if policy == "circuitbreaker"), began["timeout", ""])
        for status in "closed", "half-open", "open":
            self.assertGreater(began["circuitbreaker", status], 0)
        self.assertEqual(changes["circuitbreaker", "closed"], 1)
        self.assertGreater(changes["circuitbreaker", "open"], 0)
        self.assertNotIn(("circuitbreaker", "half-open"), changes)
        self.assertNotIn(("retry", ""), {**began, **changes})

        self.policed("{timeout: quick, retry: constant}")
        self.stop_for_policed()
        saved = []
        saves = [threading.Thread(target=lambda n=n: saved.append(self.save_policed(n))) for n in range(3)]
        for one in saves:
            one.start()
        self.told("calls are made again, as its policy says")
        self.way.target = self.server.port
        for one in saves:
            one.join()
        self.assertEqual(saved, [204] * 3)
        self.assertIn(self.read_policed(), [(200, n) for n in range(3)])
        self.told("answers again, after")
        self.assertEqual(self.policies("count")["retry", ""], 4)
        self.assertGreater(self.policies("activations_total")["retry", ""], 0)
        self.assertEqual(self.policies("cb_state"), {})

        self.policed("{}")
        self.stop_for_policed()
        self.assertNotEqual(self.read_policed()[0], 200)

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
