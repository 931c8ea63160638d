"""Daemons of one app, one or several, on a store, in peace or under kills; and what they did, in words that times and ids
do not touch, so that two such worlds can be compared."""

import copy
import json
import re
import secrets
import time

import grpc
from google.protobuf.json_format import MessageToDict

import harness
import raw
import scripted

pb = raw.pb
NOISE = re.compile(r"timestamp|executionId|parentTraceContext|workflowSpanID|newInstanceId", re.I)
SIZE = re.compile(r"payload size \d+ bytes")  # of what has times in it
RESULTS = ("taskCompleted", "taskFailed", "childWorkflowInstanceCompleted", "childWorkflowInstanceFailed", "timerFired")


class World:
    """|kills|: one daemon after the other is killed with -9 and started again, each after so many answered calls; 0: none is.
    What a program does here is kept in `said`."""

    def __init__(self, name, count=1, store="state.sqlite", server=None, kills=0, shards=6):
        self.name, self.count, self.store, self.server, self.kills, self.shards = name, count, store, server, kills, shards
        self.daemons, self.workers, self.hubs, self.said = [], [], [], []
        self.app, self.settings, self.calls = f"same-{secrets.token_hex(4)}", {}, 0
        self.answered = 0
        self.name_of_all, self.target, self.other = self.app, None, None

    def open(self, flags=(), workflow=None, with_other=False):
        """|workflow|: what the Configuration says of them. |with_other|: beside another app, which then is `other`, on a store
        of its own or on the same server."""
        for _ in range(self.count):
            folder = self.daemons[0].folder if self.daemons and not self.server else None
            self.daemons.append(harness.Daemon(app_id=self.app, store=self.store, server=self.server, folder=folder, flags=flags,
                                               shards=self.shards))
        if workflow:
            for daemon in self.daemons:
                file = daemon.folder / "policy.yaml"
                file.write_text(f"kind: Configuration\nspec: {{workflow: {workflow}}}\n")
            self.restart([*flags, "--config", str(self.daemons[0].folder / "policy.yaml")])
        self.workers = [scripted.Worker(daemon.grpc, self.settings) for daemon in self.daemons]
        self.hubs = [raw.Hub(daemon.grpc) for daemon in self.daemons]
        for worker in self.workers:
            if not worker.connected.wait(30):
                raise RuntimeError(f"{self.name}: no worker has a stream")
        if with_other:
            self.other = World(f"the other app, {self.name}", self.count, self.store, self.server, 0, self.shards)
            self.other.app, self.other.name_of_all, self.other.said = self.app + "-other", self.app, self.said
            self.settings["apps"] = {"near": self.app, "other": self.other.app}
            self.other.settings = self.settings
            self.other.open(flags)

    def through(self, app):
        """The same, for calls on workflows of |app|, which go by the daemons of this one."""
        far = copy.copy(self)
        far.target = self.settings["apps"][app]
        return far

    def close(self):
        if self.other:
            self.other.close()
        for worker in self.workers:
            worker.closing = True
        for hub in self.hubs:
            hub.close()
        for daemon in reversed(self.daemons):
            daemon.close()

    def restart(self, flags=None):
        """All daemons, killed at once."""
        for daemon in self.daemons:
            daemon.kill()
        for daemon in self.daemons:
            daemon.flags = list(flags if flags is not None else daemon.flags)
            daemon.start()
        self.find_all()

    def reconnect(self):
        """The workers come again, as after a new release of the app."""
        for worker in self.workers:
            worker.connected.clear()
            worker.hub.close()
        for worker in self.workers:
            if not worker.connected.wait(30):
                raise RuntimeError(f"{self.name}: no worker has a stream")

    def ask(self, method, request, answer, timeout=30):
        """The daemons are asked in turn. Again where it is not known what became of it: its own daemon may have just died,
        or the one that has the workflow."""
        self.calls += 1
        if self.target:
            request.router.targetAppID = self.target
        end, again = time.monotonic() + timeout, False
        while True:
            try:
                return self.hubs[self.calls % self.count].call(method, request, answer, timeout=timeout)
            except grpc.RpcError as error:
                if again and error.code() == grpc.StatusCode.ALREADY_EXISTS and answer is pb.CreateInstanceResponse:
                    return answer(instanceId=request.instanceId)
                if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                    raise
                again = "failed to connect" not in error.details()
            time.sleep(0.02)

    def do(self, method, request, answer):
        """Asks, notes what is answered, and maybe kills a daemon."""
        try:
            said = self.ask(method, request, answer)
            self.say(method, MessageToDict(said))
        except grpc.RpcError as error:
            said = None
            self.say(method, error.code().name, error.details())
        self.answered += 1
        if self.kills and self.answered % self.kills == 0:
            worlds = [self, self.other] if self.other else [self]
            daemons = [daemon for world in worlds for daemon in world.daemons]
            daemon = daemons[self.answered // self.kills % len(daemons)]
            daemon.kill()
            daemon.start()
            for world in worlds:
                world.find_all()
        return said

    def find_all(self):
        """Until each daemon has found who serves each shard now. A call that got no answer, since it went to the one before,
        may have been carried out: asked for again, it would be done twice."""
        for hub in self.hubs:
            for number in range(16):
                request = pb.GetInstanceRequest(instanceId=f"probe{number}")
                self.until("the daemons have found each other", lambda: self.answers(hub, request))

    def answers(self, hub, request):
        try:
            return hub.call("GetInstance", request, pb.GetInstanceResponse, timeout=30)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return None

    def say(self, *words):
        text = json.dumps(words, sort_keys=True).replace(self.name_of_all, "APP")
        self.said.append(text)

    # --- what programs do --------------------------------------------------------------------

    def start(self, instance, *steps, at=None, unique=False):
        request = pb.CreateInstanceRequest(instanceId=instance, name="script", enforceUniqueInstanceId=unique)
        request.input.value = json.dumps(steps)
        if at is not None:
            request.scheduledStartTimestamp.FromNanoseconds(int(at * 1e9))
        self.do("StartInstance", request, pb.CreateInstanceResponse)

    def event(self, instance, name, text="x"):
        request = pb.RaiseEventRequest(instanceId=instance, name=name)
        request.input.value = text
        self.do("RaiseEvent", request, pb.RaiseEventResponse)

    def suspend(self, instance):
        self.do("SuspendInstance", pb.SuspendRequest(instanceId=instance), pb.SuspendResponse)

    def resume(self, instance):
        self.do("ResumeInstance", pb.ResumeRequest(instanceId=instance), pb.ResumeResponse)

    def terminate(self, instance, text="enough", recursive=True):
        request = pb.TerminateRequest(instanceId=instance, recursive=recursive)
        request.output.value = text
        self.do("TerminateInstance", request, pb.TerminateResponse)

    def purge(self, instance, **fields):
        self.do("PurgeInstances", pb.PurgeInstancesRequest(instanceId=instance, **fields), pb.PurgeInstancesResponse)

    def rerun(self, source, number, instance, text=None):
        request = pb.RerunWorkflowFromEventRequest(sourceInstanceID=source, eventID=number, newInstanceID=instance)
        if text is not None:
            request.overwriteInput, request.input.value = True, text
        self.do("RerunWorkflowFromEvent", request, pb.RerunWorkflowFromEventResponse)

    def state(self, instance):
        answer = self.ask("GetInstance", pb.GetInstanceRequest(instanceId=instance, getInputsAndOutputs=True), pb.GetInstanceResponse)
        return answer.workflowState if answer.exists else None

    def history(self, instance):
        return self.ask("GetInstanceHistory", pb.GetInstanceHistoryRequest(instanceId=instance), pb.GetInstanceHistoryResponse).events

    def until(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: waited {seconds} s until {what}\n" + self.daemons[0].output()[-3000:])
            time.sleep(0.02)

    def reaches(self, instance, status, label=None):
        """Until it has this status, and this custom status."""
        def there():
            state = self.state(instance)
            return state is not None and state.workflowStatus == status and label in (None, state.customStatus.value)
        self.until(f"{instance} has status {status} {label or ''}", there)

    def happens(self, instance, kind, count=1):
        """Until its history has so many events of that kind."""
        def there():
            try:
                return sum(event.HasField(kind) for event in self.history(instance)) >= count
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.NOT_FOUND:
                    raise
                return False
        self.until(f"{instance} has {count} {kind}", there)

    def ends(self, instance, status=scripted.COMPLETED):
        self.reaches(instance, status)

    def gone(self, instance):
        self.until(f"{instance} is gone", lambda: self.state(instance) is None)

    def output(self, instance):
        return json.loads(self.state(instance).output.value)

    # --- what is compared --------------------------------------------------------------------

    def ids(self, prefix):
        """Those of a program, in the order of the list."""
        found, token = [], ""
        while token is not None:
            page = self.ask("ListInstanceIDs", pb.ListInstanceIDsRequest(pageSize=3, continuationToken=token), pb.ListInstanceIDsResponse)
            found += [i for i in page.instanceIds if i.startswith(prefix)]
            token = page.continuationToken if page.HasField("continuationToken") else None
        return found

    def settle(self, prefix):
        """Notes all that can be known of a program's workflows. Their ids begin with |prefix|."""
        for instance in self.ids(prefix):
            self.say(instance, plain(MessageToDict(self.state(instance))))
            for event in told(self.history(instance)):
                self.say(instance, *event)


def plain(value):
    """Without what is another time or id in each world."""
    if isinstance(value, str):
        return SIZE.sub("payload size N bytes", value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if not NOISE.search(key) and key not in ("fireAt", "startedAt")}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def told(history):
    """(kind, event) of a history. Results that came one after the other are in the order of their ids, and turns leave
    nothing but their version: what comes in which turn is a matter of time."""
    events = []
    for event in history:
        kind = event.WhichOneof("eventType")
        if kind == "workflowStarted" and not event.workflowStarted.HasField("version"):
            continue
        events.append((kind, plain(MessageToDict(event))))
    at = 0
    while at < len(events):
        end = at
        while end < len(events) and events[end][0] in RESULTS:
            end += 1
        events[at:end] = sorted(events[at:end], key=lambda event: json.dumps(event[1], sort_keys=True))
        at = end + 1
    last, kept = {}, []
    for kind, event in events:  # a turn tells its version each time, and a stall is told again by a later daemon
        if kind in ("workflowStarted", "executionStalled"):
            if event == last.get(kind):
                continue
            last[kind] = event
        kept.append((kind, event))
    return kept
