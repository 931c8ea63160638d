"""Traces of the daemon: what spans there are and how they hang together, by every way out, through
crashes, and with receivers that do not answer."""

import base64
import re
import sys
import time
import unittest

import apps
import collector
import grpc
import harness
import raw

sys.path.insert(0, str(harness.ROOT / "tests" / "net"))
import netlib

pb = raw.pb
Context = type(pb.CreateInstanceRequest().parentTraceContext)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"

CONFIG = """apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {{name: appconfig}}
spec:
  tracing:
    samplingRate: "{rate}"
    {way}
"""

ZIPKIN = "zipkin: {{endpointAddress: 'http://127.0.0.1:{0.port}/api/v2/spans'}}"
OTLP_HTTP = ("otel: {{protocol: http, endpointAddress: '127.0.0.1:{0.port}', isSecure: false, "
             "headers: ['x-key=secret']}}")
OTLP_GRPC = ("otel: {{protocol: grpc, endpointAddress: '127.0.0.1:{0.grpc_port}', isSecure: false, "
             "headers: ['x-key=secret']}}")


def story(events, request):
    """One of everything: an activity, a timer, an event, a child."""
    response = pb.WorkflowResponse()
    kinds = [e.WhichOneof("eventType") for e in events]
    clock = next(e.timestamp for e in events if e.HasField("workflowStarted"))
    if "taskScheduled" not in kinds:
        action = response.actions.add(id=0)
        action.scheduleTask.name = "add"
        action.scheduleTask.input.value = "1"
    elif "taskCompleted" in kinds and "timerCreated" not in kinds:
        action = response.actions.add(id=1)
        action.createTimer.fireAt.FromNanoseconds(clock.ToNanoseconds() + 10 ** 8)
    elif "timerFired" in kinds and "childWorkflowInstanceCreated" not in kinds:
        action = response.actions.add(id=2)
        action.createChildWorkflow.name = "chain"
        action.createChildWorkflow.input.value = "1"
    elif "childWorkflowInstanceCompleted" in kinds and "eventRaised" in kinds:
        action = response.actions.add(id=3)
        action.completeWorkflow.workflowStatus = 1
    return response


def failing(events, request):
    response = pb.WorkflowResponse()
    action = response.actions.add(id=0)
    action.completeWorkflow.workflowStatus = 3
    action.completeWorkflow.failureDetails.errorType = "Trouble"
    action.completeWorkflow.failureDetails.errorMessage = "out of stock"
    return response


def patched(events, request):
    response = pb.WorkflowResponse()
    response.version.patches.extend(["quick", 'says "yes"'])
    action = response.actions.add(id=0)
    action.completeWorkflow.workflowStatus = 1
    return response


def eternal(events, request):
    """Continues as new until its input has counted down."""
    started = next(e for e in events if e.HasField("executionStarted")).executionStarted
    left = int(started.input.value)
    response = pb.WorkflowResponse()
    action = response.actions.add(id=0)
    action.completeWorkflow.workflowStatus = 2 if left else 1
    action.completeWorkflow.result.value = str(left - 1)
    return response


class Recorder(raw.Worker):
    """Keeps the trace contexts that it is given."""

    def __init__(self, port):
        self.contexts = {}
        super().__init__(port, {"chain": raw.chain, "story": story, "failing": failing, "patched": patched,
                                "eternal": eternal, "timer": raw.timer})

    def activity(self, request, token):
        self.contexts[(request.workflowInstance.instanceId, request.taskId)] = \
            request.parentTraceContext
        super().activity(request, token)


class Traced(unittest.TestCase):
    """A daemon whose spans go |way|."""

    def open(self, way, rate=1, env=None):
        self.collector = collector.Collector()
        self.addCleanup(self.collector.close)
        folder = harness.tempfile.mkdtemp(prefix="pawl-traces-")
        self.addCleanup(harness.shutil.rmtree, folder, ignore_errors=True)
        config = harness.Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(rate=rate, way=way.format(self.collector)))
        self.daemon = harness.Daemon(flags=["--config", str(config)], env=env)
        self.addCleanup(self.daemon.close)
        self.worker = Recorder(self.daemon.grpc)
        self.addCleanup(self.worker.close)
        self.hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(self.hub.close)
        self.assertTrue(self.worker.connected.wait(10))

    def run_workflow(self, name, instance, text="1", timeout=20, **fields):
        self.hub.start(instance, name, text, timeout, **fields)
        return self.hub.wait(instance)


class Shape(Traced):
    def test_tree(self):
        """One trace from the call to the activity, with the reference's names and attributes."""
        self.open(ZIPKIN)
        self.hub.start("a", "story")
        self.hub.raise_event("a", "approval", "yes!")
        self.hub.wait("a")
        chain = {s.tags["durabletask.task.instance_id"]: s
                 for s in self.collector.wait("orchestration||chain")}["a:0002"]
        parent = self.collector.wait("orchestration||story")[0]
        call = next(s for s in self.collector.wait("/TaskHubSidecarService/StartInstance"))
        create = self.collector.wait("create_orchestration||story")[0]
        activities = self.collector.wait("activity||add", 2)
        timer = self.collector.wait("timer")[0]
        self.assertIsNone(call.parent)
        self.assertEqual(create.parent, call.id)
        self.assertEqual(parent.parent, create.id)
        self.assertEqual(chain.parent, parent.id)
        self.assertEqual(timer.parent, parent.id)
        self.assertEqual(sorted(s.parent for s in activities), sorted([parent.id, chain.id]))
        self.assertEqual({s.trace for s in [call, create, parent, chain, timer, *activities]},
                         {call.trace})
        self.assertEqual([s.kind for s in (call, create, parent, timer, activities[0])],
                         ["CLIENT", "CLIENT", "SERVER", "INTERNAL", "SERVER"])
        self.assertEqual(call.tags, {
            "dapr.protocol": "grpc", "dapr.api": "/TaskHubSidecarService/StartInstance",
            "rpc.service": "TaskHubSidecarService", "dapr.status_code": "0",
            "otel.library.name": "dapr-diagnostics"})
        self.assertEqual(parent.tags, {
            "durabletask.type": "orchestration", "durabletask.task.name": "story",
            "durabletask.task.instance_id": "a", "durabletask.runtime_status": "COMPLETED",
            "otel.library.name": "durabletask"})
        self.assertEqual(parent.events, ['Received external event: {"name":"approval","size":4}'])
        own = next(s for s in activities if s.parent == parent.id)
        self.assertEqual(own.tags, {
            "durabletask.type": "activity", "durabletask.task.name": "add",
            "durabletask.task.task_id": "0", "durabletask.task.instance_id": "a",
            "otel.library.name": "durabletask"})
        self.assertEqual(timer.tags["durabletask.type"], "timer")
        self.assertRegex(timer.tags["durabletask.fire_at"], r"^20\d\d-.*Z$")
        self.assertEqual(timer.start, timer.end)
        self.assertEqual({s.service for s in self.collector.spans}, {"order-processor"})
        # What a worker is given is the span that its own spans go under.
        context = self.worker.contexts[("a", 0)]
        self.assertEqual(context.traceParent, f"00-{parent.trace}-{own.id}-01")
        self.assertEqual(context.spanID, own.id)
        # A workflow's span is from its first turn to its end, and holds all that is in it.
        for inner in (timer, chain, *activities):
            self.assertGreaterEqual(inner.start, parent.start)
            self.assertLessEqual(inner.end, parent.end + 1000000)
        self.assertGreaterEqual(parent.end - parent.start, 10 ** 8)

    def test_context_of_a_client(self):
        """With a client's span the workflow is in its trace, and the call's span in another."""
        self.open(ZIPKIN)
        request = {"parentTraceContext": Context(traceParent=SAMPLED, spanID=SPAN)}
        self.run_workflow("chain", "a", **request)
        create = self.collector.wait("create_orchestration||chain")[0]
        workflow = self.collector.wait("orchestration||chain")[0]
        call = self.collector.wait("/TaskHubSidecarService/StartInstance")[0]
        self.assertEqual((create.trace, create.parent), (TRACE, SPAN))
        self.assertEqual((workflow.trace, workflow.parent), (TRACE, create.id))
        self.assertNotEqual(call.trace, TRACE)
        started = self.hub.history("a")[1].executionStarted
        self.assertEqual(started.parentTraceContext.traceParent, f"00-{TRACE}-{create.id}-01")
        self.assertEqual(started.workflowSpanID.value, workflow.id)

    def test_headers(self):
        """W3C's headers and gRPC's, in and out, by both protocols."""
        self.open(ZIPKIN)
        code, _, headers = self.daemon.request(
            "POST", "/v1.0/workflows/dapr/chain/start?instanceID=web", b"1",
            {"traceparent": SAMPLED, "tracestate": "vendor=1"})
        self.assertEqual(code, 202)
        self.hub.wait("web")
        call = next(s for s in self.collector.wait(
            "/v1.0/workflows/{component}/{name}/start") if s.trace == TRACE)
        self.assertEqual(call.parent, SPAN)
        self.assertEqual(headers["traceparent"], f"00-{TRACE}-{call.id}-01")
        self.assertEqual(headers["tracestate"], "vendor=1")
        self.assertEqual(call.tags["dapr.api"],
                         "POST /v1.0/workflows/{component}/{name}/start")
        self.assertEqual(call.tags["dapr.status_code"], "202")
        create = next(s for s in self.collector.wait("create_orchestration||chain"))
        self.assertEqual((create.trace, create.parent), (TRACE, call.id))
        self.assertEqual(
            self.hub.history("web")[1].executionStarted.parentTraceContext.traceState.value,
            "vendor=1")
        binary = (bytes([0, 0]) + bytes.fromhex(TRACE) + bytes([1]) + bytes.fromhex(SPAN) +
                  bytes([2, 1]))
        # A client that says what it wants raw, as gRPC's own hide what they know of traces.
        text = base64.b64encode(binary).rstrip(b"=")
        for index, header in enumerate([(b"traceparent", SAMPLED.encode()),
                                        (b"grpc-trace-bin", text)]):
            path = b"/TaskHubSidecarService/GetInstance"
            block = b"".join(netlib.literal(n, v) for n, v in [
                (b":method", b"POST"), (b":scheme", b"http"), (b":path", path),
                (b":authority", b"x"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
                header])
            with netlib.H2(self.daemon.grpc) as client:
                client.send(netlib.frame(netlib.HEADERS, netlib.END_HEADERS, 1, block))
                client.send(netlib.frame(netlib.DATA, netlib.END_STREAM, 1, netlib.message(
                    pb.GetInstanceRequest(instanceId="web").SerializeToString())))
                fields = client.answer(1)[0]
            self.assertEqual(fields["grpc-status"], "0")
            mine = self.collector.wait(path.decode(), index + 1)[index]
            self.assertEqual((mine.trace, mine.parent), (TRACE, SPAN))
            self.assertEqual(fields["traceparent"], f"00-{TRACE}-{mine.id}-01")
            answer = base64.b64decode(fields["grpc-trace-bin"] + "==")
            self.assertEqual(answer, binary[:19] + bytes.fromhex(mine.id) + binary[27:])

    def test_failures(self):
        """A workflow that fails, a call that fails."""
        self.open(ZIPKIN)
        self.run_workflow("failing", "a")
        workflow = self.collector.wait("orchestration||failing")[0]
        self.assertEqual(workflow.error, "out of stock")
        self.assertEqual(workflow.tags["durabletask.runtime_status"], "FAILED")
        code, _, _ = self.daemon.request("GET", "/v1.0/workflows/dapr/missing")
        self.assertEqual(code, 404)
        call = self.collector.wait("/v1.0/workflows/{component}/{id}")[0]
        self.assertEqual(call.error, "HTTP status 404")
        with self.assertRaises(grpc.RpcError):
            self.hub.start("", "chain")
        create = self.collector.wait("create_orchestration||chain")[0]
        self.assertIsNotNone(create.error)

    def test_patches(self):
        """The patches of a workflow's code are a JSON list, whatever they are called."""
        self.open(ZIPKIN)
        self.run_workflow("patched", "a")
        workflow = self.collector.wait("orchestration||patched")[0]
        self.assertEqual(workflow.tags["applied_patches"], '["quick","says \\"yes\\""]')

    def test_continue_as_new(self):
        """Each generation is the root of a trace of its own."""
        self.open(ZIPKIN)
        self.run_workflow("eternal", "a", "2")
        spans = sorted(self.collector.wait("orchestration||eternal", 3), key=lambda s: s.start)
        self.assertEqual([s.tags["durabletask.runtime_status"] for s in spans],
                         ["CONTINUED_AS_NEW", "CONTINUED_AS_NEW", "COMPLETED"])
        self.assertIsNotNone(spans[0].parent)
        self.assertEqual([s.parent for s in spans[1:]], [None, None])
        self.assertEqual(len({s.trace for s in spans}), 3)
        for span in spans:
            self.assertLessEqual(span.start, span.end)

    def test_suspended(self):
        self.open(ZIPKIN)
        self.hub.start("a", "story")
        self.hub.call("SuspendInstance", pb.SuspendRequest(
            instanceId="a", reason={"value": "for lunch"}), pb.SuspendResponse)
        self.hub.call("ResumeInstance", pb.ResumeRequest(instanceId="a"), pb.ResumeResponse)
        self.hub.call("TerminateInstance", pb.TerminateRequest(instanceId="a"),
                      pb.TerminateResponse)
        workflow = self.collector.wait("orchestration||story")[0]
        self.assertEqual(workflow.tags["durabletask.runtime_status"], "TERMINATED")
        self.assertEqual(workflow.events,
                         ['Execution suspended: {"reason":"for lunch"}', "Execution resumed"])


class Sampling(Traced):
    def test_off(self):
        """With a rate of 0 nothing is traced, and a client's context goes through."""
        self.open(ZIPKIN, rate=0)
        self.run_workflow("chain", "a",
                          parentTraceContext=Context(traceParent=SAMPLED, spanID=SPAN))
        self.assertEqual(self.worker.contexts[("a", 0)].traceParent, SAMPLED)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.collector.calls, 0)

    def test_parent_decides(self):
        """Who has a parent does as it does, whatever the rate."""
        self.open(ZIPKIN, rate=0.000001)
        self.run_workflow("chain", "kept",
                          parentTraceContext=Context(traceParent=SAMPLED, spanID=SPAN))
        for i in range(20):
            self.run_workflow("chain", f"plain-{i}")
        self.run_workflow("chain", "no",
                          parentTraceContext=Context(traceParent=UNSAMPLED, spanID=SPAN))
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual({s.tags.get("durabletask.task.instance_id") for s in self.collector.spans},
                         {"kept"})
        self.assertEqual(self.worker.contexts[("no", 0)].traceParent, "")


class WaysOut(Traced):
    def check(self, way, env=None, service="order-processor"):
        self.open(way, env=env)
        self.run_workflow("chain", "a")
        workflow = self.collector.wait("orchestration||chain")[0]
        activity = self.collector.wait("activity||add")[0]
        self.assertEqual(activity.parent, workflow.id)
        self.assertEqual(activity.tags["durabletask.task.task_id"], "0")
        self.assertEqual(activity.kind, "SERVER")
        self.assertEqual(workflow.service, service)
        self.assertEqual(self.daemon.stop(), 0)
        return {k.lower(): v for k, v in self.collector.headers[0].items()}

    def test_otlp_http(self):
        headers = self.check(OTLP_HTTP)
        self.assertEqual(headers["x-key"], "secret")
        self.assertEqual(headers["content-type"], "application/x-protobuf")

    def test_otlp_grpc(self):
        self.assertEqual(self.check(OTLP_GRPC)["x-key"], "secret")

    def test_environment(self):
        """OpenTelemetry's variables win over the file."""
        self.collector = None
        receiver = collector.Collector()
        self.addCleanup(receiver.close)
        self.open("otel: {{endpointAddress: '127.0.0.1:1', isSecure: true}}", env={
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20secret",
            "OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "deployment=blue,zone=1"})
        self.run_workflow("chain", "a")
        self.assertEqual(receiver.wait("orchestration||chain")[0].service, "shop")
        self.assertEqual({k.lower(): v for k, v in receiver.headers[0].items()}["x-key"], "a secret")
        self.assertEqual(receiver.resources[0],
                         {"service.name": "shop", "deployment": "blue", "zone": "1"})

    def test_log(self):
        self.open("stdout: true")
        self.run_workflow("chain", "a")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertRegex(self.daemon.output(), re.compile(
            r"\[orchestration\|\|chain\] Trace: [0-9a-f]{32} Span: [0-9a-f]{16}/[0-9a-f]{16} "
            r"Time: \[20.*Z ->  20.*Z\] Annotations: \[.*\].*scope=dapr\.runtime\.trace"))

    def test_wrong_address(self):
        with self.assertRaisesRegex(RuntimeError, "cannot start: 'nowhere:::' is not an address"):
            self.open("zipkin: {{endpointAddress: 'nowhere:::'}}")


class Trouble(Traced):
    def test_crash(self):
        """A workflow that outlives its daemon is one span, in the trace that it began in."""
        self.open(ZIPKIN)
        self.hub.start("a", "story")
        self.collector.wait("activity||add")
        self.collector.wait("create_orchestration||story")
        self.daemon.kill()
        self.daemon.start()
        self.assertTrue(self.worker.connected.wait(10))
        self.hub.raise_event("a", "approval")
        self.hub.wait("a")
        workflow = self.collector.wait("orchestration||story")[0]
        create = self.collector.wait("create_orchestration||story")[0]
        self.assertEqual((workflow.trace, workflow.parent), (create.trace, create.id))
        child = self.collector.wait("orchestration||chain")[0]
        self.assertEqual((child.trace, child.parent), (workflow.trace, workflow.id))
        activities = {s.parent: s for s in self.collector.wait("activity||add", 2)}
        self.assertEqual(set(activities), {workflow.id, child.id})
        self.assertLess(workflow.start, activities[workflow.id].end)

    def test_orderly_stop(self):
        """A daemon that is told to stop sends all that it has."""
        self.open(ZIPKIN)
        for i in range(150):
            self.hub.start(f"n-{i}", "chain", "3")
        for i in range(150):
            self.hub.wait(f"n-{i}")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(len(self.collector.named("orchestration||chain")), 150)
        self.assertEqual(len(self.collector.named("activity||add")), 450)
        self.assertEqual(len(self.collector.named("create_orchestration||chain")), 150)

    def test_receiver_comes_back(self):
        """Spans wait for a receiver that does not take them; workflows do not."""
        self.open(ZIPKIN)
        self.collector.refuse = True
        began = time.monotonic()
        self.run_workflow("chain", "a", "5")
        self.assertLess(time.monotonic() - began, 3)
        deadline = time.monotonic() + 10
        while self.collector.calls < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(self.collector.spans)
        self.collector.refuse = False
        self.collector.wait("orchestration||chain")
        self.assertEqual(len(self.collector.wait("activity||add", 5)), 5)
        self.assertEqual(self.daemon.output().count("takes no spans, will try again"), 1)

    def test_what_a_receiver_says(self):
        """The message of its status is told as it meant it, not as it is encoded on its way."""
        self.open(OTLP_GRPC)
        self.collector.refuse = True
        self.run_workflow("chain", "a")
        deadline = time.monotonic() + 20
        while "gRPC status 14: not now: 90% für später" not in self.daemon.output():
            self.assertLess(time.monotonic(), deadline, self.daemon.output()[-2000:])
            time.sleep(0.05)

    def test_no_receiver(self):
        """Without a receiver a stop waits for none, and says what was lost."""
        self.open("zipkin: {{endpointAddress: 'http://127.0.0.1:1/api/v2/spans'}}")
        self.run_workflow("chain", "a")
        began = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 15)
        self.assertRegex(self.daemon.output(), r"\d+ spans were lost for Zipkin at")


class RealZipkin(unittest.TestCase):
    def test_order_processor(self):
        """The page's step 4: the order-processor's trace in Zipkin."""
        apps.install("c")
        zipkin = collector.Zipkin()
        self.addCleanup(zipkin.close)
        folder = harness.tempfile.mkdtemp(prefix="pawl-traces-")
        self.addCleanup(harness.shutil.rmtree, folder, ignore_errors=True)
        config = harness.Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(
            rate=1, way=f"zipkin: {{endpointAddress: '{zipkin.url}/api/v2/spans'}}"))
        daemon = harness.Daemon(flags=["--config", str(config)])
        self.addCleanup(daemon.close)
        app = apps.start("c", daemon, "order-1")
        self.addCleanup(app.kill)
        self.assertEqual(app.wait(), 0, app.text())
        trace = zipkin.trace_with("orchestration||order_processing_workflow", "order-processor", 9)
        names = [span.name for span in trace]
        one = {span.name: span for span in trace}
        call = one["/taskhubsidecarservice/startinstance"]  # Zipkin's names are in lower case
        create = one["create_orchestration||order_processing_workflow"]
        workflow = one["orchestration||order_processing_workflow"]
        self.assertEqual((call.parent, create.parent, workflow.parent), (None, call.id, create.id))
        activities = [span for span in trace if span.name.startswith("activity||")]
        self.assertEqual(len(activities), 7, names)
        self.assertEqual({span.parent for span in activities}, {workflow.id})


class RealJaeger(unittest.TestCase):
    def check(self, way):
        apps.install("c")
        jaeger = collector.Jaeger()
        self.addCleanup(jaeger.close)
        folder = harness.tempfile.mkdtemp(prefix="pawl-traces-")
        self.addCleanup(harness.shutil.rmtree, folder, ignore_errors=True)
        config = harness.Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(rate=1, way=way.format(jaeger)))
        daemon = harness.Daemon(flags=["--config", str(config)])
        self.addCleanup(daemon.close)
        app = apps.start("c", daemon, "order-1")
        self.addCleanup(app.kill)
        self.assertEqual(app.wait(), 0, app.text())
        spans = jaeger.trace_with("orchestration||order_processing_workflow", "order-processor", 10)
        ids = {name: at for at, (name, _, _) in spans.items()}
        call = ids["/TaskHubSidecarService/StartInstance"]
        create = ids["create_orchestration||order_processing_workflow"]
        workflow = ids["orchestration||order_processing_workflow"]
        self.assertEqual([spans[at][1] for at in (call, create, workflow)], [None, call, create])
        activities = [(parent, tags["span.kind"], tags["durabletask.type"]) for name, parent, tags in spans.values()
                      if name.startswith("activity||")]
        self.assertEqual(activities, 7 * [(workflow, "server", "activity")])
        self.assertEqual(spans[workflow][2]["durabletask.task.instance_id"], "order-1")

    def test_otlp_grpc(self):
        self.check("otel: {{protocol: grpc, endpointAddress: '127.0.0.1:{0.grpc}', isSecure: false}}")

    def test_otlp_http(self):
        self.check("otel: {{protocol: http, endpointAddress: '127.0.0.1:{0.http}', isSecure: false}}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
