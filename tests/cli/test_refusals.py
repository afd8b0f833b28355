"""What can't be done is said in one line, with what to do."""

import subprocess
from pathlib import Path

import pytest

from tests.support import Server, run

CASES: list[tuple[list[str], dict[str, str], str]] = [
    (["serve", "--nope"], {}, "No such option"),
    (["--strict"], {}, "workflow-mock serve --strict"),
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
    (["serve", "--port", "0", "--catalogue", __file__], {}, Path(__file__).name),
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
]
"""Arguments, environment, and what is said."""


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [pytest.param(*case, id=" ".join([*case[1], *case[0]]).replace(__file__, "FILE")) for case in CASES],
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
