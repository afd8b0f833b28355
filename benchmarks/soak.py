"""A million starts with the journal on: their memory, and whether the next are answered as soon as on a new server.

python benchmarks/soak.py [STARTS]
"""

import socket
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import Server, raw_start, serving

CONNECTIONS = 8
BATCH = 50
MEASURED = 1000


def main(starts: int) -> None:
    with serving("--log-level", "warning") as server:
        token = server.token()
        memory = [server.memory()]
        done = 0
        while done < starts:
            done += together(server, token)
            if len(memory) <= 10 * done // starts:
                memory.append(server.memory())
                print(f"{done:>9,} starts  {memory[-1]:>4} MB", flush=True)
        with serving("--log-level", "warning") as new:
            first, last = side_by_side(new, server)
        counts = server.http.get("/__admin/health").json()["store"]
    print(f"memory: {memory[0]} MB before, {memory[-1]} MB after {done:,} starts, {max(memory)} MB at most")
    print(f"kept: {counts}")
    ratio = f"ratio {last / first:.2f}"
    print(f"median of {MEASURED} one by one: {first * 1e6:.0f} µs on a new server, {last * 1e6:.0f} µs here, {ratio}")


def side_by_side(*servers: Server) -> list[float]:
    """The median times of a start, in seconds: the servers take turns, as the machine is not as fast all the time."""
    times: list[list[float]] = [[] for _ in servers]
    with ExitStack() as connections:
        clients = [(connections.enter_context(server.connect()), server.token()) for server in servers]
        for _ in range(MEASURED):
            for taken, (connection, token) in zip(times, clients, strict=True):
                begin = time.perf_counter()
                read(connection, raw_start(token), 1)
                taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in times]


def together(server: Server, token: str) -> int:
    connections = [server.connect() for _ in range(CONNECTIONS)]
    for _ in range(20):
        for connection in connections:
            read(connection, b"".join(raw_start(token) for _ in range(BATCH)), BATCH)
    for connection in connections:
        connection.close()
    return 20 * CONNECTIONS * BATCH


def read(connection: socket.socket, sent: bytes, answers: int) -> None:
    connection.sendall(sent)
    seen = b""
    while seen.count(b"HTTP/1.1 200 OK") < answers or not seen.endswith(b"}}"):
        part = connection.recv(1 << 20)
        assert part, seen[-500:]
        seen += part
        assert b"HTTP/1.1 4" not in seen


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
