"""The daemon's metrics: what they count, in which words, and that a Prometheus makes use of them."""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error

import collector
import harness
import raw
import scrape
from raw import pb

CONFIG = """apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {{name: appconfig}}
spec:
  metrics: {metrics}
"""


def wait_for(condition, what, timeout=30):
    """The first true value of |condition|."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.1)


def fails(events, request):
    response = pb.WorkflowResponse()
    action = response.actions.add(id=0)
    action.completeWorkflow.workflowStatus = 3
    action.completeWorkflow.failureDetails.errorType = "Error"
    action.completeWorkflow.failureDetails.errorMessage = "no"
    return response


def quick(events, request):
    response = pb.WorkflowResponse()
    action = response.actions.add(id=0)
    action.completeWorkflow.workflowStatus = 1
    return response


def fan(events, request):
    """An activity that nobody answers."""
    response = pb.WorkflowResponse()
    if not any(e.HasField("taskScheduled") for e in events):
        action = response.actions.add(id=0)
        action.scheduleTask.name = "never"
    return response


class Deaf(raw.Worker):
    """Takes activities and never answers them."""

    def activity(self, request, token):
        pass


class Counts(unittest.TestCase):
    def setUp(self):
        self.daemon = harness.Daemon(app_id="orders")
        self.addCleanup(self.daemon.close)
        self.hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(self.hub.close)

    def work(self, workflows, kind=raw.Worker):
        worker = kind(self.daemon.grpc, workflows)
        self.addCleanup(worker.close)
        worker.connected.wait(20)
        return worker

    def read(self):
        return scrape.read(self.daemon.metrics)

    def read_until(self, name, value, **labels):
        """The first scrape in which the sum of |name| is |value|."""
        def right():
            now = self.read()
            return now if now.value(name, labels) == value else None
        return wait_for(right, f"{name}{labels} is {value}")

    def test_the_reference(self):
        """Names, labels and values that boards of Dapr's know."""
        self.work({"chain": raw.chain, "fails": fails})
        for i in range(3):
            self.hub.start(f"chain-{i}", text="5")
            self.hub.wait(f"chain-{i}")
        self.hub.start("bad", name="fails")
        self.hub.wait("bad")
        activities = sum(e.HasField("taskCompleted") for e in self.hub.history("chain-0"))
        self.assertGreater(activities, 0)
        self.hub.get("chain-0")
        now = self.read()
        own = {"app_id": "orders", "namespace": ""}
        ran = {**own, "workflow_name": "chain", "status": "success"}
        prefix = "dapr_runtime_workflow_"
        self.assertEqual(now.all(prefix + "execution_count", workflow_name="chain"), [(ran, 3)])
        self.assertEqual(now.value(prefix + "execution_latency_count", ran), 3)
        self.assertGreater(now.value(prefix + "execution_latency_sum", ran), 0)
        self.assertEqual(now.value(prefix + "execution_count", workflow_name="fails", status="failed"), 1)
        self.assertEqual(now.value(prefix + "scheduling_latency_count", workflow_name="chain"), 3)
        self.assertEqual(now.value(prefix + "operation_count", operation="create_workflow", status="success"), 4)
        self.assertEqual(now.value(prefix + "operation_count", operation="get_workflow", status="success"), 1)
        for name in ("activity_operation", "activity_execution"):
            found = now.all(prefix + name + "_count", status="success")
            self.assertEqual(sum(value for _, value in found), 3 * activities, name)
            self.assertEqual(set(found[0][0]), {"app_id", "namespace", "activity_name", "status"})
            self.assertEqual(now.value(prefix + name + "_latency_count"), 3 * activities)
        bounds = [labels["le"] for labels, _ in now.all(prefix + "execution_latency_bucket", **ran)]
        self.assertEqual(bounds, "1 2 3 4 5 6 8 10 13 16 20 25 30 40 50 65 80 100 130 160 200 250 300 400 500 650 "
                                 "800 1000 2000 5000 10000 20000 50000 100000 +Inf".split())
        self.assertGreaterEqual(now.value(prefix + "payload_size_ratio_count", workflow_name="chain"), 6)
        self.assertEqual(now.value(prefix + "activity_payload_size_ratio_count", workflow_name="chain"),
                         3 * activities)
        method = "/TaskHubSidecarService/StartInstance"
        self.assertEqual(now.all("dapr_grpc_io_server_completed_rpcs", grpc_server_method=method),
                         [({"app_id": "orders", "grpc_server_method": method, "grpc_server_status": "OK"}, 4)])
        self.assertEqual(now.value("dapr_grpc_io_server_server_latency_count", grpc_server_method=method), 4)
        self.assertEqual(now.value("dapr_grpc_io_server_received_bytes_per_rpc_count", grpc_server_method=method), 4)
        self.assertGreater(now.value("dapr_grpc_io_server_sent_bytes_per_rpc_sum", grpc_server_method=method), 0)

    def test_http_and_state(self):
        body = json.dumps([{"key": "a", "value": 1}]).encode()
        self.daemon.request("POST", "/v1.0/state/statestore", body)
        self.daemon.request("GET", "/v1.0/state/statestore/a")
        self.daemon.request("GET", "/nothing/is/here")
        now = self.read()
        self.assertEqual(now.all("dapr_component_state_count", operation="set"),
                         [({"app_id": "orders", "component": "statestore", "namespace": "", "operation": "set",
                            "success": "true"}, 1)])
        self.assertEqual(now.value("dapr_component_state_latencies_count", operation="get", success="true"), 1)
        self.assertEqual(now.value("dapr_http_server_request_count", method="GET", status="404"), 1)
        self.assertEqual(now.value("dapr_http_server_latency_count", method="GET", status="200"), 1)
        self.assertFalse(any("path" in labels for labels, _ in now.all("dapr_http_server_request_count")))

    def test_what_waits(self):
        """Work without a worker, then with one that never answers: what an autoscaler goes by."""
        for i in range(5):
            self.hub.call("StartInstance", pb.CreateInstanceRequest(
                instanceId=f"fan-{i}", name="fan", scheduledStartTimestamp={"seconds": 1}), pb.CreateInstanceResponse)
        now = self.read()
        self.assertEqual(now.value("pawl_work_waiting", kind="turn"), 5)
        self.assertEqual(now.value("pawl_workers", place="here"), 0)
        wait_for(lambda: self.read().value("pawl_work_oldest_seconds", kind="turn") > 1, "it grows old")
        self.work({"fan": fan}, Deaf)
        now = self.read_until("pawl_work_in_flight", 5, kind="activity")
        self.assertEqual(now.value("pawl_work_outstanding", kind="activity"), 5)
        self.assertEqual(now.value("pawl_work_waiting", kind="turn"), 0)
        self.assertEqual(now.value("pawl_work_oldest_seconds", kind="turn"), 0)
        self.assertEqual(now.value("pawl_workers", place="here"), 1)
        running = self.read_until("pawl_instances", 5, status="RUNNING")
        self.assertEqual(running.value("pawl_instances"), 5)

    def test_the_log(self):
        self.work({"chain": raw.chain})
        for i in range(4):
            self.hub.start(f"c{i}", text="5")
            self.hub.wait(f"c{i}")
        now = self.read()
        self.assertGreater(now.value("pawl_commits_total", outcome="done"), 0)
        self.assertEqual(now.value("pawl_commits_total", outcome="unknown"), 0)
        self.assertEqual(now.value("pawl_commit_seconds_count"), now.value("pawl_commits_total", outcome="done"))
        self.assertEqual(now.value("pawl_commit_records_sum"), now.value("pawl_log_records_total"))
        self.assertGreater(now.value("pawl_log_bytes_total"), now.value("pawl_log_records_total"))
        self.assertEqual(now.value("pawl_commit_failing_seconds"), 0)
        self.assertEqual((now.value("pawl_shards"), now.value("pawl_shards_served"), now.value("pawl_ready")),
                         (1, 1, 1))
        self.assertEqual(now.value("pawl_lease_takes_total"), 1)
        wait_for(lambda: self.read().value("pawl_log_lag_batches") == 0, "a checkpoint has caught up")
        self.assertGreater(self.read().value("pawl_snapshots_total"), 0)
        self.assertEqual(self.read().value("pawl_loop_lag_seconds_count") is not None, True)

    def test_names_are_bounded(self):
        """A client that makes up names costs nobody's memory; what it may hold is escaped."""
        names = [f"made-up-{i}" for i in range(150)]
        worst = 'a"b\\c\nd'
        self.work({name: quick for name in [worst, *names]})
        for i, name in enumerate([worst, *names]):
            self.hub.start(f"i{i}", name=name)
        self.hub.wait("i150")
        now = self.read_until("dapr_runtime_workflow_execution_count", 151)
        found = now.all("dapr_runtime_workflow_execution_count")
        self.assertEqual(len(found), 101)
        self.assertEqual(now.value("dapr_runtime_workflow_execution_count", workflow_name="other"), 51)
        self.assertIn(worst, [labels["workflow_name"] for labels, _ in found])

    def test_formats(self):
        self.work({"chain": raw.chain})
        self.hub.start("c", text="5")
        self.hub.wait("c")
        text, kind = scrape.fetch(self.daemon.metrics, "/")
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        plain = scrape.Scrape(text)
        text, kind = scrape.fetch(self.daemon.metrics, accept=scrape.OPENMETRICS + ",text/plain;q=0.5")
        self.assertEqual(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        later = scrape.Scrape(text, openmetrics=True)
        names = {name for name, _, _ in plain.samples}
        self.assertEqual(names - {name for name, _, _ in later.samples}, set())
        self.assertEqual(plain.types["pawl_log_records_total"], "counter")
        self.assertEqual(later.types["pawl_log_records"], "counter")
        for path, status in (("/metricsx", 404), ("/v1.0/healthz", 404)):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                scrape.fetch(self.daemon.metrics, path)
            self.assertEqual(raised.exception.code, status)

    def test_promtool(self):
        if not shutil.which("promtool"):
            raise unittest.SkipTest("NOT TESTED: promtool is missing (package prometheus)")
        self.work({"chain": raw.chain})
        self.hub.start("c", text="5")
        self.hub.wait("c")
        told = subprocess.run(["promtool", "check", "metrics"], input=scrape.fetch(self.daemon.metrics)[0],
                              capture_output=True, text=True, timeout=60)
        own = [line for line in told.stderr.splitlines() if not line.startswith("dapr_")]
        self.assertEqual(own, [], "the reference's names are what they are; ours follow the conventions")


class Options(unittest.TestCase):
    def daemon(self, metrics=None, flags=(), **fields):
        place = tempfile.mkdtemp(prefix="pawl-e2e-")
        self.addCleanup(shutil.rmtree, place, True)
        flags = list(flags)
        if metrics is not None:
            with open(f"{place}/config.yaml", "w") as file:
                file.write(CONFIG.format(metrics=metrics))
            flags += ["--config", f"{place}/config.yaml"]
        daemon = harness.Daemon(folder=place, flags=flags, **fields)
        self.addCleanup(daemon.close)
        return daemon

    def refused(self, port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) != 0

    def test_off(self):
        for metrics, flags in ((None, ["--enable-metrics=false"]), ("{enabled: false}", [])):
            daemon = self.daemon(metrics, flags)
            self.assertTrue(self.refused(daemon.metrics))
            self.assertEqual(daemon.request("GET", "/metrics")[0], 404)

    def test_buckets_and_paths(self):
        daemon = self.daemon("{latencyDistributionBuckets: [5, 50], workflow: {latencyDistributionBuckets: [1, 2], "
                             "latencyDistributionUnits: 1s}, http: {increasedCardinality: true, excludeVerbs: true}}")
        worker = raw.Worker(daemon.grpc, {"chain": raw.chain})
        self.addCleanup(worker.close)
        hub = raw.Hub(daemon.grpc)
        self.addCleanup(hub.close)
        hub.start("c", text="5")
        hub.wait("c")
        daemon.request("GET", "/v1.0/workflows/dapr/c")
        now = scrape.read(daemon.metrics)

        def bounds(name):
            return [labels["le"] for labels, _ in now.all(name + "_bucket")]
        self.assertEqual(bounds("dapr_runtime_workflow_execution_latency"), ["1000", "2000", "+Inf"])
        self.assertEqual(bounds("dapr_runtime_workflow_scheduling_latency"), ["5", "50", "+Inf"])
        found = now.all("dapr_http_server_request_count", path="/v1.0/workflows/{component}/{id}")
        self.assertEqual([(labels["method"], value) for labels, value in found], [("", 1)], now.all(
            "dapr_http_server_request_count"))

    def test_codes_and_paths(self):
        daemon = self.daemon('{recordErrorCodes: true, http: {pathMatching: ["/v1.0/state/{store}/a", "/v1.0/workflows/"]}}')
        for path in ("/v1.0/state/none/a", "/v1.0/state/none/b", "/v1.0/workflows/dapr/x", "/v1.0/healthz"):
            daemon.request("GET", path)
        now = scrape.read(daemon.metrics)
        self.assertEqual(now.value("dapr_error_code_total", category="state", error_code="ERR_STATE_STORE_NOT_FOUND"), 2)
        counts = {}
        for labels, value in now.all("dapr_http_server_request_count"):
            counts[labels["path"]] = counts.get(labels["path"], 0) + value
        self.assertEqual((counts["/v1.0/state/{store}/a"], counts["/v1.0/workflows/"]), (1, 1))
        self.assertEqual(set(counts), {"", "/v1.0/state/{store}/a", "/v1.0/workflows/"})

    def test_rules(self):
        rule = '{name: dapr_http_server_request_count, labels: [{name: path, regex: {"/any": "^/v1.0/.*", "/own": "^/pawl/(v\\\\d).*"}}]}'
        daemon = self.daemon('{http: {increasedCardinality: true}, rules: [' + rule + ']}')
        for path in ("/v1.0/state/none/a", "/v1.0/workflows/dapr/x", "/v1.0/healthz", "/pawl/v1/instances"):
            daemon.request("GET", path)
        now = scrape.read(daemon.metrics)
        counts = {}
        for labels, value in now.all("dapr_http_server_request_count"):
            series = labels["path"], labels["method"], labels["status"]
            self.assertNotIn(series, counts)  # one series for each
            counts[series] = value
        self.assertEqual({path for path, *_ in counts}, {"/any", "/own"})
        paths = {labels["path"] for labels, _ in now.all("dapr_http_server_latency_count")}
        self.assertIn("/v1.0/state/{store}/{key}", paths)  # the rule is of another metric

    def test_bad_rules(self):
        with self.assertRaisesRegex(RuntimeError, r"config.yaml:5: x has to be a regular expression of at most 255 bytes"):
            self.daemon('{rules: [{name: a, labels: [{name: b, regex: {x: "(?i)a"}}]}]}')

    def test_bad_buckets(self):
        with self.assertRaisesRegex(RuntimeError, r"config.yaml:5: latencyDistributionBuckets has to be a list of "
                                                  "numbers above 0 that grow"):
            self.daemon("{latencyDistributionBuckets: [5, 5]}")

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with self.assertRaisesRegex(RuntimeError, "cannot start: .*in use"):
                self.daemon(flags=["--metrics-port", str(taken.getsockname()[1])])


def otlp_metrics():
    """OpenTelemetry's own messages of metrics."""
    folder = harness.BUILD / "otlp-venv"
    subprocess.run([harness.ROOT / "scripts" / "venv", folder, harness.ROOT / "tests" / "e2e" / "otlp-requirements.txt"],
                   check=True, stdout=subprocess.DEVNULL)
    sys.path.extend(str(place) for place in folder.glob("lib/python*/site-packages"))
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    return metrics_service_pb2


class Push:
    """A body that a receiver got. |samples| has it in the words of a scrape."""

    def __init__(self, body):
        request = otlp_metrics().ExportMetricsServiceRequest.FromString(body)
        self.resources = [{a.key: collector.value_of(a) for a in group.resource.attributes}
                          for group in request.resource_metrics]
        self.types, self.units, self.samples, self.times = {}, {}, [], set()
        for metric in request.resource_metrics[0].scope_metrics[0].metrics:
            assert metric.name not in self.types and metric.description
            kind = metric.WhichOneof("data")
            data = getattr(metric, kind)
            self.types[metric.name], self.units[metric.name] = kind, metric.unit
            if kind != "gauge":
                assert data.aggregation_temporality == 2
            assert kind != "sum" or data.is_monotonic
            for point in data.data_points:
                labels = {a.key: a.value.string_value for a in point.attributes}
                self.times.add((point.start_time_unix_nano, point.time_unix_nano) if kind != "gauge" else
                               (None, point.time_unix_nano))
                if kind != "histogram":
                    self.samples.append((metric.name, labels, point.as_double))
                    continue
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                assert list(point.explicit_bounds) == sorted(point.explicit_bounds)
                assert sum(point.bucket_counts) == point.count
                total = 0
                for bound, count in zip([*point.explicit_bounds, float("inf")], point.bucket_counts):
                    total += count
                    self.samples.append((metric.name + "_bucket", {**labels, "le": f"{bound:.12g}".replace("inf", "+Inf")}, total))
                self.samples += [(metric.name + "_sum", labels, point.sum), (metric.name + "_count", labels, point.count)]

    def value(self, name, **wanted):
        return sum(v for n, labels, v in self.samples if n == name and all(labels.get(k) == x for k, x in wanted.items()))


EXECUTIONS = "dapr_runtime_workflow_execution_count"


class Pushes(unittest.TestCase):
    """Metrics that are sent, as OpenTelemetry's variables say."""

    def setUp(self):
        otlp_metrics()  # which may have to be installed
        self.receiver = collector.Collector()
        self.addCleanup(self.receiver.close)

    def open(self, flags=(), shards=1, **env):
        self.daemon = harness.Daemon(app_id="orders", flags=flags, shards=shards, env=env)
        self.addCleanup(self.daemon.close)
        worker = raw.Worker(self.daemon.grpc, {"quick": quick})
        self.addCleanup(worker.close)
        self.assertTrue(worker.connected.wait(20))
        self.hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(self.hub.close)

    def run_workflow(self, name):
        self.hub.start(name, name="quick")
        self.hub.wait(name)

    def pushed(self, right):
        """The first body for which |right| is true."""
        seen = 0

        def look():
            nonlocal seen
            for body in self.receiver.metrics[seen:]:
                seen += 1
                push = Push(body)
                if right(push):
                    return push
        return wait_for(look, "a push that is right")

    def test_http(self):
        """A receiver gets what a scrape has: names, labels, types, buckets."""
        self.open(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"http://127.0.0.1:{self.receiver.port}",
                  OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20secret", OTEL_METRIC_EXPORT_INTERVAL="200",
                  OTEL_SERVICE_NAME="shop", OTEL_RESOURCE_ATTRIBUTES="deployment=blue")
        self.run_workflow("a")
        push = self.pushed(lambda push: push.value(EXECUTIONS) == 1)
        self.assertEqual(push.resources, [{"service.name": "shop", "deployment": "blue"}])
        headers = {k.lower(): v for k, v in self.receiver.headers[0].items()}
        self.assertEqual((headers["x-key"], headers["content-type"]), ("a secret", "application/x-protobuf"))
        self.assertEqual(push.types[EXECUTIONS], "sum")
        self.assertEqual((push.types["pawl_commit_seconds"], push.units["pawl_commit_seconds"]), ("histogram", "s"))
        self.assertEqual((push.types["pawl_workers"], push.value("pawl_workers", place="here")), ("gauge", 1))
        starts = {start for start, _ in push.times} - {None}
        self.assertEqual((len(starts), len({at for _, at in push.times})), (1, 1))
        self.assertGreater(max(at for _, at in push.times), max(starts))

        def series(samples):
            return {(name, tuple(sorted(labels.items()))) for name, labels, _ in samples}
        push = self.pushed(lambda push: series(push.samples) == series(scrape.read(self.daemon.metrics).samples))
        now = scrape.read(self.daemon.metrics)
        fixed = "dapr_runtime_workflow_execution_latency"
        self.assertEqual([s for s in push.samples if s[0].startswith(fixed)], [s for s in now.samples if s[0].startswith(fixed)])
        self.assertGreater(now.value("pawl_metric_pushes_total", outcome="sent"), 0)

    def test_orderly_stop(self):
        """Over gRPC; a daemon that is told to stop sends what came since the last time."""
        self.open(OTEL_METRICS_EXPORTER="prometheus, otlp", OTEL_EXPORTER_OTLP_METRICS_PROTOCOL="grpc",
                  OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{self.receiver.grpc_port}")
        self.run_workflow("a")
        self.assertEqual(self.receiver.metrics, [])
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual([Push(body).value(EXECUTIONS) for body in self.receiver.metrics], [1])

    def test_orderly_stop_of_several_loops(self):
        """What each of them has counted is sent."""
        self.open(flags=("--loops", "3"), shards=6, OTEL_METRICS_EXPORTER="otlp",
                  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"http://127.0.0.1:{self.receiver.port}")
        for _ in range(2):
            worker = raw.Worker(self.daemon.grpc, {"quick": quick})
            self.addCleanup(worker.close)
            self.assertTrue(worker.connected.wait(20))
        def spread():
            shards = json.loads(self.daemon.request("GET", "/pawl/v1/store")[1])["shards"]
            return len({shard.get("holder", "") for shard in shards if shard["state"] == "serving"}) == 3
        wait_for(spread, "shards are on all loops")
        for i in range(12):
            self.run_workflow(f"a{i}")
        self.assertEqual(self.receiver.metrics, [])
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual([Push(body).value(EXECUTIONS) for body in self.receiver.metrics], [12])

    def test_receiver_comes_back(self):
        """What is newer takes the place of what is not taken, and nothing waits for the receiver."""
        self.receiver.refuse = True
        self.open(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"http://127.0.0.1:{self.receiver.port}/v1/metrics",
                  OTEL_METRIC_EXPORT_INTERVAL="100")
        self.run_workflow("a")
        wait_for(lambda: (scrape.read(self.daemon.metrics).value("pawl_metric_pushes_total", outcome="replaced") or 0) > 1,
                 "bodies are replaced")
        self.assertEqual(self.receiver.metrics, [])
        self.receiver.refuse = False
        self.pushed(lambda push: push.value(EXECUTIONS) == 1)
        wait_for(lambda: "takes metrics again" in self.daemon.output(), "the log says so")
        self.assertEqual(self.daemon.output().count("takes no metrics, will try again"), 1)

    def test_wrong_address(self):
        with self.assertRaisesRegex(RuntimeError, "cannot start: 'https://nowhere:::/v1/metrics' is not an address"):
            self.open(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="nowhere:::")


if __name__ == "__main__":
    unittest.main()
