#!/usr/bin/env python3
"""Situations in which a runtime loses work, or takes one thing for another: numbers and ids that come twice, what comes late,
who is not there. Turns are answered by hand, and the daemon dies at the moment that matters."""

import time
import unittest

import grpc

import harness
import raw
from hand import COMPLETED, CONTINUED, STALLED, TERMINATED, ByHand, Hand, kinds, pb
from test_other_apps import FAR, NEAR, Case, router, waiting


class Alone(ByHand):
    """One daemon, which can be killed."""

    instance = "x"

    def setUp(self):
        self.daemon = harness.Daemon(app_id="app", shards=4)
        self.addCleanup(self.daemon.close)
        self.connect()

    def connect(self):
        self.hand, self.hub, self.kept = Hand(self.daemon.grpc), raw.Hub(self.daemon.grpc), []
        self.addCleanup(self.hand.close)
        self.addCleanup(self.hub.close)

    def again(self):
        """The daemon is killed, with whatever the worker has in hand, and begins anew."""
        self.hand.close()
        self.hub.close()
        self.daemon.kill()
        self.daemon.start()
        self.connect()

    def take(self, instance=None, kind="workflowRequest"):
        """The next work of that instance; others' work is kept for later."""
        instance, end = instance or self.instance, time.monotonic() + 20
        while True:
            for item in self.kept:
                of = item.workflowRequest.instanceId or item.activityRequest.workflowInstance.instanceId
                if of == instance and item.WhichOneof("request") == kind:
                    self.kept.remove(item)
                    return item
            self.kept.append(self.hand.items.get(timeout=max(end - time.monotonic(), 0.01)))

    def events(self, item, kind):
        return [getattr(e, kind) for e in item.workflowRequest.newEvents if e.HasField(kind)]

    def unavailable(self):
        return 0, "workflowVersionNotAvailable", pb.orchestrator__actions__pb2.WorkflowVersionNotAvailableAction()

    def purge(self, instance=None, hub=None, **fields):
        return (hub or self.hub).call("PurgeInstances", pb.PurgeInstancesRequest(instanceId=instance or self.instance, **fields),
                                      pb.PurgeInstancesResponse)

    def until(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def late(self, item, text):
        """A result that nobody waits for: whatever the worker is told, it counts for nothing."""
        try:
            self.result(item, text)
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)


class Situations(Alone):
    # --- what looks alike --------------------------------------------------------------------

    def test_an_id_like_that_of_an_activity(self):
        for killed in False, True:
            self.begin()
            self.answer(self.take(), self.task())
            self.begin("x::0")
            activity, turn = self.take(kind="activityRequest"), self.take("x::0")
            if killed:
                self.again()
                activity, turn = self.take(kind="activityRequest"), self.take("x::0")
            self.result(activity, "of the activity")
            item = self.take()
            self.assertEqual([e.result.value for e in self.events(item, "taskCompleted")], ["of the activity"])
            self.answer(item, self.end(1, "one"))
            self.answer(turn, self.end(0, "two"))
            self.assertEqual((self.state().output.value, self.state("x::0").output.value), ("one", "two"))

    def test_ids_of_all_sorts(self):
        """Each runs with an activity, a timer and a child, over a kill between them."""
        names = ["|", "||", "@", "a|b@c", "%41", "%", "..", "../x", "/", "a/b?c=d#e", "::", "x::", "x:0000", "*", "'", '"', "\\", "\n", " ",
                 "\u65e5\u672c", "\U0001f600", "start-1", "history-000000", "i" * 500]
        for name in names:
            self.begin(name)
            self.answer(self.take(name), self.task(0), self.timer(1, 0.2), self.child(2, name + "|child"))
            self.result(self.take(name, "activityRequest"), name)
        self.again()
        for name in names:
            self.answer(self.take(name + "|child"), self.end(0, name))
        for name in names:
            while self.state(name).workflowStatus != COMPLETED:
                item = self.take(name)
                seen = kinds([*item.workflowRequest.pastEvents, *item.workflowRequest.newEvents])
                over = {"taskCompleted", "timerFired", "childWorkflowInstanceCompleted"} <= set(seen)
                self.answer(item, *([self.end(3, name)] if over else []))
            self.assertEqual(self.state(name).output.value, name)
            code, body, _ = self.daemon.request("GET", "/v1.0/workflows/dapr/" + harness.urllib.request.quote(name, safe=""))
            self.assertEqual(code, 200, (name, body))

    # --- what comes late ---------------------------------------------------------------------

    def test_a_child_of_an_earlier_generation(self):
        """It ends while the next generation waits for a child of the same number."""
        for killed in False, True:
            self.begin()
            self.answer(self.take(), self.child(0, "old"))
            old = self.take("old")
            self.hub.raise_event(self.instance, "go")
            self.answer(self.take(), self.end(1, "", CONTINUED))
            self.answer(self.take(), self.child(0, "new"))
            new = self.take("new")
            self.answer(old, self.end(0, "of the old one"))
            if killed:
                self.again()
                new = self.take("new")
            self.answer(new, self.end(0, "of the new one"))
            item = self.take()
            self.assertEqual([e.result.value for e in self.events(item, "childWorkflowInstanceCompleted")], ["of the new one"])
            self.answer(item, self.end(1))
            self.assertEqual(sum(e.HasField("childWorkflowInstanceCompleted") for e in self.history()), 1)

    def test_an_activity_of_an_earlier_generation(self):
        for killed in False, True:
            self.begin()
            self.answer(self.take(), self.task(0, "old"))
            old = self.take(kind="activityRequest")
            self.hub.raise_event(self.instance, "go")
            self.answer(self.take(), self.end(1, "", CONTINUED))
            self.answer(self.take(), self.task(0, "new"))
            new = self.take(kind="activityRequest")
            if killed:
                self.again()
                new = self.take(kind="activityRequest")
            self.assertEqual(new.activityRequest.name, "new")
            self.late(old, "of the old one")
            self.result(new, "of the new one")
            item = self.take()
            self.assertEqual([e.result.value for e in self.events(item, "taskCompleted")], ["of the new one"])
            self.answer(item, self.end(1))

    def test_purged_with_an_activity_in_hand(self):
        """Its result brings nothing back, and is none of the next run's."""
        for killed in False, True:
            self.begin()
            self.answer(self.take(), self.task())
            activity = self.take(kind="activityRequest")
            self.assertEqual(self.purge(force=True).deletedInstanceCount, 1)
            if killed:
                self.again()
            self.late(activity, "late")
            self.assertFalse(self.hub.get(self.instance).exists)
            self.begin()
            self.answer(self.take(), self.task())
            fresh = self.take(kind="activityRequest")
            self.late(activity, "later")
            self.result(fresh, "in time")
            item = self.take()
            self.assertEqual([e.result.value for e in self.events(item, "taskCompleted")], ["in time"])
            self.answer(item, self.end(1))
            self.purge()

    # --- ids that are taken ------------------------------------------------------------------

    def test_a_child_tries_until_its_id_is_free(self):
        self.begin("taken")
        occupant = self.take("taken")
        self.answer(occupant)
        self.begin()
        number, item = 0, self.take()
        for _ in range(3):
            self.answer(item, self.child(number, "taken"))
            item = self.take()
            failed, = self.events(item, "childWorkflowInstanceFailed")
            self.assertEqual((failed.taskScheduledId, failed.failureDetails.errorType), (number, "WorkflowInstanceAlreadyExists"))
            self.answer(item, self.timer(number + 1, 0.05))
            item, number = self.take(), number + 2
            self.again()
            item = self.take()
        self.hub.raise_event("taken", "go")
        self.answer(self.take("taken"), self.end(0, "of the occupant"))
        self.answer(item, self.child(number, "taken"))
        child = self.take("taken")
        started, = self.events(child, "executionStarted")
        self.assertEqual(started.parentInstance.taskScheduledId, number)
        self.answer(child, self.end(0, "of the child"))
        item = self.take()
        self.assertEqual([e.result.value for e in self.events(item, "childWorkflowInstanceCompleted")], ["of the child"])
        self.answer(item, self.end(number + 1))

    def test_one_of_three_ids_is_taken(self):
        """The other two children run, and who has the id is left alone."""
        self.begin("taken")
        self.answer(self.take("taken"))
        before = list(self.hub.history("taken"))
        self.begin()
        self.answer(self.take(), self.child(0, "a"), self.child(1, "taken"), self.child(2, "b"))
        self.again()
        for child in "a", "b":
            self.answer(self.take(child), self.end(0, child))
        results, failures = [], []
        while len(results) < 2 or not failures:
            item = self.take()
            events = [*item.workflowRequest.pastEvents, *item.workflowRequest.newEvents]
            results = sorted(e.childWorkflowInstanceCompleted.result.value for e in events if e.HasField("childWorkflowInstanceCompleted"))
            failures = [e.childWorkflowInstanceFailed.taskScheduledId for e in events if e.HasField("childWorkflowInstanceFailed")]
            over = len(results) == 2 and failures
            self.answer(item, *([self.end(3)] if over else []))
        self.assertEqual((results, failures), (["a", "b"], [1]))
        self.assertEqual(list(self.hub.history("taken")), before)

    def test_a_child_that_was_purged_keeps_no_id(self):
        for killed in False, True:
            self.begin()
            self.answer(self.take(), self.child(0, "child"))
            self.answer(self.take("child"), self.end())
            self.answer(self.take(), self.end(1))
            self.purge("child")
            if killed:
                self.again()
        self.purge()
        self.begin()
        self.answer(self.take(), self.end())

    # --- stalls ------------------------------------------------------------------------------

    def test_a_stall_as_a_timer_wakes(self):
        """What stalls in the turn of a timer can be looked at, listed and purged by force, also after a crash."""
        for killed in False, True:
            self.begin()
            self.answer(self.take(), self.timer(0, 0.1))
            item = self.take()
            self.assertEqual(kinds(item.workflowRequest.newEvents), ["workflowStarted", "timerFired"])
            self.answer(item, self.unavailable())
            self.until(lambda: self.state().workflowStatus == STALLED)
            if killed:
                self.again()
                self.answer(self.take(), self.unavailable())
                self.until(lambda: self.state().workflowStatus == STALLED)
            self.assertEqual(sum(e.HasField("executionStalled") for e in self.history()), 1)
            with self.assertRaises(grpc.RpcError) as refused:
                self.purge()
            self.assertIn("stalled", refused.exception.details())
            self.assertEqual(self.hub.ids()[0], [self.instance])
            self.purge(force=True)
            self.assertFalse(self.hub.get(self.instance).exists)

    # --- who is not there --------------------------------------------------------------------

    def test_purged_where_nobody_works(self):
        """By force, at either of two daemons, when the only worker has gone, and when one daemon has, too."""
        second = harness.Daemon(app_id="app", shards=4, folder=self.daemon.folder)
        self.addCleanup(second.close)
        hub, names = raw.Hub(second.grpc), [f"p{i}" for i in range(12)]
        self.addCleanup(hub.close)
        for name in names:
            self.begin(name)
            while True:
                try:
                    self.answer(self.take(name), self.task(), self.timer(1))
                    break
                except grpc.RpcError as error:  # its shard went to the other just now, which gives the turn again
                    self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
        self.hand.close()
        for i, name in enumerate(names[:6]):
            self.assertEqual(self.purge(name, hub=[self.hub, hub][i % 2], force=True).deletedInstanceCount, 1)
        self.daemon.kill()
        for name in names[6:]:
            self.assertEqual(self.purge(name, hub=hub, force=True).deletedInstanceCount, 1)
        self.assertEqual(hub.ids()[0], [])

    def test_an_activity_raises_events_for_its_own_workflow(self):
        """Event and result come at the same time, again and again, and none of them is lost."""
        rounds = 12

        def loop(events, request):
            response = pb.WorkflowResponse()
            raised = sum(e.HasField("eventRaised") for e in events)
            done, asked = (sum(e.HasField(kind) for e in events) for kind in ("taskCompleted", "taskScheduled"))
            if done == asked == rounds:
                response.actions.add(id=asked).completeWorkflow.workflowStatus = COMPLETED
            elif done == asked and raised > asked:
                action = response.actions.add(id=asked).scheduleTask
                action.name, action.input.value = "step", request.instanceId
            return response

        class Raiser(raw.Worker):
            def activity(self, request, token):
                self.hub.raise_event(request.input.value, "next")
                request.input.value = "0"
                super().activity(request, token)

        self.hand.close()
        worker = Raiser(self.daemon.grpc, {"w": loop})
        self.addCleanup(worker.close)
        names = [f"l{i}" for i in range(4)]
        for name in names:
            self.begin(name)
            self.hub.raise_event(name, "next")
        for killed in range(3):
            self.until(lambda: len(worker.acknowledged) > 8 * (killed + 1))
            self.hub.close()
            self.daemon.kill()
            self.daemon.start()
            self.hub = raw.Hub(self.daemon.grpc)
            self.addCleanup(self.hub.close)
        for name in names:
            self.assertEqual(self.hub.wait(name).workflowStatus, COMPLETED)
        self.assertEqual(worker.again, [])


class Kept(Alone):
    """Where what has ended is purged at once."""

    def setUp(self):
        super().setUp()
        file = self.daemon.folder / "config.yaml"
        file.write_text("kind: Configuration\nspec: {workflow: {stateRetentionPolicy: {anyTerminal: 0s}}}\n")
        self.daemon.flags = ["--config", str(file)]
        self.again()

    def test_a_stalled_one_is_not_purged(self):
        """It goes on when the worker has its version, ends, and is purged then."""
        self.begin()
        self.answer(self.take())
        self.hub.raise_event(self.instance, "go")
        self.answer(self.take(), self.unavailable())
        self.until(lambda: self.state().workflowStatus == STALLED)
        self.again()
        item = self.take()
        self.assertEqual(self.state().workflowStatus, STALLED)
        self.answer(item, self.end())
        self.until(lambda: not self.hub.get(self.instance).exists)
        self.again()
        self.assertEqual(self.hub.ids()[0], [])


class Apps(Case):
    """Of two apps one is away."""

    def setUp(self):
        self.near, self.far = self.daemon(NEAR), self.daemon(FAR)
        self.hubs = self.hub(self.near), self.hub(self.far)

    def parent(self, events, request):
        response = pb.WorkflowResponse()
        if any(e.HasField("executionTerminated") for e in events):
            response.actions.add(id=1).completeWorkflow.workflowStatus = TERMINATED
        elif not any(e.HasField("childWorkflowInstanceCreated") for e in events):
            action = response.actions.add(id=0)
            action.createChildWorkflow.name, action.createChildWorkflow.instanceId = "waiting", request.instanceId + "-child"
            action.router.CopyFrom(router(FAR))
        return response

    def test_a_parent_ends_while_its_childs_app_is_away(self):
        """It ends at once, and so does the child when its app is back, though the parent's daemon died in between."""
        self.worker(self.near, parent=self.parent)
        self.worker(self.far, waiting=waiting)
        self.hubs[0].start("p", "parent")
        self.until(self.is_there, self.hubs[1], "p-child")
        self.far.kill()
        began = time.monotonic()
        self.hubs[0].call("TerminateInstance", pb.TerminateRequest(instanceId="p", recursive=True), pb.TerminateResponse, 20)
        self.assertEqual(self.hubs[0].wait("p").workflowStatus, TERMINATED)
        self.assertLess(time.monotonic() - began, 5)
        self.near.kill()
        self.near.start()
        self.far.start()
        self.until(lambda: self.hubs[1].get("p-child").workflowState.workflowStatus == TERMINATED)

    def test_a_result_for_who_is_gone(self):
        """An activity that another app runs ends when its workflow has been purged: the result is dropped, and the next run of that
        id is sent its own."""
        def calls(events, request):
            response = pb.WorkflowResponse()
            done = [e.taskCompleted.result.value for e in events if e.HasField("taskCompleted")]
            if done:
                action = response.actions.add(id=1).completeWorkflow
                action.workflowStatus, action.result.value = COMPLETED, done[0]
            elif not any(e.HasField("taskScheduled") for e in events):
                action = response.actions.add(id=0)
                action.scheduleTask.name = "a"
                action.scheduleTask.input.value = next(e for e in events if e.HasField("executionStarted")).executionStarted.input.value
                action.router.CopyFrom(router(FAR))
            return response

        def result(item):
            """The input is the result. Not taken when who asked for it has gone."""
            request = item.activityRequest
            response = pb.ActivityResponse(instanceId=request.workflowInstance.instanceId, completionToken=item.completionToken)
            response.result.CopyFrom(request.input)
            try:
                self.hubs[1].call("CompleteActivityTask", response, pb.CompleteTaskResponse)
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)

        far = Hand(self.far.grpc)
        self.addCleanup(far.close)
        self.worker(self.near, calls=calls)
        purge = pb.PurgeInstancesRequest(instanceId="g", force=True)
        for killed in False, True:
            self.hubs[0].start("g", "calls", "old")
            old = far.items.get(timeout=20)
            if killed:
                self.near.kill()
                result(old)
                self.near.start()
            self.until(lambda: self.hubs[0].call("PurgeInstances", purge, pb.PurgeInstancesResponse).deletedInstanceCount)
            result(old)
            self.hubs[0].start("g", "calls", "new")
            while self.hubs[0].get("g").workflowState.workflowStatus != COMPLETED:
                result(far.items.get(timeout=20))  # it may have been given again before the purge
                self.until(lambda: self.hubs[0].get("g").workflowState.workflowStatus == COMPLETED or not far.items.empty())
            self.assertEqual(self.hubs[0].get("g").workflowState.output.value, "new")


if __name__ == "__main__":
    unittest.main(verbosity=2)
