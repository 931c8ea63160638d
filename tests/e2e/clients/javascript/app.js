// The order as the page of early 2024 writes it: state over HTTP, workflow and wait over gRPC. Run with
// the folder of an SDK version as the working directory.

const sdk = require(require.resolve("@dapr/dapr", { paths: [process.cwd()] }));
const { DaprClient, DaprWorkflowClient, WorkflowRuntime } = sdk;

const STORE = "statestore";

async function notifyActivity(_, message) {
  console.log(message);
}

async function reserveInventoryActivity(_, order) {
  const item = await new DaprClient().state.get(STORE, order.itemName);
  console.log(`There are ${item.quantity} ${item.itemName} in stock`);
  return item.quantity >= order.quantity;
}

async function updateInventoryActivity(_, order) {
  const { state } = new DaprClient();
  const item = await state.get(STORE, order.itemName);
  item.quantity -= order.quantity;
  await state.save(STORE, [{ key: item.itemName, value: item }]);
  console.log(`there are now ${item.quantity} ${item.itemName} in stock`);
}

async function* orderProcessingWorkflow(ctx, order) {
  yield ctx.callActivity(notifyActivity, `Received order ${ctx.getWorkflowInstanceId()}`);
  if (!(yield ctx.callActivity(reserveInventoryActivity, order))) return { processed: false };
  yield ctx.callActivity(updateInventoryActivity, order);
  return { processed: true };
}

async function start() {
  const client = new DaprWorkflowClient();
  const worker = new WorkflowRuntime();
  await new DaprClient().state.save(STORE, [
    { key: "item1", value: { itemName: "item1", perItemCost: 100, quantity: 100 } },
  ]);
  worker
    .registerWorkflow(orderProcessingWorkflow)
    .registerActivity(notifyActivity)
    .registerActivity(reserveInventoryActivity)
    .registerActivity(updateInventoryActivity);
  await worker.start();
  const id = await client.scheduleNewWorkflow(orderProcessingWorkflow, { itemName: "item1", quantity: 10 });
  console.log(`Orchestration scheduled with ID: ${id}`);
  const state = await client.waitForWorkflowCompletion(id, undefined, 30);
  console.log(`Orchestration completed! Result: ${state?.serializedOutput}`);
  await worker.stop();
  await client.stop();
  process.exit(state?.serializedOutput === '{"processed":true}' ? 0 : 1);
}

start().catch((e) => {
  console.error(e);
  process.exit(1);
});
