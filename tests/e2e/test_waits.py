#!/usr/bin/env python3
"""Lists and counts by what workflows wait for, over each store: while they are in memory, after the daemon was killed, while
they sleep, and after something came for them."""

import json
import time
import unittest
import urllib.parse

import grpc

import harness
import postgres
import raw
import redis_server
import scripted

HOUR = 3600000

# What runs, and the filters that find it.
WAITING = {
    "lacks": ([["call", "charge", "1"]], ["wait:activity", "wait:activity:charge", "wait:worker", "wait:worker:charge"]),
    "asks": ([["event", "approval"]], ["wait:event", "wait:event:Approval"]),
    "asks-for-an-hour": ([["event", "Payment", HOUR]], ["wait:event", "wait:event:payment"]),
    "naps": ([["sleep", HOUR]], ["wait:timer", "wait:timer:nap"]),
    "parent": ([["child", "kid", [["event", "bedtime"]]]], ["wait:child", "wait:child:script", "wait:child:kid"]),
    "tries": ([["retry", "flaky", 3, 5, HOUR]], ["wait:retry", "wait:retry:flaky"]),
    "both": ([["child", "kid2", [["call", "charge", "2"]]]], ["wait:child", "wait:child:script", "wait:child:kid2"]),
    "ends": ([["call", "add", "1"]], []),
}
CHILDREN = {"kid": ["wait:event", "wait:event:bedtime"], "kid2": ["wait:activity", "wait:activity:charge", "wait:worker", "wait:worker:charge"]}
NOWHERE = ["wait:event:appro", "wait:activity:add", "wait:worker:script", "wait:child:none", "wait:timer:approval", "wait:retry:charge"]


class Worker(scripted.Worker):
    """Has the workflow, and two activities."""

    def __init__(self, port, activities=("add", "flaky")):
        self.settings = {}
        workflows = {"script": lambda events, request: scripted.Play(request, events, self).turn()}
        super(scripted.Worker, self).__init__(port, workflows, says=(("script",), activities))


class OnSqlite(unittest.TestCase):
    server, shards = None, 1

    @classmethod
    def setUpClass(cls):
        kind = cls.server
        if kind and kind.missing():
            raise unittest.SkipTest(f"NOT TESTED: {kind.missing()} is needed")
        cls.kept = kind.Server() if kind else None

    @classmethod
    def tearDownClass(cls):
        if cls.kept:
            cls.kept.close()

    def setUp(self):
        self.daemon = harness.Daemon(app_id=f"waits-{self.shards}", server=self.kept, shards=self.shards, flags=["--enable-dashboard"],
                                     lease=1 if self.kept else None)
        self.addCleanup(lambda: self.daemon.close())
        self.worker, self.hub = Worker(self.daemon.grpc), raw.Hub(self.daemon.grpc)
        self.addCleanup(self.worker.close)
        self.assertTrue(self.worker.connected.wait(20))
        self.pass_by()
        self.expected = {}
        for id, (_, filters) in WAITING.items():
            for text in filters:
                self.expected.setdefault(text, set()).add(id)
        for id, filters in CHILDREN.items():
            for text in filters:
                self.expected.setdefault(text, set()).add(id)
        self.expected.update((text, set()) for text in NOWHERE)

    def pass_by(self):
        """A worker that does not say what it has was here: what nobody else has may wait for it. It answers nothing."""
        hub = raw.Hub(self.daemon.grpc)
        stream = hub.channel.unary_stream(raw.SERVICE + "GetWorkItems", raw.pb.GetWorkItemsRequest.SerializeToString,
                                          raw.pb.WorkItem.FromString)(raw.pb.GetWorkItemsRequest(), wait_for_ready=True)
        stream.initial_metadata()
        stream.cancel()
        hub.close()

    def again(self, end):
        end()
        self.daemon.start()
        self.pass_by()

    def ask(self, path, **query):
        status, body, _ = self.daemon.request("GET", f"/pawl/v1/{path}?{urllib.parse.urlencode(query)}")
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def listed(self, text, sort, limit):
        ids, after = [], {}
        while True:
            page = self.ask("instances", q=text, sort=sort, limit=limit, **after)
            ids += [row["id"] for row in page["rows"]]
            if "next" not in page:
                return ids
            after = {"after": page["next"]}

    def counted(self, text):
        count, after = 0, {}
        while True:
            part = self.ask("instances/count", q=text, parts=1, **after)
            count += sum(group["n"] for group in part["groups"])
            if "next" not in part:
                return count
            after = {"after": part["next"]}

    def found(self):
        """All that is asked for, in each way; the ways have to agree."""
        answer = {}
        for text in self.expected:
            ids = self.listed(text, "created", 100)
            self.assertEqual(len(ids), len(set(ids)), text)
            for other in self.listed(text, "created", 1), self.listed(text, "-created", 2)[::-1]:
                self.assertEqual(other, ids, text)
            self.assertEqual(self.counted(text), len(ids), text)
            answer[text] = set(ids)
        return answer

    def assert_found(self, when):
        with self.subTest(when=when):
            self.assertTrue(self.worker.connected.wait(20))
            end = time.monotonic() + 20  # a worker that comes back says what it has only then
            while time.monotonic() < end and self.listed("wait:worker", "created", 100) != self.listed("wait:activity", "created", 100):
                time.sleep(0.05)
            self.assertEqual(self.found(), self.expected)

    def made(self):
        for id, (steps, _) in WAITING.items():
            for attempt in range(100):
                try:
                    self.hub.start(id, "script", json.dumps(steps))
                    break
                except grpc.RpcError as error:
                    self.assertEqual((error.code(), attempt < 99), (grpc.StatusCode.UNAVAILABLE, True), error)
                    time.sleep(0.05)
        self.hub.wait("ends")
        end = time.monotonic() + 30
        while any(set(self.listed(text, "created", 100)) != ids for text, ids in self.expected.items()) and time.monotonic() < end:
            time.sleep(0.05)

    def test_waits(self):
        self.made()
        self.assert_found("as they were made")
        self.again(self.daemon.kill)
        self.assert_found("after the daemon was killed")
        self.again(self.daemon.stop)
        self.assert_found("asleep")
        for id in "asks", "parent", "ends":
            self.hub.get(id)
        self.assert_found("some of them were read")
        self.again(self.daemon.kill)
        self.assert_found("killed once more")
        self.hub.raise_event("asks", "approval", '"yes"')
        self.hub.raise_event("kid", "bedtime", '"now"')
        self.hub.wait("asks")
        self.hub.wait("parent")
        gone = {"asks", "kid", "parent"}
        self.expected = {text: ids - gone for text, ids in self.expected.items()}
        self.assert_found("after the events came")
        self.again(self.daemon.kill)
        self.assert_found("and were kept")
        self.worker.close()
        self.worker = Worker(self.daemon.grpc, ("add", "flaky", "charge"))
        self.addCleanup(self.worker.close)
        self.worker.do_charge = self.worker.do_add
        self.hub.wait("lacks")
        self.hub.wait("both")
        gone = {"lacks", "kid2", "both"}
        self.expected = {text: ids - gone for text, ids in self.expected.items()}
        self.assert_found("after a worker came for the activity")


class OnSeveralShards(OnSqlite):
    shards = 5


class OnPostgres(OnSqlite):
    server, shards = postgres, 3


class OnRedis(OnSqlite):
    server, shards = redis_server, 3


if __name__ == "__main__":
    unittest.main()
