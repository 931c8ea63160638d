// The order-processor buys ten cars: it starts the order workflow, approves it, and waits for its end.
//
// ORDER_ID names the order; an app that is started again with it waits for the order that it began.
// RESTOCK=no leaves the stock as it is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/dapr/durabletask-go/api"
	"github.com/dapr/durabletask-go/workflow"
	"github.com/dapr/go-sdk/client"
	"github.com/google/uuid"
)

const (
	approveAfter = 2 * time.Second
	giveUpAfter  = 60 * time.Second
)

var daprClient client.Client

// patiently calls again while the sidecar is away.
func patiently(call func() error) {
	deadline := time.Now().Add(giveUpAfter)
	for {
		err := call()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			log.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func restock(ctx context.Context, inventory []InventoryItem) error {
	for _, item := range inventory {
		value, err := json.Marshal(item)
		if err != nil {
			return err
		}
		fmt.Printf("adding base stock item: %s\n", item.ItemName)
		// Redis keeps what was saved with first-write from everybody who has no ETag.
		if err := daprClient.DeleteState(ctx, storeName, item.ItemName, nil); err != nil {
			return err
		}
		if err := daprClient.SaveState(ctx, storeName, item.ItemName, value, nil); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	fmt.Println("*** Welcome to the Dapr Workflow console app sample!")
	fmt.Println("*** Using this app, you can place orders that start workflows.")
	ctx := context.Background()

	patiently(func() (err error) {
		daprClient, err = client.NewClient()
		return err
	})
	registry := workflow.NewRegistry()
	for _, err := range []error{
		registry.AddWorkflow(OrderProcessingWorkflow),
		registry.AddActivity(NotifyActivity),
		registry.AddActivity(VerifyInventoryActivity),
		registry.AddActivity(RequestApprovalActivity),
		registry.AddActivity(ProcessPaymentActivity),
		registry.AddActivity(UpdateInventoryActivity),
	} {
		if err != nil {
			log.Fatal(err)
		}
	}
	workflows, err := client.NewWorkflowClient()
	if err != nil {
		log.Fatal(err)
	}
	if err := workflows.StartWorker(ctx, registry); err != nil {
		log.Fatal(err)
	}

	inventory := []InventoryItem{
		{ItemName: "paperclip", PerItemCost: 5, Quantity: 100},
		{ItemName: "cars", PerItemCost: 15000, Quantity: 100},
		{ItemName: "computers", PerItemCost: 500, Quantity: 100},
	}
	order := OrderPayload{ItemName: "cars", Quantity: 10, TotalCost: 10 * inventory[1].PerItemCost}
	id := os.Getenv("ORDER_ID")
	if id == "" {
		id = uuid.NewString()
	}

	// A sidecar that is away says nothing about the order: only its answer does.
	exists := func() (bool, error) {
		_, err := workflows.FetchWorkflowMetadata(ctx, id)
		if errors.Is(err, api.ErrInstanceNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	var known bool
	patiently(func() (err error) {
		known, err = exists()
		return err
	})
	if !known && os.Getenv("RESTOCK") != "no" {
		patiently(func() error { return restock(ctx, inventory) })
	}
	fmt.Println("==========Begin the purchase of item:==========")
	patiently(func() error {
		if known, err := exists(); known || err != nil {
			return err
		}
		_, err := workflows.ScheduleWorkflow(ctx, "OrderProcessingWorkflow",
			workflow.WithInstanceID(id), workflow.WithInput(order))
		return err
	})

	began, approved := time.Now(), false
	for {
		var state *workflow.WorkflowMetadata
		patiently(func() (err error) {
			state, err = workflows.FetchWorkflowMetadata(ctx, id)
			return err
		})
		if workflow.WorkflowMetadataIsComplete(state) {
			fmt.Printf("Workflow completed - result: %s\n", state.String())
			fmt.Println("Purchase of item is complete")
			if state.RuntimeStatus != workflow.StatusCompleted {
				os.Exit(1)
			}
			return
		}
		if order.TotalCost > approvalThreshold && !approved && time.Since(began) > approveAfter {
			patiently(func() error {
				return workflows.RaiseEvent(ctx, id, approvalEvent, workflow.WithEventPayload(Approval{true}))
			})
			approved = true
		}
		time.Sleep(100 * time.Millisecond)
	}
}
