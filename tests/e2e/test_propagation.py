#!/usr/bin/env python3
"""Histories that go along with calls: what an activity or a child sees is its caller's history as it was at the call.

All that workers are given is compared in the end with the histories of the callers, whatever was killed meanwhile.
"""

import json
import unittest

import apps
import harness
import raw
from test_other_apps import FAR, NEAR, Case, router

pb = raw.pb
events_pb = pb.history__events__pb2
NONE, OWN, LINEAGE = 0, 1, 2


def family(events, request):
    """An activity, and then at once another, a child and a third one, to which the scope of the input applies. The
    input: how many generations follow, the scope, and the apps of the children, in turn."""
    started = next(e for e in events if e.HasField("executionStarted")).executionStarted
    depth, scope, targets = json.loads(started.input.value)
    response = pb.WorkflowResponse()
    done = sum(e.HasField("taskCompleted") for e in events)
    scheduled = sum(e.HasField("taskScheduled") for e in events)
    children = sum(e.HasField("childWorkflowInstanceCompleted") for e in events)
    if not scheduled:
        first = response.actions.add(id=0).scheduleTask
        first.name, first.input.value = "add", "1"
    elif scheduled == done == 1:
        for i in 1, 3:
            action = response.actions.add(id=i)
            action.scheduleTask.name, action.scheduleTask.input.value = "add", str(i)
            action.scheduleTask.historyPropagationScope = scope
        if depth:
            action = response.actions.add(id=2)
            action.createChildWorkflow.name = "family"
            action.createChildWorkflow.input.value = json.dumps([depth - 1, scope, targets[1:] + targets[:1]])
            action.createChildWorkflow.historyPropagationScope = scope
            if targets:
                action.router.CopyFrom(router(targets[0]))
    elif done == 3 and children == bool(depth):
        action = response.actions.add(id=9)
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = str(depth)
    return response


class Seeing(raw.Worker):
    """Remembers what came along with each item."""

    def __init__(self, daemon, **more):
        self.seen = []
        super().__init__(daemon.grpc, workflows={"family": family}, **more)

    def work(self, item):
        if item.HasField("activityRequest"):
            request = item.activityRequest
            key = request.workflowInstance.instanceId, request.taskId
        else:
            request = item.workflowRequest
            key = request.instanceId, None
        self.seen.append((key, request.propagatedHistory if request.HasField("propagatedHistory") else None))
        super().work(item)


def chunks(history):
    """A propagated history as what can be compared."""
    if history is None:
        return None
    return history.scope, [(c.appId, c.instanceId, c.workflowName, [events_pb.HistoryEvent.FromString(e) for e in c.rawEvents])
                           for c in history.chunks]


class Propagation(Case):
    def begin(self, *names, **more):
        self.daemons = {name: self.daemon(name, **more) for name in names}
        self.hubs = {name: self.hub(daemon) for name, daemon in self.daemons.items()}
        self.workers = {}
        for name, daemon in self.daemons.items():
            self.workers[name] = Seeing(daemon)
            self.addCleanup(setattr, self.workers[name], "closing", True)
            self.assertTrue(self.workers[name].connected.wait(20))
        self.histories = {}

    def history(self, app, instance):
        if (app, instance) not in self.histories:
            self.histories[app, instance] = list(self.hubs[app].history(instance))
        return self.histories[app, instance]

    def started(self, app, instance):
        return next(e for e in self.history(app, instance) if e.HasField("executionStarted")).executionStarted

    def passed(self, app, instance, kind, number):
        """What the event |number| of the caller's history gives to whom it calls."""
        history = self.history(app, instance)
        at = next(i for i, e in enumerate(history) if e.HasField(kind) and e.eventId == number)
        scope = getattr(history[at], kind).historyPropagationScope
        if scope == NONE:
            return None
        before = (self.received(app, instance) or (0, []))[1] if scope == LINEAGE else []
        return scope, before + [(app, instance, self.started(app, instance).name, history[:at + 1])]

    def received(self, app, instance):
        started = self.started(app, instance)
        if not started.HasField("parentInstance"):
            return None
        parent = started.parentInstance
        return self.passed(parent.appID, parent.workflowInstance.instanceId, "childWorkflowInstanceCreated",
                           parent.taskScheduledId)

    def check(self):
        """Everything that any worker was given; how much that was, with and without a history."""
        counts = [0, 0]
        for app, worker in self.workers.items():
            for (instance, task), history in list(worker.seen):
                expected = (self.received(app, instance) if task is None
                            else self.passed(app, instance, "taskScheduled", task))
                self.assertEqual(chunks(history), expected, (app, instance, task))
                counts[history is not None] += 1
        return counts

    def start(self, instance, depth, scope, targets=(), app=NEAR):
        self.until(lambda: self.hubs[app].start(instance, "family", json.dumps([depth, scope, list(targets)])) or True)

    def finished(self, instance, app=NEAR):
        self.until(lambda: self.hubs[app].get(instance).workflowState.workflowStatus == 1, seconds=60)

    def test_scopes(self):
        self.begin(NEAR, shards=4)
        for scope in NONE, OWN, LINEAGE:
            self.start(f"s{scope}", 3, scope)
            self.finished(f"s{scope}")
        without, with_history = self.check()
        # Each family has 3 activities in each of 4 generations, and 3 turns or more; the first activity gets nothing.
        self.assertGreaterEqual(without, 4 * (3 + 3) + 2 * (4 + 3))
        self.assertGreaterEqual(with_history, 2 * (4 * 2 + 3 * 3))
        lineage = self.received(NEAR, "s2:0002:0002:0002")
        self.assertEqual([chunk[1] for chunk in lineage[1]], ["s2", "s2:0002", "s2:0002:0002"])
        self.assertEqual(len(self.received(NEAR, "s1:0002:0002:0002")[1]), 1)

    def test_asked_for_by_nobody(self):
        """What is not used leaves no trace, not even in a field that is empty."""
        self.begin(NEAR)
        self.hubs[NEAR].start("n", "family", "[1, 0, []]")
        self.finished("n")
        self.assertEqual(self.check()[1], 0)

    def test_continue_as_new(self):
        """A child's next generation goes on with the chain."""
        def root(events, request):
            response = pb.WorkflowResponse()
            if any(e.HasField("childWorkflowInstanceCompleted") for e in events):
                response.actions.add(id=1).completeWorkflow.workflowStatus = 1
            elif not any(e.HasField("childWorkflowInstanceCreated") for e in events):
                child = response.actions.add(id=0).createChildWorkflow
                child.name, child.input.value, child.historyPropagationScope = "again", "2", LINEAGE
            return response

        def again(events, request):
            left = int(next(e for e in events if e.HasField("executionStarted")).executionStarted.input.value)
            response = pb.WorkflowResponse()
            action = response.actions.add(id=0).completeWorkflow
            action.workflowStatus, action.result.value = (2 if left else 1), str(left - 1)
            return response

        self.begin(NEAR)
        self.workers[NEAR].workflows.update(root=root, again=again)
        self.hubs[NEAR].start("c", "root")
        self.finished("c")
        got = [chunks(history)[1] for key, history in self.workers[NEAR].seen if key[0] == "c:0000"]
        self.assertEqual([[chunk[2] for chunk in one] for one in got],
                         [["root"], ["root", "again"], ["root", "again", "again"]])
        for one in got:
            self.assertEqual(one[0][3], self.history(NEAR, "c")[:3])
        self.assertEqual([c[3][1].executionStarted.input.value for c in got[2][1:]], ["2", "1"])
        self.assertEqual(got[1][1], got[2][1])

    def test_kills(self):
        """The daemon is killed again and again while families are at work."""
        self.begin(NEAR, shards=4)
        names = [f"k{i}" for i in range(24)]
        for i, name in enumerate(names):
            self.start(name, 2, LINEAGE if i % 3 else OWN)
            if i % 3 == 2:
                self.daemons[NEAR].kill()
                self.daemons[NEAR].start()
        for name in names:
            self.finished(name)
        self.check()
        self.assertEqual(self.workers[NEAR].again, [])

    def test_other_apps(self):
        """There and back, with either side killed."""
        self.begin(NEAR, FAR, shards=2)
        names = [f"o{i}" for i in range(12)]
        for i, name in enumerate(names):
            self.start(name, 2, LINEAGE if i % 3 else OWN, [FAR, NEAR])
            if i % 4 == 1:
                self.daemons[FAR].kill()
                self.daemons[FAR].start()
            if i % 4 == 3:
                self.daemons[NEAR].kill()
                self.daemons[NEAR].start()
        for name in names:
            self.finished(name)
        self.check()
        self.assertEqual([chunk[0] for chunk in self.received(NEAR, "o1:0002:0002")[1]], [NEAR, FAR])

    def test_activity_of_another_app(self):
        """An activity that another app runs gets the caller's history, too."""
        def one(events, request):
            response = pb.WorkflowResponse()
            if any(e.HasField("taskCompleted") for e in events):
                response.actions.add(id=1).completeWorkflow.workflowStatus = 1
            elif not any(e.HasField("taskScheduled") for e in events):
                action = response.actions.add(id=0)
                action.scheduleTask.name, action.scheduleTask.input.value = "add", "1"
                action.scheduleTask.historyPropagationScope = OWN
                action.router.CopyFrom(router(FAR))
            return response

        self.begin(NEAR, FAR)
        self.workers[NEAR].workflows["one"] = one
        self.hubs[NEAR].start("a", "one")
        self.finished("a")
        (key, history), = self.workers[FAR].seen
        self.assertEqual(key, ("a", 0))
        self.assertEqual(chunks(history), self.passed(NEAR, "a", "taskScheduled", 0))

    def test_rerun(self):
        self.begin(NEAR)
        self.start("r", 1, LINEAGE)
        self.finished("r")
        request = pb.RerunWorkflowFromEventRequest(sourceInstanceID="r", eventID=2, newInstanceID="again")
        self.hubs[NEAR].call("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse, 20)
        self.finished("again")
        self.check()
        self.assertEqual([c[1] for c in self.received(NEAR, "again:0002")[1]], ["again"])


    def test_sizes(self):
        """What goes along counts: an activity that it makes too large waits for a daemon that takes more."""
        self.begin(NEAR, flags=["--max-body-size", "16Ki"])
        hub, worker = self.hubs[NEAR], self.workers[NEAR]

        def turn(events, request):
            response = pb.WorkflowResponse()
            scheduled = sum(e.HasField("taskScheduled") for e in events)
            if scheduled != sum(e.HasField("taskCompleted") for e in events):
                return response
            action = response.actions.add(id=scheduled)
            if scheduled == 3:
                action.completeWorkflow.workflowStatus = 1
            else:
                action.scheduleTask.name = "add"
                action.scheduleTask.input.value = " " * (3000 if scheduled == 2 else 6000) + "1"
                action.scheduleTask.historyPropagationScope = LINEAGE if scheduled == 2 else NONE
            return response

        worker.workflows["large"] = turn
        hub.start("big", "large")
        self.until(lambda: hub.get("big").workflowState.workflowStatus == 8)
        stalled = self.history(NEAR, "big")[-1].executionStalled
        self.assertEqual(stalled.reason, 2)
        self.assertRegex(stalled.description,
                         r"^activity 'add::2' payload \d+ bytes exceeds 95% of max gRPC body size 16384 bytes; increase "
                         r"daprd --max-body-size and restart to resume: activity payload exceeds max gRPC body size$")
        self.histories.clear()
        self.daemons[NEAR].kill()
        self.daemons[NEAR].flags = ["--max-body-size", "64Ki"]
        self.daemons[NEAR].start()
        self.finished("big")
        self.check()


PYTHON = """
import dapr.ext.workflow as wf
from dapr.ext.workflow import PropagationScope
runtime = wf.WorkflowRuntime()

@runtime.activity
def charge(ctx, item):
    return f"paid for the {item}"

@runtime.activity
def audit(ctx, item):
    history = ctx.get_propagated_history()
    names = [w.name for w in history.get_workflows()]
    paid = history.get_last_workflow_by_name("order").get_last_activity_by_name("charge")
    return [history.scope.name, names, paid.output]

@runtime.activity
def nothing(ctx, item):
    return ctx.get_propagated_history() is None

@runtime.workflow
def order(ctx, item):
    yield ctx.call_activity(charge, input=item)
    first = yield ctx.call_activity(audit, input=item, propagation=PropagationScope.OWN_HISTORY)
    shipped = yield ctx.call_child_workflow(ship, input=item, propagation=PropagationScope.LINEAGE)
    none = yield ctx.call_activity(nothing, input=item)
    return [first, shipped, none]

@runtime.workflow
def ship(ctx, item):
    history = ctx.get_propagated_history()
    paid = history.get_last_workflow_by_name("order").get_last_activity_by_name("charge")
    last = yield ctx.call_activity(audit, input=item, propagation=PropagationScope.LINEAGE)
    return [paid.completed, last]

runtime.start()
client = wf.DaprWorkflowClient()
name = client.schedule_new_workflow(order, input="anvil", instance_id="sdk")
print("ends with", client.wait_for_workflow_completion(name, timeout_in_seconds=60).serialized_output)
runtime.shutdown()
"""

SAYS = ('ends with [["OWN_HISTORY", ["order"], "\\"paid for the anvil\\""], '
        '[true, ["LINEAGE", ["order", "ship"], "\\"paid for the anvil\\""]], true]')


class Sdks(Case):
    def test_python(self):
        apps.install("python")
        daemon = self.daemon(NEAR)
        python = str(apps.APPS / "python" / ".venv" / "bin" / "python")
        app = harness.App(daemon, [python, "-c", PYTHON], daemon.folder)
        self.addCleanup(app.kill)
        self.assertEqual(app.wait(90), 0, app.text())
        self.assertIn(SAYS, app.text())

    def test_go(self):
        harness.need("go")
        folder = harness.ROOT / "tests" / "e2e" / "clients" / "propagation-go"
        harness.install(folder)
        daemon = self.daemon(NEAR)
        app = harness.App(daemon, [str(folder / "client")], daemon.folder)
        self.addCleanup(app.kill)
        self.assertEqual(app.wait(90), 0, app.text())
        self.assertIn('ends with ["OWN order: paid","LINEAGE order ship: paid",true]', app.text())


if __name__ == "__main__":
    unittest.main()
