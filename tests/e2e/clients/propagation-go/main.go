// Histories that go along with calls, by durabletask-go: an order is paid for and audited, and a child of it looks back.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/dapr/durabletask-go/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// told is the scope, the workflows of the chain, and what the order's payment gave.
func told(history *workflow.PropagatedHistory) (string, error) {
	var names []string
	for _, w := range history.GetWorkflows() {
		names = append(names, w.Name)
	}
	order, err := history.GetLastWorkflowByName("order")
	if err != nil {
		return "", err
	}
	paid, err := order.GetLastActivityByName("charge")
	if err != nil {
		return "", err
	}
	scope := strings.TrimPrefix(history.Scope().String(), "HISTORY_PROPAGATION_SCOPE_")
	return fmt.Sprintf("%s %s: %s", strings.TrimSuffix(scope, "_HISTORY"), strings.Join(names, " "),
		strings.Trim(paid.Output.GetValue(), `"`)), nil
}

func charge(ctx workflow.ActivityContext) (any, error) { return "paid", nil }

func audit(ctx workflow.ActivityContext) (any, error) { return told(ctx.GetPropagatedHistory()) }

func nothing(ctx workflow.ActivityContext) (any, error) {
	return ctx.GetPropagatedHistory() == nil, nil
}

func order(ctx *workflow.WorkflowContext) (any, error) {
	var audited, shipped string
	var none bool
	if err := ctx.CallActivity("charge").Await(nil); err != nil {
		return nil, err
	}
	if err := ctx.CallActivity("audit",
		workflow.WithHistoryPropagation(workflow.PropagateOwnHistory())).Await(&audited); err != nil {
		return nil, err
	}
	if err := ctx.CallChildWorkflow("ship",
		workflow.WithHistoryPropagation(workflow.PropagateLineage())).Await(&shipped); err != nil {
		return nil, err
	}
	if err := ctx.CallActivity("nothing").Await(&none); err != nil {
		return nil, err
	}
	return []any{audited, shipped, none}, nil
}

func ship(ctx *workflow.WorkflowContext) (any, error) {
	if _, err := told(ctx.GetPropagatedHistory()); err != nil {
		return nil, err
	}
	var said string
	err := ctx.CallActivity("audit", workflow.WithHistoryPropagation(workflow.PropagateLineage())).Await(&said)
	return said, err
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	registry := workflow.NewRegistry()
	must(registry.AddWorkflowN("order", order))
	must(registry.AddWorkflowN("ship", ship))
	must(registry.AddActivityN("charge", charge))
	must(registry.AddActivityN("audit", audit))
	must(registry.AddActivityN("nothing", nothing))
	conn, err := grpc.NewClient("127.0.0.1:"+os.Getenv("DAPR_GRPC_PORT"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	client := workflow.NewClient(conn)
	must(client.StartWorker(ctx, registry))
	id, err := client.ScheduleWorkflow(ctx, "order")
	must(err)
	end, err := client.WaitForWorkflowCompletion(ctx, id, workflow.WithFetchPayloads(true))
	must(err)
	fmt.Println("ends with", end.Output.GetValue())
}
