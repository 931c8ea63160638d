#!/usr/bin/env python3
"""Ids that are in use, at the wire: who may take which id, and what is said to who may not, row by row.

Each row makes an occupant of the id, and says what a client's start is answered, and what becomes of a child and of a
detached workflow for which a workflow asks.
"""

import concurrent.futures
import time
import unittest

import grpc

import harness
import raw
from test_other_apps import FAR, NEAR, Case, router

pb = raw.pb
COMPLETED, TERMINATED = 1, 5
ACTIVE = "an active workflow with ID '{id}' already exists"
UNIQUE = "a workflow with ID '{id}' already exists and the create enforces instance ID uniqueness"
AWAITS = "a terminated workflow with ID '{id}' is already awaiting an activity result"
BUSY = "cannot recreate workflow with ID '{id}': %s: orchestration has not yet completed"


def done(response, number, result="", status=COMPLETED):
    action = response.actions.add(id=number).completeWorkflow
    action.workflowStatus, action.result.value = status, result
    return response


def wait(events, request):
    """Waits for the event 'go', or its end."""
    response = pb.WorkflowResponse()
    if any(e.HasField("executionTerminated") for e in events):
        return done(response, 7, status=TERMINATED)
    return done(response, 7) if any(e.HasField("eventRaised") for e in events) else response


def nap(events, request):
    """Sleeps for a hundred years, or until its end."""
    response = wait(events, request)
    if not response.actions and not any(e.HasField("timerCreated") for e in events):
        response.actions.add(id=0).createTimer.fireAt.seconds = 4000000000
    return response


def leaves(what, app=None):
    """A workflow that starts something and does not wait for it: a child ID-left that runs |what|, or an activity."""
    def turn(events, request):
        response = pb.WorkflowResponse()
        if what == "activity":
            response.actions.add(id=0).scheduleTask.name = "never"
        else:
            action = response.actions.add(id=0)
            child = action.createChildWorkflow
            child.name, child.instanceId = what, request.instanceId + "-left"
            if app:
                action.router.CopyFrom(router(app))
        return done(response, 1)
    return turn


def asks(kind, app=None):
    """A workflow that starts the workflow 'wait' under the id of its input; it ends with why it could not."""
    def turn(events, request):
        response = pb.WorkflowResponse()
        failed = [e.childWorkflowInstanceFailed for e in events if e.HasField("childWorkflowInstanceFailed")]
        if failed:
            return done(response, 1, failed[0].failureDetails.errorType + ": " + failed[0].failureDetails.errorMessage)
        if any(e.HasField("childWorkflowInstanceCompleted") for e in events):
            return done(response, 1, "ended")
        target = next(e for e in events if e.HasField("executionStarted")).executionStarted.input.value
        action = response.actions.add(id=0)
        if app:
            action.router.CopyFrom(router(app))
        if kind == "detached":
            action.createDetachedWorkflow.name, action.createDetachedWorkflow.instanceId = "wait", target
            return done(response, 1, "asked")
        if not any(e.HasField("childWorkflowInstanceCreated") for e in events):
            action.createChildWorkflow.name, action.createChildWorkflow.instanceId = "wait", target
        else:
            del response.actions[:]
        return response
    return turn


class Ids(Case):
    def setUp(self):
        self.near, self.far = self.daemon(NEAR), self.daemon(FAR)
        self.hubs = self.hub(self.near), self.hub(self.far)
        workflows = {"wait": wait, "nap": nap, "busy": leaves("activity"), "parent": leaves("wait"), "grand": leaves("parent"),
                     "abroad": leaves("wait", FAR)}
        self.far_worker = self.worker(self.far, **workflows)
        self.worker_of_near = self.worker(self.near, asks=asks("child"), asks_detached=asks("detached"),
                                          asks_far=asks("child", FAR), **workflows)
        # Nobody runs the activity 'never' to its end.
        self.worker_of_near.activity = lambda request, token: None

    def begin(self, instance, name, hub=0):
        self.until(lambda: self.hubs[hub].start(instance, name, "") or True)

    def ends(self, instance, hub=0, status=COMPLETED):
        self.until(lambda: self.hubs[hub].get(instance).workflowState.workflowStatus == status)

    def make_running(self, i):
        self.begin(i, "wait")

    def make_completed(self, i):
        self.begin(i, "wait")
        self.hubs[0].raise_event(i, "go")
        self.ends(i)

    def make_scheduled(self, i):
        self.hubs[0].start(i, "wait", start_at=4e9)

    def make_suspended(self, i):
        self.begin(i, "wait")
        self.hubs[0].call("SuspendInstance", pb.SuspendRequest(instanceId=i), pb.SuspendResponse)

    def make_terminated(self, i):
        self.begin(i, "wait")
        self.hubs[0].call("TerminateInstance", pb.TerminateRequest(instanceId=i), pb.TerminateResponse)

    def make_waiting_activity(self, i):
        self.begin(i, "busy")
        self.ends(i)

    def make_running_child(self, i):
        self.begin(i, "parent")
        self.ends(i)
        self.until(self.is_there, self.hubs[0], i + "-left")

    def make_running_grandchild(self, i):
        self.begin(i, "grand")
        self.ends(i)
        self.ends(i + "-left")

    def make_running_child_abroad(self, i):
        self.begin(i, "abroad")
        self.ends(i)
        self.until(self.is_there, self.hubs[1], i + "-left")

    def make_purged(self, i):
        self.make_completed(i)
        self.hubs[0].call("PurgeInstances", pb.PurgeInstancesRequest(instanceId=i), pb.PurgeInstancesResponse)

    def make_child(self, i):
        request = pb.CreateInstanceRequest(instanceId=i + "-parent", name="asks")
        request.input.value = i
        self.hubs[0].call("StartInstance", request, pb.CreateInstanceResponse)
        self.until(self.is_there, self.hubs[0], i)

    def make_detached(self, i):
        self.hubs[0].start(i + "-parent", "asks_detached", i)
        self.until(self.is_there, self.hubs[0], i)

    def make_rerun(self, i):
        self.begin(i + "-source", "nap")
        self.hubs[0].call("TerminateInstance", pb.TerminateRequest(instanceId=i + "-source"), pb.TerminateResponse)
        request = pb.RerunWorkflowFromEventRequest(sourceInstanceID=i + "-source", eventID=0, newInstanceID=i)
        self.hubs[0].call("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse, 20)

    # occupant: code and text for a client, or None: it may have the id. A child is told the same text, unless a row
    # says what it is told.
    EXISTS, UNKNOWN = grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.UNKNOWN
    TABLE = {
        "purged": None,
        "completed": None,
        "terminated": None,
        "running": (EXISTS, ACTIVE),
        "scheduled": (EXISTS, ACTIVE),
        "suspended": (EXISTS, ACTIVE),
        "child": (EXISTS, ACTIVE),
        "detached": (EXISTS, ACTIVE),
        "rerun": (EXISTS, ACTIVE),
        "waiting_activity": (UNKNOWN, AWAITS),
        "running_child": (EXISTS, BUSY % "child workflow '{id}-left'"),
        "running_grandchild": (EXISTS, BUSY % "child workflow '{id}-left': child workflow '{id}-left-left'"),
        "running_child_abroad": (EXISTS, BUSY % "child workflow '{id}-left'"),
    }

    def test_clients(self):
        for kind, expected in self.TABLE.items():
            with self.subTest(kind):
                i = "c-" + kind
                getattr(self, "make_" + kind)(i)
                if not expected:
                    self.assertEqual(self.hubs[0].start(i, "wait").instanceId, i)
                    continue
                said = self.refused(expected[0], self.hubs[0].start, i, "wait")
                self.assertEqual(said, "failed to create workflow instance: " + expected[1].format(id=i))
                code, body, _ = self.near.request("POST", f"/v1.0/workflows/dapr/wait/start?instanceID={i}")
                self.assertEqual((code, expected[1].format(id=i).encode() in body), (500, True), body)

    def test_unique(self):
        """Who asks for an id of its own gets none that is there, in whatever state."""
        for kind, expected in self.TABLE.items():
            with self.subTest(kind):
                i = "u-" + kind
                getattr(self, "make_" + kind)(i)
                if kind == "purged":
                    self.hubs[0].start(i, "wait", enforceUniqueInstanceId=True)
                    continue
                said = self.refused(self.EXISTS, lambda: self.hubs[0].start(i, "wait", enforceUniqueInstanceId=True))
                self.assertIn((ACTIVE if expected and expected[1] == ACTIVE else UNIQUE).format(id=i), said)

    def test_children(self):
        for kind, expected in self.TABLE.items():
            with self.subTest(kind):
                i = "k-" + kind
                getattr(self, "make_" + kind)(i)
                self.hubs[0].start(i + "-asks", "asks", i)
                if expected:
                    said = self.hubs[0].wait(i + "-asks").output.value
                    self.assertEqual(said, "WorkflowInstanceAlreadyExists: " + expected[1].format(id=i))
                else:
                    self.until(lambda: self.hubs[0].get(i).workflowState.workflowStatus == 0)
                    self.hubs[0].raise_event(i, "go")
                    self.assertEqual(self.hubs[0].wait(i + "-asks").output.value, "ended")

    def test_detached(self):
        """One that cannot be had is not started, which the log says; the workflow that asked goes on."""
        for kind, expected in self.TABLE.items():
            with self.subTest(kind):
                i = "d-" + kind
                getattr(self, "make_" + kind)(i)
                before = list(self.hubs[0].history(i)) if kind not in ("purged", "scheduled") else []
                self.hubs[0].start(i + "-asks", "asks_detached", i)
                self.assertEqual(self.hubs[0].wait(i + "-asks").output.value, "asked")
                if expected:
                    said = f"workflow '{i}-asks' could not start '{i}': {expected[1].format(id=i)}"
                    self.until(lambda: said in self.near.output())
                    if before:
                        self.assertEqual(list(self.hubs[0].history(i))[:len(before)], before)
                else:
                    self.until(lambda: self.hubs[0].get(i).workflowState.workflowStatus == 0)

    def test_children_in_another_app(self):
        """The other app decides, by what it has, and says why."""
        self.hubs[1].start("far-taken", "wait")
        self.hubs[0].start("f1", "asks_far", "far-taken")
        self.assertEqual(self.hubs[0].wait("f1").output.value,
                         "WorkflowInstanceAlreadyExists: " + ACTIVE.format(id="far-taken"))
        self.assertEqual(self.hubs[1].get("far-taken").workflowState.workflowStatus, 0)
        self.hubs[1].raise_event("far-taken", "go")
        self.assertEqual(self.hubs[1].wait("far-taken").workflowStatus, COMPLETED)
        self.hubs[0].start("f2", "asks_far", "far-taken")
        self.until(lambda: self.hubs[1].get("far-taken").workflowState.workflowStatus == 0)
        self.hubs[1].raise_event("far-taken", "go")
        self.assertEqual(self.hubs[0].wait("f2").output.value, "ended")

    def test_free_again(self):
        """Once what held an id up has ended it is free, also after a crash."""
        self.make_running_grandchild("r")
        self.make_running_child_abroad("s")
        self.near.kill()
        self.near.start()
        for i in "r", "s":
            self.refused(self.EXISTS, lambda: self.until(lambda: self.hubs[0].start(i, "wait") or True))
        self.hubs[0].raise_event("r-left-left", "go")
        self.ends("r-left-left")
        self.assertEqual(self.hubs[0].start("r", "wait").instanceId, "r")
        self.hubs[1].raise_event("s-left", "go")
        self.ends("s-left", hub=1)

        self.until(lambda: self.is_free("s"))

    def is_free(self, instance):
        """Whether it could be started again."""
        try:
            return self.hubs[0].start(instance, "wait")
        except grpc.RpcError as error:
            if error.code() != self.EXISTS:
                raise
            return False  # the end is on its way

    def test_free_soon(self):
        """Who asks for the id of a parent whose child in the other app is about to end gets it, and need not try twice."""
        free = 0
        for n in range(8):
            i = f"soon-{n}"
            self.make_running_child_abroad(i)
            with concurrent.futures.ThreadPoolExecutor(1) as other:
                start = other.submit(self.is_free, i)
                time.sleep(0.05)  # the start comes first, or the try proves nothing
                self.hubs[1].raise_event(i + "-left", "go")
                free += bool(start.result())
        self.assertGreater(free, 0)  # a machine may be too slow to tell of an end within half a second

    def test_free_after_kills(self):
        """The child's daemon dies before it could tell of the end, the parent's once it was asked: the end arrives all the same."""
        for n in range(3):
            i = f"kills-{n}"
            self.make_running_child_abroad(i)
            self.near.pause()
            self.addCleanup(self.near.wake)
            self.hubs[1].raise_event(i + "-left", "go")
            self.assertEqual(self.hubs[1].wait(i + "-left").workflowStatus, COMPLETED)
            self.far.kill()
            self.near.wake()
            started = self.is_free(i)  # unless what was sent had arrived
            self.near.kill()
            self.near.start()
            self.far.start()
            if started:
                self.until(lambda: self.hubs[0].get(i).workflowState.workflowStatus == 0)
            else:
                self.until(lambda: self.is_free(i))


class Shards(Case):
    def test_refused_at_once(self):
        """A child of another shard that still runs holds the parent's id up, which is known once the mail was read; and what ends
        it is known as soon."""
        daemon = self.daemon(NEAR, shards=4)
        hub = self.hub(daemon)
        self.worker(daemon, wait=wait, parent=leaves("wait"))
        took = []
        for n in range(9):
            i = f"soon-{n}"
            self.until(lambda: hub.start(i, "parent") or True)
            self.assertEqual(hub.wait(i).workflowStatus, COMPLETED)
            self.until(self.is_there, hub, i + "-left")
            began = time.monotonic()
            self.assertIn(BUSY.format(id=i) % f"child workflow '{i}-left'", self.refused(Ids.EXISTS, hub.start, i, "wait"))
            took.append(time.monotonic() - began)
            hub.raise_event(i + "-left", "go")
            self.assertEqual(hub.wait(i + "-left").workflowStatus, COMPLETED)
            self.assertEqual(hub.start(i, "wait").instanceId, i)
        self.assertLess(sorted(took)[len(took) // 2], 0.3, took)


if __name__ == "__main__":
    unittest.main()
