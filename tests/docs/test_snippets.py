"""The snippets of the pages do what the pages say, and the headers that they show are those of the server."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from workflow_mock.settings import PREFIX, Settings

from tests.docs.pages import (
    DEFAULT_URL,
    PAGES,
    UUID_LINE,
    Snippet,
    environment,
    pytest_in,
    python,
    run_shell,
    shell,
    text_of,
)
from tests.oauth.forge import Key, claims
from tests.support import ROOT, Server, path, serving

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMMAND = ".venv/bin/workflow-mock "

README, CLIENTS_PAGE, CATALOGUE, TOKENS = "README.md", "docs/clients.md", "docs/catalogue.md", "docs/tokens.md"
DOCKER_AND_CI, CONTRIBUTING = "docs/docker-and-ci.md", "docs/contributing.md"

CLONE = Snippet(README, "sh", "git clone")
FIRST_REQUEST = Snippet(README, "sh", "--request POST")
FIRST_ANSWER = Snippet(README, "text")
FIRST_FAULT = Snippet(README, "sh", "retryAfter")
FIRST_IMAGE = Snippet(README, "sh", "docker build")
CURL = Snippet(CLIENTS_PAGE, "sh")
PYTHON = Snippet(CLIENTS_PAGE, "python", "raise_for_status")
PYTHON_OAUTH = Snippet(CLIENTS_PAGE, "python", "authlib")
IN_PROCESS = Snippet(CLIENTS_PAGE, "python", "ASGITransport")
OWN_WORKFLOW = Snippet(CATALOGUE, "yaml", "Nightly report")
OWN_COMMANDS = Snippet(CATALOGUE, "sh", "serve")
OWN_GRAPH = Snippet(CATALOGUE, "sh", "graph")
CLIENTS = Snippet(CATALOGUE, "yaml", "Payroll")
CATALOGUE_FAULTS = Snippet(CATALOGUE, "yaml", "Unavailable")
ISSUERS = Snippet(TOKENS, "sh")
DOCKER = Snippet(DOCKER_AND_CI, "sh", "docker build")
READY_FILE = Snippet(DOCKER_AND_CI, "sh", "ready.json")
FIXTURE = Snippet(DOCKER_AND_CI, "python", "tmp_path_factory")
PARALLEL = Snippet(DOCKER_AND_CI, "python", "class Customer")
MAKE = Snippet(CONTRIBUTING, "sh")
SNIPPETS = [
    *(CLONE, FIRST_REQUEST, FIRST_ANSWER, FIRST_FAULT, FIRST_IMAGE, CURL, PYTHON, PYTHON_OAUTH, IN_PROCESS),
    *(
        OWN_WORKFLOW,
        OWN_COMMANDS,
        OWN_GRAPH,
        CLIENTS,
        CATALOGUE_FAULTS,
        ISSUERS,
        DOCKER,
        READY_FILE,
        FIXTURE,
        PARALLEL,
        MAKE,
    ),
]


def commands(snippet: str) -> Iterator[list[str]]:
    """The arguments of each line, which has to be a call of `workflow-mock`."""
    for line in snippet.splitlines():
        assert line.startswith(COMMAND)
        yield shlex.split(line.removeprefix(COMMAND))


# The two commands


def test_the_clone_can_be_run(tmp_path: Path) -> None:
    """As far as it goes without installing: make knows what to do, and has what it needs."""
    address = tmp_path / "repository"
    address.mkdir()
    for file in ("Makefile", "pyproject.toml", *(f.name for f in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / file, address)
    git = "git -c user.name=x -c user.email=x@example.com -c init.defaultBranch=main"
    shell(f"cd repository; {git} init -q; {git} add Makefile *.toml *.lock; {git} commit -qm x", tmp_path)
    snippet = text_of(CLONE).replace("…", str(address)).replace("make run", "make -n run")
    assert "workflow-mock serve" in shell(snippet, tmp_path)


def test_the_demo_shows_a_start_and_ends() -> None:
    done = subprocess.run([sys.executable, "examples/demo.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert '"executionQueue"' in done.stdout


def test_the_line_that_the_server_prints_starts_an_execution(tmp_path: Path) -> None:
    with serving() as own:
        (line,) = re.findall(r"^  (curl .*)$", own.banner(), re.MULTILINE)
        command = re.sub(r"\$\(\S+ token", f"$({sys.executable} -m workflow_mock token", line)
        assert json.loads(shell(command, tmp_path))["data"]["executionQueue"]


# Clients


def test_the_first_request_is_answered_as_it_shows(server: Server, tmp_path: Path) -> None:
    answer = json.loads(shell(text_of(FIRST_REQUEST), tmp_path, server))
    assert answer["data"]["executionQueue"]
    shown = text_of(FIRST_ANSWER).replace("[…]", "[]").replace(", …]", "]")
    assert_abridged(json.loads(shown), answer)


def assert_abridged(shown: Any, whole: Any, name: str = "") -> None:
    """Names in the order shown, lists as long or longer, strings as far as shown; time and the new id are another's."""
    if isinstance(shown, dict):
        assert list(shown) == list(whole)
        for key in shown:
            assert_abridged(shown[key], whole[key], key)
    elif isinstance(shown, list):
        for one, other in zip(shown, whole, strict=False):
            assert_abridged(one, other)
    elif isinstance(shown, str) and name not in ("id", "created"):
        assert whole.startswith(shown.removesuffix("…"))
    else:
        assert type(shown) is type(whole)


def test_the_first_request_fails_once_and_then_no_more(tmp_path: Path) -> None:
    token, request = text_of(FIRST_REQUEST).split("\n\n")
    again = f"{request.strip()} --silent --include"
    with serving() as own:
        printed = shell(f"{token}\n{text_of(FIRST_FAULT)}\n{again}\necho\n{again}", tmp_path, own)
    assert re.findall(r"HTTP/1.1 (\d+)", printed) == ["503", "200"]
    assert "retry-after: 5\n" in printed.replace("\r", "")


def test_the_two_addresses_are_the_servers(server: Server) -> None:
    rows = {row[0]: row[1].strip("`") for row in PAGES[README].table("Point your client here")}
    workflow = rows["workflow of the demo"].strip("`")
    start = rows["start URL"].replace(DEFAULT_URL, "")
    assert start == path("{workflowId}", customer="{customerId}")
    assert rows["token URL"].replace(DEFAULT_URL, server.url) == server.ready["tokenUrl"]
    assert server.start(workflow).status_code == 200


def test_curl_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    assert re.fullmatch(UUID_LINE, shell(text_of(CURL), tmp_path, server))


def test_the_application_answers_in_process() -> None:
    printed = python(text_of(IN_PROCESS)).strip()
    assert str(UUID(printed)) == printed


@pytest.mark.parametrize("which", [PYTHON, PYTHON_OAUTH], ids=["requests", "authlib"])
def test_python_prints_the_id_of_an_execution(server: Server, which: Snippet) -> None:
    assert re.fullmatch(UUID_LINE, python(text_of(which).replace(DEFAULT_URL, server.url)))


# Catalogue, tokens and issuers


def test_the_workflow_of_ones_own_is_checked_and_started(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(text_of(OWN_WORKFLOW))
    assert len(text_of(OWN_WORKFLOW).splitlines()) == 10
    check, (command, *options) = commands(text_of(OWN_COMMANDS))
    assert shell(shlex.join([COMMAND.strip(), *check]), tmp_path) == "1 workflow and 1 client: no problems\n"
    assert command == "serve"
    with serving(*(str(file) if word == file.name else word for word in options)) as own:
        (workflow,) = re.findall(r"/workflow/([0-9a-f-]{36})/", own.banner())
        answer = own.start(workflow, token=own.token("reporter", "not-so-secret"))
        triggers = [task["name"] for task in answer.json()["data"]["tasks"] if task["isTrigger"]]
        assert triggers == ["fetch-orders", "fetch-prices"]


def test_the_workflow_of_ones_own_is_drawn_as_the_page_shows_it(tmp_path: Path) -> None:
    """If not: copy the picture that the command writes over the page's."""
    (tmp_path / "nightly.yaml").write_text(text_of(OWN_WORKFLOW))
    shell(text_of(OWN_GRAPH), tmp_path)
    assert (tmp_path / "nightly.svg").read_bytes() == (ROOT / "docs" / "nightly.svg").read_bytes()


def test_each_client_of_the_catalogue_may_do_what_its_comment_says(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(text_of(CLIENTS))
    (bound,) = yaml.safe_load(text_of(CLIENTS))["workflows"][0]["customers"]
    with serving("--catalogue", str(file)) as own:
        (workflow,) = re.findall(r"/workflow/([0-9a-f-]{36})/", own.banner())

        def code(client: str, customer: str | None) -> str | None:
            token = own.token(client, f"{client}-secret")
            errors = own.start(workflow, customer=customer, token=token).json()["meta"]["errors"]
            return str(errors[0]["code"]) if errors else None

        assert code("payroll", bound) is None
        assert code("payroll", None) == "customer_forbidden"
        assert code("office", bound) is None
        assert code("office", None) == "workflow_not_found"
        assert code("reader", bound) == "insufficient_scope"


def test_each_kind_of_issuer_can_be_trusted(tmp_path: Path) -> None:
    key = Key()
    (tmp_path / "key.pem").write_bytes(key.pem)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.public_jwk | {"kid": key.kid}]}))
    (tmp_path / "secret.txt").write_text("x" * 32)
    for command, *options in commands(text_of(ISSUERS)):
        assert command == "serve"
        here = [str(tmp_path / word) if (tmp_path / word).exists() else word for word in options]
        assert here != options or "https://login.example.com/jwks" in options
        with serving(*here) as own:
            assert own.start().status_code == 200
            if "--jwks" in options and here != options:
                token = key.token(key.header(), claims("https://login.example.com"))
                assert own.start(token=token).status_code == 200


def test_each_refused_token_gets_the_header_that_it_shows(tmp_path: Path) -> None:
    key, other = Key(), Key()
    (tmp_path / "key.pem").write_bytes(key.pem)
    with serving("--signing-key", str(tmp_path / "key.pem")) as own:

        def signed(**changed: Any) -> str:
            return key.token(key.header(), claims(f"{own.url}/api/authentication") | changed)

        bad = {
            "token_missing": None,
            "token_malformed": "x",
            "token_algorithm": key.token(key.header(alg="none"), claims("X")),
            "token_key_unknown": other.token(other.header(), claims(f"{own.url}/api/authentication")),
            "token_signature": key.token(key.header(), claims("X"), signature=b"x"),
            "token_not_yet_valid": signed(nbf=2_368_051_200, exp=2_368_051_200),
            "token_expired": signed(nbf=1, exp=951_004_800),
            "token_audience": signed(aud="X"),
            "token_issuer": signed(iss="X"),
            "token_claims": key.token(key.header(), claims(f"{own.url}/api/authentication", exp=None)),
            "insufficient_scope": signed(scope=[]),
            "customer_forbidden": signed(customer_id=[]),
        }
        rows = PAGES[TOKENS].table("Why a token is refused")
        assert [row[0].strip("`") for row in rows] == list(bad)
        for code, shown in ((row[0].strip("`"), row[1]) for row in rows):
            answer = own.http.post(path(), headers={"Authorization": f"Bearer {bad[code]}"} if bad[code] else {})
            assert answer.json()["meta"]["errors"][0]["code"] == code
            first = re.match(r"`(.*?)`", shown)
            whole = first and first[1].replace("… ", 'Bearer error="invalid_token", error_description=')
            assert answer.headers.get("www-authenticate") == whole
        wrong_type = own.http.post(path(), headers={"Authorization": f"Bearer {signed(jti=1)}"})
        assert f"else `{wrong_type.headers['www-authenticate']}`" in dict(rows)["`token_claims`"]


# Docker, as far as it goes without an engine: what the lines name is there


def test_what_the_docker_lines_name_is_in_the_image() -> None:
    snippet = text_of(DOCKER)
    assert snippet.startswith(text_of(FIRST_IMAGE))
    (published,) = set(re.findall(r"-p 127\.0\.0\.1:\d+:(\d+)", snippet))
    assert f"EXPOSE {published}\n" in DOCKERFILE
    assert next(f for f in fields(Settings) if f.name == "port").default == int(published)
    (mounted,) = re.findall(r'-v "\$PWD/\w+:([^:]+):ro"', snippet)
    assert f"{PREFIX}CATALOGUE={mounted}\n" in DOCKERFILE
    assert f"{PREFIX}HOST=0.0.0.0 " in DOCKERFILE
    for variable in re.findall(r"-e (\w+)=", snippet):
        assert variable in {PREFIX + setting.name.upper() for setting in fields(Settings)}
    assert 'CMD ["workflow-mock", "health"]' in DOCKERFILE
    assert 'ENTRYPOINT ["workflow-mock"]' in DOCKERFILE
    assert set(re.findall(r"workflow-mock$", snippet, re.MULTILINE)) == {"workflow-mock"}


def test_what_compose_up_starts_is_the_server_and_a_client_that_waits() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["workflow-mock"]["ports"] == ["127.0.0.1:8080:8080"]
    assert services["client"]["depends_on"] == {"workflow-mock": {"condition": "service_healthy"}}


# In CI and tests


def test_the_ready_file_tells_where_the_server_is(tmp_path: Path) -> None:
    script = re.sub(r"^kill \$!", "kill $!; wait $!", text_of(READY_FILE), flags=re.MULTILINE)
    told = re.search(r'\{"url".*\}', shell(script, tmp_path))
    assert told is not None
    assert json.loads(told[0]).keys() == {"url", "tokenUrl", "issuer", "pid", "version"}


@pytest.mark.parametrize(
    ("unable", "to"),
    [
        ("workflow-mock serve --port 0", "workflow-mock serve --issuer x"),
        ("workflow-mock serve --port 0", "sleep 3 #"),
    ],
    ids=["ends", "hangs"],
)
def test_waiting_for_the_ready_file_ends(tmp_path: Path, unable: str, to: str) -> None:
    script = text_of(READY_FILE).replace(".venv/bin/" * (to[:5] == "sleep") + unable, to).replace("seq 600", "seq 10")
    done = run_shell(script, tmp_path)
    assert done.returncode
    assert done.stdout == ""


def test_the_fixture_gives_tests_a_server(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(text_of(FIXTURE))
    (tmp_path / "test_it.py").write_text(
        "import os, urllib.request as r\n"
        "def test_it(workflow_api):\n"
        "    r.urlopen(workflow_api['url'] + '/__admin/health')\n"
        "    os.kill(workflow_api['pid'], 0)\n"
    )
    assert "1 passed" in pytest_in(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [('"serve", "--issuer", "x"', "did not start"), ('"token", "--help"', "did not start")],
    ids=["refused", "ended"],
)
def test_the_fixture_says_when_there_is_no_server(tmp_path: Path, arguments: str, said: str) -> None:
    (tmp_path / "conftest.py").write_text(text_of(FIXTURE).replace('"serve"', arguments))
    (tmp_path / "test_it.py").write_text("def test_it(workflow_api): pass")
    assert said in pytest_in(tmp_path)


def test_the_fixture_waits_no_longer_than_it_says(tmp_path: Path) -> None:
    script = text_of(FIXTURE).replace("+ 30", "+ 0.2").replace('"workflow-mock", "serve"', '"sleep", "30", "#"')
    (tmp_path / "conftest.py").write_text(
        script.replace('["sleep", "30", "#", "--port", "0", "--ready-file", ready]', '["sleep", "30"]')
    )
    (tmp_path / "test_it.py").write_text("def test_it(workflow_api): pass")
    assert "was not ready after" in pytest_in(tmp_path)


SEND = "    requests.post(f'{customer.url}/api/workflow/v1.0/customer/{customer.id}/workflow/x/WorkflowExecution')\n"


@pytest.mark.parametrize(
    ("client", "fault", "outcome"),
    [
        pytest.param(3 * SEND, "status", "1 passed", id="three tries"),
        pytest.param(4 * SEND, "status", "1 failed", id="one try too many"),
        pytest.param("", "status", "1 failed", id="a client that sends nothing"),
        pytest.param(3 * SEND, "statsu", "statsu", id="a misspelt fault"),
    ],
)
def test_each_parallel_test_has_a_world(server: Server, tmp_path: Path, client: str, fault: str, outcome: str) -> None:
    fixture = f"import pytest\n@pytest.fixture\ndef workflow_api(): return {{'url': {server.url!r}}}\n"
    (tmp_path / "conftest.py").write_text(fixture)
    hole = "    ...  # let the client start a workflow for customer.id\n"
    assert hole in text_of(PARALLEL)
    text = text_of(PARALLEL).replace(hole, client)
    (tmp_path / "test_it.py").write_text(text.replace('"faults", {"status"', f'"faults", {{"{fault}"'))
    assert outcome in pytest_in(tmp_path)


# Faults in the catalogue


def test_the_catalogues_faults_are_back_after_a_reset(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(text_of(CATALOGUE_FAULTS))
    with serving("--catalogue", str(tmp_path / "faults.yaml"), "--log-level", "warning") as server:
        (workflow,) = server.http.get("/__admin/workflows").json()["workflows"]
        customer = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
        for _ in range(2):
            assert [server.start(workflow["id"], customer=customer).status_code for _ in range(3)] == [503, 503, 200]
            server.http.post(f"/__admin/reset?customerId={customer}")


# Contributing


def test_make_checks_everything_or_the_named_tests_alone() -> None:
    everything, some, _ = text_of(MAKE).splitlines()
    planned = [
        subprocess.run(
            ["make", "-n", "--no-print-directory", *shlex.split(line)[1:]],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for line in (everything, some)
    ]
    assert all(tool in planned[0] for tool in ("ruff format", "ruff check", "mypy", "pytest -q --numprocesses"))
    assert planned[1].splitlines()[-1].endswith("pytest -q tests/api -k pipeline")
    assert "ruff" not in planned[1].splitlines()[-1]
    assert "mypy" not in planned[1]
