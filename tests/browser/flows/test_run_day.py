"""A run, from its form to its end, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Site

FLOW = """\
schema: countersign/flow@1
name: fees
title: Fees
input:
  type: object
  required: [amount]
  properties:
    amount: {type: number, minimum: 1, title: Amount}
output:
  fee: "${ steps.fee.output.fee }"
steps:
  pause: {type: wait, title: A moment, with: {seconds: 3}}
  fee: {type: transform, title: Fee, with: {output: {fee: "${ double(input.amount) * 0.02 }"}}}
edges:
  - pause.done -> fee
samples:
  small: {amount: 1200}
"""


@pytest.fixture(scope="module")
def fees(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("flow") / "fees.yaml"
    path.write_text(FLOW)
    site.manage("flow", "import", str(path), "--publish", "First")


@pytest.mark.usefixtures("fees")
def test_a_run_started_by_its_form_ends_before_the_eyes_of_who_started_it(
    page: Page, login: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    login(page, "operator")
    page.goto("/flows/fees/start/")
    page.get_by_label("Amount").fill("0")
    page.get_by_role("button", name="Start on version 1").click()
    expect(page.get_by_role("alert")).to_contain_text("at least 1")
    page.get_by_label("Amount").fill("1200")
    page.get_by_role("button", name="Start on version 1").click()
    expect(page.locator("#run-head")).to_contain_text("A moment waits for its time")
    axe(page)
    page.evaluate("window.notReloaded = true")
    page.locator("#run-timeline [data-step=pause] .step-link").click()
    expect(page.locator("#run-head [data-status=completed]")).to_be_visible(timeout=15_000)
    expect(page.locator("#run-timeline [data-step=fee] [data-status=done]")).to_be_visible()
    assert page.evaluate("window.notReloaded")
    page.locator("#run-timeline [data-step=fee] .step-link").click()
    expect(page.locator("#run-timeline [data-step=fee] .step-detail")).to_contain_text("24")
    # What was opened before the run went on is still open, and tells what came of it.
    expect(page.locator("#run-timeline [data-step=pause] .step-detail")).to_contain_text("Ended")
    expect(page.locator("#run-timeline .panel-head")).to_contain_text("2 step runs")
    axe(page)


# Resolves when a nudge has brought the timeline anew.
REFRESH = """(run) => new Promise((resolve) => {
    const timeline = document.getElementById("run-timeline");
    timeline.addEventListener("htmx:after:swap", () => resolve(), { once: true });
    document.body.dispatchEvent(new CustomEvent(`live:run.${run}`));
})"""


@pytest.mark.usefixtures("fees")
def test_a_step_opened_while_the_timeline_comes_anew_is_open_and_stays_so(
    page: Page, login: Callable[[Page, str], None]
) -> None:
    login(page, "operator")
    page.goto("/flows/fees/start/?sample=small")
    page.get_by_role("button", name="Start on version 1").click()
    row = page.locator("#run-timeline [data-step=pause]")
    expect(row).to_be_visible()
    run = page.url.rstrip("/").rsplit("/", 1)[1]
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)

    page.route("**/steps/*/", hold, times=1)
    with page.expect_request("**/steps/*/"):
        row.locator(".step-link").click()
    page.evaluate(REFRESH, run)
    expect(row.locator(".step-link")).to_have_attribute("aria-expanded", "true")
    asked[0].continue_()
    expect(row.locator(".step-detail")).to_contain_text("Started")
    page.evaluate(REFRESH, run)
    expect(row.locator(".step-detail")).to_contain_text("Started")
    row.locator(".step-link").click()
    page.evaluate(REFRESH, run)
    expect(row.locator(".step-detail")).to_be_empty()


@pytest.mark.usefixtures("fees")
def test_the_list_of_runs_shows_a_new_one_by_itself(
    page: Page, site: Site, login: Callable[[Page, str], None]
) -> None:
    login(page, "operator")
    page.goto("/runs/")
    with page.context.new_page() as other:
        other.goto("/flows/fees/start/?sample=small")
        other.get_by_role("button", name="Start on version 1").click()
        other.wait_for_url("**/runs/*/")
        number = other.url.rstrip("/").rsplit("/", 1)[1]
        expect(page.locator(f"#run-{number}")).to_be_visible()


@pytest.mark.usefixtures("fees")
@pytest.mark.parametrize(
    "address",
    [
        "/flows/",
        "/flows/new/",
        "/flows/fees/",
        "/flows/fees/text/",
        "/flows/fees/publish/",
        "/flows/fees/versions/",
        "/flows/fees/compare/",
        "/runs/",
    ],
)
@pytest.mark.parametrize("width", [1440, 390])
def test_each_page_fits_the_screen_and_is_accessible(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    address: str,
    width: int,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    login(page, "designer")
    page.goto(address)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)


@pytest.mark.usefixtures("fees")
def test_the_health_page_is_accessible(
    page: Page, login: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    login(page, "operator")
    page.goto("/health/")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    axe(page)
