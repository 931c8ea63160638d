"""A file to which worker and client append what they did and what they were told, a line each.

    S instance start     a start was acknowledged
    E instance task      an activity was executed
    C instance task      its result was acknowledged
    R instance result    the workflow has ended
"""

import datetime
import os
import random
import threading
import time

import grpc


class Ledger(grpc.UnaryUnaryClientInterceptor):
    """Sees, as an interceptor of the worker's calls, which results were acknowledged: the SDK tells nobody."""

    def __init__(self, path: str):
        self.file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        self.stopping = threading.Event()

    def note(self, *words) -> None:
        os.write(self.file, (" ".join(map(str, words)) + "\n").encode())

    def intercept_unary_unary(self, continuation, details, request):
        call = continuation(details, request)
        if details.method.endswith("/CompleteActivityTask") and call.code() == grpc.StatusCode.OK:
            self.note("C", request.instanceId, request.taskId)
        return call

    def register(self, runtime) -> None:
        def noted(ctx, number: int) -> int:
            self.note("E", ctx.workflow_id, ctx.task_id)
            time.sleep(random.uniform(0, 0.01))
            return number + 1

        def chain(ctx, number: int):
            for _ in range(5):
                number = yield ctx.call_activity(noted, input=number)
            return number

        self.chain = chain
        runtime.register_activity(noted)
        runtime.register_workflow(chain)

    def one(self, client, instance: str, number: int) -> None:
        """Starts a workflow. If that is acknowledged, waits for its end, however often the daemon goes away."""
        # With a start time the answer does not wait for the worker.
        at = datetime.datetime.now(datetime.timezone.utc) if number % 2 == 0 else None
        try:
            client.schedule_new_workflow(self.chain, input=number, instance_id=instance, start_at=at)
        except Exception:  # the daemon is away: gRPC's errors, and the SDK's own
            time.sleep(0.02)
            return
        self.note("S", instance, number)
        while True:
            try:
                end = client.wait_for_workflow_completion(instance, timeout_in_seconds=10)
                self.note("R", instance, end.serialized_output)
                return
            except Exception:
                time.sleep(0.02)

    def run(self, client, prefix: str, in_flight: int, told_to_stop) -> None:
        """Starts workflows until it is told to stop, and waits for those that it has started."""

        def starter(name: int) -> None:
            number = 0
            while not self.stopping.is_set():
                self.one(client, f"{prefix}-{name}-{number}", number)
                number += 1

        threads = [threading.Thread(target=starter, args=(n,)) for n in range(in_flight)]
        for thread in threads:
            thread.start()
        while not told_to_stop():
            time.sleep(0.05)
        self.stopping.set()
        for thread in threads:
            thread.join()
