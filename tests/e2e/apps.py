"""The order-processors: how each is installed and started, and what it has to print."""

import harness

APPS = harness.ROOT / "examples" / "order-processor"

# language: command, lines of the page that the app itself prints
TABLE = {
    "c": (["./order-processor"], [
        "==========Begin the purchase of item:==========",
        "Starting order workflow, purchasing 10 of cars",
        "INFO:NotifyActivity:Received order {id} for 10 cars at $150000 !",
        "INFO:VerifyInventoryActivity:Verifying inventory for order {id} of 10 cars",
        "INFO:VerifyInventoryActivity:There are 100 cars available for purchase",
        "INFO:RequestApprovalActivity:Requesting approval for payment of 150000 USD for 10 cars",
        "INFO:NotifyActivity:Payment for order {id} has been approved!",
        "INFO:ProcessPaymentActivity:Processing payment: {id} for 10 cars at 150000 USD",
        "INFO:ProcessPaymentActivity:Payment for request ID {id} processed successfully",
        "INFO:UpdateInventoryActivity:Checking inventory for order {id} for 10 cars",
        "INFO:UpdateInventoryActivity:There are now 90 cars left in stock",
        "INFO:NotifyActivity:Order {id} has completed!",
        "Workflow completed! Result: Completed",
        "Purchase of item is  Completed"]),
    "python": ([".venv/bin/python", "app.py"], [
        "Starting order workflow, purchasing 10 of cars",
        "INFO:NotifyActivity:Received order {id} for 10 cars at $150000 !",
        "INFO:VerifyInventoryActivity:Verifying inventory for order {id} of 10 cars",
        "INFO:VerifyInventoryActivity:There are 100 Cars available for purchase",
        "INFO:NotifyActivity:Payment for order {id} has been approved!",
        "INFO:ProcessPaymentActivity:Processing payment: {id} for 10 cars at 150000 USD",
        "INFO:ProcessPaymentActivity:Payment for request ID {id} processed successfully",
        "INFO:UpdateInventoryActivity:Checking inventory for order {id} for 10 cars",
        "INFO:UpdateInventoryActivity:There are now 90 cars left in stock",
        "INFO:NotifyActivity:Order {id} has completed!",
        "Workflow completed! Result: Completed",
        "Purchase of item is  Completed"]),
    "javascript": (["node", "app.js"], [
        "Orchestration scheduled with ID: {id}",
        "Processing order {id}...",
        "Received order {id} for 10 cars at a total cost of 150000",
        "Reserving inventory for {id} of 10 cars",
        "There are 100 cars in stock",
        "Processing payment for order cars",
        "Payment of 150000 for 10 cars processed successfully",
        "Updating inventory for {id} of 10 cars",
        "Inventory updated for {id}, there are now 90 cars in stock",
        "order {id} processed successfully!",
        "Order {id} processed successfully!"]),
    "go": (["./order-processor"], [
        "*** Welcome to the Dapr Workflow console app sample!",
        "*** Using this app, you can place orders that start workflows.",
        "adding base stock item: paperclip",
        "adding base stock item: cars",
        "adding base stock item: computers",
        "==========Begin the purchase of item:==========",
        "NotifyActivity: Received order {id} for 10 cars - $150000",
        "VerifyInventoryActivity: Verifying inventory for order {id} of 10 cars",
        "VerifyInventoryActivity: There are 100 cars available for purchase",
        "RequestApprovalActivity: Requesting approval for payment of 150000USD for 10 cars",
        "NotifyActivity: Payment for order {id} has been approved!",
        "ProcessPaymentActivity: {id} for 10 - cars (150000USD)",
        "UpdateInventoryActivity: Checking Inventory for order {id} for 10 * cars",
        "UpdateInventoryActivity: There are now 90 cars left in stock",
        "NotifyActivity: Order {id} has completed!",
        "Workflow completed - result: COMPLETED",
        "Purchase of item is complete"]),
    "java": (["java", "-Dorg.slf4j.simpleLogger.logFile=System.out", "-jar",
              "target/order-processor.jar"], [
        "*** Welcome to the Dapr Workflow console app sample!",
        "*** Using this app, you can place orders that start workflows.",
        "Start workflow runtime",
        "==========Begin the purchase of item:==========",
        "Starting order workflow, purchasing 10 of cars",
        "scheduled new workflow instance of OrderProcessingWorkflow with instance ID: {id}",
        "workflow instance {id} started",
        "Reserving inventory for order '{id}' of 10 cars",
        "There are 100 cars available for purchase",
        "Reserved inventory for order '{id}' of 10 cars",
        "Requesting approval for order: OrderPayload [itemName=cars, totalCost=150000, quantity=10]",
        "Approved requesting approval for order: OrderPayload [itemName=cars, totalCost=150000, quantity=10]",
        "Processing payment: {id} for 10 cars at $150000",
        "Payment for request ID '{id}' processed successfully",
        "Updating inventory for order '{id}' of 10 cars",
        "Updated inventory for order '{id}': there are now 90 cars left in stock",
        "Order completed! : {id}",
        'workflow instance {id} completed, out is: {{"processed":true}}']),
}


def install(language):
    """Installs what the app needs; skips the test, in words, when the language is missing."""
    harness.need(language)
    harness.install(APPS / language)


def start(language, daemon, order, **env):
    return harness.App(daemon, TABLE[language][0], APPS / language, {"ORDER_ID": order, **env})


def missing_lines(language, text, order):
    return [line for line in (l.format(id=order) for l in TABLE[language][1]) if line not in text]
