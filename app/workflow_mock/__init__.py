"""A mock and reference server for the *start workflow execution* operation of a Workflow API."""

__version__ = "0.1.0"
