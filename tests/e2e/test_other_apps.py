#!/usr/bin/env python3
"""Two apps, each with a daemon and a store of its own: clients, workflows and activities of one use the other."""

import tempfile
import time
import unittest
from pathlib import Path

import harness
import raw

pb = raw.pb


def router(app):
    return pb.orchestration__pb2.TaskRouter(targetAppID=app)


def waiting(events, request):
    """A workflow that waits for the event 'go', and gives back its input."""
    response = pb.WorkflowResponse()
    raised = [e for e in events if e.HasField("eventRaised")]
    ended = [e for e in events if e.HasField("executionTerminated")]
    if raised or ended:
        action = response.actions.add(id=0)
        action.completeWorkflow.workflowStatus = 1 if raised else 5
        action.completeWorkflow.result.value = raised[0].eventRaised.input.value if raised else "ended"
    return response


class Far:
    """A client of one daemon that asks for workflows of another app."""

    def __init__(self, hub, app):
        self.hub, self.app = hub, app

    def ask(self, method, request, answer, timeout=20):
        request.router.CopyFrom(router(self.app))
        return self.hub.call(method, request, answer, timeout)

    def start(self, instance, name, text=""):
        request = pb.CreateInstanceRequest(instanceId=instance, name=name)
        request.input.value = text
        return self.ask("StartInstance", request, pb.CreateInstanceResponse)

    def get(self, instance):
        return self.ask("GetInstance", pb.GetInstanceRequest(instanceId=instance, getInputsAndOutputs=True),
                        pb.GetInstanceResponse)

    def wait(self, instance):
        return self.ask("WaitForInstanceCompletion", pb.GetInstanceRequest(
            instanceId=instance, getInputsAndOutputs=True), pb.GetInstanceResponse).workflowState


class Case(unittest.TestCase):
    def daemon(self, app, **more):
        daemon = harness.Daemon(app_id=app, **more)
        self.addCleanup(daemon.close)
        return daemon

    def worker(self, daemon, **workflows):
        worker = raw.Worker(daemon.grpc, workflows={"chain": raw.chain, **workflows})
        self.addCleanup(setattr, worker, "closing", True)
        self.assertTrue(worker.connected.wait(20))
        return worker

    def hub(self, daemon):
        hub = raw.Hub(daemon.grpc)
        self.addCleanup(hub.close)
        return hub

    def refused(self, code, call, *arguments):
        with self.assertRaises(raw.grpc.RpcError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()


class TestClients(Case):
    def setUp(self):
        self.near, self.far = self.daemon("near"), self.daemon("far")
        self.worker(self.far, waiting=waiting)
        self.hubs = self.hub(self.near), self.hub(self.far)
        self.client = Far(self.hubs[0], "far")

    def test_each_operation(self):
        client = self.client
        self.assertEqual(client.start("a", "waiting", "x").instanceId, "a")
        self.assertFalse(self.hubs[0].get("a").exists)
        self.assertEqual(client.get("a").workflowState.input.value, "x")
        client.ask("SuspendInstance", pb.SuspendRequest(instanceId="a"), pb.SuspendResponse)
        self.assertEqual(client.get("a").workflowState.workflowStatus, 7)
        client.ask("ResumeInstance", pb.ResumeRequest(instanceId="a"), pb.ResumeResponse)
        request = pb.RaiseEventRequest(instanceId="a", name="go")
        request.input.value = "it went"
        client.ask("RaiseEvent", request, pb.RaiseEventResponse)
        self.assertEqual(client.wait("a").output.value, "it went")
        client.start("b", "waiting")
        client.ask("TerminateInstance", pb.TerminateRequest(instanceId="b", recursive=True), pb.TerminateResponse)
        self.assertEqual(self.hubs[1].get("b").workflowState.workflowStatus, 5)
        force = pb.PurgeInstancesRequest(instanceId="b", force=True)
        self.assertIn("cross-app purge does not support force without recursive", self.refused(
            raw.grpc.StatusCode.UNKNOWN, client.ask, "PurgeInstances", force, pb.PurgeInstancesResponse))
        purged = client.ask("PurgeInstances", pb.PurgeInstancesRequest(instanceId="b"), pb.PurgeInstancesResponse)
        self.assertEqual(purged.deletedInstanceCount, 1)
        self.assertFalse(self.hubs[1].get("b").exists)

    def test_http(self):
        path = "/v1.0/workflows/dapr"
        code, body, _ = self.near.request("POST", path + "/waiting/start?instanceID=h&appID=far", b"1")
        self.assertEqual(code, 202, body)
        code, body, _ = self.near.request("GET", path + "/h?appID=far")
        self.assertIn(b'"workflowName":"waiting"', body)
        code, body, _ = self.near.request("POST", path + "/h/raiseEvent/go?appID=far", b"2")
        self.assertEqual(code, 202, body)
        self.assertEqual(self.hubs[1].wait("h").output.value, "2")

    def test_an_app_that_is_not_there(self):
        nobody = Far(self.hubs[0], "nobody")
        text = self.refused(raw.grpc.StatusCode.UNAVAILABLE, nobody.get, "a")
        self.assertIn("app 'nobody' has no daemon that can be found", text)
        text = self.refused(raw.grpc.StatusCode.INVALID_ARGUMENT, Far(self.hubs[0], "a/b").get, "a")
        self.assertIn("workflow app ID 'a/b' is invalid", text)
        self.client.start("c", "waiting")
        self.far.kill()
        self.refused(raw.grpc.StatusCode.UNAVAILABLE, self.client.get, "c")
        self.far.start()
        end = time.monotonic() + 20
        while True:
            try:
                self.assertTrue(self.client.get("c").exists)
                return
            except raw.grpc.RpcError as error:
                self.assertEqual(error.code(), raw.grpc.StatusCode.UNAVAILABLE, error.details())
                self.assertLess(time.monotonic(), end, error.details())
            time.sleep(0.05)


class TestNames(Case):
    def test_a_table(self):
        """The configuration says where an app is, also one of another name."""
        far = self.daemon("far")
        self.worker(far, waiting=waiting)
        folder = Path(tempfile.mkdtemp(prefix="pawl-e2e-"))
        self.addCleanup(harness.shutil.rmtree, folder)
        (folder / "config.yaml").write_text(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: names}\nspec:\n"
            "  nameResolution:\n    component: apps\n    configuration:\n"
            f"      far: 127.0.0.1:{far.grpc}\n      gone: [127.0.0.1:1]\n      wrong: 127.0.0.1:{far.grpc}\n")
        near = self.daemon("near", flags=["--config", str(folder / "config.yaml")])
        hub = self.hub(near)
        Far(hub, "far").start("t", "waiting")
        self.assertTrue(Far(hub, "far").get("t").exists)
        for app in "gone", "wrong":
            text = self.refused(raw.grpc.StatusCode.UNAVAILABLE, Far(hub, app).get, "t")
            self.assertIn(f"app '{app}' does not answer at 127.0.0.1:", text)
            self.assertIn("spec.nameResolution", text)


if __name__ == "__main__":
    unittest.main()
