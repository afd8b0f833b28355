"""The command line, and the life of the server's process."""

import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from workflow_mock.settings import PREFIX, Settings, flag

from tests.support import ROOT, Server, path, read_answers, run, serving

BODY = b'{"data":{"workflowId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}'


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        select.select([], [], [], 0.01)


def test_each_setting_has_a_flag_and_a_variable() -> None:
    text = run("serve", "--help").stdout
    words = re.sub(r"\s+", " ", text)
    for setting in fields(Settings):
        assert f"{flag(setting.name)} " in words
        assert f"env var: {PREFIX}{setting.name.upper()}" in words


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["serve", "--nope"], {}, "No such option"),
        (["serve", "--port", "70000"], {}, "'--port'"),
        (["serve"], {"WORKFLOW_MOCK_PORT": "x"}, "WORKFLOW_MOCK_PORT"),
        (["serve", "--jwks", "x"], {}, "--jwks-issuer"),
        (["serve"], {"WORKFLOW_MOCK_TLS_CERT": __file__}, "--tls-key"),
        (["serve", "--hs256-secret", __file__], {}, "--hs256-issuer"),
        (["serve", "--clock-skew", "-1"], {}, "negative"),
        (["serve", "--clock-skew", "nan"], {}, "--clock-skew"),
        (["serve", "--token-lifetime", "1e99"], {}, "--token-lifetime"),
        (["serve", "--token-lifetime", "1e12"], {}, "--token-lifetime must be at most"),
        (["serve"], {"WORKFLOW_MOCK_ADMIN_TOKEN": ""}, "WORKFLOW_MOCK_ADMIN_TOKEN"),
        (["health"], {"WORKFLOW_MOCK_ADMIN_TOKEN": ""}, "WORKFLOW_MOCK_ADMIN_TOKEN"),
        (["serve", "--issuer", "not a url"], {}, "--issuer"),
        (
            ["serve", "--jwks", "x", "--jwks-issuer", "https://x", "--issuer", "https://x"],
            {},
            "--issuer, --jwks-issuer",
        ),
        (
            ["serve", "--hs256-secret", __file__, "--hs256-issuer", "https://x", "--issuer", "https://x"],
            {},
            "--issuer, --jwks-issuer",
        ),
        (["serve", "--request-timeout", "0"], {}, "--request-timeout must be over 0"),
        (["serve", "--allowed-host", "foo:9"], {}, "leave the port out"),
        (["serve", "--cors-origin", "http://x/path"], {}, "--cors-origin"),
        (["serve", "--catalogue", "missing.yaml"], {}, "missing.yaml"),
        (["serve", "--port", "0", "--signing-key", __file__], {}, "PEM"),
        (["serve", "--port", "0", "--catalogue", __file__], {}, "test_command.py"),
        (["serve", "--port", "0", "--jwks", __file__, "--jwks-issuer", "https://x"], {}, "JWK Set"),
        (
            ["serve", "--port", "0", "--jwks", "ftp://me:hush@x/y?hush", "--jwks-issuer", "https://x"],
            {},
            "ftp://x/y: No",
        ),
        (["serve", "--port", "0", "--jwks", "/nowhere", "--jwks-issuer", "https://x"], {}, "/nowhere"),
        (["serve", "--port", "0", "--tls-cert", __file__, "--tls-key", __file__], {}, "--tls-cert"),
        (["serve", "--port", "0", "--ready-file", "/nowhere/ready"], {}, "--ready-file"),
        (["serve", "--host", "192.0.2.1", "--port", "0"], {}, "--host"),
        (["token", "--url", "x"], {}, "--url"),
        (["token", "--url", "http://127.0.0.1:99999"], {}, "port is wrong"),
        (["token", "--port", "1"], {}, "workflow-mock serve"),
        (["check"], {}, "FILES"),
        (["nothing"], {}, "No such command"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(arguments: list[str], environment: dict[str, str], says: str) -> None:
    done = run(*arguments, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_signing_key_of_an_unknown_kind_is_said_in_one_line(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-genkey", "-noout", "-name", "secp112r1", "-out", str(pem)], check=True)
    done = run("serve", "--port", "0", "--signing-key", str(pem))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--signing-key" in done.stderr


def test_a_taken_port_is_said_with_what_to_do(server: Server) -> None:
    done = run("serve", "--port", str(server.address[1]))
    assert done.returncode == 2
    assert "--port 0" in done.stderr


def test_without_a_command_it_says_which_there_are() -> None:
    done = run()
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("serve", "token", "check", "schema", "openapi", "health"))


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
        (key,) = [own.token().split(".")[1]]
        assert b'"aud":"workflow_api"' in __import__("base64").urlsafe_b64decode(key + "==")


def test_lists_come_from_a_variable_too(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(f"workflows: [{{name: {name}, tasks: [{{key: x}}]}}]")
    files = f"{tmp_path}/a.yaml:{tmp_path}/b.yaml"
    with serving(environment={"WORKFLOW_MOCK_CATALOGUE": files}) as own:
        wait_for(lambda: "workflows  2" in own.log.read_text(), "two workflows")


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


def test_check_exits_with_what_it_found(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("workflows: [{name: A, tasks: [{key: a}]}]")
    bad.write_text("workflows: [{name: A, tasks: [{key: a, after: [b]}]}]")
    assert run("check", str(good)).stdout == "1 workflow and 1 client: no faults\n"
    (empty := tmp_path / "empty").mkdir()
    assert run("check", str(empty)).stderr == f"{empty}: there are no catalogue files in it\n"
    assert run("check", str(empty)).returncode == 1
    done = run("check", str(good), str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{bad}:1: workflows[0].tasks[0].after[0]: names the unknown task b\n"


def test_openapi_is_the_file_and_the_server_serves_it(server: Server) -> None:
    text = (ROOT / "openapi" / "workflow-api.yaml").read_text()
    assert run("openapi").stdout == text
    for target in ("/openapi.yaml", "/openapi.json"):
        served, document = yaml.safe_load(server.http.get(target).text), yaml.safe_load(text)
        document["servers"] = [{"url": "/"}]
        flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
        flow["tokenUrl"] = server.url + flow["tokenUrl"]
        assert served == document


def test_schema_is_json() -> None:
    assert json.loads(run("schema").stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_token_is_ready_for_the_shell(server: Server) -> None:
    done = run("token", "--url", server.url)
    assert server.start(token=done.stdout.strip()).status_code == 200
    refused = run("token", environment={"WORKFLOW_MOCK_URL": server.url, "WORKFLOW_MOCK_SECRET": "wrong"})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "invalid_client" in refused.stderr


def test_health_follows_the_settings(server: Server) -> None:
    port = str(server.address[1])
    assert run("health", "--port", port).returncode == 0
    assert run("health", environment={"WORKFLOW_MOCK_PORT": port, "WORKFLOW_MOCK_HOST": "0.0.0.0"}).returncode == 0
    assert run("health", "--port", "1").returncode == 1
    assert run("health", "--port", port, "--host", "").returncode == 1


def test_the_ready_file_is_whole(server: Server) -> None:
    assert server.ready == {
        "url": server.url,
        "tokenUrl": f"{server.url}/api/authentication/connect/token",
        "issuer": f"{server.url}/api/authentication",
        "pid": server.process.pid,
    }


def test_it_says_once_that_it_is_ready_and_where(server: Server) -> None:
    assert server.log.read_text().count(f"is ready at {server.url}\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_what_is_in_flight_is_answered(number: signal.Signals) -> None:
    with serving() as own:
        head = f"POST {path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {own.token()}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
        with own.connect() as connection:
            connection.sendall(head.encode())
            assert b"100 Continue" in connection.recv(1000)  # from here on it is in flight
            os.kill(own.process.pid, number)
            wait_for(lambda: not accepts(own.address), "it goes on accepting connections")
            connection.sendall(BODY)
            assert [answer.status for answer in read_answers(connection, 1)] == [200]
        assert own.process.wait(20) == 0
        assert "Traceback" not in own.log.read_text()


def accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


def test_it_serves_https(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    form = serialization.PrivateFormat.PKCS8
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    options = {"--tls-cert": str(tmp_path / "cert.pem"), "--tls-key": str(tmp_path / "key.pem")}
    with serving(*[word for pair in options.items() for word in pair]) as own:
        assert own.url.startswith("https://")
        assert own.start().status_code == 200
        raw = ssl._create_unverified_context().wrap_socket(own.connect())
        assert raw.version() in ("TLSv1.2", "TLSv1.3")
        raw.close()
        environment = {"WORKFLOW_MOCK_TLS_CERT": options["--tls-cert"]}
        assert run("health", "--port", str(own.address[1]), environment=environment).returncode == 0


def test_the_log_can_be_json() -> None:
    with serving("--log-format", "json") as own:
        own.http.post("/api/workflow/x")
        wait_for(lambda: "route" in own.log.read_text(), "a line of the log")
        (line,) = [line for line in own.log.read_text().splitlines() if line.startswith("{")]
        assert json.loads(line).keys() == {"time", "level", "logger", "message"}
