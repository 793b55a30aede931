"""Connecting a model and trying it, in a real browser: wide and narrow, light and dark."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests import servers
from tests.browser.conftest import come_signed_in
from tests.console import console
from tests.integration.connections.model_server import ModelServer, serving_a_model

ANSWER = {
    "prediction": {"label": "approve"},
    "probability": 0.913,
    "version": "2026-03",
    "why": [{"feature": "income", "label": "Income", "value": "4,200", "contribution": 1.25}],
}
FORGET = "from flows.connections.models import Connection; Connection.objects.all().delete()"


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with serving_a_model() as server:
        server.answer = ANSWER
        yield server


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, peopled_folder: Path, model: ModelServer
) -> Iterator[tuple[str, Callable[[str], str]]]:
    """A server that may call the model, its address, and how to run code on its database."""
    import shutil

    var = tmp_path_factory.mktemp("models")
    shutil.copytree(peopled_folder, var, dirs_exist_ok=True)
    allowed: dict[str, Any] = {"OUTGOING_ALLOWLIST": model.address}
    with servers.serve(var, **allowed) as server, console(var) as open_console:
        yield server.url, open_console.run


@pytest.fixture
def admin(page: Page, place: tuple[str, Callable[[str], str]]) -> Page:
    url, run = place
    run(FORGET)
    come_signed_in(page, "admin", url=url)
    page.goto(f"{url}/connections/")
    return page


def fits(page: Page, width: int) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_an_admin_connects_a_model_and_tries_it(
    admin: Page,
    model: ModelServer,
    axe: Callable[[Page], None],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page = admin
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    axe(page)
    page.get_by_role("link", name="Connect a model").click()
    axe(page)
    page.get_by_role("link", name=re.compile("HTTP service")).click()
    page.get_by_label("Title").fill("Credit risk")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Nothing was saved.")).to_be_visible()
    axe(page)
    page.get_by_label("Address").fill(model.url)
    page.get_by_label("Key or token").fill("sk-browser-1")
    page.get_by_label("Where the output is").fill("prediction")
    page.get_by_label("How it is read").select_option(label="A field of the answer")
    page.get_by_label("Where in the answer").fill("probability")
    page.get_by_label("Where the reasons are").fill("why")
    page.get_by_label("Where the model's version is").fill("version")
    page.get_by_label("Every flow").check()
    page.get_by_label("A call", exact=True).fill("0.002")
    page.get_by_label("Next review").fill("2020-01-31")
    page.get_by_label("Owner").fill("Risk Analytics")
    assert fits(page, width)
    axe(page)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Credit risk")).to_be_visible()
    page.get_by_label("Sample input").fill('{"amount": 12000}')
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_text("It answered")).to_be_visible()
    expect(page.get_by_text("0.913")).to_be_visible()
    expect(page.get_by_role("region", name="What a step would record")).to_contain_text("2026-03")
    assert model.asked[-1].body == {"amount": 12000}
    assert model.asked[-1].headers["authorization"] == "Bearer sk-browser-1"
    assert fits(page, width)
    axe(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Admin").click()
    page.get_by_role("main").get_by_role("link", name="Models").click()
    expect(page.get_by_text("Review overdue")).to_be_visible()
    assert fits(page, width)
    axe(page)


def test_all_of_it_goes_by_keyboard(admin: Page, model: ModelServer) -> None:
    page = admin
    page.goto(f"{page.url}new/http/")
    page.get_by_label("Title").focus()
    page.keyboard.type("Fraud")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(model.url)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Fraud")).to_be_visible()
    sample: Any = page.get_by_label("Sample input")
    sample.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It answered")).to_be_visible()


def test_a_try_that_fails_says_why(admin: Page, model: ModelServer) -> None:
    page = admin
    page.goto(f"{page.url}new/http/")
    page.get_by_label("Title").fill("Late")
    page.get_by_label("Address").fill(model.url)
    page.get_by_role("button", name="Connect").click()
    page.get_by_label("Sample input").fill("{amount}")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.get_by_text("The sample is not JSON")).to_be_visible()
    expect(page.get_by_label("Sample input")).to_have_value("{amount}")
