"""The image, run by a real engine: `make test-image`, which needs Docker's API."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import docker
import pytest
import yaml
from workflow_mock_kit.testcontainers import WorkflowMockContainer

from tests.docs.pages import text_of
from tests.docs.test_pages import RUN_IN_A_CONTAINER
from tests.support import ROOT, WORKFLOW, until

IMAGE = os.environ.get("WORKFLOW_MOCK_IMAGE", "workflow-mock")


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    client = docker.from_env()
    yield client
    client.close()


@contextmanager
def running(engine: Any, *command: str, **options: Any) -> Iterator[Any]:
    """A container of the image, until the block ends."""
    container = engine.containers.run(IMAGE, list(command) or None, detach=True, **options)
    try:
        yield container
    finally:
        container.remove(force=True)


@pytest.fixture
def container(engine: Any) -> Iterator[Any]:
    """One as the README runs it: read-only, at a port of this machine."""
    with running(engine, read_only=True, cap_drop=["ALL"], ports={"8080/tcp": ("127.0.0.1", None)}) as container:
        until(lambda: is_healthy(url_of(container)), "the container isn't healthy")
        yield container


def url_of(container: Any) -> str:
    container.reload()
    (port,) = container.ports["8080/tcp"]
    return f"http://127.0.0.1:{port['HostPort']}"


def is_healthy(url: str, path: str = "/__admin/health") -> bool:
    try:
        with urlopen(url + path, timeout=1) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def test_its_health_check_says_what_the_server_says(container: Any) -> None:
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    code, output = container.exec_run(json.loads(check))
    assert (code, output) == (0, b"healthy\n")


def test_it_runs_as_nobody_and_writes_nothing(container: Any) -> None:
    code, output = container.exec_run(["python", "-c", "import os; print(os.getuid()); open('/var/x', 'w')"])
    assert code == 1
    assert b"65532\n" in output
    assert b"Read-only file system" in output


def test_it_ends_in_good_order(container: Any) -> None:
    container.stop(timeout=10)
    assert container.wait()["StatusCode"] == 0
    log = container.logs().decode()
    assert "is ready at" in log
    assert "Traceback" not in log


def test_a_wrong_option_is_told(engine: Any) -> None:
    with running(engine, "serve", "--nonsense") as container:
        assert container.wait()["StatusCode"] == 2
        assert b"No such option" in container.logs()


def test_the_container_class_serves_with_options_and_a_catalogue(tmp_path: Path) -> None:
    catalogue = tmp_path / "mine.yaml"
    catalogue.write_text("workflows: [{name: Mine, tasks: [{key: only}]}]\n")
    with WorkflowMockContainer(IMAGE).with_options("--strict").with_catalogue(catalogue) as container:
        mock = container.get_client()
        assert mock.settings().strict is True
        assert [each.name for each in mock.world().workflows()] == ["Mine"]
        assert container.get_token_url().startswith(container.get_url())


def test_the_container_class_does_as_its_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.sub(r'WorkflowMockContainer\("[^"]*"\)', f'WorkflowMockContainer("{IMAGE}")', text_of(RUN_IN_A_CONTAINER))
    exec(compile(code + "\n    print(world.workflow('Order fulfilment'))", "kit/README.md", "exec"), {})
    assert capsys.readouterr().out == f"{WORKFLOW}\n"


def test_the_client_of_compose_starts_an_execution(engine: Any) -> None:
    """With what compose.yaml says of both services; the engine's own compose isn't needed."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    server, client = services["workflow-mock"], services["client"]
    network = engine.networks.create("workflow-mock-compose-test")
    try:
        limits = {key: server[key] for key in ("read_only", "cap_drop", "security_opt")}
        options = {"environment": server["environment"], "network": network.name, "name": "workflow-mock", **limits}
        with running(engine, **options) as mock:
            until(lambda: mock.exec_run(["workflow-mock", "health"])[0] == 0, "the server isn't healthy")
            entry = {"entrypoint": client["entrypoint"], "environment": client["environment"], "network": network.name}
            with running(engine, **entry) as caller:
                assert caller.wait()["StatusCode"] == 0, caller.logs()
                assert caller.logs().startswith(b"started execution ")
    finally:
        network.remove()


def test_the_pod_of_kubernetes_is_ready(engine: Any) -> None:
    """With what examples/kubernetes says of user, arguments and rights; asked as its probe asks."""
    manifests = yaml.safe_load_all((ROOT / "examples" / "kubernetes" / "workflow-mock.yaml").read_text())
    spec = next(manifests)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    user, may = spec["securityContext"], container["securityContext"]
    options = {
        "user": f"{user['runAsUser']}:{user['runAsGroup']}",
        "read_only": may["readOnlyRootFilesystem"],
        "cap_drop": may["capabilities"]["drop"],
        "security_opt": [] if may["allowPrivilegeEscalation"] else ["no-new-privileges:true"],
        "ports": {f"{container['ports'][0]['containerPort']}/tcp": ("127.0.0.1", None)},
    }
    with running(engine, *container["args"], **options) as mock:
        path = container["readinessProbe"]["httpGet"]["path"]
        until(lambda: is_healthy(url_of(mock), path), "the pod isn't ready")
        assert b"Traceback" not in mock.logs()
