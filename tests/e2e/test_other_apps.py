#!/usr/bin/env python3
"""Two apps, each with a daemon and a store of its own: clients, workflows and activities of one use the other."""

import secrets
import subprocess
import time
import unittest

import apps
import harness
import raw

pb = raw.pb

# Apps are found by their names on the whole machine, where the same test may run a second time.
NEAR, FAR = (f"{name}-{secrets.token_hex(4)}" for name in ("near", "far"))


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

    def until(self, what, *arguments, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                if what(*arguments):
                    return
            except raw.grpc.RpcError as error:
                if error.code() not in (raw.grpc.StatusCode.UNAVAILABLE, raw.grpc.StatusCode.UNKNOWN):
                    raise
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def is_there(self, hub, instance):
        return hub.get(instance).exists

    def start(self, instance, name):
        self.hubs[0].start(instance, name, "in")

    def refused(self, code, call, *arguments):
        with self.assertRaises(raw.grpc.RpcError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()


class TestClients(Case):
    def setUp(self):
        self.near, self.far = self.daemon(NEAR), self.daemon(FAR)
        self.worker(self.far, waiting=waiting)
        self.hubs = self.hub(self.near), self.hub(self.far)
        self.client = Far(self.hubs[0], FAR)

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

    def test_starts_and_reruns(self):
        client = self.client
        client.start("a", "waiting")
        self.assertIn("an active workflow with ID 'a' already exists", self.refused(
            raw.grpc.StatusCode.ALREADY_EXISTS, client.start, "a", "waiting"))
        started = client.ask("WaitForInstanceStart", pb.GetInstanceRequest(instanceId="a"), pb.GetInstanceResponse)
        self.assertEqual(started.workflowState.workflowStatus, 0)
        client.start("chain", "chain", "2")
        self.assertEqual(client.wait("chain").output.value, "2")
        rerun = pb.RerunWorkflowFromEventRequest(sourceInstanceID="chain", eventID=0, newInstanceID="again",
                                                 overwriteInput=True)
        rerun.input.value = "10"
        again = client.ask("RerunWorkflowFromEvent", rerun, pb.RerunWorkflowFromEventResponse)
        self.assertEqual((again.newInstanceID, client.wait("again").output.value), ("again", "12"))
        self.assertFalse(self.hubs[0].get("again").exists)
        none = pb.RerunWorkflowFromEventRequest(sourceInstanceID="none", eventID=0)
        self.assertIn("workflow instance does not exist with ID 'none'", self.refused(
            raw.grpc.StatusCode.NOT_FOUND, client.ask, "RerunWorkflowFromEvent", none, pb.RerunWorkflowFromEventResponse))
        purge = pb.PurgeInstancesRequest(instanceId="a", recursive=True, force=True)
        self.assertEqual(client.ask("PurgeInstances", purge, pb.PurgeInstancesResponse).deletedInstanceCount, 1)
        self.assertIn("no such instance exists", self.refused(
            raw.grpc.StatusCode.UNKNOWN, client.ask, "RaiseEvent", pb.RaiseEventRequest(instanceId="a", name="go"),
            pb.RaiseEventResponse))

    def test_another_namespace(self):
        request = pb.GetInstanceRequest(instanceId="a", router=pb.orchestration__pb2.TaskRouter(
            targetAppID=FAR, targetAppNamespace="prod"))
        self.assertIn(f"app '{FAR}' of namespace 'prod' cannot be reached from namespace 'default'", self.refused(
            raw.grpc.StatusCode.UNAVAILABLE, self.hubs[0].call, "GetInstance", request, pb.GetInstanceResponse))
        self.client.start("a", "waiting")
        request.router.targetAppNamespace = "default"
        self.assertTrue(self.hubs[0].call("GetInstance", request, pb.GetInstanceResponse).exists)

    def test_http(self):
        path = "/v1.0/workflows/dapr"
        code, body, _ = self.near.request("POST", f"{path}/waiting/start?instanceID=h&appID={FAR}", b"1")
        self.assertEqual(code, 202, body)
        code, body, _ = self.near.request("GET", f"{path}/h?appID={FAR}")
        self.assertIn(b'"workflowName":"waiting"', body)
        code, body, _ = self.near.request("POST", f"{path}/h/raiseEvent/go?appID={FAR}", b"2")
        self.assertEqual(code, 202, body)
        self.assertEqual(self.hubs[1].wait("h").output.value, "2")
        self.client.start("i", "waiting")
        for operation, status in ("pause", 7), ("resume", 0), ("terminate", 5):
            code, body, _ = self.near.request("POST", f"{path}/i/{operation}?appID={FAR}")
            self.assertEqual(code, 202, body)
            self.until(lambda: self.hubs[1].get("i").workflowState.workflowStatus == status)
        code, body, _ = self.near.request("POST", f"{path}/i/purge?appID={FAR}")
        self.assertEqual(code, 202, body)
        self.assertFalse(self.hubs[1].get("i").exists)

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


def child_of(app, child="waiting", instance="", result=lambda event: event.result.value):
    """A workflow that calls a child of another app, and gives back what that gives."""
    def turn(events, request):
        response = pb.WorkflowResponse()
        done = [e.childWorkflowInstanceCompleted for e in events if e.HasField("childWorkflowInstanceCompleted")]
        failed = [e.childWorkflowInstanceFailed for e in events if e.HasField("childWorkflowInstanceFailed")]
        if any(e.HasField("executionTerminated") for e in events):
            action = response.actions.add(id=1)
            action.completeWorkflow.workflowStatus = 5
        elif done or failed:
            action = response.actions.add(id=1)
            action.completeWorkflow.workflowStatus = 1
            action.completeWorkflow.result.value = (
                done[0].result.value if done else failed[0].failureDetails.errorType or "failed")
        elif not any(e.HasField("childWorkflowInstanceCreated") for e in events):
            started = next(e for e in events if e.HasField("executionStarted")).executionStarted
            action = response.actions.add(id=0)
            action.createChildWorkflow.name = child
            action.createChildWorkflow.instanceId = instance and instance.format(request.instanceId)
            action.createChildWorkflow.input.value = started.input.value
            action.router.CopyFrom(router(app))
        return response
    return turn


def detached(events, request):
    """A workflow that starts one of the app 'far' and ends."""
    response = pb.WorkflowResponse()
    action = response.actions.add(id=0)
    action.createDetachedWorkflow.name = "waiting"
    action.createDetachedWorkflow.instanceId = request.instanceId + "-detached"
    action.router.CopyFrom(router(FAR))
    action = response.actions.add(id=1)
    action.completeWorkflow.workflowStatus = 1
    return response


class TestChildren(Case):
    def begin(self, near=NEAR, far=FAR, **more):
        self.near, self.far = self.daemon(near, **more), self.daemon(far, **more)
        self.hubs = self.hub(self.near), self.hub(self.far)
        self.workers = [self.worker(self.near, parent=child_of(FAR), named=child_of(FAR, instance="{}-child"),
                                    taken=child_of(FAR, instance="other"), third=child_of(FAR, "middle"),
                                    waiting=waiting, detached=detached, lost=child_of("nobody")),
                        self.worker(self.far, waiting=waiting, middle=child_of(NEAR))]

    def test_result(self):
        self.begin()
        self.start("p", "parent")
        self.until(lambda hub, i: self.is_there(hub, i) and len(hub.history(i)) > 1, self.hubs[1], "p:0000")
        started = self.hubs[1].history("p:0000")[1]
        self.assertEqual((started.router.sourceAppID, started.router.targetAppID), (NEAR, FAR))
        parent = started.executionStarted.parentInstance
        self.assertEqual((parent.appID, parent.workflowInstance.instanceId), (NEAR, "p"))
        self.hubs[1].raise_event("p:0000", "go", "out")
        self.assertEqual(self.hubs[0].wait("p").output.value, "out")
        created = next(e for e in self.hubs[0].history("p") if e.HasField("childWorkflowInstanceCreated"))
        self.assertEqual((created.router.sourceAppID, created.router.targetAppID), (NEAR, FAR))
        done = next(e for e in self.hubs[0].history("p") if e.HasField("childWorkflowInstanceCompleted"))
        self.assertEqual((done.router.sourceAppID, done.router.targetAppID), (FAR, NEAR))
        self.assertEqual(self.hubs[1].get("p:0000").workflowState.parentAppId.value, NEAR)

    def test_there_and_back(self):
        self.begin()
        self.start("t", "third")  # near -> far -> near
        self.until(self.is_there, self.hubs[0], "t:0000:0000")
        self.hubs[0].raise_event("t:0000:0000", "go", "deep")
        self.assertEqual(self.hubs[0].wait("t").output.value, "deep")

    def test_an_id_that_is_taken(self):
        self.begin()
        self.hubs[1].start("other", "waiting")
        self.start("k", "taken")
        self.assertEqual(self.hubs[0].wait("k").output.value, "WorkflowInstanceAlreadyExists")
        self.assertEqual(self.hubs[1].get("other").workflowState.workflowStatus, 0)

    def test_terminate_and_purge(self):
        self.begin()
        self.start("r", "third")
        self.until(self.is_there, self.hubs[0], "r:0000:0000")
        self.hubs[0].call("TerminateInstance", pb.TerminateRequest(instanceId="r", recursive=True),
                          pb.TerminateResponse)
        self.until(lambda: self.hubs[1].get("r:0000").workflowState.workflowStatus == 5)
        self.until(lambda: self.hubs[0].get("r:0000:0000").workflowState.workflowStatus == 5)
        purge = pb.PurgeInstancesRequest(instanceId="r", recursive=True)
        self.hubs[0].call("PurgeInstances", purge, pb.PurgeInstancesResponse)
        self.until(lambda: not self.is_there(self.hubs[1], "r:0000"))
        self.until(lambda: not self.is_there(self.hubs[0], "r:0000:0000"))

    def test_detached(self):
        self.begin()
        self.start("d", "detached")
        self.until(self.is_there, self.hubs[1], "d-detached")
        self.assertFalse(self.hubs[0].get("d-detached").exists)

    def test_nobody(self):
        self.begin()
        self.start("n", "lost")
        self.until(lambda: "app 'nobody'" in self.near.output())
        self.assertEqual(self.hubs[0].get("n").workflowState.workflowStatus, 0)
        self.start("p", "parent")  # which is not held up
        self.until(self.is_there, self.hubs[1], "p:0000")
        self.hubs[0].call("TerminateInstance", pb.TerminateRequest(instanceId="n"), pb.TerminateResponse)
        self.assertEqual(self.hubs[0].get("n").workflowState.workflowStatus, 5)

    def test_one_comes_later(self):
        self.begin()
        self.far.kill()
        names = [f"l{i}" for i in range(150)]
        for name in names:
            self.start(name, "named")
        self.until(lambda: f"app '{FAR}'" in self.near.output())
        self.near.kill()
        self.near.start()
        self.far.start()
        for name in names:
            self.until(self.is_there, self.hubs[1], name + "-child")
            self.hubs[1].raise_event(name + "-child", "go", "late")
        for name in names:
            self.assertEqual(self.hubs[0].wait(name).output.value, "late")

    def test_kills(self):
        """Either side is killed at any moment: each child runs once, and each parent hears of it."""
        self.begin()
        names = [f"k{i}" for i in range(40)]
        for i, name in enumerate(names):
            self.until(lambda: self.start(name, "named") or True)
            if i % 8 == 3:
                self.far.kill()
                self.far.start()
            if i % 8 == 7:
                self.near.kill()
                self.near.start()
        for i, name in enumerate(names):
            self.until(self.is_there, self.hubs[1], name + "-child")
            self.until(lambda: self.hubs[1].raise_event(name + "-child", "go", name))
            if i % 10 == 4:
                self.near.kill()
                self.near.start()
            if i % 10 == 9:
                self.far.kill()
                self.far.start()
        for name in names:
            self.until(lambda: self.hubs[0].get(name).workflowState.workflowStatus == 1)
            self.assertEqual(self.hubs[0].get(name).workflowState.output.value, name)
            events = self.hubs[0].history(name)
            self.assertEqual(sum(e.HasField("childWorkflowInstanceCompleted") for e in events), 1)

    def test_many_shards(self):
        self.begin(shards=4)
        names = [f"s{i}" for i in range(20)]
        for name in names:
            self.start(name, "named")
        for name in names:
            self.until(self.is_there, self.hubs[1], name + "-child")
            self.hubs[1].raise_event(name + "-child", "go", name)
        for name in names:
            self.assertEqual(self.hubs[0].wait(name).output.value, name)

    def test_one_store(self):
        """Both apps keep their workflows in one file."""
        self.near = self.daemon(NEAR)
        self.far = self.daemon(FAR, folder=self.near.folder)
        self.hubs = self.hub(self.near), self.hub(self.far)
        self.worker(self.near, parent=child_of(FAR))
        self.worker(self.far, waiting=waiting)
        self.start("o", "parent")
        self.until(self.is_there, self.hubs[1], "o:0000")
        self.hubs[1].raise_event("o:0000", "go", "one")
        self.assertEqual(self.hubs[0].wait("o").output.value, "one")


def telling(app, target, end=False):
    """A workflow that sends three events to |target| of another app, and may terminate it."""
    def turn(events, request):
        response = pb.WorkflowResponse()
        for i in range(3):
            action = response.actions.add(id=i)
            action.sendEvent.instance.instanceId = target
            action.sendEvent.name = "told"
            action.sendEvent.data.value = f"{request.instanceId}:{i}"
            action.router.CopyFrom(router(app))
        if end:
            action = response.actions.add(id=3)
            action.terminateWorkflow.instanceId = target
            action.terminateWorkflow.reason.value = "enough"
            action.router.CopyFrom(router(app))
        action = response.actions.add(id=4)
        action.completeWorkflow.workflowStatus = 1
        return response
    return turn


def collecting(events, request):
    """A workflow that takes events until it is terminated."""
    response = pb.WorkflowResponse()
    if any(e.HasField("executionTerminated") for e in events):
        action = response.actions.add(id=0)
        action.completeWorkflow.workflowStatus = 5
        action.completeWorkflow.result.value = next(
            e for e in events if e.HasField("executionTerminated")).executionTerminated.input.value
    return response


class TestTold(Case):
    def begin(self, **more):
        self.near, self.far = self.daemon(NEAR, **more), self.daemon(FAR, **more)
        self.hubs = self.hub(self.near), self.hub(self.far)
        self.worker(self.near, telling=telling(FAR, "c"), ending=telling(FAR, "c", end=True))
        self.worker(self.far, collecting=collecting)
        self.hubs[1].start("c", "collecting")

    def told(self):
        """What the collector has been told, by whom it was, as histories have it after its next turn."""
        all_of = {}
        for event in self.hubs[1].history("c"):
            if event.HasField("eventRaised"):
                self.assertEqual(event.router.sourceAppID, NEAR)
                who, number = event.eventRaised.input.value.split(":")
                all_of.setdefault(who, []).append(int(number))
        return all_of

    def test_events_and_an_end(self):
        self.begin()
        self.start("s", "ending")
        self.assertEqual(self.hubs[0].wait("s").workflowStatus, 1)
        ended = self.hubs[1].wait("c")
        self.assertEqual((ended.workflowStatus, ended.output.value), (5, "enough"))
        self.assertEqual(self.told(), {"s": [0, 1, 2]})
        sent = next(e for e in self.hubs[0].history("s") if e.HasField("eventSent"))
        self.assertEqual((sent.router.sourceAppID, sent.router.targetAppID), (NEAR, FAR))

    def test_kills(self):
        """Either side is killed at any moment: each event arrives once, in its sender's order."""
        self.begin(shards=2)
        names = [f"k{i}" for i in range(40)]
        for i, name in enumerate(names):
            self.until(lambda: self.start(name, "telling") or True)
            if i % 6 == 2:
                self.far.kill()
                self.far.start()
            if i % 6 == 5:
                self.near.kill()
                self.near.start()
        self.until(lambda: sum(map(len, self.told().values())) >= 3 * len(names))
        self.assertEqual(self.told(), {name: [0, 1, 2] for name in names})


def calls(app, count=3, name="add"):
    """A workflow that calls as many activities of another app at once, and gives back what they give."""
    def turn(events, request):
        response = pb.WorkflowResponse()
        done = {e.taskCompleted.taskScheduledId: e.taskCompleted.result.value for e in events
                if e.HasField("taskCompleted")}
        failed = [e.taskFailed for e in events if e.HasField("taskFailed")]
        if any(e.HasField("executionTerminated") for e in events):
            response.actions.add(id=count).completeWorkflow.workflowStatus = 5
        elif failed or len(done) == count:
            action = response.actions.add(id=count)
            action.completeWorkflow.workflowStatus = 1
            action.completeWorkflow.result.value = (
                failed[0].failureDetails.errorMessage if failed else " ".join(done[i] for i in sorted(done)))
        elif not any(e.HasField("taskScheduled") for e in events):
            for i in range(count):
                action = response.actions.add(id=i)
                action.scheduleTask.name = name
                action.scheduleTask.input.value = str(i)
                action.router.CopyFrom(router(app))
        return response
    return turn


class TestActivities(Case):
    def begin(self, **more):
        self.near, self.far = self.daemon(NEAR, **more), self.daemon(FAR, **more)
        self.hubs = self.hub(self.near), self.hub(self.far)
        # Near's worker has no activity to run: whatever it were given would be a mistake.
        self.near_worker = self.worker(self.near, three=calls(FAR), many=calls(FAR, 400), lost=calls("nobody"))
        self.far_worker = self.worker(self.far)

    def check(self, name, text="1 2 3"):
        self.until(lambda: self.hubs[0].get(name).workflowState.workflowStatus == 1)
        self.assertEqual(self.hubs[0].get(name).workflowState.output.value, text)

    def test_result(self):
        self.begin()
        self.start("a", "three")
        self.check("a")
        self.assertEqual(self.near_worker.given, [])
        self.assertEqual(sorted(self.far_worker.given), [("a", 0), ("a", 1), ("a", 2)])
        for event in self.hubs[0].history("a"):
            if event.HasField("taskCompleted") or event.HasField("taskScheduled"):
                self.assertEqual((event.router.sourceAppID, event.router.targetAppID), (NEAR, FAR))

    def test_there_and_back(self):
        """More at once than a stream may have in hand, and an instance of the same name at the other app."""
        self.begin()
        self.hubs[1].start("m", "chain", "3")
        self.start("m", "many")
        self.check("m", " ".join(str(i + 1) for i in range(400)))
        self.assertEqual(self.hubs[1].wait("m").output.value, "3")

    def test_nobody(self):
        self.begin()
        self.start("n", "lost")
        self.until(lambda: "activities for app 'nobody' wait" in self.near.output())
        self.start("a", "three")
        self.check("a")
        self.hubs[0].call("TerminateInstance", pb.TerminateRequest(instanceId="n"), pb.TerminateResponse)
        self.assertEqual(self.hubs[0].get("n").workflowState.workflowStatus, 5)

    def test_one_comes_later(self):
        self.begin()
        self.far.kill()
        names = [f"l{i}" for i in range(60)]
        for name in names:
            self.start(name, "three")
        self.until(lambda: f"activities for app '{FAR}' wait" in self.near.output())
        self.near.kill()
        self.near.start()
        self.far.start()
        for name in names:
            self.check(name)

    def test_kills(self):
        """What a worker was told that its result is taken is never run again, whoever is killed."""
        self.begin()
        names = [f"k{i}" for i in range(40)]
        for i, name in enumerate(names):
            self.until(lambda: self.start(name, "three") or True)
            if i % 8 == 3:
                self.far.kill()
                self.far.start()
            if i % 8 == 7:
                self.near.kill()
                self.near.start()
        for name in names:
            self.check(name)
        self.assertEqual(self.far_worker.again, [])
        self.assertEqual(self.near_worker.given, [])

    def test_many_shards(self):
        self.begin(shards=4)
        for i in range(20):
            self.start(f"s{i}", "three")
        for i in range(20):
            self.check(f"s{i}")


def wanting(app, size, padding=0):
    """A workflow that asks the app for a child with a result of |size| bytes, by an input with |padding|, and gives
    back what comes of it."""
    def turn(events, request):
        response = pb.WorkflowResponse()
        done = [e.childWorkflowInstanceCompleted for e in events if e.HasField("childWorkflowInstanceCompleted")]
        failed = [e.childWorkflowInstanceFailed for e in events if e.HasField("childWorkflowInstanceFailed")]
        if done or failed:
            action = response.actions.add(id=1)
            action.completeWorkflow.workflowStatus = 1
            action.completeWorkflow.result.value = (
                failed[0].failureDetails.errorMessage if failed else f"{len(done[0].result.value)} bytes")
        elif not any(e.HasField("childWorkflowInstanceCreated") for e in events):
            action = response.actions.add(id=0)
            action.createChildWorkflow.name = "giving"
            action.createChildWorkflow.input.value = str(size) + " " * padding
            action.router.CopyFrom(router(app))
        return response
    return turn


def giving(events, request):
    started = next(e for e in events if e.HasField("executionStarted")).executionStarted
    action = (response := pb.WorkflowResponse()).actions.add(id=0)
    action.completeWorkflow.workflowStatus = 1
    action.completeWorkflow.result.value = "x" * int(started.input.value)
    return response


def large_call(events, request):
    """A workflow that calls an activity of the other app with 200,000 bytes."""
    response = pb.WorkflowResponse()
    failed = [e.taskFailed for e in events if e.HasField("taskFailed")]
    if failed:
        action = response.actions.add(id=1)
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = failed[0].failureDetails.errorMessage
    elif not any(e.HasField("taskScheduled") for e in events):
        action = response.actions.add(id=0)
        action.scheduleTask.name = "add"
        action.scheduleTask.input.value = "1" + " " * 200_000
        action.router.CopyFrom(router(FAR))
    return response


class TestSizes(Case):
    """What the other sidecar never takes is not waited for: whoever does is told."""
    def begin(self, near, far):
        self.near, self.far = (self.daemon(app, flags=["--max-body-size", size] if size else [])
                               for app, size in ((NEAR, near), (FAR, far)))
        self.hubs = self.hub(self.near), self.hub(self.far)
        self.worker(self.near, large=wanting(FAR, 1, 200_000), small=wanting(FAR, 10_000),
                    much=wanting(FAR, 100_000), call=large_call, three=calls(FAR))
        self.worker(self.far, giving=giving)

    def result(self, name):
        state = self.hubs[0].wait(name)
        self.assertEqual(state.workflowStatus, 1)
        return state.output.value

    def test_what_the_receiver_refuses(self):
        self.begin("", "64Ki")
        self.start("l", "large")
        text = self.result("l")
        self.assertRegex(text, r"child workflow 'l:0000' payload 200\d{3} bytes exceeds max gRPC body size of app "
                               rf"'{FAR}'.*received message larger than max \(200\d{{3}} vs. 65536\)")
        self.start("a", "call")
        self.assertRegex(self.result("a"), r"activity 'add::0' payload 200\d{3} bytes exceeds 95% of max gRPC body "
                                           r"size 65536 bytes")
        self.start("s", "small")
        self.assertEqual(self.result("s"), "10000 bytes")
        self.start("t", "three")
        self.assertEqual(self.result("t"), "1 2 3")
        request = pb.CreateInstanceRequest(instanceId="c", name="giving", router=router(FAR))
        request.input.value = "1" + " " * 200_000
        text = self.refused(raw.grpc.StatusCode.RESOURCE_EXHAUSTED, self.hubs[0].call, "StartInstance", request,
                            pb.CreateInstanceResponse)
        self.assertIn("larger than max", text)

    def test_a_result_that_the_sender_refuses(self):
        self.begin("64Ki", "")
        self.start("s", "small")
        self.assertEqual(self.result("s"), "10000 bytes")
        self.start("m", "much")
        self.assertRegex(self.result("m"), r"the end of child workflow 'm:0000' payload 100\d{3} bytes exceeds max "
                                           rf"gRPC body size of app '{NEAR}'")


PAYMENT = """
import dapr.ext.workflow as wf, signal
payment = wf.WorkflowRuntime()
@payment.activity
def charge(ctx, item):
    return f"paid for the {item}"
@payment.workflow
def pack(ctx, item):
    packed = yield ctx.call_activity(charge, input=item)
    return packed + ", and packed"
payment.start()
signal.pause()
"""

SHOP = f"""
import dapr.ext.workflow as wf
shop = wf.WorkflowRuntime()
@shop.workflow
def order(ctx, item):
    paid = yield ctx.call_activity("charge", input=item, app_id="{FAR}")
    packed = yield ctx.call_child_workflow("pack", input=item, app_id="{FAR}")
    return [paid, packed]
shop.start()
client = wf.DaprWorkflowClient()
name = client.schedule_new_workflow(order, input="anvil", instance_id="sdk")
print("ends with", client.wait_for_workflow_completion(name, timeout_in_seconds=60).serialized_output)
shop.shutdown()
"""


MANY = """
import dapr.ext.workflow as wf, signal, time
shop = wf.WorkflowRuntime()
@shop.workflow
def order(ctx, number):
    paid = []
    for part in range(4):
        paid.append((yield ctx.call_activity("charge", input=f"{number}.{part}", app_id="%s")))
    packed = yield ctx.call_child_workflow("pack", input=number, app_id="%s")
    return [*paid, packed]
shop.start()
client = wf.DaprWorkflowClient()
for number in range(8):
    while True:
        try:
            client.schedule_new_workflow(order, input=number, instance_id=f"order-{number}")
            break
        except Exception as error:
            if "exists" in str(error):
                break
            time.sleep(0.1)
signal.pause()
""" % (FAR, FAR)

SLOW = """
import dapr.ext.workflow as wf, signal, time
payment = wf.WorkflowRuntime()
@payment.activity
def charge(ctx, part):
    print("charge", part, flush=True)
    time.sleep(0.2)
    return part
@payment.workflow
def pack(ctx, number):
    yield ctx.call_activity(charge, input=f"{number}.4")
    return f"{number} is packed"
payment.start()
signal.pause()
"""


class TestSdk(Case):
    def test_python_is_killed(self):
        """Both sidecars are killed while orders are under way: each comes to its end, its child once."""
        apps.install("python")
        near, far = self.daemon(NEAR, shards=2), self.daemon(FAR, shards=2)
        python = str(apps.APPS / "python" / ".venv" / "bin" / "python")
        payment = harness.App(far, [python, "-c", SLOW], far.folder)
        self.addCleanup(payment.kill)
        shop = harness.App(near, [python, "-c", MANY], near.folder)
        self.addCleanup(shop.kill)
        hubs = self.hub(near), self.hub(far)

        def charges():
            return payment.text().count("charge ")

        # The next is killed when charges were made since the last one, and so in the middle of some.
        for victim in far, near:
            before = charges()
            self.until(lambda: charges() >= before + 5, seconds=60)
            victim.kill()
            victim.start()
        self.until(lambda: all(hubs[0].get(f"order-{i}").workflowState.workflowStatus == 1 for i in range(8)),
                   seconds=90)
        for i in range(8):
            self.assertEqual(hubs[0].get(f"order-{i}").workflowState.output.value,
                             f'["{i}.0", "{i}.1", "{i}.2", "{i}.3", "{i} is packed"]')
            child = next(e for e in hubs[0].history(f"order-{i}") if e.HasField("childWorkflowInstanceCreated"))
            events = hubs[1].history(child.childWorkflowInstanceCreated.instanceId)
            self.assertEqual(sum(e.HasField("executionStarted") for e in events), 1)
            self.assertEqual(sum(e.HasField("executionCompleted") for e in events), 1)

    def test_python(self):
        """An app that calls another, which comes only later, by Dapr's SDK for Python."""
        apps.install("python")
        near, far = self.daemon(NEAR), self.daemon(FAR)
        python = str(apps.APPS / "python" / ".venv" / "bin" / "python")
        shop = harness.App(near, [python, "-c", SHOP], near.folder)
        self.addCleanup(shop.kill)
        self.until(lambda: f"activities for app '{FAR}' wait" in near.output() or shop.process.poll(), seconds=60)
        self.assertIsNone(shop.process.poll(), shop.text())
        said = subprocess.run([harness.PAWL, "workflow", "get", "sdk", "--address", f"127.0.0.1:{near.grpc}"],
                              capture_output=True, text=True, timeout=20)
        self.assertIn(f"activity charge in app '{FAR}'", said.stdout, said.stderr)
        payment = harness.App(far, [python, "-c", PAYMENT], far.folder)
        self.addCleanup(payment.kill)
        self.assertEqual(shop.wait(90), 0, shop.text())
        self.assertIn('ends with ["paid for the anvil", "paid for the anvil, and packed"]', shop.text())


    def test_go(self):
        """Calls from a workflow and each operation of a client, by durabletask-go."""
        harness.need("go")
        folder = harness.ROOT / "tests" / "e2e" / "clients" / "other-apps-go"
        harness.install(folder)
        near, far = self.daemon(NEAR), self.daemon(FAR)
        payment = harness.App(far, [str(folder / "client"), "payment"], far.folder)
        self.addCleanup(payment.kill)
        shop = harness.App(near, [str(folder / "client"), "shop"], near.folder, {"PAYMENT": FAR})
        self.addCleanup(shop.kill)
        self.assertEqual(shop.wait(90), 0, shop.text())
        for line in ('ends with ["paid for the anvil",42,"approval"]', "is SUSPENDED", 'approval says "yes"',
                     "purged: true", "terminated: ORCHESTRATION_STATUS_TERMINATED"):
            self.assertIn(line, shop.lines)


if __name__ == "__main__":
    unittest.main()
