// Tried with Go 1.26.8 and workflow-mock 0.1.0 on Linux.
module example.com/workflow-client

go 1.25.0

require (
	github.com/google/uuid v1.6.0
	golang.org/x/oauth2 v0.36.0
)
