"""Metrics as people use them: the page that lists them, the boards and rules in deploy/, all against a real Prometheus.
test_alerts.py provokes what the rules are for."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

import harness
import prometheus
import raw
import scrape
from raw import pb
from prometheus import DEPLOY
from test_metrics import fails

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
    @classmethod
    def setUpClass(cls):
        prometheus.need()
        super().setUpClass()
        cls.prometheus = prometheus.Prometheus([cls.daemon], prometheus.rules())
        cls.addClassCleanup(cls.prometheus.close)

    def test_targets(self):
        targets = self.prometheus.ask("targets")["activeTargets"]
        self.assertEqual([(t["health"], t["lastError"]) for t in targets], [("up", "")])
        metadata = self.prometheus.ask("metadata", metric="pawl_log_records")  # told by OpenMetrics without _total
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
                shown += bool(self.prometheus.ask("query", query=expr)["result"])
            self.assertGreater(shown, 8, board.name)


if __name__ == "__main__":
    unittest.main()
