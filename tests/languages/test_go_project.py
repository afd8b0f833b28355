"""The project in examples/go: what its tests say where there is no server, that they leave none behind, and what
docs/go.md says of traps.

`make test-go` runs its own tests first.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic.alias_generators import to_pascal, to_snake
from workflow_mock_kit.client import Clock, World

from tests.docs.pages import PAGES, Snippet, environment, text_of
from tests.languages.projects import COMMAND, NAMES, NO_SERVER, NOBODY, is_gone, recording
from tests.support import ROOT, Server, until

PROJECT = ROOT / "examples" / "go"
HELPER = sorted((PROJECT / "workflowmock").glob("*.go"))
FIRST_TEST = Snippet("docs/go.md", "go")
MORE = """package workflow_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"example.com/workflow-client/workflowmock"
)

func TestRefused(t *testing.T) {
	workflowmock.New(t).FailNext(99, nil)
}

func TestVerdict(t *testing.T) {
	world := workflowmock.New(t)
	world.FailNext(500, nil)
	newClient(world).Start(t.Context(), order)
	world.Verify(1, workflowmock.JSON{"status": 200})
}

func TestHangs(t *testing.T) {
	workflowmock.New(t)
	os.WriteFile("hangs", nil, 0o644)
	select {}
}

func TestTrapOfAutoDetect(t *testing.T) {
	expected := map[oauth2.AuthStyle][]int{oauth2.AuthStyleAutoDetect: {503, 200}, oauth2.AuthStyleInHeader: {503}}
	for style, statuses := range expected {
		world := workflowmock.New(t)
		world.FailNext(503, workflowmock.JSON{"matcher": workflowmock.JSON{"operation": "token"}})
		credentials(world, style).Token(t.Context())
		var found struct{ Requests []workflowmock.Start }
		world.Call("POST", "requests/find", workflowmock.JSON{"operation": "token"}, &found)
		if !slices.Equal(statusesOf(found.Requests), statuses) {
			t.Errorf("%v: %v", style, found)
		}
	}
}

func TestTrapOfIdempotencyKey(t *testing.T) {
	expected := map[string][]int{"Idempotency-Key": {200, 0, 200}, "X-Request-Id": {200, 0}}
	for header, statuses := range expected {
		world := workflowmock.New(t)
		client := credentials(world, oauth2.AuthStyleInHeader).Client(t.Context())
		send := func() {
			url := world.URL + "/api/workflow/v1.0/customer/" + world.CustomerID
			url += "/workflow/" + order + "/WorkflowExecution"
			request, _ := http.NewRequest("POST", url, strings.NewReader(`{"data": {"workflowId": "`+order+`"}}`))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set(header, "1")
			if response, err := client.Do(request); err == nil {
				response.Write(&strings.Builder{}) // so that the connection is used again
				response.Body.Close()
			}
		}
		send()
		world.LoseNextAnswer()
		send()
		if starts := world.Starts(); !slices.Equal(statusesOf(starts), statuses) {
			t.Errorf("%s: %+v", header, starts)
		} else if len(starts) == 3 && starts[2].DuplicateOf != starts[1].ExecutionID {
			t.Errorf("%+v", starts)
		}
	}
}

func credentials(world *workflowmock.World, style oauth2.AuthStyle) *clientcredentials.Config {
	return &clientcredentials.Config{
		ClientID: "demo", ClientSecret: "demo-secret", TokenURL: world.TokenURL, AuthStyle: style,
	}
}

func statusesOf(requests []workflowmock.Start) (statuses []int) {
	for _, request := range requests {
		statuses = append(statuses, request.Status)
	}
	return statuses
}
"""

Tests = Callable[..., subprocess.Popen[str]]


def compiled(project: Path) -> Path:
    """The tests of a project as one program, as `go test` makes it."""
    done = subprocess.run(
        ["go", "test", "-c", "-o", "tests", "."],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "tests"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with more tests, and those of the page."""
    folder = shutil.copytree(PROJECT, tmp_path_factory.mktemp("go") / "project")
    (folder / "more_test.go").write_text(MORE)
    (folder / "first_test.go").write_text(text_of(FIRST_TEST))
    compiled(folder)
    return folder


def running(project: Path, pattern: str, **variables: str) -> subprocess.Popen[str]:
    """Tests of the project, where PATH has no workflow-mock."""
    return subprocess.Popen(
        [project / "tests", "-test.v", f"-test.run={pattern}"],
        cwd=project,
        env=environment() | {"PATH": "/nowhere"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def printed(project: Path, pattern: str, *, code: int, **variables: str) -> str:
    with running(project, pattern, **variables) as run:
        output, _ = run.communicate(timeout=60)
    assert run.returncode == code, output
    return output


# Its form


def test_its_tests_have_the_names_of_the_kits() -> None:
    ours = re.findall(r"^func Test(\w+)", (PROJECT / "client_test.go").read_text(), re.MULTILINE)
    assert ours == [to_pascal(name) for name in NAMES]


def test_a_world_has_the_words_of_the_kits() -> None:
    """But for one, which makes any call of the control plane's contract."""
    helper = "".join(file.read_text() for file in HELPER)
    words = re.findall(r"^func \(w \*World\) ([A-Z]\w+)", helper, re.MULTILINE)
    assert len(words) > 7
    assert {to_snake(word) for word in words} - {*dir(World), *dir(Clock)} == {"call"}


@pytest.mark.parametrize("file", HELPER, ids=lambda file: file.name)
def test_a_file_of_the_helper_is_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 80


def test_the_page_names_the_versions_that_were_tried() -> None:
    text = (PROJECT / "go.mod").read_text()
    (tried,) = re.findall(r"^// Tried with Go ([\d.]+)", text, re.MULTILINE)
    (oauth2,) = re.findall(r"golang\.org/x/oauth2 v([\d.]+)$", text, re.MULTILINE)
    page = PAGES["docs/go.md"].text
    assert f"Go {tried}" in page
    assert f"x/oauth2 {oauth2}" in page


# Where there is a server


def test_it_uses_a_server_that_runs(project: Path, server: Server) -> None:
    output = printed(project, "^Test(It|The|ABad)", code=0, WORKFLOW_MOCK_URL=f"{server.url}/")
    assert len(re.findall(r"^--- PASS", output, re.MULTILINE)) == len(NAMES)


def test_the_first_test_of_the_page_passes(project: Path, server: Server) -> None:
    (name,) = re.findall(r"^func (Test\w+)", text_of(FIRST_TEST), re.MULTILINE)
    assert f"--- PASS: {name}" in printed(project, name, code=0, WORKFLOW_MOCK_URL=server.url)


def test_the_traps_are_as_the_page_says(project: Path, server: Server) -> None:
    output = printed(project, "^TestTrap", code=0, WORKFLOW_MOCK_URL=server.url)
    assert len(re.findall(r"^--- PASS", output, re.MULTILINE)) == 2


def test_it_ends_the_server_that_it_started(project: Path, tmp_path: Path) -> None:
    command, file = recording(tmp_path)
    printed(project, "^TestItStarts", code=0, WORKFLOW_MOCK_COMMAND=command, TMPDIR=str(tmp_path))
    until(lambda: is_gone(int(file.read_text())), "the server goes on")
    assert not list(tmp_path.glob("workflow-mock-*"))


def test_a_killed_run_leaves_no_server(project: Path, tmp_path: Path) -> None:
    command, file = recording(tmp_path)
    with running(project, "^TestHangs", WORKFLOW_MOCK_COMMAND=command, TMPDIR=str(tmp_path)) as run:
        until((project / "hangs").exists, "the test doesn't run")
        os.kill(run.pid, signal.SIGKILL)
    until(lambda: is_gone(int(file.read_text())), "the server goes on")
    assert not list(tmp_path.glob("workflow-mock-*"))


# Where there is none


def test_without_a_server_it_names_all_ways_to_one(project: Path) -> None:
    output = printed(project, "^TestItStarts", code=1)
    assert f'{NO_SERVER}: exec: "workflow-mock": executable file not found in $PATH\n' in output


def test_a_server_that_does_not_answer_is_told(project: Path) -> None:
    output = printed(project, "^TestItStarts", code=1, WORKFLOW_MOCK_URL=NOBODY)
    assert f"no workflow-mock answers at WORKFLOW_MOCK_URL, {NOBODY}: " in output


def test_a_command_that_is_none_is_told(project: Path) -> None:
    output = printed(project, "^TestItStarts", code=1, WORKFLOW_MOCK_COMMAND="no-such-command --really")
    assert f'{NO_SERVER}: exec: "no-such-command": executable file not found in $PATH\n' in output


def test_a_server_that_ends_at_once_says_why(project: Path) -> None:
    output = printed(project, "^TestItStarts", code=1, WORKFLOW_MOCK_COMMAND=f"{COMMAND} --nonsense")
    assert re.search(r"--ready-file \S+ has ended:\n.*No such option", output, re.DOTALL)


def test_an_older_server_is_told(project: Path, server: Server, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "newer")
    helper = copy / "workflowmock" / "server.go"
    helper.write_text(re.sub(r'^const oldest = "[\d.]+"', 'const oldest = "99.1.0"', helper.read_text(), flags=re.M))
    compiled(copy)
    version = server.http.get("/__admin/health").json()["version"]
    output = printed(copy, "^TestItStarts", code=1, WORKFLOW_MOCK_URL=server.url)
    assert f'these tests need workflow-mock 99.1.0 or newer; at {server.url} is "{version}"\n' in output


# What a test is told


def test_a_refused_call_says_what_the_server_said(project: Path, server: Server) -> None:
    output = printed(project, "^TestRefused", code=1, WORKFLOW_MOCK_URL=server.url)
    refusal = server.http.post("/__admin/faults", json={"status": 99}).json()["meta"]
    (problem,) = refusal["validation"]
    assert re.search(
        r'^    more_test\.go:\d+: POST faults: 400 Bad Request for \{"status":99,"times":1\}\n'
        rf" +{re.escape(refusal['errors'][0]['message'])}\n"
        rf" +{problem['property']} {re.escape(problem['message'])}\n",
        output,
        re.MULTILINE,
    )


def test_a_verdict_says_what_there_was_instead(project: Path, server: Server) -> None:
    output = printed(project, "^TestVerdict", code=1, WORKFLOW_MOCK_URL=server.url)
    wanted = '{"count":{"exactly":1},"matcher":{"operation":"start","status":200}}'
    assert f"POST requests/verify: 409 Conflict for {wanted}: there were 0\n" in output
    assert re.search(r"^ +almost: 500: status is not 200$", output, re.MULTILINE)
