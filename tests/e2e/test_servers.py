#!/usr/bin/env python3
"""Three daemons of one app on a real server, which does not leave them in peace, or on one SQLite file, under load from
workers and clients of the real SDKs.

    PAWL_SERVER=           postgres, redis or file; all, one after the other, where it is not said
    PAWL_SERVER_SECONDS=   how long for each; a few troubles, each once, where it is not said
    PAWL_SERVER_LANGUAGE=  of workers and clients: go (on PostgreSQL and a file) or python (on Redis). One of them alone, as each SDK
                           counts a workflow's steps in its own way
    PAWL_SERVER_TROUBLE=   all, or daemons: these alone are killed, stopped, ended and cut off, their clocks are moved by
                           an hour, and the server is well. On a file there are no other troubles
    PAWL_SEED=             repeats the choices

Each daemon reaches the server through a proxy of its own, which cuts and tears connections. Worker and client append
to a ledger (tests/e2e/load/*/ledger.*) what they did and what they were told; this program adds a line for each
trouble. In the end each acknowledged start is there, completed with the right result; and nothing was executed again
that had been acknowledged before a trouble. While one daemon is away, the others serve all shards within LEASE.
"""

import collections
import concurrent.futures
import os
import signal
import subprocess
import threading
import time
import unittest

import grpc

import clock
import harness
import postgres
import proxy
import raw
import redis_server

SECONDS = float(os.environ.get("PAWL_SERVER_SECONDS", "0"))
TROUBLE = os.environ.get("PAWL_SERVER_TROUBLE", "all")
LANGUAGE = os.environ.get("PAWL_SERVER_LANGUAGE")
LOAD = harness.ROOT / "tests" / "e2e" / "load"
PROGRAMS = {"go": [LOAD / "go" / "load"],
            "python": [LOAD / "python" / ".venv" / "bin" / "python", LOAD / "python" / "load.py"]}
SHARDS = 6
LEASE = 5 + 1    # seconds in which what a daemon had is served by others
PATIENCE = 20    # of a probe: its call ends by itself when another daemon has taken the shard
SETTLE = 0.5     # what was on its way when a trouble began has arrived after as many seconds
DRAIN = 150      # seconds in which what was started must end once the troubles are over
PROBES = 30      # instances, in all shards


class Ledger:
    """What was told, and in which order."""

    def __init__(self, path):
        self.path, self.troubles = path, 0
        path.touch()

    def note(self, *words):
        with open(self.path, "a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def trouble(self):
        time.sleep(SETTLE)
        self.note("K")
        self.troubles += 1

    def lines(self):
        return [line.split(" ") for line in self.path.read_text().splitlines()]

    def check(self, hub):
        """Returns what went wrong, once all is over."""
        wrong, executed, repeated = [], set(), 0
        starts, results, acknowledged, troubles = {}, {}, {}, 0
        for line in self.lines():
            what, key = line[0], tuple(line[1:3])
            if what == "K":
                troubles += 1
            elif what == "S":
                starts[line[1]] = int(line[2])
            elif what == "R":
                results[line[1]] = line[2]
            elif what == "C":
                acknowledged.setdefault(key, troubles)
            elif what == "E":
                repeated += key in executed
                executed.add(key)
                if acknowledged.get(key, troubles) < troubles:
                    wrong.append(f"activity {key} was acknowledged before trouble {acknowledged[key] + 1}, and was "
                                 f"executed again after trouble {troubles}")
        tasks = collections.Counter(instance for instance, _ in executed)
        for instance, start in starts.items():
            answer = hub.get(instance)
            state, told = answer.workflowState, results.get(instance)
            if not answer.exists:
                wrong.append(f"{instance} is missing, and its start was acknowledged")
            elif (state.workflowStatus, state.output.value) != (1, str(start + 5)):
                wrong.append(f"{instance}: status {state.workflowStatus}, {state.output.value!r} instead of {start + 5} {state.failureDetails.errorMessage}")
            elif told != str(start + 5) and not instance.startswith("probe"):
                wrong.append(f"{instance}: the client was told {told} instead of {start + 5}")
            elif tasks[instance] != 5:
                wrong.append(f"{instance} has ended after {tasks[instance]} different activities instead of 5")
        return wrong, f"{len(starts)} starts acknowledged, {len(acknowledged)} activities, {repeated} repeated"


class World:
    """A server, three daemons behind proxies, their workers, and two clients."""

    def __init__(self, kind, random, language):
        self.kind, self.random, self.language = kind, random, language
        self.counts, self.served, self.probes = collections.Counter(), [], 0
        self.server = {"postgres": postgres.Server, "redis": redis_server.Server, "file": lambda: None}[kind]()
        self.standby = None
        if kind == "postgres" and TROUBLE == "all":
            self.standby = postgres.Standby(self.server)
        self.proxies = [[proxy.Proxy(one.port) for one in self.servers()] for _ in range(3)]
        self.clocks = [clock.Clock() for _ in range(3)]
        self.daemons = []
        for wall, proxies in zip(self.clocks, self.proxies):
            folder = self.daemons[0].folder if self.daemons and not self.server else None  # a file is shared by its folder
            self.daemons.append(harness.Daemon(app_id=f"servers-{kind}", server=self.server, shards=SHARDS, env=wall.env, folder=folder,
                                               ports=[one.port for one in proxies], flags=["--log-level", "info"]))
        self.ledger = Ledger(self.daemons[0].folder / "ledger")
        self.workers = [self.program("worker", n) for n in range(3)]
        self.clients = [self.program("client", n) for n in range(2)]
        end = time.monotonic() + 60
        while not all(f"S client{n}-" in self.ledger.path.read_text() for n in range(2)):
            if time.monotonic() > end:
                raise RuntimeError("no workflow is started")
            time.sleep(0.05)

    def servers(self):
        return [one for one in (self.server, self.standby) if one]

    def program(self, mode, number):
        with open(self.daemons[number].folder / f"{mode}{number}.log", "wb") as log:
            return subprocess.Popen(
                [*PROGRAMS[self.language], "-mode", mode, "-ledger", self.ledger.path, "-in-flight", "6", "-name",
                 f"client{number}", "-grpc-port", str(self.daemons[number].grpc)], stdout=log, stderr=log)

    # --- being served ---

    def probe(self, hub, name, begin):
        """Starts an instance as soon as that is possible; returns when, after |begin|."""
        while time.monotonic() < begin + 60:
            try:
                hub.start(name, text="0", start_at=0, timeout=PATIENCE)
                break
            except grpc.RpcError as error:
                if "already exists" in (error.details() or ""):
                    break
                time.sleep(0.02)
        else:
            raise AssertionError(f"{name} could not be started within a minute: {self.kind}, {dict(self.counts)}")
        self.ledger.note("S", name, 0)
        return time.monotonic() - begin

    def measure(self, trouble, away, begin):
        """How long it takes until all shards are served, one daemon being away since |begin|."""
        hub = raw.Hub(self.daemons[(away + 1) % 3].grpc)
        self.probes += 1
        with concurrent.futures.ThreadPoolExecutor(PROBES) as pool:
            ends = [pool.submit(self.probe, hub, f"probe-{self.probes}-{n}", begin) for n in range(PROBES)]
            self.served.append((max(end.result() for end in ends), trouble))
        hub.close()

    # --- troubles; each ends well ---

    def pause(self, least, most):
        time.sleep(self.random.uniform(least, most))

    def kill_daemon(self):
        away = self.random.randrange(3)
        begin = time.monotonic()
        self.daemons[away].kill()
        self.ledger.trouble()
        if SECONDS and self.random.random() < 0.7:
            self.measure("kill_daemon", away, begin)
        self.daemons[away].start()

    def end_daemon(self):
        """In order, as an update does."""
        away = self.random.randrange(3)
        begin = time.monotonic()
        self.daemons[away].stop()
        self.ledger.trouble()
        self.measure("end_daemon", away, begin)
        self.daemons[away].start()

    def stop_daemon(self):
        """On a file nobody else takes its shards meanwhile, as it keeps its locks."""
        away = self.random.randrange(3)
        begin = time.monotonic()
        self.daemons[away].process.send_signal(signal.SIGSTOP)
        try:
            self.ledger.trouble()
            if self.server and SECONDS and self.random.random() < 0.7:
                self.measure("stop_daemon", away, begin)
            else:
                self.pause(0, 4)
        finally:
            self.daemons[away].process.send_signal(signal.SIGCONT)
        self.ledger.trouble()

    def cut_off(self):
        """From the server alone: it can still be called."""
        away = self.random.randrange(3)
        begin = time.monotonic()
        for one in self.proxies[away]:
            one.silence()
        self.ledger.trouble()
        if SECONDS and self.random.random() < 0.7:
            self.measure("cut_off", away, begin)
        else:
            self.pause(0, 4)
        for one in self.proxies[away]:
            one.heal()
        self.ledger.trouble()

    def move_clock(self):
        """The others' are right."""
        moved = self.random.choice(self.clocks)
        moved.move(self.random.choice((-3600, 3600)))
        self.pause(1, 7)
        moved.move(0)
        self.ledger.trouble()

    def cut(self):
        for one in self.random.choice(self.proxies):
            one.cut()
        self.ledger.trouble()

    def tear(self):
        """In the middle of a commit, or of its answer."""
        for one in self.random.choice(self.proxies):
            one.tear(self.random.choice((proxy.TO_SERVER, proxy.FROM_SERVER)), self.random.choice((7, 300, 20000)) +
                     self.random.randrange(200))
        self.pause(0.1, 0.5)
        self.ledger.trouble()

    def slow(self):
        for one in self.random.choice(self.proxies):
            one.delay = self.random.uniform(0.001, 0.2)
        self.pause(0.2, 1.5)
        for proxies in self.proxies:
            for one in proxies:
                one.heal()

    def kill_server(self):
        self.server.kill()
        self.ledger.trouble()
        self.server.start()

    def stop_server(self):
        self.server.signal(signal.SIGSTOP)
        self.pause(0.1, 4)
        self.server.signal(signal.SIGCONT)
        self.ledger.trouble()

    def promote(self):
        """The server is gone, its standby takes its place, and gets one of its own."""
        self.server.kill()
        self.ledger.trouble()
        old, self.server = self.server, self.standby
        self.server.promote()
        old.close()
        self.standby = postgres.Standby(self.server)
        for proxies in self.proxies:
            gone = next(one for one in proxies if one.target == old.port)
            gone.target = self.standby.port

    def troubles(self):
        of_daemons = [self.kill_daemon, self.stop_daemon, self.end_daemon, self.move_clock]
        if not self.server:
            return of_daemons
        of_daemons.append(self.cut_off)
        if TROUBLE == "daemons":
            return of_daemons
        return [*of_daemons, self.cut, self.tear, self.slow, self.kill_server, self.stop_server,
                *([self.promote] if self.standby else [])]

    def make(self, trouble):
        trouble()
        self.counts[trouble.__name__] += 1
        self.pause(0.2, 4 if SECONDS else 0.5)

    def run(self):
        if not SECONDS and not self.server:
            for trouble in (self.kill_daemon, self.stop_daemon, self.end_daemon):
                self.make(trouble)
        elif not SECONDS:
            for trouble in (self.tear, self.promote if self.standby else self.kill_server, self.cut, self.kill_daemon):
                self.make(trouble)
        end, told, chosen = time.monotonic() + SECONDS, time.monotonic(), []
        while time.monotonic() < end:
            chosen = chosen or self.random.sample(self.troubles(), len(self.troubles()))  # each comes now and then
            self.make(chosen.pop())
            if time.monotonic() - told > 20:
                told = time.monotonic()
                print(self.told(), flush=True)

    def told(self):
        times = sorted(self.served)
        spans = f"; served again after {times[len(times) // 2][0]:.1f} s, at most {times[-1][0]:.1f} s ({times[-1][1]})" if times else ""
        return f"{self.kind}: " + ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())) + spans

    def close(self):
        for process in self.clients + self.workers:
            if process.poll() is None:
                process.kill()
                process.wait()
        for daemon in self.daemons:
            daemon.close()
        for proxies in self.proxies:
            for one in proxies:
                one.close()
        for one in [*self.servers(), *self.clocks]:
            one.close()


class Servers(unittest.TestCase):
    def go_through(self, kind):
        random = harness.seeded(f"{self.id()} {kind}")
        language = LANGUAGE or {"redis": "python"}.get(kind, "go")
        harness.need(language)
        harness.install(LOAD / language)
        world = World(kind, random, language)
        self.addCleanup(world.close)
        world.run()
        wrong = []
        for client in world.clients:
            client.terminate()
        end = time.monotonic() + DRAIN
        for client in world.clients:
            try:
                self.assertEqual(client.wait(max(end - time.monotonic(), 0.1)), 0)
            except subprocess.TimeoutExpired:
                wrong.append("not all that was started has ended")
        hub = raw.Hub(world.daemons[0].grpc)
        self.addCleanup(hub.close)
        for n in range(1, world.probes + 1):
            for m in range(PROBES):
                hub.wait(f"probe-{n}-{m}", timeout=60)
        found, sums = world.ledger.check(hub)
        print(f"{world.told()}; {sums}", flush=True)
        slow = [f"{span:.1f} ({trouble})" for span, trouble in world.served if span > LEASE]
        if slow:
            wrong.append(f"served again only after {', '.join(slow)} s")
        for line in wrong + found:
            print(line, flush=True)
        if wrong or found:
            for daemon in world.daemons:
                print(daemon.output()[-3000:], flush=True)
        self.assertEqual((wrong + found)[:20], [])

    @unittest.skipIf(postgres.missing(), f"NOT TESTED: {postgres.missing()}")
    @unittest.skipUnless(os.environ.get("PAWL_SERVER", "postgres") == "postgres", "another server is asked for")
    def test_postgres(self):
        self.go_through("postgres")

    @unittest.skipIf(redis_server.missing(), f"NOT TESTED: {redis_server.missing()}")
    @unittest.skipUnless(os.environ.get("PAWL_SERVER", "redis") == "redis", "another server is asked for")
    def test_redis(self):
        self.go_through("redis")

    @unittest.skipUnless(os.environ.get("PAWL_SERVER", "file") == "file", "a server is asked for")
    def test_file(self):
        self.go_through("file")


if __name__ == "__main__":
    unittest.main(verbosity=2)
