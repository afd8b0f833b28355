"""The text that `serve` prints once the server is ready."""

from workflow_mock import __version__
from workflow_mock.catalogue.loader import DEMO_CLIENT, Catalogue
from workflow_mock.cli.client import LOOPBACK
from workflow_mock.paths import ADMIN_PATH, DOCS_PATH, START_PATH, TOKEN_PATH
from workflow_mock.settings import Settings

EXAMPLE_CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"


def banner(url: str, settings: Settings, catalogue: Catalogue, *, command: str) -> str:
    """The ready line, and where a client goes from there. `command` is how this program was called."""
    is_demo = DEMO_CLIENT in catalogue.clients
    shown = f"{DEMO_CLIENT.id} / {DEMO_CLIENT.secret}" if is_demo else ", ".join(c.id for c in catalogue.clients[:5])
    lines = [
        f"workflow-mock {__version__} is ready at {url}",
        "",
        f"  token URL  {url}{TOKEN_PATH}",
        f"  client     {shown or 'none: tokens come from the external issuer alone'}",
        f"  workflows  {len(catalogue.workflows)}, the contract is at {url}{DOCS_PATH}",
    ]
    if settings.admin:
        lines.append(f"  page       {url}{ADMIN_PATH}/, and its calls at {url}{ADMIN_PATH}/docs")
    if settings.host not in LOOPBACK:
        what = "and control it " if settings.admin and settings.admin_token is None else ""
        how = "; --admin-token keeps the control plane to you" if what else ""
        lines.append(
            f"  note       anybody who reaches {settings.host} can use it {what}(--host 127.0.0.1: nobody){how}"
        )
    if catalogue.workflows:
        workflow = catalogue.workflows[0]
        customer = next(iter(sorted(workflow.customers or ())), EXAMPLE_CUSTOMER)
        who = "" if is_demo else " --client ID --secret SECRET"
        curl = (
            f"curl {'-k ' if settings.tls_cert else ''}-X POST {url}{START_PATH}"
            f' -H "Authorization: Bearer $({command} token --url {url}{who})"'
            " -H 'Content-Type: application/json'"
            f""" -d '{{"data":{{"workflowId":"{workflow.id}"}}}}'"""
        )
        curl = curl.replace("{customerId}", customer).replace("{workflowId}", workflow.id)
        lines += ["", f"Start {workflow.name!r} with one line:", "", f"  {curl}", ""]
    return "\n".join(lines)
