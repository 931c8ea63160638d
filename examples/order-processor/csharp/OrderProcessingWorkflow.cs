using Dapr.Workflow;
using WorkflowConsoleApp.Activities;

namespace WorkflowConsoleApp;

/// <summary>Reserves the stock, asks for approval of dear orders, takes the payment and updates the stock.</summary>
public sealed class OrderProcessingWorkflow : Workflow<OrderPayload, OrderResult>
{
    public const string ApprovalEvent = "manager_approval";
    public const int ApprovalThreshold = 50000;
    private static readonly TimeSpan ApprovalTimeout = TimeSpan.FromSeconds(200);

    // What reads or writes the stock may find the sidecar away.
    private static readonly WorkflowTaskOptions Retries = new()
    {
        RetryPolicy = new WorkflowRetryPolicy(maxNumberOfAttempts: 5, firstRetryInterval: TimeSpan.FromSeconds(1)),
    };

    public override async Task<OrderResult> RunAsync(WorkflowContext context, OrderPayload order)
    {
        var orderId = context.InstanceId;
        var request = new Request(orderId, order.Name, order.Quantity, order.PerItemCost);

        async Task<OrderResult> EndAsync(bool processed, string message)
        {
            await context.CallActivityAsync(nameof(NotifyActivity), message);
            return new OrderResult(processed);
        }

        await context.CallActivityAsync(nameof(NotifyActivity),
            $"Received order {orderId} for {order.Quantity} {order.Name} at ${order.PerItemCost}");

        if (!await context.CallActivityAsync<bool>(nameof(ReserveInventoryActivity), request, Retries))
        {
            return await EndAsync(false, $"Insufficient inventory for {order.Name}");
        }

        if (order.TotalCost > ApprovalThreshold)
        {
            await context.CallActivityAsync(nameof(RequestApprovalActivity), order);
            bool approved;
            try
            {
                approved = (await context.WaitForExternalEventAsync<ApprovalResult>(ApprovalEvent, ApprovalTimeout)).Approval;
            }
            catch (TaskCanceledException)
            {
                return await EndAsync(false, $"Payment for order {orderId} has been cancelled due to timeout!");
            }

            if (!approved)
            {
                return await EndAsync(false, $"Payment for order {orderId} has been rejected!");
            }
        }

        await context.CallActivityAsync(nameof(ProcessPaymentActivity), request);
        try
        {
            await context.CallActivityAsync(nameof(UpdateInventoryActivity), request, Retries);
        }
        catch (WorkflowTaskFailedException)
        {
            return await EndAsync(false, $"Order {orderId} Failed! You are now getting a refund");
        }

        return await EndAsync(true, $"Order {orderId} has completed!");
    }
}
