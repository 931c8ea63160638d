"""What clients see: statuses, errors and their texts, over gRPC and HTTP."""

import json
import subprocess
import threading
import time
import unittest

import grpc

import harness
import raw
from raw import pb


def event_waiter(events, request):
    """Ends with the data of the first event 'go'."""
    response = pb.WorkflowResponse()
    raised = [e for e in events if e.HasField("eventRaised")]
    terminated = [e for e in events if e.HasField("executionTerminated")]
    if terminated:
        action = response.actions.add(id=0)
        action.completeWorkflow.workflowStatus = 5
        action.completeWorkflow.result.value = terminated[0].executionTerminated.input.value
    elif raised:
        action = response.actions.add(id=0)
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = raised[0].eventRaised.input.value
    response.customStatus.value = "waiting"
    return response


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon(app_id="app")
        cls.worker = raw.Worker(cls.daemon.grpc, {"chain": raw.chain, "wait": event_waiter})
        cls.worker.connected.wait(10)
        cls.hub = raw.Hub(cls.daemon.grpc)

    @classmethod
    def tearDownClass(cls):
        cls.worker.close()
        cls.hub.close()
        cls.daemon.close()

    def fails(self, code, text, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code)
        self.assertIn(text, caught.exception.details())

    def http(self, method, path, body=None, **headers):
        code, answer, got = self.daemon.request(method, path, body, headers)
        try:
            return code, json.loads(answer) if answer else None
        except ValueError:
            return code, answer

    def test_start_get_and_reuse(self):
        self.hub.start("s1", text="2")
        self.assertEqual(self.hub.wait("s1").output.value, "2")
        state = self.hub.get("s1").workflowState
        self.assertEqual((state.name, state.workflowStatus, state.input.value), ("chain", 1, "2"))
        self.assertGreater(state.lastUpdatedTimestamp.ToNanoseconds(),
                           state.createdTimestamp.ToNanoseconds())
        self.hub.start("s1", text="1")  # a completed instance may be started anew
        self.assertEqual(self.hub.wait("s1").output.value, "1")
        self.fails(grpc.StatusCode.ALREADY_EXISTS, "enforces instance ID uniqueness",
                   lambda: self.hub.start("s1", text="1", enforceUniqueInstanceId=True))
        self.assertFalse(self.hub.get("never").exists)

    def test_duplicate(self):
        self.hub.start("d1", "wait")
        self.fails(grpc.StatusCode.ALREADY_EXISTS,
                   "failed to create workflow instance: an active workflow with ID 'd1' already exists",
                   lambda: self.hub.start("d1", "wait"))
        code, answer = self.http("POST", "/v1.0/workflows/dapr/wait/start?instanceID=d1")
        self.assertEqual((code, answer["errorCode"]), (500, "ERR_START_WORKFLOW"))
        self.hub.raise_event("d1", "go", '"x"')
        self.assertEqual(self.hub.wait("d1").output.value, '"x"')

    def test_suspend_resume_terminate_purge(self):
        self.hub.start("p1", "wait")
        self.hub.call("SuspendInstance", pb.SuspendRequest(instanceId="p1"), pb.SuspendResponse)
        self.assertEqual(self.daemon.status("p1"), "SUSPENDED")
        self.hub.call("ResumeInstance", pb.ResumeRequest(instanceId="p1"), pb.ResumeResponse)
        self.assertEqual(self.daemon.status("p1"), "RUNNING")
        purge = pb.PurgeInstancesRequest(instanceId="p1")
        self.fails(grpc.StatusCode.UNKNOWN, "orchestration has not yet completed",
                   lambda: self.hub.call("PurgeInstances", purge, pb.PurgeInstancesResponse))
        terminate = pb.TerminateRequest(instanceId="p1")
        terminate.output.value = '"enough"'
        self.hub.call("TerminateInstance", terminate, pb.TerminateResponse)
        state = self.hub.get("p1").workflowState
        self.assertEqual((state.workflowStatus, state.output.value), (5, '"enough"'))
        answer = self.hub.call("PurgeInstances", purge, pb.PurgeInstancesResponse)
        self.assertEqual(answer.deletedInstanceCount, 1)
        self.assertFalse(self.hub.get("p1").exists)

    def test_unknown_things(self):
        self.fails(grpc.StatusCode.UNKNOWN, "no such instance exists",
                   lambda: self.hub.raise_event("never", "go"))
        self.fails(grpc.StatusCode.UNKNOWN, "multi-instance purge is not implemented",
                   lambda: self.hub.call("PurgeInstances", pb.PurgeInstancesRequest(
                       purgeInstanceFilter=pb.PurgeInstanceFilter()), pb.PurgeInstancesResponse))
        self.fails(grpc.StatusCode.UNIMPLEMENTED, "QueryInstances",
                   lambda: self.hub.call("QueryInstances", pb.GetInstanceRequest(),
                                         pb.GetInstanceResponse))
        self.fails(grpc.StatusCode.DEADLINE_EXCEEDED, "",
                   lambda: self.hub.wait("never", timeout=0.2))
        nested = b""
        for _ in range(5000):  # a failure in a failure, and so on
            size, length = len(nested), b""
            while True:
                length += bytes([size & 127 | (128 if size > 127 else 0)])
                size >>= 7
                if not size:
                    break
            nested = b"\x22" + length + nested
        body = b"\x22" + bytes([len(nested) & 127 | 128, len(nested) >> 7 & 127 | 128,
                                len(nested) >> 14]) + nested
        method = self.hub.channel.unary_unary(raw.SERVICE + "CompleteActivityTask")
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, "nested too deeply", lambda: method(body))

    def test_http_workflow(self):
        for prefix in ("/v1.0", "/v1.0-beta1", "/v1.0-alpha1"):
            base = f"{prefix}/workflows/dapr"
            code, answer = self.http("POST", f"{base}/wait/start", b'"in"')
            self.assertEqual(code, 202)
            one = f"{base}/{answer['instanceID']}"
            while self.http("GET", one)[1]["runtimeStatus"] == "PENDING":
                time.sleep(0.01)
            code, answer = self.http("GET", one)
            self.assertEqual(answer["workflowName"], "wait")
            self.assertEqual(answer["properties"]["dapr.workflow.input"], '"in"')
            self.assertEqual(answer["properties"]["dapr.workflow.custom_status"], "waiting")
            self.assertEqual(self.http("POST", f"{one}/pause"), (202, {}))
            self.assertEqual(self.http("POST", f"{one}/resume"), (202, {}))
            self.assertEqual(self.http("POST", f"{one}/raiseEvent/go", b"7"), (202, {}))
            while self.http("GET", one)[1]["runtimeStatus"] != "COMPLETED":
                time.sleep(0.01)
            self.assertEqual(self.http("GET", one)[1]["properties"]["dapr.workflow.output"], "7")
            self.assertEqual(self.http("POST", f"{one}/purge"), (202, {}))
            code, answer = self.http("GET", one)
            self.assertEqual((code, answer["errorCode"]), (404, "ERR_INSTANCE_ID_NOT_FOUND"))
        code, answer = self.http("POST", "/v1.0/workflows/dapr/wait/start?instanceID=a:b")
        self.assertEqual((code, answer["errorCode"]), (400, "ERR_INSTANCE_ID_INVALID"))
        code, answer = self.http("POST", f"/v1.0/workflows/dapr/wait/start?instanceID={'x' * 65}")
        self.assertEqual((code, answer["errorCode"]), (400, "ERR_INSTANCE_ID_TOO_LONG"))
        code, answer = self.http("POST", "/v1.0/workflows/dapr/never/terminate")
        self.assertEqual((code, answer["errorCode"]), (404, "ERR_INSTANCE_ID_NOT_FOUND"))

    def test_http_state(self):
        base = "/v1.0/state/statestore"
        self.assertEqual(self.http("GET", f"{base}/none")[0], 204)
        self.assertEqual(self.http("POST", base, b'[{"key":"a","value":{"n":1}}]')[0], 204)
        code, body, headers = self.daemon.request("GET", f"{base}/a")
        etag = {k.lower(): v for k, v in headers.items()}["etag"]
        self.assertEqual((code, body), (200, b'{"n":1}'))
        stale = json.dumps([{"key": "a", "value": 2, "etag": etag}]).encode()
        self.assertEqual(self.http("POST", base, stale)[0], 204)
        code, answer = self.http("POST", base, stale)
        self.assertEqual((code, answer["errorCode"]), (409, "ERR_STATE_SAVE"))
        both = {"operations": [{"operation": "upsert", "request": {"key": "b", "value": 1}},
                               {"operation": "delete", "request": {"key": "a", "etag": etag}}]}
        self.assertEqual(self.http("POST", f"{base}/transaction", json.dumps(both).encode())[0], 500)
        self.assertEqual(self.http("GET", f"{base}/b")[0], 204, "half a transaction is visible")
        del both["operations"][1]["request"]["etag"]
        self.assertEqual(self.http("POST", f"{base}/transaction", json.dumps(both).encode())[0], 204)
        self.assertEqual(self.http("POST", f"{base}/bulk", b'{"keys":["a","b"]}')[1][1]["data"], 1)
        for key, seconds in (("short", 1), ("long", 3600)):
            item = {"key": key, "value": 1, "metadata": {"ttlInSeconds": str(seconds)}}
            self.assertEqual(self.http("POST", base, json.dumps([item]).encode())[0], 204)
        end = time.monotonic() + 20
        while self.http("GET", f"{base}/short")[0] != 204:
            self.assertLess(time.monotonic(), end, "it never expires")
            time.sleep(0.05)
        self.assertEqual(self.http("GET", f"{base}/long")[0], 200)
        self.assertEqual(self.http("DELETE", f"{base}/b")[0], 204)
        code, answer = self.http("GET", "/v1.0/state/other/a")
        self.assertEqual((code, answer["message"]), (400, "state store other is not found"))
        self.assertEqual(self.http("POST", base, b'{"key":')[1]["errorCode"], "ERR_MALFORMED_REQUEST")
        self.assertEqual(self.http("POST", base, b'[{"key":"x||y","value":1}]')[0], 400)

    def test_metadata_and_health(self):
        self.assertEqual(self.http("GET", "/v1.0/healthz")[0], 204)
        self.assertEqual(self.http("GET", "/v1.0/healthz?appid=other")[1]["errorCode"],
                         "ERR_HEALTH_APPID_NOT_MATCH")
        code, answer = self.http("GET", "/v1.0/metadata")
        self.assertEqual(answer["workflows"]["connectedWorkers"], 1)
        self.assertEqual(answer["actorRuntime"]["activeActors"][0]["type"],
                         "dapr.internal.default.app.workflow")
        other = raw.Worker(self.daemon.grpc)
        for count, change in ((2, lambda: other.connected.wait(20)), (1, other.close)):
            change()
            end = time.monotonic() + 20
            while self.http("GET", "/v1.0/metadata")[1]["workflows"]["connectedWorkers"] != count:
                self.assertLess(time.monotonic(), end, f"{count} workers")
                time.sleep(0.02)
        self.assertEqual(self.http("PUT", "/v1.0/metadata/k", b"v")[0], 204)
        self.assertEqual(self.http("POST", "/v1.0/state/statestore", b'[{"key": "k", "value": 1}]')[0], 204)
        metadata = self.http("GET", "/v1.0/metadata")[1]
        version = subprocess.run(["daprd", "--version"], executable=harness.PAWL, capture_output=True, text=True)
        self.assertEqual(metadata["runtimeVersion"], version.stdout.strip())
        self.assertEqual(metadata["extended"], {"daprRuntimeVersion": metadata["runtimeVersion"], "k": "v"})
        self.assertNotIn("scheduler", metadata)  # there is none
        self.assertEqual(metadata["pawl"]["pid"], self.daemon.process.pid)
        self.assertGreater(metadata["pawl"]["commits"], 0)
        self.assertEqual(self.http("GET", "/v1.0/nothing")[0], 404)
        self.assertEqual(self.http("DELETE", "/v1.0/metadata")[0], 405)


class Looking(unittest.TestCase):
    """Histories and lists, also of what only the log knew when the daemon was killed."""

    def setUp(self):
        self.daemon = harness.Daemon(app_id="app")
        self.addCleanup(self.daemon.close)
        self.hub = raw.Hub(self.daemon.grpc)
        self.addCleanup(lambda: self.hub.close())

    def work(self):
        worker = raw.Worker(self.daemon.grpc, {"chain": raw.chain, "wait": event_waiter})
        worker.connected.wait(10)
        return worker

    def fails(self, code, text, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual((caught.exception.code(), caught.exception.details()), (code, text))

    def again(self):
        self.hub.close()
        self.daemon.kill()
        self.daemon.start()
        self.hub = raw.Hub(self.daemon.grpc)

    def all_ids(self, size):
        ids, token = self.hub.ids(pageSize=size)
        pages = [ids]
        while token:
            ids, token = self.hub.ids(pageSize=size, continuationToken=token)
            pages.append(ids)
        self.assertTrue(all(len(page) == size for page in pages[:-1]))
        return sum(pages, [])

    def test_history(self):
        worker = self.work()
        self.hub.start("h", text="2")
        self.hub.wait("h")
        worker.close()
        events = self.hub.history("h")
        self.assertEqual([event.WhichOneof("eventType") for event in events],
                         ["workflowStarted", "executionStarted", "taskScheduled",
                          "workflowStarted", "taskCompleted", "taskScheduled",
                          "workflowStarted", "taskCompleted", "executionCompleted"])
        self.assertEqual(events[1].executionStarted.input.value, "2")
        self.assertEqual(events[-1].executionCompleted.result.value, "2")
        self.again()
        self.assertEqual(self.hub.history("h"), events)
        self.hub.call("PurgeInstances", pb.PurgeInstancesRequest(instanceId="h"),
                      pb.PurgeInstancesResponse)
        self.fails(grpc.StatusCode.NOT_FOUND, "workflow instance 'h' not found",
                   lambda: self.hub.history("h"))
        self.again()
        self.fails(grpc.StatusCode.NOT_FOUND, "workflow instance 'h' not found",
                   lambda: self.hub.history("h"))

    def test_list(self):
        self.assertEqual(self.hub.ids(), ([], None))
        worker = self.work()
        expected = [f"i{i:02}" for i in range(25)] + ["Z", "\u00e4", "\u65e5", "a b/c"]
        for i, instance in enumerate(expected):
            self.hub.start(instance, "wait" if i % 3 else "chain", text="0")
        for size in (1, 7, 28, 29, 30, 5000):
            self.assertEqual(self.all_ids(size), expected)
        self.again()
        self.assertEqual(self.all_ids(10), expected)
        worker.close()

        # What is purged between two pages is not seen, and does not hide others.
        page, token = self.hub.ids(pageSize=5)
        self.assertEqual(page, expected[:5])
        for gone in (expected[4], expected[5]):
            self.hub.call("PurgeInstances", pb.PurgeInstancesRequest(
                instanceId=gone, force=True), pb.PurgeInstancesResponse)
        self.assertEqual(self.hub.ids(pageSize=5, continuationToken=token)[0], expected[6:11])
        self.again()
        self.assertEqual(self.hub.ids(pageSize=5, continuationToken=token)[0], expected[6:11])
        self.assertEqual(self.all_ids(4), expected[:4] + expected[6:])
        self.assertEqual(self.hub.ids(pageSize=0, continuationToken="")[0],
                         expected[:4] + expected[6:])
        for bad in ("x", token[:-1], token[1:], "i05", token + "AA"):
            self.fails(grpc.StatusCode.INVALID_ARGUMENT, "the continuation token is not one of ours",
                       lambda bad=bad: self.hub.ids(continuationToken=bad))

    def busy(self, asked, told):
        """Starts one instance after the other until the daemon dies."""
        hub = raw.Hub(self.daemon.grpc)
        try:
            while True:
                asked.append(f"n{len(asked):04}")
                hub.start(asked[-1], "wait", start_at=4e9)
                told.append(asked[-1])
        except grpc.RpcError:
            hub.close()

    def purge_until_dead(self, doomed, gone):
        hub = raw.Hub(self.daemon.grpc)
        while doomed:
            try:
                hub.call("PurgeInstances", pb.PurgeInstancesRequest(instanceId=doomed[-1], force=True), pb.PurgeInstancesResponse)
            except grpc.RpcError as error:
                if "no such instance" not in error.details():  # purged in an earlier life, which did not come to say so
                    break
            gone.append(doomed.pop())
            time.sleep(0.01)
        hub.close()

    def test_pages_while_the_daemon_is_killed(self):
        """Between two pages the daemon dies in the middle of starts and purges. What was there all the time is listed once, in the
        order of creation; what was acknowledged before a page was asked for counts."""
        for shards in 1, 6:
            self.hub.close()
            self.daemon.close()
            self.daemon = harness.Daemon(app_id="app", shards=shards)
            self.addCleanup(self.daemon.close)
            self.hub = raw.Hub(self.daemon.grpc)
            first = [f"k{i:02}" for i in range(60)]
            for instance in first:
                self.hub.start(instance, "wait", start_at=4e9)
            doomed, gone, asked, told, pages, token = first[2::3], [], [], [], [], ""
            while token is not None:
                before = len(told) + 10
                if len(pages) < 8:
                    threads = [threading.Thread(target=self.busy, args=(asked, told)),
                               threading.Thread(target=self.purge_until_dead, args=(doomed, gone))]
                    for thread in threads:
                        thread.start()
                    purged = len(gone)
                    while len(told) < before or (doomed and len(gone) == purged):
                        time.sleep(0.001)
                    self.again()
                    for thread in threads:
                        thread.join()
                page, token = self.hub.ids(pageSize=7, continuationToken=token)
                self.assertEqual(set(page) & set(gone), set())
                pages.append(page)
            listed, order = sum(pages, []), first + asked
            self.assertEqual(listed, [instance for instance in order if instance in set(listed)])
            kept = set(first) - set(first[2::3])
            self.assertEqual((kept | set(told)) - set(listed), set())
            self.assertEqual(self.all_ids(11), [instance for instance in listed if self.hub.get(instance).exists])
            self.assertGreaterEqual(len(gone), 8)

    def test_pages_have_a_limit(self):
        ids = [f"i{i:04}" for i in range(1030)]
        method = self.hub.channel.unary_unary(raw.SERVICE + "StartInstance")
        starts = []
        for instance in ids:
            request = pb.CreateInstanceRequest(instanceId=instance, name="wait")
            request.scheduledStartTimestamp.FromSeconds(int(time.time()) + 3600)
            starts.append(method.future(request.SerializeToString(), timeout=60))
        for start in starts:
            start.result()
        for fields in ({}, {"pageSize": 1025}):
            page, token = self.hub.ids(**fields)
            self.assertEqual(len(page), 1024)
            rest, token = self.hub.ids(continuationToken=token)
            self.assertIsNone(token)
            self.assertEqual(sorted(page + rest), ids)  # the calls may have arrived in another order
        self.again()
        self.assertEqual(self.all_ids(1000), page + rest)


class Arguments(unittest.TestCase):
    def test_what_is_no_flag_is_ignored(self):
        """Dapr's command line leaves such behind where it has taken out a flag."""
        daemon = harness.Daemon(flags=["", "localhost:50006", "--enable-mtls", "false", "--", "-x"])
        self.addCleanup(daemon.close)
        warnings = [line for line in daemon.output().splitlines() if "level=warning" in line]
        self.assertEqual(len(warnings), 2, warnings)
        self.assertIn("--enable-mtls has no effect here", warnings[0])
        self.assertIn("ignored: 'localhost:50006', 'false', '-x'; flags begin with --", warnings[1])
        daemon.stop()
        daemon.flags = [""]
        size = len(daemon.output())
        daemon.start()
        self.assertNotIn("level=warning", daemon.output()[size:])


    def test_wait(self):
        """daprd --wait ends when the daemon is ready, and not before."""
        port = harness.free_port()
        waits = subprocess.Popen(["daprd", "--wait", "--dapr-http-port", str(port)], executable=harness.PAWL,
                                 stderr=subprocess.PIPE, text=True)
        self.addCleanup(waits.kill)
        with self.assertRaises(subprocess.TimeoutExpired):
            waits.wait(0.4)
        daemon = harness.Daemon(flags=["--dapr-public-port", str(port)])
        self.addCleanup(daemon.close)
        self.assertEqual(waits.communicate(timeout=10)[1], f"the daemon at port {port} is ready\n")
        self.assertEqual(waits.returncode, 0)


class Limits(unittest.TestCase):
    def test_token(self):
        daemon = harness.Daemon(env={"DAPR_API_TOKEN": "secret"})
        self.addCleanup(daemon.close)
        self.assertEqual(daemon.request("GET", "/v1.0/metadata")[:2], (401, b"invalid api token"))
        self.assertEqual(daemon.request("GET", "/v1.0/metadata", headers={
            "dapr-api-token": "secret"})[0], 200)
        with self.assertRaises(grpc.RpcError) as caught:
            raw.Hub(daemon.grpc).get("x")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        self.assertFalse(raw.Hub(daemon.grpc, [("dapr-api-token", "secret")]).get("x").exists)

    def test_body_limits(self):
        daemon = harness.Daemon(flags=["--max-body-size", "64Ki"])
        self.addCleanup(daemon.close)
        hub = raw.Hub(daemon.grpc)
        with self.assertRaises(grpc.RpcError) as caught:
            hub.start("big", text="x" * 100000)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertFalse(hub.get("big").exists)
        code = daemon.request("POST", "/v1.0/state/statestore",
                              b'[{"key":"a","value":"' + b"x" * 100000 + b'"}]')[0]
        self.assertEqual(code, 413)

    def test_limits_that_are_not_plain_sizes(self):
        """Below 0 is the default, 0 is no limit of headers of its own, and what no message reaches is taken."""
        daemon = harness.Daemon(flags=["--max-body-size", "-1", "--read-buffer-size", "-1"])
        self.addCleanup(daemon.close)
        for body, header, want in (("-1", "-1", (431, 413)), ("-1", "0", (200, 413)), ("8E", "1T", (200, 204))):
            daemon.stop()
            daemon.flags = ["--max-body-size", body, "--read-buffer-size", header]
            daemon.start()
            with self.subTest(body=body, header=header):
                self.assertEqual(daemon.request("GET", "/v1.0/metadata", headers={"x": "y" * 8000})[0], want[0])
                value = b'[{"key":"a","value":"' + b"x" * (5 << 20) + b'"}]'
                self.assertEqual(daemon.request("POST", "/v1.0/state/statestore", value)[0], want[1])
                hub = raw.Hub(daemon.grpc)
                self.assertFalse(hub.get("x").exists)
                hub.close()

    def test_older_limits(self):
        """Their units are MB and KB; the newer flags win."""
        daemon = harness.Daemon(flags=["--dapr-http-max-request-size", "6", "--dapr-http-read-buffer-size", "16"])
        self.addCleanup(daemon.close)
        value = b'[{"key":"a","value":"' + b"x" * (5 << 20) + b'"}]'
        self.assertEqual(daemon.request("GET", "/v1.0/metadata", headers={"x": "y" * 8000})[0], 200)
        self.assertEqual(daemon.request("POST", "/v1.0/state/statestore", value)[0], 204)
        daemon.stop()
        daemon.flags += ["--max-body-size", "4Mi", "--read-buffer-size", "4Ki"]
        daemon.start()
        self.assertEqual(daemon.request("GET", "/v1.0/metadata", headers={"x": "y" * 8000})[0], 431)
        self.assertEqual(daemon.request("POST", "/v1.0/state/statestore", value)[0], 413)

    def test_payload_stalls_and_goes_on(self):
        daemon = harness.Daemon(flags=["--max-body-size", "64Ki"])
        self.addCleanup(daemon.close)
        worker = raw.Worker(daemon.grpc, {"wait": event_waiter})
        hub = raw.Hub(daemon.grpc)
        hub.start("w", "wait")
        daemon.kill()  # so that no turn takes the events one by one
        worker.close()
        hub.close()  # which may not know yet that its connection has ended
        daemon.start()
        hub = raw.Hub(daemon.grpc)
        for n in range(3):
            hub.raise_event("w", "other" if n else "go", "x" * 30000)
        worker = raw.Worker(daemon.grpc, {"wait": event_waiter})
        self.addCleanup(lambda: worker.close())
        deadline = time.monotonic() + 10
        while hub.get("w").workflowState.workflowStatus != 8 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(hub.get("w").workflowState.workflowStatus, 8)
        with self.assertRaises(grpc.RpcError) as caught:
            hub.raise_event("w", "go")
        self.assertIn("stalled", caught.exception.details())
        hub.close()
        daemon.kill()
        daemon.flags = ["--max-body-size", "1Mi"]
        daemon.start()
        hub = raw.Hub(daemon.grpc)
        self.assertEqual(hub.wait("w").workflowStatus, 1)

    def test_retention(self):
        daemon = harness.Daemon()
        self.addCleanup(daemon.close)
        daemon.stop()
        policy = daemon.folder / "policy.yaml"
        policy.write_text("kind: Configuration\nspec: {workflow: {stateRetentionPolicy: {completed: 2s}}}\n")
        daemon.flags += ["--config", str(policy)]
        daemon.start()
        worker, hub = raw.Worker(daemon.grpc), raw.Hub(daemon.grpc)
        self.addCleanup(worker.close)
        self.addCleanup(hub.close)
        for id in ("a", "b"):
            hub.start(id, text="1")
            self.assertEqual(hub.wait(id).workflowStatus, 1)
        ended = time.monotonic()
        deadline = ended + 20
        while hub.get("a").exists and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(hub.get("a").exists)
        self.assertGreater(time.monotonic() - ended, 1.5)
        while hub.ids()[0] and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(hub.ids()[0], [])

    def test_two_daemons_of_two_apps_share_a_file(self):
        one = harness.Daemon(app_id="one")
        self.addCleanup(one.close)
        two = harness.Daemon(app_id="two", folder=one.folder)
        self.addCleanup(two.close)
        workers = [raw.Worker(d.grpc) for d in (one, two)]
        hubs = [raw.Hub(d.grpc) for d in (one, two)]
        for n in range(100):
            for hub in hubs:
                hub.start(f"x{n}", text="3", start_at=0)
        for n in range(100):
            for hub in hubs:
                self.assertEqual(hub.wait(f"x{n}").output.value, "3")
        for worker in workers:
            worker.close()
        for daemon in (one, two):
            self.assertEqual(daemon.stop(), 0)
        check = subprocess.run(["python3", "-c", "import sqlite3,sys;print(sqlite3.connect("
                                "sys.argv[1]).execute('pragma integrity_check').fetchone()[0])",
                                str(one.folder / "state.db")], capture_output=True, text=True)
        self.assertEqual(check.stdout.strip(), "ok")

    def test_a_second_daemon_of_the_same_app_serves_beside_the_first(self):
        one = harness.Daemon(app_id="one")
        self.addCleanup(one.close)
        two = object.__new__(harness.Daemon)
        two.__dict__.update(one.__dict__, http=harness.free_port(), grpc=harness.free_port(),
                            metrics=harness.free_port(), own=False)
        two.start()
        self.assertTrue(two.healthy())
        one.kill()
        deadline = time.monotonic() + 10
        while not two.healthy() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(two.healthy())
        self.assertEqual(two.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
