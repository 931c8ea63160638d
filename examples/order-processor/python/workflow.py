"""The order workflow and its activities."""

import json
import logging
from dataclasses import asdict
from datetime import timedelta

from dapr.clients import DaprClient
from dapr.clients.grpc._state import Concurrency, StateOptions
from dapr.ext.workflow import (
    DaprWorkflowContext,
    RetryPolicy,
    WorkflowActivityContext,
    WorkflowRuntime,
    when_any,
)

from model import InventoryItem

STORE = "statestore"
APPROVAL_THRESHOLD = 50000
# What reads or writes the stock may find the sidecar away.
RETRIES = RetryPolicy(first_retry_interval=timedelta(seconds=1), max_number_of_attempts=5)

runtime = WorkflowRuntime()


@runtime.workflow(name="order_processing_workflow")
def order_processing_workflow(ctx: DaprWorkflowContext, order: dict):
    order_id = ctx.instance_id
    quantity, item, cost = order["quantity"], order["item_name"], order["total_cost"]
    yield ctx.call_activity(
        notify_activity, input=f"Received order {order_id} for {quantity} {item} at ${cost} !"
    )
    request = {"request_id": order_id, "item_name": item, "quantity": quantity, "amount": cost}

    if not (yield ctx.call_activity(verify_inventory_activity, input=request, retry_policy=RETRIES)):
        yield ctx.call_activity(notify_activity, input=f"Insufficient inventory for {item}!")
        return {"processed": False}

    if cost > APPROVAL_THRESHOLD:
        yield ctx.call_activity(request_approval_activity, input=order)
        approval = ctx.wait_for_external_event("manager_approval")
        timeout = ctx.create_timer(timedelta(seconds=200))
        if (yield when_any([approval, timeout])) == timeout:
            yield ctx.call_activity(
                notify_activity, input=f"Payment for order {order_id} has been cancelled due to timeout!"
            )
            return {"processed": False}
        approved = approval.get_result()["approval"]
        verdict = "approved" if approved else "rejected"
        yield ctx.call_activity(
            notify_activity, input=f"Payment for order {order_id} has been {verdict}!"
        )
        if not approved:
            return {"processed": False}

    yield ctx.call_activity(process_payment_activity, input=request)
    try:
        yield ctx.call_activity(update_inventory_activity, input=request, retry_policy=RETRIES)
    except Exception:
        yield ctx.call_activity(notify_activity, input=f"Order {order_id} Failed!")
        return {"processed": False}

    yield ctx.call_activity(notify_activity, input=f"Order {order_id} has completed!")
    return {"processed": True}


@runtime.activity(name="notify_activity")
def notify_activity(ctx: WorkflowActivityContext, message: str):
    logging.getLogger("NotifyActivity").info(message)


@runtime.activity(name="verify_inventory_activity")
def verify_inventory_activity(ctx: WorkflowActivityContext, request: dict) -> bool:
    log = logging.getLogger("VerifyInventoryActivity")
    log.info(
        f"Verifying inventory for order {request['request_id']} of {request['quantity']} {request['item_name']}"
    )
    with DaprClient() as client:
        stock, _ = read_stock(client, request["item_name"])
    if stock is None:
        return False
    log.info(f"There are {stock.quantity} {stock.item_name.capitalize()} available for purchase")
    return stock.quantity >= request["quantity"]


@runtime.activity(name="request_approval_activity")
def request_approval_activity(ctx: WorkflowActivityContext, order: dict):
    logging.getLogger("RequestApprovalActivity").info(
        f"Requesting approval for payment of {order['total_cost']} USD for {order['quantity']} {order['item_name']}"
    )


@runtime.activity(name="process_payment_activity")
def process_payment_activity(ctx: WorkflowActivityContext, request: dict):
    log = logging.getLogger("ProcessPaymentActivity")
    log.info(
        f"Processing payment: {request['request_id']} for {request['quantity']} "
        f"{request['item_name']} at {request['amount']} USD"
    )
    log.info(f"Payment for request ID {request['request_id']} processed successfully")


@runtime.activity(name="update_inventory_activity")
def update_inventory_activity(ctx: WorkflowActivityContext, request: dict):
    """Takes the order's items from the stock.

    An activity runs again when its worker dies before it could answer, so the stock remembers the
    order that changed it last, and the ETag keeps two orders from overwriting each other.
    """
    log = logging.getLogger("UpdateInventoryActivity")
    log.info(
        f"Checking inventory for order {request['request_id']} for {request['quantity']} {request['item_name']}"
    )
    with DaprClient() as client:
        stock, etag = read_stock(client, request["item_name"])
        if stock.last_order != request["request_id"]:
            stock.quantity -= request["quantity"]
            stock.last_order = request["request_id"]
            if stock.quantity < 0:
                raise ValueError("the stock is too low by now")
            client.save_state(
                STORE,
                stock.item_name,
                json.dumps(asdict(stock)),
                etag=etag,
                options=StateOptions(concurrency=Concurrency.first_write),
            )
    log.info(f"There are now {stock.quantity} {stock.item_name} left in stock")


def read_stock(client: DaprClient, name: str):
    state = client.get_state(STORE, name)
    return (InventoryItem(**json.loads(state.data)) if state.data else None), state.etag
