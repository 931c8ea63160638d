"""What /pawl/v1 and the dashboard's files answer, and what they refuse."""

import base64
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
import unittest

import harness
import openapi
import raw
from changes import Watcher
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
    app_id = "orders"

    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon(app_id=cls.app_id, flags=cls.flags)
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
        openapi.check(self, "GET", f"/pawl/v1/{path}", code, body)
        return json.loads(body)

    def post(self, path, body, status=200, content_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        code, answer, _ = self.daemon.request("POST", f"/pawl/v1/{path}", data, {"content-type": content_type})
        self.assertEqual(code, status, answer)
        if operation := openapi.operation("POST", f"/pawl/v1/{path}"):
            openapi.check(self, "POST", f"/pawl/v1/{path}", code, answer)
            if code == 200:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                self.assertEqual(openapi.misfits(json.loads(data), schema, "request"), [])
        else:
            self.assertEqual(code, 404)
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

    def as_columns(self, where, timeline, told):
        """Columns say what the rows of |timeline| do, one by one."""
        columns, names, rows = told["columns"], told["names"], []
        for i, kind in enumerate(columns["kind"]):
            kind, outcome, start = names[kind], names[columns["outcome"][i]], told["start"] + columns["start"][i]
            span = {"start": start} if outcome == "open" else {"start": start, "end": start + columns["took"][i]}
            state = "wait" if kind in ("timer", "event") else "fail" if outcome == "failed" else "run"
            more = told["more"].get(str(i), {"attempts": 1, "segments": [{"state": state, **span}]})
            rows.append({"kind": kind, "outcome": outcome, "name": names[columns["name"][i]], "events": columns["events"][i], **span, **more})
        self.assertEqual(len(timeline["groups"]), len(rows), where)
        for row, group in zip(rows, timeline["groups"]):
            for one, other in [(row, group), *zip(row["segments"], group["segments"])]:
                for key in ("start", "end"):
                    self.assertEqual(key in one, key in other, (where, row, group))
                    if key in one:
                        self.assertAlmostEqual(one.pop(key), other.pop(key), places=2)
            self.assertEqual(row, group, where)
        self.assertEqual(told["suspended"], timeline["suspended"], where)

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
        self.as_columns("c1", timeline, self.get("instances/c1/timeline?as=columns"))

    def test_columns_of_what_is_not_plain(self):
        def event(second, kind, number=-1, **body):
            return {"eventId": number, "timestamp": f"2026-01-05T08:00:{second:02}.250Z", kind: body}
        failure = {"errorType": "Refused", "errorMessage": "no"}
        history = [
            event(0, "executionStarted", name="mixed"),
            event(1, "taskScheduled", 0, name="charge", taskExecutionId="a"),
            event(2, "taskFailed", taskScheduledId=0, failureDetails=failure),
            event(2, "timerCreated", 1, fireAt="2026-01-05T08:00:04Z", activityRetry={"taskExecutionId": "a"}),
            event(4, "timerFired", timerId=1, fireAt="2026-01-05T08:00:04Z"),
            event(4, "taskScheduled", 2, name="charge", taskExecutionId="a"),
            event(5, "taskCompleted", taskScheduledId=2),
            event(5, "taskScheduled", 3, name="refuse"),
            event(6, "taskFailed", taskScheduledId=3, failureDetails=failure),
            event(6, "timerCreated", 4, fireAt="2026-01-05T08:00:08Z", name="pause"),
            event(8, "timerFired", timerId=4, fireAt="2026-01-05T08:00:08Z"),
            event(8, "childWorkflowInstanceCreated", 5, name="pack", instanceId="mixed:5"),
            event(9, "executionSuspended"),
            event(10, "executionResumed"),
            event(11, "childWorkflowInstanceCompleted", taskScheduledId=5),
            event(12, "eventRaised", name="unasked"),
            event(7, "taskScheduled", 6, name="charge"),  # a clock was set back
        ]
        timeline = self.post("timeline", history)
        self.assertEqual([(row["kind"], row["outcome"], row["attempts"]) for row in timeline["groups"]],
                         [("activity", "done", 2), ("activity", "failed", 1), ("timer", "done", 1), ("child", "done", 1),
                          ("event", "done", 1), ("activity", "open", 1)])
        told = self.post("timeline?as=columns", history)
        self.as_columns("mixed", timeline, told)
        self.assertEqual(told["names"].count("charge"), 1)
        self.assertEqual(sorted(told["more"]), ["0", "3", "4"])
        self.assertNotIn("groups", told)

    def test_one_that_waits(self):
        self.hub.start("w1", name="ask")
        end = time.monotonic() + 20
        while not self.get("instances/w1")["waits"]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        one = self.get("instances/w1")
        self.assertEqual([(w["kind"], w["name"]) for w in one["waits"]], [("event", "go")])
        self.as_columns("w1", self.get("instances/w1/timeline"), self.get("instances/w1?timeline=columns")["timeline"])
        self.assertNotIn("until", one["waits"][0])
        self.assertRegex(one["sentence"], r"^Waits for event go, for .*, without a time limit\.$")
        self.assertEqual(one["customStatus"], '"asking"')
        self.post("instances/w1/raise", {"event": "go", "data": '{"a":  1.50}'})
        self.assertEqual(self.wait_status("w1", "COMPLETED")["output"], '{"a":  1.50}')
        # Its history as a file has the same rows, and is not kept.
        history, timeline = self.get("instances/w1/history"), self.get("instances/w1/timeline")
        read = self.post("timeline", history)
        self.assertEqual([read[key] for key in ("start", "end", "groups")], [timeline[key] for key in ("start", "end", "groups")])
        self.as_columns("history of w1", timeline, self.post("timeline?as=columns", history))
        self.assertIn("event 1", self.post("timeline", [history[0], {"timestamp": 7}], 400)["message"])
        self.assertIn("not JSON", self.post("timeline", b"[", 400)["message"])
        self.assertIn("array of events", self.post("timeline", b"{}", 400)["message"])

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

    def test_events_are_found_by_their_text(self):
        """In all that they carry, beyond what a list shows of it."""
        self.hub.start("f1", name="ask", text=json.dumps(2000 * "x" + "Needle"))
        self.wait_status("f1", "RUNNING")
        total = self.get("instances/f1/events")["total"]
        found = self.get("instances/f1/events?find=nEEDLE")
        self.assertEqual([event["type"] for event in found["events"]], ["executionStarted"])
        self.assertNotIn("next", found)
        self.assertEqual(self.get("instances/f1/events?find=nothing+like+it")["events"], [])
        part = self.get("instances/f1/events?n=1")
        self.assertEqual((part["next"], part["total"]), (1, total))

    def test_a_rerun_finds_where_to_begin(self):
        """At the step that failed last, or else at the first one."""
        self.hub.start("r1", text="1")
        self.hub.wait("r1")
        new = self.post("instances/r1/rerun", {"id": "r1-again"})["id"]
        self.assertEqual(new, "r1-again")
        self.hub.wait("r1-again")
        self.post("instances/r1/rerun", {"id": "r1-again"}, 409)
        self.post("instances/nobody/rerun", {}, 404)

    def test_long_payloads_are_cut_in_lists(self):
        text = json.dumps("ä" * 4000)
        self.hub.start("l1", name="ask", text=text)
        self.wait_status("l1", "RUNNING")
        events = self.get("instances/l1/events")["events"]
        started = next(e for e in events if e["type"] == "executionStarted")
        self.assertLessEqual(len(started["fields"]["input"].encode()), 256)
        self.assertTrue(text.startswith(started["fields"]["input"]))
        self.assertEqual(self.get(f"instances/l1/events/{started['number']}")["fields"]["input"], text)

    def test_the_document(self):
        """Each route is in docs/openapi.json, and each operation in there is served."""
        self.assertEqual(self.get("openapi.json"), openapi.DOCUMENT)
        table = (harness.ROOT / "src/api/console.c").read_text()
        routes = {(method, "/pawl/v1" + path): query.split() for method, path, query in
                  re.findall(r'\{"([A-Z]+)", V1 "([^"]+)", \w+,\s*"([^"]*)"\}', table)}
        verbs = re.findall(r'\{"(\w+)", "([^"]+)", PAWL_TASKHUB_\w+,\s*act_', (harness.ROOT / "src/api/console_act.c").read_text())
        query = routes.pop(("POST", "/pawl/v1/instances/{id}/{verb}"))
        routes |= {("POST", f"/pawl/v1/instances/{{id}}/{verb}"): query for verb, _ in verbs}
        documented = {(method.upper(), path): [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
                      for path, item in openapi.DOCUMENT["paths"].items() for method, operation in item.items()}
        self.assertEqual(routes, documented)
        for verb, members in verbs:
            body = openapi.DOCUMENT["paths"][f"/pawl/v1/instances/{{id}}/{verb}"]["post"]["requestBody"]
            self.assertEqual(set(members.split()), set(body["content"]["application/json"]["schema"]["properties"]), verb)
        ids = [operation["operationId"] for item in openapi.DOCUMENT["paths"].values() for operation in item.values()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_answers_are_as_the_document_says(self):
        self.hub.start("o1", text="1")
        self.hub.wait("o1")
        for path in ("app", "numbers", "past", "past?from=1", "workers", "store", "instances", "instances?limit=1", "instances?sort=created&q=name:chain",
                     "instances/count", "instances/count?q=status:failed&by=status"):
            self.get(path)
        for path in ("instances?sort=name", "instances?q=status:odd", "instances?limit=x", "changes?most=x",
                     "instances/count?by=age", "instances/count?by="):
            self.get(path, 400)
        for path in ("instances?stats=failed", "instances?q=a&Q=b", "instances?q=%zz", "instances/count?by=status&limit=1", "workers?x"):
            self.assertIn("takes no parameter", self.get(path, 400)["message"])
        self.assertEqual(self.get("instances/count?by=status&q=o1")["groups"], [{"status": "COMPLETED", "n": 1}])
        self.assertEqual(self.get("instances/count?by=name&q=o1")["groups"], [{"name": "chain", "n": 1}])
        for path, body in (("instances", {"name": "ask", "inptu": "1"}), ("instances/o1/purge", {"forced": True}),
                           ("instances/o1/purge", {"force": "yes"}), ("instances/o1/suspend", {"why": "x"})):
            self.post(path, body, 400)
        self.assertEqual(self.post("instances", {"name": "ask"})["id"], self.get("instances?limit=1")["rows"][0]["id"])
        self.post("instances", {"name": "ask", "id": "o2", "input": '{"a": [1]}'})
        self.wait_status("o2", "RUNNING")
        self.post("instances/o2/suspend", {"reason": "why not"})
        self.post("instances/o2/resume", {})
        self.post("instances/o2/terminate", {"reason": "enough"})
        self.wait_status("o2", "TERMINATED")
        self.assertRegex(self.daemon.output(), r"terminate 'o2', reason: enough, asked by \[Python-urllib/[\d.]+\]")
        rerun = next(e for e in self.get("instances/o1/events")["events"] if e["type"] == "taskScheduled")
        self.post("instances/o1/rerun", {"event": rerun["id"], "id": "o3"})
        self.post("instances/o2/purge", {"force": False})
        self.post("instances/o2/purge", {}, 404)
        self.post("instances", {"id": "nameless"}, 400)

    def test_workers_are_told_with_what_they_do(self):
        """A worker that is connected, and what it has in hand."""
        begun, go = threading.Event(), threading.Event()

        def slow(events, request):
            begun.set()
            go.wait(20)
            return asker(events, request)

        worker = raw.Worker(self.daemon.grpc, {"slow": slow}, says=(["slow"], ["step"]))
        try:
            worker.connected.wait(20)
            self.post("instances", {"name": "slow", "id": "w1"})  # the hub's start waits for the first turn
            self.assertTrue(begun.wait(20))
            told = [one for one in self.get("workers")["workers"] if one["workflows"] == ["slow"]]
            self.assertEqual(len(told), 1)
            self.assertEqual((told[0]["inFlight"], told[0]["saysNames"], told[0]["activities"]), (1, True, ["step"]))
            item = told[0]["items"][0]
            self.assertEqual((item["instance"], item["kind"], item["name"]), ("w1", "turn", "slow"))
        finally:
            # Each is answered although nothing can come of it before the worker answers.
            self.post("instances/w1/suspend", {})
            self.post("instances/w1/resume", {})
            self.post("instances/w1/terminate", {})  # no other worker has it
            go.set()
            self.wait_status("w1", "TERMINATED")
            worker.close()

    def test_no_lines_without_run(self):
        self.assertIn("'pawl run' keeps those of what it starts", self.get("log", 404)["message"])

    def test_the_store_is_told(self):
        self.hub.start("s1", text="1")
        self.hub.wait("s1")
        told = self.get("store")
        self.assertEqual([one["type"] for one in told["stores"]], ["state.sqlite"])
        self.assertGreater(told["stores"][0]["commits"], 0)
        self.assertGreater(told["stores"][0]["bytes"], 0)
        self.assertEqual([one["state"] for one in told["shards"]], ["serving"])
        self.assertGreater(told["shards"][0]["position"], 0)
        self.assertEqual([one["self"] for one in told["daemons"]], [True])

    def test_what_happened_is_told_in_steps(self):
        self.hub.start("p1", text="1")
        self.hub.wait("p1")
        end = time.monotonic() + 30
        while not sum((past := self.get("past"))["completed"]) or max(past["running"]) < 0:
            self.assertLess(time.monotonic(), end, "no step tells of it")
            time.sleep(0.2)
        self.assertEqual(len(past["times"]), past["next"] - past["from"])
        self.assertGreater(max(past["workflowP50"]), 0)
        self.assertEqual(self.get(f"past?from={past['next'] - 1}")["from"], past["next"] - 1)

    def test_files_of_the_page(self):
        code, page, headers = self.daemon.request("GET", "/dashboard/")
        self.assertEqual((code, headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(headers["x-frame-options"], "DENY")
        # Whoever opens it from another page loses hold of it; to come by oneself costs no other process.
        self.assertEqual(headers["cross-origin-opener-policy"], "same-origin")
        for site, wanted in (("none", None), ("cross-site", "same-origin"), ("same-site", "same-origin"), ("same-origin", "same-origin")):
            came = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
            headers = self.daemon.request("GET", "/dashboard/", headers=came)[2]
            self.assertEqual(headers.get("cross-origin-opener-policy"), wanted, site)
        self.assertIn("sec-fetch-site", headers["vary"])
        # What stands in the page is allowed by its hash, and by nothing wider.
        self.assertNotIn("unsafe", headers["content-security-policy"])
        for text in re.findall(rb"<(?:style|script)>(.*?)</(?:style|script)>", page, re.S):
            self.assertIn(base64.b64encode(hashlib.sha256(text).digest()).decode(), headers["content-security-policy"])
        etag = headers["etag"]
        self.assertEqual(self.daemon.request("GET", "/dashboard/", headers={"if-none-match": etag})[0], 304)
        code, zipped, headers = self.daemon.request("GET", "/dashboard/", headers={"accept-encoding": "br, gzip"})
        self.assertEqual((code, headers["content-encoding"]), (200, "gzip"))
        import gzip
        self.assertEqual(gzip.decompress(zipped), page)
        names = re.findall(rb'import\("\./(app\.[^"]+)"\)', page)
        self.assertEqual(len(names), 1 if b"app." in page else 0)
        for name in names:
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

    def history(self, id, source="done-1"):
        """Of a workflow with an activity that has ended, as 'pawl workflow export' writes it."""
        from google.protobuf import json_format
        if not self.get(f"instances?q=id:{source}")["rows"]:
            self.hub.start(source, text="1")
        self.hub.wait(source)
        return [json_format.MessageToDict(event) for event in self.hub.history(source)]

    def test_import(self):
        history = self.history("done-1")
        self.assertIn("has already been created", self.post("instances/import", {"history": history}, 409)["message"])
        self.assertEqual(self.post("instances/import", {"history": history, "id": "copy"})["id"], "copy")
        source, copy = self.get("instances/done-1"), self.get("instances/copy")
        for key in ("name", "status", "created", "ended", "input", "output"):
            self.assertEqual(source[key], copy[key], key)
        self.daemon.kill()
        self.daemon.start()
        self.hub.close()
        type(self).hub = raw.Hub(self.daemon.grpc)
        taken = json.loads(json.dumps(self.history("copy", "copy")).replace('"copy"', '"done-1"'))
        self.assertEqual(taken, history)
        self.post("instances/copy/purge", {})
        self.assertEqual(self.post("instances/import", {"history": self.history("done-1"), "id": "copy"})["id"], "copy")

    def test_import_refused(self):
        history = self.history("done-1")
        for body, why in (({}, "history must be an array"), ({"history": history, "id": ""}, "id must be text"),
                          ({"history": [], "id": "x"}, "no event executionStarted"), ({"history": []}, "names no instance"),
                          ({"history": history[:-1], "id": "x"}, "only a workflow that has ended"),
                          ({"history": [*history, history[0]], "id": "x"}, "comes after the end"),
                          ({"history": [{"eventId": "a"}], "id": "x"}, "event 0: "),
                          ({"history": [7], "id": "x"}, "event 0: ")):
            self.assertIn(why, self.post("instances/import", body, 400)["message"])
        self.get("instances/x", 404)

    def test_import_while_it_dies(self):
        """What was answered is there, and all of it; what was not is there as a whole or not at all."""
        history = self.history("done-1")
        for round in range(6):
            answered, gone = [], threading.Event()

            def many():
                for i in range(1000):
                    body = json.dumps({"history": history, "id": f"k{round}-{i}"}).encode()
                    try:
                        code = self.daemon.request("POST", "/pawl/v1/instances/import", body, {"content-type": "application/json"})[0]
                    except OSError:
                        return
                    if code == 200:
                        answered.append(f"k{round}-{i}")
                        gone.set()

            thread = threading.Thread(target=many)
            thread.start()
            self.assertTrue(gone.wait(20))
            time.sleep(0.01 * round)
            self.daemon.kill()
            thread.join()
            self.daemon.start()
            rows = self.get(f"instances?q=id:k{round}-&limit=1000")["rows"]
            self.assertLessEqual(set(answered), {row["id"] for row in rows})
            for row in rows[:5]:
                self.assertEqual(row["status"], "COMPLETED")
                self.assertEqual(len(self.get(f"instances/{row['id']}/events")["events"]), len(history))
        self.hub.close()
        type(self).hub = raw.Hub(self.daemon.grpc)

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
        self.post("instances/import", {"history": []}, 403)

    def test_payloads_are_hidden(self):
        self.hub.start("h1", name="ask", text='"secret"')
        self.wait_status("h1", "RUNNING")
        for path in ("instances/h1", "instances/h1/events?full=1", "instances/h1/timeline"):
            self.assertNotIn("secret", json.dumps(self.get(path)))
        self.assertEqual(self.get("instances/h1/events?find=secret")["events"], [])
        self.assertIn("hides payloads", self.get("log", 403)["message"])
        self.assertIn("hides", self.get("instances/h1/history", 403)["message"])
        for path in ("instances?q=says:ask", "instances/count?q=says:ask", "instances?q=status:running+says:ask&sort=created"):
            self.assertIn("hides payloads", self.get(path, 403)["message"])


class Changes(Console):
    def watch(self, *args, **kinds):
        watcher = Watcher(self.daemon.http, *args, **kinds)
        self.addCleanup(watcher.close)
        return watcher

    def test_all_that_happens(self):
        every, one = self.watch(), self.watch("?id=d2")
        self.assertIn(b"text/event-stream", every.head)
        self.assertEqual(every.next()[0], "hello")
        self.assertEqual(one.next()[1]["covers"], "all")
        for id in ("d1", "d2"):
            self.hub.start(id, text="1")
            self.hub.wait(id)
        told = [data for _, data in every.until("COMPLETED", "d2")]
        self.assertEqual([change for change in told if change["id"] == "d2"],
                         [data for _, data in one.until("COMPLETED", "d2")])
        for id in ("d1", "d2"):
            mine = [change for change in told if change["id"] == id]
            self.assertEqual([change["what"] for change in mine], ["created", "turn", "event", "turn"])
            self.assertEqual({change["name"] for change in mine}, {"chain"})
        self.assertEqual([change["position"] for change in told], sorted(change["position"] for change in told))
        self.post("instances/d1/purge", {})
        event, data = every.next()
        self.assertEqual((event, data["id"], data["what"], "status" in data), ("change", "d1", "purged", False))

    def test_coming_back(self):
        first = self.watch()
        first.next()
        self.hub.start("b1", text="1")
        whole = first.until("COMPLETED", "b1")
        part = self.watch()
        part.next()
        self.hub.start("b2", text="1")
        part.next()
        part.close()
        self.hub.wait("b2")
        rest = self.watch(last=part.last)
        self.assertEqual(rest.next()[0], "hello")
        self.assertEqual(len(rest.until("COMPLETED", "b2")), len(whole) - 1)
        stranger = self.watch(last="0123456789abcdef-7")
        self.assertEqual([stranger.next()[0], stranger.next()[0]], ["hello", "reset"])

    def test_many_at_once(self):
        brief = self.watch("?most=1")
        brief.next()
        self.hub.start("m1", text="30")
        while (event := brief.next())[0] != "reset":
            self.assertEqual(event[1]["id"], "m1")

    def test_slow_ones_cost_little(self):
        slow = [self.watch(small=True) for _ in range(100)]
        quick = self.watch()
        quick.next()
        self.hub.start("before", text="0")
        quick.until("COMPLETED", "before")
        before = self.daemon.rss()
        ids = [f"slow-{i}-" + 20000 * "x" for i in range(200)]
        for at in range(0, 200, 10):
            for id in ids[at:at + 10]:
                self.hub.start(id, text="0")
            told = quick.until("COMPLETED", ids[at + 9])
            self.assertEqual({event for event, _ in told}, {"change"})
        # Each of them is owed some eight megabytes.
        self.assertLess(self.daemon.rss() - before, 30 << 20)
        for i, watcher in enumerate(slow[::50]):
            watcher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            while watcher.next()[0] != "reset":
                pass
            self.hub.start(f"after-{i}", text="0")
            watcher.until("COMPLETED", f"after-{i}")

    def test_no_more_than_there_is_room_for(self):
        watchers = [self.watch() for _ in range(256)]
        refused = self.watch()
        self.assertIn(b" 503 ", refused.head)
        self.assertIn(b"retry-after", refused.head)
        for watcher in watchers:
            watcher.close()


class AllApps(Console):
    """Through 'pawl dashboard', which hands calls on."""
    app_id = f"orders-{os.getpid()}"  # it finds all that run on this machine

    def test_calls_and_streams_are_handed_on(self):
        port = harness.free_port()
        hub = subprocess.Popen([harness.PAWL, "dashboard", "-p", str(port)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (hub.terminate(), hub.wait(), hub.stdout.close()))
        self.assertIn(str(port), hub.stdout.readline())

        def get(path):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            self.addCleanup(connection.close)
            connection.request("GET", f"/apps/{self.app_id}/pawl/v1/{path}")
            return connection.getresponse()

        def line(stream, beginning):
            return next(text for text in iter(lambda: stream.readline().decode(), "") if text.startswith(beginning))
        self.assertEqual(get("instances?limit=1").status, 200)
        self.assertEqual(get("instances/nobody").status, 404)
        stream = get("changes?most=50")
        self.assertEqual((stream.status, stream.headers["content-type"]), (200, "text/event-stream"))
        line(stream, "event: hello")
        self.hub.start("handed-on", text="0")
        self.assertIn('"handed-on"', line(stream, "data: {\"id\""))
        self.assertNotEqual(get("changes?most=x").status, 200)


class Token(unittest.TestCase):
    """Who may look where a token is wanted, and that one is wanted where others can reach the page."""

    def daemon(self, *flags, **env):
        daemon = harness.Daemon(app_id="orders", flags=["--enable-dashboard", *flags], env=env)
        self.addCleanup(daemon.close)
        return daemon

    def status(self, daemon, path, **headers):
        return daemon.request("GET", path, None, {k.replace("_", "-"): v for k, v in headers.items()})[0]

    def test_the_dashboard_has_a_token(self):
        daemon = self.daemon("--dashboard-token", "secret")
        self.assertEqual(self.status(daemon, "/dashboard/"), 200)  # it asks for the token
        for shown in {}, {"pawl_dashboard_token": "secre"}, {"pawl_dashboard_token": "secrett"}, {"dapr_api_token": "secret"}:
            self.assertEqual(self.status(daemon, "/pawl/v1/app", **shown), 401, shown)
            self.assertEqual(self.status(daemon, "/pawl/v1/changes", **shown), 401, shown)
        self.assertEqual(self.status(daemon, "/pawl/v1/app", pawl_dashboard_token="secret"), 200)
        for path in "/%70awl/v1/app", "/pawl/%761/app", "//pawl/v1/app", "/pawl//v1/app":  # other ways to write it
            self.assertEqual(self.status(daemon, path), 401, path)
            self.assertEqual(self.status(daemon, path, pawl_dashboard_token="secret"), 200, path)
        self.assertEqual(self.status(daemon, "/v1.0/metadata"), 200)  # Dapr's own API has none

    def test_the_api_has_a_token(self):
        daemon = self.daemon(DAPR_API_TOKEN="api", PAWL_DASHBOARD_TOKEN="page")
        self.assertEqual(self.status(daemon, "/dashboard/"), 200)
        self.assertEqual(self.status(daemon, "/pawl/v1/app"), 401)
        for shown in {"dapr_api_token": "api"}, {"pawl_dashboard_token": "api"}, {"pawl_dashboard_token": "page"}:
            self.assertEqual(self.status(daemon, "/pawl/v1/app", **shown), 200, shown)
        self.assertEqual(self.status(daemon, "/v1.0/metadata", pawl_dashboard_token="page"), 401)
        self.assertEqual(self.status(daemon, "/v1.0/metadata", pawl_dashboard_token="api"), 401)
        self.assertEqual(self.status(daemon, "/v1.0/metadata", dapr_api_token="api"), 200)

    def test_others_can_reach_it(self):
        for addresses in "0.0.0.0", "127.0.0.1,::":
            answer = subprocess.run([harness.PAWL, "daemon", "--app-id", "open", "--enable-dashboard", "--no-default-store",
                                     "--dapr-http-port", "0", "--dapr-grpc-port", "0", "--enable-metrics=false",
                                     "--dapr-listen-addresses", addresses], capture_output=True, text=True, timeout=60)
            self.assertEqual(answer.returncode, 1)
            self.assertIn("give --dashboard-token, set DAPR_API_TOKEN, or listen on 127.0.0.1 only", answer.stdout)


class Off(Console):
    flags = []

    def test_the_page_is_not_served(self):
        code, body, _ = self.daemon.request("GET", "/dashboard/")
        self.assertEqual(code, 404)
        self.assertIn("--enable-dashboard", json.loads(body)["message"])


if __name__ == "__main__":
    del Console
    unittest.main()
