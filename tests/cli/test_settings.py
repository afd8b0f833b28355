"""Settings as they are given: flags, variables, and which of them wins."""

import re
from base64 import urlsafe_b64decode
from dataclasses import fields
from pathlib import Path

import pytest
from workflow_mock.settings import PREFIX, Settings, flag

from tests.support import run, serving, until


def test_each_setting_has_a_flag_and_a_variable() -> None:
    text = run("serve", "--help").stdout
    words = re.sub(r"\s+", " ", text)
    for setting in fields(Settings):
        assert f"{flag(setting.name)} " in words
        assert f"env var: {PREFIX}{setting.name.upper()}" in words


@pytest.mark.parametrize(
    ("arguments", "environment", "strict"),
    [
        ([], {}, False),
        (["--strict"], {}, True),
        ([], {"WORKFLOW_MOCK_STRICT": "1"}, True),
        (["--no-strict"], {"WORKFLOW_MOCK_STRICT": "1"}, False),
        (["--strict"], {"WORKFLOW_MOCK_STRICT": "0"}, True),
    ],
)
def test_a_flag_wins_over_its_variable(arguments: list[str], environment: dict[str, str], strict: bool) -> None:
    with serving(*arguments, environment=environment) as own:
        assert own.start(headers={"Accept": "text/html"}).status_code == (406 if strict else 200)


def test_a_flag_wins_though_it_is_the_default() -> None:
    with serving("--audience", "workflow_api", environment={"WORKFLOW_MOCK_AUDIENCE": "other"}) as own:
        payload = own.token().split(".")[1]
        assert b'"aud":"workflow_api"' in urlsafe_b64decode(payload + "==")


def test_lists_come_from_a_variable_too(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(f"workflows: [{{name: {name}, tasks: [{{key: x}}]}}]")
    files = f"{tmp_path}/a.yaml:{tmp_path}/b.yaml"
    with serving(environment={"WORKFLOW_MOCK_CATALOGUE": files}) as own:
        until(lambda: "workflows  2" in own.log.read_text(), "two workflows")


SERVICE = {
    "WORKFLOW_MOCK_SERVICE_HOST": "10.0.0.11",
    "WORKFLOW_MOCK_SERVICE_PORT": "8080",
    "WORKFLOW_MOCK_SERVICE_PORT_HTTP": "8080",
    "WORKFLOW_MOCK_PORT": "tcp://10.0.0.11:8080",
    "WORKFLOW_MOCK_PORT_8080_TCP": "tcp://10.0.0.11:8080",
    "WORKFLOW_MOCK_PORT_8080_TCP_PROTO": "tcp",
    "WORKFLOW_MOCK_PORT_8080_TCP_PORT": "8080",
    "WORKFLOW_MOCK_PORT_8080_TCP_ADDR": "10.0.0.11",
    "WORKFLOW_MOCK_TWO_PORT": "tcp://10.0.0.12:8080",
    "WORKFLOW_MOCK_TWO_SERVICE_HOST": "10.0.0.12",
}


def test_the_variables_of_a_service_are_no_settings_and_a_slip_is_told() -> None:
    with serving(environment=SERVICE | {"WORKFLOW_MOCK_STRCT": "1", "WORKFLOW_MOCK_SEED": ""}) as own:
        told = [line for line in own.log.read_text().splitlines() if "is ignored" in line]
    assert ["STRCT is ignored: there is no such setting" in line for line in told] == [False, True]
    assert "WORKFLOW_MOCK_PORT is ignored: it has the address of a Service, not a port" in told[0]


@pytest.mark.parametrize("command", ["health", "token"])
def test_a_command_takes_the_address_of_a_service_for_no_port(command: str) -> None:
    done = run(command, environment=SERVICE | {"WORKFLOW_MOCK_HOST": "127.0.0.9", "WORKFLOW_MOCK_STRCT": "1"})
    assert "no answer from http://127.0.0.9:8080/" in done.stderr
    assert done.stderr.count("is ignored") == 1


def test_another_setting_may_have_an_address() -> None:
    done = run("health", environment={"WORKFLOW_MOCK_URL": "http://127.0.0.1:1"})
    assert (done.returncode, done.stderr.count("ignored")) == (1, 0)
