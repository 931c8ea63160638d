"""The order as the page of early 2024 starts it: through DaprClient, polled, approved by an event.

Runs with the SDKs of that time; see the requirements files.
"""

import json
import os
import sys
import time

from dapr.clients import DaprClient
from dapr.ext.workflow import DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime

try:
    from dapr.ext.workflow import when_any
except ImportError:  # 1.12 has it in the engine's own package only
    from durabletask.task import when_any
from datetime import timedelta

COMPONENT, STORE = "dapr", "statestore"


def order_processing_workflow(ctx: DaprWorkflowContext, order_payload_str):
    order = json.loads(order_payload_str) if isinstance(order_payload_str, str) else order_payload_str
    yield ctx.call_activity(notify_activity, input=f"Received order {ctx.instance_id}")
    stock = yield ctx.call_activity(verify_inventory_activity, input=order)
    if stock < order["quantity"]:
        return "out of stock"
    approval = ctx.wait_for_external_event("manager_approval")
    timeout = ctx.create_timer(timedelta(seconds=200))
    if (yield when_any([approval, timeout])) == timeout:
        return "not approved"
    yield ctx.call_activity(update_inventory_activity, input=order)
    return "processed"


def notify_activity(ctx: WorkflowActivityContext, message):
    print(f"NotifyActivity: {message}", flush=True)


def verify_inventory_activity(ctx: WorkflowActivityContext, order):
    with DaprClient() as client:
        return json.loads(client.get_state(STORE, order["item_name"]).data)["quantity"]


def update_inventory_activity(ctx: WorkflowActivityContext, order):
    with DaprClient() as client:
        item = json.loads(client.get_state(STORE, order["item_name"]).data)
        item["quantity"] -= order["quantity"]
        client.save_state(STORE, order["item_name"], json.dumps(item))
    print(f"There are now {item['quantity']} {order['item_name']} left in stock", flush=True)


runtime = WorkflowRuntime("127.0.0.1", os.environ["DAPR_GRPC_PORT"])
runtime.register_workflow(order_processing_workflow)
for activity in (notify_activity, verify_inventory_activity, update_inventory_activity):
    runtime.register_activity(activity)
runtime.start()
time.sleep(1)

client = DaprClient()
metadata = client.get_metadata()
assert metadata.application_id and STORE in [component.name for component in metadata.registered_components], metadata
client.save_state(STORE, "cars", json.dumps({"name": "cars", "quantity": 100}))
order = {"item_name": "cars", "quantity": 10}
if hasattr(client, "start_workflow"):
    started = client.start_workflow(workflow_component=COMPONENT,
                                    workflow_name="order_processing_workflow", input=order)
    instance = started.instance_id
    look = lambda: client.get_workflow(instance_id=instance, workflow_component=COMPONENT).runtime_status
    approve = lambda: client.raise_workflow_event(
        instance_id=instance, workflow_component=COMPONENT, event_name="manager_approval",
        event_data={"approval": True})
else:
    from dapr.ext.workflow import DaprWorkflowClient

    workflows = DaprWorkflowClient()
    instance = workflows.schedule_new_workflow(order_processing_workflow, input=order)
    look = lambda: workflows.get_workflow_state(instance).runtime_status.name
    approve = lambda: workflows.raise_workflow_event(instance, "manager_approval", data={"approval": True})

began, asked = time.time(), False
while True:
    status = str(look()).capitalize()
    if status in ("Completed", "Failed", "Terminated"):
        break
    if not asked and time.time() - began > 1:
        asked = True
        approve()
print(f"Workflow completed! Result: {status}", flush=True)
os._exit(0 if status == "Completed" else 1)  # the worker's thread of that time does not end
