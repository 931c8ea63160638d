package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dapr/durabletask-go/workflow"
	"github.com/dapr/go-sdk/client"
)

const (
	storeName         = "statestore"
	approvalEvent     = "manager_approval"
	approvalThreshold = 50000
	approvalTimeout   = 200 * time.Second
)

// What reads or writes the stock may find the sidecar away.
var retries = workflow.WithActivityRetryPolicy(&workflow.RetryPolicy{
	MaxAttempts:          5,
	InitialRetryInterval: time.Second,
})

// OrderProcessingWorkflow verifies the stock, asks for approval of dear orders, takes the payment and
// updates the stock.
func OrderProcessingWorkflow(ctx *workflow.WorkflowContext) (any, error) {
	var order OrderPayload
	if err := ctx.GetInput(&order); err != nil {
		return nil, err
	}
	id := ctx.ID()
	request := Request{id, order.ItemName, order.Quantity, order.TotalCost}
	notify := func(format string, args ...any) error {
		return ctx.CallActivity(NotifyActivity,
			workflow.WithActivityInput(fmt.Sprintf(format, args...))).Await(nil)
	}

	if err := notify("Received order %s for %d %s - $%d", id, order.Quantity, order.ItemName, order.TotalCost); err != nil {
		return nil, err
	}
	var inStock bool
	if err := ctx.CallActivity(VerifyInventoryActivity, workflow.WithActivityInput(request), retries).Await(&inStock); err != nil {
		return nil, err
	}
	if !inStock {
		return OrderResult{false}, notify("Insufficient inventory for %s", order.ItemName)
	}

	if order.TotalCost > approvalThreshold {
		if err := ctx.CallActivity(RequestApprovalActivity, workflow.WithActivityInput(request)).Await(nil); err != nil {
			return nil, err
		}
		var approval Approval
		if err := ctx.WaitForExternalEvent(approvalEvent, approvalTimeout).Await(&approval); err != nil {
			return OrderResult{false}, notify("Payment for order %s has been cancelled due to timeout!", id)
		}
		if !approval.Approval {
			return OrderResult{false}, notify("Payment for order %s has been rejected!", id)
		}
		if err := notify("Payment for order %s has been approved!", id); err != nil {
			return nil, err
		}
	}

	if err := ctx.CallActivity(ProcessPaymentActivity, workflow.WithActivityInput(request)).Await(nil); err != nil {
		return nil, err
	}
	if err := ctx.CallActivity(UpdateInventoryActivity, workflow.WithActivityInput(request), retries).Await(nil); err != nil {
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
	var request Request
	if err := ctx.GetInput(&request); err != nil {
		return nil, err
	}
	fmt.Printf("VerifyInventoryActivity: Verifying inventory for order %s of %d %s\n",
		request.OrderID, request.Quantity, request.ItemName)
	item, _, err := readStock(ctx.Context(), request.ItemName)
	if err != nil {
		return nil, err
	}
	fmt.Printf("VerifyInventoryActivity: There are %d %s available for purchase\n", item.Quantity, item.ItemName)
	return item.Quantity >= request.Quantity, nil
}

func RequestApprovalActivity(ctx workflow.ActivityContext) (any, error) {
	var request Request
	if err := ctx.GetInput(&request); err != nil {
		return nil, err
	}
	fmt.Printf("RequestApprovalActivity: Requesting approval for payment of %dUSD for %d %s\n",
		request.Amount, request.Quantity, request.ItemName)
	return nil, nil
}

func ProcessPaymentActivity(ctx workflow.ActivityContext) (any, error) {
	var request Request
	if err := ctx.GetInput(&request); err != nil {
		return nil, err
	}
	fmt.Printf("ProcessPaymentActivity: %s for %d - %s (%dUSD)\n",
		request.OrderID, request.Quantity, request.ItemName, request.Amount)
	return nil, nil
}

// UpdateInventoryActivity takes the order's items from the stock. An activity runs again when its
// worker dies before it could answer, so the stock remembers the order that changed it last, and the
// ETag keeps two orders from overwriting each other.
func UpdateInventoryActivity(ctx workflow.ActivityContext) (any, error) {
	var request Request
	if err := ctx.GetInput(&request); err != nil {
		return nil, err
	}
	fmt.Printf("UpdateInventoryActivity: Checking Inventory for order %s for %d * %s\n",
		request.OrderID, request.Quantity, request.ItemName)
	item, etag, err := readStock(ctx.Context(), request.ItemName)
	if err != nil {
		return nil, err
	}
	if item.LastOrder != request.OrderID {
		if item.Quantity < request.Quantity {
			return nil, errors.New("the stock is too low by now")
		}
		item.Quantity -= request.Quantity
		item.LastOrder = request.OrderID
		value, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		err = daprClient.SaveStateWithETag(ctx.Context(), storeName, item.ItemName, value, etag, nil,
			client.WithConcurrency(client.StateConcurrencyFirstWrite))
		if err != nil {
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
