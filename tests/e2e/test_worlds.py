#!/usr/bin/env python3
"""The same programs on one daemon and on several, on each kind of store, in peace and with daemons that are killed after
each call: they end in the same histories, but for times and ids.

PAWL_WORLDS=all, as `make conformance` sets it, runs each program in each world, servers too.
"""

import difflib
import functools
import os
import threading
import time
import unittest

import postgres
import redis_server
from scripted import COMPLETED, FAILED, RUNNING, TERMINATED
from worlds import World, pb

SUSPENDED, STALLED = 7, 8
ENDED = pb.GetInstanceResponse(workflowState={"workflowStatus": COMPLETED}).workflowState


def operations(w):
    """A little of everything."""
    w.start("op-chain", ["call", "add", "1"], ["call", "add", "5"])
    w.ends("op-chain")
    w.start("op-fan", ["status", "many"], ["all", "add", ["1", "2", "3", "4", "5", "6"]])
    w.ends("op-fan")
    w.start("op-event", ["status", "first"], ["event", "Go"], ["status", "second"], ["event", "stop"])
    w.reaches("op-event", RUNNING, "first")
    w.event("op-event", "go", "1")
    w.reaches("op-event", RUNNING, "second")
    w.start("op-event")  # it runs already
    w.suspend("op-event")
    w.suspend("op-event")
    w.event("op-event", "stop", "2")
    w.happens("op-event", "eventRaised", 2)
    w.reaches("op-event", SUSPENDED)
    w.resume("op-event")
    w.ends("op-event")
    w.event("op-event", "stop", "late")
    w.start("op-ended", ["event", "never"])
    w.happens("op-ended", "timerCreated")
    w.purge("op-ended")
    w.suspend("op-ended")
    w.terminate("op-ended")
    w.terminate("op-ended", "again")
    w.resume("op-ended")
    w.rerun("op-ended", 0, "op-rerun")
    w.happens("op-rerun", "timerCreated")
    w.event("op-rerun", "never", "after all")
    w.ends("op-rerun")
    w.rerun("op-fan", 5, "op-fan-again", "10")
    w.ends("op-fan-again")
    w.start("op-family", ["child", "", [["call", "add", "1"]]], ["child", "op-named", [["fail", "no"]]])
    w.ends("op-family", FAILED)
    w.start("op-parent", ["child", "op-child", [["child", "op-grandchild", [["event", "never"]]]]])
    w.happens("op-grandchild", "timerCreated")
    w.terminate("op-parent")
    w.ends("op-grandchild", TERMINATED)
    w.ends("op-child", TERMINATED)
    w.purge("op-parent", recursive=True)
    w.purge("op-parent")
    w.start("op-again", ["event", "one"], ["again", [["event", "two"], ["call", "add", "7"]]])
    w.happens("op-again", "timerCreated")
    w.suspend("op-again")
    w.event("op-again", "TWO", "kept")
    w.event("op-again", "one", "taken")
    w.resume("op-again")
    w.ends("op-again")
    w.start("op-later", ["call", "add", "1"], at=4e9)
    w.start("op-soon", ["call", "add", "1"], at=time.time() + 1)
    w.ends("op-soon")
    w.start("op-chain", ["leave", "op-left", [["call", "add", "9"]]])  # an id that is free again
    w.ends("op-chain")
    w.ends("op-left")
    w.start("op-chain", unique=True)
    w.purge("op-left")
    w.start("op-left", ["call", "add", "3"], unique=True)
    w.ends("op-left")
    w.purge("op-soon")
    for call in (w.suspend, w.resume, w.event, w.terminate, w.purge):
        call(*("op-nobody", "x")[:1 + (call == w.event)])
    w.settle("op-")


def nap(w, instance, act, seen):
    """A workflow that sleeps, and that |act| reaches before it wakes, as |seen| says of its history; else it is begun again,
    to sleep for longer."""
    for w.settings["nap"] in (600, 3000, 10000, 30000):
        said = len(w.said)
        w.start(instance, ["sleep"], ["call", "add", "1"])
        w.happens(instance, "timerCreated")
        act(instance)
        if seen(kinds(w, instance)):
            return
        w.purge(instance, force=True)
        del w.said[said:]
    raise AssertionError(f"{w.name}: {instance} is never early enough")


def kinds(w, instance):
    return [event.WhichOneof("eventType") for event in w.history(instance)]


def timers(w):
    w.start("timer-nap", ["sleep", 300], ["call", "add", "1"])
    w.start("timer-event", ["event", "in time", 60000], ["event", "too late", 300], ["event", "in time", 300])
    w.happens("timer-event", "timerCreated")
    w.event("timer-event", "IN TIME", "1")
    w.start("timer-two", ["event", "a", 60000], ["event", "a"])
    w.happens("timer-two", "timerCreated")
    w.event("timer-two", "a", "1")
    w.happens("timer-two", "timerCreated", 2)
    w.event("timer-two", "a", "2")
    nap(w, "timer-suspended", w.suspend, lambda seen: "executionSuspended" in seen and "timerFired" not in seen)
    w.happens("timer-suspended", "timerFired")
    w.reaches("timer-suspended", SUSPENDED)
    w.resume("timer-suspended")
    nap(w, "timer-ended", w.terminate, lambda seen: "timerFired" not in seen)
    w.start("timer-ended", ["sleep", 100])  # whose earlier timer does not count
    for name in ("nap", "event", "two", "suspended", "ended"):
        w.ends("timer-" + name)
    w.settle("timer-")
    assert w.output("timer-event") == ["1", "too late", "too late"], w.output("timer-event")


def retries(w):
    w.start("retry-third", ["retry", "flaky", 3, 5, 50])
    w.start("retry-hopeless", ["retry", "flaky", 9, 2, 50])
    w.start("retry-never", ["retry", "hopeless", 1, 5, 50])
    w.start("retry-many", *[["retry", "flaky", 2, 3, 20]] * 4)
    w.ends("retry-third")
    w.ends("retry-hopeless", FAILED)
    w.ends("retry-never", FAILED)
    w.ends("retry-many")
    w.settle("retry-")


def twice(w):
    """Each answer comes twice, and those of activities do not say which call they are for, as with old SDKs."""
    w.settings["twice"] = True
    w.start("twice-chain", *[["call", "add", str(n)] for n in range(6)])
    w.start("twice-fan", ["all", "slow", [str(n) for n in range(6)]], ["child", "twice-child", [["call", "slow", "c"]]],
            ["sleep", 100], ["event", "last"])
    w.start("twice-again", ["call", "add", "1"], ["again", [["call", "add", "2"], ["again", [["call", "slow", "3"]]]]])
    w.event("twice-fan", "unasked")
    w.event("twice-fan", "unasked")  # the same event twice is two events
    w.event("twice-fan", "last")
    for name in ("chain", "fan", "again"):
        w.ends("twice-" + name)
    w.happens("twice-fan", "eventRaised", 3)
    w.settings["twice"] = False
    for name in ("chain", "fan", "again"):
        history = w.history("twice-" + name)
        for kind in ("taskScheduled", "taskCompleted"):
            ids = [getattr(e, kind).taskScheduledId if kind == "taskCompleted" else e.eventId for e in history if e.HasField(kind)]
            assert len(ids) == len(set(ids)), (name, kind, ids)
        w.say(name, [e.executionCompleted.result.value for e in history if e.HasField("executionCompleted")])


def versions(w):
    """A workflow keeps the version that it began with, waits for a worker that has it, and takes a new one with a new
    execution only."""
    w.settings.update(version="v1", versions={"v1"})
    for name in ("pinned", "waits", "again"):
        w.start("version-" + name, ["version"], ["event", "go"], *([["again", [["version"]]]] if name == "again" else [["version"]]))
        w.happens("version-" + name, "timerCreated")
    w.settings.update(version="v2", versions={"v1", "v2"})
    w.event("version-pinned", "go")
    w.ends("version-pinned")
    w.event("version-again", "go")
    w.ends("version-again")
    w.settings.update(versions={"v2"})
    w.event("version-waits", "go")
    w.reaches("version-waits", STALLED)
    w.start("version-new", ["version"])
    w.ends("version-new")
    assert w.state("version-new").version.value == "v2"
    w.settings.update(versions={"v1", "v2"})
    w.reconnect()
    w.ends("version-waits")
    assert (w.output("version-pinned"), w.output("version-again")) == (["v1", "x", "v1"], ["v2"])
    w.settle("version-")


def patches(w):
    w.start("patch-old", ["patch", "a"], ["call", "add", "1"], ["event", "go"], ["patch", "b"], ["call", "add", "2"])
    w.happens("patch-old", "timerCreated")
    w.settings.update(patches=("a", "b"))
    w.start("patch-new", ["patch", "a"], ["call", "add", "1"], ["event", "go"], ["patch", "b"], ["event", "go"])
    w.happens("patch-new", "timerCreated")
    w.event("patch-old", "go")
    w.ends("patch-old")
    w.event("patch-new", "go")
    w.happens("patch-new", "timerCreated", 2)
    w.settings.update(patches=("b",))  # which a is missing in
    w.event("patch-new", "go")
    w.reaches("patch-new", STALLED)
    w.settings.update(patches=("a", "b"))
    w.reconnect()
    w.ends("patch-new")
    assert (w.output("patch-old")[0], w.output("patch-old")[3]) == ("old", "new"), w.output("patch-old")
    w.settle("patch-")


def stalled(w):
    """What cannot be done to a workflow that is stalled, what can, and that it stalls once only."""
    w.settings.update(version="v1", versions={"v1"})
    for name in ("held", "forced"):
        w.start("stall-" + name, ["event", "go"], ["event", "more"])
        w.happens("stall-" + name, "timerCreated")
    w.settings.update(version="v2", versions={"v2"})
    for name in ("held", "forced"):
        w.event("stall-" + name, "go", name)
        w.reaches("stall-" + name, STALLED)
    w.event("stall-held", "more")
    w.suspend("stall-held")
    w.resume("stall-held")
    w.terminate("stall-held")
    w.purge("stall-held")
    w.start("stall-held")
    w.reconnect()  # it is tried again, to no avail
    w.reaches("stall-held", STALLED)
    w.restart()
    w.reaches("stall-held", STALLED)
    w.happens("stall-held", "executionStalled")
    w.purge("stall-forced", force=True)
    w.gone("stall-forced")
    w.settings.update(versions={"v1", "v2"})
    w.reconnect()
    w.happens("stall-held", "timerCreated", 2)
    w.reaches("stall-held", RUNNING)
    w.event("stall-held", "more")
    w.ends("stall-held")
    assert sum(e.HasField("executionStalled") for e in w.history("stall-held")) == 1, w.history("stall-held")
    w.settle("stall-")


def sizes(w):
    """Of 64 KiB, which the options below say."""
    w.start("size-kept", ["event", "go"])
    w.happens("size-kept", "timerCreated")
    w.event("size-kept", "go", "y" * 30000)
    w.ends("size-kept")
    w.start("size-stalls", *[["call", "big", "25000"]] * 3, ["event", "go"])
    w.reaches("size-stalls", STALLED)
    w.event("size-stalls", "go")
    w.restart()
    w.reaches("size-stalls", STALLED)
    w.restart(["--max-body-size", "1Mi"])
    w.happens("size-stalls", "timerCreated")
    w.event("size-stalls", "go")
    w.ends("size-stalls")
    w.start("size-large", ["call", "big", "100000"])
    w.ends("size-large")
    w.settle("size-")


def retention(w):
    """Completed ones go after a second, failed ones at once, terminated ones stay; a new run is not the old one's to lose."""
    w.start("kept-running", ["event", "go"])
    w.start("kept-failed", ["fail", "no"])
    w.gone("kept-failed")
    w.start("kept-parent", ["child", "kept-child", [["call", "add", "1"]]], ["event", "go"])
    w.gone("kept-child")
    w.start("kept-ended", ["event", "go"])
    w.happens("kept-ended", "timerCreated")
    w.terminate("kept-ended")
    w.start("kept-again", ["call", "add", "1"])
    w.until("kept-again has ended", lambda: (w.state("kept-again") or ENDED).workflowStatus == COMPLETED)
    w.start("kept-again", ["event", "go"])  # in the second that the first has left, or after it
    w.start("kept-past", ["call", "add", "1"])
    w.gone("kept-past")
    w.event("kept-parent", "go")
    w.gone("kept-parent")
    w.reaches("kept-again", RUNNING)
    w.happens("kept-again", "timerCreated")
    w.settle("kept-")


def propagation(w):
    """What is called is given its caller's history, or that of all its callers, as of the call; also in a new generation, in a
    rerun, in another app, and when it is asked again after a retry."""
    own, lineage, far = {"scope": 1}, {"scope": 2}, {"scope": 2, "app": "other"}
    kid = [["caller"], ["call", "see", "", own], ["call", "see", "", lineage], ["call", "see", ""]]
    w.start("seen-none", ["call", "add", "1"], ["call", "see", ""], ["child", "seen-without", kid])
    w.ends("seen-none")
    w.start("seen-own", ["call", "add", "1"], ["call", "see", "", own], ["child", "seen-kid", kid, own], ["call", "see", "", lineage])
    w.ends("seen-own")
    w.start("seen-all", ["event", "go"], ["child", "seen-first", [["caller"], ["child", "seen-second", kid, lineage]], lineage])
    w.event("seen-all", "go")
    w.ends("seen-all")
    w.start("seen-far", ["call", "see", "", far], ["child", "seen-there", [*kid, ["child", "seen-back", kid, {"scope": 2, "app": "near"}]], far])
    w.ends("seen-far")
    w.start("seen-again", ["child", "seen-twice", [["event", "more"], ["caller"], ["again", [["caller"], ["call", "see", "", lineage]]]], lineage])
    w.happens("seen-twice", "timerCreated")
    w.event("seen-twice", "more")
    w.ends("seen-again")
    w.rerun("seen-own", 1, "seen-rerun")
    w.ends("seen-rerun")
    w.settle("seen-")
    w.other.settle("seen-")


def limits(w):
    """They hold up, and change nothing else."""
    for name in ("a", "b", "c"):
        w.start(f"limit-{name}", ["all", "slow", [name, "2", "3"]], ["child", f"limit-{name}-kid", [["all", "slow", ["4", "5"]]]],
                ["all", "add", ["1", "2", "3"]])
    w.start("limit-ended", ["all", "slow", ["1", "2", "3", "4"]], ["event", "never"])
    w.terminate("limit-ended")
    for name in ("a", "b", "c"):
        w.ends(f"limit-{name}")
        assert w.output(f"limit-{name}")[0] == [name, "2", "3"]
    assert w.kills or w.settings["most slow"] == 1, w.settings
    for name in ("a", "b", "c"):
        w.rerun(f"limit-{name}", 0, f"limit-{name}-again")
        w.ends(f"limit-{name}-again")
        w.settle(f"limit-{name}")


def other_apps(w):
    """Activities, children and clients' calls that go to another app and back."""
    other, far = w.other, w.through("other")
    there, back = {"app": "other"}, {"app": "near"}
    w.start("far-call", ["call", "add", "1", there], ["call", "add", "5"], ["call", "add", "7", there])
    w.ends("far-call")
    w.start("far-child", ["child", "far-kid", [["call", "add", "1"], ["child", "far-back", [["call", "add", "2", there]], back]], there])
    w.ends("far-child")
    w.start("far-fails", ["child", "far-failed", [["fail", "no"]], there])
    w.ends("far-fails", FAILED)
    w.start("far-leaves", ["leave", "far-left", [["event", "go"]], there])
    w.ends("far-leaves")
    other.happens("far-left", "timerCreated")
    far.start("far-left")  # it runs already
    w.start("far-taken", ["child", "far-left", [], there])
    w.ends("far-taken", FAILED)
    far.event("far-left", "go", "by the near one")
    other.ends("far-left")
    far.start("far-there", ["event", "one"], ["call", "add", "8", back])
    other.happens("far-there", "timerCreated")
    far.suspend("far-there")
    far.event("far-there", "one")
    far.resume("far-there")
    other.ends("far-there")
    far.rerun("far-there", 1, "far-there-again", "10")
    other.ends("far-there-again")
    far.purge("far-there-again")
    w.rerun("far-call", 2, "far-call-again", "70")
    w.ends("far-call-again")
    w.rerun("far-fails", 0, "far-fails-again")
    w.ends("far-fails-again", FAILED)
    w.start("far-tree", ["child", "far-branch", [["child", "far-leaf", [["event", "never"]], back]], there])
    w.happens("far-leaf", "timerCreated")
    far.purge("far-branch")
    w.terminate("far-tree")
    w.ends("far-leaf", TERMINATED)
    other.ends("far-branch", TERMINATED)
    w.purge("far-tree", recursive=True)
    other.gone("far-branch")
    w.gone("far-leaf")
    for call in (far.suspend, far.resume, far.event, far.terminate, far.purge):
        call(*("far-nobody", "x")[:1 + (call == far.event)])
    w.settle("far-")
    other.settle("far-")


PROGRAMS = {program.__name__: (program, options) for program, options in [
    (operations, {}), (timers, {}), (retries, {}), (twice, {}), (versions, {}), (patches, {}), (stalled, {}),
    (sizes, {"flags": ["--max-body-size", "64Ki"]}),
    (retention, {"workflow": "{stateRetentionPolicy: {completed: 1s, failed: 0s}}"}),
    (propagation, {"with_other": True}), (other_apps, {"with_other": True}),
    (limits, {"workflow": "{globalMaxConcurrentActivityInvocations: 3, activityConcurrencyLimits: [{name: slow, maxConcurrent: 1}]}"})]}


@functools.lru_cache(None)
def server(kind):
    made = {"postgres": postgres, "redis": redis_server}[kind]
    if made.missing():
        raise unittest.SkipTest(f"NOT TESTED: {made.missing()} is needed")
    server = made.Server()
    unittest.addModuleCleanup(server.close)
    return server


WORLDS = {
    "one": lambda: World("one daemon"),
    "memory": lambda: World("memory", store="state.in-memory", shards=1),
    "three": lambda: World("three daemons", 3),
    "killed": lambda: World("two daemons under kills", 2, kills=1),
    "postgres": lambda: World("three daemons on PostgreSQL", 3, server=server("postgres")),
    "redis": lambda: World("three daemons on Redis", 3, server=server("redis")),
    "killed_postgres": lambda: World("two daemons under kills on PostgreSQL", 2, server=server("postgres"), kills=7),
    "killed_redis": lambda: World("two daemons under kills on Redis", 2, server=server("redis"), kills=7),
}
RESTARTS = ("stalled", "sizes", "retention")  # memory does not outlive these
ALL = os.environ.get("PAWL_WORLDS") == "all"
SHORT = {(program, "killed") for program in ("timers", "twice", "stalled", "other_apps")} | \
    {("operations", world) for world in ("memory", "three", "killed", "redis")}


def play(program, world):
    run, options = PROGRAMS[program]
    world = WORLDS[world]()
    try:
        world.open(**options)
        run(world)
        return world.said
    finally:
        world.close()


@functools.lru_cache(None)
def in_peace(program):
    return play(program, "one")


class Worlds(unittest.TestCase):
    maxDiff = None

    def same(self, program, world):
        before, here = in_peace(program), play(program, world)
        self.assertTrue(before)
        self.assertEqual("\n".join(difflib.unified_diff(before, here, "one daemon", world, lineterm="", n=1)), "")


def add(program, world):
    def test(self):
        self.same(program, world)
    setattr(Worlds, f"test_{program}_{world}", test)


for program_name in PROGRAMS:
    for world_name in WORLDS:
        if world_name == "one" or (world_name == "memory" and program_name in RESTARTS):
            continue
        if ALL or (program_name, world_name) in SHORT:
            add(program_name, world_name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
