"""A worker that plays workflows written as lists of steps, which are their input: what an SDK does, in a page.

A step is [what, ...]; a workflow's result is the list of its steps' results. See the methods named step_*. The last thing
of a step that calls something may be {"scope": how much history goes along, "app": which app it is of}.
"""

import json
import threading
import time

import raw
import history_events_pb2 as events_pb  # (made by harness.messages)

pb = raw.pb
RUNNING, COMPLETED, CONTINUED, FAILED, TERMINATED = 0, 1, 2, 3, 5
NEVER = 253402300799  # the end of the year 9999, as SDKs have it


class Wait(Exception):
    """What comes next is not in the history yet."""


class Failed(Exception):
    """A step has failed, with this text."""


def passed(request):
    """What |request| has of its callers' histories: of each [app, instance, the kinds of its events, but of turns]."""
    if not request.HasField("propagatedHistory"):
        return None
    events = [[events_pb.HistoryEvent.FromString(raw).WhichOneof("eventType") for raw in chunk.rawEvents]
              for chunk in request.propagatedHistory.chunks]
    return [[chunk.appId, chunk.instanceId, [kind for kind in kinds if kind != "workflowStarted"]]
            for chunk, kinds in zip(request.propagatedHistory.chunks, events)]


class Play:
    def __init__(self, request, events, worker):
        self.request, self.worker = request, worker
        self.response = pb.WorkflowResponse(instanceId=request.instanceId)
        self.next, self.results, self.patches = 0, [], []
        self.made, self.ends, self.raised, self.taken = {}, {}, [], set()
        self.recorded, self.version, self.suspended, self.ended = set(), "", None, None
        for at, event in enumerate(events):
            self.note(at, event)
        if self.suspended is not None and self.ended is None:
            self.__init__(request, events[:self.suspended], worker)
            self.suspended = 0

    def note(self, at, event):
        kind = event.WhichOneof("eventType")
        body = getattr(event, kind)
        if kind in ("taskScheduled", "timerCreated", "childWorkflowInstanceCreated", "detachedWorkflowInstanceCreated"):
            self.made[event.eventId] = body
        elif kind in ("taskCompleted", "taskFailed", "childWorkflowInstanceCompleted", "childWorkflowInstanceFailed"):
            self.ends[body.taskScheduledId] = (at, body)
        elif kind == "timerFired":
            self.ends[body.timerId] = (at, body)
        elif kind == "eventRaised":
            self.raised.append((at, event))
        elif kind == "workflowStarted":
            self.clock = event.timestamp.ToMilliseconds()
            self.recorded |= set(body.version.patches)
            self.version = body.version.name or self.version
        elif kind == "executionStarted":
            self.steps = json.loads(body.input.value)
        elif kind == "executionSuspended":
            self.suspended = at
        elif kind == "executionResumed":
            self.suspended = None
        elif kind == "executionTerminated":
            self.ended = body.input.value

    def turn(self):
        self.version = self.version or self.worker.settings.get("version", "")
        if self.version:
            if self.version not in self.worker.settings["versions"]:
                self.response.actions.add(id=max(self.made, default=-1) + 1).workflowVersionNotAvailable.SetInParent()
                return self.response
            self.response.version.name = self.version
        try:
            if self.ended is not None:
                self.next = max(self.made, default=-1) + 1
                self.complete(TERMINATED, self.ended)
            else:
                for what, *arguments in self.steps:
                    result = getattr(self, "step_" + what)(*arguments)
                    if result is not None:
                        self.results.append(result)
                self.complete(COMPLETED, json.dumps(self.results))
        except Wait:
            pass
        except Failed as failure:
            self.complete(FAILED).failureDetails.errorMessage = str(failure)
        if self.patches:
            self.response.version.patches.extend(self.patches)
        if self.suspended is not None:
            del self.response.actions[:]
        return self.response

    def complete(self, status, result=None):
        action = self.response.actions.add(id=self.next).completeWorkflow
        action.workflowStatus = status
        if result is not None:
            action.result.value = result
        return action

    def act(self):
        """The number of the next thing to do, and an action to fill in when it is not done yet."""
        number, self.next = self.next, self.next + 1
        return number, None if number in self.made else self.response.actions.add(id=number)

    def result(self, number):
        if number not in self.ends:
            raise Wait
        body = self.ends[number][1]
        if body.DESCRIPTOR.name in ("TaskFailedEvent", "ChildWorkflowInstanceFailedEvent"):
            raise Failed(body.failureDetails.errorMessage)
        return getattr(body, "result", body).value if body.DESCRIPTOR.name != "TimerFiredEvent" else ""

    def schedule(self, name, text, execution=None, scope=0, app=None):
        number, action = self.act()
        if action:
            action.scheduleTask.name, action.scheduleTask.input.value = name, text
            action.scheduleTask.taskExecutionId = execution or f"{self.request.instanceId}-{number}"
            self.lead(action, action.scheduleTask, scope, app)
        return number

    def lead(self, action, called, scope=0, app=None):
        if scope:
            called.historyPropagationScope = scope
        if app:
            action.router.targetAppID = self.worker.settings["apps"][app]

    def timer(self, milliseconds, name="", event=None, execution=None):
        number, action = self.act()
        if action:
            timer = action.createTimer
            timer.name = name
            if milliseconds is None:
                timer.fireAt.seconds = NEVER
            else:
                timer.fireAt.FromMilliseconds(self.clock + milliseconds)
            if event:
                timer.externalEvent.name = event
            elif execution:
                timer.activityRetry.taskExecutionId = execution
            else:
                timer.createTimer.SetInParent()
        return number

    def step_call(self, name, text, where={}):
        return self.result(self.schedule(name, text, **where))

    def step_caller(self):
        return passed(self.request)

    def step_all(self, name, texts):
        return [self.result(number) for number in [self.schedule(name, text) for text in texts]]

    def step_retry(self, name, succeeds, attempts, milliseconds):
        """An activity that succeeds at the attempt of this number."""
        execution = None
        for attempt in range(1, attempts + 1):
            number = self.schedule(name, f"{attempt} of {succeeds}", execution)
            execution = execution or f"{self.request.instanceId}-{number}"
            try:
                return self.result(number)
            except Failed:
                if attempt == attempts or self.ends[number][1].failureDetails.isNonRetriable:
                    raise
            self.result(self.timer(milliseconds, f"{name}-retry", execution=execution))

    def step_sleep(self, milliseconds=None):
        self.result(self.timer(self.worker.settings["nap"] if milliseconds is None else milliseconds, "nap"))
        return "slept"

    def step_event(self, name, milliseconds=None):
        """Waits for it for ever, or so long. One that was there before needs no timer, as in SDKs."""
        came = next(((at, e) for at, e in self.raised if at not in self.taken and e.eventRaised.name.lower() == name.lower()), None)
        created = self.made.get(self.next)
        waited = created is not None and created.DESCRIPTOR.name == "TimerCreatedEvent" and created.externalEvent.name == name
        if waited or not came:
            number = self.timer(milliseconds, name, event=name)
            if number in self.ends and not (came and came[0] < self.ends[number][0]):
                return "too late"
        if not came:
            raise Wait
        self.taken.add(came[0])
        return came[1].eventRaised.input.value

    def step_child(self, instance, steps, where={}):
        number, action = self.act()
        if action:
            child = action.createChildWorkflow
            self.lead(action, child, **where)
            child.name, child.instanceId, child.input.value = "script", instance, json.dumps(steps)
        return self.result(number)

    def step_leave(self, instance, steps, where={}):
        _, action = self.act()
        if action:
            left = action.createDetachedWorkflow
            self.lead(action, left, **where)
            left.name, left.instanceId, left.input.value = "script", instance, json.dumps(steps)

    def step_status(self, text):
        self.response.customStatus.value = text

    def step_patch(self, name):
        """Whether the code is the newer one: when it is recorded, or when nothing after it has happened yet."""
        if name in self.worker.settings.get("patches", ()) and (name in self.recorded or self.next not in self.made):
            self.patches.append(name)
            return "new"
        return "old"

    def step_version(self):
        return self.version

    def step_fail(self, text):
        raise Failed(text)

    def step_again(self, steps):
        action = self.complete(CONTINUED, json.dumps(steps))
        action.carryoverEvents.extend(event for at, event in self.raised if at not in self.taken)
        raise Wait


class Worker(raw.Worker):
    """|settings| can be changed at any time, as another release of the app does: version (of new workflows), versions (that
    it has), patches, nap (milliseconds of a sleep that has none), twice (it sends each answer twice; those of activities without a token),
    apps (their ids, by what steps call them). It counts how many activities named slow run at once, and the most that did."""

    running = threading.Lock()

    def __init__(self, port, settings):
        self.settings = settings
        super().__init__(port, {"script": lambda events, request: Play(request, events, self).turn()})

    def activity(self, request, token):
        response = pb.ActivityResponse(instanceId=request.workflowInstance.instanceId, taskId=request.taskId)
        try:
            response.result.value = (json.dumps(passed(request)) if request.name == "see"
                                     else getattr(self, "do_" + request.name)(request.input.value))
        except Failed as failure:
            response.failureDetails.errorType, response.failureDetails.errorMessage = "Failed", str(failure)
            response.failureDetails.isNonRetriable = "never" in str(failure)
        self.answer("CompleteActivityTask", response, token)

    def turn(self, request, token):
        events = list(request.pastEvents) + list(request.newEvents)
        self.answer("CompleteOrchestratorTask", self.workflows["script"](events, request), token)

    def answer(self, method, response, token):
        if method != "CompleteActivityTask" or not self.settings.get("twice"):
            response.completionToken = token
        for _ in range(1 + bool(self.settings.get("twice"))):
            self.hub.call(method, response, pb.CompleteTaskResponse)

    def do_add(self, text):
        return str(int(text) + 1)

    def do_slow(self, text):
        with self.running:
            self.settings["slow"] = self.settings.get("slow", 0) + 1
            self.settings["most slow"] = max(self.settings.get("most slow", 0), self.settings["slow"])
        time.sleep(0.05)
        with self.running:
            self.settings["slow"] -= 1
        return text

    def do_big(self, text):
        return "x" * int(text)

    def do_flaky(self, text):
        attempt, _, succeeds = text.partition(" of ")
        if int(attempt) < int(succeeds):
            raise Failed(f"failed in attempt {attempt}")
        return text

    def do_hopeless(self, text):
        raise Failed("will never work")
