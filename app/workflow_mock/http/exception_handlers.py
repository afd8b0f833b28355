"""What FastAPI refuses or fails at, in the envelope: a wrong base URL is a common first mistake."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match

from workflow_mock.domain.definition import show_path
from workflow_mock.errors import ApiError, ValidationDetail
from workflow_mock.http.envelope import render
from workflow_mock.operation import internal_error
from workflow_mock.types import explain, place_in

logger = logging.getLogger(__name__)


def handle_errors(app: FastAPI, hint: str, *, head: bool = False) -> None:
    """Give the application's errors the envelope.

    `hint` says which routes there are; `head`, whether HEAD is answered wherever GET is.
    """

    async def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, ApiError):
            return _answer(error)
        if isinstance(error, RequestValidationError):
            return _answer(_invalid(error))
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            methods = _allowed(app, request)
            methods |= {"HEAD"} if head and "GET" in methods else set()
            allow = ((b"allow", ", ".join(sorted(methods)).encode("ascii")),)
            message = f"{request.scope['path']} doesn't take {request.method}"
            return _answer(ApiError("method_not_allowed", message, headers=allow))
        if status == 413:
            return _answer(ApiError("body_too_large", "The body is larger than this call takes"))
        if status == 400:
            return _answer(ApiError("malformed_json", "The body can't be read as JSON"))
        return _answer(ApiError("route_not_found", f"No such route; {hint}"))

    for kind in (HTTPException, ApiError, RequestValidationError):
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(Exception, _fail)


def _allowed(app: FastAPI, request: Request) -> set[str]:
    """The methods that a path takes. Starlette's own Allow names those of one of its routes alone."""
    fitting = [route for route in iter_route_contexts(app.routes) if route.matches(request.scope)[0] is not Match.NONE]
    exact = [route for route in fitting if route.path == request.scope["path"]]  # `requests/count` names no request
    return {method for route in exact or fitting for method in route.methods or ()}


def _invalid(error: RequestValidationError) -> ApiError:
    faults = []
    for fault in error.errors():
        where, *path = fault["loc"]
        if fault["type"] == "json_invalid":
            return ApiError("malformed_json", f"The body isn't JSON: {fault['ctx']['error']} at character {path[0]}")
        place = place_in(error.body, path) if where == "body" else tuple(path)
        faults.append(ValidationDetail(show_path(place) or where, explain(fault["msg"])))
    return ApiError("validation_failed", "The request is not valid: see validation", validation=faults)


async def _fail(request: Request, error: Exception) -> Response:
    if not isinstance(error, ExceptionGroup):  # what a group has is for whoever runs the application to tell
        logger.error("%s: a fault of the server's own", request.state.request_id, exc_info=error)
    return _answer(internal_error(request.state.request_id))


def _answer(error: ApiError) -> Response:
    answer = render(error)
    response = Response(answer.body, answer.status)
    response.raw_headers.extend(answer.headers)
    return response
