using Dapr.Client;
using Dapr.Workflow;
using Microsoft.Extensions.Logging;

namespace WorkflowConsoleApp.Activities;

public sealed class NotifyActivity(ILogger<NotifyActivity> logger) : WorkflowActivity<string, object?>
{
    public override Task<object?> RunAsync(WorkflowActivityContext context, string message)
    {
        logger.LogInformation("{Message}", message);
        return Task.FromResult<object?>(null);
    }
}

public sealed class ReserveInventoryActivity(ILogger<ReserveInventoryActivity> logger, DaprClient client)
    : WorkflowActivity<Request, bool>
{
    public override async Task<bool> RunAsync(WorkflowActivityContext context, Request request)
    {
        logger.LogInformation("Reserving inventory for order {OrderId} of {Quantity} {Name}",
            request.OrderId, request.Quantity, request.Name);
        var item = await client.GetStateAsync<InventoryItem?>(Stock.StoreName, Stock.Key(request.Name));
        if (item is null)
        {
            return false;
        }

        logger.LogInformation("There are: {Quantity}, {Name} available for purchase", item.Quantity, item.Name);
        return item.Quantity >= request.Quantity;
    }
}

public sealed class RequestApprovalActivity(ILogger<RequestApprovalActivity> logger) : WorkflowActivity<OrderPayload, object?>
{
    public override Task<object?> RunAsync(WorkflowActivityContext context, OrderPayload order)
    {
        logger.LogInformation("Requesting approval for payment of ${Amount} for {Quantity} {Name}",
            order.TotalCost, order.Quantity, order.Name);
        return Task.FromResult<object?>(null);
    }
}

public sealed class ProcessPaymentActivity(ILogger<ProcessPaymentActivity> logger) : WorkflowActivity<Request, object?>
{
    public override Task<object?> RunAsync(WorkflowActivityContext context, Request request)
    {
        logger.LogInformation("Processing payment: {OrderId} for {Quantity} {Name} at ${PerItemCost}",
            request.OrderId, request.Quantity, request.Name, request.PerItemCost);
        logger.LogInformation("Payment for request ID '{OrderId}' processed successfully", request.OrderId);
        return Task.FromResult<object?>(null);
    }
}

/// <summary>
/// Takes the order's items from the stock. An activity runs again when its worker dies before it could
/// answer, so the stock remembers the order that changed it last, and the ETag keeps two orders from
/// overwriting each other.
/// </summary>
public sealed class UpdateInventoryActivity(ILogger<UpdateInventoryActivity> logger, DaprClient client)
    : WorkflowActivity<Request, object?>
{
    public override async Task<object?> RunAsync(WorkflowActivityContext context, Request request)
    {
        logger.LogInformation("Checking Inventory for: Order# {OrderId} for {Quantity} {Name}",
            request.OrderId, request.Quantity, request.Name);
        var key = Stock.Key(request.Name);
        var (item, etag) = await client.GetStateAndETagAsync<InventoryItem>(Stock.StoreName, key);
        if (item.LastOrder != request.OrderId)
        {
            if (item.Quantity < request.Quantity)
            {
                throw new InvalidOperationException("The stock is too low by now.");
            }

            item = item with { Quantity = item.Quantity - request.Quantity, LastOrder = request.OrderId };
            if (!await client.TrySaveStateAsync(Stock.StoreName, key, item, etag,
                    new StateOptions { Concurrency = ConcurrencyMode.FirstWrite }))
            {
                throw new InvalidOperationException("The stock was changed by somebody else.");
            }
        }

        logger.LogInformation("There are now: {Quantity} {Name} left in stock", item.Quantity, item.Name);
        return null;
    }
}

public static class Stock
{
    public const string StoreName = "statestore";

    public static string Key(string name) => name.ToLowerInvariant();
}
