package orders;

/** What travels between workflow, activities and the state store. */
public final class Model {

  private Model() {}

  public record OrderPayload(String itemName, int totalCost, int quantity) {
    @Override
    public String toString() {
      return "OrderPayload [itemName=%s, totalCost=%d, quantity=%d]".formatted(itemName, totalCost, quantity);
    }
  }

  public record OrderResult(boolean processed) {}

  public record Request(String orderId, String itemName, int quantity, int amount) {}

  public record Approval(boolean approval) {}

  /** Kept in the state store under its name; the last order that changed it comes along. */
  public record InventoryItem(String name, int perItemCost, int quantity, String lastOrder) {}
}
