"""Runs many workflows at once, checks the result of each and prints one line of JSON about them.

What a workflow does is its --workload: "seq" calls activities one after the other, each with the result of the
one before, "par" all at the same time; "events", "timers" and "children" wait for so many of them; "start" does
nothing. Worker and client may be programs of their own: --mode worker serves until it is told to stop, --mode
client starts workflows and waits for them. With --ledger both note what they did and what was acknowledged, and
go on when the daemon goes away and comes back; see ledger.py.
"""

import argparse
import datetime
import itertools
import json
import logging
import math
import resource
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import ledger
from dapr.ext.workflow import DaprWorkflowClient, WorkflowRuntime, when_all

STOP = {signal.SIGINT, signal.SIGTERM}


def add_one(ctx, step: dict) -> dict:
    return {**step, "n": step["n"] + 1}


def child(ctx, step: dict):
    return {**step, "n": step["n"] + 1}


def run(ctx, plan: dict):
    workload, steps = plan["workload"], plan["steps"]
    step = {"n": plan["start"], "pad": plan["pad"]}
    if workload == "par":
        calls = [ctx.call_activity(add_one, input={**step, "n": step["n"] + i}) for i in range(steps)]
        return sum(result["n"] for result in ((yield when_all(calls)) if calls else []))
    for _ in range(steps):
        if workload == "seq":
            step = yield ctx.call_activity(add_one, input=step)
        elif workload == "children":
            step = yield ctx.call_child_workflow(child, input=step)
        elif workload == "events":
            step = yield ctx.wait_for_external_event("go")
        else:
            if workload == "timers":
                yield ctx.create_timer(datetime.timedelta(milliseconds=1))
            step["n"] += 1
    return step["n"]


def want(plan: dict) -> int:
    start, steps = plan["start"], plan["steps"]
    return steps * start + steps * (steps + 1) // 2 if plan["workload"] == "par" else start + steps


def one(client: DaprWorkflowClient, plan: dict) -> float:
    """Starts a workflow, waits for its end and checks what it returned; tells how long it took."""
    began = time.perf_counter()
    instance = client.schedule_new_workflow(run, input=plan)
    for i in range(plan["steps"] if plan["workload"] == "events" else 0):
        client.raise_workflow_event(instance, "go", data={"n": plan["start"] + i + 1, "pad": plan["pad"]})
    end = client.wait_for_workflow_completion(instance, timeout_in_seconds=600)
    took = (time.perf_counter() - began) * 1000
    if end is None or end.serialized_output != str(want(plan)):
        raise ValueError(f"{instance}: {end} instead of {want(plan)}")
    return took


def percentile(ordered: list, part: float) -> float:
    """The nearest rank."""
    return round(ordered[max(math.ceil(part * len(ordered)), 1) - 1], 3) if ordered else 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("workflows", 1000), ("activities", 5), ("payload", 0), ("in-flight", 100),
                          ("grpc-port", 50001)):
        options.add_argument(f"-{name}", f"--{name}", type=int, default=default)
    options.add_argument("-seconds", "--seconds", type=float, help="start workflows for so long instead")
    options.add_argument("-workload", "--workload", default="seq",
                         choices=("seq", "par", "events", "timers", "children", "start"))
    options.add_argument("-mode", "--mode", choices=("worker", "client", "both"), default="both")
    options.add_argument("-ledger", "--ledger", help="a file to note in")
    options.add_argument("-name", "--name", default="python",
                         help="what the ids of workflows begin with that go into the ledger")
    given = options.parse_args()
    notes = ledger.Ledger(given.ledger) if given.ledger else None

    port = str(given.grpc_port)
    runtime = WorkflowRuntime("127.0.0.1", port, interceptors=[notes] if notes else None)
    runtime.register_workflow(run)
    runtime.register_workflow(child)
    runtime.register_activity(add_one)
    if notes:
        notes.register(runtime)
    if given.mode == "worker" or notes:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)  # before there are threads that could get them
    if given.mode != "client":
        runtime.start()
    if given.mode == "worker":
        signal.sigwait(STOP)
        runtime.shutdown()
        return 0
    client = DaprWorkflowClient("127.0.0.1", port)
    if notes:
        notes.run(client, given.name, given.in_flight, lambda: signal.sigtimedwait(STOP, 0))
        return 0
    # The first workflow waits for the worker to be connected; it is not measured.
    plan = {"workload": given.workload, "steps": given.activities, "pad": "x" * given.payload}
    one(client, {"workload": "seq", "start": 0, "steps": 1, "pad": ""})

    millis, wrong = [], 0
    numbers = itertools.count()  # its next() is atomic
    cpu, began = time.process_time(), time.perf_counter()

    def more(number: int) -> bool:
        if given.seconds:
            return time.perf_counter() - began < given.seconds
        return number < given.workflows

    def work() -> None:
        nonlocal wrong
        while more(number := next(numbers)):
            try:
                millis.append(one(client, {**plan, "start": number}))
            except Exception as error:
                wrong += 1
                if wrong <= 10:
                    logging.error("%s", error)

    with ThreadPoolExecutor(given.in_flight) as pool:
        for _ in range(given.in_flight):
            pool.submit(work)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu

    millis.sort()
    print(
        json.dumps(
            {
                "workload": given.workload,
                "activities": given.activities,
                "payload": given.payload,
                "in_flight": given.in_flight,
                "completed": len(millis),
                "wrong": wrong,
                "seconds": round(seconds, 3),
                "workflows_per_second": round(len(millis) / seconds),
                "activities_per_second": round(len(millis) * given.activities / seconds),
                "p50_ms": percentile(millis, 0.5),
                "p99_ms": percentile(millis, 0.99),
                "p999_ms": percentile(millis, 0.999),
                "cpu_us": round(cpu * 1e6),
                "rss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        ),
        flush=True,
    )
    if given.mode != "client":
        runtime.shutdown()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
