package workflow

import "time"

// Execution is an execution, as the API answers it.
type Execution struct {
	ID             string       `json:"id"`
	WorkflowID     string       `json:"workflowId"`
	ExecutionQueue []QueueEntry `json:"executionQueue"`
	Created        time.Time    `json:"created"`
	Finished       *time.Time   `json:"finished"`
	Tasks          []Task       `json:"tasks"`
	TasksHierarchy []Edge       `json:"tasksHierarchy"`
}

// QueueEntry is a task that waits for its turn.
type QueueEntry struct {
	TaskID       string `json:"taskId"`
	JobSubjectID string `json:"jobSubjectId"`
}

// Task is a step of the workflow.
type Task struct {
	ID         string         `json:"id"`
	SubjectID  string         `json:"subjectId"`
	Name       string         `json:"name"`
	Parameters map[string]any `json:"parameters"`
	IsTrigger  bool           `json:"isTrigger"`
}

// Edge leads from a task to one that comes after it.
type Edge struct {
	Parent string `json:"parent"`
	Child  string `json:"child"`
}
