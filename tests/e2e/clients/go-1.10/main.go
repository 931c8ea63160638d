// The order-processor as it was written with go-sdk 1.10, the first with workflows.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/dapr/go-sdk/client"
	"github.com/dapr/go-sdk/workflow"
	"github.com/google/uuid"
)

const (
	storeName       = "statestore"
	defaultItemName = "cars"
)

type OrderPayload struct {
	ItemName  string `json:"item_name"`
	TotalCost int    `json:"total_cost"`
	Quantity  int    `json:"quantity"`
}

type OrderResult struct {
	Processed bool `json:"processed"`
}

type InventoryItem struct {
	ItemName    string `json:"item_name"`
	PerItemCost int    `json:"per_item_cost"`
	Quantity    int    `json:"quantity"`
	LastOrder   string `json:"last_order,omitempty"`
}

type Request struct {
	OrderID  string `json:"order_id"`
	ItemName string `json:"item_name"`
	Quantity int    `json:"quantity"`
	Amount   int    `json:"amount"`
}

var daprClient client.Client

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	fmt.Println("*** Welcome to the Dapr Workflow console app sample!")
	fmt.Println("*** Using this app, you can place orders that start workflows.")
	ctx := context.Background()

	w, err := workflow.NewWorker()
	must(err)
	must(w.RegisterWorkflow(OrderProcessingWorkflow))
	must(w.RegisterActivity(NotifyActivity))
	must(w.RegisterActivity(RequestApprovalActivity))
	must(w.RegisterActivity(VerifyInventoryActivity))
	must(w.RegisterActivity(ProcessPaymentActivity))
	must(w.RegisterActivity(UpdateInventoryActivity))
	must(w.Start())

	daprClient, err = client.NewClient()
	must(err)
	wfClient, err := workflow.NewClient(workflow.WithDaprClient(daprClient))
	must(err)

	inventory := []InventoryItem{
		{ItemName: "paperclip", PerItemCost: 5, Quantity: 100},
		{ItemName: "cars", PerItemCost: 15000, Quantity: 100},
		{ItemName: "computers", PerItemCost: 500, Quantity: 100},
	}
	for _, item := range inventory {
		fmt.Printf("adding base stock item: %s\n", item.ItemName)
		must(writeStock(ctx, item, ""))
	}

	fmt.Println("==========Begin the purchase of item:==========")
	order := OrderPayload{ItemName: defaultItemName, Quantity: 10, TotalCost: inventory[1].PerItemCost * 10}
	id := os.Getenv("ORDER_ID")
	if id == "" {
		id = uuid.NewString()
	}
	id, err = wfClient.ScheduleNewWorkflow(ctx, "OrderProcessingWorkflow",
		workflow.WithInput(order), workflow.WithInstanceID(id))
	must(err)
	started, err := wfClient.WaitForWorkflowStart(ctx, id)
	must(err)
	if started.Name != "OrderProcessingWorkflow" || started.InstanceID != id {
		log.Fatalf("started %+v", started)
	}

	// The page asks after 10 seconds.
	approveAt := time.Now().Add(2 * time.Second)
	approvalSought := false
	for {
		metadata, err := wfClient.FetchWorkflowMetadata(ctx, id)
		must(err)
		if s := metadata.RuntimeStatus; s == workflow.StatusCompleted || s == workflow.StatusFailed || s == workflow.StatusTerminated {
			fmt.Printf("Workflow completed - result: %v\n", s)
			break
		}
		if !approvalSought && time.Now().After(approveAt) {
			approvalSought = true
			must(wfClient.RaiseEvent(ctx, id, "manager_approval"))
		}
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Println("Purchase of item is complete")

	metadata, err := wfClient.FetchWorkflowMetadata(ctx, id, workflow.WithFetchPayloads(true))
	must(err)
	if metadata.RuntimeStatus != workflow.StatusCompleted || metadata.SerializedOutput != `{"processed":true}` {
		log.Fatalf("ended as %+v", metadata)
	}
	must(w.Shutdown())
}

func OrderProcessingWorkflow(ctx *workflow.WorkflowContext) (any, error) {
	var order OrderPayload
	if err := ctx.GetInput(&order); err != nil {
		return nil, err
	}
	id := ctx.InstanceID()
	request := Request{id, order.ItemName, order.Quantity, order.TotalCost}
	notify := func(format string, args ...any) error {
		return ctx.CallActivity(NotifyActivity, workflow.ActivityInput(fmt.Sprintf(format, args...))).Await(nil)
	}

	if err := notify("Received order %s for %d %s - $%d", id, order.Quantity, order.ItemName, order.TotalCost); err != nil {
		return nil, err
	}
	var inStock bool
	if err := ctx.CallActivity(VerifyInventoryActivity, workflow.ActivityInput(request)).Await(&inStock); err != nil {
		return nil, err
	}
	if !inStock {
		return OrderResult{false}, notify("Insufficient inventory for %s", order.ItemName)
	}
	if order.TotalCost > 50000 {
		if err := ctx.CallActivity(RequestApprovalActivity, workflow.ActivityInput(request)).Await(nil); err != nil {
			return nil, err
		}
		if err := ctx.WaitForExternalEvent("manager_approval", 200*time.Second).Await(nil); err != nil {
			return OrderResult{false}, notify("Payment for order %s has been cancelled due to timeout!", id)
		}
		if err := notify("Payment for order %s has been approved!", id); err != nil {
			return nil, err
		}
	}
	if err := ctx.CallActivity(ProcessPaymentActivity, workflow.ActivityInput(request)).Await(nil); err != nil {
		return nil, err
	}
	if err := ctx.CallActivity(UpdateInventoryActivity, workflow.ActivityInput(request)).Await(nil); err != nil {
		return OrderResult{false}, notify("Order %s Failed!", id)
	}
	return OrderResult{true}, notify("Order %s has completed!", id)
}

func NotifyActivity(ctx workflow.ActivityContext) (any, error) {
	var message string
	if err := ctx.GetInput(&message); err != nil {
		return nil, err
	}
	fmt.Printf("NotifyActivity: %s\n", message)
	return nil, nil
}

func VerifyInventoryActivity(ctx workflow.ActivityContext) (any, error) {
	var r Request
	if err := ctx.GetInput(&r); err != nil {
		return nil, err
	}
	fmt.Printf("VerifyInventoryActivity: Verifying inventory for order %s of %d %s\n", r.OrderID, r.Quantity, r.ItemName)
	item, _, err := readStock(ctx.Context(), r.ItemName)
	if err != nil {
		return nil, err
	}
	fmt.Printf("VerifyInventoryActivity: There are %d %s available for purchase\n", item.Quantity, item.ItemName)
	return item.Quantity >= r.Quantity, nil
}

func RequestApprovalActivity(ctx workflow.ActivityContext) (any, error) {
	var r Request
	if err := ctx.GetInput(&r); err != nil {
		return nil, err
	}
	fmt.Printf("RequestApprovalActivity: Requesting approval for payment of %dUSD for %d %s\n", r.Amount, r.Quantity, r.ItemName)
	return nil, nil
}

func ProcessPaymentActivity(ctx workflow.ActivityContext) (any, error) {
	var r Request
	if err := ctx.GetInput(&r); err != nil {
		return nil, err
	}
	fmt.Printf("ProcessPaymentActivity: %s for %d - %s (%dUSD)\n", r.OrderID, r.Quantity, r.ItemName, r.Amount)
	return nil, nil
}

func UpdateInventoryActivity(ctx workflow.ActivityContext) (any, error) {
	var r Request
	if err := ctx.GetInput(&r); err != nil {
		return nil, err
	}
	fmt.Printf("UpdateInventoryActivity: Checking Inventory for order %s for %d * %s\n", r.OrderID, r.Quantity, r.ItemName)
	item, etag, err := readStock(ctx.Context(), r.ItemName)
	if err != nil {
		return nil, err
	}
	if item.LastOrder != r.OrderID {
		item.Quantity -= r.Quantity
		item.LastOrder = r.OrderID
		if err := writeStock(ctx.Context(), item, etag); err != nil {
			return nil, err
		}
	}
	fmt.Printf("UpdateInventoryActivity: There are now %d %s left in stock\n", item.Quantity, item.ItemName)
	return nil, nil
}

func readStock(ctx context.Context, name string) (item InventoryItem, etag string, err error) {
	state, err := daprClient.GetState(ctx, storeName, name, nil)
	if err != nil {
		return item, "", err
	}
	return item, state.Etag, json.Unmarshal(state.Value, &item)
}

func writeStock(ctx context.Context, item InventoryItem, etag string) error {
	value, err := json.Marshal(item)
	if err != nil {
		return err
	}
	if etag == "" {
		return daprClient.SaveState(ctx, storeName, item.ItemName, value, nil)
	}
	return daprClient.SaveStateWithETag(ctx, storeName, item.ItemName, value, etag, nil,
		client.WithConcurrency(client.StateConcurrencyFirstWrite))
}
