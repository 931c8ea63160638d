// Buys ten cars: starts the order workflow, approves it, and waits for its end. ORDER_ID names the order;
// an app that is started again with it waits for the order that it began. RESTOCK=no leaves the stock as it is.
using Dapr.Client;
using Dapr.Workflow;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkflowConsoleApp;
using WorkflowConsoleApp.Activities;

var approveAfter = TimeSpan.FromSeconds(2);
var giveUpAfter = TimeSpan.FromSeconds(60);

var builder = Host.CreateApplicationBuilder(args);
builder.Logging.AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);
builder.Services.AddSingleton(new DaprClientBuilder().Build());
builder.Services.AddDaprWorkflow(options =>
{
    options.RegisterWorkflow<OrderProcessingWorkflow>();
    options.RegisterActivity<NotifyActivity>();
    options.RegisterActivity<ReserveInventoryActivity>();
    options.RegisterActivity<RequestApprovalActivity>();
    options.RegisterActivity<ProcessPaymentActivity>();
    options.RegisterActivity<UpdateInventoryActivity>();
});
using var host = builder.Build();
await host.StartAsync();
var dapr = host.Services.GetRequiredService<DaprClient>();
var workflows = host.Services.GetRequiredService<DaprWorkflowClient>();

var item = new InventoryItem("Cars", PerItemCost: 15000, Quantity: 100);
var order = new OrderPayload(item.Name, item.PerItemCost, Quantity: 10);
var orderId = Environment.GetEnvironmentVariable("ORDER_ID") is { Length: > 0 } given
    ? given
    : Guid.NewGuid().ToString()[..8];

if (!await PatientlyAsync(ExistsAsync))
{
    if (Environment.GetEnvironmentVariable("RESTOCK") != "no")
    {
        await PatientlyAsync(async () =>
        {
            // Redis keeps what was saved with first-write from everybody who has no ETag.
            await dapr.DeleteStateAsync(Stock.StoreName, Stock.Key(item.Name));
            await dapr.SaveStateAsync(Stock.StoreName, Stock.Key(item.Name), item);
            return true;
        });
    }

    Console.WriteLine("Starting workflow {0} purchasing {1} {2}", orderId, order.Quantity, order.Name);
    await PatientlyAsync(async () =>
    {
        if (!await ExistsAsync())
        {
            await workflows.ScheduleNewWorkflowAsync(nameof(OrderProcessingWorkflow), orderId, order);
        }

        return true;
    });
}

var state = await PatientlyAsync(() => workflows.WaitForWorkflowStartAsync(orderId));
Console.WriteLine("Your workflow has started. Here is the status of the workflow: {0}", state.RuntimeStatus);

var approveAt = DateTime.UtcNow + approveAfter;
var approved = order.TotalCost <= OrderProcessingWorkflow.ApprovalThreshold;
while (!state.IsWorkflowCompleted)
{
    if (!approved && DateTime.UtcNow > approveAt)
    {
        await PatientlyAsync(async () =>
        {
            await workflows.RaiseEventAsync(orderId, OrderProcessingWorkflow.ApprovalEvent, new ApprovalResult(true));
            return true;
        });
        approved = true;
    }

    await Task.Delay(100);
    state = await PatientlyAsync(async () =>
        await workflows.GetWorkflowStateAsync(orderId)
        ?? throw new InvalidOperationException($"The workflow {orderId} does not exist."));
}

Console.WriteLine("Workflow Status: {0}", state.RuntimeStatus);
await host.StopAsync();
return state.RuntimeStatus == WorkflowRuntimeStatus.Completed ? 0 : 1;

async Task<bool> ExistsAsync() => await workflows.GetWorkflowStateAsync(orderId) is { Exists: true };

// Calls again while the sidecar is away.
async Task<T> PatientlyAsync<T>(Func<Task<T>> call)
{
    var deadline = DateTime.UtcNow + giveUpAfter;
    while (true)
    {
        try
        {
            return await call();
        }
        catch (Exception) when (DateTime.UtcNow < deadline)
        {
            await Task.Delay(200);
        }
    }
}
