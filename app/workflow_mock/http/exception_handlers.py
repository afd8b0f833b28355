"""What FastAPI refuses or fails at, in the envelope: a wrong base URL is a common first mistake."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response as FastAPIResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match

from workflow_mock.errors import ApiError, Problem, internal_error, invalid_request
from workflow_mock.http.cors import why_not
from workflow_mock.http.envelope import refuse
from workflow_mock.http.request_id import NOSNIFF, request_id_of
from workflow_mock.types import explain, place_in

logger = logging.getLogger(__name__)


def handle_errors(app: FastAPI, hint: str, *, head: bool = False) -> None:
    """Give the application's errors the envelope.

    `hint` says which routes there are; `head`, whether HEAD is answered wherever GET is.
    """

    async def refuse(request: Request, error: Exception) -> FastAPIResponse:
        if isinstance(error, ApiError):
            return _response(request, error)
        if isinstance(error, RequestValidationError):
            return _response(request, _invalid(error))
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            methods = _allowed(app, request)
            methods |= {"HEAD"} if head and "GET" in methods else set()
            allow = ((b"allow", ", ".join(sorted(methods)).encode("ascii")),)
            reason = why_not(request.method, dict(request.scope["headers"]))
            message = f"{request.scope['path']} doesn't take {request.method[:40]}{reason}"
            return _response(request, ApiError("method_not_allowed", message, headers=allow))
        if status == 400:
            return _response(request, ApiError("malformed_json", "The body can't be read as JSON"))
        return _response(request, ApiError("route_not_found", f"No such route; {hint}"))

    for kind in (HTTPException, ApiError, RequestValidationError):
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(Exception, _fail)


def _allowed(app: FastAPI, request: Request) -> set[str]:
    """The methods that a path takes. Starlette's own Allow names those of one of its routes alone."""
    fitting = [route for route in iter_route_contexts(app.routes) if route.matches(request.scope)[0] is not Match.NONE]
    exact = [route for route in fitting if route.path == request.scope["path"]]  # `requests/count` names no request
    return {method for route in exact or fitting for method in route.methods or ()}


def _invalid(error: RequestValidationError) -> ApiError:
    problems = []
    for problem in error.errors():
        part, *location = problem["loc"]
        if problem["type"] == "json_invalid":
            reason = problem["ctx"]["error"]
            return ApiError("malformed_json", f"The body isn't JSON: {reason} at character {location[0]}")
        path = place_in(error.body, location) if part == "body" else tuple(location)
        problems.append(Problem(path or (part,), explain(problem["msg"])))
    return invalid_request(problems, "body")


async def _fail(request: Request, error: Exception) -> FastAPIResponse:
    request_id = request_id_of(request.scope)
    # An ExceptionGroup is of the tasks of an event stream: ControlPlane says which of its exceptions are errors.
    if not isinstance(error, ExceptionGroup):
        fields = {"requestId": request_id}
        logger.error("%s: an error of the server's own", request_id, exc_info=error, extra=fields)
    response = _response(request, internal_error(request_id))
    # Starlette sends this response outside of all middleware.
    response.headers["x-request-id"] = request_id
    response.raw_headers.append(NOSNIFF)
    return response


def _response(request: Request, error: ApiError) -> FastAPIResponse:
    rendered = refuse(request.scope, error)
    response = FastAPIResponse(rendered.body, rendered.status)
    response.raw_headers.extend(rendered.headers)
    return response
