"""The `workflow-mock` command."""
