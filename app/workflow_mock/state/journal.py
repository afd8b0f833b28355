"""What was asked of the documented plane and the token endpoint, and what became of it.

An entry holds no token and no secret: of a token it has the digest and the claims, and what path, query, headers and
body say in secret is replaced before the entry is kept. At the token URL, only what is known to be no secret is shown.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from workflow_mock.caching import fifo_cache
from workflow_mock.errors import ErrorDetail, ValidationDetail
from workflow_mock.paths import TOKEN_PATH
from workflow_mock.state.store import BoundedStore

MAX_BODY_BYTES = 16 * 1024
"""So much of a body is kept, and of a query."""

LOOK_BACK = 20
"""Exchanges of a customer that are searched for a start whose answer was lost."""

FORM = "application/x-www-form-urlencoded"

_FORM = FORM.encode()
REDACTED = "[redacted]"
_REDACTED = REDACTED.encode()

_SECRET_NAME = re.compile(
    r"auth|token|secret|passw|pwd|cookie|api.?key|jwt|dpop|assertion|credential|^code", re.IGNORECASE
)
"""Of a header or field: what it says is kept from everybody."""
_JWT = re.compile(rb"(?:(?<=%20)|(?<![\w-]))eyJ[\w-]*+(?:\.[\w-]*+)++")
"""A token, wherever it stands. Looked for where words begin: else eyJeyJeyJ… would take its time."""
_FIELD = re.compile(r"[\w.$-]*")
_MAX_FIELDS = 100
_PLAIN_FIELDS = {
    "grant_type": re.compile(r"[\w:.-]*"),
    "client_assertion_type": re.compile(r"[\w:.-]*"),
    "scope": re.compile(r"[\w:./ -]*"),
    "client_id": re.compile(r"[\w.@-]*"),
    "customerId": re.compile(r"[\w-]*"),
}
"""What a token request says that is no secret; badly joined, they may have one in them: `demo;client_secret=…`."""


class Exchange:
    """One request and its answer. It is made when the request comes, and filled on the way through."""

    # What most exchanges never set stands on the class: an entry is smaller and sooner made.
    body: bytes | None = None
    token_digest: str | None = None
    claims: bytes | None = None
    """Of its token, in JSON."""
    client_id: str | None = None
    status: int = 0
    errors: Sequence[ErrorDetail] = ()
    validation: Sequence[ValidationDetail] = ()
    notes: Sequence[object] = ()
    execution_id: str | None = None
    fault_id: str | None = None
    duplicate_of: str | None = None
    answer_lost: bool = False
    body_is_too_large: bool = False
    time: datetime = datetime.min.replace(tzinfo=UTC)
    """When it came; where a fault held it up, when that was over. Token, record and entry are of this one moment."""
    seconds: float = 0.0
    number: int = 0

    def __init__(self, id: str, scope: Scope, customer_id: str, workflow_id: str | None) -> None:
        self.id = id
        self.customer_id = customer_id
        self.workflow_id = workflow_id
        self.query: bytes = scope["query_string"]
        self.method: str = scope["method"]
        self.path: str = _text(scope["raw_path"])
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    @classmethod
    def of_customer(cls, customer_id: str, path: str) -> "Exchange":
        """One that nobody sent, for what would happen to it."""
        scope = {"query_string": b"", "method": "POST", "raw_path": path.encode("ascii"), "headers": ()}
        return cls("", scope, customer_id, None)

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")

    @property
    def text(self) -> str:
        """The body as far as it is kept."""
        return (self.body or b"").decode("utf-8", "replace")


class Journal(BoundedStore[Exchange]):
    """The newest exchanges."""

    lost_answers = False
    """Whether a start's answer was ever lost, so that the next start may be the client's second try."""

    def record(self, exchange: Exchange, longest: int | None = MAX_BODY_BYTES) -> None:
        """Keep an exchange, without its secrets, and of its query and body no more than this."""
        if b"authorization" in exchange.headers:  # before it becomes a part of what is remembered
            exchange.headers[b"authorization"] = _REDACTED
        exchange.headers = _without_secrets(tuple(exchange.headers.items()))
        exchange.notes = tuple(exchange.notes)
        at_token_url = exchange.path == TOKEN_PATH
        if exchange.query:
            exchange.query = redact_form(exchange.query[:longest], only_plain=at_token_url)
        if exchange.body:
            is_form = exchange.headers.get(b"content-type", b"").lower().startswith(_FORM)
            exchange.body = exchange.body[:longest]
            if is_form:
                exchange.body = redact_form(exchange.body, only_plain=at_token_url)
            elif at_token_url:
                exchange.body = _REDACTED
            elif b"eyJ" in exchange.body:
                exchange.body = _JWT.sub(_REDACTED, exchange.body)
        self.lost_answers |= exchange.answer_lost
        self.add(exchange)

    def lost_before(self, exchange: Exchange) -> str | None:
        """The execution of the customer's last start of this workflow, where the answer to it was lost."""
        for earlier in islice(reversed(self._by_customer.get(exchange.customer_id, ())), LOOK_BACK):
            if earlier.execution_id and earlier.workflow_id == exchange.workflow_id:
                return earlier.execution_id if earlier.answer_lost else None
        return None


@lru_cache(maxsize=64)
def _without_secrets(headers: tuple[tuple[bytes, bytes], ...]) -> dict[bytes, bytes]:
    """One dictionary for all requests with the same headers: a client's mostly have, and so the journal takes half."""
    return {
        name: _REDACTED if _SECRET_NAME.search(name.decode("latin-1")) else _JWT.sub(_REDACTED, value)
        for name, value in headers
    }


@fifo_cache(1024)
def _text(path: bytes) -> str:
    return _JWT.sub(_REDACTED, path).decode("ascii")


def digest(token: bytes) -> str:
    """What a token is called in the journal."""
    return "sha256:" + sha256(token).hexdigest()[:32]


def redact_form(data: bytes, *, only_plain: bool) -> bytes:
    """A form or query with what is secret in it replaced; all of it, where it is no form but JSON or the like.

    `only_plain` leaves no more than what is known to be no secret.
    """
    try:
        text = data.decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return _REDACTED
    if not all(_FIELD.fullmatch(name) for name, _ in pairs):
        return _REDACTED

    def may_show(name: str, value: str) -> bool:
        if only_plain:
            return name in _PLAIN_FIELDS and _PLAIN_FIELDS[name].fullmatch(value) is not None
        return not _SECRET_NAME.search(name) and not _JWT.search(value.encode())

    return urlencode([(name, value if may_show(name, value) else REDACTED) for name, value in pairs]).encode()
