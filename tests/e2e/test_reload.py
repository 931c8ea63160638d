#!/usr/bin/env python3
"""Files that change while a daemon runs: stores appear, change and go under load, workflows move to another store, and
what has a mistake in it changes nothing."""

import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
import unittest
from pathlib import Path

import grpc

import harness
import raw

pb = raw.pb
import dapr_runtime_pb2 as dapr  # noqa: E402  (made by harness.messages)

PATIENCE = 60


def component(name, type="state.in-memory", **metadata):
    rows = "".join(f"    - {{name: {k}, value: \"{v}\"}}\n" for k, v in metadata.items())
    return (f"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\n"
            f"spec:\n  type: {type}\n  version: v1\n  metadata:{' []' if not rows else ''}\n{rows}")


def configuration(**spec):
    return json.dumps({"apiVersion": "dapr.io/v1alpha1", "kind": "Configuration", "metadata": {"name": "c"}, "spec": spec})


class Reload(unittest.TestCase):
    def begin(self, flags=(), **options):
        self.daemon = harness.Daemon(flags=flags, **options)
        self.addCleanup(self.daemon.close)
        return self.daemon

    def start(self, **spec):
        folder = Path(tempfile.mkdtemp(prefix="pawl-config-"))
        self.addCleanup(shutil.rmtree, folder)
        self.config = folder / "config.yaml"
        self.config.write_text(configuration(**spec))
        return self.begin(["--config", str(self.config)])

    def until(self, what, check):
        deadline = time.monotonic() + PATIENCE
        while not check():
            if time.monotonic() > deadline:
                self.fail(f"{what} did not come to be; the log ends with\n{self.daemon.output()[-3000:]}")
            time.sleep(0.02)

    def write(self, name, text):
        """As editors do: a new file in place of the old one."""
        temporary = self.daemon.resources / f".{name}.new"
        temporary.write_text(text)
        temporary.rename(self.daemon.resources / name)

    def names(self):
        return [c["name"] for c in json.loads(self.daemon.request("GET", "/v1.0/metadata")[1])["components"]]

    def save(self, store, key="k", value="v"):
        body = json.dumps([{"key": key, "value": value}]).encode()
        return self.daemon.request("POST", f"/v1.0/state/{store}", body)

    def read(self, store, key="k"):
        code, body, _ = self.daemon.request("GET", f"/v1.0/state/{store}/{key}")
        return code, body

    def told(self, text, count=1):
        self.until(f"'{text}' in the log", lambda: self.daemon.output().count(text) >= count)


class Stores(Reload):
    def test_one_that_may_fail(self):
        """A component with ignoreErrors that cannot be opened is passed over, while files are read again and at the start."""
        self.begin()
        ignored = component("may-fail", "state.redis", redisHost="127.0.0.1:1").replace("spec:", "spec:\n  ignoreErrors: true")
        self.write("may-fail.yaml", ignored)
        self.told("it is ignored, as ignoreErrors says")
        self.write("other.yaml", component("other"))
        self.until("the other store", lambda: sorted(self.names()) == ["other", "statestore"])
        self.assertEqual(self.save("may-fail")[0], 400)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(sorted(self.names()), ["other", "statestore"])
        self.write("may-fail.yaml", component("may-fail"))
        self.until("it", lambda: self.save("may-fail")[0] == 204)
        self.write("may-fail.yaml", ignored.replace("  ignoreErrors: true\n", ""))
        self.told("is not taken over")
        self.assertEqual(self.save("may-fail")[0], 204)

    def test_one_comes_changes_and_goes(self):
        self.begin()
        code, body, _ = self.save("cache")
        self.assertEqual((code, json.loads(body)["message"]), (400, "state store cache is not found"))
        self.write("cache.yaml", component("cache"))
        self.until("the store", lambda: self.save("cache")[0] == 204)
        self.assertEqual(self.names(), ["cache", "statestore"])
        self.assertEqual(self.read("cache"), (200, b'"v"'))
        self.assertEqual(self.save("statestore")[0], 204)

        path = self.daemon.folder / "cache.db"  # the same name: another store
        (self.daemon.resources / "cache.yaml").write_text(component("cache", "state.sqlite", connectionString=path))
        self.until("the other store", lambda: self.read("cache")[0] == 204)
        self.assertEqual(self.save("cache", value="w")[0], 204)

        (self.daemon.resources / "cache.yaml").unlink()
        self.until("the end of the store", lambda: self.read("cache")[0] == 400)
        self.assertEqual(self.names(), ["statestore"])
        self.write("again.yaml", component("cache", "state.sqlite", connectionString=path))
        self.until("what was stored", lambda: self.read("cache") == (200, b'"w"'))
        self.assertEqual(self.read("statestore"), (200, b'"v"'), "what nothing was said of is the same store")

    def test_what_is_told(self):
        """Secret stores and policies are in the metadata, and called by nobody."""
        self.begin()
        policy = "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: %s}\nspec: {policies: {}}\n"

        def told():
            said = json.loads(self.daemon.request("GET", "/v1.0/metadata")[1])
            return [c["name"] for c in said["components"]], [p["name"] for p in said["resiliencies"]]

        self.write("secrets.yaml", component("env", "secretstores.local.env"))
        self.write("policy.yaml", policy % "one")
        self.until("both", lambda: told() == (["statestore", "env"], ["one"]))
        self.write("policy.yaml", policy % "two")
        self.until("the other policy", lambda: told() == (["statestore", "env"], ["two"]))
        (self.daemon.resources / "secrets.yaml").unlink()
        self.until("no secrets", lambda: told() == (["statestore"], ["two"]))

    def test_a_kill_while_files_change(self):
        """After each, the daemon starts with what the files say, whole."""
        daemon = self.begin()
        for round in range(4):
            path = daemon.folder / f"{round}.db"
            self.write("one.yaml", component("one", "state.sqlite", connectionString=path))
            if round % 2:
                self.told(str(path))
                self.assertEqual(self.save("one", value=round)[0], 204)
            daemon.kill()
            daemon.start()
            self.assertEqual(self.read("one"), (200, str(round).encode()) if round % 2 else (204, b""))
            self.assertEqual(self.names(), ["one", "statestore"])

    def test_under_load(self):
        """Calls get an answer of the store, or that there is none; workflows go on; nothing breaks."""
        daemon = self.begin()
        worker = raw.Worker(daemon.grpc)
        self.addCleanup(worker.close)
        hub = raw.Hub(daemon.grpc)
        self.addCleanup(hub.close)
        over, wrong, seen = threading.Event(), [], set()

        def http(number):
            while not over.is_set():
                code, body, _ = self.save("cache", f"k{number}")
                seen.add(code)
                if code not in (204, 400):
                    wrong.append((code, body))

        def rpc(number):
            call = hub.channel.unary_unary("/dapr.proto.runtime.v1.Dapr/GetState", dapr.GetStateRequest.SerializeToString,
                                           dapr.GetStateResponse.FromString)
            while not over.is_set():
                try:
                    call(dapr.GetStateRequest(store_name="cache", key=f"k{number}"), timeout=20)
                except grpc.RpcError as error:
                    if "state store cache is not found" not in error.details():
                        wrong.append((error.code(), error.details()))

        def workflows(number):
            count = 0
            while not over.is_set():
                count += 1
                hub.start(f"w{number}-{count}", "chain", "3")
                state = hub.wait(f"w{number}-{count}")
                if state.workflowStatus != 1:
                    wrong.append(state)

        threads = [threading.Thread(target=f, args=(i,)) for f in (http, rpc, workflows) for i in range(2)]
        for thread in threads:
            thread.start()
        kinds = [component("cache"), component("cache", "state.sqlite", connectionString=daemon.folder / "a.db"),
                 component("cache", "state.sqlite", connectionString=daemon.folder / "a.db", keyPrefix="none"), None]
        for round in range(8):
            text = kinds[round % len(kinds)]
            if text:
                self.write("cache.yaml", text)
            else:
                (daemon.resources / "cache.yaml").unlink()
            self.told("the state stores are those of the files again", round + 1)
        over.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(wrong, [])
        self.assertEqual(seen, {204, 400})
        self.assertEqual(daemon.stop(), 0)

    def test_mistakes_change_nothing(self):
        daemon = self.begin()
        self.write("cache.yaml", component("cache"))
        self.until("the store", lambda: self.save("cache")[0] == 204)
        mistakes = {
            component("cache") + "  : [": "cache.yaml:",
            component("cache", shards="none"): "shards has to be a number",
            component("cache", "state.redis", redisHost="127.0.0.1:1"): "component \"cache\"",
            component("statestore"): "two components named \"statestore\"",
            component("cache", actorStateStore="true"): "detected duplicate actor state store",
            "": "the file is empty",
        }
        for count, (text, why) in enumerate(mistakes.items()):
            self.write("cache.yaml", text)
            self.told("is not taken over, all goes on as it was", count + 1)
            line = [s for s in daemon.output().splitlines() if "is not taken over" in s][-1]
            self.assertIn(why, line.replace('\\"', '"'))
            self.assertIn("cache.yaml", line)
            self.assertEqual(self.read("cache"), (200, b'"v"'))
        self.write("cache.yaml", component("cache", keyPrefix="none"))
        self.until("the end of the mistakes", lambda: self.read("cache")[0] == 204)

    def test_a_signal(self):
        """With the watch turned off, files are read when they are asked for."""
        daemon = self.start(features=[{"name": "HotReload", "enabled": False}])
        self.write("cache.yaml", component("cache"))
        daemon.process.send_signal(signal.SIGHUP)
        self.until("the store", lambda: self.save("cache")[0] == 204)
        daemon.process.send_signal(signal.SIGHUP)
        self.told("the files say what already holds")
        self.assertEqual(daemon.output().count("received signal 'hangup'"), 2)
        self.assertEqual(daemon.stop(), 0)

    def test_a_configuration_that_is_read_once(self):
        """One out of a pipe stays in force: a second look would find it empty."""
        folder = Path(tempfile.mkdtemp(prefix="pawl-config-"))
        self.addCleanup(shutil.rmtree, folder)
        pipe = folder / "config"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=[configuration(tracing={"samplingRate": "0"})], daemon=True)
        writer.start()
        daemon = self.begin(["--config", str(pipe)])
        writer.join()
        again = threading.Thread(target=pipe.write_text, args=[""], daemon=True)  # who reads it now is given nothing
        again.start()
        daemon.process.send_signal(signal.SIGHUP)
        self.told(f"{pipe} is no regular file, so that it is read only once")
        self.assertNotIn("all is begun anew", daemon.output())
        pipe.read_bytes()
        again.join()


class Anew(Reload):
    """What the daemon begins anew for."""

    def hub(self):
        hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(hub.close)
        return hub

    def work(self):
        worker = raw.Worker(self.daemon.grpc)
        self.addCleanup(worker.close)
        return worker

    def retried(self, call):
        """As clients do while a daemon begins anew."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def test_a_configuration(self):
        daemon = self.start(metrics={"enabled": False})
        self.write("cache.yaml", component("cache"))
        self.until("the store", lambda: self.save("cache")[0] == 204)
        daemon.request("PUT", "/v1.0/metadata/cliPID", b"77")
        hub, _ = self.hub(), self.work()
        hub.start("before", "timer", "1000000000")
        over, refused = threading.Event(), []

        def connect():
            while not over.is_set():
                try:
                    socket.create_connection(("127.0.0.1", daemon.http), 20).close()
                except OSError as error:
                    refused.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        self.addCleanup(over.set)
        for round in range(1, 4):
            self.config.write_text(configuration(metrics={"enabled": bool(round % 2)}, workflow={
                "maxConcurrentWorkflowInvocations": round}))
            self.told("all runs as the files say now", round)
            self.retried(lambda: hub.start(f"w{round}", "chain", "3"))
            self.assertEqual(self.retried(lambda: hub.wait(f"w{round}")).workflowStatus, 1)
        over.set()
        thread.join()
        self.assertEqual(refused, [], "who connects meanwhile waits")
        self.assertEqual(self.read("cache"), (200, b'"v"'), "a store in memory keeps what it has")
        said = json.loads(daemon.request("GET", "/v1.0/metadata")[1])
        self.assertEqual(said["extended"]["cliPID"], "77")
        self.assertEqual(hub.get("before").workflowState.name, "timer")
        self.config.write_text(configuration(workflow={"maxConcurrentWorkflowInvocations": -1}))
        self.told("is not taken over, all goes on as it was")
        self.config.write_text(configuration(tracing={"samplingRate": "1", "zipkin": {"endpointAddress": "nowhere:::"}}))
        self.told("'nowhere:::' is not an address")
        self.retried(lambda: hub.start("after", "chain", "1"))
        self.assertEqual(daemon.stop(), 0)

    def test_python_sdk(self):
        """Its worker connects again by itself, and goes on with what was under way."""
        harness.need("python")
        folder = harness.ROOT / "tests" / "e2e" / "load" / "python"
        harness.install(folder)
        daemon, hub = self.start(), self.hub()
        app = harness.App(daemon, [".venv/bin/python", "load.py", "--mode", "worker", "--grpc-port", str(daemon.grpc)], folder)
        self.addCleanup(app.kill)
        plan = json.dumps({"workload": "events", "start": 0, "steps": 2, "pad": ""})
        self.retried(lambda: hub.start("waits", "run", plan, start_at=0))
        for round in range(1, 3):
            waits = f"the wait for event {round}"
            self.until(waits, lambda: sum(e.HasField("timerCreated") for e in self.retried(lambda: hub.history("waits"))) == round)
            self.config.write_text(configuration(workflow={"maxConcurrentWorkflowInvocations": round}))
            self.told("all runs as the files say now", round)
            self.retried(lambda: hub.raise_event("waits", "go", json.dumps({"n": round, "pad": ""})))
        state = self.retried(lambda: hub.wait("waits", timeout=60))
        self.assertEqual((state.workflowStatus, state.output.value), (1, "2"))

    def test_the_store_of_workflows(self):
        """It goes, and comes back with all that it had; and another one comes in its place."""
        daemon = self.start()
        hub, _ = self.hub(), self.work()
        hub.start("first", "chain", "3")
        self.assertEqual(hub.wait("first").workflowStatus, 1)
        kept = (daemon.resources / "statestore.yaml").read_text()
        (daemon.resources / "statestore.yaml").unlink()
        self.told("all runs as the files say now", 1)
        with self.assertRaises(grpc.RpcError) as caught:
            self.retried(lambda: hub.start("second"))
        self.assertIn("the state store is not configured to use the actor runtime", caught.exception.details())
        self.write("statestore.yaml", kept)
        self.told("all runs as the files say now", 2)
        self.assertEqual(self.retried(lambda: hub.wait("first")).workflowStatus, 1)
        self.retried(lambda: hub.start("second", "chain", "3"))
        self.assertEqual(self.retried(lambda: hub.wait("second")).workflowStatus, 1)
        self.write("statestore.yaml", kept.replace("state.db", "other.db"))
        self.told("all runs as the files say now", 3)
        self.assertFalse(self.retried(lambda: hub.get("first")).exists)

    def test_under_load_with_kills(self):
        """Workflows that are under way while all begins anew, or dies, come to their end, each activity's result once."""
        daemon = self.start()
        hub, worker, anew = self.hub(), self.work(), 0
        for round in range(4):
            for i in range(10):
                self.retried(lambda: hub.start(f"w{round}-{i}", "chain", "20"))
            self.config.write_text(configuration(workflow={"maxConcurrentActivityInvocations": 10 + round}))
            if round % 2:
                self.told("all is begun anew", anew := anew + 1)
                daemon.kill()  # while it ends what ran
                daemon.start()
            else:
                self.told("all is begun anew", anew := anew + 1)
            for i in range(10):
                state = self.retried(lambda: hub.wait(f"w{round}-{i}"))
                self.assertEqual((state.workflowStatus, state.output.value), (1, "20"))
        self.assertEqual(worker.again, [], "what was acknowledged is not asked for again")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
