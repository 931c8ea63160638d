"""What /pawl/v1 and the dashboard's files answer, and what they refuse."""

import json
import re
import time
import unittest

import harness
import raw
from raw import pb


def asker(events, request):
    """Schedules an activity that fails, then waits for an event 'go'."""
    response = pb.WorkflowResponse()
    raised = [e for e in events if e.HasField("eventRaised")]
    if raised:
        action = response.actions.add(id=9)
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = raised[0].eventRaised.input.value
    elif not any(e.HasField("timerCreated") for e in events):
        action = response.actions.add(id=0)
        action.createTimer.fireAt.seconds = 253402300799
        action.createTimer.externalEvent.name = "go"
    response.customStatus.value = '"asking"'
    return response


class Console(unittest.TestCase):
    flags = ["--enable-dashboard"]

    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon(app_id="orders", flags=cls.flags)
        cls.worker = raw.Worker(cls.daemon.grpc, {"chain": raw.chain, "ask": asker})
        cls.worker.connected.wait(10)
        cls.hub = raw.Hub(cls.daemon.grpc)

    @classmethod
    def tearDownClass(cls):
        cls.worker.close()
        cls.hub.close()
        cls.daemon.close()

    def get(self, path, status=200):
        code, body, _ = self.daemon.request("GET", f"/pawl/v1/{path}")
        self.assertEqual(code, status, body)
        return json.loads(body)

    def post(self, path, body, status=200, content_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        code, answer, _ = self.daemon.request("POST", f"/pawl/v1/{path}", data, {"content-type": content_type})
        self.assertEqual(code, status, answer)
        return json.loads(answer)

    def wait_status(self, id, status):
        end = time.monotonic() + 20
        while self.get(f"instances/{id}")["status"] != status:
            self.assertLess(time.monotonic(), end, f"{id} has not become {status}")
            time.sleep(0.02)
        return self.get(f"instances/{id}")


class Looking(Console):
    def test_the_app(self):
        app = self.get("app")
        self.assertEqual((app["appId"], app["ready"], app["readOnly"], app["workers"]), ("orders", True, False, 1))
        self.assertEqual(app["stores"], [{"name": "statestore", "type": "state.sqlite"}])

    def test_one_that_has_ended(self):
        self.hub.start("c1", text="2")
        self.hub.wait("c1")
        one = self.get("instances/c1")
        self.assertEqual((one["id"], one["name"], one["status"], one["waits"]), ("c1", "chain", "COMPLETED", []))
        self.assertRegex(one["sentence"], r"^Completed after .*\.$")
        self.assertLessEqual(one["created"], one["ended"])
        timeline = self.get("instances/c1/timeline")
        kinds = {(step["kind"], step["outcome"], step["attempts"]) for step in timeline["groups"]}
        self.assertEqual(kinds, {("activity", "done", 1)})
        for step in timeline["groups"]:
            self.assertEqual([s["state"] for s in step["segments"]], ["run"])
            self.assertLessEqual(timeline["start"], step["start"])
            self.assertLessEqual(step["end"], timeline["end"])

    def test_one_that_waits(self):
        self.hub.start("w1", name="ask")
        end = time.monotonic() + 20
        while not self.get("instances/w1")["waits"]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        one = self.get("instances/w1")
        self.assertEqual([(w["kind"], w["name"]) for w in one["waits"]], [("event", "go")])
        self.assertNotIn("until", one["waits"][0])
        self.assertRegex(one["sentence"], r"^Waits for event go, for .*, without a time limit\.$")
        self.assertEqual(one["customStatus"], '"asking"')
        self.post("instances/w1/raise", {"event": "go", "data": '{"a":  1.50}'})
        self.assertEqual(self.wait_status("w1", "COMPLETED")["output"], '{"a":  1.50}')

    def test_events(self):
        self.hub.start("e1", text="2")
        self.hub.wait("e1")
        whole = self.get("instances/e1/events")
        self.assertEqual(whole["total"], len(whole["events"]))
        self.assertEqual([e["number"] for e in whole["events"]], list(range(whole["total"])))
        page = self.get("instances/e1/events?from=2&n=3")
        self.assertEqual(page["events"], whole["events"][2:5])
        one = self.get("instances/e1/events/1")
        self.assertEqual(one["type"], whole["events"][1]["type"])
        self.assertIn("there is no workflow", self.get("instances/nobody", 404)["message"])
        self.assertIn("none with number 99", self.get("instances/e1/events/99", 404)["message"])
        for query in ("from=-1", "n=x", "from=1e3"):
            self.assertIn("whole number", self.get(f"instances/e1/events?{query}", 400)["message"])

    def test_long_payloads_are_cut_in_lists(self):
        text = json.dumps("ä" * 4000)
        self.hub.start("l1", name="ask", text=text)
        self.wait_status("l1", "RUNNING")
        events = self.get("instances/l1/events")["events"]
        started = next(e for e in events if e["type"] == "executionStarted")
        self.assertLessEqual(len(started["fields"]["input"].encode()), 256)
        self.assertTrue(text.startswith(started["fields"]["input"]))
        self.assertEqual(self.get(f"instances/l1/events/{started['number']}")["fields"]["input"], text)

    def test_files_of_the_page(self):
        code, page, headers = self.daemon.request("GET", "/dashboard/")
        self.assertEqual((code, headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(headers["x-frame-options"], "DENY")
        etag = headers["etag"]
        self.assertEqual(self.daemon.request("GET", "/dashboard/", headers={"if-none-match": etag})[0], 304)
        code, zipped, headers = self.daemon.request("GET", "/dashboard/", headers={"accept-encoding": "br, gzip"})
        self.assertEqual((code, headers["content-encoding"]), (200, "gzip"))
        import gzip
        self.assertEqual(gzip.decompress(zipped), page)
        for name in re.findall(rb'(?:src|href)="(app\.[^"]+)"', page):
            code, _, headers = self.daemon.request("GET", f"/dashboard/{name.decode()}")
            self.assertEqual(code, 200)
            self.assertIn("immutable", headers["cache-control"])
        self.assertEqual(self.daemon.request("GET", "/dashboard/app.0.js")[0], 404)


class Acting(Console):
    def test_start_and_steer(self):
        id = self.post("instances", {"name": "ask", "input": '"x"'})["id"]
        self.wait_status(id, "RUNNING")
        self.post(f"instances/{id}/suspend", {"reason": "lunch"})
        self.assertRegex(self.wait_status(id, "SUSPENDED")["sentence"], "^Suspended")
        self.post(f"instances/{id}/resume", {})
        self.wait_status(id, "RUNNING")
        self.assertIn("has not yet completed", self.post(f"instances/{id}/purge", {}, 400)["message"])
        self.post(f"instances/{id}/terminate", {"reason": "enough"})
        self.wait_status(id, "TERMINATED")
        self.post(f"instances/{id}/purge", {})
        self.get(f"instances/{id}", 404)

    def test_what_is_asked_is_on_record(self):
        """A start that was answered survives the daemon's death."""
        id = self.post("instances", {"name": "ask", "id": "kept"})["id"]
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.get(f"instances/{id}")["name"], "ask")

    def test_refusals(self):
        self.assertIn("name is missing", self.post("instances", {}, 400)["message"])
        self.assertIn("name must be text", self.post("instances", {"name": 1}, 400)["message"])
        self.assertIn("input is not JSON", self.post("instances", {"name": "ask", "input": "x y"}, 400)["message"])
        self.assertIn("JSON object", self.post("instances", b"[]", 400)["message"])
        self.assertIn("JSON object", self.post("instances", b"{", 400)["message"])
        self.assertIn("reason must be text", self.post("instances/x/suspend", {"reason": []}, 400)["message"])
        self.assertIn("event is missing", self.post("instances/x/raise", {}, 400)["message"])
        self.assertIn("event must be the id", self.post("instances/x/rerun", {"event": "1"}, 400)["message"])
        self.assertIn("does not exist with ID 'x'", self.post("instances/x/rerun", {"event": 0}, 404)["message"])
        self.assertIn("not to 'dance'", self.post("instances/x/dance", {}, 404)["message"])
        self.post("instances", {"name": "ask"}, 415, content_type="text/plain")


class ReadOnly(Console):
    flags = ["--enable-dashboard", "--dashboard-read-only", "--hide-payloads"]

    def test_nothing_is_changed(self):
        self.assertIn("only reads", self.post("instances", {"name": "ask"}, 403)["message"])
        self.hub.start("r1", name="ask", text='"secret"')
        self.wait_status("r1", "RUNNING")
        for verb in ("raise", "suspend", "resume", "terminate", "rerun", "purge"):
            self.post(f"instances/r1/{verb}", {"event": "go"}, 403)

    def test_payloads_are_hidden(self):
        self.hub.start("h1", name="ask", text='"secret"')
        self.wait_status("h1", "RUNNING")
        for path in ("instances/h1", "instances/h1/events?full=1", "instances/h1/timeline"):
            self.assertNotIn("secret", json.dumps(self.get(path)))


class Off(Console):
    flags = []

    def test_the_page_is_not_served(self):
        code, body, _ = self.daemon.request("GET", "/dashboard/")
        self.assertEqual(code, 404)
        self.assertIn("--enable-dashboard", json.loads(body)["message"])


if __name__ == "__main__":
    del Console
    unittest.main()
