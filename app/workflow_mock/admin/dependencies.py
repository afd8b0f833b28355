"""What routes of the control plane have in common: query parameters, bodies, checks, and lists as JSON."""

import json
import re
from asyncio import to_thread
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any, Literal, Protocol, TypeVar

from fastapi import Query, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from workflow_mock.errors import ApiError, Problem, invalid_request
from workflow_mock.http.content_type import media_type
from workflow_mock.http.messages import Request as BoundedRequest
from workflow_mock.state.request_log import CLIENT_LEFT
from workflow_mock.state.store import in_batches
from workflow_mock.strict_json import NotSerializable, check
from workflow_mock.types import Uuid

Customer = Annotated[Uuid | None, Query(alias="customerId", description="The customer meant; else all.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="As many at most; 100 if not given.")]
Cursor = Annotated[int, Query(ge=0, le=2**53, description="The `next` of the page before.")]
Order = Annotated[
    Literal["asc", "desc"], Query(description="Oldest first, or newest first; oldest first if not given.")
]

MAX_BODY_BYTES = 1024 * 1024
"""Of any call but to put a workflow or a snapshot. To parse a body of numbers holds up everybody."""

PARSED_ON_LOOP_BYTES = 64 * 1024
"""A longer body is parsed and checked in a thread."""

_JSON_TYPE = re.compile(r"application/([^/]+\+)?json")


class JsonRoute(APIRoute):
    """A route that reads a body only where it takes one, up to a limit, and parses a long one off the loop."""

    max_bytes = MAX_BODY_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_json(request: Request) -> Response:
            request = _JsonRequest(request, self.max_bytes)
            try:
                await request.load()
                return await handle(request)
            except ClientDisconnect:
                return Response(status_code=CLIENT_LEFT)

        return handle_json


class _JsonRequest(Request):
    """A request whose JSON is parsed before FastAPI asks for it."""

    _document: Any = None
    _error: ValueError | RecursionError | None = None

    def __init__(self, request: Request, max_bytes: int) -> None:
        super().__init__(request.scope, request.receive)
        self._bounded = BoundedRequest(request.scope, request.receive)
        self._max_bytes = max_bytes

    async def body(self) -> bytes:
        """Raises BodyTooLarge, ClientDisconnect."""
        return await self._bounded.body(self._max_bytes)

    async def load(self) -> None:
        """Raises ApiError: 400 for a body with what a response couldn't say again, 413, 415 if it isn't called JSON."""
        body = await self.body()
        if not body:
            return
        if not _JSON_TYPE.fullmatch(media_type(self.headers.get("content-type", "").encode("latin-1"))):
            raise ApiError("unsupported_media_type", "Send Content-Type: application/json")
        try:
            if len(body) > PARSED_ON_LOOP_BYTES:
                self._document = await to_thread(_parse, body)
            else:
                self._document = _parse(body)
        except NotSerializable as error:
            raise validation_error(Problem(error.path or ("body",), str(error))) from None
        except (ValueError, RecursionError) as error:
            self._error = error

    async def json(self) -> Any:
        """Raises ValueError, RecursionError: FastAPI says where the JSON is broken."""
        if self._error is not None:
            raise self._error
        return self._document


def _parse(body: bytes) -> Any:
    document = json.loads(body, object_pairs_hook=_members)
    check(document)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. It is Python, in which other threads have their turn: `json.loads` alone lets none in to its end."""
    return dict(pairs)


async def check_parameters(request: Request) -> None:
    """Raises ApiError (400): a misspelt customerId must not mean all customers."""
    known = {parameter.alias for parameter in get_flat_params(request.scope["route"].dependant)}
    given = request.query_params
    problems = [Problem((name,), "is not known here") for name in given if name not in known]
    problems += [Problem((name,), "is given more than once") for name in known if len(given.getlist(name)) > 1]
    if problems:
        raise validation_error(*problems)


class Owned(Protocol):
    """Something that belongs to a customer, or to none."""

    @property
    def customer_id(self) -> str | None: ...


Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")
Own = TypeVar("Own", bound=Owned)


def read_body(model: type[Model], document: dict[str, Any]) -> Model:
    """The model of a body, for routes that read a large one in a thread. Raises RequestValidationError."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(errors, body=document) from None


def or_404(found: T | None, name: str) -> T:
    """Raises ApiError (404) where nothing was found."""
    if found is None:
        raise ApiError("not_found", f"There is no {name}")
    return found


def owned_or_404(found: Own | None, name: str, customer: str | None) -> Own:
    """Raises ApiError (404) where nothing was found, or what isn't this customer's."""
    return or_404(found if found is None or customer in (None, found.customer_id) else None, name)


def validation_error(*problems: Problem) -> ApiError:
    """Make the error (400) for a request with these problems; of many, it has the first."""
    return invalid_request(problems, "body")


async def json_list(items: Iterable[T], show: Callable[[T], BaseModel], *, exclude_none: bool = False) -> bytes:
    """Render items as a JSON array, in batches: a long one doesn't hold up other requests."""
    parts = [
        show(item).model_dump_json(by_alias=True, exclude_none=exclude_none).encode()
        async for batch in in_batches(items)
        for item in batch
    ]
    return b"[%b]" % b",".join(parts)


def json_object(head: BaseModel | None = None, /, **members: bytes | BaseModel | int | None) -> Response:
    """Make the response of an object: the members of `head`, and then what is rendered, models or numbers."""
    parts = [] if head is None else [head.model_dump_json(by_alias=True).encode()[1:-1]]
    for name, value in members.items():
        if isinstance(value, BaseModel):
            text = value.model_dump_json(by_alias=True).encode()
        else:
            text = value if isinstance(value, bytes) else json.dumps(value).encode()
        parts.append(b'"%b":%b' % (name.encode(), text))
    return Response(b"{%b}" % b",".join(parts), media_type="application/json")
