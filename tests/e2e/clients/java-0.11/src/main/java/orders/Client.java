package orders;

import io.dapr.workflows.client.DaprWorkflowClient;
import io.dapr.workflows.client.WorkflowInstanceStatus;
import io.dapr.workflows.runtime.WorkflowRuntimeBuilder;
import io.dapr.workflows.runtime.WorkflowRuntimeStatus;
import java.time.Duration;
import java.util.UUID;
import orders.Model.Approval;
import orders.Model.InventoryItem;
import orders.Model.OrderPayload;

/** The order-processor as it was written with version 0.11 of the workflow SDK. */
public final class Client {

  private Client() {}

  public static void main(String[] args) throws Exception {
    boolean processed = false;
    try {
      processed = buy();
    } catch (Exception e) {
      e.printStackTrace(System.out);
    }
    // The worker's threads would keep the process alive.
    System.exit(processed ? 0 : 1);
  }

  private static boolean buy() throws Exception {
    System.out.println("*** Welcome to the Dapr Workflow console app sample!");
    System.out.println("*** Using this app, you can place orders that start workflows.");
    WorkflowRuntimeBuilder builder = new WorkflowRuntimeBuilder().registerWorkflow(OrderProcessingWorkflow.class);
    builder.registerActivity(Activities.NotifyActivity.class);
    builder.registerActivity(Activities.ReserveInventoryActivity.class);
    builder.registerActivity(Activities.RequestApprovalActivity.class);
    builder.registerActivity(Activities.ProcessPaymentActivity.class);
    builder.registerActivity(Activities.UpdateInventoryActivity.class);
    System.out.println("Start workflow runtime");
    builder.build().start(false);

    InventoryItem stock = new InventoryItem("cars", 15000, 100, "");
    OrderPayload order = new OrderPayload(stock.name(), 10 * stock.perItemCost(), 10);
    Stock.put(stock);
    String given = System.getenv("ORDER_ID");
    String id = given == null ? UUID.randomUUID().toString() : given;

    System.out.println("==========Begin the purchase of item:==========");
    System.out.printf("Starting order workflow, purchasing %d of %s%n", order.quantity(), order.itemName());
    DaprWorkflowClient client = new DaprWorkflowClient();
    client.scheduleNewWorkflow(OrderProcessingWorkflow.class, order, id);
    System.out.printf("scheduled new workflow instance of OrderProcessingWorkflow with instance ID: %s%n", id);
    client.waitForInstanceStart(id, Duration.ofSeconds(10), false);
    System.out.printf("workflow instance %s started%n", id);

    Thread.sleep(2000);
    client.raiseEvent(id, OrderProcessingWorkflow.APPROVAL_EVENT, new Approval(true));
    WorkflowInstanceStatus end = client.waitForInstanceCompletion(id, Duration.ofSeconds(30), true);
    System.out.printf("workflow instance %s completed, out is: %s%n", id, end.getSerializedOutput());
    return end.getRuntimeStatus() == WorkflowRuntimeStatus.COMPLETED
        && end.getSerializedOutput().equals("{\"processed\":true}");
  }
}
