"""Runs many workflows at once, checks the result of each and prints one line of JSON about them.

A workflow calls its activities one after the other, each with the result of the one before, or with
--parallel all at the same time. Worker and client may be programs of their own: --mode worker serves until it
is told to stop, --mode client starts workflows and waits for them.
"""

import argparse
import json
import logging
import math
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dapr.ext.workflow import DaprWorkflowClient, WorkflowRuntime, when_all

STOP = {signal.SIGINT, signal.SIGTERM}


def add_one(ctx, number: int) -> int:
    return number + 1


def run(ctx, plan: dict):
    start, count = plan["start"], plan["activities"]
    if plan["parallel"]:
        calls = [ctx.call_activity(add_one, input=start + i) for i in range(count)]
        return sum((yield when_all(calls)) if calls else [])
    number = start
    for _ in range(count):
        number = yield ctx.call_activity(add_one, input=number)
    return number


def want(plan: dict) -> int:
    start, count = plan["start"], plan["activities"]
    return count * start + count * (count + 1) // 2 if plan["parallel"] else start + count


def one(client: DaprWorkflowClient, plan: dict) -> float:
    """Starts a workflow, waits for its end and checks what it returned; tells how long it took."""
    began = time.perf_counter()
    instance = client.schedule_new_workflow(run, input=plan)
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
    for name, default in (("workflows", 1000), ("activities", 5), ("in-flight", 100), ("grpc-port", 50001)):
        options.add_argument(f"-{name}", f"--{name}", type=int, default=default)
    options.add_argument("-parallel", "--parallel", action="store_true")
    options.add_argument("-mode", "--mode", choices=("worker", "client", "both"), default="both")
    given = options.parse_args()

    port = str(given.grpc_port)
    runtime = WorkflowRuntime("127.0.0.1", port)
    runtime.register_workflow(run)
    runtime.register_activity(add_one)
    if given.mode == "worker":
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)  # before there are threads that could get them
    if given.mode != "client":
        runtime.start()
    if given.mode == "worker":
        signal.sigwait(STOP)
        runtime.shutdown()
        return 0
    client = DaprWorkflowClient("127.0.0.1", port)
    # The first workflow waits for the worker to be connected; it is not measured.
    one(client, {"start": 0, "activities": 1, "parallel": False})

    plans = [
        {"start": n, "activities": given.activities, "parallel": given.parallel}
        for n in range(given.workflows)
    ]
    millis, wrong = [], 0
    began = time.perf_counter()
    with ThreadPoolExecutor(given.in_flight) as pool:
        for result in [pool.submit(one, client, plan) for plan in plans]:
            if (error := result.exception()) is None:
                millis.append(result.result())
            else:
                wrong += 1
                if wrong <= 10:
                    logging.error("%s", error)
    seconds = time.perf_counter() - began

    millis.sort()
    print(
        json.dumps(
            {
                "workflows": given.workflows,
                "activities": given.activities,
                "in_flight": given.in_flight,
                "parallel": given.parallel,
                "completed": len(millis),
                "wrong": wrong,
                "seconds": round(seconds, 3),
                "workflows_per_second": round(len(millis) / seconds),
                "activities_per_second": round(len(millis) * given.activities / seconds),
                "p50_ms": percentile(millis, 0.5),
                "p99_ms": percentile(millis, 0.99),
            }
        ),
        flush=True,
    )
    if given.mode != "client":
        runtime.shutdown()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
