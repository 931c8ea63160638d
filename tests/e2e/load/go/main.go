// load runs many workflows at once, checks the result of each and prints one line of JSON about them.
//
// A workflow calls its activities one after the other, each with the result of the one before, or with
// -parallel all at the same time. Worker and client may be programs of their own: -mode worker serves until
// it is told to stop, -mode client starts workflows and waits for them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/dapr/durabletask-go/api"
	"github.com/dapr/durabletask-go/backend"
	"github.com/dapr/durabletask-go/client"
	"github.com/dapr/durabletask-go/task"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// plan is the input of a workflow.
type plan struct {
	Start, Activities int
	Parallel          bool
}

// want is the output of a workflow that went right.
func (p plan) want() int {
	if !p.Parallel {
		return p.Start + p.Activities
	}
	return p.Activities*p.Start + p.Activities*(p.Activities+1)/2
}

func addOne(ctx task.ActivityContext) (any, error) {
	var n int
	err := ctx.GetInput(&n)
	return n + 1, err
}

func run(ctx *task.OrchestrationContext) (any, error) {
	var p plan
	if err := ctx.GetInput(&p); err != nil {
		return nil, err
	}
	if !p.Parallel {
		n := p.Start
		for range p.Activities {
			if err := ctx.CallActivity("addOne", task.WithActivityInput(n)).Await(&n); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
	tasks := make([]task.Task, p.Activities)
	for i := range tasks {
		tasks[i] = ctx.CallActivity("addOne", task.WithActivityInput(p.Start+i))
	}
	sum := 0
	for _, t := range tasks {
		var n int
		if err := t.Await(&n); err != nil {
			return nil, err
		}
		sum += n
	}
	return sum, nil
}

// one starts a workflow, waits for its end and checks what it returned.
func one(ctx context.Context, hub *client.TaskHubGrpcClient, p plan) error {
	id, err := hub.ScheduleNewOrchestration(ctx, "run", api.WithInput(p))
	if err != nil {
		return err
	}
	end, err := hub.WaitForOrchestrationCompletion(ctx, id, api.WithFetchPayloads(true))
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	if got, want := end.Output.GetValue(), strconv.Itoa(p.want()); got != want {
		return fmt.Errorf("%s: %s with %q instead of %s", id, end.RuntimeStatus, got, want)
	}
	return nil
}

// percentile is the nearest rank in what is sorted, to a microsecond.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := max(int(math.Ceil(p*float64(len(sorted)))), 1)
	return math.Round(sorted[rank-1]*1000) / 1000
}

func main() {
	workflows := flag.Int("workflows", 1000, "workflows to run")
	activities := flag.Int("activities", 5, "activities of each")
	inFlight := flag.Int("in-flight", 100, "workflows at the same time")
	port := flag.Int("grpc-port", 50001, "gRPC port of the sidecar")
	parallel := flag.Bool("parallel", false, "call the activities of a workflow at the same time")
	mode := flag.String("mode", "both", "worker, client or both")
	flag.Parse()
	if *mode != "worker" && *mode != "client" && *mode != "both" {
		log.Fatalf("there is no mode %q: choose worker, client or both", *mode)
	}

	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", *port),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	registry := task.NewTaskRegistry()
	for _, err := range []error{registry.AddActivityN("addOne", addOne), registry.AddOrchestratorN("run", run)} {
		if err != nil {
			log.Fatal(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hub := client.NewTaskHubGrpcClient(conn, backend.DefaultLogger())
	if *mode != "client" {
		if err := hub.StartWorkItemListener(ctx, registry); err != nil {
			log.Fatal(err)
		}
	}
	if *mode == "worker" {
		<-ctx.Done()
		return
	}
	// The first workflow waits for the worker to be connected; it is not measured.
	if err := one(ctx, hub, plan{0, 1, false}); err != nil {
		log.Fatal(err)
	}

	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		millis []float64
		wrong  int
	)
	next := make(chan int)
	began := time.Now()
	for range *inFlight {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range next {
				start := time.Now()
				err := one(ctx, hub, plan{n, *activities, *parallel})
				took := float64(time.Since(start)) / float64(time.Millisecond)
				mu.Lock()
				if err == nil {
					millis = append(millis, took)
				} else if wrong++; wrong <= 10 {
					log.Print(err)
				}
				mu.Unlock()
			}
		}()
	}
	for n := range *workflows {
		next <- n
	}
	close(next)
	wg.Wait()
	seconds := time.Since(began).Seconds()

	slices.Sort(millis)
	done := len(millis) * *activities
	line, err := json.Marshal(struct {
		Workflows           int     `json:"workflows"`
		Activities          int     `json:"activities"`
		InFlight            int     `json:"in_flight"`
		Parallel            bool    `json:"parallel"`
		Completed           int     `json:"completed"`
		Wrong               int     `json:"wrong"`
		Seconds             float64 `json:"seconds"`
		WorkflowsPerSecond  float64 `json:"workflows_per_second"`
		ActivitiesPerSecond float64 `json:"activities_per_second"`
		P50                 float64 `json:"p50_ms"`
		P99                 float64 `json:"p99_ms"`
	}{*workflows, *activities, *inFlight, *parallel, len(millis), wrong, math.Round(seconds*1000) / 1000,
		math.Round(float64(len(millis)) / seconds), math.Round(float64(done) / seconds), percentile(millis, 0.5), percentile(millis, 0.99)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
	if wrong > 0 {
		os.Exit(1)
	}
}
