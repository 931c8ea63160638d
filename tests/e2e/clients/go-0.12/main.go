// The order-processor written with durabletask-go 0.12, and a second workflow that is managed by hand.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/dapr/durabletask-go/api"
	"github.com/dapr/durabletask-go/workflow"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
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

type Approval struct {
	Approval bool `json:"approval"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func port(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	fmt.Println("*** Welcome to the Dapr Workflow console app sample!")
	fmt.Println("*** Using this app, you can place orders that start workflows.")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	registry := workflow.NewRegistry()
	must(registry.AddWorkflow(OrderProcessingWorkflow))
	must(registry.AddWorkflow(PatientWorkflow))
	must(registry.AddActivity(NotifyActivity))
	must(registry.AddActivity(RequestApprovalActivity))
	must(registry.AddActivity(VerifyInventoryActivity))
	must(registry.AddActivity(ProcessPaymentActivity))
	must(registry.AddActivity(UpdateInventoryActivity))
	conn, err := grpc.NewClient("127.0.0.1:"+port("DAPR_GRPC_PORT", "50001"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	workflows := workflow.NewClient(conn)
	must(workflows.StartWorker(ctx, registry))

	cars := InventoryItem{ItemName: "cars", PerItemCost: 15000, Quantity: 100}
	fmt.Printf("adding base stock item: %s\n", cars.ItemName)
	must(writeStock(cars, ""))

	fmt.Println("==========Begin the purchase of item:==========")
	order := OrderPayload{ItemName: cars.ItemName, Quantity: 10, TotalCost: 10 * cars.PerItemCost}
	id := os.Getenv("ORDER_ID")
	if id == "" {
		id = uuid.NewString()
	}
	_, err = workflows.ScheduleWorkflow(ctx, "OrderProcessingWorkflow",
		workflow.WithInput(order), workflow.WithInstanceID(id))
	must(err)
	_, err = workflows.WaitForWorkflowStart(ctx, id)
	must(err)
	time.Sleep(2 * time.Second)
	must(workflows.RaiseEvent(ctx, id, "manager_approval", workflow.WithEventPayload(Approval{true})))
	end, err := workflows.WaitForWorkflowCompletion(ctx, id, workflow.WithFetchPayloads(true))
	must(err)
	fmt.Printf("Workflow completed - result: %s\n", end.String())
	if end.RuntimeStatus != workflow.StatusCompleted || end.Output.GetValue() != `{"processed":true}` {
		log.Fatalf("ended with %s", end.Output.GetValue())
	}
	fmt.Println("Purchase of item is complete")

	manage(ctx, workflows)
	look(ctx, workflows, id)
}

// look reads the history of the order, and finds the order among all instances.
func look(ctx context.Context, workflows *workflow.Client, id string) {
	history, err := workflows.GetInstanceHistory(ctx, id)
	must(err)
	last := history.Events[len(history.Events)-1].GetExecutionCompleted()
	if last.GetResult().GetValue() != `{"processed":true}` {
		log.Fatalf("the history ends with %v", last)
	}
	_, err = workflows.GetInstanceHistory(ctx, "nobody")
	if status.Code(err) != codes.NotFound {
		log.Fatalf("the history of nobody: %v", err)
	}
	other, err := workflows.ScheduleWorkflow(ctx, "PatientWorkflow")
	must(err)
	var all []string
	options := []workflow.ListInstanceIDsOptions{workflow.WithListInstanceIDsPageSize(1)}
	for {
		page, err := workflows.ListInstanceIDs(ctx, options...)
		must(err)
		all = append(all, page.InstanceIds...)
		if page.ContinuationToken == nil {
			break
		}
		options = append(options[:1], workflow.WithListInstanceIDsContinuationToken(*page.ContinuationToken))
	}
	if len(all) != 2 || !slices.Contains(all, id) || !slices.Contains(all, other) {
		log.Fatalf("the instances are %v, not %s and %s", all, id, other)
	}
	_, err = workflows.ScheduleWorkflow(ctx, "PatientWorkflow", workflow.WithInstanceID(other))
	if status.Code(err) != codes.AlreadyExists {
		log.Fatalf("an id that is in use: %v", err)
	}
	must(workflows.TerminateWorkflow(ctx, other))
	_, err = workflows.WaitForWorkflowCompletion(ctx, other)
	must(err)
	_, err = workflows.ScheduleWorkflow(ctx, "PatientWorkflow", workflow.WithInstanceID(other))
	must(err)
	must(workflows.TerminateWorkflow(ctx, other))
	rerun(ctx, workflows, id, history)
}

// rerun runs the order again from its last activity on, with another text to print.
func rerun(ctx context.Context, workflows *workflow.Client, id string, history *workflow.GetInstanceHistoryResponse) {
	var last uint32
	for _, event := range history.Events {
		if event.GetTaskScheduled() != nil {
			last = uint32(event.EventId)
		}
	}
	again, err := workflows.RerunWorkflowFromEvent(ctx, id, last,
		workflow.WithRerunNewInstanceID(id+"-again"), workflow.WithRerunInput("the order is run again"))
	must(err)
	end, err := workflows.WaitForWorkflowCompletion(ctx, again, workflow.WithFetchPayloads(true))
	must(err)
	if again != id+"-again" || end.RuntimeStatus != workflow.StatusCompleted || end.Output.GetValue() != `{"processed":true}` {
		log.Fatalf("the rerun %s ended with %v", again, end)
	}
	_, err = workflows.RerunWorkflowFromEvent(ctx, id, last+1, workflow.WithRerunNewInstanceID(id+"-not"))
	if status.Code(err) != codes.NotFound {
		log.Fatalf("a rerun from nothing: %v", err)
	}
}

// manage takes a workflow through suspension and termination to its purge.
func manage(ctx context.Context, workflows *workflow.Client) {
	id, err := workflows.ScheduleWorkflow(ctx, "PatientWorkflow")
	must(err)
	expect := func(status api.OrchestrationStatus) {
		for {
			now, err := workflows.FetchWorkflowMetadata(ctx, id)
			must(err)
			if now.RuntimeStatus == status {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	expect(workflow.StatusRunning)
	must(workflows.SuspendWorkflow(ctx, id, "for a while"))
	expect(workflow.StatusSuspended)
	must(workflows.ResumeWorkflow(ctx, id, "again"))
	expect(workflow.StatusRunning)
	must(workflows.TerminateWorkflow(ctx, id, workflow.WithOutput("enough")))
	expect(workflow.StatusTerminated)
	must(workflows.PurgeWorkflowState(ctx, id))
	if _, err := workflows.FetchWorkflowMetadata(ctx, id); !errors.Is(err, api.ErrInstanceNotFound) {
		log.Fatalf("after the purge: %v", err)
	}
}

func PatientWorkflow(ctx *workflow.WorkflowContext) (any, error) {
	return nil, ctx.WaitForExternalEvent("never", -1).Await(nil)
}

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
	if err := ctx.CallActivity(VerifyInventoryActivity, workflow.WithActivityInput(request)).Await(&inStock); err != nil {
		return nil, err
	}
	if !inStock {
		return OrderResult{false}, notify("Insufficient inventory for %s", order.ItemName)
	}
	if order.TotalCost > 50000 {
		if err := ctx.CallActivity(RequestApprovalActivity, workflow.WithActivityInput(request)).Await(nil); err != nil {
			return nil, err
		}
		var approval Approval
		if err := ctx.WaitForExternalEvent("manager_approval", 200*time.Second).Await(&approval); err != nil {
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
	if err := ctx.CallActivity(UpdateInventoryActivity, workflow.WithActivityInput(request)).Await(nil); err != nil {
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
	item, _, err := readStock(r.ItemName)
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
	item, etag, err := readStock(r.ItemName)
	if err != nil {
		return nil, err
	}
	if item.LastOrder != r.OrderID {
		item.Quantity -= r.Quantity
		item.LastOrder = r.OrderID
		if err := writeStock(item, etag); err != nil {
			return nil, err
		}
	}
	fmt.Printf("UpdateInventoryActivity: There are now %d %s left in stock\n", item.Quantity, item.ItemName)
	return nil, nil
}

// durabletask-go knows workflows only; the stock is read and written over HTTP.
func stockURL() string {
	return "http://127.0.0.1:" + port("DAPR_HTTP_PORT", "3500") + "/v1.0/state/statestore"
}

func readStock(name string) (item InventoryItem, etag string, err error) {
	resp, err := http.Get(stockURL() + "/" + name)
	if err != nil {
		return item, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return item, "", errors.New(resp.Status)
	}
	return item, resp.Header.Get("ETag"), json.NewDecoder(resp.Body).Decode(&item)
}

func writeStock(item InventoryItem, etag string) error {
	entry := map[string]any{"key": item.ItemName, "value": item}
	if etag != "" {
		entry["etag"] = etag
		entry["options"] = map[string]string{"concurrency": "first-write"}
	}
	body, err := json.Marshal([]any{entry})
	if err != nil {
		return err
	}
	resp, err := http.Post(stockURL(), "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}
