// What a client of the Workflow API should be able to do, each in a test of its own.
package workflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	workflow "example.com/workflow-client"
	"example.com/workflow-client/workflowmock"
)

const order = "3c90c3cc-0d44-4b50-8888-8dd25736052a"

var update = flag.Bool("update", false, "store the answer anew")

func TestItStartsTheWorkflow(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	start(t, newClient(world), order)
	world.Verify(1, workflowmock.JSON{"status": 200, "workflowId": order})
}

func TestItTriesAgainWhenToldToWait(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	client := newClient(world)
	var waited []time.Duration
	client.Sleep = func(_ context.Context, wait time.Duration) error {
		waited = append(waited, wait)
		return nil
	}
	world.FailNext(503, workflowmock.JSON{"retryAfter": "2s"})
	start(t, client, order)
	expectStatuses(t, world, 503, 200)
	if !slices.Equal(waited, []time.Duration{2 * time.Second}) {
		t.Errorf("it waited %v", waited)
	}
}

func TestItDoesNotStartTwiceWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	world.LoseNextAnswer()
	if _, err := newClient(world).Start(t.Context(), order); !errors.Is(err, workflow.ErrOutcomeUnknown) {
		t.Errorf("the error is %v", err)
	}
	if starts := world.Starts(); len(starts) != 1 || starts[0].ExecutionID == "" {
		t.Errorf("it sent %+v", starts)
	}
}

func TestItRenewsATokenThatRanOut(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	client := newClient(world)
	start(t, client, order)
	world.Advance("2h")
	start(t, client, order)
	expectStatuses(t, world, 200, 401, 200)
}

func TestTheReportIsDoneAfterAnHour(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	report := uuid.NewString()
	tasks := []workflowmock.JSON{{"key": "report", "duration": "PT1H"}}
	world.Call("PUT", "workflows/"+report, workflowmock.JSON{"name": "Report", "tasks": tasks}, nil)
	id := start(t, newClient(world), report).ID
	world.Advance("1h")
	var execution struct{ State string }
	world.Call("GET", "executions/"+id, nil, &execution)
	if execution.State != "completed" {
		t.Errorf("it is %s", execution.State)
	}
}

func TestTheWholeAnswerIsTheStoredOne(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	world.Call("PUT", "clock", workflowmock.JSON{"action": "freeze", "to": "2030-01-01T00:00:00Z"}, nil)
	execution := start(t, newClient(world), order)
	execution.ID = "" // another each time
	answer, err := json.MarshalIndent(execution, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	answer = append(answer, '\n')
	const file = "testdata/execution.json"
	if *update {
		if err := os.WriteFile(file, answer, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(answer, stored) {
		t.Errorf("the answer is not that of %s (go test -update stores it):\n%s", file, answer)
	}
}

func TestABadTokenIsReported(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"expired", "bad-signature", "algorithm-none", "missing-scope"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			world := workflowmock.New(t)
			world.NextToken(kind)
			if _, err := newClient(world).Start(t.Context(), order); !errors.Is(err, workflow.ErrNotAllowed) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTheJobIsSentAtLast(t *testing.T) {
	t.Parallel()
	world := workflowmock.New(t)
	service := workflow.NewService(newClient(world))
	service.Enqueue(order)
	world.WaitFor("5s", workflowmock.JSON{"status": 200})
	if err := service.Close(); err != nil {
		t.Error(err)
	}
}

// newClient makes a client of the world, that doesn't wait.
func newClient(world *workflowmock.World) *workflow.Client {
	client := workflow.New(world.URL, world.CustomerID, clientcredentials.Config{
		ClientID:     "demo",
		ClientSecret: "demo-secret",
		TokenURL:     world.TokenURL,
		AuthStyle:    oauth2.AuthStyleInHeader,
	})
	client.Sleep = func(context.Context, time.Duration) error { return nil }
	return client
}

func start(t *testing.T, client *workflow.Client, workflowID string) *workflow.Execution {
	t.Helper()
	execution, err := client.Start(t.Context(), workflowID)
	if err != nil {
		t.Fatal(err)
	}
	return execution
}

func expectStatuses(t *testing.T, world *workflowmock.World, wanted ...int) {
	t.Helper()
	var statuses []int
	for _, start := range world.Starts() {
		statuses = append(statuses, start.Status)
	}
	if !slices.Equal(statuses, wanted) {
		t.Errorf("the statuses are %v, not %v", statuses, wanted)
	}
}
