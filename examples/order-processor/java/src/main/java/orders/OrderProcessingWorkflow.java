package orders;

import io.dapr.durabletask.TaskCanceledException;
import io.dapr.workflows.Workflow;
import io.dapr.workflows.WorkflowContext;
import io.dapr.workflows.WorkflowStub;
import io.dapr.workflows.WorkflowTaskOptions;
import io.dapr.workflows.WorkflowTaskRetryPolicy;
import java.time.Duration;
import orders.Model.Approval;
import orders.Model.OrderPayload;
import orders.Model.OrderResult;
import orders.Model.Request;

/** Verifies the stock, asks for approval of dear orders, takes the payment and updates the stock. */
public class OrderProcessingWorkflow implements Workflow {

  static final String APPROVAL_EVENT = "manager_approval";
  static final int APPROVAL_THRESHOLD = 50000;
  private static final Duration APPROVAL_TIMEOUT = Duration.ofSeconds(200);
  // What reads or writes the stock may find the sidecar away.
  private static final WorkflowTaskOptions RETRIES = new WorkflowTaskOptions(WorkflowTaskRetryPolicy.newBuilder()
      .setMaxNumberOfAttempts(5).setFirstRetryInterval(Duration.ofSeconds(1)).build());

  @Override
  public WorkflowStub create() {
    return ctx -> {
      String orderId = ctx.getInstanceId();
      ctx.getLogger().info("Starting Workflow: " + ctx.getName());
      ctx.getLogger().info("Instance ID(order ID): " + orderId);
      ctx.getLogger().info("Current Orchestration Time: " + ctx.getCurrentInstant());
      OrderPayload order = ctx.getInput(OrderPayload.class);
      ctx.getLogger().info("Received Order: " + order);
      Request request = new Request(orderId, order.itemName(), order.quantity(), order.totalCost());

      ctx.callActivity(Activities.NotifyActivity.class.getCanonicalName(), "Received Order: " + order).await();
      boolean reserved = ctx.callActivity(Activities.ReserveInventoryActivity.class.getCanonicalName(), request,
          RETRIES, Boolean.class).await();
      if (!reserved) {
        end(ctx, false, "Insufficient inventory for order : " + order.itemName());
        return;
      }

      if (order.totalCost() > APPROVAL_THRESHOLD) {
        ctx.callActivity(Activities.RequestApprovalActivity.class.getCanonicalName(), order).await();
        boolean approved;
        try {
          approved = ctx.waitForExternalEvent(APPROVAL_EVENT, APPROVAL_TIMEOUT, Approval.class).await().approval();
        } catch (TaskCanceledException e) {
          approved = false;
        }
        if (!approved) {
          end(ctx, false, "Order " + order.itemName() + " was not approved.");
          return;
        }
        ctx.callActivity(Activities.NotifyActivity.class.getCanonicalName(),
            "Approved requesting approval for order: " + order).await();
      }

      ctx.callActivity(Activities.ProcessPaymentActivity.class.getCanonicalName(), request, Boolean.class).await();
      boolean updated = ctx.callActivity(Activities.UpdateInventoryActivity.class.getCanonicalName(), request,
          RETRIES, Boolean.class).await();
      end(ctx, updated, (updated ? "Order completed! : " : "Order failed to update inventory! : ") + orderId);
    };
  }

  private static void end(WorkflowContext ctx, boolean processed, String message) {
    ctx.callActivity(Activities.NotifyActivity.class.getCanonicalName(), message).await();
    ctx.complete(new OrderResult(processed));
  }
}
