"""The snippets about the kit: tests of a client, as its people write them."""

from pathlib import Path

import workflow_mock
import workflow_mock_kit

from tests.docs.pages import Snippet, python, text_of
from tests.kit.projects import Run, anonymous, prepare, run_tests

README, KIT = "README.md", "kit/README.md"

IN_TWO_LINES = Snippet(README, "python", "workflow_mock.verify")
FIRST_LOOK = Snippet(KIT, "python", "def test_it_tries_again")
CONFTEST = Snippet(KIT, "python", "your_package")
FIRST_TEST = Snippet(KIT, "python", "def test_it_starts")
FAILURE = Snippet(KIT, "text")
HOLD = Snippet(KIT, "python", "hold_next")
WITHOUT_PYTEST = Snippet(KIT, "python", "WorkflowMock.start")
KIT_SNIPPETS = [IN_TWO_LINES, FIRST_LOOK, CONFTEST, FIRST_TEST, FAILURE, HOLD, WITHOUT_PYTEST]


def project(folder: Path, *tests: str) -> Run:
    """Run these tests beside the page's conftest.py, with the client of examples/python."""
    prepare(folder, "\n".join(tests))
    (folder / "conftest.py").write_text(text_of(CONFTEST).replace("your_package", "workflow_client"))
    return run_tests(folder, "-W", "error")


def test_the_first_tests_pass(tmp_path: Path) -> None:
    run = project(tmp_path, text_of(FIRST_LOOK), text_of(FIRST_TEST), text_of(IN_TWO_LINES))
    assert "4 passed" in run.output, run.output


def test_what_happens_meanwhile_is_tested(tmp_path: Path) -> None:
    run = project(tmp_path, text_of(HOLD))
    assert "2 passed" in run.output, run.output


def test_a_failure_is_shown_as_the_page_shows_it(tmp_path: Path) -> None:
    fault = "@pytest.fixture(autouse=True)\ndef fault(workflow_mock):\n    workflow_mock.fail(503)\n"
    start = text_of(FIRST_TEST).replace("client.start(ORDER)", "with pytest.raises(Exception): client.start(ORDER)")
    run = project(tmp_path, fault, start)
    shown = "\n".join(line for line in run.output.splitlines() if line.startswith("E "))
    assert anonymous(shown) == anonymous(text_of(FAILURE)).rstrip()


def test_a_server_without_pytest() -> None:
    workflow, token = python(text_of(WITHOUT_PYTEST)).split()
    assert (len(workflow), token) == (36, "eyJhbGci")


def test_kit_and_server_are_of_one_version() -> None:
    assert workflow_mock_kit.__version__ == workflow_mock.__version__
