"""`serve`: the ready file, what it prints, https."""

import json
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2 as httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from workflow_mock import __version__
from workflow_mock.errors import ConfigError
from workflow_mock.paths import ISSUER_PATH, OPENID_PATH, TOKEN_PATH
from workflow_mock.server.ready_file import write_ready_file
from workflow_mock.server.server import bind

from tests.support import Server, run, serving, until, unverified_tls


def test_the_ready_file_is_whole(server: Server) -> None:
    assert server.ready == {
        "url": server.url,
        "tokenUrl": server.url + TOKEN_PATH,
        "issuer": server.url + ISSUER_PATH,
        "pid": server.process.pid,
        "version": __version__,
    }


ELSEWHERE = "https://mock.example/api/authentication"


@pytest.mark.parametrize("issuer", [None, ELSEWHERE, "https://LOCALHOST:{port}/own"])
def test_the_ready_file_says_what_discovery_says_at_its_url(issuer: str | None) -> None:
    """Not the addresses of a fixed issuer that is elsewhere: a client would send its secret there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ["--host", "localhost", "--port", str(port)]
    with serving(*arguments, *(["--issuer", issuer.format(port=port)] if issuer else [])) as own:
        metadata = own.http.get(OPENID_PATH).json()
        assert (own.ready["tokenUrl"], own.ready["issuer"]) == (metadata["token_endpoint"], metadata["issuer"])
        assert own.ready["tokenUrl"].startswith("https:") == bool(issuer and issuer != ELSEWHERE)


@pytest.mark.parametrize(("url", "base"), [("http://[::1]:80", "http://[::1]"), ("https://x:443", "https://x")])
def test_the_ready_file_leaves_out_a_port_that_clients_leave_out(tmp_path: Path, url: str, base: str) -> None:
    written = json.loads(write_ready_file(tmp_path / "ready.json", url, None))
    assert (written["tokenUrl"], written["issuer"]) == (base + TOKEN_PATH, base + ISSUER_PATH)


def test_it_says_once_that_it_is_ready_and_where() -> None:
    with serving() as own:
        assert own.banner().count(f"is ready at {own.url}\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
@pytest.mark.parametrize("name", ["日本", "é", "\\u0007", "\\U0001f600"])
def test_what_a_terminal_cant_show_is_escaped(tmp_path: Path, encoding: str, name: str) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_text(f'workflows: [{{name: "{name}", tasks: [{{key: a}}]}}]', encoding="utf-8")
    environment = {"PYTHONIOENCODING": encoding}
    with serving("--catalogue", str(file), environment=environment) as own:
        assert until(lambda: f"is ready at {own.url}\n" in own.log.read_bytes().decode(encoding, "replace"))
        assert own.http.get("/__admin/health").status_code == 200
        until(lambda: "Start " in own.log.read_bytes().decode(encoding, "replace"))
        assert "Traceback" not in own.log.read_bytes().decode(encoding, "replace")


def test_a_name_is_listened_to_at_each_of_its_addresses() -> None:
    found = {str(address[0]) for *_, address in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    with serving("--host", "localhost") as own:
        port = own.address[1]
        for name in found:
            host = f"[{name}]" if ":" in name else name
            assert httpx.get(f"http://{host}:{port}/__admin/health", trust_env=False).json()["status"] == "healthy"
        taken = run("serve", "--host", "localhost", "--port", str(port))
        assert (taken.returncode, "--port 0" in taken.stderr) == (2, True)


HERE, HERE_TOO, NOT_HERE = "127.0.0.1", "127.0.0.2", "192.0.2.1"


@pytest.mark.parametrize("port", [0, 1], ids=["a free port", "a taken port"])
@pytest.mark.parametrize("addresses", [(HERE, HERE_TOO), (HERE, NOT_HERE), (NOT_HERE, HERE_TOO), (NOT_HERE,)])
def test_all_addresses_of_a_name_are_bound_at_one_port_or_none_is(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], port: int
) -> None:
    here = [address for address in addresses if address != NOT_HERE]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    with ExitStack() as stack:
        if port and here:
            taken = stack.enter_context(socket.create_server((here[-1], 0)))
            port = taken.getsockname()[1]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found * 2)  # resolvers name some twice
        if port or not here:
            with pytest.raises(ConfigError):
                bind("name.test", port)
            if port and here:
                stack.enter_context(socket.create_server((here[0] if len(here) > 1 else "127.0.0.3", port)))
        else:
            sockets = [stack.enter_context(each) for each in bind("name.test", port)]
            names = [each.getsockname() for each in sockets]
            assert [name for name, _ in names] == here
            assert len({number for _, number in names}) == 1


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
