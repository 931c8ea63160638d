namespace WorkflowConsoleApp;

// What travels between workflow, activities and the state store.

public record OrderPayload(string Name, int PerItemCost, int Quantity)
{
    public int TotalCost => PerItemCost * Quantity;
}

public record OrderResult(bool Processed);

public record Request(string OrderId, string Name, int Quantity, int PerItemCost);

public record ApprovalResult(bool Approval);

/// <summary>Kept in the state store under its name; the last order that changed it comes along.</summary>
public record InventoryItem(string Name, int PerItemCost, int Quantity, string? LastOrder = null);
