"""The page, in a real browser on a real server: the five questions of who tests a client, and what else it is for."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from uuid import uuid4

import httpx2 as httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.admin.world import FAR, TOKEN_PATH, World
from tests.support import LARGE, WAIT_SECONDS, WORKFLOW, Server, serving
from tests.support import path as start_path

expect.set_options(timeout=WAIT_SECONDS * 1000)

AGENT = {"User-Agent": "python-requests/2.34"}
DIAMOND = "22222222-2222-4222-8222-222222222222"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
WIDTHS = (360, 768, 1280)
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with serving() as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def world(shared: Server) -> World:
    return World(shared, shared.token())


def open_page(page: Page, world: World, path: str = "", **query: str) -> None:
    """Open a page of this customer, and wait until it hears of what happens."""
    page.goto(str(httpx.URL(f"{world.server.url}/__admin/{path}", params={"customerId": world.customer} | query)))
    expect(page.locator("#live")).to_have_text("Live")


def leave(page: Page) -> None:
    """Go, before the server ends, as a connection that breaks is told on the console."""
    page.goto("about:blank")


def lines(page: Page) -> Locator:
    return page.locator("a.line")


# Is it alive, and does my client point at this one?


def test_it_says_where_a_client_points_and_who_called_last(page: Page, world: World) -> None:
    open_page(page, world)
    connect = page.get_by_label("Where your client points")
    expect(connect).to_contain_text(world.server.url)
    expect(connect).to_contain_text(f"{world.server.url}{TOKEN_PATH}?customerId={world.customer}")
    expect(connect).to_contain_text("demo / demo-secret")
    expect(page.locator("#last")).to_have_text("none yet")
    world.start(headers=AGENT)
    expect(page.locator("#last")).to_have_text(re.compile(r"^(just now|\d+ s ago), from python-requests/2\.34$"))


def test_where_nobody_has_called_it_shows_a_first_request_that_works(page: Page, world: World) -> None:
    open_page(page, world)
    command = page.get_by_label("The first request as curl")
    expect(command).to_contain_text("Bearer ey")
    shown = command.inner_text()
    token = re.findall(r'"Authorization: Bearer ([^"]+)"', shown)[0]
    url = re.findall(r"http://\S+", shown)[0]
    assert world.customer in url
    body = re.findall(r"-d '(.*)'", shown)[0]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert httpx.post(url, headers=headers, content=body, trust_env=False).status_code == 200
    expect(page.locator("#first")).to_be_hidden()
    expect(lines(page)).to_have_count(1)


def test_an_address_is_copied(browser: Browser, world: World) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    open_page(page, world)
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == world.server.url
    context.close()


# What did my client just send, and what did it get?


def test_requests_come_as_they_happen_newest_on_top(page: Page, world: World) -> None:
    world.start()
    open_page(page, world)
    expect(lines(page)).to_have_count(1)
    world.start(json={})
    expect(lines(page)).to_have_count(2)
    expect(lines(page).first).to_contain_text("400")
    expect(lines(page).first).to_contain_text("data is required")
    expect(lines(page).nth(1)).to_contain_text("Order fulfilment")


def test_attempts_of_one_call_stand_together_with_the_wait_that_was_kept_or_not(page: Page, world: World) -> None:
    world.fault(status=503, retryAfter="1h", times=1)
    world.start()
    world.start()
    open_page(page, world)
    expect(lines(page)).to_have_count(2)
    expect(lines(page).first).to_contain_text("attempt 2")
    expect(page.locator(".wait")).to_contain_text(
        re.compile(r"tried again after \d.*Retry-After asked for 3600 s: 60 min too early")
    )
    world.fault(status=503, retryAfter="0s", times=1)
    world.start(DIAMOND)
    world.start(DIAMOND)
    expect(page.locator(".wait").first).to_contain_text("Retry-After asked for 0 s: kept")
    expect(page.locator("li.earlier")).to_have_count(2)


def test_a_request_that_waits_is_there_and_then_has_its_answer(page: Page, world: World) -> None:
    fault = world.fault(fixedDelayMilliseconds=FAR)
    open_page(page, world)
    with world.server.connect() as connection:
        connection.sendall(world.raw())
        expect(lines(page)).to_have_count(1)
        expect(lines(page).first).to_contain_text("waits")
        world.admin("DELETE", f"faults/{fault}")
        expect(lines(page).first).to_contain_text("503")
        expect(lines(page)).to_have_count(1)


def test_failed_requests_alone_stand_under_an_address_of_their_own(page: Page, world: World) -> None:
    world.start()
    world.start(json={})
    open_page(page, world)
    page.get_by_role("link", name="Failed").click()
    expect(lines(page)).to_have_count(1)
    assert f"customerId={world.customer}&failed=true" in page.url
    world.start()
    world.start(DIAMOND, json={})
    expect(lines(page)).to_have_count(2)


def test_of_many_requests_the_newest_are_there_and_older_ones_on_demand(page: Page, world: World) -> None:
    for _ in range(60):
        world.start()
    open_page(page, world)
    expect(lines(page)).to_have_count(50)
    expect(page.locator("#count")).to_have_text("60 kept")
    page.get_by_role("button", name="Older requests").click()
    expect(lines(page)).to_have_count(60)
    expect(page.get_by_role("button", name="Older requests")).to_be_hidden()


def test_a_tab_that_nobody_looks_at_takes_no_connection_and_has_all_when_it_is_looked_at(
    page: Page, world: World
) -> None:
    open_page(page, world)
    # A headless browser has no tabs in the back: the page is told what it would be told.
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {configurable: true, get: () => window.inTheBack});
        window.inTheBack = true;
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(page.locator("#live")).to_have_text("Paused")
    world.start()
    page.evaluate("() => { window.inTheBack = false; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page.locator("#live")).to_have_text("Live")
    expect(lines(page)).to_have_count(1)


# Why was it refused?


def test_a_refused_request_says_why_in_its_line_and_the_rest_beside_it(page: Page, world: World) -> None:
    world.token = world.admin("POST", "tokens", json={"kind": "expired"})["accessToken"]
    answer = world.start(headers=AGENT)
    open_page(page, world)
    expect(lines(page).first).to_contain_text("token_expired: The token expired")
    lines(page).first.click()
    pane = page.locator("#pane")
    expect(pane.locator(".why")).to_have_text(re.compile("^token_expired The token expired at"))
    expect(pane.get_by_label("What would have worked").locator("mark")).to_have_text("a token that hasn’t expired")
    expect(pane.get_by_label("WWW-Authenticate", exact=True)).to_have_text(answer.headers["WWW-Authenticate"])
    expect(pane.get_by_label("Claims")).to_contain_text('"client_id": "demo"')
    expect(pane.get_by_label("The answer")).to_contain_text("HTTP/1.1 401")
    expect(pane.get_by_label("The answer")).to_contain_text('"code": "token_expired"')
    expect(pane).to_contain_text("The platform behind the API gave this answer when it was measured.")
    expect(pane.get_by_label("The request as it was sent")).to_contain_text("python-requests/2.34")
    assert f"request={answer.headers['X-Request-Id']}" in page.url
    assert world.token not in page.content()


def test_what_would_have_worked_has_the_difference_marked(page: Page, world: World) -> None:
    wrong = f"{WORKFLOW[:-1]}0"
    refused = world.start(wrong).headers["X-Request-Id"]
    open_page(page, world, request=refused)
    nearest = page.get_by_label("What would have worked")
    expect(nearest).to_contain_text(world.path)
    expect(nearest.locator("mark")).to_have_text(WORKFLOW)


def test_a_request_is_copied_as_curl_and_says_the_same_again(browser: Browser, world: World) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    body = {"data": {"workflowId": WORKFLOW, "it's": "a 'quoted' $name"}}
    answer = world.start(json=body)
    open_page(page, world, request=answer.headers["X-Request-Id"])
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    context.close()
    environment = os.environ | {"TOKEN": world.token}
    done = subprocess.run(["bash", "-c", f"{command} -sS"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["data"]["workflowId"] == WORKFLOW
    assert json.loads(world.entry()["body"]) == body


# What isn't as it comes?


def test_what_is_not_as_it_comes_leads_to_where_it_is_undone(page: Page, world: World) -> None:
    world.fault(status=503)
    world.admin("PUT", "clock", json={"action": "freeze", "to": "2030-01-01T00:00:00Z"})
    open_page(page, world)
    changes = page.locator("#changes")
    expect(changes).to_contain_text("the customer's clock is frozen at 2030-01-01T00:00:00Z")
    changes.get_by_role("button", name="run on").click()
    expect(changes).not_to_contain_text("frozen")
    changes.get_by_role("link", name="1 fault in force, never injected").click()
    expect(page.get_by_role("heading", name="Faults", exact=True)).to_be_visible()
    assert world.customer in page.url
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("Nothing is broken on purpose.")).to_be_visible()


def test_one_button_puts_all_back(page: Page, world: World) -> None:
    open_page(page, world)
    expect(page.locator("#changes")).to_be_hidden()
    world.fault(status=503)
    world.start()
    expect(page.locator("#changes")).to_contain_text("1 fault in force")
    page.get_by_role("button", name="Put this customer back").click()
    expect(page.locator("#changes")).to_be_hidden()
    expect(lines(page)).to_have_count(0)
    assert world.start().status_code == 200


# What became of the execution?


def test_a_good_start_shows_what_became_of_its_execution(page: Page, world: World) -> None:
    execution = world.start(DIAMOND).json()["data"]["id"]
    world.admin("POST", f"executions/{execution}/advance", json={"to": "next"})
    open_page(page, world)
    lines(page).first.click()
    expect(page.locator("#pane")).to_contain_text(f"running 1 of 4 tasks completed: {execution}")
    page.locator("#pane").get_by_role("link", name=execution).click()
    expect(page.locator("#tasks tr")).to_have_count(4)


def test_a_lost_answer_and_its_second_try_say_so(page: Page, world: World) -> None:
    world.fault(when="afterCommit", fault="CONNECTION_RESET_BY_PEER", times=1)
    with pytest.raises(httpx.TransportError):
        world.start()
    world.start()
    open_page(page, world)
    expect(lines(page).first).to_contain_text("DUPLICATE of")
    expect(page.locator("li.earlier")).to_contain_text("lost")
    lines(page).nth(1).click()
    expect(page.locator("#pane")).to_contain_text("The client can’t know of it.")


# Executions


def test_executions_are_listed_by_state_and_workflow(page: Page, world: World) -> None:
    one = world.start(DIAMOND).json()["data"]["id"]
    world.start()
    world.admin("POST", f"executions/{one}/advance", json={"to": "end"})
    open_page(page, world, "ui/executions")
    rows = page.locator("#executions tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Order fulfilment")
    page.get_by_label("State").select_option("completed")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Diamond")
    assert "state=completed" in page.url
    page.get_by_label("State").select_option("")
    page.get_by_label("Workflow").select_option("Order fulfilment")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(1)
    world.start()
    expect(rows).to_have_count(2)


def test_steps_are_taken_in_an_execution(page: Page, world: World) -> None:
    execution = world.start(DIAMOND).json()["data"]["id"]
    open_page(page, world, f"ui/executions/{execution}")
    tasks = page.locator("#tasks tr")
    expect(tasks).to_have_count(4)
    expect(page.locator("#graph .task")).to_have_count(4)
    page.get_by_role("button", name="complete Split").click()
    expect(tasks.filter(has_text="Split")).to_contain_text("completed")
    expect(page.locator("#graph .task.completed")).to_have_count(1)
    page.get_by_role("button", name="fail Left half").click()
    expect(tasks.filter(has_text="Left half")).to_contain_text("failed")
    expect(tasks.filter(has_text="Merge")).to_contain_text("skipped")
    page.get_by_role("button", name="To the end").click()
    expect(page.locator("#state")).to_have_text("failed")
    expect(page.get_by_role("button", name="Advance")).to_be_disabled()


def test_an_hour_is_skipped_and_a_timed_task_is_done(page: Page, world: World) -> None:
    workflow = {"name": "Slow", "tasks": [{"key": "a", "progression": "timed", "duration": "50m"}]}
    slow = str(uuid4())
    world.admin("PUT", f"workflows/{slow}", json=workflow)
    execution = world.start(slow).json()["data"]["id"]
    open_page(page, world, f"ui/executions/{execution}")
    expect(page.locator("#state")).to_have_text("running")
    page.get_by_role("button", name="Skip an hour").click()
    expect(page.locator("#state")).to_have_text("completed")
    expect(page.locator("#changes")).to_contain_text("the customer's clock is 1:00:00 ahead")


def test_a_step_that_cant_be_taken_says_why(page: Page, world: World, console: list[str]) -> None:
    """Somebody else ended the execution, and this page hasn't heard of it yet."""
    execution = world.start(DIAMOND).json()["data"]["id"]
    open_page(page, world, f"ui/executions/{execution}")
    expect(page.locator("#tasks tr")).to_have_count(4)
    step = page.get_by_role("button", name="complete Split").element_handle()
    world.admin("POST", f"executions/{execution}/advance", json={"to": "end"})
    step.evaluate("button => button.click()")
    expect(page.locator(".notice")).to_contain_text("the execution finished at")
    assert len(console) == 1
    assert "409" in console.pop()


# Workflows, faults, tokens


def test_a_workflow_is_drawn_and_started(page: Page, world: World) -> None:
    open_page(page, world, "ui/workflows")
    page.get_by_role("link", name="Diamond").click()
    expect(page.locator("#graph .task")).to_have_count(4)
    expect(page.get_by_label("The start as curl")).to_contain_text(start_path(DIAMOND, customer=world.customer))
    page.get_by_role("button", name="Start one").click()
    expect(page.get_by_label("The answer")).to_contain_text(DIAMOND)
    page.get_by_role("link", name="The execution").click()
    expect(page.locator("#state")).to_have_text("running")
    assert len(world.executions()) == 1


def test_a_recipe_shows_its_json_and_breaks_the_next_start(page: Page, world: World) -> None:
    open_page(page, world, "ui/faults")
    page.get_by_role("button", name="503 once, with Retry-After").click()
    shown = json.loads(page.get_by_label("Fault", exact=True).input_value())
    assert shown == {"status": 503, "retryAfter": "5s", "times": 1}
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator("#faults")).to_contain_text("never injected")
    assert world.start().headers["Retry-After"] == "5"
    expect(page.locator("#faults")).to_contain_text("matched 1, injected 1")
    assert World(world.server, world.token).start().status_code == 200


def test_every_recipe_is_taken_by_the_server(page: Page, world: World) -> None:
    open_page(page, world, "ui/faults")
    recipes = page.locator("#recipes button")
    expect(recipes.first).to_be_visible()
    for number in range(recipes.count()):
        recipes.nth(number).click()
        page.get_by_role("button", name="Put it in force").click()
        expect(page.locator("#faults > li")).to_have_count(number + 1)


def test_a_fault_that_is_none_is_refused_with_a_reason(page: Page, world: World, console: list[str]) -> None:
    open_page(page, world, "ui/faults")
    page.get_by_label("Fault", exact=True).fill("{status: 503}")
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator(".notice").first).to_contain_text("This isn’t JSON")
    page.get_by_label("Fault", exact=True).fill('{"status": 99}')
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator(".notice").last).to_contain_text("status")
    expect(page.locator("#faults li")).to_have_count(0)
    assert len(console) == 1
    assert "400" in console.pop()


def test_every_kind_of_token_is_minted_and_decoded(page: Page, world: World) -> None:
    open_page(page, world, "ui/tokens")
    for kind in ("good", "expired", "algorithm-none"):
        page.get_by_label(kind, exact=True).check()
        page.get_by_role("button", name="Mint one").click()
        expect(page.locator("#minted")).to_contain_text("200" if kind == "good" else "401")
        token = page.get_by_label("Token", exact=True).input_value()
        world.token = token
        assert world.start().status_code == (200 if kind == "good" else 401)
    expect(page.get_by_label("Header")).to_contain_text('"alg": "none"')
    page.get_by_label("expired", exact=True).check()
    page.get_by_role("button", name="Have the token endpoint issue it next").click()
    expect(page.locator("#changes")).to_contain_text("the next 1 token: expired")


def test_a_token_is_decoded_in_the_page_alone(page: Page, world: World) -> None:
    open_page(page, world, "ui/tokens")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + (request.post_data or "")))
    page.get_by_label("Token", exact=True).fill(f"Bearer {world.token}")
    expect(page.get_by_label("Claims")).to_contain_text('"client_id": "demo"')
    page.get_by_label("Token", exact=True).fill("not a token")
    expect(page.locator("#decoded")).to_contain_text("This is no JWT")
    assert not [each for each in asked if world.token in each]


def test_keys_are_rotated(page: Page) -> None:
    with serving() as own:
        world = World(own, own.token())
        open_page(page, world, "ui/tokens")
        page.get_by_label("The old key counts for").fill("0s")
        page.get_by_role("button", name="Rotate keys").click()
        expect(page.locator("#changes")).to_contain_text("keys rotated, 1 accepted")
        assert world.start().status_code == 401
        leave(page)


# Whoever may see it


def test_a_browser_logs_in_and_out(page: Page) -> None:
    with serving("--admin-token", "a-long-admin-token") as own:
        page.goto(own.url)
        page.get_by_label("Token").fill("a-long-admin-token")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#live")).to_have_text("Live")
        assert page.url == f"{own.url}/__admin/"
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        leave(page)


# Text from elsewhere


@pytest.mark.parametrize("name", ["", "ui/executions", "ui/workflows", "ui/faults", "execution"])
def test_names_and_headers_that_are_script_are_shown_as_text(page: Page, world: World, name: str) -> None:
    """An element of it would ask for an address, or raise a violation, which the console would have."""
    own = str(uuid4())
    world.admin("PUT", f"workflows/{own}", json={"name": SCRIPT, "tasks": [{"key": "a", "name": SCRIPT}]})
    world.fault(status=500, body=SCRIPT, contentType="text/html", times=1, matcher={"workflowId": WORKFLOW})
    execution = world.start(own, headers={"User-Agent": SCRIPT, "X-Note": SCRIPT}).json()["data"]["id"]
    refused = world.start(headers={"User-Agent": SCRIPT, "X-Note": SCRIPT}).headers["X-Request-Id"]
    world.server.http.post(f"{TOKEN_PATH}?customerId={world.customer}", data={"client_id": SCRIPT})
    query = {"request": refused} if not name else {"workflowId": own} if name == "ui/workflows" else {}
    open_page(page, world, f"ui/executions/{execution}" if name == "execution" else name, **query)
    if not name:
        expect(page.get_by_label("The request as it was sent")).to_contain_text(SCRIPT)
        expect(page.get_by_label("The answer")).to_contain_text(SCRIPT)
    expect(page.locator("main")).to_contain_text(SCRIPT if name != "ui/faults" else "<script>alert(1)")
    assert page.locator("main script, main img").count() == 0


# Readable, by keyboard, in both themes and at each width


def fill(world: World) -> str:
    """A world with something of each kind; its execution."""
    world.fault(status=503, retryAfter="1s", times=1)
    for _ in range(2):
        world.start(headers=AGENT)
    world.start(json={})
    world.fault(quota={"limit": 100, "window": "1m"})
    world.freeze()
    execution = str(world.start(DIAMOND, headers=AGENT).json()["data"]["id"])
    world.admin("POST", f"executions/{execution}/advance", json={"to": "next"})
    return execution


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible_and_fits(browser: Browser, world: World, theme: str, width: int) -> None:
    execution = fill(world)
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 800}, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    for name in ("", "ui/executions", f"ui/executions/{execution}", "ui/workflows", "ui/faults", "ui/tokens"):
        open_page(page, world, name)
        expect(page.locator("#changes")).to_be_visible()
        if not name:
            lines(page).nth(1).click()
            expect(page.locator("#pane")).to_be_visible()
        if name in ("ui/workflows", f"ui/executions/{execution}"):
            expect(page.locator("#graph .task").first).to_be_visible()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_first_page_is_used_by_keyboard_alone(page: Page, world: World) -> None:
    world.start()
    world.start(json={})
    open_page(page, world)
    lines(page).first.focus()
    page.keyboard.press("ArrowDown")
    expect(lines(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#pane")).to_contain_text("tasks completed")
    world.start()
    expect(lines(page)).to_have_count(3)
    expect(lines(page).nth(2)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#pane")).to_be_hidden()
    assert "request=" not in page.url


def test_it_is_readable_with_a_full_journal_and_a_graph_of_200_tasks(page: Page) -> None:
    with serving("--log-level", "warning") as own:
        world = World(own, own.token())
        start = world.raw()
        with own.connect() as connection:
            for _ in range(100):
                connection.sendall(start * 100)
                received = 0
                while received < 100:
                    received += connection.recv(1 << 20).count(b"HTTP/1.1 200")
        execution = world.start(LARGE).json()["data"]["id"]
        open_page(page, world)
        expect(page.locator("#count")).to_have_text("10,000 kept")
        expect(lines(page)).to_have_count(50)
        expect(lines(page).first).to_contain_text("Two hundred tasks")
        open_page(page, world, f"ui/executions/{execution}")
        expect(page.locator("#graph .task")).to_have_count(200)
        expect(page.locator("#tasks tr")).to_have_count(200)
        leave(page)
