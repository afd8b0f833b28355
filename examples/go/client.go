// Package workflow starts workflows: a small client, but one that takes refusals as the API means them.
package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

var (
	// ErrNotAllowed says that the API refused the token, or what it would do.
	ErrNotAllowed = errors.New("not allowed")
	// ErrOutcomeUnknown says that the connection broke: whether the workflow was started can't be known. Don't simply
	// try again.
	ErrOutcomeUnknown = errors.New("the workflow may have been started")
)

const tries = 5

// Client starts workflows for one customer. It is safe for concurrent use.
type Client struct {
	// Sleep waits as long as Retry-After says, unless the context ends first.
	Sleep func(context.Context, time.Duration) error

	http        *http.Client
	baseURL     string
	customerID  string
	credentials clientcredentials.Config

	mutex sync.Mutex
	token *oauth2.Token
}

// New makes a client of the API at baseURL.
func New(baseURL, customerID string, credentials clientcredentials.Config) *Client {
	return &Client{
		Sleep:       sleep,
		http:        &http.Client{Timeout: 10 * time.Second},
		baseURL:     baseURL,
		customerID:  customerID,
		credentials: credentials,
	}
}

// Start starts a workflow. Its errors are ErrNotAllowed, ErrOutcomeUnknown, *oauth2.RetrieveError where there is no
// token, and others that have the status.
func (c *Client) Start(ctx context.Context, workflowID string) (*Execution, error) {
	for try := 1; ; try++ {
		token, isFresh, err := c.accessToken(ctx)
		if err != nil {
			return nil, err
		}
		answer, err := c.send(ctx, token, workflowID)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
		wait, isToWait := answer.retryAfter()
		switch {
		case answer.status == http.StatusOK:
			return answer.execution()
		case answer.status == http.StatusUnauthorized && !isFresh && try < tries:
			c.forget(token) // it ran out
		case isToWait && try < tries:
			if err := c.Sleep(ctx, wait); err != nil {
				return nil, err
			}
		default:
			return nil, answer.refusal()
		}
	}
}

func (c *Client) send(ctx context.Context, token *oauth2.Token, workflowID string) (*answer, error) {
	path, err := url.JoinPath(c.baseURL, "api/workflow/v1.0/customer", c.customerID, "workflow", workflowID, "WorkflowExecution")
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"data": map[string]any{"workflowId": workflowID}})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	token.SetAuthHeader(request)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return &answer{response.StatusCode, response.Header, body}, err
}

// accessToken says too whether the token was got just now.
func (c *Client) accessToken(ctx context.Context) (*oauth2.Token, bool, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.token.Valid() {
		return c.token, false, nil
	}
	token, err := c.credentials.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	c.token = token
	return token, true, err
}

func (c *Client) forget(token *oauth2.Token) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.token == token {
		c.token = nil
	}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// retryAfter is what Retry-After says, where the answer is one to be tried again.
func (a *answer) retryAfter() (time.Duration, bool) {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return 0, false
	}
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second, err == nil
}

func (a *answer) execution() (*Execution, error) {
	var envelope struct{ Data Execution }
	err := json.Unmarshal(a.body, &envelope)
	return &envelope.Data, err
}

func (a *answer) refusal() error {
	if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		return fmt.Errorf("%d: %s", a.status, a.body)
	}
	var envelope struct {
		Meta struct{ Errors []struct{ Message string } }
	}
	if err := json.Unmarshal(a.body, &envelope); err != nil || len(envelope.Meta.Errors) == 0 {
		return fmt.Errorf("%w: %d: %s", ErrNotAllowed, a.status, a.body)
	}
	return fmt.Errorf("%w: %s", ErrNotAllowed, envelope.Meta.Errors[0].Message)
}

func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
