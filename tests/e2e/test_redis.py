"""Workflows and state in a real Redis."""

import collections
import json
import os
import time
import unittest

import redis_server
import served


@unittest.skipIf(redis_server.missing(), f"NOT TESTED: {redis_server.missing()}")
class Redis(served.Served):
    make_server = redis_server.Server
    kills = 3

    def holders(self):
        held = {}
        now = float(self.server.ask("time").split()[0])
        shards = self.server.ask("hgetall", f"pawl:app:default/{self.app}").split()
        for slot, number in zip(shards[::2], shards[1::2]):
            if slot.startswith("s"):
                owner, until = self.server.ask("hmget", f"pawl:shard:{number}", "owner", "until").split("\n")
                epoch = self.server.ask("hget", f"pawl:log:{number}", "epoch").strip()
                if float(until) / 1000 > now:
                    held[slot] = owner, epoch
        return held

    def spread(self):
        held = collections.Counter(owner for owner, _ in self.holders().values())
        return " ".join(map(str, sorted(held.values())))

    def test_the_lease_is_kept_for_longer_than_it_lasts(self):
        self.begin(1)
        time.sleep(7)  # a lease lasts five seconds
        before = self.daemon.output().count("reads its state again") + self.daemon.output().count("stops and will read")
        self.assertEqual(before, 0, self.daemon.output()[-2000:])
        self.all_complete(1)

    def test_state_as_dapr_lays_it_out(self):
        body = json.dumps([{"key": "cars", "value": {"quantity": 100}}]).encode()
        self.assertEqual(self.daemon.request("POST", "/v1.0/state/statestore", body)[0], 204)
        row = self.server.ask("hgetall", f"{self.app}||cars").split("\n")
        self.assertEqual(dict(zip(row[::2], row[1::2]))["data"], '{"quantity": 100}')
        code, got, headers = self.daemon.request("GET", "/v1.0/state/statestore/cars")
        self.assertEqual((code, json.loads(got)), (200, {"quantity": 100}))


if __name__ == "__main__":
    if os.environ.get("PAWL_REQUIRE_ALL") and redis_server.missing():
        raise SystemExit(f"needed: {redis_server.missing()}")
    unittest.main(verbosity=2)
