package main

import (
	"context"
	"fmt"
	"log"
	"math/rand"
	"os"
	"sync"
	"time"

	"github.com/dapr/durabletask-go/api"
	"github.com/dapr/durabletask-go/api/protos"
	"github.com/dapr/durabletask-go/client"
	"github.com/dapr/durabletask-go/task"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// ledger is a file to which worker and client append what they did and what they were told, a line each:
//
//	S instance start     a start was acknowledged
//	E instance task      an activity was executed
//	C instance task      its result was acknowledged
//	R instance result    the workflow has ended
type ledger struct{ file *os.File }

func openLedger(path string) *ledger {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	return &ledger{file}
}

func (l *ledger) note(words ...any) {
	if _, err := l.file.WriteString(fmt.Sprintln(words...)); err != nil {
		log.Fatal(err)
	}
}

// options make a connection that comes back soon, and that sees which results were acknowledged: the SDK tells nobody.
func (l *ledger) options() []grpc.DialOption {
	quick := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond}
	return []grpc.DialOption{
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}),
		grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, request, reply any,
			conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			err := invoke(ctx, method, request, reply, conn, options...)
			if result, ok := request.(*protos.ActivityResponse); ok && err == nil {
				l.note("C", result.InstanceId, result.TaskId)
			}
			return err
		}),
	}
}

type noted struct {
	Instance string
	N        int
}

func (l *ledger) register(registry *task.TaskRegistry) error {
	err := registry.AddActivityN("noted", func(ctx task.ActivityContext) (any, error) {
		var in noted
		err := ctx.GetInput(&in)
		l.note("E", in.Instance, ctx.GetTaskID())
		time.Sleep(time.Duration(rand.Intn(10)) * time.Millisecond)
		return in.N + 1, err
	})
	if err != nil {
		return err
	}
	return registry.AddOrchestratorN("chain", func(ctx *task.OrchestrationContext) (any, error) {
		var n int
		if err := ctx.GetInput(&n); err != nil {
			return nil, err
		}
		for range 5 {
			call := ctx.CallActivity("noted", task.WithActivityInput(noted{string(ctx.ID), n}))
			if err := call.Await(&n); err != nil {
				return nil, err
			}
		}
		return n, nil
	})
}

// one starts a workflow. If that is acknowledged it waits for the end, however often the daemon goes away.
func (l *ledger) one(hub *client.TaskHubGrpcClient, id string, n int) {
	options := []api.NewOrchestrationOptions{api.WithInstanceID(api.InstanceID(id)), api.WithInput(n)}
	if n%2 == 0 { // then the answer does not wait for the worker
		options = append(options, api.WithStartTime(time.Now()))
	}
	begin, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	_, err := hub.ScheduleNewOrchestration(begin, "chain", options...)
	cancel()
	if err != nil {
		time.Sleep(20 * time.Millisecond)
		return
	}
	l.note("S", id, n)
	for {
		wait, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		end, err := hub.WaitForOrchestrationCompletion(wait, api.InstanceID(id), api.WithFetchPayloads(true))
		cancel()
		if err == nil {
			l.note("R", id, end.Output.GetValue())
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// run starts workflows until |ctx| ends, and waits for those that it has started.
func (l *ledger) run(ctx context.Context, hub *client.TaskHubGrpcClient, name string, inFlight int) {
	var wg sync.WaitGroup
	for starter := range inFlight {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; ctx.Err() == nil; n++ {
				l.one(hub, fmt.Sprintf("%s-%d-%d", name, starter, n), n)
			}
		}()
	}
	wg.Wait()
}
