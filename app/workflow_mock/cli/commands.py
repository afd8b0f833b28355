"""The `workflow-mock` command."""

import asyncio
import gc
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from workflow_mock import __version__
from workflow_mock.cli.client import ConnectError, call, local_url
from workflow_mock.cli.options import option, options, settings_of, warnings
from workflow_mock.errors import ConfigError
from workflow_mock.paths import ADMIN_PATH, HEALTH_PATH, TOKEN_PATH
from workflow_mock.settings import Settings, url

logger = logging.getLogger(__name__)

MAX_NAMED = 20
"""Workflows of a file that `graph` names, where it can't tell which is meant."""

HINTS = {
    "invalid_client": "check --client and --secret",
    "invalid_scope": "the client may not have that --scope",
    "unauthorized_client": "the client may not use client_credentials",
}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0; 1 where the check or the server fails; 2 where it can't be done as it was said."""
    # libuv can't close a socket that has the number of a standard stream which was closed.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever a terminal can't show, such as a name in a file, is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="workflow-mock", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:  # click's own show() takes four lines
        context = getattr(error, "ctx", None)
        hint = f" ({context.command_path} --help says more)" if context else ""
        if isinstance(error, click.NoSuchOption) and context and context.command is cli:
            hint = f" (options come after a command: workflow-mock serve {error.option_name})"
        click.echo(f"workflow-mock: {error.format_message()}{hint}", err=True)
        code = click.UsageError.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """A mock and reference server for the start of a workflow execution."""


@cli.command()
@options()
def serve(**values: Any) -> int:
    """Serve the API and its authorization server."""
    settings = settings_of(values)
    try:
        # What is imported stays: to look through it for garbage takes a tenth of the start. `server.serve` enables it.
        gc.disable()
        # Not at the top of the file: the other commands don't wait for the web framework.
        from workflow_mock import log  # noqa: PLC0415
        from workflow_mock.oauth.keys import SigningKey  # noqa: PLC0415

        signing_key = SigningKey.begin(settings.signing_key)  # a new one is made while the rest is imported

        from workflow_mock.app import create_app  # noqa: PLC0415
        from workflow_mock.cli import banner, browser, stdin  # noqa: PLC0415
        from workflow_mock.cli import watcher as watch  # noqa: PLC0415
        from workflow_mock.server import ready_file, server  # noqa: PLC0415

        log.configure(settings.log_format, "error" if settings.quiet else settings.log_level)
        for warning in warnings(os.environ):
            logger.warning(warning)
        if settings.ready_file:
            ready_file.remove_stale(settings.ready_file)
        listening = server.bind(settings.host, settings.port)
        stamps = watch.stamps(settings.catalogue)
        app = create_app(settings, signing_key)
        tasks = []
        written: list[str] = []
        url = local_url(settings.host, listening[0].getsockname()[1], settings.tls_cert)

        def announce() -> None:
            if settings.open:
                browser.open_page(f"{url}{ADMIN_PATH}/")
            if settings.ready_file:
                written.append(ready_file.write_ready_file(settings.ready_file, url, settings.issuer))
            if settings.watch:
                watching = watch.watch(settings.catalogue, stamps, app.reload)
                tasks.append(asyncio.get_running_loop().create_task(watching))
            if settings.until_stdin_closes:
                stdin.when_closed(running.end)
            if settings.log_format == "json":
                logger.info("ready at %s", url, extra={"url": url, "tokenUrl": f"{url}{TOKEN_PATH}"})
            elif not settings.quiet:
                _print_unless_nobody_reads(banner.banner(url, settings, app.catalogue, command=sys.argv[0]))

        try:
            running = server.server(app, settings, announce, app.sandbox.close)
            all_answered = server.serve(running, listening)
        finally:
            app.sandbox.request_log.flush()
            if settings.ready_file and written:
                ready_file.remove_ready_file(settings.ready_file, written[0])
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    return 0 if all_answered else 1


def _print_unless_nobody_reads(text: str) -> None:
    try:
        click.echo(text)
    except OSError:  # What is left of it mustn't fail again at the end (exit code 120).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@cli.command()
@option("url", check=url, help="The server's address; else --host and --port on this machine.", metavar="URL")
@options("host", "port", "tls_cert")
@option("client", default="demo", help="Client id.", metavar="ID")
@option("secret", default="demo-secret", help="Client secret.", metavar="SECRET")
@click.option("--scope", help="Scopes with spaces between; without it, all that the client may have.")
def token(url: str | None, client: str, secret: str, scope: str | None, **local: Any) -> None:
    """Print an access token got from the token endpoint."""
    _tell_ignored()
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    address = (url or local_url(**local)).rstrip("/") + TOKEN_PATH
    try:
        status, document = call(address, form | ({"scope": scope} if scope else {}))
    except ConnectError as error:
        raise click.ClickException(f"{error}; is the server running? workflow-mock serve starts it") from None
    if status != 200:
        code = str(document.get("error", status))
        raise click.ClickException(
            f"the token endpoint refused: {code}" + (f": {HINTS[code]}" if code in HINTS else "")
        )
    click.echo(document["access_token"])


def _tell_ignored() -> None:
    for warning in warnings(os.environ, links_only=True):
        click.echo(f"workflow-mock: {warning}", err=True)


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def check(files: tuple[Path, ...]) -> int:
    """Check catalogue files, and print each problem with file, line and key."""
    from workflow_mock.catalogue import loader as catalogue  # noqa: PLC0415

    try:
        content = catalogue.read(files)
    except catalogue.InvalidCatalogue as error:
        click.echo(str(error), err=True)
        return 1
    counts = ((len(content.workflows), "workflow"), (len(content.clients), "client"))
    click.echo(" and ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in counts) + ": no problems")
    return 0


@cli.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--workflow", help="Name or id of the workflow; not needed where there is one.", metavar="NAME")
@click.option("--out", help="Write to this file; else to standard output.", type=click.Path(path_type=Path))
def graph(file: Path, workflow: str | None, out: Path | None) -> int:
    """Draw a workflow of a catalogue file as SVG."""
    from workflow_mock.catalogue import loader as catalogue  # noqa: PLC0415
    from workflow_mock.domain.layout import GraphTooLarge  # noqa: PLC0415
    from workflow_mock.domain.svg import workflow_svg  # noqa: PLC0415

    try:
        workflows = catalogue.read([file]).workflows
    except catalogue.InvalidCatalogue as error:
        click.echo(str(error), err=True)
        return 1
    found = [each for each in workflows if workflow in (None, each.name, each.id)]
    if len(found) != 1:
        asked = "" if workflow is None else f", {len(found) or 'none'} of them named {workflow!r}"
        named = [f"\n  {each.id}  {each.name!r}" for each in (found or workflows)[:MAX_NAMED]]
        more = f"\n  … and {left} more" if (left := len(found or workflows) - MAX_NAMED) > 0 else ""
        hint = f": say which with --workflow{''.join(named)}{more}" if workflows else ""
        raise click.ClickException(f"{file} has {len(workflows) or 'no'} workflows{asked}{hint}")
    try:
        drawing = workflow_svg(found[0]).encode()
    except GraphTooLarge as error:
        raise click.ClickException(f"{found[0].name!r} is too large to be drawn: {error}") from None
    try:
        if out is None:
            click.echo(drawing, nl=False)
        else:
            out.write_bytes(drawing)
    except OSError as error:
        raise click.ClickException(f"{out or 'standard output'} can't be written: {error}") from None
    return 0


@cli.command()
def schema() -> None:
    """Print the JSON Schema of a catalogue file."""
    from workflow_mock.catalogue.schema import json_schema  # noqa: PLC0415

    click.echo(json.dumps(json_schema(), indent=2))


@cli.command()
@click.option("--admin", is_flag=True, help="That of the control plane instead, OpenAPI 3.1.")
def openapi(admin: bool) -> None:
    """Print the API's contract, OpenAPI 3.0.3."""
    import yaml  # noqa: PLC0415

    from workflow_mock.api.openapi import contract  # noqa: PLC0415
    from workflow_mock.app import create_app  # noqa: PLC0415

    if admin:
        text = create_app(Settings()).control_plane().openapi()
        click.echo(yaml.safe_dump(text, sort_keys=False, allow_unicode=True, width=120), nl=False)
    else:
        click.echo(contract(), nl=False)


@cli.command()
@option("url", check=url, help="The server's address; else --host and --port on this machine.", metavar="URL")
@options("host", "port", "tls_cert", "admin_token")
def health(url: str | None, admin_token: str | None, **local: Any) -> int:
    """Exit 0 if the server is healthy, 1 if not."""
    _tell_ignored()
    address = (url or local_url(**local)).rstrip("/") + HEALTH_PATH
    try:
        status, document = call(address, token=admin_token)
    except ConnectError as error:
        click.echo(f"not healthy: {error}", err=True)
        return 1
    healthy = status == 200 and document.get("status") == "healthy"
    click.echo("healthy" if healthy else f"not healthy: {status} {json.dumps(document)}", err=not healthy)
    return 0 if healthy else 1


@cli.command()
@option("url", check=url, help="The server's address; else --host and --port on this machine.", metavar="URL")
@options("host", "port", "tls_cert", "admin_token")
@click.option("--customer", help="The requests of this customer alone.", metavar="ID")
@click.option("--failed", is_flag=True, help="Only those that didn't get, in a 2xx, what they asked for.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line each, or the entry in the journal as a JSON object.",
)
def tail(url: str | None, admin_token: str | None, customer: str | None, failed: bool, form: str, **local: Any) -> None:
    """Print a line for each request of a running server as it happens, until Ctrl-C."""
    from workflow_mock.cli.tail import Note, Refused, watch  # noqa: PLC0415
    from workflow_mock.log import has_colours  # noqa: PLC0415
    from workflow_mock.state.line import Line  # noqa: PLC0415

    _tell_ignored()
    shown = Line.coloured if has_colours(sys.stdout) else str
    try:
        for seen in watch((url or local_url(**local)).rstrip("/"), customer, admin_token):
            if isinstance(seen, Note):
                click.echo(f"workflow-mock: {seen.text}", err=True)
            elif seen[0].failed or not failed:
                line, entry = seen
                click.echo(json.dumps(entry) if form == "json" else shown(line), color=True)
    except BrokenPipeError:  # who reads it has seen enough; nothing is left to fail again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ConnectError as error:
        raise click.ClickException(f"{error}; is the server running? workflow-mock serve starts it") from None
    except Refused as error:
        raise click.ClickException(f"the server refused: {error}") from None
