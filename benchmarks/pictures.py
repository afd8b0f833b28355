"""The pictures of the page in docs/pictures: `make pictures`. Needs Chromium."""

import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

import httpx2 as httpx
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium
from tests.support import ROOT, WORKFLOW, Server, serving

FOLDER = ROOT / "docs" / "pictures"
CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
SIZE: ViewportSize = {"width": 1200, "height": 590}
AGENT = {"User-Agent": "python-requests/2.34"}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with serving("--port", "8080") as server, sync_playwright() as playwright:
        execution = fill(server)
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        take(browser.new_page(color_scheme="light", viewport=SIZE), server, "", "requests")
        take(browser.new_page(color_scheme="dark", viewport=SIZE), server, f"ui/executions/{execution}", "execution")
        browser.close()


def fill(server: Server) -> str:
    """What a client did, and what was done to it; the id of an execution."""
    token = server.token()
    expired = server.http.post("/__admin/tokens", json={"kind": "expired"}).json()["accessToken"]

    def start(**request: object) -> httpx.Response:
        request = {"customer": CUSTOMER, "token": token, "headers": AGENT} | request
        return server.start(WORKFLOW, **request)  # type: ignore[arg-type]

    def fault(**spec: object) -> None:
        server.http.post("/__admin/faults", params={"customerId": CUSTOMER}, json=spec).raise_for_status()

    fault(when="afterCommit", fault="CONNECTION_RESET_BY_PEER", times=1)
    with suppress(httpx.TransportError):
        start()
    start()
    start(json={"data": {}})
    fault(status=503, retryAfter="1s", times=1)
    start()
    time.sleep(1.05)  # as a client that keeps to Retry-After
    execution = str(start().json()["data"]["id"])
    server.http.post(f"/__admin/executions/{execution}/advance", json={"to": "next"}).raise_for_status()
    start(token=expired)
    fault(quota={"limit": 100, "window": "1m"})
    return execution


def take(page: Page, server: Server, path: str, name: str) -> None:
    page.goto(f"{server.url}/__admin/{path}?customerId={CUSTOMER}")
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator("#changes")).to_be_visible()
    if path:
        expect(page.locator("#graph .task").first).to_be_visible()
    else:
        page.locator("a.line").first.click()
        expect(page.locator("#pane .why")).to_be_visible()
        page.locator("h1").hover()
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
