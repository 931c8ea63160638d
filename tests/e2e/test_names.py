#!/usr/bin/env python3
"""How another app is found: by a table of the Configuration and by DNS, also one that is away for a while."""

import tempfile
import unittest
from pathlib import Path

import harness
import proxy
import raw
from test_other_apps import FAR, NEAR, Case, Far, child_of, waiting

CONFIGURATION = """apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: names}
spec:
  nameResolution: {component: %s, configuration: %s}
"""

# The name of an app, and of a host.
HOST = "localhost"


class Names(Case):
    def resolution(self, component, configuration):
        folder = Path(tempfile.mkdtemp(prefix="pawl-e2e-"))
        self.addCleanup(harness.shutil.rmtree, folder)
        (folder / "config.yaml").write_text(CONFIGURATION % (component, configuration))
        return ["--config", str(folder / "config.yaml")]

    def test_a_table(self):
        """It says where an app is, also one of another name."""
        far = self.daemon(FAR)
        self.worker(far, waiting=waiting)
        near = self.daemon(NEAR, flags=self.resolution(
            "apps", f"{{{FAR}: '127.0.0.1:{far.grpc}', gone: ['127.0.0.1:1'], wrong: '127.0.0.1:{far.grpc}'}}"))
        hub = self.hub(near)
        Far(hub, FAR).start("t", "waiting")
        self.assertTrue(Far(hub, FAR).get("t").exists)
        for app in "gone", "wrong":
            text = self.refused(raw.grpc.StatusCode.UNAVAILABLE, Far(hub, app).get, "t")
            self.assertIn(f"app '{app}' does not answer at 127.0.0.1:", text)
            self.assertIn("spec.nameResolution", text)

    def one_goes_and_comes(self, app, way, flags):
        """Children are called while the app is there, goes, and is away; both sides are killed meanwhile."""
        near = self.daemon(NEAR, flags=flags)
        self.worker(near, parent=child_of(app, instance="{}-child"))
        hubs = self.hub(near), self.hub(self.far)
        names = [f"n{i:02d}" for i in range(12)]
        for i, name in enumerate(names):
            hubs[0].start(name, "parent", "in")
            if i == 3:
                self.until(self.is_there, hubs[1], name + "-child")
                self.assertTrue(way.links, "it was found otherwise")
                self.far.kill()
            if i == 7:
                self.until(lambda: f"app '{app}'" in near.output())
                near.kill()
                near.start()
        self.far.start()
        for name in names:
            self.until(self.is_there, hubs[1], name + "-child")
            self.until(lambda: hubs[1].raise_event(name + "-child", "go", name))
        for name in names:
            self.until(lambda: hubs[0].get(name).workflowState.workflowStatus == 1)
            self.assertEqual(hubs[0].get(name).workflowState.output.value, name)
            self.assertEqual(sum(e.HasField("executionStarted") for e in hubs[1].history(name + "-child")), 1)

    def test_a_table_and_one_that_goes(self):
        self.far = self.daemon(FAR)
        self.worker(self.far, waiting=waiting)
        way = proxy.Proxy(self.far.grpc)
        self.addCleanup(way.close)
        self.one_goes_and_comes(FAR, way, self.resolution("apps", f"{{{FAR}: ['127.0.0.1:1', '127.0.0.1:{way.port}']}}"))

    def test_dns_and_one_that_goes(self):
        """Each app is at the host of its name."""
        self.far = self.daemon(HOST)
        self.worker(self.far, waiting=waiting)
        way = proxy.Proxy(self.far.grpc)
        self.addCleanup(way.close)
        self.one_goes_and_comes(HOST, way, self.resolution("nameformat", f"{{format: '{{appid}}:{way.port}'}}"))

    def test_a_table_and_one_that_is_silent(self):
        """At an address where connections are taken, and nothing comes back, it is not looked for twice."""
        self.far = self.daemon(FAR)
        self.worker(self.far, waiting=waiting)
        way = proxy.Proxy(self.far.grpc)
        self.addCleanup(way.close)
        way.silence()
        near = self.daemon(NEAR, flags=self.resolution(
            "apps", f"{{{FAR}: ['127.0.0.1:{way.port}', '127.0.0.1:{self.far.grpc}']}}"))
        self.worker(near, parent=child_of(FAR, instance="{}-child"))
        hubs = self.hub(near), self.hub(self.far)
        for name in "ab":
            hubs[0].start(name, "parent", "in")
        for name in "ab":
            self.until(self.is_there, hubs[1], name + "-child", seconds=25)

    def test_a_host_that_dns_does_not_know(self):
        near = self.daemon(NEAR, flags=self.resolution("nameformat", "{format: '{appid}.invalid:50001'}"))
        text = self.refused(raw.grpc.StatusCode.UNAVAILABLE, Far(self.hub(near), "shop").get, "t")
        self.assertIn("shop.invalid:50001", text)


if __name__ == "__main__":
    unittest.main()
