// Buys ten cars: starts the order workflow, approves it, and waits for its end.
//
// ORDER_ID names the order; an app that is started again with it waits for the order that it began.
// RESTOCK=no leaves the stock as it is.

const { randomUUID } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { DaprClient, DaprWorkflowClient, WorkflowRuntime, WorkflowRuntimeStatus } = require("@dapr/dapr");
const patiently = require("./patiently");
const { STORE, APPROVAL_THRESHOLD, orderProcessingWorkflow, activities } = require("./workflow");

const APPROVE_AFTER = 2000; // milliseconds
const ENDED = [WorkflowRuntimeStatus.COMPLETED, WorkflowRuntimeStatus.FAILED, WorkflowRuntimeStatus.TERMINATED];

async function main() {
  const id = process.env.ORDER_ID || randomUUID();
  const inventory = { itemName: "cars", perItemCost: 15000, quantity: 100 };
  const order = { itemName: "cars", quantity: 10, totalCost: 10 * inventory.perItemCost };

  const client = new DaprWorkflowClient();
  const worker = new WorkflowRuntime().registerWorkflow(orderProcessingWorkflow);
  for (const activity of activities) worker.registerActivity(activity);

  const state = () => patiently(() => client.getWorkflowState(id, true));
  const known = await state();
  if (!known && process.env.RESTOCK !== "no") {
    await patiently(() => new DaprClient().state.save(STORE, [{ key: inventory.itemName, value: inventory }]));
  }
  await patiently(() => worker.start());
  await patiently(async () => {
    if (await client.getWorkflowState(id, false)) return;
    await client.scheduleNewWorkflow(orderProcessingWorkflow, order, id);
  });
  if (!known) console.log(`Orchestration scheduled with ID: ${id}`);

  const began = Date.now();
  let approved = false;
  let now = await state();
  while (!ENDED.includes(now.runtimeStatus)) {
    // The SDK's worker gives up when its first stream breaks; while it runs, it refuses to start again.
    await worker.start().catch(() => {});
    if (order.totalCost > APPROVAL_THRESHOLD && !approved && Date.now() - began > APPROVE_AFTER) {
      await patiently(() => client.raiseEvent(id, "manager_approval", { approval: true }));
      approved = true;
    }
    await sleep(100);
    now = await state();
  }
  console.log(`Orchestration completed! Result: ${now.serializedOutput}`);
  return now.runtimeStatus === WorkflowRuntimeStatus.COMPLETED ? 0 : 1;
}

// The worker's streams would keep the process alive.
main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
