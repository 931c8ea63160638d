// load runs many workflows at once, checks the result of each and prints one line of JSON about them.
//
// What a workflow does is its -workload: "seq" calls activities one after the other, each with the result of the
// one before, "par" all at the same time; "events", "timers" and "children" wait for so many of them; "start" does
// nothing. Worker and client may be programs of their own: -mode worker serves until it is told to stop, -mode
// client starts workflows and waits for them. With -ledger both note what they did and what was acknowledged, and go on
// when the daemon goes away and comes back.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
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
	Workload     string
	Start, Steps int
	Pad          string
}

// step is what goes into a step and comes out of it.
type step struct {
	N   int
	Pad string
}

// want is the output of a workflow that went right.
func (p plan) want() int {
	if p.Workload == "par" {
		return p.Steps*p.Start + p.Steps*(p.Steps+1)/2
	}
	return p.Start + p.Steps
}

func addOne(ctx task.ActivityContext) (any, error) {
	var s step
	err := ctx.GetInput(&s)
	s.N++
	return s, err
}

func child(ctx *task.OrchestrationContext) (any, error) {
	var s step
	err := ctx.GetInput(&s)
	s.N++
	return s, err
}

func run(ctx *task.OrchestrationContext) (any, error) {
	var p plan
	if err := ctx.GetInput(&p); err != nil {
		return nil, err
	}
	s := step{p.Start, p.Pad}
	var err error
	switch p.Workload {
	case "par":
		return runParallel(ctx, p)
	case "start":
		s.N += p.Steps
	case "seq":
		for i := 0; i < p.Steps && err == nil; i++ {
			err = ctx.CallActivity("addOne", task.WithActivityInput(s)).Await(&s)
		}
	case "children":
		for i := 0; i < p.Steps && err == nil; i++ {
			err = ctx.CallSubOrchestrator("child", task.WithSubOrchestratorInput(s)).Await(&s)
		}
	case "events":
		for i := 0; i < p.Steps && err == nil; i++ {
			err = ctx.WaitForSingleEvent("go", -1).Await(&s)
		}
	case "timers":
		for i := 0; i < p.Steps && err == nil; i++ {
			err = ctx.CreateTimer(time.Millisecond).Await(nil)
			s.N++
		}
	}
	return s.N, err
}

func runParallel(ctx *task.OrchestrationContext, p plan) (any, error) {
	tasks := make([]task.Task, p.Steps)
	for i := range tasks {
		tasks[i] = ctx.CallActivity("addOne", task.WithActivityInput(step{p.Start + i, p.Pad}))
	}
	sum := 0
	for _, t := range tasks {
		var s step
		if err := t.Await(&s); err != nil {
			return nil, err
		}
		sum += s.N
	}
	return sum, nil
}

// refused is the error of a start that the sidecar did not accept.
type refused struct{ error }

// one starts a workflow, waits for its end and checks what it returned.
func one(ctx context.Context, hub *client.TaskHubGrpcClient, p plan) error {
	id, err := hub.ScheduleNewOrchestration(ctx, "run", api.WithInput(p))
	if err != nil {
		return refused{err}
	}
	for i := 1; p.Workload == "events" && i <= p.Steps; i++ {
		if err := hub.RaiseEvent(ctx, id, "go", api.WithEventPayload(step{p.Start + i, p.Pad})); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
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

// used tells the processor time of this process in microseconds, and its memory in KiB.
func used() (cpu int64, rss int64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000, usage.Maxrss
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
	seconds := flag.Float64("seconds", 0, "start workflows for so long instead")
	workload := flag.String("workload", "seq", "seq, par, events, timers, children or start")
	activities := flag.Int("activities", 5, "activities, or other steps, of each")
	payload := flag.Int("payload", 0, "bytes to put into the input and the result of each step")
	inFlight := flag.Int("in-flight", 100, "workflows at the same time")
	port := flag.Int("grpc-port", 50001, "gRPC port of the sidecar")
	mode := flag.String("mode", "both", "worker, client or both")
	tolerate := flag.Bool("tolerate", false, "only count starts that are refused")
	ledgerPath := flag.String("ledger", "", "a file to note in, see ledger.go; the client then starts workflows until it is told to stop")
	name := flag.String("name", "go", "what the ids of workflows begin with that go into the ledger")
	flag.Parse()
	if *mode != "worker" && *mode != "client" && *mode != "both" {
		log.Fatalf("there is no mode %q: choose worker, client or both", *mode)
	}
	if !slices.Contains([]string{"seq", "par", "events", "timers", "children", "start"}, *workload) {
		log.Fatalf("there is no workload %q", *workload)
	}

	dial := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	registry := task.NewTaskRegistry()
	errs := []error{registry.AddActivityN("addOne", addOne), registry.AddOrchestratorN("run", run),
		registry.AddOrchestratorN("child", child)}
	var notes *ledger
	if *ledgerPath != "" {
		notes = openLedger(*ledgerPath)
		dial = append(dial, notes.options()...)
		errs = append(errs, notes.register(registry))
	}
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", *port), dial...)
	if err := errors.Join(append(errs, err)...); err != nil {
		log.Fatal(err)
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
	if notes != nil {
		notes.run(ctx, hub, *name, *inFlight)
		return
	}
	// The first workflow waits for the worker to be connected; it is not measured.
	var no refused
	err = one(ctx, hub, plan{Workload: "seq", Steps: 1})
	for tries := 0; *tolerate && errors.As(err, &no) && tries < 20; tries++ {
		time.Sleep(100 * time.Millisecond)
		err = one(ctx, hub, plan{Workload: "seq", Steps: 1})
	}
	if err != nil && !(*tolerate && errors.As(err, &no)) {
		log.Fatal(err)
	}

	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		millis []float64
		wrong  int
		// starts that were refused
		refusals int
	)
	next, pad := make(chan int), strings.Repeat("x", *payload)
	cpu, _ := used()
	began := time.Now()
	for range *inFlight {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range next {
				start := time.Now()
				err := one(ctx, hub, plan{*workload, n, *activities, pad})
				took := float64(time.Since(start)) / float64(time.Millisecond)
				var no refused
				mu.Lock()
				switch {
				case err == nil:
					millis = append(millis, took)
				case *tolerate && errors.As(err, &no):
					if refusals++; refusals == 1 {
						log.Print(err)
					}
				default:
					if wrong++; wrong <= 10 {
						log.Print(err)
					}
				}
				mu.Unlock()
				if errors.As(err, &no) {
					time.Sleep(10 * time.Millisecond)
				}
			}
		}()
	}
	more := func(n int) bool { return n < *workflows }
	if *seconds > 0 {
		more = func(int) bool { return time.Since(began).Seconds() < *seconds }
	}
	for n := 0; more(n); n++ {
		next <- n
	}
	close(next)
	wg.Wait()
	took := time.Since(began).Seconds()
	cpuEnd, rss := used()

	slices.Sort(millis)
	done := len(millis) * *activities
	line, err := json.Marshal(map[string]any{
		"workload": *workload, "activities": *activities, "payload": *payload, "in_flight": *inFlight,
		"completed": len(millis), "refused": refusals, "wrong": wrong, "seconds": math.Round(took*1000) / 1000,
		"workflows_per_second":  math.Round(float64(len(millis)) / took),
		"activities_per_second": math.Round(float64(done) / took),
		"p50_ms":                percentile(millis, 0.5), "p99_ms": percentile(millis, 0.99), "p999_ms": percentile(millis, 0.999),
		"cpu_us": cpuEnd - cpu, "rss_kib": rss,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
	if wrong > 0 {
		os.Exit(1)
	}
}
