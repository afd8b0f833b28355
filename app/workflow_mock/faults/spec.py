"""A fault as it is asked for: which requests, how often, which effects. Names and meanings follow WireMock's."""

from functools import cached_property
from typing import Literal
from uuid import uuid4

from pydantic import Field, field_validator, model_validator

from workflow_mock.faults.effects import EFFECTS, MAX_COUNT, Effect, Effects, NonNegative
from workflow_mock.sizes import size_of_json
from workflow_mock.state.matcher import Matcher
from workflow_mock.types import Duration, Uuid

FAULT_BYTES = 3 * 1024
"""What a fault takes in memory beside what was given."""


class FaultSpec(Effects, json_schema_extra={"examples": [{"status": 503, "retryAfter": "2s", "times": 1}]}):
    """A fault: which requests it is for, how often it is injected, and what it does."""

    id: Uuid = Field(default_factory=lambda: str(uuid4()))
    matcher: Matcher = Field(default_factory=Matcher)
    when: Literal["before", "afterCommit"] = Field(
        "before", description="afterCommit does the work first, and then breaks the response."
    )
    times: int | None = Field(None, ge=1, le=MAX_COUNT, description="It is injected so many times at most.")
    after: NonNegative = Field(0, description="It lets so many matching requests through first.")
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = Field(0, ge=-MAX_COUNT, le=MAX_COUNT, description="Of the probability and the delays.")
    ttl: Duration | None = Field(None, description="It ends so long after it was made.")

    @field_validator("matcher")
    @classmethod
    def _of_requests(cls, matcher: Matcher) -> Matcher:
        if matcher.is_of_answers:
            raise ValueError("clientId, status, errorCode, executionId and faultId are known too late for a fault")
        return matcher

    @model_validator(mode="after")
    def _sensible(self) -> "FaultSpec":
        if self.fault is not None and self.status is not None:
            raise ValueError("fault and status exclude each other: there is no response to give a status to")
        if self.body is not None and self.json_body is not None:
            raise ValueError("body and jsonBody exclude each other")
        if self.fault is not None and (self.body is not None or self.json_body is not None):
            raise ValueError("fault and a body exclude each other: there is no response to give a body to")
        if not self.effects:
            raise ValueError("does nothing: give it a status, a body, a fault, a delay, a quota or truncateBodyAt")
        return self

    @cached_property
    def content(self) -> str:
        """It as JSON, without an id that was generated: equal for a fault that a changed catalogue still has."""
        return self.model_dump_json(exclude=None if "id" in self.model_fields_set else {"id"}, exclude_defaults=True)

    @cached_property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return FAULT_BYTES + size_of_json(self.model_dump(mode="json", exclude_defaults=True))

    @property
    def effects(self) -> tuple[type[Effect], ...]:
        """The classes of the effects that it has, in the order in which they apply.

        They are called on the spec, which derives from each of them: `effect.apply(spec, outgoing)`.
        """
        return tuple(effect for effect in EFFECTS if effect.is_set(self))
