"""Why a fault can't be injected, as things are: a matcher that nothing can match is mostly a slip."""

from collections.abc import Iterator
from urllib.parse import unquote

from workflow_mock.formats import parse_uuid
from workflow_mock.paths import API_PATH, START_PATH, TOKEN_PATH
from workflow_mock.state.exchange import REQUEST_TOKEN, START_EXECUTION
from workflow_mock.state.matcher import ANY, Matcher
from workflow_mock.state.workflows import Workflows


def warnings_of(matcher: Matcher, workflows: Workflows) -> Iterator[str]:
    """Say each reason for which no request that could succeed matches."""
    path = matcher.url_path
    is_of_token = matcher.operation == REQUEST_TOKEN or (path is not None and unquote(path) == TOKEN_PATH)
    if matcher.method not in (None, ANY, "POST"):
        yield f"method: {matcher.method} is that of no operation: each takes POST alone"
    if is_of_token:
        yield from _of_token(matcher)
        return
    if path is not None:
        yield from _of_path(matcher, path)
    if matcher.workflow_id is not None:
        workflow = workflows.get(matcher.workflow_id)
        if workflow is None:
            yield f"matcher.workflowId: there is no workflow {matcher.workflow_id} now"
        elif matcher.customer_id is not None and not workflow.serves(matcher.customer_id):
            yield f"matcher.workflowId: the workflow {matcher.workflow_id} isn't offered to this customer"


def _of_token(matcher: Matcher) -> Iterator[str]:
    if matcher.operation == START_EXECUTION or (
        matcher.url_path is not None and unquote(matcher.url_path) != TOKEN_PATH
    ):
        yield "matcher.operation: urlPath is not the path of this operation"
    if matcher.workflow_id is not None:
        yield "matcher.workflowId: a token request names no workflow"
    if matcher.customer_id is not None:
        yield f"matcher.customerId: only token requests with ?customerId={matcher.customer_id} match"


def _of_path(matcher: Matcher, path: str) -> Iterator[str]:
    """Each way in which a path isn't that of a start, or is that of another one."""
    segments, template = path.split("/"), START_PATH.split("/")
    if not path.lower().startswith(API_PATH):
        yield f"matcher.urlPath: faults apply below {API_PATH} and at {TOKEN_PATH} alone"
        return
    if len(segments) == len(template) + 1 and not segments[-1]:
        segments.pop()
    named = {name: each for name, each in zip(template, segments, strict=False) if name.startswith("{")}
    if len(segments) != len(template) or any(
        name not in named and name.lower() != each.lower() for name, each in zip(template, segments, strict=True)
    ):
        yield f"matcher.urlPath: is not the path of an operation: {START_PATH}"
        return
    for wanted, name in ((matcher.customer_id, "customerId"), (matcher.workflow_id, "workflowId")):
        if wanted is not None and parse_uuid(unquote(named["{" + name + "}"])) != wanted:
            yield f"matcher.urlPath: has another {name} than the matcher"
