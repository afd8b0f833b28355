"""The contracts as pages, in a real browser."""

from playwright.sync_api import Page, expect

from tests.support import Server


def test_the_control_planes_contract_can_be_read(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/__admin/docs")
    expect(page.get_by_role("heading", name="workflow-mock control plane")).to_be_visible()
