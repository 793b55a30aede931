"""From an empty account to a first flow that ran: by mouse, and again by keys alone.

Prints how many clicks and keys it took, typing included.
"""

import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import servers
from tests.browser.conftest import come_signed_in

COUNT = """for (const kind of ['keydown', 'pointerdown'])
  addEventListener(kind, (event) => { if (event.isTrusted) counted(kind, event.key ?? ''); }, true);
"""
OUTPUT = '{"greeting": "Hello"}'
# What a person who reads each hint needs at most, beside the keys: 30 words a hint, 200 a minute.
READING_SECONDS = 6 * 30 * 60 / 200
KEY_SECONDS = 0.28


@pytest.fixture
def start(
    browser: Browser, tmp_path: Path, peopled_folder: Path
) -> Iterator[tuple[Page, Counter[str]]]:
    """A designer who has just signed in where there is no flow yet, and what they press."""
    shutil.copytree(peopled_folder, tmp_path, dirs_exist_ok=True)
    counts: Counter[str] = Counter()
    with servers.serve(tmp_path) as server:
        context = browser.new_context(base_url=server.url)
        page = context.new_page()
        come_signed_in(page, "designer", url=server.url)
        page.expose_binding("counted", lambda _source, kind, _key: counts.update([kind]))
        page.add_init_script(COUNT)
        page.goto("/flows/")
        yield page, counts
        context.close()


def told(capsys: Any, way: str, counts: Counter[str], began: float) -> None:
    clicks, keys = counts["pointerdown"], counts["keydown"]
    person = READING_SECONDS + keys * KEY_SECONDS + clicks * 1.5
    with capsys.disabled():
        sys.stdout.write(
            f"\nfirst flow by {way}: {clicks} clicks, {keys} keys, {time.monotonic() - began:.0f} s"
            f" here; a reading person about {person:.0f} s\n"
        )
    assert person < 180


def ran(page: Page) -> None:
    expect(page.get_by_role("complementary", name="Guided tour")).to_contain_text(
        "Your first flow ran", timeout=20_000
    )


@pytest.mark.timeout(120)
def test_a_first_flow_by_mouse(
    start: tuple[Page, Counter[str]], axe: Callable[[Page], None], capsys: Any
) -> None:
    page, counts = start
    began = time.monotonic()
    page.get_by_role("link", name="Begin").click()
    page.get_by_label("Title").click()
    page.keyboard.type("Greet")
    page.get_by_role("button", name="Create flow").click()
    tour = page.get_by_role("complementary", name="Guided tour")
    expect(tour).to_contain_text("Add a step")
    page.locator(".flow-palette [data-key=transform]").click()
    expect(tour).to_contain_text("Settle its settings")
    axe(page)
    page.get_by_role("textbox", name="Output").click()
    page.keyboard.type(OUTPUT)
    expect(tour).to_contain_text("Publish it")
    tour.get_by_role("link", name="Publish").click()
    page.get_by_label("Note").click()
    page.keyboard.type("First")
    page.get_by_role("button", name="Publish version 1").click()
    tour.get_by_role("link", name="Start a run").click()
    page.get_by_role("button", name="Start on version 1").click()
    ran(page)
    told(capsys, "mouse", counts, began)
    tour.get_by_role("button", name="Finish").click()
    expect(tour).to_have_count(0)


@pytest.mark.timeout(120)
def test_a_first_flow_by_keys_alone(start: tuple[Page, Counter[str]], capsys: Any) -> None:
    page, counts = start
    began = time.monotonic()
    tab_to(page, "Begin")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.type("Greet")
    page.keyboard.press("Enter")
    expect(page.locator(".flow-stage")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("transform")
    page.keyboard.press("Enter")
    expect(page.locator("[data-step=transform].step-card")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#field-title")).to_be_focused()
    tab_to(page, "Output")
    page.keyboard.type(OUTPUT)
    page.keyboard.press("Escape")
    expect(page.locator("[data-step=transform].step-card")).to_be_focused()
    page.keyboard.press("Shift+P")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.type("First")
    tab_to(page, "Publish version 1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/flows/greet/(?!publish|edit)"))
    tab_to(page, "Start a run")
    page.keyboard.press("Enter")
    page.wait_for_url("**/start/")
    tab_to(page, "Start on version 1")
    page.keyboard.press("Enter")
    ran(page)
    told(capsys, "keys alone", counts, began)
    assert counts["pointerdown"] == 0


FOCUSED = """() => { const here = document.activeElement;
  const label = here.labels?.[0]?.textContent ?? here.getAttribute('aria-label');
  return (label ?? here.textContent).trim(); }"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called that."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if str(page.evaluate(FOCUSED)).startswith(name):
            return
    raise AssertionError(f"Tab never comes to {name}")
