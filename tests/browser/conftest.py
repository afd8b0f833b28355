"""A real browser, Debian's Chromium or the one that $CHROMIUM names. What a page says on its console is a failure."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support import WAIT_SECONDS

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
"""It runs as root in a container too, and calls nobody but the server."""

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`securitypolicyviolation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def chromium() -> str:
    """Where Chromium is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "these tests need Chromium: apt-get install chromium, or name one with CHROMIUM=…"
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file. No longer: while it is there, nothing else in this process can run asyncio."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def console() -> list[str]:
    """What the page says on its console, policy violations and errors without a handler too; no hints of the browser.

    A test that expects some takes it out: at its end the list must be empty.
    """
    return []


@pytest.fixture
def page(browser: Browser, console: list[str]) -> Iterator[Page]:
    """A page in a profile of its own."""
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(WAIT_SECONDS * 1000)
    context.add_init_script(TELL_VIOLATIONS)
    opened = context.new_page()

    def hear(message: ConsoleMessage) -> None:
        if f"{message.type}" != "verbose":
            console.append(f"{message.type}: {message.text}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: console.append(f"error: {error}"))
    yield opened
    context.close()
    assert console == []
