"""How long a good client waits while others make the largest call of each kind: `make waits`.

A client starts executions one by one, on a connection of its own; its longest wait for a response is shown, in
milliseconds. Wanted are 50 at most.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from soak import read

from tests.support import Server, path, raw_start, serving

WANTED_MS = 50
ENTRIES = 10_000
TASKS = 20_000
REPETITIONS = 3


def main() -> None:
    with serving("--log-level", "warning") as server:
        token = server.token()
        fill(server, token)
        for name, call in calls(server).items():
            waits = [longest_wait(server, token, call) * 1000 for _ in range(REPETITIONS)]
            mark = "" if statistics.median(waits) <= WANTED_MS else "  missed"
            print(f"{statistics.median(waits):>8.1f}  {name}{mark}", flush=True)


def fill(server: Server, token: str) -> None:
    with server.connect() as connection:
        for _ in range(ENTRIES // 100):
            read(connection, raw_start(token) * 100, 100)
    for _ in range(1000):
        server.http.post("/__admin/faults", json={"status": 503, "matcher": {"customerId": str(uuid4())}})


def calls(server: Server) -> Mapping[str, Callable[[], object]]:
    http = server.http
    workflow = str(uuid4())
    tasks = [{"key": str(n), "after": [str(n - 1)] if n else []} for n in range(TASKS)]
    definition = json.dumps({"name": "large", "tasks": tasks})
    json_type = {"Content-Type": "application/json"}

    def put() -> object:
        return http.put(f"/__admin/workflows/{workflow}", content=definition, headers=json_type, timeout=60)

    put()
    half = str(uuid4())
    few = json.dumps({"name": "half as large", "tasks": tasks[: TASKS // 2]})
    http.put(f"/__admin/workflows/{half}", content=few, headers=json_type, timeout=60).raise_for_status()

    def execution() -> str:
        body = {"data": {"workflowId": workflow}}
        started = http.post(path(workflow), json=body, headers={"Authorization": f"Bearer {server.token()}"})
        return str(started.json()["data"]["id"])

    def advance() -> object:
        advance = {"to": "next"}
        return http.post(f"/__admin/executions/{execution()}/advance", json=advance, timeout=60).raise_for_status()

    snapshot = http.get("/__admin/snapshot", timeout=60).content
    nothing = {"bodyPatterns": [{"contains": "no such text"}]}
    junk = b'{"a": [' + b"1," * 500_000 + b"1]}"
    return {
        "nothing": lambda: http.get("/__admin/health"),
        "find in the whole journal": lambda: http.post("/__admin/requests/find", json=nothing),
        "verify against the whole journal": lambda: http.post("/__admin/requests/verify", json={"matcher": nothing}),
        "all requests": lambda: http.get("/__admin/requests?limit=1000"),
        "all executions": lambda: http.get("/__admin/executions?limit=1000"),
        "all faults": lambda: http.get("/__admin/faults"),
        "get a snapshot": lambda: http.get("/__admin/snapshot", timeout=60),
        "restore a snapshot": lambda: http.put("/__admin/snapshot", content=snapshot, headers=json_type, timeout=60),
        f"put a workflow of {TASKS:,} tasks": put,
        f"the graph of {TASKS // 2:,} tasks": lambda: http.get(f"/__admin/workflows/{half}/graph.svg", timeout=60),
        f"an execution of {TASKS:,} tasks": lambda: http.get(f"/__admin/executions/{execution()}", timeout=60),
        f"advance an execution of {TASKS:,} tasks": advance,
        "1 MB of JSON that is nothing": lambda: http.post("/__admin/faults", content=junk, headers=json_type),
        "the contract": lambda: http.get("/openapi.json"),
        "the control plane's page": lambda: http.get("/__admin/docs"),
        "reset": lambda: http.post("/__admin/reset"),
    }


def longest_wait(server: Server, token: str, call: Callable[[], object]) -> float:
    """The longest wait of the client for the response to a start, in seconds, until the call has its own."""
    done = Event()

    def other() -> None:
        call()
        done.set()

    thread = Thread(target=other)
    longest = 0.0
    with server.connect() as connection:
        read(connection, raw_start(token), 1)
        thread.start()
        while not done.is_set():
            begin = time.perf_counter()
            read(connection, raw_start(token), 1)
            longest = max(longest, time.perf_counter() - begin)
    thread.join()
    return longest


if __name__ == "__main__":
    main()
