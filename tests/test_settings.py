"""Settings as a program that embeds the server makes them."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from workflow_mock.errors import ConfigError
from workflow_mock.settings import FIELDS, KINDS, Settings

KEY = Path(__file__)


def test_settings_are_made_without_a_command() -> None:
    made = Settings(
        port=0, catalogue=(Path(__file__).parent,), token_lifetime=timedelta(seconds=5), allowed_host=("x",)
    )
    assert (made.port, made.host, made.journal) == (0, "127.0.0.1", True)


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_a_wrong_kind_is_refused_by_its_name(name: str) -> None:
    wrong: list[Any] = [object(), b"x", 1.5, ["x"], {}, *([] if KINDS[name] is bool else [True])]
    wrong += [] if KINDS[name] is str else ["8080"]
    wrong += [] if FIELDS[name].default is None else [None]
    wrong += ["x", Path("x"), (1.5,), (None,)] if isinstance(FIELDS[name].default, tuple) else [()]
    for value in wrong:
        with pytest.raises(ConfigError, match=rf"^{name}\b"):
            Settings(**{name: value})


OUT_OF_BOUNDS: list[tuple[str, Any]] = [
    ("port", -1),
    ("port", 65536),
    ("catalogue", (KEY / "nowhere",)),
    ("issuer", "x"),
    ("audience", "a b"),
    ("scope", ""),
    ("jwks_issuer", "x:"),
    ("hs256_secret", KEY.parent),
    ("hs256_issuer", "x:"),
    ("signing_key", KEY.parent),
    ("token_lifetime", timedelta(days=3651)),
    ("clock_skew", timedelta(seconds=-1)),
    ("max_body", 0),
    ("max_connections", 0),
    ("max_headers", 0),
    ("max_header_bytes", 1023),
    ("request_timeout", timedelta(days=3651)),
    ("idle_timeout", timedelta.max),
    ("max_executions", 0),
    ("max_executions_total", 0),
    ("max_requests", 0),
    ("admin_token", ""),
    ("allowed_host", ("good", "bad:1")),
    ("cors_origin", ("http://x/",)),
    ("tls_cert", KEY / "nowhere"),
    ("tls_key", KEY / "nowhere"),
    ("log_format", ""),
    ("log_level", "loud"),
    ("ready_file", KEY.parent),
]
UNBOUNDED = {"host", "jwks", "seed", *(name for name, kind in KINDS.items() if kind is bool)}
"""Settings of which every value of their kind is taken; what the first two name is tried at the start."""


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(name, value, id=f"{name}={value}") for name, value in OUT_OF_BOUNDS]
)
def test_a_value_out_of_its_bounds_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: "):
        Settings(**{name: value})


def test_each_setting_has_bounds_or_needs_none() -> None:
    assert {name for name, _ in OUT_OF_BOUNDS} == FIELDS.keys() - UNBOUNDED


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"jwks": "x"}, "--jwks-issuer"),
        ({"tls_cert": KEY}, "--tls-key"),
        ({"hs256_issuer": "http://x"}, "--hs256-secret"),
        ({"request_timeout": timedelta(0)}, "--request-timeout"),
        ({"issuer": "http://x", "jwks": "x", "jwks_issuer": "http://x"}, "must differ"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Settings(**values)


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after this."""
    code += "\nprint(*{name.partition('.')[0] for name in __import__('sys').modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["settings", "sandbox", "state.journal", "state.workflows", "domain.execution"])
def test_what_is_below_the_command_line_loads_no_click(module: str) -> None:
    assert not modules_after(f"import workflow_mock.{module}") & {"click", "fastapi", "uvicorn"}


@pytest.mark.parametrize("module", ["settings", "errors", "paths", "formats", "strict_json", "domain.execution"])
def test_the_base_loads_the_standard_library_alone(module: str) -> None:
    assert modules_after(f"import workflow_mock.{module}") - {"workflow_mock"} <= {
        *sys.stdlib_module_names,
        *modules_after("pass"),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["health", "--port", "1"],
        ["token", "--port", "1"],
        ["check", "app/workflow_mock/catalogue/demo.yaml"],
        ["schema"],
    ],
)
def test_a_command_that_serves_nothing_loads_no_web_framework(arguments: list[str]) -> None:
    code = f"from workflow_mock.cli.commands import main\ntry: main({arguments!r})\nexcept SystemExit: pass"
    assert not modules_after(code) & {"fastapi", "uvicorn"}
