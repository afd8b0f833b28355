"""`serve`: the ready file, what it prints, https."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from workflow_mock.paths import ISSUER_PATH, TOKEN_PATH

from tests.support import Server, run, serving, until, unverified_tls


def test_the_ready_file_is_whole(server: Server) -> None:
    assert server.ready == {
        "url": server.url,
        "tokenUrl": server.url + TOKEN_PATH,
        "issuer": server.url + ISSUER_PATH,
        "pid": server.process.pid,
    }


def test_it_says_once_that_it_is_ready_and_where() -> None:
    with serving() as own:
        assert own.banner().count(f"is ready at {own.url}\n") == 1


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
        with unverified_tls().wrap_socket(own.connect()) as connection:
            assert connection.version() in ("TLSv1.2", "TLSv1.3")
        environment = {"WORKFLOW_MOCK_TLS_CERT": options["--tls-cert"]}
        assert run("health", "--port", str(own.address[1]), environment=environment).returncode == 0


def test_the_log_can_be_json() -> None:
    with serving("--log-format", "json") as own:
        own.http.post("/api/workflow/x")
        until(lambda: "route" in own.log.read_text(), "a line of the log")
        (line,) = [line for line in own.log.read_text().splitlines() if line.startswith("{")]
        assert json.loads(line).keys() == {"time", "level", "logger", "message"}
