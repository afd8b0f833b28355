"""What the code cites of the contract is there: docs/contract.md, its section, and the heading where one is quoted."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import PAGES
from tests.support import ROOT

FILES = sorted((ROOT / "app").rglob("*.py"))
CITATION = re.compile(r'docs/contract\.md(?:, (?P<number>\d+(?:\.\d+)*)(?:, "(?P<heading>[^"]+)")?)?')


def unwrapped(text: str) -> str:
    """Source text with each run of white space, and the # of a comment's next line, as one blank."""
    return re.sub(r"\s+(?:# )?", " ", text)


def citations() -> Iterator[tuple[str, str, str]]:
    for file in FILES:
        for found in CITATION.finditer(unwrapped(file.read_text("utf-8"))):
            yield file.relative_to(ROOT).as_posix(), found["number"] or "", found["heading"] or ""


CITED = list(citations())


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """The contract's headings by their numbers."""
    numbered = (re.fullmatch(r"(\d+(?:\.\d+)*)\.? (.+)", heading) for heading in PAGES["docs/contract.md"].headings)
    return {found[1]: found[2] for found in numbered if found}


@pytest.mark.parametrize(("file", "number", "heading"), CITED, ids=[f"{file}, {number}" for file, number, _ in CITED])
def test_each_citation_is_resolved(file: str, number: str, heading: str, sections: dict[str, str]) -> None:
    assert number in sections, f"{file} cites docs/contract.md without a section that exists"
    assert heading in ("", sections[number])


def test_the_code_cites_each_chapter() -> None:
    assert {number.partition(".")[0] for _, number, _ in CITED} == {"1", "2", "3"}


def test_the_contract_is_cited_in_this_form_alone() -> None:
    loose = re.compile(r"\bcontract,? (section|chapter|§|\d)", re.IGNORECASE)
    assert not [file.name for file in FILES if loose.search(unwrapped(file.read_text("utf-8")))]


def test_sections_of_the_contract_are_numbered_in_order(sections: dict[str, str]) -> None:
    numbers = [tuple(int(part) for part in number.split(".")) for number in sections]
    assert numbers == sorted(set(numbers))
