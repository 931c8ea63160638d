package orders;

import io.dapr.client.DaprClient;
import io.dapr.client.DaprClientBuilder;
import io.dapr.client.domain.State;
import io.dapr.client.domain.StateOptions;
import orders.Model.InventoryItem;

/** The inventory, in the app's state store. */
final class Stock {

  private static final String STORE = "statestore";
  private static final StateOptions FIRST_WRITE =
      new StateOptions(StateOptions.Consistency.STRONG, StateOptions.Concurrency.FIRST_WRITE);
  private static final DaprClient CLIENT = new DaprClientBuilder().build();

  private Stock() {}

  static State<InventoryItem> get(String name) {
    return CLIENT.getState(STORE, name, InventoryItem.class).block();
  }

  /** Redis keeps what was saved with first-write from everybody who has no ETag: so it goes first. */
  static void put(InventoryItem item) {
    CLIENT.deleteState(STORE, item.name()).block();
    CLIENT.saveState(STORE, item.name(), item).block();
  }

  /** Replaces what was read; fails when somebody else has changed it since. */
  static void replace(State<InventoryItem> read, InventoryItem item) {
    CLIENT.saveState(STORE, item.name(), read.getEtag(), item, FIRST_WRITE).block();
  }
}
