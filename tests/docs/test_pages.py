"""The pages hold together: a test runs each snippet, each link leads somewhere, each name is the server's."""

import re

import pytest
from workflow_mock.settings import PREFIX

from tests.docs.pages import PAGES, Page, Snippet, code
from tests.docs.test_contract import CONTRACT_SNIPPETS
from tests.docs.test_kit import KIT_SNIPPETS
from tests.docs.test_recipes import RECIPES
from tests.docs.test_snippets import SNIPPETS
from tests.docs.test_terminal import LINES, TAIL
from tests.docs.test_tree import TREE
from tests.support import ROOT, run

# Their tools aren't on everybody's machine: tests/languages/test_other_languages.py, `make test-languages`, the gate.
RUN_WITH_THEIR_TOOLS = [Snippet("docs/clients.md", language) for language in ("ts", "csharp", "java", "go")]
RUN_IN_A_PROJECT = [Snippet(f"docs/{language}.md", language) for language in ("go", "java")]
"""As tests of examples/go and examples/java, by tests/languages: `make test-go`, `make test-java`."""
RUN_IN_A_CONTAINER = Snippet("kit/README.md", "python", "WorkflowMockContainer")
"""By tests/containers, `make test-image`, which needs Docker."""
KNOWN = [
    *SNIPPETS,
    *RECIPES,
    *CONTRACT_SNIPPETS,
    *KIT_SNIPPETS,
    TREE,
    LINES,
    TAIL,
    *RUN_WITH_THEIR_TOOLS,
    *RUN_IN_A_PROJECT,
    RUN_IN_A_CONTAINER,
]

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


# Snippets


@each_page
def test_each_block_is_run_by_one_test(page: Page) -> None:
    known = [snippet for snippet in KNOWN if snippet.page == page.name]
    for block in page.blocks:
        by = [snippet for snippet in known if snippet.language == block.language and snippet.containing in block.text]
        assert len(by) == 1, f"{page.name}:{block.line} is run by {len(by)} tests: see the lists of snippets"
    assert len(page.blocks) == len(known)


@each_page
def test_no_block_hides_from_these_tests(page: Page) -> None:
    fences = re.findall(r"^\s*(?:```|~~~).*$", page.text, re.MULTILINE)
    assert len(fences) == 2 * len(page.blocks)
    assert not re.search(r"\n\n(?: {4}|\t)(?![-*])", page.prose)
    assert "<pre" not in page.text


@pytest.mark.parametrize("snippet", RUN_WITH_THEIR_TOOLS, ids=lambda snippet: snippet.language)
def test_other_languages_are_run_with_their_tools(snippet: Snippet) -> None:
    assert f'"{snippet.language}"' in (ROOT / "tests" / "languages" / "test_other_languages.py").read_text()
    assert "make test-languages" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("snippet", RUN_IN_A_PROJECT, ids=lambda snippet: snippet.language)
def test_a_first_test_is_run_in_its_project(snippet: Snippet) -> None:
    tests = ROOT / "tests" / "languages" / f"test_{snippet.language}_project.py"
    assert f'FIRST_TEST = Snippet("{snippet.page}", "{snippet.language}")' in tests.read_text()


# Links


@each_page
def test_each_link_leads_somewhere(page: Page) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.prose):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        place = (page.path.parent / file).resolve() if file else page.path
        assert place.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in PAGES[place.relative_to(ROOT).as_posix()].anchors, f"{page.name}: {target}"


def test_the_readme_links_each_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)", PAGES["README.md"].text))
    assert linked >= {name for name in PAGES if name.count("/") < 2} - {"README.md"}


def test_the_architecture_links_each_decision() -> None:
    linked = set(re.findall(r"\]\((decisions/[^)#]+)", PAGES["docs/architecture.md"].text))
    assert {f"docs/{name}" for name in linked} == {name for name in PAGES if name.startswith("docs/decisions/")}


def test_the_readme_is_short() -> None:
    assert len(PAGES["README.md"].text.splitlines()) <= 200


# Names


def test_each_command_option_and_variable_that_they_name_exists() -> None:
    others = {"--request", "--url", "--header", "--data", "--rm", "--read-only", "--build", "--fail-with-body"}
    others |= {"--health-interval"}  # of docker run
    known = ("serve", "token", "check", "graph", "schema", "openapi", "health", "tail")
    plugin = (ROOT / "kit" / "src" / "workflow_mock_kit" / "pytest_plugin.py").read_text()
    helps = "\n".join([*(run(command, "--help").stdout for command in known), plugin])
    text = "\n".join(page.text for page in PAGES.values())
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) - others:
        assert re.search(rf"{option}\b", helps), f"{option} is no option"
    for variable in set(re.findall(rf"{PREFIX}\w+", text)):
        assert f"env var: {variable}" in re.sub(r"\s+", " ", helps), f"{variable} is no variable"
    for command in set(re.findall(r"(?:[`(/]|^)workflow-mock ([a-z]+)\b", code(), re.MULTILINE)):
        assert command in known, f"{command} is no command"


def test_each_make_target_that_they_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", code()))
    assert named >= {"run", "demo", "test", "format", "test-languages"}
    assert named <= targets
