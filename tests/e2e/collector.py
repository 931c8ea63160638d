"""Receivers of spans and metrics: Zipkin's JSON and OTLP over HTTP on one port, OTLP over gRPC on another; and
the real Zipkin, where Java and Maven are."""

import concurrent.futures
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import grpc

import harness


def otlp_messages():
    out = Path(tempfile.mkdtemp(prefix="pawl-otlp-"))
    subprocess.run(["protoc", f"-I{harness.ROOT}/proto", "-I/usr/include", f"--python_out={out}",
                    f"{harness.ROOT}/proto/otlp.proto",
                    "/usr/include/protobuf-c/protobuf-c.proto"], check=True)
    sys.path.insert(0, str(out))
    import otlp_pb2
    shutil.rmtree(out)
    return otlp_pb2


otlp = otlp_messages()


class Span:
    """One span, wherever it came from."""

    def __init__(self, name, trace, id, parent, kind, start, end, tags, events, error, service):
        self.name, self.trace, self.id, self.parent, self.kind = name, trace, id, parent, kind
        self.start, self.end, self.tags, self.events = start, end, tags, events
        self.error, self.service = error, service

    def __repr__(self):
        return f"<{self.name} {self.trace[-4:]}/{self.id} under {self.parent}>"


def of_zipkin(row):
    tags = dict(row.get("tags", {}))
    return Span(row["name"], row["traceId"], row["id"], row.get("parentId"),
                row.get("kind", "INTERNAL"), row["timestamp"] * 1000,
                (row["timestamp"] + row.get("duration", 0)) * 1000, tags,
                [a["value"] for a in row.get("annotations", [])], tags.pop("error", None),
                row["localEndpoint"]["serviceName"])


def value_of(pair):
    which = pair.value.WhichOneof("value")
    return str(getattr(pair.value, which)) if which else None


def of_otlp(request):
    for group in request.resource_spans:
        resource = {a.key: value_of(a) for a in group.resource.attributes}
        for scope in group.scope_spans:
            for s in scope.spans:
                tags = {a.key: value_of(a) for a in s.attributes}
                tags["otel.library.name"] = scope.scope.name
                events = [e.name for e in s.events]
                yield Span(s.name, s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex() or None,
                           {1: "INTERNAL", 2: "SERVER", 3: "CLIENT"}[s.kind],
                           s.start_time_unix_nano, s.end_time_unix_nano, tags, events,
                           s.status.message if s.status.code == 2 else None,
                           resource.get("service.name"))


class Collector:
    """|refuse|: answers with 503 while it is set. |metrics|: bodies, as they came."""

    def __init__(self):
        self.spans, self.headers, self.resources, self.metrics = [], [], [], []
        self.refuse, self.calls = False, 0
        self.lock = threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.calls += 1
                code = 503 if collector.refuse else 202
                if code == 202:
                    collector.take(self.path, body, dict(self.headers))
                self.send_response(code)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.grpc = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        export = grpc.unary_unary_rpc_method_handler(
            self.export, otlp.ExportTraceServiceRequest.FromString, lambda answer: b"")
        self.grpc.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
            "opentelemetry.proto.collector.trace.v1.TraceService", {"Export": export})])
        export = grpc.unary_unary_rpc_method_handler(
            lambda body, context: self.take("/v1/metrics", body, dict(context.invocation_metadata())))
        self.grpc.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
            "opentelemetry.proto.collector.metrics.v1.MetricsService", {"Export": export})])
        self.grpc_port = self.grpc.add_insecure_port("127.0.0.1:0")
        self.grpc.start()

    def take(self, path, body, headers):
        with self.lock:
            self.headers.append(headers)
            if path == "/api/v2/spans":
                self.spans += [of_zipkin(row) for row in json.loads(body)]
            elif path == "/v1/traces":
                request = otlp.ExportTraceServiceRequest.FromString(body)
                self.resources += [{a.key: value_of(a) for a in g.resource.attributes}
                                   for g in request.resource_spans]
                self.spans += of_otlp(request)
            elif path == "/v1/metrics":
                self.metrics.append(body)
        return b""

    def export(self, request, context):
        if self.refuse:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now: 90% für später")
        with self.lock:
            self.headers.append(dict(context.invocation_metadata()))
            self.spans += of_otlp(request)
        return None

    def named(self, name):
        with self.lock:
            return [span for span in self.spans if span.name == name]

    def wait(self, name, count=1, timeout=20):
        """The spans called |name|, once there are |count| of them."""
        deadline = time.monotonic() + timeout
        while len(found := self.named(name)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} spans '{name}' came; there are "
                                     f"{[s.name for s in self.spans]}")
            time.sleep(0.02)
        return found

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.grpc.stop(0)


ZIPKIN = "io.zipkin:zipkin-server:3.5.1:jar:exec"


class Zipkin:
    """The real one, in memory."""

    def __init__(self):
        for program in ("java", "mvn"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"NOT TESTED: Zipkin needs '{program}', which is not installed")
        jar = Path.home() / ".m2/repository/io/zipkin/zipkin-server/3.5.1/zipkin-server-3.5.1-exec.jar"
        if not jar.exists():
            got = subprocess.run(["mvn", "-q", "dependency:get", f"-Dartifact={ZIPKIN}",
                                  "-Dtransitive=false"], capture_output=True, text=True)
            if got.returncode:
                raise unittest.SkipTest(f"NOT TESTED: Maven does not get {ZIPKIN}")
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", "-jar", str(jar), f"--server.port={self.port}"],
            stdout=self.log, stderr=subprocess.STDOUT, env={"PATH": "/usr/bin:/bin",
                                                            "STORAGE_TYPE": "mem"})
        deadline = time.monotonic() + 120
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError("Zipkin did not start")
            time.sleep(0.2)

    def healthy(self):
        try:
            return self.get("/health")["status"] == "UP"
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def trace_with(self, name, service, count=1, timeout=30):
        """The trace that has a span called |name|, once it has at least |count| spans."""
        deadline = time.monotonic() + timeout
        while True:
            for trace in self.get(f"/api/v2/traces?serviceName={service}&limit=1000"):
                if len(trace) >= count and any(span.get("name") == name for span in trace):
                    return [of_zipkin(span) for span in sorted(trace, key=lambda s: s["timestamp"])]
            if time.monotonic() > deadline:
                raise AssertionError(f"Zipkin has no trace with '{name}'")
            time.sleep(0.2)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


JAEGER = harness.BUILD / "jaeger" / "jaeger"  # as `make jaeger` builds it


class Jaeger:
    """The real one, in memory, with all its ports moved."""

    FLAGS = ["query.http-server.host-port", "query.grpc-server.host-port", "admin.http.host-port", "collector.otlp.grpc.host-port",
             "collector.otlp.http.host-port", "collector.grpc-server.host-port", "collector.http-server.host-port",
             "processor.jaeger-compact.server-host-port", "processor.jaeger-binary.server-host-port",
             "processor.zipkin-compact.server-host-port", "http-server.host-port"]

    def __init__(self):
        if not JAEGER.exists():
            raise unittest.SkipTest("NOT TESTED: Jaeger is not built; 'make jaeger' does so, and runs this test")
        known = subprocess.run([JAEGER, "help"], capture_output=True, text=True).stdout
        ports = {flag: harness.free_port() for flag in self.FLAGS if f"--{flag} " in known}
        self.url = f"http://127.0.0.1:{ports['query.http-server.host-port']}"
        self.http, self.grpc = ports["collector.otlp.http.host-port"], ports["collector.otlp.grpc.host-port"]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [JAEGER, *(f"--{flag}=127.0.0.1:{port}" for flag, port in ports.items())], stdout=self.log, stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "SPAN_STORAGE_TYPE": "memory", "COLLECTOR_OTLP_ENABLED": "true"})
        deadline = time.monotonic() + 60
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                said = self.log.read()[-2000:].decode(errors="replace")
                self.close()
                raise RuntimeError(f"Jaeger did not start: {said}")
            time.sleep(0.2)

    def healthy(self):
        try:
            return "data" in self.get("/api/services")
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def trace_with(self, name, service, count=1, timeout=30):
        """The spans of the trace that has one called |name|, once it has at least |count|: {id: (name, parent, tags)}."""
        deadline = time.monotonic() + timeout
        while True:
            for trace in self.get(f"/api/traces?service={service}&limit=1000")["data"] or []:
                spans = {}
                for span in trace["spans"]:
                    parents = [r["spanID"] for r in span.get("references") or [] if r["refType"] == "CHILD_OF"]
                    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
                    spans[span["spanID"]] = span["operationName"], parents[0] if parents else None, tags
                if len(spans) >= count and any(span[0] == name for span in spans.values()):
                    return spans
            if time.monotonic() > deadline:
                raise AssertionError(f"Jaeger has no trace with '{name}'")
            time.sleep(0.2)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
