"""Programs written with the SDKs of the page's own time, and with those between then and now; and what .NET's SDKs send and
expect, played without them."""

import os
import subprocess
import time
import unittest

import grpc

import apps
import harness
import raw
import scrape

pb = raw.pb
import dapr_runtime_pb2 as dapr  # noqa: E402  (made by harness.messages)

CLIENTS = harness.ROOT / "tests" / "e2e" / "clients"


class Clients(unittest.TestCase):
    def run_client(self, command, cwd, says, keeps=False):
        """|keeps|: its SDK keeps histories, and is sent what is new."""
        daemon = harness.Daemon()
        self.addCleanup(daemon.close)
        env = dict(os.environ, DAPR_GRPC_PORT=str(daemon.grpc), DAPR_HTTP_PORT=str(daemon.http))
        run = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr[-3000:])
        self.assertIn(says, run.stdout + run.stderr)
        now = scrape.read(daemon.metrics)
        turns, replayed = now.value("pawl_work_given_total", kind="turn"), now.value("pawl_turns_replayed_total")
        self.assertEqual(replayed < turns, keeps, (replayed, turns))

    def test_python(self):
        harness.need("python")
        folder = CLIENTS / "python"
        harness.install(folder)
        for requirements in sorted(folder.glob("requirements-*.txt")):
            version = requirements.stem.removeprefix("requirements-")
            # From 1.18 on DaprClient starts no workflows: that is for today's program.
            program = folder / "app.py" if version < "1.18" else apps.APPS / "python" / "app.py"
            with self.subTest(version):
                self.run_client([folder / f".venv-{version}" / "bin" / "python", program], folder,
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
                    self.run_client([client], folder, "COMPLETED", keeps=client.name == "client-0.14")

    def test_java(self):
        harness.need("java")
        for folder in sorted(CLIENTS.glob("java-*")):
            with self.subTest(folder.name):
                harness.install(folder)
                self.run_client(["java", "-jar", "target/client.jar"], folder, "processed")


def keeps(events, request):
    """Microsoft's continue-as-new with preserved events: the one that was not taken is sent to the instance itself, and the
    next generation ends with both."""
    response = pb.WorkflowResponse()
    before = next(e for e in events if e.HasField("executionStarted")).executionStarted.input.value
    raised = [e.eventRaised.input.value for e in events if e.HasField("eventRaised")]
    if raised and (before or len(raised) > 1):
        if not before:
            send = response.actions.add(id=0).sendEvent
            send.instance.instanceId, send.name, send.data.value = request.instanceId, "go", raised[1]
        end = response.actions.add(id=1).completeWorkflow
        end.workflowStatus, end.result.value = (1, before + raised[0]) if before else (CONTINUED_AS_NEW, raised[0])
    return response


CONTINUED_AS_NEW = 2
LIMITS = bytes([1 << 3, 100, 2 << 3, 100])  # workflows and activities at once, which Dapr's schema no longer has


class Seen:
    """A workflow function, and all the events that it was given."""

    def __init__(self, run):
        self.run, self.events = run, []

    def __call__(self, events, request):
        self.events += events
        return self.run(events, request)


class Dotnet(unittest.TestCase):
    def begin(self, agent, run, echo, hello):
        self.daemon = harness.Daemon()
        self.addCleanup(self.daemon.close)
        self.hub = raw.Hub(self.daemon.grpc, metadata=[("grpc-trace-bin", bytes(29))], agent=agent)
        self.addCleanup(self.hub.close)
        if hello:
            self.hub.channel.unary_unary(raw.SERVICE + "Hello")(b"", timeout=20)
        self.seen = Seen(run)
        worker = raw.Worker(self.daemon.grpc, {"work": self.seen}, echo=echo, agent=agent, asks=LIMITS)
        self.addCleanup(worker.close)
        self.assertTrue(worker.connected.wait(20))

    def poll(self, status):
        """Asks again and again, as no .NET client waits for an end in the sidecar."""
        end = time.monotonic() + 40
        while status() not in ("COMPLETED", 1):
            self.assertLess(time.monotonic(), end, status())
            time.sleep(0.05)

    def test_of_now(self):
        """1.17: no Hello; limits in old fields beside a user agent of Dapr's; takes its own app's id from the first event."""
        self.begin("dapr-sdk-dotnet/v1.17.0", raw.chain, echo=True, hello=False)
        self.hub.start("now", "work", "3")
        self.poll(lambda: self.hub.get("now").workflowState.workflowStatus)
        self.assertEqual(self.hub.get("now").workflowState.output.value, "3")
        started = [e.router.sourceAppID for e in self.seen.events if e.HasField("executionStarted")]
        self.assertEqual(set(started), {self.daemon.app_id})

    def test_of_the_page(self):
        """1.13 on Microsoft's SDK 1.0: Hello; no completion tokens; a client of the Alpha API; events sent to itself. It throws at
        an event that it does not know, and must see no router."""
        self.begin("grpc-dotnet/2.52.0 (.NET 8.0.4; CLR 8.0.4; net8.0; linux; x64)", keeps, echo=False, hello=True)

        def call(method, request, answer):
            return self.hub.channel.unary_unary("/dapr.proto.runtime.v1.Dapr/" + method, type(request).SerializeToString,
                                                answer.FromString)(request, timeout=20)

        call("StartWorkflowAlpha1", dapr.StartWorkflowRequest(instance_id="then", workflow_component="dapr", workflow_name="work"),
             dapr.StartWorkflowResponse)
        for text in "one", "two":
            self.hub.raise_event("then", "go", text)
        look = lambda: call("GetWorkflowAlpha1", dapr.GetWorkflowRequest(  # noqa: E731
            instance_id="then", workflow_component="dapr"), dapr.GetWorkflowResponse)
        self.poll(lambda: look().runtime_status)
        self.assertEqual(look().properties["dapr.workflow.output"], "onetwo")
        self.assertFalse(any(e.HasField("router") for e in self.seen.events))
        self.assertLessEqual({e.WhichOneof("eventType") for e in self.seen.events},
                             {"workflowStarted", "executionStarted", "eventRaised", "eventSent"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
