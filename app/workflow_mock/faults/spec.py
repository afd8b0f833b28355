"""A fault as it is asked for: which requests, how often, which effects. Names and meanings follow WireMock's."""

from functools import cached_property
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import AfterValidator, Field, field_validator, model_validator

from workflow_mock.faults.effects import MAX_COUNT, Effects, NonNegative
from workflow_mock.sizes import size_of_json
from workflow_mock.state.exchange import REQUEST_TOKEN
from workflow_mock.state.matcher import Matcher
from workflow_mock.types import Duration, Uuid

FAULT_BYTES = 3 * 1024
"""What a fault, and each step of its sequence, takes in memory beside what was given."""

MAX_STEPS = 100
"""Of a sequence."""

_NO_EFFECT = tuple((name, field.get_default(call_default_factory=True)) for name, field in Effects.model_fields.items())

When = Literal["before", "afterToken", "afterCommit"]


def _of_no_quota(step: "Step") -> "Step":
    if step.quota is not None:
        raise ValueError("a step has no quota: that is a fault by itself")
    return step


class Step(Effects):
    """What becomes of one call in a sequence; without any effect, the good answer."""

    when: When | None = Field(None, description="As that of the fault, if not given.")


class FaultSpec(
    Effects,
    json_schema_extra={
        "examples": [
            {"status": 503, "retryAfter": "2s", "times": 1},
            {"hold": "30s", "times": 1},
            {"sequence": [{"status": 503}, {"when": "afterCommit", "fault": "CONNECTION_RESET_BY_PEER"}, {}]},
        ]
    },
):
    """A fault: which requests it is for, how often it is injected, and what it does."""

    id: Uuid = Field(default_factory=lambda: str(uuid4()))
    matcher: Matcher = Field(default_factory=Matcher)
    when: When = Field(
        "before",
        description="before anything is looked at; afterToken: as soon as it is known who calls, and before any work; "
        "afterCommit does the work first, and then breaks the response.",
    )
    sequence: list[Annotated[Step, AfterValidator(_of_no_quota)]] | None = Field(
        None,
        min_length=1,
        max_length=MAX_STEPS,
        description="In place of effects: what becomes of call after call.",
    )
    sequence_end: Literal["stop", "repeat"] | None = Field(
        None, description="After its last step, the sequence stops, or begins again; it stops if not given."
    )
    times: int | None = Field(None, ge=1, le=MAX_COUNT, description="It is injected so many times at most.")
    after: NonNegative = Field(0, description="It lets so many matching requests through first.")
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = Field(0, ge=-MAX_COUNT, le=MAX_COUNT, description="Of the probability and the delays.")
    from_: Duration | None = Field(None, alias="from", description="It begins so long after it was made.")
    ttl: Duration | None = Field(None, description="It ends so long after it began: when it was made, or with `from`.")

    @field_validator("matcher")
    @classmethod
    def _of_requests(cls, matcher: Matcher) -> Matcher:
        if matcher.is_of_answers:
            raise ValueError("status, errorCode, executionId, faultId and clientLeft are known too late for a fault")
        if matcher.claims and matcher.operation == REQUEST_TOKEN:
            raise ValueError("a token request has no claims yet: clientId says whose it is")
        return matcher

    @model_validator(mode="after")
    def _sensible(self) -> "FaultSpec":
        if self.sequence is not None:
            if self.times is not None:
                raise ValueError("times and sequence exclude each other: a sequence has as many times as steps")
            if any(getattr(self, name) != default for name, default in _NO_EFFECT):
                raise ValueError("effects beside a sequence: give them to its steps")
        elif self.sequence_end is not None:
            raise ValueError("sequenceEnd goes with a sequence")
        elif not self.effects:
            raise ValueError(
                "does nothing: give it a status, body, fault, delay, hold, quota, truncateBodyAt or sequence"
            )
        if self.matcher.is_of_callers and "before" in (self.when, *(step.when for step in self.sequence or ())):
            raise ValueError(
                "clientId and claims are known once the token was verified: say when: afterToken or afterCommit"
            )
        return self

    @cached_property
    def content(self) -> str:
        """It as JSON, without an id that was generated: equal for a fault that a changed catalogue still has."""
        return self.model_dump_json(exclude=None if "id" in self.model_fields_set else {"id"}, exclude_defaults=True)

    @cached_property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return FAULT_BYTES * (1 + len(self.sequence or ())) + size_of_json(
            self.model_dump(mode="json", exclude_defaults=True)
        )

    @property
    def most(self) -> int | None:
        """How many times it is injected at most."""
        return self.times if self.sequence is None or self.sequence_end == "repeat" else len(self.sequence)

    @property
    def has_times(self) -> bool:
        """Whether it begins, or ends, by a clock."""
        return self.from_ is not None or self.ttl is not None

    @cached_property
    def needs_caller(self) -> bool:
        """Whether it must be known who calls before it can be told whether it is injected."""
        return self.matcher.is_of_callers or "afterToken" in (self.when, *(step.when for step in self.sequence or ()))
