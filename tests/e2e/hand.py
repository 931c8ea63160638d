"""Turns and activities that a test answers itself, one by one."""

import queue
import threading
import time
import unittest

import grpc

import raw

pb = raw.pb
RUNNING, COMPLETED, CONTINUED, FAILED, TERMINATED, PENDING, SUSPENDED, STALLED = 0, 1, 2, 3, 5, 6, 7, 8


def kinds(events):
    return [event.WhichOneof("eventType") for event in events]


class Hand:
    """A worker whose items a test takes one by one, and answers itself."""

    def __init__(self, port):
        self.hub, self.items = raw.Hub(port), queue.Queue()
        self.stream = self.hub.channel.unary_stream(
            raw.SERVICE + "GetWorkItems", pb.GetWorkItemsRequest.SerializeToString, pb.WorkItem.FromString)(
                pb.GetWorkItemsRequest(), wait_for_ready=True)
        self.stream.initial_metadata()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for item in self.stream:
                self.items.put(item)
        except grpc.RpcError:
            pass

    def close(self):
        self.stream.cancel()
        self.hub.close()


class ByHand(unittest.TestCase):
    """With `hand`, `hub` and the `instance` that most of a test is about."""

    def begin(self, instance=None, **fields):
        """Starts it without waiting for its first turn, which a test has to answer."""
        self.hub.start(instance or self.instance, "w", "in", start_at=0, **fields)

    def next(self, kind="workflowRequest", instance=None):
        item = self.hand.items.get(timeout=20)
        self.assertEqual(item.WhichOneof("request"), kind)
        body = getattr(item, kind)
        of = body.instanceId if kind == "workflowRequest" else body.workflowInstance.instanceId
        self.assertEqual(of, instance or self.instance)
        return item

    def none_comes(self):
        with self.assertRaises(queue.Empty):
            self.hand.items.get(timeout=0.3)

    def answer(self, item, *actions, method="CompleteWorkflowTask", status=None, token=None):
        """|actions|: (number, field, message)."""
        response = pb.WorkflowResponse(instanceId=item.workflowRequest.instanceId,
                                       completionToken=item.completionToken if token is None else token)
        for number, field, message in actions:
            getattr(response.actions.add(id=number), field).CopyFrom(message)
        if status is not None:
            response.customStatus.value = status
        return self.hub.call(method, response, pb.CompleteTaskResponse)

    def result(self, item, text, token=None):
        response = pb.ActivityResponse(instanceId=item.activityRequest.workflowInstance.instanceId, taskId=item.activityRequest.taskId,
                                       completionToken=item.completionToken if token is None else token)
        response.result.value = text
        return self.hub.call("CompleteActivityTask", response, pb.CompleteTaskResponse)

    def task(self, number=0, name="a"):
        return number, "scheduleTask", pb.orchestrator__actions__pb2.ScheduleTaskAction(name=name)

    def timer(self, number=0, seconds=3600, name=""):
        action = pb.orchestrator__actions__pb2.CreateTimerAction(name=name)
        action.fireAt.FromNanoseconds(int((time.time() + seconds) * 1e9))
        return number, "createTimer", action

    def child(self, number, instance=""):
        return number, "createChildWorkflow", pb.orchestrator__actions__pb2.CreateChildWorkflowAction(name="w", instanceId=instance)

    def end(self, number=0, text="out", status=COMPLETED, carried=()):
        action = pb.orchestrator__actions__pb2.CompleteWorkflowAction(workflowStatus=status, carryoverEvents=carried)
        action.result.value = text
        return number, "completeWorkflow", action

    def state(self, instance=None):
        return self.hub.get(instance or self.instance).workflowState

    def history(self):
        return list(self.hub.history(self.instance))

    def control(self, method, **fields):
        """What of TaskHub's waits for an answer of the worker is asked by another thread."""
        request, answer = getattr(pb, method + "Request"), getattr(pb, method + "Response")
        thread = threading.Thread(target=lambda: self.hub.call(f"{method}Instance", request(instanceId=self.instance, **fields), answer, 20))
        thread.start()
        self.addCleanup(thread.join, 20)
        return thread
