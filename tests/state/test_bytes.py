"""What is put over HTTP has a bound in bytes for all together: at it, one is taken; one byte over, refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from workflow_mock.admin.snapshot import Restore
from workflow_mock.domain.client import Client
from workflow_mock.domain.definition import Task, WorkflowDefinition, define
from workflow_mock.errors import ApiError
from workflow_mock.faults import registry
from workflow_mock.faults.effects import MAX_BODY_BYTES
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.sizes import size_of_json
from workflow_mock.state import clients, workflows

from tests.state.worlds import BEGIN, CUSTOMER, workflow_id


def fault(number: int, length: int) -> FaultSpec:
    id = f"b0000000-0000-4000-8000-{number:012}"
    return FaultSpec.model_validate({"id": id, "body": "x" * length, "matcher": {"customerId": CUSTOMER}})


def workflow(number: int, length: int) -> WorkflowDefinition:
    task = Task("a", "a", "a", {"text": "x" * length}, is_trigger=True)
    return define(workflow_id(100 + number), "large", [task], [], customers=frozenset((CUSTOMER,)))


def client(number: int, length: int) -> Client:
    return Client(str(number), "secret", scopes=("x" * length,))


class Kind(NamedTuple):
    """A kind of what is put: `length` is how long a text in it may be."""

    make: Callable[[int, int], Any]
    put: Callable[[Sandbox, Any], object]
    remove: Callable[[Sandbox, Any], object]
    bound: int
    length: int


KINDS = {
    "faults": Kind(
        fault,
        lambda sandbox, spec: sandbox.faults.add(spec),
        lambda sandbox, spec: sandbox.faults.remove(spec.id),
        registry.MAX_BYTES,
        MAX_BODY_BYTES,
    ),
    "workflows": Kind(
        workflow,
        lambda sandbox, definition: sandbox.workflows.put(definition),
        lambda sandbox, definition: sandbox.workflows.remove(definition.id),
        workflows.MAX_BYTES,
        64 * 1024 * 1024,
    ),
    "clients": Kind(
        client,
        lambda sandbox, client: sandbox.clients.put(client, CUSTOMER),
        lambda sandbox, client: sandbox.clients.remove(client.id, CUSTOMER),
        clients.MAX_BYTES,
        1024 * 1024,
    ),
}


def fill(sandbox: Sandbox, kind: Kind) -> list[str]:
    """Put so much that the bound is reached to the byte; the ids."""
    left = kind.bound
    ids: list[str] = []
    least = kind.make(0, 1).size - 1
    while left:
        length = min(kind.length, left - least)
        if 0 < left - least - length <= 2 * least:
            length -= 2 * least
        one = kind.make(len(ids), length)
        kind.put(sandbox, one)
        ids.append(one.id)
        left -= one.size
    return ids


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def test_at_the_bound_it_is_taken_and_one_byte_over_it_refused(sandbox: Sandbox, kind: Kind) -> None:
    ids = fill(sandbox, kind)
    with pytest.raises(ApiError, match=f"over {kind.bound} bytes") as refused:
        kind.put(sandbox, kind.make(len(ids), 1))
    assert (refused.value.status, refused.value.code) == (503, "limit_reached")


def test_one_that_takes_the_place_of_itself_needs_no_more_room(sandbox: Sandbox, kind: Kind) -> None:
    ids = fill(sandbox, kind)
    last = len(ids) - 1
    if kind.make is workflow:
        kind.remove(sandbox, workflow(last, 1))  # which executions may have: the old one counts until it is gone
    kind.put(sandbox, kind.make(last, 1))


GO: dict[str, Callable[[Sandbox], None]] = {
    "reset": lambda sandbox: sandbox.reset(CUSTOMER),
    "reset of all": lambda sandbox: sandbox.reset(None),
    "restored": lambda sandbox: Restore.read({}, CUSTOMER, sandbox).apply(sandbox),
    "restored for all": lambda sandbox: Restore.read({}, None, sandbox).apply(sandbox),
}


@pytest.mark.parametrize("way", GO)
def test_what_goes_with_the_world_makes_room(sandbox: Sandbox, kind: Kind, way: str) -> None:
    fill(sandbox, kind)
    GO[way](sandbox)
    fill(sandbox, kind)


def test_what_is_removed_makes_room(sandbox: Sandbox, kind: Kind) -> None:
    ids = fill(sandbox, kind)
    kind.remove(sandbox, kind.make(0, 1))
    kind.put(sandbox, kind.make(len(ids), 1))


def test_a_definition_counts_as_long_as_an_execution_has_it(sandbox: Sandbox) -> None:
    kind = KINDS["workflows"]
    first = fill(sandbox, kind)[0]
    sandbox.start(CUSTOMER, first, BEGIN)
    sandbox.workflows.remove(first)
    with pytest.raises(ApiError, match="those that executions have"):
        sandbox.workflows.put(workflow(0, 1))
    sandbox.executions.clear(CUSTOMER)
    sandbox.workflows.put(workflow(0, 1))


def test_faults_that_are_over_go_first(sandbox: Sandbox) -> None:
    over = sandbox.faults.add(FaultSpec.model_validate({"body": "x" * MAX_BODY_BYTES, "ttl": "1s"}))
    over.created = BEGIN.replace(year=2000)
    ids = fill(sandbox, KINDS["faults"])
    assert list(sandbox.faults.in_force) == ids


@pytest.mark.parametrize("customer", [CUSTOMER, None], ids=["of a customer", "of all"])
def test_a_snapshot_over_the_bound_is_refused_and_changes_nothing(sandbox: Sandbox, customer: str | None) -> None:
    size = fault(0, MAX_BODY_BYTES).size
    specs = [fault(number, MAX_BODY_BYTES) for number in range(registry.MAX_BYTES // size + 1)]
    entries = [{"spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)} for spec in specs]
    kept = sandbox.faults.add(fault(9999, 1))
    with pytest.raises(ApiError) as refused:
        Restore.read({"faults": entries}, customer, sandbox).apply(sandbox)
    assert refused.value.validation[0].property == "faults"
    Restore.read({"faults": entries[1:]}, customer, sandbox).apply(sandbox)
    assert len(sandbox.faults.in_force) == len(specs) - 1
    assert kept.spec.id not in sandbox.faults.in_force


def test_a_customers_snapshot_has_room_beside_what_others_have(sandbox: Sandbox) -> None:
    kind = KINDS["faults"]
    fill(sandbox, kind)
    other = CUSTOMER.replace("1", "3", 1)

    def faults(customer: str) -> Restore:
        spec = {"status": 503, "matcher": {"customerId": customer}}
        return Restore.read({"faults": [{"spec": spec}]}, customer, sandbox)

    with pytest.raises(ApiError, match="more than 67108864 bytes of faults") as refused:
        faults(other).apply(sandbox)
    assert refused.value.status == 503
    faults(CUSTOMER).apply(sandbox)
    assert len(sandbox.faults.in_force) == 1


def test_a_value_of_lists_counts_as_what_it_takes_and_not_as_its_text() -> None:
    assert size_of_json([[]] * 1000) > 50 * 1000
    assert size_of_json({"a": ["b", 1, None, 1.5]}) > 300


def test_a_restored_journal_is_bounded_in_bytes_too(sandbox: Sandbox) -> None:
    entry = {
        "id": "0", "time": "2030-01-01T00:00:00Z", "method": "POST", "path": "/", "query": "", "headers": {},
        "body": "x" * 16_000, "status": 200, "errors": [], "validation": [], "durationInMilliseconds": 0,
        "answerLost": False, "notes": [],
    }  # fmt: skip
    heavy = {"validation": [{"property": "x" * 1000, "message": "y" * 1000}] * 100}
    entries = [entry | heavy | {"id": str(number)} for number in range(400)]
    Restore.read({"requests": entries}, None, sandbox).apply(sandbox)
    kept = len(sandbox.journal)
    assert 64 * 1024 * 1024 // 300_000 < kept < 64 * 1024 * 1024 // 200_000
    assert sandbox.journal.forgotten(None) == 400 - kept
    assert sandbox.journal.get("399") is not None
    light = replace(sandbox.journal.for_customer(None)[0], id="new", size=1024)
    sandbox.journal.record(light)
    assert sandbox.journal.get("new") is light
