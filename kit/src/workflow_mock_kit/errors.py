"""What can go wrong between a test and the server."""


class WorkflowMockError(Exception):
    """The server refused a call of the control plane."""

    def __init__(self, status: int, code: str, message: str, call: str) -> None:
        super().__init__(f"{call} was refused: {status} {code}: {message}")
        self.status = status
        self.code = code
        """Of docs/errors.md, `validation_failed` for example."""


class NoServer(Exception):
    """There is no server, and none could be started; the message says what was tried."""


class WorkflowMockWarning(UserWarning):
    """Something that a test may have missed: a fault that no request met, a workflow that was started twice."""
