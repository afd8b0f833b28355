"""`workflow-mock tail`: the lines of a server elsewhere, by its events (HTML Living Standard, section 9.2)."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlencode

from workflow_mock.cli.client import MAX_RESPONSE_BYTES, ConnectError, call, connection_to, read_error
from workflow_mock.paths import ADMIN_PATH
from workflow_mock.state.line import Line

SILENCE_SECONDS = 60
"""The server says at least every 15 s that it is there; who hears nothing for so long connects again."""

MAX_PAUSE_SECONDS = 5.0
"""Between two attempts to connect again; the first come faster."""


class Refused(Exception):
    """The server refuses to tell; the message says why."""


class Event(NamedTuple):
    kind: str
    data: dict[str, Any]
    id: str | None


class Note(NamedTuple):
    """What is to be said of the connection."""

    text: str


def watch(url: str, customer_id: str | None, admin_token: str | None) -> Iterator[tuple[Line, dict[str, Any]] | Note]:
    """The line of each request from now on, and its entry in the journal, for ever: a server that ends may come back.

    Raises ConnectError where the server can't be reached at first; Refused.
    """
    if call(f"{url}{ADMIN_PATH}/settings", token=admin_token)[1].get("journal") is False:
        raise Refused("it was started with --no-journal, and tells of no requests")
    query = urlencode({"customerId": customer_id} if customer_id else {})
    last_id: str | None = None
    pause, is_lost, is_new = 0.0, False, True
    while True:
        try:
            for event in events(f"{url}{ADMIN_PATH}/events?{query}", last_id, admin_token):
                if is_new or is_lost:
                    yield Note(f"watching {url}" + ("; Ctrl-C ends it" if is_new else " again"))
                pause, is_lost, is_new, last_id = 0.0, False, False, event.id or last_id
                if event.kind == "request":
                    yield Line.of_members(event.data["line"]), event.data["request"]
                elif event.kind == "dropped":
                    yield Note(f"requests may be missing: {event.data.get('reason')}")
        except ConnectError as error:
            if not is_lost:
                yield Note(f"{error}; trying again")
            is_lost = True
        except (KeyError, TypeError):
            raise Refused("its events have no lines: is it an older workflow-mock?") from None
        time.sleep(pause)
        pause = min(MAX_PAUSE_SECONDS, pause * 2 or 0.1)


def events(url: str, last_id: str | None, admin_token: str | None) -> Iterator[Event]:
    """The events of a stream until its end; one of the kind `open` comes first. Raises ConnectError, Refused."""
    headers = {"Accept": "text/event-stream"}
    headers |= {"Last-Event-ID": last_id} if last_id else {}
    headers |= {"Authorization": f"Bearer {admin_token}"} if admin_token else {}
    connection, target = connection_to(url, SILENCE_SECONDS)
    try:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            raise Refused(read_error(response))
        yield Event("open", {}, None)
        fields: dict[str, str] = {}
        while line := response.readline(MAX_RESPONSE_BYTES):
            name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif "data" in fields:
                yield Event(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id"))
                fields = {}
    except (OSError, HTTPException, ValueError) as error:
        raise ConnectError(f"the connection to {url.partition('?')[0]} is lost: {error}") from None
    finally:
        connection.close()
