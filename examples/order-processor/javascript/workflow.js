// The order workflow and its activities.

const { DaprClient, CommunicationProtocolEnum } = require("@dapr/dapr");
const patiently = require("./patiently");

const STORE = "statestore";
const APPROVAL_THRESHOLD = 50000;
const APPROVAL_TIMEOUT = 200; // seconds

// The SDK has no retry policy for activities, so what reads or writes the stock waits for a sidecar that is away.
const state = new DaprClient({ communicationProtocol: CommunicationProtocolEnum.HTTP }).state;

async function* orderProcessingWorkflow(ctx, order) {
  const id = ctx.getWorkflowInstanceId();
  const request = { id, itemName: order.itemName, quantity: order.quantity };
  if (!ctx.isReplaying()) console.log(`Processing order ${id}...`);

  yield ctx.callActivity(
    notifyActivity,
    `Received order ${id} for ${order.quantity} ${order.itemName} at a total cost of ${order.totalCost}`,
  );

  const stock = yield ctx.callActivity(reserveInventoryActivity, request);
  if (!stock.success) {
    yield ctx.callActivity(notifyActivity, `Insufficient inventory for order ${id}`);
    return { processed: false };
  }

  if (order.totalCost > APPROVAL_THRESHOLD) {
    yield ctx.callActivity(requestApprovalActivity, order);
    const approval = ctx.waitForExternalEvent("manager_approval");
    const timeout = ctx.createTimer(APPROVAL_TIMEOUT);
    if ((yield ctx.whenAny([approval, timeout])) === timeout) {
      yield ctx.callActivity(notifyActivity, `order ${id} has been cancelled due to approval timeout.`);
      return { processed: false };
    }
    if (!approval.getResult().approval) {
      yield ctx.callActivity(notifyActivity, `order ${id} was not approved.`);
      return { processed: false };
    }
  }

  yield ctx.callActivity(processPaymentActivity, { ...request, totalCost: order.totalCost });
  const updated = yield ctx.callActivity(updateInventoryActivity, request);
  if (!updated.success) {
    yield ctx.callActivity(notifyActivity, `Failed to process order ${id}!`);
    return { processed: false };
  }
  yield ctx.callActivity(notifyActivity, `order ${id} processed successfully!`);
  if (!ctx.isReplaying()) console.log(`Order ${id} processed successfully!`);
  return { processed: true };
}

async function notifyActivity(ctx, message) {
  console.log(message);
}

async function reserveInventoryActivity(ctx, { id, itemName, quantity }) {
  console.log(`Reserving inventory for ${id} of ${quantity} ${itemName}`);
  const item = await patiently(() => state.get(STORE, itemName));
  if (!item) return { success: false };
  console.log(`There are ${item.quantity} ${itemName} in stock`);
  return { success: item.quantity >= quantity, inventoryItem: item };
}

async function requestApprovalActivity(ctx, order) {
  console.log(`Requesting approval for payment of ${order.totalCost} USD for ${order.quantity} ${order.itemName}`);
}

async function processPaymentActivity(ctx, { itemName, quantity, totalCost }) {
  console.log(`Processing payment for order ${itemName}`);
  console.log(`Payment of ${totalCost} for ${quantity} ${itemName} processed successfully`);
  return true;
}

async function updateInventoryActivity(ctx, request) {
  const { id, itemName, quantity } = request;
  console.log(`Updating inventory for ${id} of ${quantity} ${itemName}`);
  const item = await patiently(() => takeFromStock(request));
  if (!item) return { success: false };
  console.log(`Inventory updated for ${id}, there are now ${item.quantity} ${itemName} in stock`);
  return { success: true, inventoryItem: item };
}

// An activity runs again when its worker dies before it could answer, so the stock remembers the order
// that changed it last.
async function takeFromStock({ id, itemName, quantity }) {
  const item = await state.get(STORE, itemName);
  if (item.lastOrder === id) return item;
  if (item.quantity < quantity) return null;
  item.quantity -= quantity;
  item.lastOrder = id;
  await state.save(STORE, [{ key: itemName, value: item }]);
  return item;
}

module.exports = {
  STORE,
  APPROVAL_THRESHOLD,
  orderProcessingWorkflow,
  activities: [
    notifyActivity,
    reserveInventoryActivity,
    requestApprovalActivity,
    processPaymentActivity,
    updateInventoryActivity,
  ],
};
