"""Buys ten cars: starts the order workflow, approves it, and waits for its end.

ORDER_ID names the order; an app that is started again with it waits for the order that it began.
RESTOCK=no leaves the stock as it is.
"""

import json
import logging
import os
import sys
import time
import uuid
from dataclasses import asdict

from dapr.clients import DaprClient
from dapr.ext.workflow import DaprWorkflowClient

from model import InventoryItem, OrderPayload
from workflow import APPROVAL_THRESHOLD, STORE, order_processing_workflow, runtime

APPROVE_AFTER = 2  # seconds
GIVE_UP_AFTER = 60

INVENTORY = [
    InventoryItem("paperclip", 5, 100),
    InventoryItem("cars", 15000, 100),
    InventoryItem("computers", 500, 100),
]
ENDED = ("COMPLETED", "FAILED", "TERMINATED")


def patiently(call):
    """Calls again while the sidecar is away."""
    deadline = time.monotonic() + GIVE_UP_AFTER
    while True:
        try:
            return call()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def restock():
    # Deleted first: Redis keeps what was saved with first-write from everybody who has no ETag.
    with DaprClient() as client:
        for item in INVENTORY:
            client.delete_state(STORE, item.item_name)
            client.save_state(STORE, item.item_name, json.dumps(asdict(item)))


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s:%(name)s:%(message)s")
    for name in ("Notify", "VerifyInventory", "RequestApproval", "ProcessPayment", "UpdateInventory"):
        logging.getLogger(name + "Activity").setLevel(logging.INFO)

    order_id = os.environ.get("ORDER_ID") or str(uuid.uuid4())
    item_name, quantity = "cars", 10
    total_cost = quantity * next(i.per_item_cost for i in INVENTORY if i.item_name == item_name)
    order = OrderPayload(item_name, quantity, total_cost)

    patiently(lambda: DaprClient().close())
    runtime.start()
    client = DaprWorkflowClient()

    def state():
        return patiently(lambda: client.get_workflow_state(order_id, fetch_payloads=False))

    print("==========Begin the purchase of item:==========", flush=True)
    if state() is None:
        if os.environ.get("RESTOCK") != "no":
            patiently(restock)
        print(f"Starting order workflow, purchasing {quantity} of {item_name}", flush=True)

        def start():
            if client.get_workflow_state(order_id) is None:
                client.schedule_new_workflow(
                    order_processing_workflow, input=asdict(order), instance_id=order_id
                )

        patiently(start)

    began, approved = time.monotonic(), False
    while (now := state()).runtime_status.name not in ENDED:
        if total_cost > APPROVAL_THRESHOLD and not approved and time.monotonic() - began > APPROVE_AFTER:
            patiently(
                lambda: client.raise_workflow_event(order_id, "manager_approval", data={"approval": True})
            )
            approved = True
        time.sleep(0.1)

    status = now.runtime_status.name.capitalize()
    print(f"Workflow completed! Result: {status}", flush=True)
    print("Purchase of item is ", status, flush=True)
    runtime.shutdown()
    return 0 if status == "Completed" else 1


if __name__ == "__main__":
    sys.exit(main())
