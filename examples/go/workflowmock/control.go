package workflowmock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// JSON is a body of the control plane's, whose contract is the server's openapi/admin-api.yaml.
type JSON map[string]any

// refusal is the answer to a call that is refused, or the verdict where the requests aren't as wanted.
type refusal struct {
	Meta    struct{ Errors, Validation []problem }
	Count   int
	Nearest []struct {
		Request     Start
		Differences []string
	}
}

type problem struct{ Property, Message string }

var client = http.Client{Timeout: 15 * time.Second} // more than a call takes that waits

// Call makes a call of the control plane about this world, and reads the reply unless that is nil. It ends the test
// where the call is refused: a fault that isn't there breaks nothing.
func (w *World) Call(method, path string, body JSON, reply any) {
	w.t.Helper()
	path, query, _ := strings.Cut(path, "?")
	url := fmt.Sprintf("%s/__admin/%s?customerId=%s&%s", w.URL, path, w.CustomerID, query)
	if err := send(method, url, body, reply); err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func send(method, url string, body JSON, reply any) error {
	written, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(written))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token := os.Getenv("WORKFLOW_MOCK_ADMIN_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < http.StatusBadRequest {
		return json.NewDecoder(response.Body).Decode(&reply)
	}
	var said refusal
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		return fmt.Errorf("%s: %w", response.Status, err)
	}
	text := fmt.Sprintf("%s for %s", response.Status, written)
	if said.Meta.Errors == nil {
		text += fmt.Sprintf(": there were %d", said.Count)
	}
	for _, near := range said.Nearest {
		text += fmt.Sprintf("\n  almost: %d: %s", near.Request.Status, strings.Join(near.Differences, "; "))
	}
	for _, problem := range append(said.Meta.Errors, said.Meta.Validation...) {
		text += fmt.Sprintf("\n  %s %s", problem.Property, problem.Message)
	}
	return errors.New(text)
}
