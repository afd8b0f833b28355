"""Matchers of requests, for faults, and of exchanges, for the journal.

The names are WireMock's where it has the thing. There are no regular expressions: a matcher runs on other people's
requests, and a slow one would be a slow server.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from workflow_mock.http.messages import Request
from workflow_mock.state.exchange import Exchange, OperationName, Target, kept_body
from workflow_mock.types import StrictModel, Uuid

Text = Annotated[str, Field(max_length=4096)]
Method = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"), AfterValidator(str.upper)]

ANY = "ANY"
"""As a method: every one."""

_OF_ANSWERS = frozenset({"client_id", "status", "error_code", "execution_id", "fault_id"})


class TextMatch(StrictModel):
    """Says one thing of a text, or that there must be none."""

    equal_to: Text | None = None
    equal_to_ignore_case: Text | None = None
    contains: Text | None = None
    absent: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> "TextMatch":
        if len(self.model_fields_set) != 1 or getattr(self, *self.model_fields_set) is None:
            raise ValueError("needs exactly one of equalTo, equalToIgnoreCase, contains, absent")
        return self

    def __str__(self) -> str:
        return self.model_dump_json(by_alias=True, exclude_unset=True)

    def matches(self, text: str | None) -> bool:
        if text is None or self.absent is not None:
            return self.absent is (text is None)
        if self.equal_to is not None:
            return text == self.equal_to
        if self.equal_to_ignore_case is not None:
            return text.lower() == self._folded
        return (self.contains or "") in text

    @cached_property
    def _folded(self) -> str:
        return (self.equal_to_ignore_case or "").lower()

    def matches_body(self, text: str) -> bool:
        """As `matches`, but an empty body is none."""
        return self.matches(None if self.absent is not None and not text else text)


class Matcher(StrictModel):
    """What an exchange must be like; without any member, every exchange is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"method": "POST", "bodyPatterns": [{"contains": "workflowId"}]}]}
    )

    method: Method | None = Field(None, description="In any case; ANY is every method.")
    url_path: Text | None = None
    headers: dict[str, TextMatch] = Field(default_factory=dict, max_length=50)
    body_patterns: list[TextMatch] = Field(default_factory=list, max_length=10)
    customer_id: Uuid | None = None
    workflow_id: Uuid | None = None
    operation: OperationName | None = Field(
        None, description="A request of no operation, as one of an unknown path is, matches neither."
    )
    client_id: Text | None = Field(None, description="Of the token; not for faults.")
    status: int | None = Field(None, ge=0, le=599, description="Of the answer, 0 if there was none; not for faults.")
    error_code: Text | None = Field(None, description="Of the answer; not for faults.")
    execution_id: Uuid | None = Field(None, description="Of the answer; not for faults.")
    fault_id: Uuid | None = Field(None, description="Of the answer; not for faults.")

    @property
    def is_of_answers(self) -> bool:
        """Whether it asks for what is known only once a request was answered."""
        return not self.model_fields_set.isdisjoint(_OF_ANSWERS)

    def matches(self, exchange: Exchange) -> bool:
        if self.is_of_answers and next(self._answer_differences(exchange), None) is not None:
            return False
        return self.matches_request(exchange, exchange.target)

    def matches_request(self, request: Request | Exchange, target: Target) -> bool:
        """Whether a request is as it must be, whatever comes of it. The body is looked at last, decoded once."""
        if self.customer_id is not None and target.customer_id != self.customer_id:
            return False
        if self.workflow_id is not None and target.workflow_id != self.workflow_id:
            return False
        if self.operation is not None and target.operation != self.operation:
            return False
        if self.method is not None and not self._is_method(request.method):
            return False
        if self.url_path is not None and request.path != self.url_path:
            return False
        for name, text in self.headers.items():
            if not text.matches(request.header(name)):
                return False
        if self.body_patterns:
            body = request.text if isinstance(request, Exchange) else kept_body(request).decode("utf-8", "replace")
            for pattern in self.body_patterns:  # and not all(): a journal of 10,000 is searched in half the time
                if not pattern.matches_body(body):
                    return False
        return True

    def differences(self, exchange: Exchange) -> list[str]:
        """What of an exchange isn't as it must be, in words."""
        found = []
        if self.method is not None and not self._is_method(exchange.method):
            found.append(f"method is not {self.method}")
        for name, wanted, is_value in (
            ("urlPath", self.url_path, exchange.path),
            ("customerId", self.customer_id, exchange.target.customer_id),
            ("workflowId", self.workflow_id, exchange.target.workflow_id),
            ("operation", self.operation, exchange.target.operation),
        ):
            if wanted is not None and is_value != wanted:
                found.append(f"{name} is not {wanted}")
        found += self._answer_differences(exchange)
        found += [f"header {n} is not {t}" for n, t in self.headers.items() if not t.matches(exchange.header(n))]
        body = exchange.text
        return found + [f"body is not {each}" for each in self.body_patterns if not each.matches_body(body)]

    def _is_method(self, method: str) -> bool:
        return self.method in (ANY, method.upper())

    def _answer_differences(self, exchange: Exchange) -> Iterator[str]:
        facts = exchange.facts
        for name, wanted, is_value in (
            ("clientId", self.client_id, facts.client_id),
            ("status", self.status, exchange.status),
            ("executionId", self.execution_id, facts.execution_id),
            ("faultId", self.fault_id, facts.fault_id),
        ):
            if wanted is not None and is_value != wanted:
                yield f"{name} is not {wanted}"
        if self.error_code is not None and all(error.code != self.error_code for error in exchange.errors):
            yield f"errorCode is not {self.error_code}"
