"""Matchers of exchanges, for the journal and for faults.

The names are WireMock's where it has the thing. There are no regular expressions: a matcher runs on other people's
requests, and a slow one would be a slow server.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from workflow_mock.state.journal import Exchange
from workflow_mock.types import StrictModel, Uuid

Text = Annotated[str, Field(max_length=4096)]


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

    method: Text | None = None
    url_path: Text | None = None
    headers: dict[str, TextMatch] = Field(default_factory=dict, max_length=50)
    body_patterns: list[TextMatch] = Field(default_factory=list, max_length=10)
    customer_id: Uuid | None = None
    workflow_id: Uuid | None = None
    client_id: Text | None = Field(None, description="Of the token; not for faults.")
    status: int | None = Field(None, description="Of the answer; not for faults.")
    error_code: Text | None = Field(None, description="Of the answer; not for faults.")
    execution_id: Uuid | None = Field(None, description="Of the answer; not for faults.")
    fault_id: Uuid | None = Field(None, description="Of the answer; not for faults.")

    def matches(self, exchange: Exchange) -> bool:
        for _, holds in self._conditions:
            if not holds(exchange):
                return False
        if self.body_patterns:
            body = exchange.text
            for _, pattern in self._of_body:  # and not all(): a journal of 10,000 is searched in half the time
                if not pattern.matches_body(body):
                    return False
        return True

    def differences(self, exchange: Exchange) -> list[str]:
        """What of an exchange isn't as it must be, in words."""
        body = exchange.text
        found = [said for said, holds in self._conditions if not holds(exchange)]
        return found + [said for said, pattern in self._of_body if not pattern.matches_body(body)]

    @cached_property
    def _conditions(self) -> Sequence[tuple[str, Callable[[Exchange], bool]]]:
        """What to say where a condition doesn't hold, and the condition."""
        found: list[tuple[str, Any]] = []
        for name in _PLAIN:
            if (wanted := getattr(self, name)) is not None:
                attribute = "path" if name == "url_path" else name
                found.append((f"{to_camel(name)} is not {wanted}", lambda e, a=attribute, w=wanted: getattr(e, a) == w))
        if (code := self.error_code) is not None:
            found.append((f"errorCode is not {code}", lambda e: any(error.code == code for error in e.errors)))
        for name, text in self.headers.items():
            found.append((f"header {name} is not {text}", lambda e, n=name, t=text: t.matches(e.header(n))))
        return found

    @cached_property
    def _of_body(self) -> Sequence[tuple[str, TextMatch]]:
        """The same for the body: apart, as it is decoded once for all of them."""
        return [(f"body is not {pattern}", pattern) for pattern in self.body_patterns]


_PLAIN = ("method", "url_path", "customer_id", "workflow_id", "client_id", "status", "execution_id", "fault_id")
"""Members that an attribute of the exchange must equal."""
