"""The project in examples/java: what its tests say where there is no server, that they leave none behind, and what
docs/java.md says of traps.

`make test-java` runs its own tests first, and so has Maven fetch what it needs: here it is offline.
"""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic.alias_generators import to_camel, to_snake
from workflow_mock_kit.client import Clock, World

from tests.docs.pages import PAGES, Snippet, environment, text_of
from tests.languages.projects import COMMAND, NAMES, NO_SERVER, NOBODY, is_gone, recording
from tests.support import ROOT, Server, until

PROJECT = ROOT / "examples" / "java"
PACKAGE = Path("src", "test", "java", "com", "example", "workflow")
HELPER = ["World.java", "ControlPlane.java", "WorkflowMock.java"]
SOON = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For programs that end soon."""
FIRST_TEST = Snippet("docs/java.md", "java")
MORE = """package com.example.workflow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class MoreTest {
    private static final UUID ORDER = UUID.fromString("3c90c3cc-0d44-4b50-8888-8dd25736052a");
    private static final ClientSecretBasic DEMO =
            new ClientSecretBasic(new ClientID("demo"), new Secret("demo-secret"));
    private final World world = new World();

    @Test
    void refused() {
        world.failNext(99, Map.of());
    }

    @Test
    void verdict() throws Exception {
        world.failNext(500, Map.of());
        try {
            new WorkflowClient(world.url, world.tokenUrl, world.customerId, DEMO).start(ORDER);
        } catch (IOException refusal) {
            world.verify(1, Map.of("status", 200));
        }
    }

    @Test
    void hangs() throws Exception {
        Files.writeString(Path.of("hangs"), "");
        Thread.sleep(Long.MAX_VALUE);
    }

    @Test
    void trapOfHttpURLConnection() throws Exception {
        var token = token();
        world.loseNextAnswer();
        var path = "/api/workflow/v1.0/customer/" + world.customerId + "/workflow/" + ORDER + "/WorkflowExecution";
        var connection = (HttpURLConnection) URI.create(world.url + path).toURL().openConnection();
        connection.setDoOutput(true);
        connection.setRequestProperty("Authorization", token);
        connection.setRequestProperty("Content-Type", "application/json");
        connection.getOutputStream().write(("{\\"data\\": {\\"workflowId\\": \\"" + ORDER + "\\"}}").getBytes());
        assertEquals(200, connection.getResponseCode());
        assertEquals(List.of(0, 200), world.statuses());
        assertEquals(world.starts().get(0).executionId(), world.starts().get(1).duplicateOf());
    }

    @Test
    void trapOfNimbus() throws Exception {
        var fault = Map.of("fault", "EMPTY_RESPONSE", "times", 1, "matcher", Map.of("operation", "token"));
        world.call("POST", "faults", fault);
        token();
        var found = world.call("POST", "requests/find", Map.of("operation", "token"));
        assertEquals(List.of(0, 200), found.get("requests").valueStream().map(r -> r.get("status").asInt()).toList());
    }

    private String token() throws Exception {
        var request = new TokenRequest.Builder(world.tokenUrl, DEMO, new ClientCredentialsGrant()).build();
        var answer = TokenResponse.parse(request.toHTTPRequest().send());
        return answer.toSuccessResponse().getTokens().getAccessToken().toAuthorizationHeader();
    }
}
"""


def copied(folder: Path) -> Path:
    """A copy of the project with more tests, and those of the page."""
    copy = shutil.copytree(PROJECT, folder / "project")
    (copy / PACKAGE / "MoreTest.java").write_text(MORE)
    first = text_of(FIRST_TEST)
    (name,) = re.findall(r"^class (\w+)", first, re.MULTILINE)
    (copy / PACKAGE / f"{name}.java").write_text(first)
    return copy


def maven(project: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Maven in a project, where PATH has no workflow-mock."""
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not Path(folder, "workflow-mock").exists())
    return subprocess.Popen(
        ["mvn", "--offline", "--batch-mode", f"-DargLine={SOON}", *arguments],
        cwd=project,
        env=environment() | {"PATH": path, "MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} {SOON}"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def printed(project: Path, *arguments: str, code: int, **variables: str) -> str:
    with maven(project, *arguments, **variables) as run:
        output, _ = run.communicate(timeout=120)
    assert run.returncode == code, output
    return output


def running(*names: str) -> tuple[str, str]:
    """The arguments that have Maven run these tests, which are compiled."""
    return "surefire:test", f"-Dtest={','.join(names)}"


ONE = running("WorkflowClientTest#itStartsTheWorkflow")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copied(tmp_path_factory.mktemp("java"))
    printed(project, "test-compile", code=0)
    return project


@pytest.fixture(scope="module")
def failed(project: Path, server: Server) -> str:
    """What the tests print that fail."""
    return printed(project, *running("MoreTest#refused+verdict"), code=1, WORKFLOW_MOCK_URL=server.url)


# Its form


def test_its_tests_have_the_names_of_the_kits() -> None:
    text = (PROJECT / PACKAGE / "WorkflowClientTest.java").read_text()
    assert re.findall(r"^    void (\w+)\(", text, re.MULTILINE) == [to_camel(name) for name in NAMES]


def test_a_world_has_the_words_of_the_kits() -> None:
    """But for one, which makes any call of the control plane's contract."""
    text = (PROJECT / PACKAGE / "World.java").read_text()
    words = re.findall(r"^    (?!private)[\w<>]+ (\w+)\([^)]*\) \{$", text, re.MULTILINE)
    assert len(words) > 7
    assert {to_snake(word) for word in words} - {*dir(World), *dir(Clock)} == {"call"}


@pytest.mark.parametrize("name", HELPER)
def test_a_file_of_the_helper_is_short(name: str) -> None:
    assert len((PROJECT / PACKAGE / name).read_text().splitlines()) <= 80


def test_the_page_names_the_versions_that_were_tried() -> None:
    text = (PROJECT / "pom.xml").read_text()
    (java, maven) = re.findall(r"<!-- Tried with OpenJDK ([\d.]+), Maven ([\d.]+)", text)[0]
    page = PAGES["docs/java.md"].text
    assert f"OpenJDK {java}" in page
    assert f"Maven {maven}" in page
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    for dependency in ElementTree.fromstring(text).iterfind("m:dependencies/m:dependency", names):
        name, version = (dependency.findtext(f"m:{tag}", namespaces=names) for tag in ("artifactId", "version"))
        assert f"{name} {version}" in page


# Where there is a server


def test_it_uses_a_server_that_runs(project: Path, server: Server) -> None:
    output = printed(project, *running("WorkflowClientTest"), code=0, WORKFLOW_MOCK_URL=f"{server.url}/")
    assert "Tests run: 11, Failures: 0, Errors: 0, Skipped: 0" in output


def test_the_first_test_and_the_traps_are_as_the_page_says(project: Path, server: Server) -> None:
    (name,) = re.findall(r"^class (\w+)", text_of(FIRST_TEST), re.MULTILINE)
    output = printed(project, *running(name, "MoreTest#trap*"), code=0, WORKFLOW_MOCK_URL=server.url)
    assert "Tests run: 3, Failures: 0, Errors: 0, Skipped: 0" in output


def test_it_ends_the_server_that_it_started(project: Path, tmp_path: Path) -> None:
    command, file = recording(tmp_path)
    temporary = f"-Djava.io.tmpdir={tmp_path}"
    printed(project, *ONE, code=0, WORKFLOW_MOCK_COMMAND=command, JAVA_TOOL_OPTIONS=temporary)
    until(lambda: is_gone(int(file.read_text())), "the server goes on")
    assert not list(tmp_path.glob("workflow-mock-*"))


def test_a_killed_run_leaves_no_server(project: Path, tmp_path: Path) -> None:
    """Killed is the process that runs the tests, which Maven started."""
    command, file = recording(tmp_path)
    with maven(project, *running("MoreTest#hangs"), WORKFLOW_MOCK_COMMAND=command) as run:
        until((project / "hangs").exists, "the test doesn't run")
        pid = int(file.read_text())
        os.kill(parent_of(pid), signal.SIGKILL)
        run.communicate(timeout=60)
    until(lambda: is_gone(pid), "the server goes on")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


# Where there is none


def test_without_a_server_it_names_all_ways_to_one(project: Path) -> None:
    assert f'{NO_SERVER}: Cannot run program "workflow-mock"' in printed(project, *ONE, code=1)


def test_a_server_that_does_not_answer_is_told(project: Path) -> None:
    output = printed(project, *ONE, code=1, WORKFLOW_MOCK_URL=NOBODY)
    assert f"no workflow-mock answers at WORKFLOW_MOCK_URL, {NOBODY}: " in output


def test_a_command_that_is_none_is_told(project: Path) -> None:
    output = printed(project, *ONE, code=1, WORKFLOW_MOCK_COMMAND="no-such-command --really")
    assert f'{NO_SERVER}: Cannot run program "no-such-command"' in output


def test_a_server_that_ends_at_once_says_why(project: Path) -> None:
    output = printed(project, *ONE, code=1, WORKFLOW_MOCK_COMMAND=f"{COMMAND} --nonsense")
    assert re.search(r"--log-level warning has ended:\n.*No such option", output, re.DOTALL)


def test_an_older_server_is_told(server: Server, tmp_path: Path) -> None:
    copy = copied(tmp_path)
    helper = copy / PACKAGE / "WorkflowMock.java"
    helper.write_text(re.sub(r'OLDEST = "[\d.]+"', 'OLDEST = "99.1.0"', helper.read_text()))
    version = server.http.get("/__admin/health").json()["version"]
    output = printed(copy, "test-compile", *ONE, code=1, WORKFLOW_MOCK_URL=server.url)
    assert f"these tests need workflow-mock 99.1.0 or newer; at {server.url} is {version}\n" in output


# What a test is told


def test_a_refused_call_says_what_the_server_said(failed: str, server: Server) -> None:
    refusal = server.http.post("/__admin/faults", json={"status": 99}).json()["meta"]
    (problem,) = refusal["validation"]
    assert re.search(
        r"POST faults: 400 for \{.*\}\n"
        rf"  {re.escape(refusal['errors'][0]['message'])}\n"
        rf"  {problem['property']} {re.escape(problem['message'])}\n",
        failed,
    )


def test_a_verdict_says_what_there_was_instead(failed: str) -> None:
    assert re.search(r'POST requests/verify: 409 for \{.*"exactly":1.*\}: there were 0\n', failed)
    assert re.search(r'^  almost: 500: \["status is not 200"\]$', failed, re.MULTILINE)
