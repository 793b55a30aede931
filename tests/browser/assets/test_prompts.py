"""Prompts in a real browser: written by keyboard, seen filled while they are typed, published."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

MAKE = """
from django.utils import timezone
from flows.assets.kinds import get_kind
from flows.assets.services import create_asset, publish_asset, save_draft
from workbench.accounts.actors import Actor
actor, now = Actor.system("test"), timezone.now()
def parts(text):
    return [{"role": "system", "text": "Sort letters."}, {"role": "user", "text": text}]
content = {
    "description": "Sorts letters to a bank.",
    "variables": {"letter": {"type": "string", "title": "Letter", "sample": "My card is lost."}},
    "parts": parts("Letter: {letter}"),
    "examples": [{"variables": {"letter": "Where is my money?"}, "answer": {"topic": "payment"}}],
    "answer": {"type": "object", "properties": {"topic": {"enum": ["card", "payment"]}}},
    "parameters": {"temperature": 0},
    "tests": [
        {"name": "A lost card", "expect": [{"kind": "schema"},
         {"kind": "equals", "value": {"topic": "card"}}],
         "recorded": {"answer": {"topic": "card"}}},
    ],
}
asset = create_asset(kind=get_kind("prompt"), name="triage", title="Letter triage",
                     content=content, actor=actor, now=now)
publish_asset(asset_id=asset.pk, revision=1, note="First", author=None, actor=actor, now=now)
wrong = {"name": "Money", "expect": [{"kind": "equals", "value": {"topic": "payment"}}],
         "recorded": {"answer": {"topic": "card"}, "of": "earlier"}}
changed = {**content, "parts": parts("The letter of a customer: {letter}"),
           "tests": [*content["tests"], wrong]}
save_draft(asset_id=asset.pk, title=None, content=changed, actor=actor, now=now)
"""
FORGET = """
from flows.assets.models import Asset, AssetVersion
Asset.objects.update(released=None)
AssetVersion.objects.all().delete()
Asset.objects.all().delete()
"""
Scheme = Literal["light", "dark"]
PAGES = ("", "edit/", "tests/", "versions/", "versions/1/", "compare/?a=1", "publish/")


@pytest.fixture(autouse=True)
def nothing_is_left(site: Site) -> Iterator[None]:
    yield
    site.run(FORGET)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_of_a_prompt_fits_and_can_be_read_by_all(
    page: Page,
    site: Site,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    width: int,
    scheme: Scheme,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "designer")
    for address in ("/prompts/", "/prompts/new/"):
        page.goto(address)
        axe(page)
    site.run(MAKE)
    for address in ("/prompts/", *(f"/prompts/triage/{each}" for each in PAGES)):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        axe(page)


def test_a_prompt_is_written_by_keyboard_and_seen_filled_while_it_is_typed(
    page: Page, site: Site, login: Callable[[Page, str], None]
) -> None:
    login(page, "designer")
    page.goto("/prompts/new/")
    page.keyboard.type("Letter triage")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/prompts/letter-triage/edit/")

    page.get_by_label("Text of part 1").focus()
    page.keyboard.type("Sort letters.")
    page.keyboard.press("Tab")  # the role of the second part
    page.get_by_label("Text of part 2").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" from {sender}")
    preview = page.get_by_role("complementary", name="Preview")
    expect(preview.get_by_text("{sender} names no variable")).to_be_visible()

    page.get_by_role("button", name="Add a variable").focus()
    page.keyboard.press("Enter")
    # The cursor is in the new row, and what was typed is still there.
    expect(page.locator("#variable-1-name")).to_be_focused()
    expect(page.get_by_label("Text of part 2")).to_have_value("{text} from {sender}")
    page.keyboard.type("sender")
    page.locator("#variable-0-sample").fill("My card is lost.")
    page.locator("#variable-1-sample").fill("<b>Ada</b> {text}")
    expect(preview.get_by_text("My card is lost. from <b>Ada</b> {text}")).to_be_visible()
    expect(preview.get_by_text("No problems")).to_be_visible()

    page.locator("#variable-1-sample").press("Control+End")
    page.locator("#title").press("Enter")
    expect(page.get_by_text("Saved as revision 2 of the draft.")).to_be_visible()
    page.get_by_role("link", name="Publish").first.click()
    page.get_by_label("Note").fill("First")
    page.get_by_role("button", name="Publish version 1").press("Enter")
    expect(page.get_by_text("Version 1 is published and released.")).to_be_visible()


def test_fields_that_an_assertion_has_no_use_for_are_not_shown(
    page: Page, site: Site, login: Callable[[Page, str], None]
) -> None:
    site.run(MAKE)
    login(page, "designer")
    page.goto("/prompts/triage/edit/")
    expect(page.locator("#test-0-expect-0-value")).to_be_hidden()
    expect(page.locator("#test-0-expect-1-value")).to_be_visible()
    expect(page.locator("#test-0-expect-1-at_least")).to_be_hidden()
    page.locator("#test-0-expect-1-kind").select_option("similar")
    expect(page.locator("#test-0-expect-1-at_least")).to_be_visible()
