"""The files of examples/ci and examples/kubernetes, as far as they can be tried without GitHub, GitLab and a cluster.

tests/containers runs the image as the pod says, tests/languages the steps of GitHub Actions.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import workflow_mock
import yaml
from workflow_mock.settings import PREFIX, Settings

from tests.docs.pages import PAGES
from tests.kit.projects import run_tests
from tests.support import ROOT, Server, serving

GITHUB = ROOT / "examples" / "ci" / "github-actions.yml"
GITLAB = ROOT / "examples" / "ci" / "gitlab-ci.yml"
KUBERNETES = ROOT / "examples" / "kubernetes" / "workflow-mock.yaml"
COMPOSE = ROOT / "compose.yaml"
SCHEMAS = {GITHUB: "github-workflows", GITLAB: "gitlab-ci", COMPOSE: "compose-spec"}
IMAGE = f"example.com/workflow-mock:{workflow_mock.__version__}"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PORT = 8080
BY_ADDRESS = f"10.0.0.7:{PORT}"
"""How the kubelet calls a pod."""

each_file = pytest.mark.parametrize("file", [GITHUB, GITLAB, KUBERNETES], ids=lambda file: file.name)
each_schema = pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)


def job_of(file: Path) -> dict[str, Any]:
    document = yaml.safe_load(file.read_text())
    job: dict[str, Any] = document.get("jobs", document)["test"]
    return job


def manifests() -> tuple[dict[str, Any], dict[str, Any]]:
    """The Deployment and the Service."""
    deployment, service = yaml.safe_load_all(KUBERNETES.read_text())
    return deployment, service


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifests()[0]["spec"]["template"]["spec"]
    return spec


def lint(file: Path, schema: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def gitlab_service() -> Iterator[Server]:
    """A server with the variables that GitLab gives it: its own, and the job's."""
    job = job_of(GITLAB)
    with serving(environment=job["variables"] | job["services"][0]["variables"]) as running:
        yield running


@pytest.fixture(scope="module")
def in_the_pod() -> Iterator[Server]:
    """A server with the arguments of the pod's container."""
    command, *arguments = pod()["containers"][0]["args"]
    assert command == "serve"
    assert 'ENTRYPOINT ["workflow-mock"]' in DOCKERFILE
    with serving(*arguments) as running:
        yield running


def status(server: Server, path: str, host: str) -> int:
    return server.http.get(path, headers={"Host": host}).status_code


# What all of them say


@each_file
def test_it_says_what_was_tried_and_what_not(file: Path) -> None:
    head = re.match(r"(?:#.*\n)+", file.read_text())
    assert head is not None
    assert re.search(r"^# Tried: .*^# Not tried: ", head[0], re.MULTILINE | re.DOTALL)


@each_file
def test_each_variable_that_it_names_is_one(file: Path) -> None:
    settings = {f"{PREFIX}{setting.name.upper()}" for setting in fields(Settings)}
    assert set(re.findall(rf"{PREFIX}\w+", file.read_text())) <= settings | {f"{PREFIX}URL"}


@each_file
def test_it_has_the_image_of_this_version(file: Path) -> None:
    assert re.findall(r"(?:image|name): (example\.com/\S+)", file.read_text()) == [IMAGE]


@each_file
def test_a_page_leads_to_it(file: Path) -> None:
    assert f"](../{file.relative_to(ROOT).as_posix()})" in PAGES["docs/docker-and-ci.md"].text


@each_schema
def test_it_is_what_its_tool_reads(file: Path) -> None:
    done = lint(file, SCHEMAS[file])
    assert done.returncode == 0, done.stdout


@each_schema
def test_a_misspelt_key_is_noticed(file: Path, tmp_path: Path) -> None:
    text = re.sub(r"^( +)image:", r"\1imagge:", file.read_text(), count=1, flags=re.MULTILINE)
    text = text.replace("read_only:", "read-onyl:")
    broken = tmp_path / file.name
    broken.write_text(text)
    assert lint(broken, SCHEMAS[file]).returncode == 1


# GitHub Actions; tests/languages/test_typescript_project.py runs the steps


def test_the_runner_calls_the_port_that_the_service_opens() -> None:
    job = job_of(GITHUB)
    url = urlsplit(job["env"]["WORKFLOW_MOCK_URL"])
    assert (url.hostname, url.port) == ("127.0.0.1", PORT)
    assert job["services"]["workflow-mock"]["ports"] == [f"{PORT}:{PORT}"]
    assert f"EXPOSE {PORT}\n" in DOCKERFILE


# GitLab


def test_the_tests_call_the_control_plane_by_the_alias(gitlab_service: Server, server: Server) -> None:
    job = job_of(GITLAB)
    url = urlsplit(job["variables"]["WORKFLOW_MOCK_URL"])
    assert (url.hostname, url.port) == (job["services"][0]["alias"], PORT)
    assert status(gitlab_service, "/__admin/requests", url.netloc) == 200
    assert status(server, "/__admin/requests", url.netloc) == 403


def test_the_script_of_gitlab_passes(gitlab_service: Server, tmp_path: Path) -> None:
    install, *others = job_of(GITLAB)["script"]
    assert others == ["pytest"]
    packages = install.removeprefix("pip install ").split()
    assert re.findall(r'^name = "(.*)"', (ROOT / "kit" / "pyproject.toml").read_text(), re.MULTILINE) == packages[:1]
    project = shutil.copytree(ROOT / "examples" / "python", tmp_path / "project")
    run = run_tests(project, WORKFLOW_MOCK_URL=gitlab_service.url)
    assert run.code == 0, run.output


# Kubernetes


@pytest.mark.parametrize("manifest", manifests(), ids=lambda manifest: manifest["kind"])
def test_it_is_what_kubernetes_reads(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_a_misspelt_key_of_a_manifest_is_noticed() -> None:
    deployment, _ = manifests()
    deployment["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError, match="enableServiceLink"):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_the_service_finds_the_pod() -> None:
    deployment, service = manifests()
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    (container,) = pod()["containers"]
    (port,) = service["spec"]["ports"]
    assert container["ports"] == [{"name": port["targetPort"], "containerPort": PORT}]
    assert port["port"] == PORT == Settings().port


@pytest.mark.parametrize("probe", ["readinessProbe", "livenessProbe"])
def test_a_probe_sees_a_healthy_server(probe: str, in_the_pod: Server) -> None:
    (container,) = pod()["containers"]
    request = container[probe]["httpGet"]
    assert request["port"] == container["ports"][0]["name"]
    assert status(in_the_pod, request["path"], BY_ADDRESS) == 200
    assert status(in_the_pod, request["path"] + "y", BY_ADDRESS) == 404


def test_the_control_plane_answers_by_the_names_of_the_service(in_the_pod: Server) -> None:
    name = manifests()[1]["metadata"]["name"]
    for host in (name, f"{name}.default.svc.cluster.local"):
        assert status(in_the_pod, "/__admin/requests", f"{host}:{PORT}") == 200
    assert status(in_the_pod, "/__admin/requests", f"other:{PORT}") == 403


def test_the_pod_may_do_no_more_than_it_needs() -> None:
    assert pod()["enableServiceLinks"] is False
    may, container = pod()["securityContext"], pod()["containers"][0]["securityContext"]
    assert may["runAsNonRoot"] is True
    assert f"USER {may['runAsUser']}:{may['runAsGroup']}\n" in DOCKERFILE
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
