"""Why a fault can't be injected, as things are: a matcher that nothing can match is mostly a slip."""

from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import unquote

from workflow_mock.formats import parse_uuid
from workflow_mock.paths import START_PATH, TOKEN_PATH
from workflow_mock.state.exchange import REQUEST_TOKEN, START_EXECUTION
from workflow_mock.state.matcher import ANY, Matcher
from workflow_mock.state.workflows import Workflows

COMPARED_CHARACTERS = 300
"""Of a path that is none, for the one that was meant."""


def warnings_of(matcher: Matcher, workflows: Workflows) -> Iterator[str]:
    """Say each reason for which no request that could succeed matches."""
    path = matcher.url_path
    is_of_token = matcher.operation == REQUEST_TOKEN or (path is not None and unquote(path) == TOKEN_PATH)
    if matcher.method not in (None, ANY, "POST"):
        yield f"method: {matcher.method} is that of no operation: each takes POST alone"
    if is_of_token:
        yield from _of_token(matcher)
        return
    customer_id, workflow_id = matcher.customer_id, matcher.workflow_id
    if path is not None:
        named = _ids_of(path)
        if named is None:
            yield f"matcher.urlPath: is not the path of an operation; did you mean {_meant(path, matcher)}?"
            return
        for wanted, name in ((customer_id, "customerId"), (workflow_id, "workflowId")):
            if named[name] is None:
                yield f"matcher.urlPath: has no UUID as its {name}"
            elif wanted not in (None, named[name]):
                yield f"matcher.urlPath: has another {name} than the matcher"
        customer_id, workflow_id = customer_id or named["customerId"], workflow_id or named["workflowId"]
    if workflow_id is not None:
        member = "matcher.urlPath" if matcher.workflow_id is None else "matcher.workflowId"
        workflow = workflows.get(workflow_id)
        near = workflows.nearest(workflow_id, customer_id)
        hint = f"; did you mean {near.id} ({near.name})?" if near else ""
        if workflow is None:
            yield f"{member}: there is no workflow {workflow_id} now{hint}"
        elif customer_id is not None and not workflow.serves(customer_id):
            yield f"{member}: the workflow {workflow_id} isn't offered to this customer{hint}"


def _of_token(matcher: Matcher) -> Iterator[str]:
    if matcher.operation == START_EXECUTION or (
        matcher.url_path is not None and unquote(matcher.url_path) != TOKEN_PATH
    ):
        yield "matcher.operation: urlPath is not the path of this operation"
    if matcher.workflow_id is not None:
        yield "matcher.workflowId: a token request names no workflow"
    if matcher.claims:
        yield "matcher.claims: a token request has no claims yet: clientId says whose it is"
    if matcher.customer_id is not None:
        yield f"matcher.customerId: only token requests with ?customerId={matcher.customer_id} match"


def _ids_of(path: str) -> dict[str, str | None] | None:
    """The customer and the workflow that the path of a start names, each None where it is no UUID; None for another."""
    segments, template = path.split("/"), START_PATH.split("/")
    if len(segments) == len(template) + 1 and not segments[-1]:
        segments.pop()
    if len(segments) != len(template):
        return None
    named = {}
    for name, segment in zip(template, segments, strict=True):
        if name.startswith("{"):
            named[name.strip("{}")] = parse_uuid(unquote(segment))
        elif name.lower() != segment.lower():
            return None
    return named


def _meant(path: str, matcher: Matcher) -> str:
    """The path of an operation that is most like this one, with the ids that the matcher has."""
    start = START_PATH
    for name, id in (("{customerId}", matcher.customer_id), ("{workflowId}", matcher.workflow_id)):
        start = start.replace(name, id or name)
    (found,) = get_close_matches(path[:COMPARED_CHARACTERS], (start, TOKEN_PATH), n=1, cutoff=0)
    return found
