"""What a failing test prints of its world, and what a passing one is warned of."""

from collections.abc import Iterator, Sequence

from workflow_mock_kit.client import World
from workflow_mock_kit.records import Fault, Request
from workflow_mock_kit.words import line

MAX_LINES = 20


def report(world: World) -> str:
    """What this world's client did, in at most 20 lines, the newest last."""
    requests = world.requests
    faults = {fault.id: fault for fault in world.faults()}
    clock = world.clock.state()
    lines = [f"customer {world.customer_id} at {world.base_url}"]
    if clock.own:
        lines.append(f"clock {'frozen at' if clock.frozen else 'at'} {clock.now.isoformat()}")
    lines += [_described(fault) for fault in faults.values() if not (fault.injected or fault.is_permanent)]
    lines = lines[: MAX_LINES // 2]
    room = MAX_LINES - len(lines)
    if len(requests) > room:
        lines.append(f"… {len(requests) - room + 1} requests before these")
        requests = requests[len(requests) - room + 1 :]
    shown = list(_request_lines(requests, faults))
    return "\n".join([*lines, *(shown or ["the client has sent nothing to this world"])])


def _request_lines(requests: Sequence[Request], faults: dict[str, Fault]) -> Iterator[str]:
    met: dict[str, int] = {}
    for request in requests:
        text = line(request)
        fault_id = request.fault_id
        if fault_id:
            met[fault_id] = met.get(fault_id, 0) + 1
            fault = faults.get(fault_id)
            times = f" of {fault.times}" if fault is not None and fault.data.get("times") else ""
            text = text.replace(f"fault {fault_id[:8]}", f"fault {fault_id[:8]}, {met[fault_id]}{times}")
        yield text


def _described(fault: Fault) -> str:
    """A fault as a test would say it."""
    effects = ("status", "fault", "truncateBodyAt", "fixedDelayMilliseconds", "quota", "hold", "sequence", "when")
    said = " ".join(f"{name}={fault.data[name]!r}" for name in effects if fault.data.get(name) not in _NOTHING)
    return f"fault {fault.id[:8]} ({said}) was met by no request{_because(fault)}"


_NOTHING = (None, 0, "before")


def _because(fault: Fault) -> str:
    return f": {fault.warnings[0]}" if fault.data.get("warnings") else ""


def warnings_of(world: World) -> Iterator[str]:
    """What a test may have missed though it passed."""
    for fault in world.faults():
        if not fault.injected and not fault.is_permanent:
            yield f"the {_described(fault)}"
    for request in world.starts:
        if request.duplicate_of:
            yield (
                f"the client started the workflow {request.workflow_id} twice: the answer to the execution"
                f" {request.duplicate_of} was lost, and its next try started {request.execution_id}"
            )
