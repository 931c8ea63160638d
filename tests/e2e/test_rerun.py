#!/usr/bin/env python3
"""RerunWorkflowFromEvent at the wire: what it refuses, what the new instance is, and that a crash loses none."""

import threading
import time
import unittest

import grpc

import harness
import raw

pb = raw.pb
COMPLETED = 1


def family(events, request):
    """Two children, one after the other, and a timer; a child gives back its own id."""
    started = next(e for e in events if e.HasField("executionStarted")).executionStarted
    response = pb.WorkflowResponse()
    if started.HasField("parentInstance"):
        action = response.actions.add(id=0)
        action.completeWorkflow.workflowStatus = COMPLETED
        action.completeWorkflow.result.value = '"' + request.instanceId + " " + started.input.value + '"'
        return response
    done = sum(e.HasField("childWorkflowInstanceCompleted") for e in events)
    made = sum(e.HasField("childWorkflowInstanceCreated") for e in events)
    timers = sum(e.HasField("timerCreated") for e in events)
    if made == done < 2:
        action = response.actions.add(id=made)
        action.createChildWorkflow.name = "family"
        action.createChildWorkflow.input.value = str(made)
    elif done == 2 and not timers:
        action = response.actions.add(id=2)
        action.createTimer.fireAt.GetCurrentTime()
    elif any(e.HasField("timerFired") for e in events):
        action = response.actions.add(id=3)
        action.completeWorkflow.workflowStatus = COMPLETED
        action.completeWorkflow.result.value = " ".join(
            e.childWorkflowInstanceCompleted.result.value for e in events
            if e.HasField("childWorkflowInstanceCompleted"))
    return response


class Hub(raw.Hub):
    def rerun(self, source, event, new=None, **fields):
        request = pb.RerunWorkflowFromEventRequest(sourceInstanceID=source, eventID=event, **fields)
        if new is not None:
            request.newInstanceID = new
        return self.call("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse, 20).newInstanceID


class Rerun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon(app_id="reruns", shards=4)
        cls.hub = Hub(cls.daemon.grpc)
        cls.worker = raw.Worker(cls.daemon.grpc, workflows={"chain": raw.chain, "family": family})
        cls.hub.start("src", text="3", timeout=20)
        cls.assert_output(cls, "src", "3")

    @classmethod
    def tearDownClass(cls):
        cls.worker.close()
        cls.hub.close()
        cls.daemon.close()

    def assert_output(self, instance, output, timeout=30):
        state = self.hub.wait(instance, timeout)
        if (state.workflowStatus, state.output.value) != (COMPLETED, output):
            raise AssertionError(f"{instance}: {state}")

    def refused(self, code, text, *args, **fields):
        with self.assertRaises(grpc.RpcError) as raised:
            self.hub.rerun(*args, **fields)
        self.assertEqual((raised.exception.code(), raised.exception.details()), (code, text))

    def test_refused(self):
        invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
        self.refused(invalid, "rerun workflow source instance ID is required", "", 0)
        self.refused(invalid, "rerun workflow instance ID must be different from the original instance ID",
                     "src", 0, "src")
        self.refused(missing, "workflow instance does not exist with ID 'nobody'", "nobody", 0)
        self.refused(missing, "does not have history event with ID '77'", "src", 77)
        self.refused(missing, "target event '*protos.HistoryEvent_ExecutionCompleted' with ID '3' is not an event that "
                     "can be rerun", "src", 3)
        self.refused(missing, "target event '*protos.HistoryEvent_WorkflowStarted' with ID '-1' is not an event that "
                     "can be rerun", "src", 2**32 - 1)
        self.refused(invalid, "cannot set new child workflow instance ID on activity event '0'", "src", 0,
                     newChildWorkflowInstanceID="mine")
        again = self.hub.rerun("src", 2)
        self.hub.wait(again)
        self.refused(grpc.StatusCode.ALREADY_EXISTS, "workflow 'src' has already been created", again, 0, "src")

    def test_not_ended(self):
        self.hub.start("later", text="1", start_at=4e9)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "'later' is not in a terminal state", "later", 0)
        self.hub.call("TerminateInstance", pb.TerminateRequest(instanceId="later"), pb.TerminateResponse)

    def test_activities(self):
        before = self.hub.history("src")
        for event in range(3):
            given = len(self.worker.given)
            new = self.hub.rerun("src", event)
            self.assert_output(new, "3")
            # What came before the event has its result; it and what follows is done again.
            with self.worker.lock:
                mine = [task for instance, task in self.worker.given[given:] if instance == new]
            self.assertEqual(mine, list(range(event, 3)))
            info = [e.taskScheduled.rerunParentInstanceInfo.instanceID for e in self.hub.history(new)
                    if e.HasField("taskScheduled") and e.taskScheduled.HasField("rerunParentInstanceInfo")]
            self.assertEqual(info, ["src"])
        self.assertEqual(self.hub.history("src"), before)

    def test_input(self):
        request = pb.RerunWorkflowFromEventRequest(sourceInstanceID="src", eventID=1, newInstanceID="with-input",
                                                   overwriteInput=True)
        request.input.value = "40"
        self.hub.call("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse)
        self.assert_output("with-input", "42")
        # Without |overwriteInput| the input counts for nothing.
        request.overwriteInput, request.newInstanceID = False, "without-input"
        self.hub.call("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse)
        self.assert_output("without-input", "3")

    def test_rerun_of_a_rerun(self):
        new = "src"
        for turn in range(4):
            new = self.hub.rerun(new, 1, f"again-{turn}")
            self.assert_output(new, "3")
        self.assertEqual(len(self.hub.history(new)), len(self.hub.history("src")))

    def test_children(self):
        self.hub.start("house", name="family", timeout=20)
        self.assert_output("house", '"house:0000 0" "house:0001 1"')
        new = self.hub.rerun("house", 1, "hello")
        self.assert_output(new, '"house:0000 0" "hello:0001 1"')
        history = self.hub.history(new)
        self.assertEqual(history[3].childWorkflowInstanceCreated.instanceId, "house:0000")
        self.assertEqual(history[5].childWorkflowInstanceCreated.instanceId, "hello:0001")
        self.assertEqual(history[5].childWorkflowInstanceCreated.rerunParentInstanceInfo.instanceID, "house")
        mine = self.hub.rerun("house", 0, "chosen", newChildWorkflowInstanceID="my-own")
        self.assert_output(mine, '"my-own 0" "chosen:0001 1"')
        self.assert_output(self.hub.rerun("house", 2, "timed"), '"house:0000 0" "house:0001 1"')
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "cannot write input to timer event '2'", "house", 2,
                     overwriteInput=True)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "'house:0000': cannot rerun from child-workflows",
                     "house:0000", 0)


class Crash(unittest.TestCase):
    """kill -9 between the answer to a rerun and the work that comes of it, and while reruns are under way."""

    def test_kill(self):
        daemon = harness.Daemon(app_id="rerun-crash", shards=4)
        worker = raw.Worker(daemon.grpc)
        hub = Hub(daemon.grpc)
        try:
            hub.start("src", text="4", timeout=20)
            self.assertEqual(hub.wait("src").output.value, "4")
            source = hub.history("src")
            worker.close()
            told = [hub.rerun("src", event) for event in range(4)]  # nobody works on them yet
            daemon.kill()
            daemon.start()
            hub.close()
            hub = Hub(daemon.grpc)
            worker = raw.Worker(daemon.grpc, delay=0.01)
            for new in told:
                self.assertEqual(hub.wait(new).output.value, "4")

            # While they are asked for: what was acknowledged is there.
            asked, told = [], []

            def ask():
                mine = Hub(daemon.grpc)
                for number in range(10000):
                    try:
                        asked.append(f"mid-{number}")
                        told.append(mine.rerun("src", number % 4, f"mid-{number}"))
                    except grpc.RpcError:
                        break
                mine.close()

            thread = threading.Thread(target=ask)
            thread.start()
            while len(told) < 30:
                self.assertTrue(thread.is_alive())
                time.sleep(0.001)
            daemon.kill()
            thread.join()
            daemon.start()
            hub.close()
            hub = Hub(daemon.grpc)
            for new in told:
                self.assertEqual(hub.wait(new).output.value, "4")
            last = hub.get(asked[-1])
            if last.exists:  # all of it, or nothing
                self.assertEqual(hub.wait(asked[-1]).output.value, "4")
            self.assertEqual(hub.history("src"), source)
            self.assertEqual(worker.again, [])
        finally:
            worker.close()
            hub.close()
            daemon.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
