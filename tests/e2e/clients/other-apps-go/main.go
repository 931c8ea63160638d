// Two apps by durabletask-go: "payment" has an activity and a workflow, and "shop" uses them, from a workflow and as a client.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/dapr/durabletask-go/api"
	"github.com/dapr/durabletask-go/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// payment is the other app's id.
var payment = os.Getenv("PAYMENT")

func charge(ctx workflow.ActivityContext) (any, error) {
	var item string
	err := ctx.GetInput(&item)
	return "paid for the " + item, err
}

// approve waits for an event, and gives back what it says.
func approve(ctx *workflow.WorkflowContext) (any, error) {
	var said string
	err := ctx.WaitForExternalEvent("approval", time.Hour).Await(&said)
	return said, err
}

func double(ctx *workflow.WorkflowContext) (any, error) {
	var number int
	err := ctx.GetInput(&number)
	return 2 * number, err
}

func order(ctx *workflow.WorkflowContext) (any, error) {
	var paid string
	var doubled int
	if err := ctx.CallActivity("charge", workflow.WithActivityInput("anvil"),
		workflow.WithActivityAppID(payment)).Await(&paid); err != nil {
		return nil, err
	}
	if err := ctx.CallChildWorkflow("double", workflow.WithChildWorkflowInput(21),
		workflow.WithChildWorkflowAppID(payment)).Await(&doubled); err != nil {
		return nil, err
	}
	detached, err := ctx.ScheduleNewWorkflow("approve", workflow.WithDetachedWorkflowInstanceID("approval"),
		workflow.WithDetachedWorkflowAppID(payment))
	return []any{paid, doubled, detached}, err
}

func client(ctx context.Context, c *workflow.Client) {
	id, err := c.ScheduleWorkflow(ctx, "order")
	must(err)
	end, err := c.WaitForWorkflowCompletion(ctx, id, workflow.WithFetchPayloads(true))
	must(err)
	fmt.Println("ends with", end.Output.GetValue())

	// The detached workflow, by each operation of a client.
	_, err = c.WaitForWorkflowStart(ctx, "approval", workflow.WithFetchAppID(payment))
	must(err)
	must(c.SuspendWorkflow(ctx, "approval", "wait", workflow.WithSuspendAppID(payment)))
	state, err := c.FetchWorkflowMetadata(ctx, "approval", workflow.WithFetchAppID(payment))
	must(err)
	fmt.Println("is", state.String())
	must(c.ResumeWorkflow(ctx, "approval", "go on", workflow.WithResumeAppID(payment)))
	must(c.RaiseEvent(ctx, "approval", "approval", workflow.WithEventPayload("yes"), workflow.WithRaiseEventAppID(payment)))
	end, err = c.WaitForWorkflowCompletion(ctx, "approval", workflow.WithFetchPayloads(true), workflow.WithFetchAppID(payment))
	must(err)
	fmt.Println("approval says", end.Output.GetValue())
	must(c.PurgeWorkflowState(ctx, "approval", workflow.WithPurgeAppID(payment)))
	_, err = c.FetchWorkflowMetadata(ctx, "approval", workflow.WithFetchAppID(payment))
	fmt.Println("purged:", err == api.ErrInstanceNotFound)

	_, err = c.ScheduleWorkflow(ctx, "approve", workflow.WithInstanceID("second"), workflow.WithAppID(payment))
	must(err)
	must(c.TerminateWorkflow(ctx, "second", workflow.WithTerminateAppID(payment)))
	end, err = c.WaitForWorkflowCompletion(ctx, "second", workflow.WithFetchAppID(payment))
	must(err)
	fmt.Println("terminated:", end.RuntimeStatus)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	registry := workflow.NewRegistry()
	if os.Args[1] == "shop" {
		must(registry.AddWorkflowN("order", order))
	} else {
		must(registry.AddActivityN("charge", charge))
		must(registry.AddWorkflowN("approve", approve))
		must(registry.AddWorkflowN("double", double))
	}
	conn, err := grpc.NewClient("127.0.0.1:"+os.Getenv("DAPR_GRPC_PORT"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	c := workflow.NewClient(conn)
	must(c.StartWorker(ctx, registry))
	if os.Args[1] == "shop" {
		client(ctx, c)
	} else {
		<-ctx.Done()
	}
}
