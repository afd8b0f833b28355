"""A million starts with the journal on: their memory, and whether the next are answered as soon as on a new server.

python benchmarks/soak.py [STARTS]
"""

import json
import re
import socket
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import WORKFLOW, Server, path, serving

CONNECTIONS = 8
BATCH = 50
MEASURED = 1000


def main(starts: int) -> None:
    with serving("--log-level", "warning") as server:
        token = server.token()
        memory = [resident(server)]
        done = 0
        while done < starts:
            done += together(server, token)
            if len(memory) <= 10 * done // starts:
                memory.append(resident(server))
                print(f"{done:>9,} starts  {memory[-1]:>4} MB", flush=True)
        with serving("--log-level", "warning") as new:
            first, last = side_by_side(new, server)
        counts = server.http.get("/__admin/health").json()["store"]
    print(f"memory: {memory[0]} MB before, {memory[-1]} MB after {done:,} starts, {max(memory)} MB at most")
    print(f"kept: {counts}")
    ratio = f"ratio {last / first:.2f}"
    print(f"median of {MEASURED} one by one: {first * 1e6:.0f} µs on a new server, {last * 1e6:.0f} µs here, {ratio}")


def request(token: str) -> bytes:
    body = json.dumps({"data": {"workflowId": WORKFLOW}})
    head = f"POST {path(customer=str(uuid4()))} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def side_by_side(*servers: Server) -> list[float]:
    """The median times of a start, in seconds: the servers take turns, as the machine is not as fast all the time."""
    times: list[list[float]] = [[] for _ in servers]
    with ExitStack() as connections:
        clients = [(connections.enter_context(server.connect()), server.token()) for server in servers]
        for _ in range(MEASURED):
            for taken, (connection, token) in zip(times, clients, strict=True):
                begin = time.perf_counter()
                read(connection, request(token), 1)
                taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in times]


def together(server: Server, token: str) -> int:
    connections = [server.connect() for _ in range(CONNECTIONS)]
    for _ in range(20):
        for connection in connections:
            read(connection, b"".join(request(token) for _ in range(BATCH)), BATCH)
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


def resident(server: Server) -> int:
    """Memory of the server in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", status)
    return int(kilobytes) // 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
