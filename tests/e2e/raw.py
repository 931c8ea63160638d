"""A client and a worker of the TaskHub service, made of raw gRPC calls.

The worker keeps a ledger of what it was given and of what was acknowledged: the claim that is tested
is that an acknowledged result is never asked for again.
"""

import threading
import time

import grpc

import harness

pb = harness.messages()
SERVICE = "/TaskHubSidecarService/"


class Hub:
    """|agent|: what it says it is, as an SDK does."""

    def __init__(self, port, metadata=(), agent=None):
        named = [("grpc.primary_user_agent", agent)] if agent else []
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=named + [
            ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
            ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.max_receive_message_length", 64 << 20)])
        self.metadata = metadata

    def call(self, method, request, answer, timeout=30):
        send = self.channel.unary_unary(SERVICE + method, type(request).SerializeToString, answer.FromString)
        try:
            return send(request, timeout=timeout, metadata=self.metadata)
        except grpc.RpcError as error:
            # gRPC 1.51 reads errno too late: a connection may fail for what another call left there, and no TCP port gives ENOENT.
            if "last error: UNKNOWN" not in error.details() or "No such file or directory" not in error.details():
                raise
        return send(request, timeout=timeout, metadata=self.metadata, wait_for_ready=True)

    def start(self, instance, name="chain", text="", timeout=30, start_at=None, **fields):
        request = pb.CreateInstanceRequest(instanceId=instance, name=name, **fields)
        if text is not None:
            request.input.value = text
        if start_at is not None:
            request.scheduledStartTimestamp.FromNanoseconds(int(start_at * 1e9))
        return self.call("StartInstance", request, pb.CreateInstanceResponse, timeout)

    def get(self, instance, payloads=True):
        return self.call("GetInstance", pb.GetInstanceRequest(
            instanceId=instance, getInputsAndOutputs=payloads), pb.GetInstanceResponse)

    def wait(self, instance, timeout=30):
        return self.call("WaitForInstanceCompletion", pb.GetInstanceRequest(
            instanceId=instance, getInputsAndOutputs=True), pb.GetInstanceResponse,
            timeout).workflowState

    def raise_event(self, instance, name, text=""):
        request = pb.RaiseEventRequest(instanceId=instance, name=name)
        request.input.value = text
        return self.call("RaiseEvent", request, pb.RaiseEventResponse)

    def history(self, instance):
        return self.call("GetInstanceHistory", pb.GetInstanceHistoryRequest(instanceId=instance),
                         pb.GetInstanceHistoryResponse).events

    def ids(self, **fields):
        """A page of instance ids, and the token of the next one."""
        page = self.call("ListInstanceIDs", pb.ListInstanceIDsRequest(**fields),
                         pb.ListInstanceIDsResponse)
        token = page.continuationToken if page.HasField("continuationToken") else None
        return list(page.instanceIds), token

    def close(self):
        self.channel.close()


def chain(events, request):
    """The turn of a chain of as many activities as the input says, each fed with the last result."""
    started = next(e for e in events if e.HasField("executionStarted"))
    length = int(started.executionStarted.input.value)
    done = {e.taskCompleted.taskScheduledId: e.taskCompleted.result.value for e in events
            if e.HasField("taskCompleted")}
    scheduled = sum(e.HasField("taskScheduled") for e in events)
    response = pb.WorkflowResponse()
    if len(done) < scheduled:
        return response
    last = done[scheduled - 1] if scheduled else "0"
    action = response.actions.add(id=scheduled)
    if scheduled < length:
        action.scheduleTask.name = "add"
        action.scheduleTask.input.value = last
    else:
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = last
    return response


def timer(events, request):
    """A workflow that sleeps as many milliseconds as its input says, and tells when it was woken."""
    started = next(e for e in events if e.HasField("executionStarted"))
    clocks = [e.timestamp.ToNanoseconds() for e in events if e.HasField("workflowStarted")]
    response = pb.WorkflowResponse()
    fired = [e for e in events if e.HasField("timerFired")]
    if fired:
        action = response.actions.add(id=1)
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = str(
            fired[0].timestamp.ToNanoseconds() - fired[0].timerFired.fireAt.ToNanoseconds())
    elif not any(e.HasField("timerCreated") for e in events):
        action = response.actions.add(id=0)
        action.createTimer.fireAt.FromNanoseconds(
            clocks[0] + int(started.executionStarted.input.value) * 1000000)
    return response


class Worker:
    """Reconnects for ever; `echo` says whether it sends completion tokens back, as newer SDKs do. One that `says` which
    (workflows, activities) it has is given no others. `ledger` is another worker, whose ledger it shares. It works on
    all that it has `at_once`, so that what it notes as given has only just come. `asks`: more of its encoded request for
    work."""

    def __init__(self, port, workflows=None, echo=True, delay=0.0, hub=None, says=((), ()), ledger=None, at_once=False, agent=None,
                 asks=b""):
        self.port, self.echo, self.delay, self.agent, self.asks = port, echo, delay, agent, asks
        self.workflows = workflows or {"chain": chain, "timer": timer}
        self.given, self.acknowledged, self.again = [], set(), []
        self.turns, self.says, self.at_once = 0, says, at_once
        self.largest = 0  # bytes of an item that it was given
        self.lock = threading.Lock()
        if ledger:
            self.given, self.acknowledged, self.again, self.lock = ledger.given, ledger.acknowledged, ledger.again, ledger.lock
        self.connected = threading.Event()
        self.closing = False
        self.hub = hub  # a connection to share with a client, at first
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.closing:
            self.hub = self.hub or Hub(self.port, agent=self.agent)
            try:
                stream = self.hub.channel.unary_stream(
                    SERVICE + "GetWorkItems", lambda request: request.SerializeToString() + self.asks,
                    pb.WorkItem.FromString)(
                        pb.GetWorkItemsRequest(workflows=self.says[0], activities=self.says[1]), wait_for_ready=True)
                stream.initial_metadata()
                self.connected.set()
                for item in stream:
                    if self.at_once:
                        threading.Thread(target=self.work_apart, args=(item,), daemon=True).start()
                    else:
                        self.work(item)
            except grpc.RpcError:
                pass
            self.connected.clear()
            self.hub.close()
            self.hub = None
            time.sleep(0.01)

    def work_apart(self, item):
        try:
            self.work(item)
        except (grpc.RpcError, ValueError, AttributeError):
            pass  # it is given again, and the stream has an end of its own

    def work(self, item):
        self.largest = max(self.largest, item.ByteSize())
        if item.HasField("activityRequest"):
            self.activity(item.activityRequest, item.completionToken)
        else:
            self.turn(item.workflowRequest, item.completionToken)

    def activity(self, request, token):
        key = (request.workflowInstance.instanceId, request.taskId)
        with self.lock:
            self.given.append(key)
            if key in self.acknowledged:
                self.again.append(key)
        if self.delay:
            time.sleep(self.delay)
        response = pb.ActivityResponse(instanceId=key[0], taskId=key[1])
        response.result.value = str(int(request.input.value) + 1)
        if self.echo:
            response.completionToken = token
        self.hub.call("CompleteActivityTask", response, pb.CompleteTaskResponse)
        with self.lock:
            self.acknowledged.add(key)

    def turn(self, request, token):
        events = list(request.pastEvents) + list(request.newEvents)
        name = next(e for e in events if e.HasField("executionStarted")).executionStarted.name
        response = self.workflows[name](events, request)
        response.instanceId = request.instanceId
        if self.echo:
            response.completionToken = token
        self.turns += 1
        self.hub.call("CompleteOrchestratorTask", response, pb.CompleteTaskResponse)

    def close(self):
        self.closing = True
        if self.hub:
            self.hub.close()
        self.thread.join(5)
