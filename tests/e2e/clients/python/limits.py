"""limits.py LEDGER: an app whose activities write down when they begin (+) and end (-)."""

import os
import sys
import threading
import time

import dapr.ext.workflow as wf

runtime = wf.WorkflowRuntime()
ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def note(text):
    os.write(ledger, f"{text}\n".encode())


@runtime.activity
def slow(ctx, number: int) -> int:
    note("+slow")
    time.sleep(0.05)
    note("-slow")
    return number


@runtime.activity
def quick(ctx, number: int) -> int:
    note("+quick")
    time.sleep(0.02)
    note("-quick")
    return number


@runtime.workflow
def wide(ctx: wf.DaprWorkflowContext, count: int):
    tasks = [ctx.call_activity(quick if i % 2 else slow, input=i) for i in range(count)]
    yield wf.when_all(tasks)
    return count


runtime.start()
threading.Event().wait()
