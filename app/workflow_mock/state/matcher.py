"""Matchers of requests, for faults, and of exchanges, for the journal.

The names are WireMock's where it has the thing. There are no regular expressions: a matcher runs on other people's
requests, and a slow one would be a slow server.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from operator import attrgetter, eq
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from workflow_mock.http.messages import Request
from workflow_mock.state.exchange import Exchange, Facts, OperationName, Target
from workflow_mock.state.recorded_request import RecordedRequest, kept_text
from workflow_mock.types import StrictModel, Uuid

Text = Annotated[str, Field(max_length=4096)]
Method = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"), AfterValidator(str.upper)]

ANY = "ANY"
"""As a method: every one."""

_OF_TARGETS = {name: attrgetter(name) for name in ("customer_id", "workflow_id", "operation")}
_OF_ANSWERS = {
    "status": attrgetter("status"),
    "execution_id": attrgetter("facts.execution_id"),
    "fault_id": attrgetter("facts.fault_id"),
    "client_left": attrgetter("client_left"),
}
"""Members of a matcher, each with where an exchange has what must be equal to it."""

Wanted = Sequence[tuple[str, Callable[[Any], object], object]]
"""A matcher's members that were given: name, where the value is, and what it must be."""


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
        return self._test(text)

    def matches_body(self, text: str) -> bool:
        """As `matches`, but an empty body is none."""
        return self._test(text) if self.absent is None else self.absent is (not text)

    @cached_property
    def _test(self) -> Callable[[str], bool]:
        """What a text must be, made once: a search asks it of 10,000."""
        if self.equal_to is not None:
            return partial(eq, self.equal_to)
        if self.equal_to_ignore_case is not None:
            folded = self.equal_to_ignore_case.lower()
            return lambda text: text.lower() == folded
        contained = self.contains or ""
        return lambda text: contained in text


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
    client_id: Text | None = Field(
        None, description="Of the verified token, or of the client that asks for one; a fault's when isn't before then."
    )
    claims: dict[Text, TextMatch] = Field(
        default_factory=dict,
        max_length=50,
        description="Of the verified token, by name: one of the texts of a list, another value as JSON says it.",
        examples=[{"scope": {"equalTo": "workflow_api"}}],
    )
    status: int | None = Field(None, ge=0, le=599, description="Of the answer, 0 if there was none; not for faults.")
    error_code: Text | None = Field(None, description="Of the answer; not for faults.")
    execution_id: Uuid | None = Field(None, description="Of the answer; not for faults.")
    fault_id: Uuid | None = Field(None, description="Of the answer; not for faults.")
    client_left: bool | None = Field(
        None, description="Whether the client left before its request was answered; not for faults."
    )

    @property
    def is_of_answers(self) -> bool:
        """Whether it asks for what is known only once a request was answered."""
        return bool(self._of_answers) or self.error_code is not None

    @cached_property
    def is_of_callers(self) -> bool:
        """Whether it asks for what is known only once the token was verified, or the client of a token request."""
        return self.client_id is not None or bool(self.claims)

    @cached_property
    def _of_targets(self) -> Wanted:
        return self._wanted(_OF_TARGETS)

    @cached_property
    def _of_answers(self) -> Wanted:
        return self._wanted(_OF_ANSWERS)

    def _wanted(self, members: Mapping[str, Callable[[Any], object]]) -> Wanted:
        wanted = ((name, get, getattr(self, name)) for name, get in members.items())
        return [each for each in wanted if each[2] is not None]

    def matches(self, exchange: Exchange) -> bool:
        for _, get, wanted in self._of_answers:  # and not all(): a journal of 10,000 is searched in half the time
            if get(exchange) != wanted:
                return False
        if self.error_code is not None and not self._has_error_code(exchange):
            return False
        if self.is_of_callers and not self.matches_caller(exchange.facts):
            return False
        return self.matches_request(exchange.request, exchange.target)

    def matches_request(self, request: Request | RecordedRequest, target: Target) -> bool:
        """Whether a request is as it must be, whatever comes of it. The body is looked at last, decoded once."""
        for _, get, wanted in self._of_targets:
            if get(target) != wanted:
                return False
        if self.method is not None and not self._is_method(request.method):
            return False
        if self.url_path is not None and request.path != self.url_path:
            return False
        for name, text in self.headers.items():
            if not text.matches(request.header(name)):
                return False
        if self.body_patterns:
            body = request.text if isinstance(request, RecordedRequest) else kept_text(request)
            for pattern in self.body_patterns:
                if not pattern.matches_body(body):
                    return False
        return True

    def matches_caller(self, facts: Facts) -> bool:
        """Whether the client and its token are as they must be; a token that wasn't verified has no claims."""
        if self.client_id is not None and facts.client_id != self.client_id:
            return False
        if not self.claims:
            return True
        if facts.claims is None:
            return False
        claims = json.loads(facts.claims)
        return all(_has_claim(claims.get(name), text) for name, text in self.claims.items())

    def differences(self, exchange: Exchange) -> list[str]:
        """What of an exchange isn't as it must be, in words."""
        found, request = [], exchange.request
        if self.method is not None and not self._is_method(request.method):
            found.append(f"method is not {self.method}")
        if self.url_path is not None and request.path != self.url_path:
            found.append(f"urlPath is not {self.url_path}")
        for members, part in ((self._of_targets, exchange.target), (self._of_answers, exchange)):
            found += [f"{to_camel(name)} is not {wanted}" for name, get, wanted in members if get(part) != wanted]
        if self.error_code is not None and not self._has_error_code(exchange):
            found.append(f"errorCode is not {self.error_code}")
        if self.client_id not in (None, exchange.facts.client_id):
            found.append(f"clientId is not {self.client_id}")
        if self.claims and exchange.facts.claims is None:
            found.append("there are no claims of a verified token")
        elif self.claims:
            claims = json.loads(exchange.facts.claims or b"")
            found += [f"claim {n} is not {t}" for n, t in self.claims.items() if not _has_claim(claims.get(n), t)]
        found += [f"header {n} is not {t}" for n, t in self.headers.items() if not t.matches(request.header(n))]
        body = request.text
        return found + [f"body is not {each}" for each in self.body_patterns if not each.matches_body(body)]

    def _is_method(self, method: str) -> bool:
        return self.method in (ANY, method.upper())

    def _has_error_code(self, exchange: Exchange) -> bool:
        return any(error.code == self.error_code for error in exchange.errors)


def _has_claim(claim: object, text: TextMatch) -> bool:
    """Whether a claim, or one of a list, is as it must be; null and an empty list are none."""
    values = claim if isinstance(claim, list) else [] if claim is None else [claim]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in values]
    return any(map(text.matches, texts)) if texts else text.matches(None)
