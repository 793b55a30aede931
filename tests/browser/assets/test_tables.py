"""The grid of a decision table in a real browser: by keyboard, by paste, with problems marked."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

MAKE = """
from django.utils import timezone
from flows.assets.kinds import get_kind
from flows.assets.services import create_asset, publish_asset
from workbench.accounts.actors import Actor
actor, now = Actor.system("test"), timezone.now()
content = {
    "description": "How much a customer may borrow.", "hit": "U",
    "inputs": [{"name": "amount", "title": "Amount", "type": "number", "values": "[0..100000]"},
               {"name": "region", "title": "Region", "type": "string"}],
    "outputs": [{"name": "limit", "title": "Limit", "type": "number"}],
    "rows": [{"id": "r1", "when": ["<= 1000", "-"], "then": ["amount"], "note": "Small"},
             {"id": "r2", "when": ["> 1000", '"north"'], "then": ["500"]}],
    "tests": [{"name": "Small", "inputs": {"amount": 500, "region": "north"}, "expect": 500,
               "rows": ["r1"]}],
}
asset = create_asset(kind=get_kind("table"), name="limits", title="Limits", content=content,
                     actor=actor, now=now)
publish_asset(asset_id=asset.pk, revision=1, note="First", author=None, actor=actor, now=now)
"""
FORGET = """
from flows.assets.models import Asset, AssetVersion
Asset.objects.update(released=None)
AssetVersion.objects.all().delete()
Asset.objects.all().delete()
"""
DRAFT = """
from flows.assets.models import Asset
import json
print(json.dumps(Asset.objects.get().draft))
"""
Scheme = Literal["light", "dark"]
PAGES = ("", "edit/", "tests/", "versions/1/", "compare/?a=1")


@pytest.fixture(autouse=True)
def nothing_is_left(site: Site) -> Iterator[None]:
    site.run(MAKE)
    yield
    site.run(FORGET)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_of_a_table_fits_and_can_be_read_by_all(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    width: int,
    scheme: Scheme,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "designer")
    for address in PAGES:
        page.goto(f"/tables/limits/{address}")
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_a_table_is_written_by_keyboard_alone(
    site: Site, page: Page, login: Callable[[Page, str], None]
) -> None:
    login(page, "designer")
    page.goto("/tables/limits/edit/")
    first = page.get_by_role("textbox", name="1 Amount", exact=True)
    first.focus()
    keys = page.keyboard
    # Down, into the last row; Enter there makes a new one.
    keys.press("ArrowDown")
    expect(page.get_by_role("textbox", name="2 Amount", exact=True)).to_be_focused()
    keys.press("Enter")
    third = page.get_by_role("textbox", name="3 Amount", exact=True)
    expect(third).to_be_focused()
    keys.type("> 1000")
    keys.press("Tab")
    keys.type('not("north", "south")')
    keys.press("Tab")
    keys.type("0")
    # What is typed is seen at once: no row is for the south yet.
    preview = page.locator("#asset-preview")
    expect(preview).to_contain_text('No row matches Amount (1000..100000], Region "south".')
    # A cell that is wrong is marked, and says why.
    keys.press("Shift+Tab")
    keys.press("F2")
    keys.type(", car")
    region = page.get_by_role("textbox", name="3 Region", exact=True)
    expect(region).to_have_attribute("aria-invalid", "true")
    # Esc takes back what was typed.
    keys.press("Escape")
    expect(region).to_have_value('not("north", "south")')
    expect(region).not_to_have_attribute("aria-invalid", "true")
    # The gap is filled by its button; undo takes the row away again.
    preview.get_by_role("button", name="Add a row for this").click()
    fourth = page.get_by_role("textbox", name="4 Limit", exact=True)
    expect(fourth).to_be_focused()
    expect(page.get_by_role("textbox", name="4 Region", exact=True)).to_have_value('"south"')
    keys.press("Control+z")
    expect(fourth).to_have_count(0)
    preview.get_by_role("button", name="Add a row for this").click()
    expect(fourth).to_be_focused()
    keys.type("0")
    keys.press("Alt+ArrowUp")
    expect(page.get_by_role("textbox", name="3 Region", exact=True)).to_have_value('"south"')
    expect(page.get_by_role("textbox", name="3 Limit", exact=True)).to_be_focused()
    expect(preview).to_contain_text("Each input that can be given is matched by a row.")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("Saved as revision 2 of the draft.")).to_be_visible()
    assert '"when": ["(1000..100000]", "\\"south\\""], "then": ["0"]' in site.run(DRAFT)


def test_cells_are_pasted_from_a_spreadsheet(
    site: Site, page: Page, login: Callable[[Page, str], None]
) -> None:
    login(page, "designer")
    page.goto("/tables/limits/edit/")
    page.get_by_role("textbox", name="2 Amount", exact=True).focus()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          const rows = ["[1000..2000]\\tnorth, east\\t1,250", "> 2000\\tsouth\\t3", "5\\twest\\t4"];
          data.setData("text/plain", rows.join("\\n"));
          const options = {clipboardData: data, bubbles: true, cancelable: true};
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )
    expect(page.get_by_role("textbox", name="4 Region", exact=True)).to_have_value('"west"')
    expect(page.get_by_role("textbox", name="2 Region", exact=True)).to_have_value(
        '"north", "east"'
    )
    expect(page.get_by_role("textbox", name="2 Limit", exact=True)).to_have_value("1250")
    expect(page.locator("#asset-preview")).to_contain_text("Rows 1 and 4 match the same input.")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("textbox", name="4 Region", exact=True)).to_have_count(0)


def test_a_column_is_added_set_and_moved(
    page: Page, login: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    login(page, "designer")
    page.goto("/tables/limits/edit/")
    page.get_by_role("button", name="Input", exact=True).click()
    head = page.get_by_role("button", name="input 1 string")
    expect(head).to_be_focused()
    page.keyboard.press("Enter")
    settings = page.locator("#in-2-settings")
    expect(settings).to_be_visible()
    axe(page)
    settings.get_by_label("Name").fill("age")
    settings.get_by_label("Type").select_option("integer")
    expect(page.get_by_role("button", name="age integer")).to_be_visible()
    settings.get_by_role("button", name="Move left").click()
    expect(page.locator("[data-column-name]")).to_have_text(["Amount", "age", "Region", "Limit"])


def test_a_table_is_edited_without_its_script(
    page: Page, login: Callable[[Page, str], None], site: Site
) -> None:
    login(page, "designer")
    page.route("**/grid.js", lambda route: route.abort())
    page.goto("/tables/limits/edit/")
    page.get_by_role("button", name="Add a row", exact=True).click()
    page.locator('[name="row-2-when-0"]').fill("> 1000")
    page.locator('[name="row-2-when-1"]').fill('not("north")')
    page.locator('[name="row-2-then-0"]').fill("7")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("Saved as revision 2 of the draft.")).to_be_visible()
    assert '"then": ["7"]' in site.run(DRAFT)
