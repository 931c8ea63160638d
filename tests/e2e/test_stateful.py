#!/usr/bin/env python3
"""Workers that keep histories (WORKER_CAPABILITY_STATEFUL_HISTORY) are sent what is new: put together with what they
kept, or with what GetInstanceHistory gives when they keep it no longer, it is always the whole history.

Checked with several streams, with workers and daemons that die, and with two daemons on one store.
"""

import unittest

import grpc

import harness
import raw
from test_other_apps import NEAR, Case

pb = raw.pb
STATEFUL = 2
CONTINUED_AS_NEW = 2
LENGTH = 12


def generations(events, request):
    """An activity in each of as many generations as the input says."""
    started = next(e for e in events if e.HasField("executionStarted")).executionStarted
    response = pb.WorkflowResponse()
    if not any(e.HasField("taskScheduled") for e in events):
        action = response.actions.add(id=0).scheduleTask
        action.name, action.input.value = "add", started.input.value
    elif any(e.HasField("taskCompleted") for e in events):
        left = int(started.input.value)
        action = response.actions.add(id=1).completeWorkflow
        action.workflowStatus = CONTINUED_AS_NEW if left else 1
        action.result.value = str(left - 1) if left else str(LENGTH)
    return response


class Keeper(raw.Worker):
    """Remembers the events of each instance, at most `room` instances; `forgets` makes it lose every third one."""

    def __init__(self, daemon, room=1000, forgets=False):
        self.kept, self.room, self.forgets = {}, room, forgets
        self.short = self.asked = self.count = 0
        self.wrong = []
        super().__init__(daemon.grpc, {"chain": raw.chain, "generations": generations})

    def run(self):
        while not self.closing:
            self.hub = raw.Hub(self.port)
            self.kept.clear()  # another stream is sent the whole
            try:
                stream = self.hub.channel.unary_stream(
                    raw.SERVICE + "GetWorkItems", pb.GetWorkItemsRequest.SerializeToString,
                    pb.WorkItem.FromString)(pb.GetWorkItemsRequest(capabilities=[STATEFUL]), wait_for_ready=True)
                stream.initial_metadata()
                self.connected.set()
                for item in stream:
                    self.work(item)
            except grpc.RpcError:
                pass
            self.connected.clear()
            self.hub.close()

    def turn(self, request, token):
        self.count += 1
        past = list(request.pastEvents)
        if request.HasField("cachedHistory"):
            have = request.cachedHistory.eventCount
            kept = self.kept.get(request.instanceId)
            self.short += 1
            if kept is None or (self.forgets and self.count % 3 == 0):
                self.asked += 1
                kept = list(self.hub.history(request.instanceId))
            if len(kept) < have:
                self.wrong.append((request.instanceId, have, len(kept)))
            past = kept[:have] + past
        # What the worker has now must be a history by itself: each result belongs to what was scheduled.
        scheduled = [e.eventId for e in past if e.HasField("taskScheduled")]
        results = [e.taskCompleted.taskScheduledId for e in past if e.HasField("taskCompleted")]
        starts = sum(e.HasField("executionStarted") for e in past)
        if scheduled != list(range(len(scheduled))) or results != scheduled[:len(results)] or starts != bool(past):
            self.wrong.append((request.instanceId, scheduled, results, starts))
        self.kept[request.instanceId] = past
        while len(self.kept) > self.room:
            del self.kept[next(iter(self.kept))]
        whole = pb.WorkflowRequest()
        whole.CopyFrom(request)
        del whole.pastEvents[:]
        whole.pastEvents.extend(past)
        super().turn(whole, token)


class Stateful(Case):
    def keeper(self, daemon, **more):
        worker = Keeper(daemon, **more)
        self.addCleanup(setattr, worker, "closing", True)
        self.assertTrue(worker.connected.wait(20))
        return worker

    def chains(self, hub, names):
        for name in names:
            self.until(lambda: hub.start(name, "chain", str(LENGTH)) or True)

    def finished(self, hub, names):
        for name in names:
            self.until(lambda: hub.get(name).workflowState.workflowStatus == 1, seconds=60)
            self.assertEqual(hub.get(name).workflowState.output.value, str(LENGTH))

    def test_one_stream(self):
        daemon = self.daemon(NEAR)
        worker, hub, names = self.keeper(daemon), self.hub(daemon), [f"o{i}" for i in range(10)]
        self.chains(hub, names)
        self.finished(hub, names)
        self.assertEqual(worker.wrong, [])
        self.assertGreater(worker.short, len(names) * (LENGTH - 2))  # all but the first two turns of each
        self.assertEqual(worker.asked, 0)

    def test_little_room(self):
        """A worker that has lost a history asks for it, and goes on."""
        daemon = self.daemon(NEAR)
        worker, hub = self.keeper(daemon, room=4, forgets=True), self.hub(daemon)
        names = [f"l{i}" for i in range(12)]
        self.chains(hub, names)
        self.finished(hub, names)
        self.assertEqual(worker.wrong, [])
        self.assertGreater(worker.asked, 0)

    def test_generations_and_ids_that_are_used_again(self):
        """What a worker kept of a generation, or of an instance that was purged, is of no use for the next one."""
        daemon = self.daemon(NEAR)
        worker, hub = self.keeper(daemon), self.hub(daemon)
        names = [f"g{i}" for i in range(3)]
        for round_ in range(2):
            for name in names:
                hub.start(name, "generations", "6")
            self.finished(hub, names)
            for name in names:
                answer = hub.call("PurgeInstances", pb.PurgeInstancesRequest(instanceId=name), pb.PurgeInstancesResponse)
                self.assertEqual(answer.deletedInstanceCount, 1)
            for name in names:
                hub.start(name, "chain", str(LENGTH))
            self.finished(hub, names)
            for name in names:  # an id is free when its workflow has ended
                hub.start(name, "chain", str(LENGTH))
            self.finished(hub, names)
        self.assertEqual((worker.wrong, worker.asked), ([], 0))
        self.assertGreater(worker.short, 4 * len(names) * (LENGTH - 2))

    def test_worker_of_another_daemon(self):
        """Turns that are lent go to the worker that has their history, and it asks its own daemon for what it has lost."""
        first = self.daemon(NEAR, shards=8)
        second = self.daemon(NEAR, shards=8, folder=first.folder)
        other = raw.Worker(first.grpc, says=(("timer",), ()))
        self.addCleanup(setattr, other, "closing", True)
        self.assertTrue(other.connected.wait(20))
        keeper, hub = self.keeper(second), self.hub(first)
        names = [f"n{i}" for i in range(10)]
        self.chains(hub, names)
        self.finished(hub, names)
        self.assertEqual((keeper.wrong, keeper.asked, other.turns), ([], 0, 0))
        self.assertGreater(keeper.short, len(names) * (LENGTH - 2))
        keeper.forgets = True
        names = [f"m{i}" for i in range(4)]
        self.chains(hub, names)
        self.finished(hub, names)
        self.assertEqual((keeper.wrong, other.turns), ([], 0))
        self.assertGreater(keeper.asked, 0)

    def test_streams_and_kills(self):
        """Turns go from stream to stream, to workers that keep nothing, and to the daemon's next life."""
        daemon = self.daemon(NEAR, shards=4)
        workers = [self.keeper(daemon), self.keeper(daemon, forgets=True), self.worker(daemon)]
        hub, names = self.hub(daemon), [f"s{i}" for i in range(36)]
        for i, name in enumerate(names):
            self.chains(hub, [name])
            if i % 9 == 4:
                workers[i % 2].hub.close()  # its stream ends; it connects anew
            if i % 12 == 8:
                daemon.kill()
                daemon.start()
        self.finished(hub, names)
        for worker in workers[:2]:
            self.assertEqual(worker.wrong, [])
            self.assertGreater(worker.count, 0)
        self.assertEqual([w.again for w in workers], [[], [], []])

    def test_two_daemons(self):
        """Of two daemons on one store one is killed: the other's worker is sent the whole."""
        first = self.daemon(NEAR, shards=8)
        second = self.daemon(NEAR, shards=8, folder=first.folder)
        workers = [self.keeper(first), self.keeper(second)]
        hub, names = self.hub(second), [f"t{i}" for i in range(30)]
        for i, name in enumerate(names):
            self.chains(hub, [name])
            if i in (10, 20):
                first.kill()
                first.start()
        self.finished(hub, names)
        for worker in workers:
            self.assertEqual(worker.wrong, [])


if __name__ == "__main__":
    unittest.main()
