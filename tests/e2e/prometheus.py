"""A Prometheus of Debian's, which reads daemons and minds the rules of deploy/prometheus."""

import json
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

import harness
from test_metrics import wait_for

DEPLOY = harness.ROOT / "deploy"
CONFIG = """global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 500ms}}
rule_files: [alerts.yaml]
scrape_configs:
  - job_name: pawl
    static_configs: [{{targets: [{targets}]}}]
"""


def rules():
    return (DEPLOY / "prometheus" / "alerts.yaml").read_text()


def need():
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        raise unittest.SkipTest("NOT TESTED: no Prometheus here (package prometheus)")


class Prometheus:
    """|text|: the rules. Returns once it has read all daemons twice, so that there are rates."""

    def __init__(self, daemons, text):
        self.folder = Path(tempfile.mkdtemp(prefix="pawl-e2e-"))
        self.apps = {f"127.0.0.1:{daemon.metrics}": daemon.app_id for daemon in daemons}
        self.port = harness.free_port()
        (self.folder / "alerts.yaml").write_text(text)
        (self.folder / "prometheus.yml").write_text(CONFIG.format(targets=", ".join(f"'{target}'" for target in self.apps)))
        self.log = open(self.folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        try:
            wait_for(self.has_read, "Prometheus has read all daemons twice", 60)
        except BaseException:
            self.close()
            raise

    def has_read(self):
        try:
            twice = self.ask("query", query="count_over_time(pawl_build_info[1m]) > 1")["result"]
            return len(twice) == len(self.apps)
        except OSError:
            return False

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def evaluate(self, times):
        """Waits until it has minded the rules so many times more."""
        for _ in range(times):
            last = self.ask("rules")["groups"][0]["lastEvaluation"]
            wait_for(lambda: self.ask("rules")["groups"][0]["lastEvaluation"] != last, "rules are evaluated", 60)

    def named(self, labels):
        """Which alert it is, and of which app."""
        return labels["alertname"], labels.get("app_id") or self.apps[labels["instance"]]

    def alerts(self, *states):
        """Those that are in one of the states, with what they tell: {(name, app): [annotation]}."""
        found = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] in states:
                found.setdefault(self.named(alert["labels"]), []).extend(alert["annotations"].values())
        return found

    def fired(self):
        """All that have fired since it runs."""
        past = self.ask("query", query='count_over_time(ALERTS{alertstate="firing"}[1h])')["result"]
        return {self.named(series["metric"]) for series in past}

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
