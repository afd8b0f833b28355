"""The table of docs/generated-clients.md is that of the generators that are tried."""

from tests.clients.generators import CONTRACTS, GENERATORS
from tests.docs.pages import PAGES
from tests.support import ROOT


def test_each_generator_is_in_the_table_as_it_is_run() -> None:
    rows = [tuple(row) for row in PAGES["docs/generated-clients.md"].table()]
    assert rows == [(each.name, each.version, f"`{each.generate}`") for each in GENERATORS]


def test_each_has_a_program_and_the_contracts_are_there() -> None:
    for each in GENERATORS:
        folder = ROOT / "tests" / "clients" / each.folder
        assert {"main", "program"} & {file.stem.lower() for file in folder.iterdir()}, each.name
    assert all(contract.is_file() for contract in CONTRACTS.values())


def test_what_is_generated_is_not_committed() -> None:
    assert ".clients/" in (ROOT / ".gitignore").read_text().splitlines()
