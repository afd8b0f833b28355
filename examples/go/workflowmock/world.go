// Package workflowmock gives each test a world: one customer of workflow-mock's, whose state is nobody else's. The words
// are the Python kit's. Copy this folder.
package workflowmock

import (
	"maps"
	"testing"

	"github.com/google/uuid"
)

// World is a test's own part of the server.
type World struct {
	URL, TokenURL, CustomerID string
	t                         testing.TB
}

// Start is a request to start a workflow. DuplicateOf is the execution whose answer was lost before.
type Start struct {
	Status                   int
	ExecutionID, DuplicateOf string
}

// New makes a world. It ends the test where there is no server.
func New(t testing.TB) *World {
	t.Helper()
	url, err := server()
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	return &World{url, url + "/api/authentication/connect/token?customerId=" + id, id, t}
}

// Starts are the client's requests to start a workflow, the first 1,000.
func (w *World) Starts() []Start {
	w.t.Helper()
	var found struct{ Requests []Start }
	w.Call("POST", "requests/find?limit=1000", JSON{"operation": "start"}, &found)
	return found.Requests
}

// Verify ends the test unless exactly so many starts match.
func (w *World) Verify(exactly int, matcher JSON) {
	w.t.Helper()
	wanted := JSON{"matcher": with(JSON{"operation": "start"}, matcher), "count": JSON{"exactly": exactly}}
	w.Call("POST", "requests/verify", wanted, nil)
}

// WaitFor waits until a start matches. It ends the test where none does within this time, "5s" for example.
func (w *World) WaitFor(within string, matcher JSON) {
	w.t.Helper()
	w.Call("POST", "requests/verify", JSON{"matcher": with(JSON{"operation": "start"}, matcher), "within": within}, nil)
}

// FailNext answers the next start with an error. The fault may say more: "retryAfter", "code", "times", "when".
func (w *World) FailNext(status int, fault JSON) {
	w.t.Helper()
	w.Call("POST", "faults", with(JSON{"status": status, "times": 1}, fault), nil)
}

// LoseNextAnswer lets the next start do its work, and breaks the connection then.
func (w *World) LoseNextAnswer() {
	w.t.Helper()
	w.Call("POST", "faults", JSON{"when": "afterCommit", "fault": "CONNECTION_RESET_BY_PEER", "times": 1}, nil)
}

// NextToken makes the next token at TokenURL one of this kind, "expired" for example.
func (w *World) NextToken(kind string) {
	w.t.Helper()
	w.Call("POST", "tokens", JSON{"kind": kind, "issueNext": 1}, nil)
}

// Advance moves the world's clock on, by "2h" for example.
func (w *World) Advance(by string) {
	w.t.Helper()
	w.Call("PUT", "clock", JSON{"action": "advance", "by": by}, nil)
}

func with(body, more JSON) JSON { maps.Copy(body, more); return body }
