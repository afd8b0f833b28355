"""What was asked of the documented plane and the token endpoint, and what became of it.

An entry holds no token and no secret: of a token it has the digest and the claims, and what headers, form and query say
in secret is replaced before the entry is kept.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from workflow_mock.errors import ErrorDetail, ValidationDetail
from workflow_mock.remembered import remembered
from workflow_mock.settings import TOKEN_PATH
from workflow_mock.state.kept import Kept

MAX_BODY_BYTES = 16 * 1024
"""So much of a body is kept."""

LOOK_BACK = 20
"""Exchanges of a customer that are searched for a start whose answer was lost."""

FORM = "application/x-www-form-urlencoded"

REDACTED = "[redacted]"
_REDACTED = REDACTED.encode()

_SECRET_HEADERS = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"x-api-key"})
_FIELD = re.compile(r"[\w.$-]*")
_SECRET_FIELDS = frozenset({"client_secret", "access_token", "refresh_token", "password", "assertion", "code"})


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


class Journal(Kept[Exchange]):
    """The newest exchanges."""

    lost_answers = False
    """Whether a start's answer was ever lost, so that the next start may be the client's second try."""

    def record(self, exchange: Exchange) -> None:
        """Keep an exchange, without its secrets."""
        headers = exchange.headers
        for name in _SECRET_HEADERS & headers.keys():
            headers[name] = _REDACTED
        exchange.headers = _shared(tuple(headers.items()))
        exchange.notes = tuple(exchange.notes)
        if exchange.query:
            exchange.query = redact_form(exchange.query)
        if exchange.path == TOKEN_PATH and exchange.body:
            is_form = (exchange.header("content-type") or "").lower().startswith(FORM)
            exchange.body = redact_form(exchange.body) if is_form else REDACTED.encode()
        if exchange.body and len(exchange.body) > MAX_BODY_BYTES:
            exchange.body = exchange.body[:MAX_BODY_BYTES]
        self.restore(exchange)

    def restore(self, exchange: Exchange) -> None:
        """Keep an exchange as it was kept before."""
        self.lost_answers |= exchange.answer_lost
        self.add(exchange)

    def lost_before(self, exchange: Exchange) -> str | None:
        """The execution of the customer's last start of this workflow, where the answer to it was lost."""
        for earlier in islice(reversed(self._by_customer.get(exchange.customer_id, ())), LOOK_BACK):
            if earlier.execution_id and earlier.workflow_id == exchange.workflow_id:
                return earlier.execution_id if earlier.answer_lost else None
        return None


@lru_cache(maxsize=64)
def _shared(headers: tuple[tuple[bytes, bytes], ...]) -> dict[bytes, bytes]:
    """One dictionary for all requests with the same headers: a client's mostly have, and so the journal takes half."""
    return dict(headers)


@remembered(1024)
def _text(path: bytes) -> str:
    return path.decode("ascii")


def digest(token: bytes) -> str:
    """What a token is called in the journal."""
    return "sha256:" + sha256(token).hexdigest()[:32]


def redact_form(data: bytes) -> bytes:
    """A form or query with what is secret in it replaced; all of it, where it is no form but JSON or the like."""
    pairs = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True)
    if not all(_FIELD.fullmatch(name) for name, _ in pairs):
        return REDACTED.encode()
    return urlencode([(name, REDACTED if name.lower() in _SECRET_FIELDS else value) for name, value in pairs]).encode()
