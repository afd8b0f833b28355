"""What the Dockerfile and compose.yaml promise, as far as it can be read off them.."""

import re
from pathlib import Path

import yaml

from tests.support import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
FINAL = DOCKERFILE.rpartition("\nFROM ")[2]


def test_the_base_image_can_be_chosen() -> None:
    assert DOCKERFILE.startswith("ARG PYTHON_IMAGE=python:3.13-slim\nFROM ${PYTHON_IMAGE} ")


def test_it_runs_as_nobody_in_particular() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", FINAL, re.MULTILINE)


def test_it_is_healthy_when_the_server_says_so() -> None:
    assert re.search(r'^HEALTHCHECK .*CMD \["workflow-mock", "health"\]$', FINAL, re.MULTILINE)


def test_any_engine_can_build_its_health_check() -> None:
    """Podman 4 fails to build an image with --start-interval."""
    (check,) = re.findall(r"^HEALTHCHECK (.*) CMD", FINAL, re.MULTILINE)
    assert re.findall(r"--([a-z-]+)=", check) == ["interval", "timeout", "start-period", "retries"]


def test_nothing_is_built_while_the_image_is() -> None:
    """But for the project itself: what packages are built of may run anything."""
    for command in re.findall(r"pip[^&]*? install[^&]*", DOCKERFILE):
        assert "--only-binary :all:" in command or "/wheel/*.whl" in command


def test_what_it_copies_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in re.findall(r"^COPY ([^-\s]\S*)", DOCKERFILE, re.MULTILINE):
        assert name == "." or name in kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_client_of_compose_waits_until_the_server_is_healthy() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["client"]["depends_on"]["workflow-mock"]["condition"] == "service_healthy"
    assert services["workflow-mock"]["read_only"] is True
    assert Path(services["client"]["entrypoint"][1]).name in {file.name for file in (ROOT / "examples").iterdir()}
