package workflow

import (
	"context"
	"errors"
	"sync"
)

// Service starts workflows later, as a job queue does.
type Service struct {
	client *Client
	jobs   sync.WaitGroup
	mutex  sync.Mutex
	failed []error
}

// NewService makes a service that uses the client.
func NewService(client *Client) *Service { return &Service{client: client} }

// Enqueue has the workflow started soon.
func (s *Service) Enqueue(workflowID string) {
	s.jobs.Go(func() {
		if _, err := s.client.Start(context.Background(), workflowID); err != nil {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.failed = append(s.failed, err)
		}
	})
}

// Close waits for all jobs, and tells what went wrong with them.
func (s *Service) Close() error {
	s.jobs.Wait()
	return errors.Join(s.failed...)
}
