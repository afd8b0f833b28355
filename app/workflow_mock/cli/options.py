"""A click option for each field of Settings, and the one reader of the environment.

A variable that the platform sets for a Service or a linked container named `workflow-mock` is no setting.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workflow_mock.errors import ConfigError
from workflow_mock.settings import FIELDS, KINDS, PREFIX, Check, Settings, flag

_known = {name.upper() for name in FIELDS}


if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic from click 8.4 on


class _Value(_ParamType):
    """Text of the command line or of a variable as a value of this kind, checked."""

    def __init__(self, kind: type, check: Check | None) -> None:
        self.name = {int: "integer", timedelta: "seconds", Path: "path"}.get(kind, "text")
        self._kind = kind
        self._check = check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            found = value if isinstance(value, self._kind) else parse(self._kind, str(value))
            if self._check is not None:
                self._check(found)
        except ValueError as error:
            message = str(error)
            if message.startswith("must ") and param is not None and param.name is not None:
                raise click.UsageError(f"{flag(param.name)} {message} (env var: {param.envvar})", ctx) from None
            self.fail(message, param, ctx)
        return found

    def split_envvar_value(self, rv: str) -> list[str]:
        """The values of a list: paths with the system's separator between, others with white space."""
        return rv.split(os.pathsep) if self._kind is Path else rv.split()


class _Option(click.Option):
    """An option with a `WORKFLOW_MOCK_…` variable."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The variable's text; None where it is empty or a Service's. An empty admin token is refused, not ignored."""
        value = super().resolve_envvar_value(ctx)
        if value is not None:
            return None if _is_link(str(self.envvar), value) else value
        return os.environ.get(str(self.envvar)) if self.name == "admin_token" else None


def parse(kind: type, text: str) -> Any:
    """The value of this kind that a text stands for; a timedelta's is a number of seconds. Raises ValueError."""
    if kind is timedelta:
        try:
            return timedelta(seconds=float(text))
        except (ValueError, OverflowError):
            raise ValueError(f"{text!r} is not a number of seconds") from None
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a valid integer") from None
    return kind(text)


def option(
    name: str, *, kind: type = str, check: Check | None = None, default: Any = None, **attributes: Any
) -> Callable[[Any], Any]:
    """A click option that its `WORKFLOW_MOCK_…` variable sets too; a switch can be switched off again by `--no-…`."""
    _known.add(name.upper())
    is_switch = kind is bool
    flags = f"{flag(name)}/{flag('no_' + name)}" if is_switch else flag(name)
    if not is_switch:
        attributes |= {"type": _Value(kind, check), "multiple": isinstance(default, tuple)}
    return click.option(
        flags,
        name,
        cls=_Option,
        envvar=PREFIX + name.upper(),
        show_envvar=True,
        show_default=not is_switch,
        default=default.total_seconds() if isinstance(default, timedelta) else default,
        **attributes,
    )


def options(*names: str) -> Callable[[Any], Any]:
    """The options of these settings, or of all of them, in the order of `Settings`."""

    def decorate(command: Any) -> Any:
        for name, field in reversed(FIELDS.items()):
            if not names or name in names:
                command = option(name, kind=KINDS[name], default=field.default, **field.metadata)(command)
        return command

    return decorate


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Raises click.UsageError."""
    try:
        return Settings(**values)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _may_be_service(name: str) -> bool:
    """Whether Kubernetes or `docker --link` use such a name behind the prefix; a Service's own may be in front."""
    words = name.split("_")
    return "PORT" in words or ("SERVICE", "HOST") in pairwise(words)


def _is_service(name: str) -> bool:
    """Whether such a name is no setting in any case, so that nothing is said of it."""
    words = name.split("_")
    return "PORT" in words[:-1] or words[-2:] in (["SERVICE", "HOST"], ["SERVICE", "PORT"])


def _is_link(variable: str, value: str) -> bool:
    """Whether a variable holds the address of a Service: `WORKFLOW_MOCK_PORT=tcp://10.0.0.11:8080`."""
    return "://" in value and _may_be_service(variable.removeprefix(PREFIX))


def warnings(environment: Mapping[str, str], *, links_only: bool = False) -> Iterable[str]:
    """What is ignored in an environment: addresses of a Service where a setting is meant, and unknown variables."""
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if name == variable:
            continue
        if name in _known:
            if _is_link(variable, value):
                yield (
                    f"{variable} is ignored: it has the address of a Service, not a {flag(name.lower())[2:]}; "
                    "enableServiceLinks: false in the pod keeps such variables away"
                )
        elif not links_only and not _is_service(name) and not _is_link(variable, value):
            yield f"{variable} is ignored: there is no such setting; see workflow-mock serve --help"
