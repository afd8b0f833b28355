"""The contracts as pages to try, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support import WORKFLOW, Server, serving, without_package


@pytest.fixture(scope="module")
def without_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that can't import the package with the files of Swagger UI."""
    folder = tmp_path_factory.mktemp("without")
    with serving(environment=without_package(folder, "fastapi_swagger")) as running:
        yield running


def test_who_has_authorized_starts_an_execution(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/docs")
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_text("Authorize", exact=True).click()
    expect(dialog.get_by_text("Logout")).to_be_visible()
    dialog.get_by_text("Close", exact=True).click()
    operation = page.locator(".opblock", has_text="Start workflow execution").first
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text(WORKFLOW)
    assert (
        server.http.get("/__admin/requests", params={"order": "desc", "limit": 1}).json()["requests"][0]["status"]
        == 200
    )


def test_a_call_of_the_control_plane_is_made(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/__admin/docs")
    operation = page.locator("#operations-Clock-getClock")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


@pytest.mark.parametrize(
    ("target", "heading", "call"),
    [
        ("/docs", "Workflow API", "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution"),
        ("/__admin/docs", "workflow-mock control plane", "/__admin/faults?customerId"),
    ],
    ids=["the API", "the control plane"],
)
def test_without_the_files_the_page_is_a_list(
    without_files: Server, page: Page, target: str, heading: str, call: str
) -> None:
    page.goto(without_files.url + target)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_role("heading", name=f"POST {call}", exact=True)).to_be_visible()
    assert without_files.http.get(f"{target}/start.js").status_code == 404


def test_a_page_has_no_other_files(server: Server) -> None:
    assert server.http.get("/docs/swagger-ui.css").headers["content-type"].startswith("text/css")
    for name in ("nothing", "..%2Fmain.py", "__init__.py"):
        assert server.http.get(f"/docs/{name}").status_code == 404
