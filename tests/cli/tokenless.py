"""A worker for the workflow "echo" that sends no completion token back, as those of SDKs from before there were tokens."""

import os
import sys
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from raw import pb  # noqa: E402

channel = grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}")
items = channel.unary_stream("/TaskHubSidecarService/GetWorkItems", lambda one: one.SerializeToString(), pb.WorkItem.FromString)
complete = channel.unary_unary("/TaskHubSidecarService/CompleteOrchestratorTask", lambda one: one.SerializeToString(), bytes)
for item in items(pb.GetWorkItemsRequest(), wait_for_ready=True):
    turn = item.workflowRequest
    events = [*turn.pastEvents, *turn.newEvents]
    answer = pb.WorkflowResponse(instanceId=turn.instanceId)
    done = [event for event in events if event.HasField("taskCompleted")]
    if done:
        action = answer.actions.add(id=1)
        action.completeWorkflow.workflowStatus = 1  # completed
        action.completeWorkflow.result.value = done[0].taskCompleted.result.value
    else:
        answer.actions.add(id=0).scheduleTask.name = "same"
    complete(answer)
