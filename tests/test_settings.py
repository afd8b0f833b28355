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


@pytest.mark.parametrize(
    "values",
    [
        {"port": -1},
        {"port": 65536},
        {"max_body": 0},
        {"max_header_bytes": 1023},
        {"token_lifetime": timedelta(days=3651)},
        {"clock_skew": timedelta(seconds=-1)},
        {"idle_timeout": timedelta.max},
        {"log_level": "loud"},
        {"log_format": ""},
        {"issuer": "x"},
        {"audience": "a b"},
        {"scope": ""},
        {"admin_token": ""},
        {"allowed_host": ("good", "bad:1")},
        {"cors_origin": ("http://x/",)},
        {"catalogue": (KEY / "nowhere",)},
        {"signing_key": KEY.parent},
        {"ready_file": KEY.parent},
    ],
)
def test_a_value_out_of_its_bounds_is_refused_by_its_name(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(ConfigError, match=f"^{name}: "):
        Settings(**values)


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
