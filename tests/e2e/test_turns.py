#!/usr/bin/env python3
"""Turns answered by hand: what a worker is sent, what becomes of each kind of answer, and the history that is left."""

import secrets
import threading
import time
import unittest

import grpc

import harness
import raw
from hand import COMPLETED, CONTINUED, FAILED, PENDING, RUNNING, SUSPENDED, TERMINATED, ByHand, Hand, kinds, pb


class Turns(ByHand):
    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon(app_id="app")
        cls.addClassCleanup(cls.daemon.close)
        cls.hand, cls.hub = Hand(cls.daemon.grpc), raw.Hub(cls.daemon.grpc)
        cls.addClassCleanup(cls.hand.close)
        cls.addClassCleanup(cls.hub.close)

    def setUp(self):
        self.instance = f"t{secrets.token_hex(4)}"
        self.begin()

    def tearDown(self):
        self.hub.call("PurgeInstances", pb.PurgeInstancesRequest(instanceId=self.instance, recursive=True, force=True),
                      pb.PurgeInstancesResponse)
        while not self.hand.items.empty():
            self.hand.items.get()

    # --- what a worker is sent ---------------------------------------------------------------

    def test_each_turn_begins_with_workflow_started(self):
        item = self.next()
        self.assertEqual(kinds(item.workflowRequest.newEvents), ["workflowStarted", "executionStarted"])
        self.assertEqual(list(item.workflowRequest.pastEvents), [])
        self.answer(item, self.task())
        self.result(self.next("activityRequest"), "1")
        item = self.next()
        self.assertEqual(kinds(item.workflowRequest.pastEvents), ["workflowStarted", "executionStarted", "taskScheduled"])
        self.assertEqual(kinds(item.workflowRequest.newEvents), ["workflowStarted", "taskCompleted"])
        self.assertTrue(item.completionToken)
        self.answer(item, self.end(1))
        self.assertEqual(kinds(self.history()), ["workflowStarted", "executionStarted", "taskScheduled", "workflowStarted",
                                                 "taskCompleted", "executionCompleted"])

    def test_an_activity_is_sent_what_it_needs(self):
        action = pb.orchestrator__actions__pb2.ScheduleTaskAction(name="a", taskExecutionId="e1")
        action.version.value, action.input.value = "v2", "in"
        self.answer(self.next(), (7, "scheduleTask", action))
        item = self.next("activityRequest")
        request = item.activityRequest
        self.assertEqual((request.name, request.version.value, request.input.value, request.taskId, request.taskExecutionId),
                         ("a", "v2", "in", 7, "e1"))
        self.assertTrue(request.workflowInstance.executionId.value)
        self.result(item, "1")
        item = self.next()
        self.assertEqual(item.workflowRequest.newEvents[1].taskCompleted.taskExecutionId, "e1")
        self.answer(item, self.end(8))

    def test_events_of_actions_name_the_app(self):
        self.answer(self.next(), self.task(0), self.timer(1), self.child(2), self.end(3))
        for event in self.history():
            if event.WhichOneof("eventType") in ("taskScheduled", "timerCreated", "childWorkflowInstanceCreated"):
                self.assertEqual(event.router.sourceAppID, "app", event)

    def test_what_came_meanwhile_is_one_turn(self):
        item = self.next()
        for n in range(3):
            self.hub.raise_event(self.instance, "e", str(n))
        self.answer(item)
        item = self.next()
        self.assertEqual([e.eventRaised.input.value for e in item.workflowRequest.newEvents[1:]], ["0", "1", "2"])
        self.none_comes()
        self.answer(item, self.end(0))

    def test_suspended_ones_have_turns(self):
        self.answer(self.next())
        waits = self.control("Suspend", reason={"value": "why"})
        item = self.next()
        self.assertEqual(item.workflowRequest.newEvents[1].executionSuspended.input.value, "why")
        self.answer(item)
        waits.join(20)
        self.assertEqual(self.state().workflowStatus, SUSPENDED)
        self.hub.raise_event(self.instance, "e")
        item = self.next()
        self.assertEqual(kinds(item.workflowRequest.newEvents), ["workflowStarted", "eventRaised"])
        self.answer(item)
        self.assertEqual(self.state().workflowStatus, SUSPENDED)
        waits = self.control("Resume")
        self.answer(self.next(), self.end(0))
        waits.join(20)
        self.assertEqual(self.state().workflowStatus, COMPLETED)

    def test_event_names_stay_as_they_are(self):
        self.answer(self.next())
        self.hub.raise_event(self.instance, "Go There", "x")
        item = self.next()
        self.assertEqual(item.workflowRequest.newEvents[1].eventRaised.name, "Go There")
        self.answer(item, self.end(0))

    # --- answers -----------------------------------------------------------------------------

    def test_both_names_of_an_answer(self):
        self.answer(self.next(), self.task(), method="CompleteOrchestratorTask")
        self.result(self.next("activityRequest"), "1")
        self.answer(self.next(), self.end(1), method="CompleteWorkflowTask")
        self.assertEqual(self.state().workflowStatus, COMPLETED)

    def test_a_token_of_another_is_passed_over(self):
        item = self.next()
        self.answer(item, self.end(0, "wrong"), token="another")
        self.assertEqual(self.state().workflowStatus, PENDING)
        self.answer(item, self.task())
        item = self.next("activityRequest")
        with self.assertRaises(grpc.RpcError) as caught:  # who had it before it was given to another
            self.result(item, "wrong", token="another")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.none_comes()
        self.result(item, "right")
        item = self.next()
        self.assertEqual(item.workflowRequest.newEvents[1].taskCompleted.result.value, "right")
        self.answer(item, self.end(1))

    def test_no_token_is_taken(self):
        self.answer(self.next(), self.task(), token="")
        self.result(self.next("activityRequest"), "1", token="")
        self.answer(self.next(), self.end(1), token="")
        self.assertEqual(self.state().workflowStatus, COMPLETED)

    def test_late_answers_change_nothing(self):
        item = self.next()
        self.answer(item, self.task())
        self.answer(item, self.end(0, "late"))
        work = self.next("activityRequest")
        self.result(work, "1")
        last = self.next()
        self.result(work, "2")
        self.answer(last, self.end(1))
        self.answer(last, self.end(1, "late"))
        self.assertEqual(self.state().output.value, "out")
        self.none_comes()

    def test_custom_status_is_that_of_the_last_answer(self):
        self.answer(self.next(), self.task(), status="one")
        self.assertEqual(self.state().customStatus.value, "one")
        self.result(self.next("activityRequest"), "1")
        self.answer(self.next(), self.task(1))
        self.assertEqual(self.state().customStatus.value, "")
        self.result(self.next("activityRequest"), "1")
        self.answer(self.next(), self.end(2), status="last")
        self.assertEqual(self.state().customStatus.value, "last")

    def test_the_first_end_counts(self):
        self.answer(self.next(), self.end(0, "first"), self.end(1, "second", FAILED))
        self.assertEqual((self.state().workflowStatus, self.state().output.value), (COMPLETED, "first"))
        self.assertEqual(kinds(self.history()).count("executionCompleted"), 1)

    def test_failures_are_kept_whole(self):
        number, field, action = self.end(0, "", FAILED)
        failure = action.failureDetails
        failure.errorType, failure.errorMessage, failure.stackTrace.value, failure.isNonRetriable = "Type", "why", "where", True
        failure.innerFailure.errorType, failure.innerFailure.errorMessage = "Inner", "because"
        self.answer(self.next(), (number, field, action))
        found = self.state().failureDetails
        self.assertEqual((found.errorType, found.errorMessage, found.stackTrace.value, found.isNonRetriable, found.innerFailure.errorMessage),
                         ("Type", "why", "where", True, "because"))

    def test_results_that_nobody_asked_for(self):
        self.answer(self.next(), self.task())
        work = self.next("activityRequest")
        response = pb.ActivityResponse(instanceId=self.instance, taskId=99)
        self.hub.call("CompleteActivityTask", response, pb.CompleteTaskResponse)
        self.none_comes()
        self.result(work, "1")
        self.answer(self.next(), self.end(1))
        self.assertEqual(kinds(self.history()).count("taskCompleted"), 1)

    # --- continue-as-new ---------------------------------------------------------------------

    def test_a_new_generation(self):
        item = self.next()
        before = item.workflowRequest.newEvents[1].executionStarted.workflowInstance.executionId.value
        carried = pb.history__events__pb2.HistoryEvent(eventId=-1)
        carried.timestamp.GetCurrentTime()
        carried.eventRaised.name = "kept"
        self.answer(item, self.task(0), self.end(1, "next", CONTINUED, [carried]), status="again")
        item = self.next()
        events = item.workflowRequest.newEvents
        self.assertEqual((kinds(events), list(item.workflowRequest.pastEvents)),
                         (["workflowStarted", "executionStarted", "eventRaised"], []))
        start = events[1].executionStarted
        self.assertEqual((start.name, start.input.value), ("w", "next"))
        self.assertNotEqual(start.workflowInstance.executionId.value, before)
        self.answer(item, self.end(0))
        self.assertNotIn("taskScheduled", kinds(self.history()))  # other actions of that answer are no more
        self.assertEqual(self.state().output.value, "out")

    def test_many_generations_in_a_row(self):
        for n in range(50):
            self.answer(self.next(), self.end(0, str(n), CONTINUED))
        item = self.next()
        self.assertEqual(item.workflowRequest.newEvents[-1].executionStarted.input.value, "49")
        self.answer(item, self.end(0))
        self.assertEqual(self.state().workflowStatus, COMPLETED)

    def test_an_end_beats_a_new_generation(self):
        item = self.next()
        self.answer(item)
        waits = self.control("Terminate", output={"value": "enough"})
        item = self.next()
        self.assertIn("executionTerminated", kinds(item.workflowRequest.newEvents))
        self.answer(item, self.end(0, "next", CONTINUED))
        waits.join(20)
        self.assertEqual((self.state().workflowStatus, self.state().output.value), (TERMINATED, "enough"))

    # --- ends --------------------------------------------------------------------------------

    def test_a_worker_that_does_not_end_it_is_overruled(self):
        self.answer(self.next(), self.task())
        self.next("activityRequest")
        waits = self.control("Terminate", output={"value": "enough"})
        self.answer(self.next(), self.task(1))
        waits.join(20)
        self.assertEqual((self.state().workflowStatus, self.state().output.value), (TERMINATED, "enough"))
        self.assertEqual(self.history()[-1].eventId, -1)

    def test_an_end_that_came_before_wins(self):
        item = self.next()
        waits = self.control("Terminate")
        self.answer(item, self.end(0))
        waits.join(20)
        self.assertEqual(self.state().workflowStatus, COMPLETED)
        self.control("Terminate").join(20)  # no error, and nothing comes of it
        self.hub.raise_event(self.instance, "late")
        self.assertEqual(kinds(self.history())[-1], "executionCompleted")
        self.none_comes()

    def test_a_child_that_is_terminated_has_failed(self):
        self.answer(self.next(), self.child(0))
        child = self.instance + ":0000"
        self.answer(self.next(instance=child))
        request = pb.TerminateRequest(instanceId=child)
        thread = threading.Thread(target=lambda: self.hub.call("TerminateInstance", request, pb.TerminateResponse, 20))
        thread.start()
        self.answer(self.next(instance=child), self.end(0, "", TERMINATED))
        thread.join(20)
        item = self.next()
        failed = item.workflowRequest.newEvents[1].childWorkflowInstanceFailed
        self.assertEqual((failed.taskScheduledId, failed.HasField("failureDetails")), (0, False))
        self.answer(item, self.end(1))

    def test_a_child_knows_its_parent(self):
        self.answer(self.next(), self.child(3, "child-of-" + self.instance))
        item = self.next(instance="child-of-" + self.instance)
        parent = item.workflowRequest.newEvents[1].executionStarted.parentInstance
        self.assertEqual((parent.taskScheduledId, parent.name.value, parent.workflowInstance.instanceId, parent.appID),
                         (3, "w", self.instance, "app"))
        self.answer(item, self.end(0, "done"))
        item = self.next()
        self.assertEqual(item.workflowRequest.newEvents[1].childWorkflowInstanceCompleted.result.value, "done")
        self.answer(item, self.end(4))

    # --- what clients see --------------------------------------------------------------------

    def test_what_a_start_does_not_pass_on(self):
        """Versions, tags and execution ids of a start are dropped, as in Dapr."""
        self.answer(self.next(), self.end(0))
        request = pb.CreateInstanceRequest(instanceId=self.instance, name="w", tags={"a": "b"})
        request.version.value, request.executionId.value = "v9", "mine"
        request.scheduledStartTimestamp.FromNanoseconds(1)
        self.hub.call("StartInstance", request, pb.CreateInstanceResponse)
        start = self.next().workflowRequest.newEvents[1].executionStarted
        self.assertNotEqual(start.workflowInstance.executionId.value, "mine")
        self.assertEqual(start.version.value, "")

    def test_no_payloads_unless_asked_for(self):
        self.answer(self.next(), self.end(0), status="s")
        state = self.hub.get(self.instance, payloads=False).workflowState
        self.assertEqual((state.workflowStatus, state.HasField("input"), state.HasField("output"), state.HasField("customStatus")),
                         (COMPLETED, False, False, False))

    def test_a_wait_for_what_is_not_there_yet(self):
        later, found = self.instance + "-later", []
        for method in ("WaitForInstanceStart", "WaitForInstanceCompletion"):
            thread = threading.Thread(target=lambda m=method: found.append(self.hub.call(
                m, pb.GetInstanceRequest(instanceId=later), pb.GetInstanceResponse, 20).workflowState.workflowStatus))
            thread.start()
            self.addCleanup(thread.join, 20)
        self.answer(self.next(), self.end(0))
        self.begin(later)
        item = self.next(instance=later)
        self.assertEqual(found, [])
        self.answer(item)
        end = time.monotonic() + 20
        while not found and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(found, [RUNNING])
        self.hub.raise_event(later, "e")
        self.answer(self.next(instance=later), self.end(0))
        while len(found) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(found, [RUNNING, COMPLETED])

    def test_a_start_waits_for_the_first_turn(self):
        self.answer(self.next(), self.end(0))
        with self.assertRaises(grpc.RpcError) as caught:
            self.hub.start(self.instance, "w", timeout=0.3)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertEqual(self.state().workflowStatus, PENDING)  # it is there none the less
        self.answer(self.next(), self.end(0, "late"))
        self.assertEqual(self.hub.wait(self.instance).output.value, "late")

    def test_statuses_as_the_dapr_api_has_them(self):
        item, seen = self.next(), []

        def see():
            seen.append(self.daemon.status(self.instance))
        see()
        self.answer(item, status="s")
        see()
        waits = self.control("Suspend")
        self.answer(self.next())
        waits.join(20)
        see()
        self.control("Resume")
        item = self.next()
        response = pb.WorkflowResponse(instanceId=self.instance, completionToken=item.completionToken)
        response.actions.add(id=0).workflowVersionNotAvailable.SetInParent()
        self.hub.call("CompleteWorkflowTask", response, pb.CompleteTaskResponse)
        see()
        self.assertEqual(seen, ["PENDING", "RUNNING", "SUSPENDED", "UNKNOWN"])

    def test_times_of_events_are_each_later(self):
        """(name, time) is what tells events apart."""
        self.answer(self.next())
        hubs = [raw.Hub(self.daemon.grpc) for _ in range(4)]
        threads = [threading.Thread(target=lambda hub=hub: [hub.raise_event(self.instance, "e") for _ in range(25)]) for hub in hubs]
        for thread in threads:
            thread.start()
        raised = []
        while len(raised) < 100:
            item = self.next()
            raised += [e.timestamp.ToNanoseconds() for e in item.workflowRequest.newEvents if e.HasField("eventRaised")]
            self.answer(item, *([self.end(0)] if len(raised) == 100 else []))
        for thread, hub in zip(threads, hubs):
            thread.join()
            hub.close()
        self.assertEqual((raised, len(set(raised))), (sorted(raised), 100))

    def test_names_of_apps_are_checked(self):
        self.answer(self.next(), self.end(0))
        request = pb.CreateInstanceRequest(instanceId="x", name="w")
        request.router.targetAppID = "no/app"
        with self.assertRaises(grpc.RpcError) as caught:
            self.hub.call("StartInstance", request, pb.CreateInstanceResponse)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("workflow app ID 'no/app' is invalid: only alphanumeric, dash and underscore characters are allowed",
                      caught.exception.details())

    def test_a_purge_by_force(self):
        """Of one that runs, with its children, whose turns and activities are out."""
        self.answer(self.next(), self.task(0), self.child(1))
        items = [self.hand.items.get(timeout=20) for _ in range(2)]
        answer = self.hub.call("PurgeInstances", pb.PurgeInstancesRequest(instanceId=self.instance, recursive=True, force=True),
                               pb.PurgeInstancesResponse)
        self.assertEqual((answer.deletedInstanceCount, answer.HasField("isComplete")), (2, False))
        self.assertEqual([self.hub.get(i).exists for i in (self.instance, self.instance + ":0001")], [False, False])
        for item in items:  # answers to what is no more
            if item.HasField("workflowRequest"):
                self.answer(item, self.end(0))
            else:
                self.result(item, "1")
        self.none_comes()
        self.begin()

    def test_calls_of_older_schemas(self):
        self.answer(self.next(), self.end(0))
        for method in ("CreateTaskHub", "DeleteTaskHub", "QueryInstances", "StreamInstanceHistory", "RewindInstance", "SignalEntity",
                       "GetEntity", "QueryEntities", "CleanEntityStorage", "AbandonTaskActivityWorkItem",
                       "AbandonTaskOrchestratorWorkItem", "AbandonTaskEntityWorkItem"):
            with self.assertRaises(grpc.RpcError) as caught:
                self.hub.channel.unary_unary(raw.SERVICE + method)(b"")
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED, method)


class Ending(unittest.TestCase):
    def test_shutdown(self):
        for headers, code in (({}, 0), ({"dapr-force-shutdown": "true"}, 1)):
            with self.subTest(headers):
                daemon = harness.Daemon(app_id="app")
                self.addCleanup(daemon.close)
                self.assertEqual(daemon.request("POST", "/v1.0/shutdown", b"", headers)[0], 204)
                self.assertEqual(daemon.process.wait(20), code)


if __name__ == "__main__":
    unittest.main(verbosity=2)
