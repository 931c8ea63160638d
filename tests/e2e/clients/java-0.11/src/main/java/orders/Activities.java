package orders;

import io.dapr.client.domain.State;
import io.dapr.workflows.runtime.WorkflowActivity;
import io.dapr.workflows.runtime.WorkflowActivityContext;
import orders.Model.InventoryItem;
import orders.Model.OrderPayload;
import orders.Model.Request;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the order workflow calls. */
public final class Activities {

  private Activities() {}

  public static class NotifyActivity implements WorkflowActivity {
    private static final Logger LOG = LoggerFactory.getLogger(NotifyActivity.class);

    @Override
    public Object run(WorkflowActivityContext ctx) {
      LOG.info(ctx.getInput(String.class));
      return null;
    }
  }

  public static class ReserveInventoryActivity implements WorkflowActivity {
    private static final Logger LOG = LoggerFactory.getLogger(ReserveInventoryActivity.class);

    @Override
    public Object run(WorkflowActivityContext ctx) {
      Request request = ctx.getInput(Request.class);
      LOG.info("Reserving inventory for order '{}' of {} {}", request.orderId(), request.quantity(), request.itemName());
      InventoryItem item = Stock.get(request.itemName()).getValue();
      if (item == null || item.quantity() < request.quantity()) {
        return false;
      }
      LOG.info("There are {} {} available for purchase", item.quantity(), item.name());
      LOG.info("Reserved inventory for order '{}' of {} {}", request.orderId(), request.quantity(), request.itemName());
      return true;
    }
  }

  public static class RequestApprovalActivity implements WorkflowActivity {
    private static final Logger LOG = LoggerFactory.getLogger(RequestApprovalActivity.class);

    @Override
    public Object run(WorkflowActivityContext ctx) {
      LOG.info("Requesting approval for order: {}", ctx.getInput(OrderPayload.class));
      return null;
    }
  }

  public static class ProcessPaymentActivity implements WorkflowActivity {
    private static final Logger LOG = LoggerFactory.getLogger(ProcessPaymentActivity.class);

    @Override
    public Object run(WorkflowActivityContext ctx) {
      Request request = ctx.getInput(Request.class);
      LOG.info("Processing payment: {} for {} {} at ${}", request.orderId(), request.quantity(), request.itemName(),
          request.amount());
      LOG.info("Payment for request ID '{}' processed successfully", request.orderId());
      return true;
    }
  }

  /**
   * Takes the order's items from the stock. An activity runs again when its worker dies before it could
   * answer, so the stock remembers the order that changed it last.
   */
  public static class UpdateInventoryActivity implements WorkflowActivity {
    private static final Logger LOG = LoggerFactory.getLogger(UpdateInventoryActivity.class);

    @Override
    public Object run(WorkflowActivityContext ctx) {
      Request request = ctx.getInput(Request.class);
      LOG.info("Updating inventory for order '{}' of {} {}", request.orderId(), request.quantity(), request.itemName());
      State<InventoryItem> read = Stock.get(request.itemName());
      InventoryItem item = read.getValue();
      if (!request.orderId().equals(item.lastOrder())) {
        if (item.quantity() < request.quantity()) {
          return false;
        }
        item = new InventoryItem(item.name(), item.perItemCost(), item.quantity() - request.quantity(),
            request.orderId());
        Stock.replace(read, item);
      }
      LOG.info("Updated inventory for order '{}': there are now {} {} left in stock", request.orderId(),
          item.quantity(), item.name());
      return true;
    }
  }
}
