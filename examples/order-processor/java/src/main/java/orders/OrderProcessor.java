package orders;

import io.dapr.workflows.client.DaprWorkflowClient;
import io.dapr.workflows.client.WorkflowRuntimeStatus;
import io.dapr.workflows.client.WorkflowState;
import io.dapr.workflows.runtime.WorkflowRuntimeBuilder;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.Callable;
import orders.Model.Approval;
import orders.Model.InventoryItem;
import orders.Model.OrderPayload;

/**
 * Buys ten cars: starts the order workflow, approves it, and waits for its end. ORDER_ID names the order;
 * an app that is started again with it waits for the order that it began. RESTOCK=no leaves the stock as it is.
 */
public final class OrderProcessor {

  private static final Duration APPROVE_AFTER = Duration.ofSeconds(2);
  private static final Duration GIVE_UP_AFTER = Duration.ofSeconds(60);

  private OrderProcessor() {}

  public static void main(String[] args) throws Exception {
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
    DaprWorkflowClient client = new DaprWorkflowClient();
    String given = System.getenv("ORDER_ID");
    String id = given == null || given.isEmpty() ? UUID.randomUUID().toString() : given;

    boolean known = patiently(() -> exists(client, id));
    if (!known && !"no".equals(System.getenv("RESTOCK"))) {
      patiently(() -> {
        Stock.put(stock);
        return true;
      });
    }
    System.out.println("==========Begin the purchase of item:==========");
    say("Starting order workflow, purchasing %d of %s", order.quantity(), order.itemName());
    patiently(() -> {
      if (!exists(client, id)) {
        client.scheduleNewWorkflow(OrderProcessingWorkflow.class, order, id);
      }
      return true;
    });
    if (!known) {
      say("scheduled new workflow instance of OrderProcessingWorkflow with instance ID: %s", id);
    }
    say("workflow instance %s started", id);
    WorkflowState end = waitForEnd(client, id, order);
    say("workflow instance %s completed, out is: %s", id, end.getSerializedOutput());
    // The worker's threads would keep the process alive.
    System.exit(end.getRuntimeStatus() == WorkflowRuntimeStatus.COMPLETED ? 0 : 1);
  }

  /** Prints a whole line at once: the pieces of a printf could be torn apart by the SDK's log. */
  private static void say(String format, Object... args) {
    System.out.println(format.formatted(args));
  }

  /** The SDK tells of an unknown instance as of one without a name. */
  private static boolean exists(DaprWorkflowClient client, String id) {
    WorkflowState state = client.getWorkflowState(id, false);
    return state != null && !state.getName().isEmpty();
  }

  private static WorkflowState waitForEnd(DaprWorkflowClient client, String id, OrderPayload order) throws Exception {
    Instant approveAt = Instant.now().plus(APPROVE_AFTER);
    boolean approved = order.totalCost() <= OrderProcessingWorkflow.APPROVAL_THRESHOLD;
    while (true) {
      WorkflowState state = patiently(() -> client.getWorkflowState(id, true));
      if (state.isCompleted()) {
        return state;
      }
      if (!approved && Instant.now().isAfter(approveAt)) {
        patiently(() -> {
          client.raiseEvent(id, OrderProcessingWorkflow.APPROVAL_EVENT, new Approval(true));
          return true;
        });
        approved = true;
      }
      Thread.sleep(100);
    }
  }

  /** Calls again while the sidecar is away. */
  private static <T> T patiently(Callable<T> call) throws Exception {
    Instant deadline = Instant.now().plus(GIVE_UP_AFTER);
    while (true) {
      try {
        return call.call();
      } catch (Exception e) {
        if (Instant.now().isAfter(deadline)) {
          throw e;
        }
        Thread.sleep(200);
      }
    }
  }
}
