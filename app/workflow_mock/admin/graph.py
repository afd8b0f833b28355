"""Graphs as responses."""

from asyncio import to_thread
from collections.abc import Callable
from typing import ParamSpec

from fastapi import Response

from workflow_mock.domain.layout import GraphTooLarge
from workflow_mock.errors import ApiError

P = ParamSpec("P")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",  # an <img> that is set again shows it as it is then
}


class SvgResponse(Response):
    media_type = "image/svg+xml"


async def graph_response(draw: Callable[P, str], *args: P.args, **kwargs: P.kwargs) -> Response:
    """Draw a graph in a thread. Raises ApiError (409) for one that is too large."""
    try:
        return SvgResponse(await to_thread(draw, *args, **kwargs), headers=_HEADERS)
    except GraphTooLarge as error:
        raise ApiError("graph_too_large", f"The graph is too large to be drawn: {error}") from None
