"""Matchers of exchanges, for the journal and for faults.

The names are WireMock's where it has the thing. There are no regular expressions: a matcher runs on other people's
requests, and a slow one would be a slow server.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from workflow_mock.fields import Shape, Uuid
from workflow_mock.state.journal import Exchange

Text = Annotated[str, Field(max_length=4096)]


class TextMatch(Shape):
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

    def matches(self, text: str | None) -> bool:
        if text is None or self.absent is not None:
            return self.absent is (text is None)
        if self.equal_to is not None:
            return text == self.equal_to
        if self.equal_to_ignore_case is not None:
            return text.lower() == self.equal_to_ignore_case.lower()
        return (self.contains or "") in text

    def matches_body(self, text: str) -> bool:
        """As `matches`, but an empty body is none."""
        return self.matches(None if self.absent is not None and not text else text)


class Matcher(Shape):
    """What an exchange must be like; without any member, every exchange is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"method": "POST", "bodyPatterns": [{"contains": "workflowId"}]}]}
    )

    method: Text | None = None
    url_path: Text | None = None
    headers: dict[str, TextMatch] = Field(default_factory=dict, max_length=50)
    body_patterns: list[TextMatch] = Field(default_factory=list, max_length=50)
    customer_id: Uuid | None = None
    workflow_id: Uuid | None = None
    client_id: Text | None = Field(None, description="Of the token; not for faults.")
    status: int | None = Field(None, description="Of the answer; not for faults.")
    error_code: Text | None = Field(None, description="Of the answer; not for faults.")
    execution_id: Uuid | None = Field(None, description="Of the answer; not for faults.")
    fault_id: Uuid | None = Field(None, description="Of the answer; not for faults.")

    @property
    def is_of_answers(self) -> bool:
        """Whether it asks for what is known only once the request is answered, or its token checked."""
        late = {"client_id", "status", "error_code", "execution_id", "fault_id"}
        return not self.model_fields_set.isdisjoint(late)

    def matches(self, exchange: Exchange) -> bool:
        for condition in self._conditions:  # noqa: SIM110 - a journal of 10,000 is searched in half of all()'s time
            if not condition.holds(exchange):
                return False
        return True

    def differences(self, exchange: Exchange) -> list[str]:
        """What of an exchange isn't as it must be, in words."""
        return [condition.said for condition in self._conditions if not condition.holds(exchange)]

    @cached_property
    def _conditions(self) -> list["_Condition"]:
        conditions: list[_Condition] = []
        for attribute, name in _PLAIN.items():
            if (wanted := getattr(self, name)) is not None:
                said = f"{to_camel(name)} is not {wanted}"
                conditions.append(_Condition(said, lambda e, a=attribute, w=wanted: getattr(e, a) == w))  # type: ignore[misc]
        if (code := self.error_code) is not None:
            conditions.append(_Condition(f"errorCode is not {code}", lambda e: any(x.code == code for x in e.errors)))
        for header, text in self.headers.items():
            said = f"header {header} is not {text.model_dump_json(by_alias=True, exclude_unset=True)}"
            conditions.append(_Condition(said, lambda e, h=header, t=text: t.matches(e.header(h))))  # type: ignore[misc]
        for text in self.body_patterns:
            said = f"body is not {text.model_dump_json(by_alias=True, exclude_unset=True)}"
            conditions.append(_Condition(said, lambda e, t=text: t.matches_body(e.text)))  # type: ignore[misc]
        return conditions


class _Condition(NamedTuple):
    said: str
    """What to say where it doesn't hold."""
    holds: Callable[[Exchange], bool]


_PLAIN = {
    "method": "method",
    "path": "url_path",
    "customer_id": "customer_id",
    "workflow_id": "workflow_id",
    "client_id": "client_id",
    "status": "status",
    "execution_id": "execution_id",
    "fault_id": "fault_id",
}
"""Of an exchange's attributes, those that a matcher's members must equal."""
