"""The figures of docs/performance.md, measured side by side: `make bench`.

`make bench-quick` is for the floors and ours alone.
Servers run pinned to core 0 and the load to core 1, in interleaved rounds; a figure is the median of the rounds, with
its range. It needs wrk, taskset and, for the peers, node and java. It writes results.md and results.svg beside itself.
"""

import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from floors import ANSWER, WORKFLOW
from workflow_mock.domain.definition import Edge, Outcome, Task, define
from workflow_mock.domain.execution import Execution

from tests.oauth.forge import Key, claims
from tests.support import Server, path, serving

PAGE = HERE.parent / "docs" / "performance.md"
FIGURES = re.compile("(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
"""What `make bench` writes into docs/performance.md."""

CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
LARGE = "77777777-7777-4777-8777-777777777777"
BODY = json.dumps({"data": {"workflowId": WORKFLOW}})
FORM = "grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
PEERS = {"@stoplight/prism-cli": "5.14.2", "@mockoon/cli": "9.9.0", "oauth2-mock-server": "8.2.3", "wiremock": "3.13.2"}
CONNECTIONS = 16
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(HERE)
"""Of the servers: as an installed one, it finds its modules compiled."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What wrk sends."""

    path: str
    body: str = BODY
    type: str = "application/json"
    tokens: Sequence[str] = ()

    def script(self, folder: Path) -> Path:
        file = folder / f"{uuid4()}.lua"
        tokens = folder / f"{uuid4()}.txt"
        tokens.write_text("\n".join(self.tokens))
        file.write_text(
            f"local n, tokens = 0, {{}}\nfor line in io.lines('{tokens}') do tokens[#tokens + 1] = line end\n"
            f"wrk.method, wrk.body = 'POST', '{self.body}'\nwrk.headers['Content-Type'] = '{self.type}'\n"
            "if #tokens == 1 then wrk.headers['Authorization'] = 'Bearer ' .. tokens[1] end\n"
            "if #tokens > 1 then function request()\n"
            "  n = n % #tokens + 1\n  wrk.headers['Authorization'] = 'Bearer ' .. tokens[n]\n"
            "  return wrk.format()\nend end\n"
        )
        return file


@dataclass
class Figures:
    """One contestant's, a number for each round."""

    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def row(self) -> str:
        return " | ".join(
            shown(values, digits) for values, digits in ((self.per_second, 0), (self.cpu_us, 0), (self.p99_ms, 1))
        )


def shown(values: Sequence[float], digits: int) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{statistics.median(values):,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


@dataclass
class Contestant:
    name: str
    command: Sequence[str]
    load: Load
    figures: Figures = field(default_factory=Figures)
    port: int = 0
    pid: int = 0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, load: Load, folder: Path | None = None) -> Iterator[int]:
    """A server pinned to core 0, once it answers; its process id."""
    words = ["taskset", "-c", "0", *(word.replace("PORT", str(port)) for word in command)]
    process = subprocess.Popen(
        words, env=ENVIRONMENT, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for_answer(port, load, process)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_answer(port: int, load: Load, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError):
            if ask(port, load) == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{process.args!r} does not answer")


def ask(port: int, load: Load) -> int:
    headers = {"Content-Type": load.type}
    if load.tokens:
        headers["Authorization"] = f"Bearer {load.tokens[0]}"
    request = Request(f"http://127.0.0.1:{port}{load.path}", load.body.encode(), headers)
    try:
        with urlopen(request, timeout=10) as answer:
            answer.read()
            return int(answer.status)
    except URLError as error:
        return int(getattr(error, "code", 0))


def cpu_seconds(pid: int) -> float:
    """Of the process and of what it has started in its session."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == pid:
                    total += int(fields[11]) + int(fields[12])
    return total / TICKS


def press(contestant: Contestant, seconds: int, folder: Path, *, keep: bool = True) -> None:
    """One round of load on one server."""
    before = cpu_seconds(contestant.pid)
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(contestant.load.script(folder)), f"http://127.0.0.1:{contestant.port}{contestant.load.path}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in printed:
        raise SystemExit(f"{contestant.name} refuses: {printed}")
    requests = int(re.findall(r"(\d+) requests in", printed)[0])
    number, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", printed)[0]
    if keep:
        contestant.figures.per_second.append(float(re.findall(r"Requests/sec:\s+([\d.]+)", printed)[0]))
        contestant.figures.cpu_us.append((cpu_seconds(contestant.pid) - before) / requests * 1e6)
        contestant.figures.p99_ms.append(float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit])


def compete(contestants: Sequence[Contestant], rounds: int, seconds: int, folder: Path) -> None:
    with ExitStack() as stack:
        for each in contestants:
            each.port = free_port()
            each.pid = stack.enter_context(running(each.command, each.port, each.load, folder))
        for each in contestants:
            press(each, 40 if "WireMock" in each.name else 3, folder, keep=False)
        for _ in range(rounds):
            for each in contestants:
                press(each, seconds, folder)
    for each in contestants:
        print(f"{each.name:<45} {each.figures.row()}", flush=True)


# What competes


def ours(*options: str) -> list[str]:
    return [sys.executable, "-m", "workflow_mock", "serve", "--port", "PORT", "--log-level", "warning", *options]


def floor(name: str) -> list[str]:
    command = [sys.executable, "-m", "uvicorn", name, "--port", "PORT", "--log-level", "warning"]
    return [*command, "--no-access-log", "--lifespan", "off"]


def documented(workflow: str = WORKFLOW) -> str:
    return path(workflow, customer=CUSTOMER)


def peers(folder: Path) -> list[Contestant]:
    """The peers' canned answers: they check no token and keep no record of an execution."""
    here = HERE / ".peers"
    here.mkdir(exist_ok=True)
    (here / "package.json").write_text(json.dumps({"private": True, "dependencies": PEERS}))
    subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"], cwd=here, check=True)
    programs, contract = here / "node_modules" / ".bin", HERE.parent / "openapi" / "workflow-api.yaml"
    canned = {"status": 200, "jsonBody": json.loads(ANSWER), "headers": {"Content-Type": "application/json"}}
    mapping = {"request": {"method": "POST", "urlPathPattern": "/api/workflow/.*"}, "response": canned}
    for name in ("wiremock", "wiremock-journal"):
        (folder / name / "mappings").mkdir(parents=True)
        (folder / name / "mappings" / "start.json").write_text(json.dumps(mapping))
    (jar,) = (here / "node_modules" / "wiremock" / "build").glob("*.jar")
    wiremock = ["java", "-jar", str(jar), "--port", "PORT", "--bind-address", "127.0.0.1", "--root-dir"]
    start = Load(documented(), tokens=["any"])
    return [
        Contestant("WireMock, no journal", [*wiremock, str(folder / "wiremock"), "--no-request-journal"], start),
        Contestant(
            "WireMock", [*wiremock, str(folder / "wiremock-journal"), "--max-request-journal-entries", "10000"], start
        ),
        Contestant(
            "Prism, -v error", [str(programs / "prism"), "mock", str(contract), "-p", "PORT", "-v", "error"], start
        ),
        Contestant(
            "Mockoon",
            [str(programs / "mockoon-cli"), "start", "-d", str(contract), "-p", "PORT", "-X", "--disable-admin-api"],
            start,
        ),
    ]


# The parts


def main(*, quick: bool, beside: Path | None) -> None:
    """`beside` is another checkout with an environment of its own: its server competes too."""
    for tool in ("wrk", "taskset", *(() if quick else ("npm", "java"))):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is needed")
    rounds, seconds = (3, 3) if quick else (5, 5)
    report: list[str] = []
    ratios: list[tuple[str, float, str, bool]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = Key()
        (folder / "key.pem").write_bytes(key.pem)
        issuer = "http://127.0.0.1/api/authentication"
        fresh = [key.token(key.header(), claims(issuer, client_id=str(n))) for n in range(6000)]
        signed = ours("--signing-key", str(folder / "key.pem"), "--issuer", issuer)
        us = Contestant("workflow-mock", signed, Load(documented(), tokens=fresh[:1]))
        new = Contestant("workflow-mock, a new token each time", signed, Load(documented(), tokens=fresh))
        raw = Contestant("raw ASGI, a fixed answer", floor("floors:raw"), us.load)
        starlette = Contestant("Starlette, JSON in and out", floor("floors:starlette"), us.load)
        empty = Contestant("FastAPI, an empty route", floor("floors:empty"), us.load)
        echo = Contestant("FastAPI, the request back", floor("floors:empty"), replace(us.load, path="/echo/x"))
        others = [] if quick else peers(folder)
        if beside is not None:
            command = [str(beside / ".venv" / "bin" / "python"), *signed[1:]]
            others.append(Contestant(f"workflow-mock of {beside.name}", command, us.load))
        compete([raw, starlette, empty, echo, us, new, *others], rounds, seconds, folder)
        starts = [raw, starlette, empty, echo, us, new, *others]
        report += ["## Starts", "", "| server | requests/s | CPU µs a request | p99 ms |", "|---|---|---|---|"]
        report += [f"| {each.name} | {each.figures.row()} |" for each in starts]

        def cpu(each: Contestant) -> float:
            return statistics.median(each.figures.cpu_us)

        def rate(each: Contestant) -> float:
            return statistics.median(each.figures.per_second)

        ratios.append(at_most("CPU of a start ÷ that of an empty FastAPI route", cpu(us) / cpu(empty), 0.45))
        ratios.append(at_most("the same, with a token never seen before", cpu(new) / cpu(empty), 0.9))
        ratios.append(at_most("p99 of a start at 16 connections, ms", statistics.median(us.figures.p99_ms), 5))
        if beside is not None:
            ratios.append(at_most(f"CPU of a start ÷ that of {beside.name}", cpu(us) / cpu(others.pop()), 1.05))
        for each, wanted in zip(others, (3, 3, 3, 18), strict=False):
            ratios.append(at_least(f"starts a second ÷ canned answers of {each.name}", rate(us) / rate(each), wanted))

        token = Contestant(
            "workflow-mock",
            ours(),
            Load("/api/authentication/connect/token", FORM, "application/x-www-form-urlencoded"),
        )
        issuers = [token]
        if not quick:
            program = str(HERE / ".peers" / "node_modules" / ".bin" / "oauth2-mock-server")
            load = Load("/token", FORM, "application/x-www-form-urlencoded")
            issuers.append(Contestant("oauth2-mock-server", [program, "-a", "127.0.0.1", "-p", "PORT"], load))
        compete(issuers, rounds, seconds, folder)
        report += ["", "## Tokens", "", "| server | requests/s | CPU µs a request | p99 ms |", "|---|---|---|---|"]
        report += [f"| {each.name} | {each.figures.row()} |" for each in issuers]
        if not quick:
            ratios.append(
                at_least("tokens a second ÷ those of oauth2-mock-server", rate(token) / rate(issuers[1]), 1.8)
            )

        many_tasks(folder, signed, fresh[0], rounds, seconds, ratios)
        growth(folder, signed, fresh[0], rounds, seconds, ratios)
        cold_start(folder, 11, ratios)
        graph(ratios)
        control_plane(ratios)
    table = ["| what | measured | wanted | |", "|---|---|---|---|"]
    table += [
        f"| {what} | {value:.2f} | {wanted} | {'met' if met else '**missed**'} |" for what, value, wanted, met in ratios
    ]
    report += ["", "## Ratios", "", *table]
    machine = f"{processor()}, {os.cpu_count()} cores; Linux {platform.release()}; Python {platform.python_version()}"
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("fastapi", "starlette", "uvicorn", "pydantic", "uvloop")
    )
    written = f"Written by `make bench` on {machine}; {packages}."
    head = ["# Results", "", written]
    head += [f"One server process on core 0, wrk with {CONNECTIONS} connections on core 1; medians of {rounds} rounds."]
    head += ["The peers check no token and keep no record of an execution; ours does both, with its journal on.", ""]
    text = "\n".join([*head, *report, ""])
    print(text)
    if not quick:
        (HERE / "results.md").write_text(text)
        (HERE / "results.svg").write_text(plot([(each.name, cpu(each)) for each in starts]))
        PAGE.write_text(FIGURES.sub(lambda _: "\n".join(["", written, "", *table, ""]), PAGE.read_text()))


def at_most(what: str, value: float, wanted: float) -> tuple[str, float, str, bool]:
    print(f"{what}: {value:.2f} (at most {wanted})", flush=True)
    return what, value, f"≤ {wanted}", value <= wanted


def at_least(what: str, value: float, wanted: float) -> tuple[str, float, str, bool]:
    print(f"{what}: {value:.2f} (at least {wanted})", flush=True)
    return what, value, f"≥ {wanted}", value >= wanted


Ratios = list[tuple[str, float, str, bool]]


def many_tasks(folder: Path, command: list[str], token: str, rounds: int, seconds: int, ratios: Ratios) -> None:
    """The start of 10,000 tasks, and a raw application that sends as many bytes."""
    tasks = [{"key": str(n), "after": [str(n // 2)] if n else []} for n in range(10_000)]
    catalogue = folder / "large.json"
    catalogue.write_text(json.dumps({"workflows": [{"id": LARGE, "name": "large", "tasks": tasks}]}))
    body = json.dumps({"data": {"workflowId": LARGE}})
    us = Contestant(
        "10,000 tasks", [*command, "--catalogue", str(catalogue)], Load(documented(LARGE), body, tokens=[token])
    )
    raw = Contestant("raw ASGI, as many bytes", floor("floors:raw_large"), us.load)
    compete([raw, us], rounds, seconds, folder)
    ratio = statistics.median(us.figures.cpu_us) / statistics.median(raw.figures.cpu_us)
    ratios.append(at_most("CPU of a start of 10,000 tasks ÷ sending as many bytes", ratio, 1.5))


def growth(folder: Path, command: list[str], token: str, rounds: int, seconds: int, ratios: Ratios) -> None:
    """A start on an empty server, and on one with a million behind it, 10,000 customers, 1,000 faults and workflows."""
    load = Load(documented(), tokens=[token])
    fresh, full = Contestant("an empty server", command, load), Contestant("a full server", command, load)
    with ExitStack() as stack:
        for each in (fresh, full):
            each.port = free_port()
            each.pid = stack.enter_context(running(each.command, each.port, each.load, folder))
        at_the_start = resident_mb(fresh.pid)
        fill(full.port, token)
        for each in (fresh, full):
            press(each, 3, folder, keep=False)
        for _ in range(rounds):
            for each in (fresh, full):
                press(each, seconds, folder)
        at_the_end = resident_mb(full.pid)
    ratio = statistics.median(full.figures.cpu_us) / statistics.median(fresh.figures.cpu_us)
    ratios.append(at_most("CPU of a start on a full server ÷ on an empty one", ratio, 1.1))
    ratios.append(at_most("memory after the first start, MB", at_the_start, 65))
    ratios.append(at_most("memory of a full server after a million starts, MB", at_the_end, 110))


def resident_mb(pid: int) -> float:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def fill(port: int, token: str) -> None:
    def control(method: str, call: str, body: object) -> None:
        headers = {"Content-Type": "application/json"}
        request = Request(f"http://127.0.0.1:{port}/__admin/{call}", json.dumps(body).encode(), headers, method=method)
        urlopen(request, timeout=30).read()

    for _ in range(1000):
        control("POST", f"faults?customerId={uuid4()}", {"status": 503})
        control("PUT", f"workflows/{uuid4()}", {"name": "x", "tasks": [{"key": "a"}]})
    customers = [str(uuid4()) for _ in range(10_000)]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for batch in range(20_000):
            start_all(connection, [customers[(batch * 50 + n) % len(customers)] for n in range(50)], token)


def start_all(connection: socket.socket, customers: Sequence[str], token: str) -> None:
    """Starts sent one behind the other, and their answers read."""
    head = f"Host: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}"
    starts = [f"POST {path(WORKFLOW, customer=customer)} HTTP/1.1\r\n{head}\r\n\r\n{BODY}" for customer in customers]
    connection.sendall("".join(starts).encode())
    seen = b""
    while seen.count(b"HTTP/1.1 200") < len(customers) or not seen.endswith(b"}}"):
        seen += connection.recv(1 << 20)
        if b"HTTP/1.1 4" in seen:
            raise SystemExit(f"a start is refused: {seen[-500:]!r}")


def cold_start(folder: Path, times: int, ratios: Ratios) -> None:
    """From the start of the process to a token, a start and a healthy health; the bare application answers one POST."""
    servers: Mapping[str, tuple[list[str], Load]] = {
        "ours": (ours(), Load(documented())),
        "bare": (floor("bare:app"), Load("/x")),
    }
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(times):
        for name, (command, load) in servers.items():
            port = free_port()
            words = [word.replace("PORT", str(port)) for word in command]
            begin = time.perf_counter()
            process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
            first_answer(port, load, own_token=name != "bare")
            if name != "bare":
                assert json.load(urlopen(f"http://127.0.0.1:{port}/__admin/health"))["status"] == "healthy"
            taken[name].append(time.perf_counter() - begin)
            process.kill()
            process.wait()
    one, other = (statistics.median(values) for values in taken.values())
    print(f"cold start: {one:.3f} s, bare {other:.3f} s", flush=True)
    what = (
        "time to the first 200 and to health ÷ the first answer of a bare FastAPI, uvicorn and python-jose application"
    )
    ratios.append(at_most(what, one / other, 1.15))


def first_answer(port: int, load: Load, *, own_token: bool) -> None:
    """Wait for the first 200; with a token got from the server itself, as a client would."""
    while True:
        try:
            if own_token:
                form = Request(f"http://127.0.0.1:{port}/api/authentication/connect/token", FORM.encode())
                token = json.load(urlopen(form, timeout=10))["access_token"]
                load = Load(load.path, tokens=[token])
            if ask(port, load) == 200:
                return
        except OSError:
            time.sleep(0.001)


def graph(ratios: Ratios) -> None:
    """100,000 tasks and 300,000 edges: checking them, and completing them one by one."""

    def taken(work: Callable[[], object]) -> float:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    def completing(size: int) -> tuple[float, float]:
        tasks = [Task(str(n), str(n), str(n), {}, is_trigger=n < 10) for n in range(size)]
        edges = [Edge(str(n - back), str(n)) for n in range(10, size) for back in (1, 5, 10)]
        made = []
        defining = taken(lambda: made.append(define("w", "w", tasks, edges)))
        now = datetime.now(UTC)
        execution = Execution("e", "c", made[0], now)

        def complete_all() -> None:
            while queue := execution.progress_at(now).queued_tasks():
                for task in queue:
                    execution.end_task(task.id, Outcome.COMPLETE, now)

        return defining, taken(complete_all)

    small, large = completing(25_000), completing(100_000)
    ratios.append(at_most("checking 100,000 tasks and 300,000 edges, s", large[0], 2))
    ratios.append(at_most("time to complete a task of 100,000 ÷ one of 25,000", large[1] / small[1] / 4, 1.3))


def control_plane(ratios: Ratios) -> None:
    """Reset of a customer beside 40,000 executions of others, and a search of 10,000 requests."""

    def median_ms(server: Server, method: str, url: str, **request: object) -> float:
        times = []
        for _ in range(50):
            begin = time.perf_counter()
            server.http.request(method, url, **request)  # type: ignore[arg-type]
            times.append(time.perf_counter() - begin)
        return statistics.median(times) * 1000

    with serving("--log-level", "warning") as server:
        token = server.token()
        with server.connect() as connection:
            for _ in range(1000):
                start_all(connection, [str(uuid4()) for _ in range(50)], token)
        nothing = median_ms(server, "GET", "/__admin/clock")
        reset = median_ms(server, "POST", f"/__admin/reset?customerId={CUSTOMER}")
        matcher = {"bodyPatterns": [{"contains": "no such text"}], "status": 200}
        find = median_ms(server, "POST", "/__admin/requests/find", json=matcher)
    ratios.append(at_most("reset of a customer, over a call that does nothing, ms", reset - nothing, 1))
    ratios.append(at_most("find over 10,000 requests, ms", find, 20))


def processor() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.processor()


def plot(bars: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars: CPU µs of each request."""
    widest = max(value for _, value in bars)
    height = 28 * len(bars) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" font-family="sans-serif" font-size="13">'
    ]
    lines.append('<text x="10" y="20" font-weight="bold">CPU µs a start (less is better)</text>')
    for place, (name, value) in enumerate(bars):
        y = 36 + 28 * place
        color = "#2563a8" if name.startswith("workflow-mock") else "#9aa7b4"
        lines.append(f'<text x="250" y="{y + 14}" text-anchor="end">{name}</text>')
        lines.append(f'<rect x="258" y="{y}" width="{max(1, value / widest * 420):.0f}" height="19" fill="{color}"/>')
        lines.append(f'<text x="{264 + value / widest * 420:.0f}" y="{y + 14}">{value:,.0f}</text>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the peers")
    parser.add_argument("--beside", type=Path, help="another checkout, with .venv in it, whose server competes too")
    main(**vars(parser.parse_args()))
