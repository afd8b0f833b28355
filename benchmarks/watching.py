"""What it costs to watch: starts a second with nobody watching, with pages open, and with listeners to each event; and
the CPU time that a page takes.

`make watching`. The rounds are interleaved on one server. A figure is the median of the ratios of a round to the one
before it, in which nobody watched, in CPU time of the server. That bounds starts a second, and other work on the
machine hardly changes it. Wanted is 0.95 with a page open.
"""

import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from soak import read
from waits import fill

from tests.support import LARGE, Server, raw_start, serving

DIGEST, EACH = "/__admin/events?digest=true", "/__admin/events"
WATCHING = (
    ("a page open", DIGEST, 1),
    ("ten pages open", DIGEST, 10),
    ("a listener to each event", EACH, 1),
    ("ten listeners to each event", EACH, 10),
)
PIPELINED = 16


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--starts", type=int, default=8000, help="of a round")
    options = parser.parse_args()
    with serving("--log-level", "warning") as server:
        token = server.token()
        start = raw_start(token)
        cpu_of_starts(server, start, options.starts)
        ratios: dict[str, list[float]] = {name: [] for name, _, _ in WATCHING}
        alone: list[float] = []
        for _ in range(options.rounds):
            for name, path, count in WATCHING:
                before = cpu_of_starts(server, start, options.starts)
                with watching(server, path, count):
                    during = cpu_of_starts(server, start, options.starts)
                alone.append(before)
                ratios[name].append(before / during)
        page = cpu_of_page(server, token)
    print(
        f"{statistics.median(alone) * 1e6 / options.starts:>8.0f}  "
        "µs of the server's CPU for a start with nobody watching"
    )
    for name, values in ratios.items():
        print(f"{statistics.median(values):>8.3f}  of the starts with {name} ({min(values):.3f}–{max(values):.3f})")
    for name, milliseconds in page.items():
        print(f"{milliseconds:>8.1f}  ms of the server's CPU for {name}")


def cpu_of_page(server: Server, token: str) -> dict[str, float]:
    """The CPU time of the server for all that a page asks for, in milliseconds, with a full journal."""
    fill(server, token)
    execution = server.start(LARGE, token=token).json()["data"]["id"]
    frame = [f"/__admin/ui/static/{name}" for name in ("style.css", "icon.svg", "frame.js", "dom.js", "control.js")]
    frame += ["/__admin/changes"]
    pages = {
        "the first page, 10,000 requests": ["/__admin/", "/__admin/ui/static/requests.js", DIGEST],
        "the next 100 requests": ["/__admin/requests/lines?cursor=9000"],
        "the failed ones of 10,000": ["/__admin/requests/lines?failed=true"],
        "an execution of 200 tasks": [
            f"/__admin/ui/executions/{execution}",
            f"/__admin/executions/{execution}",
            f"/__admin/executions/{execution}/graph.svg",
            "/__admin/clock",
            "/__admin/workflows",
        ],
    }
    return {name: min(cpu_of(server, [*frame, *paths]) for _ in range(5)) * 1000 for name, paths in pages.items()}


def cpu_of(server: Server, paths: list[str]) -> float:
    before = cpu(server)
    for path in paths:
        if path == DIGEST:
            with server.http.stream("GET", path) as stream:
                next(stream.iter_lines())
        else:
            server.http.get(path).raise_for_status()
    return cpu(server) - before


def cpu_of_starts(server: Server, start: bytes, count: int) -> float:
    """The CPU time of the server for so many starts, in seconds: with a busy server, what bounds starts a second."""
    before = cpu(server)
    with server.connect() as connection:
        for _ in range(count // PIPELINED):
            read(connection, start * PIPELINED, PIPELINED)
    return cpu(server) - before


def cpu(server: Server) -> float:
    """The server's CPU time, in seconds."""
    return int(Path(f"/proc/{server.process.pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def watching(server: Server, path: str, count: int) -> Iterator[None]:
    """So many clients that read what is told, in threads."""
    done = Event()
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(count)]
        for connection in connections:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connection.recv(1 << 16)
            connection.settimeout(0.1)

        def drain() -> None:
            while not done.is_set():
                for connection in connections:
                    connection.setblocking(False)
                    with suppress(BlockingIOError):
                        connection.recv(1 << 20)
                time.sleep(0.005)

        thread = Thread(target=drain)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


if __name__ == "__main__":
    main()
