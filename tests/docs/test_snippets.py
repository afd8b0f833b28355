"""The README is true: each of its snippets runs, each of its tables is whole."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_mock import catalogue, protocol
from workflow_mock.admin import app as admin_app
from workflow_mock.admin import snapshot
from workflow_mock.admin import workflows as admin_workflows
from workflow_mock.api import leniency
from workflow_mock.errors import STATUS_OF_CODE
from workflow_mock.fields import MAX_DURATION
from workflow_mock.oauth import token_endpoint, verify
from workflow_mock.settings import PREFIX, Settings, flag
from workflow_mock.state import clock, events, faults, ids, journal, workflows
from workflow_mock.state.matcher import Matcher

from tests.oauth.forge import Key, claims
from tests.readme import DEFAULT_URL, README, block, blocks, environment, python, shell, table
from tests.support import ROOT, Server, path, run, serving
from tests.test_recipes import RECIPES

UUID_LINE = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMMAND = ".venv/bin/workflow-mock "

# Language of each block, and words that are in it alone.
CLONE = ("sh", "git clone")
FIRST_REQUEST = ("sh", "--request POST")
FIRST_ANSWER = ("text", '"executionQueue"')
CURL = ("sh", "ID=$(curl")
PYTHON = ("python", "raise_for_status")
PYTHON_OAUTH = ("python", "authlib")
OWN_WORKFLOW = ("yaml", "Nightly report")
OWN_COMMANDS = ("sh", "check nightly.yaml")
CLIENTS = ("yaml", "Payroll")
ISSUERS = ("sh", "--jwks")
DOCKER = ("sh", "docker build")
READY_FILE = ("sh", "ready.json")
FIXTURE = ("python", "tmp_path_factory")
MAKE = ("sh", "make format")
RUN_HERE = [
    *(CLONE, FIRST_REQUEST, FIRST_ANSWER, CURL, PYTHON, PYTHON_OAUTH, OWN_WORKFLOW, OWN_COMMANDS),
    *(CLIENTS, ISSUERS, DOCKER, READY_FILE, FIXTURE, MAKE),
    *RECIPES,
]
# Their tools aren't on everybody's machine: tests/languages/test_other_languages.py, `make test-languages`, the gate.
RUN_WITH_THEIR_TOOLS = [("ts", ""), ("csharp", ""), ("java", "")]


def commands(snippet: str) -> Iterator[list[str]]:
    """The arguments of each line, which has to be a call of `workflow-mock`."""
    for line in snippet.splitlines():
        assert line.startswith(COMMAND)
        yield shlex.split(line.removeprefix(COMMAND))


# Nothing is left out


def test_each_block_is_run_by_one_test() -> None:
    known = [*RUN_HERE, *RUN_WITH_THEIR_TOOLS]
    for found in blocks():
        by = [entry for entry in known if entry[0] == found.language and entry[1] in found.text]
        assert len(by) == 1, f"README.md:{found.line} is run by {len(by)} tests: see RUN_HERE in this file"
    assert len(blocks()) == len(known)


def test_no_block_hides_from_these_tests() -> None:
    fences = re.findall(r"^\s*(?:```|~~~).*$", README, re.MULTILINE)
    assert len(fences) == 2 * len(blocks())
    assert not re.search(r"^(?: {4}|\t)(?![-*])", re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S), re.MULTILINE)
    assert "<pre" not in README


@pytest.mark.parametrize("language", [language for language, _ in RUN_WITH_THEIR_TOOLS])
def test_other_languages_are_run_with_their_tools(language: str) -> None:
    assert f'"{language}"' in (ROOT / "tests" / "languages" / "test_other_languages.py").read_text()
    assert "make test-languages" in (ROOT / ".ci" / "run").read_text()


def test_each_link_inside_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target[1:] in anchors if target.startswith("#") else (ROOT / target).exists(), target


# The two commands


def test_the_clone_can_be_run(tmp_path: Path) -> None:
    """As far as it goes without installing: make knows what to do, and has what it needs."""
    address = tmp_path / "repository"
    address.mkdir()
    for file in ("Makefile", "pyproject.toml", *(f.name for f in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / file, address)
    git = "git -c user.name=x -c user.email=x@example.com -c init.defaultBranch=main"
    shell(f"cd repository; {git} init -q; {git} add Makefile *.toml *.lock; {git} commit -qm x", tmp_path)
    snippet = block(*CLONE).replace("…", str(address)).replace("make run", "make -n run")
    assert "workflow-mock serve" in shell(snippet, tmp_path)


def test_each_make_target_that_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join([*re.findall(r"`[^`\n]+`", README), *(b.text for b in blocks() if b.language == "sh")])
    named = set(re.findall(r"\bmake ([a-z-]+)", code))
    assert named >= {"run", "demo", "test", "format", *block(*MAKE).replace("make ", "").split()}
    assert named <= targets


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
    answer = json.loads(shell(block(*FIRST_REQUEST), tmp_path, server))
    assert answer["data"]["executionQueue"]
    shown = block(*FIRST_ANSWER).replace("[…]", "[]").replace(", …]", "]")
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


def test_curl_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    assert re.fullmatch(UUID_LINE, shell(block(*CURL), tmp_path, server))


@pytest.mark.parametrize("which", [PYTHON, PYTHON_OAUTH], ids=["requests", "authlib"])
def test_python_prints_the_id_of_an_execution(server: Server, which: tuple[str, str]) -> None:
    assert re.fullmatch(UUID_LINE, python(block(*which).replace(DEFAULT_URL, server.url)))


# Catalogue, tokens and issuers


def test_the_workflow_of_ones_own_is_checked_and_started(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(block(*OWN_WORKFLOW))
    assert len(block(*OWN_WORKFLOW).splitlines()) == 10
    check, (command, *options) = commands(block(*OWN_COMMANDS))
    assert shell(shlex.join([COMMAND.strip(), *check]), tmp_path) == "1 workflow and 1 client: no faults\n"
    assert command == "serve"
    with serving(*(str(file) if word == file.name else word for word in options)) as own:
        (workflow,) = re.findall(r"/workflow/([0-9a-f-]{36})/", own.banner())
        answer = own.start(workflow, token=own.token("reporter", "not-so-secret"))
        triggers = [task["name"] for task in answer.json()["data"]["tasks"] if task["isTrigger"]]
        assert triggers == ["fetch-orders", "fetch-prices"]


def test_each_client_of_the_catalogue_may_do_what_its_comment_says(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(block(*CLIENTS))
    (bound,) = yaml.safe_load(block(*CLIENTS))["workflows"][0]["customers"]
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
    for command, *options in commands(block(*ISSUERS)):
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
            "token_key_unknown": other.token(other.header(), claims("X")),
            "token_signature": key.token(key.header(), claims("X"), signature=b"x"),
            "token_not_yet_valid": signed(nbf=2_368_051_200),
            "token_expired": signed(exp=951_004_800),
            "token_audience": signed(aud="X"),
            "token_issuer": signed(iss="X"),
            "token_claims": key.token(key.header(), claims(f"{own.url}/api/authentication", exp=None)),
            "insufficient_scope": signed(scope=[]),
            "customer_forbidden": signed(customer_id=[]),
        }
        rows = table("Tokens and external issuers")
        assert [row[0].strip("`") for row in rows] == list(bad)
        for code, shown in ((row[0].strip("`"), row[1]) for row in rows):
            answer = own.http.post(path(), headers={"Authorization": f"Bearer {bad[code]}"} if bad[code] else {})
            assert answer.json()["meta"]["errors"][0]["code"] == code
            first = re.match(r"`(.*?)`", shown)
            whole = first and first[1].replace("… ", 'Bearer error="invalid_token", error_description=')
            assert answer.headers.get("www-authenticate") == whole
        wrong_type = own.http.post(path(), headers={"Authorization": f"Bearer {signed(jti=1)}"})
        assert f"else `{wrong_type.headers['www-authenticate']}`" in dict(rows)["`token_claims`"]


# Limits


def test_each_limit_is_the_one_that_counts() -> None:
    units = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "": 1}
    shown = [row[1].replace(",", "").partition(" ") for row in table("Limits that are no settings")]
    assert [int(number) * units[unit] for number, _, unit in shown] == [
        journal.MAX_BODY_BYTES,
        leniency.MAX_NOTES,
        workflows.MAX_WORKFLOWS,
        admin_workflows.MAX_TASKS,
        faults.MAX_FAULTS,
        faults.MAX_TALLIES,
        next(m.max_length for m in Matcher.model_fields["body_patterns"].metadata if hasattr(m, "max_length")),
        clock.MAX_CUSTOMERS,
        events.MAX_LISTENERS,
        events.MAX_HISTORY,
        journal.LOOK_BACK,
        admin_app.MAX_BODY_BYTES,
        snapshot.MAX_BYTES,
        catalogue.MAX_FILE_BYTES,
        verify.MAX_TOKEN_BYTES,
        token_endpoint.MAX_FORM_BYTES,
        verify.CACHED_TOKENS,
        protocol.AHEAD,
        faults.MAX_DELAY_MILLISECONDS // 60_000,
        MAX_DURATION.days,
    ]
    assert clock.MAX_CUSTOMERS == ids.MAX_CUSTOMERS
    assert events.MAX_HISTORY == events.MAX_WAITING


# Docker, as far as it goes without an engine: what the lines name is there


def test_what_the_docker_lines_name_is_in_the_image() -> None:
    snippet = block(*DOCKER)
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
    script = block(*READY_FILE).replace("kill $!", "kill $!; wait $!")
    told = re.search(r'\{"url".*\}', shell(script, tmp_path))
    assert told is not None
    assert json.loads(told[0]).keys() == {"url", "tokenUrl", "issuer", "pid"}


def test_waiting_ends_where_the_server_does_not_start(tmp_path: Path) -> None:
    script = block(*READY_FILE).replace("--port 0", "--port 0 --issuer nonsense").replace("cat ready.json", "exit")
    assert shell(script, tmp_path) == ""


def test_the_fixture_gives_tests_a_server(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(block(*FIXTURE))
    (tmp_path / "test_it.py").write_text(
        "import os, urllib.request as r\n"
        "def test_it(workflow_api):\n"
        "    r.urlopen(workflow_api['url'] + '/__admin/health')\n"
        "    os.kill(workflow_api['pid'], 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=environment() | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


# Tables and names


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = {row[0]: row[1:] for row in table("Every setting")}
    assert list(rows) == [f"`{flag(setting.name)}`" for setting in fields(Settings)]
    for setting in fields(Settings):
        variable, default, what = rows[f"`{flag(setting.name)}`"]
        assert variable == f"`{PREFIX}{setting.name.upper()}`"
        assert what == setting.metadata["help"]
        assert setting.default is not MISSING
        value = setting.default
        shown = int(value.total_seconds()) if isinstance(value, timedelta) else value
        if isinstance(shown, bool):
            assert default == ("on" if shown else "off")
        else:
            assert default == (f"`{shown}`" if shown not in (None, ()) else "")


def test_the_table_of_errors_is_that_of_the_code() -> None:
    rows = table("Every error code")
    assert {row[1].strip("`"): int(row[0]) for row in rows} == STATUS_OF_CODE
    assert len(rows) == len(STATUS_OF_CODE)


def test_each_command_option_and_variable_that_it_names_exists() -> None:
    others = {"--request", "--url", "--header", "--data", "--rm", "--read-only", "--build"}
    known = ("serve", "token", "check", "schema", "openapi", "health")
    helps = "\n".join(run(command, "--help").stdout for command in known)
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", README)) - others:
        assert re.search(rf"{option}\b", helps), f"{option} is no option"
    for variable in set(re.findall(rf"{PREFIX}\w+", README)):
        assert f"env var: {variable}" in re.sub(r"\s+", " ", helps), f"{variable} is no variable"
    code = "\n".join([*re.findall(r"`[^`\n]+`", README), *(b.text for b in blocks() if b.language == "sh")])
    for command in set(re.findall(r"(?:[`(/]|^)workflow-mock ([a-z]+)\b", code, re.MULTILINE)):
        assert command in known, f"{command} is no command"
