"""Metrics as people use them: the page that lists them, the alerts and boards in deploy/, all against
a real Prometheus."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

import harness
import raw
import scrape
from raw import pb
from test_metrics import fails, wait_for

DEPLOY = harness.ROOT / "deploy"
NAME = re.compile(r"\b(?:pawl|dapr|process)_[a-z0-9_]+\b")
CONFIG = """kind: Configuration
spec:
  tracing: {samplingRate: "1", stdout: true}
  metrics: {recordErrorCodes: true}
"""
POLICIES = """kind: Resiliency
metadata: {name: rules}
spec:
  policies:
    timeouts: {short: 100ms}
    circuitBreakers: {patient: {trip: consecutiveFailures >= 100}}
  targets: {components: {statestore: {outbound: {timeout: short, circuitBreaker: patient}}}}
"""
PROMETHEUS = """global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: [alerts.yaml]
scrape_configs:
  - job_name: pawl
    static_configs: [{{targets: [{targets}]}}]
"""


def broken(events, request):
    """An answer that cannot be applied: its workflow stalls."""
    response = pb.WorkflowResponse()
    response.actions.add(id=0)
    return response


def table(now):
    """The table of docs/metrics.md, as it has to be."""
    rows = []
    for family, kind in now.types.items():
        labels = []
        for name, own, _ in now.samples:
            if now.family(name) == family:
                labels += [label for label in own if label not in labels and label not in ("app_id", "le")]
        rows.append(f"| `{family}` | {kind} | {', '.join(labels)} | {now.helps[family].rstrip('.')} |")
    return "\n".join(rows)


class Rich(unittest.TestCase):
    """A daemon in which everything has happened once."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="pawl-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        (cls.folder / "config.yaml").write_text(CONFIG)
        (cls.folder / "resources").mkdir()
        (cls.folder / "resources" / "policies.yaml").write_text(POLICIES)
        cls.daemon = harness.Daemon(app_id="rich", folder=cls.folder, flags=["--config", str(cls.folder / "config.yaml")],
                                    env={"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"})
        cls.addClassCleanup(cls.daemon.close)
        cls.worker = raw.Worker(cls.daemon.grpc, {"chain": raw.chain, "fails": fails, "broken": broken})
        cls.addClassCleanup(cls.worker.close)
        cls.worker.connected.wait(20)
        cls.hub = raw.Hub(cls.daemon.grpc)
        cls.addClassCleanup(cls.hub.close)
        cls.hub.start("a", text="3")
        cls.hub.wait("a")
        cls.hub.start("b", name="fails")
        cls.hub.wait("b")
        cls.hub.start("c", name="broken", scheduledStartTimestamp={"seconds": 1})
        cls.daemon.request("POST", "/v1.0/state/statestore", b'[{"key": "a", "value": 1}]')
        cls.daemon.request("GET", "/v1.0/state/statestore/a")
        cls.daemon.request("GET", "/v1.0/state/none/a")
        with contextlib.closing(sqlite3.connect(cls.folder / "state.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # so that the save runs out of its time
            cls.daemon.request("POST", "/v1.0/state/statestore", b'[{"key": "a", "value": 2}]')


class Words(Rich):
    def test_page(self):
        """docs/metrics.md lists what there is: each metric, its type, its labels, its meaning."""
        wanted = table(scrape.read(self.daemon.metrics))
        page = (harness.ROOT / "docs" / "metrics.md").read_text()
        told = "\n".join(line for line in page.splitlines() if NAME.match(line[3:]) and line.startswith("| `"))
        self.assertEqual(told.split("\n"), wanted.split("\n"), f"docs/metrics.md has to have:\n{wanted}")

    def test_page_knows_the_alerts(self):
        page = (harness.ROOT / "docs" / "metrics.md").read_text()
        rules = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
        alerts = re.findall(r"- alert: (\w+)", rules)
        self.assertGreater(len(alerts), 8)
        self.assertEqual([one for one in alerts if f"`{one}`" not in page], [])

    def test_alerts_name_metrics_that_there_are(self):
        now = scrape.read(self.daemon.metrics)
        known = {name for name, _, _ in now.samples}
        rules = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
        exprs = "\n".join(re.findall(r"expr: (?:\|\n(?:          .*\n)+|.*\n)", rules))
        self.assertGreater(len(NAME.findall(exprs)), 10)
        self.assertEqual(set(NAME.findall(exprs)) - known - {"dapr_version"}, set())

    def test_boards_name_metrics_that_there_are(self):
        now = scrape.read(self.daemon.metrics)
        known = {name for name, _, _ in now.samples}
        boards = sorted((DEPLOY / "grafana").glob("*.json"))
        self.assertEqual(len(boards), 3)
        for board in boards:
            names = {name for expr in queries(json.loads(board.read_text())) for name in NAME.findall(expr)}
            self.assertGreater(len(names), 8, board)
            self.assertEqual(names - known - {"dapr_version"}, set(), board)


def queries(board):
    """All that a board asks for."""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield re.match(r"label_values\((.*), \w+\)", variable["definition"])[1]


class Prometheus(Rich):
    """With a second daemon, which has no worker."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("prometheus") or not shutil.which("promtool"):
            raise unittest.SkipTest("NOT TESTED: no Prometheus here (package prometheus)")
        super().setUpClass()
        cls.lonely = harness.Daemon(app_id="lonely")
        cls.addClassCleanup(cls.lonely.close)
        cls.port = harness.free_port()
        rules = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
        (cls.folder / "alerts.yaml").write_text(re.sub(r"for: \w+", "for: 0s", rules))  # patience is promtool's to test
        (cls.folder / "prometheus.yml").write_text(PROMETHEUS.format(
            targets=f"'127.0.0.1:{cls.daemon.metrics}', '127.0.0.1:{cls.lonely.metrics}'"))
        cls.output = open(cls.folder / "prometheus.log", "wb")
        cls.addClassCleanup(cls.output.close)
        process = subprocess.Popen(
            ["prometheus", f"--config.file={cls.folder}/prometheus.yml", f"--storage.tsdb.path={cls.folder}/data",
             f"--web.listen-address=127.0.0.1:{cls.port}"], stdout=cls.output, stderr=cls.output)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        wait_for(cls.has_scraped, "Prometheus has read both daemons", 60)

    @classmethod
    def ask(cls, path, **query):
        url = f"http://127.0.0.1:{cls.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    @classmethod
    def has_scraped(cls):
        try:
            return len(cls.ask("query", query="pawl_build_info")["result"]) == 2
        except OSError:
            return False

    def firing(self, name, app):
        return [alert for alert in self.ask("alerts")["alerts"]
                if alert["labels"]["alertname"] == name and alert["labels"].get("app_id") == app
                and alert["state"] == "firing"]

    def test_targets(self):
        targets = self.ask("targets")["activeTargets"]
        self.assertEqual([(t["health"], t["lastError"]) for t in targets], [("up", "")] * 2)
        metadata = self.ask("metadata", metric="pawl_log_records")  # told by OpenMetrics without _total
        self.assertEqual(metadata["pawl_log_records"][0]["type"], "counter")

    def test_rules(self):
        for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
            told = subprocess.run(["promtool", *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True,
                                  timeout=120)
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)

    def test_boards(self):
        """Prometheus understands each query, and those of panels have something to show or none yet."""
        for board in sorted((DEPLOY / "grafana").glob("*.json")):
            shown = 0
            for expr in queries(json.loads(board.read_text())):
                expr = expr.replace("$__rate_interval", "10s").replace("$app", "rich").replace("$workflow", ".*")
                shown += bool(self.ask("query", query=expr)["result"])
            self.assertGreater(shown, 8, board.name)

    def test_alert_of_no_worker(self):
        self.assertEqual(self.firing("PawlNoWorker", "lonely"), [])
        hub = raw.Hub(self.lonely.grpc)
        self.addCleanup(hub.close)
        for i in range(3):
            hub.start(f"w{i}", text="1", scheduledStartTimestamp={"seconds": 1})
        alert = wait_for(lambda: [a for a in self.firing("PawlNoWorker", "lonely") if float(a["value"]) == 3],
                         "it fires", 60)
        self.assertEqual(alert[0]["annotations"]["summary"], "App lonely has work and no worker")
        worker = raw.Worker(self.lonely.grpc)
        self.addCleanup(worker.close)
        wait_for(lambda: not self.firing("PawlNoWorker", "lonely"), "it ends once a worker has come", 60)

    def test_alert_of_stalled_instances(self):
        alert = wait_for(lambda: self.firing("PawlInstancesStalled", "rich"), "it fires", 60)
        self.assertEqual(alert[0]["annotations"]["summary"], "1 workflows of app rich cannot go on")


if __name__ == "__main__":
    unittest.main()
