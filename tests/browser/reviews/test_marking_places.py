"""A reviewer marks where a field stands: by mouse, by touch, by keyboard, and by selecting text."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Site, come_signed_in
from tests.waiting import until

OPEN_CASE = """
from django.utils import timezone
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import RunHolder, calling_for
from reviews.models import Queue, SlaPolicy
from tests.factories.cases import make_case
from tests.factories.files import as_bytes, draw_page
from tests.factories.queues import make_policy, make_queue
if not Queue.objects.filter(name="marks").exists():
    make_queue("marks")
if not SlaPolicy.objects.filter(name="standard").exists():
    make_policy()
now = timezone.now()
page = as_bytes(draw_page(), "PNG", dpi=(200, 200))
reference = store_artifact(content=page, media_type="image/png", name="page.png", now=now)
line = {"at": [0.1, 0.3, 0.6, 0.02],
        "words": [["Net", 0.1, 0.1], ["pay", 0.22, 0.1], ["2.500,00", 0.5, 0.15],
                  ["EUR", 0.67, 0.06]]}
date = {"at": [0.1, 0.4, 0.6, 0.02], "words": [["1.10.2026", 0.1, 0.15]]}
slip = {"id": "payslip", "title": "Payslip", "artifact": reference, "media_type": "image/png",
        "words": [{"number": 1, "lines": [line, date]}],
        "boxes": [{"key": "income", "at": [0.1, 0.1, 0.2, 0.03], "text": "3,000"}]}
photo = {"id": "photo", "title": "Photo of the car", "artifact": reference,
         "media_type": "image/png", "boxes": [{"key": "plate", "at": [0.1, 0.1, 0.3, 0.05]}]}
fields = [
    {"key": "income", "label": "Net income", "value": 3000, "confidence": 0.6, "editable": True,
     "schema": {"type": "number"}},
    {"key": "paid", "label": "Paid on", "value": "2026-09-01", "editable": True,
     "schema": {"type": "string", "format": "date"}},
    {"key": "plate", "label": "Number plate", "value": "HH 12", "editable": True},
]
case = make_case(now, queue="marks", documents=[slip, photo],
                 show=[{"title": "Read", "fields": fields}])
with calling_for(RunHolder(case.run_id)):
    store_artifact(content=page, media_type="image/png", name="page.png", now=now)
print(case.pk)
"""
DRAFT = """
import json
from reviews.models import CaseDraft
draft = CaseDraft.objects.filter(case={number}).first()
print(json.dumps(draft.content if draft else {{}}))
"""
DECIDED = """
import json
from reviews.models import Decision
decision = Decision.objects.filter(case={number}).exclude(state="withdrawn").first()
print(json.dumps([decision.places, decision.overrides] if decision else None))
"""
Login = Callable[[Page, str], None]


@pytest.fixture
def number(site: Site) -> str:
    return site.run(OPEN_CASE).split()[-1]


@pytest.fixture
def case(page: Page, login: Login, number: str) -> Page:
    login(page, "reviewer")
    page.goto(f"/review/cases/{number}/")
    expect(page.locator(".document-page").first).to_be_visible()
    return page


def read_json(site: Site, code: str, number: str) -> Any:
    return json.loads(site.run(code.format(number=number)).strip().splitlines()[-1])


def saved_place(site: Site, number: str, key: str) -> Any:
    """Return the place in the draft, once there is one."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = [read_json(site, DRAFT, number).get("places", {}).get(key)]
        return found[0] is not None

    until(look)
    return found[0]


def sheet_of(page: Page, name: str = "Payslip") -> Locator:
    return page.get_by_role("tabpanel", name=name).locator(".document-page")


def point(sheet: Locator, x: float, y: float) -> tuple[float, float]:
    """Return the point on the screen of a point in shares of the page."""
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_a_place_is_drawn_moved_and_resized_by_mouse(
    case: Page, site: Site, number: str, axe: Callable[[Page], None]
) -> None:
    case.get_by_role("textbox", name="Net income", exact=True).focus()
    case.get_by_role("button", name="Mark where Net income stands").click()
    sheet = sheet_of(case)
    drag(case, point(sheet, 0.45, 0.28), point(sheet, 0.75, 0.34))
    frame = case.get_by_role("application", name="Where Net income stands")
    assert saved_place(site, number, "income")["at"] == pytest.approx(
        [0.45, 0.28, 0.3, 0.06], abs=0.01
    )
    axe(case)
    drag(case, point(sheet, 0.6, 0.31), point(sheet, 0.5, 0.31))
    drag(case, point(sheet, 0.65, 0.34), point(sheet, 0.7, 0.4))
    case.get_by_role("button", name="Done").click()
    expect(frame).to_have_count(0)
    expect(case.get_by_role("textbox", name="Net income", exact=True)).to_be_focused()
    expect(case.get_by_text("Marked on Payslip, page 1")).to_be_visible()
    until(
        lambda: (
            saved_place(site, number, "income")["at"]
            == pytest.approx([0.35, 0.28, 0.35, 0.12], abs=0.012)
        )
    )
    # It is still there when the page comes again, and can be restored.
    case.reload()
    box = sheet_of(case).get_by_role("button", name="Net income")
    expect(box).to_have_count(1)
    case.get_by_role("button", name="Restore", exact=True).locator("visible=true").click()
    until(lambda: read_json(site, DRAFT, number)["places"] == {})
    expect(case.get_by_text("Marked on Payslip, page 1")).to_be_hidden()
    assert box.evaluate("(one) => parseFloat(one.style.left)") == pytest.approx(10)


def test_a_place_is_marked_by_keyboard_and_goes_into_the_decision(
    case: Page, site: Site, number: str
) -> None:
    case.get_by_role("textbox", name="Net income", exact=True).focus()
    case.keyboard.press("Tab")
    expect(case.get_by_role("button", name="Mark where Net income stands")).to_be_focused()
    case.keyboard.press("Enter")
    frame = case.get_by_role("application", name="Where Net income stands")
    expect(frame).to_be_focused()
    # To the first word, then to the third, and one more with it.
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        case.keyboard.press(f"Control+{key}")
    status = case.locator("[data-marking-status]")
    expect(status).to_contain_text("2.500,00 EUR")
    use = case.get_by_role("button", name="Use “2.500,00 EUR” as the value")
    case.keyboard.press("Tab")
    expect(use).to_be_focused()
    case.keyboard.press("Enter")
    expect(case.get_by_role("textbox", name="Net income", exact=True)).to_have_value("2500.00")
    why = case.get_by_label("Why Net income is changed (required)")
    expect(why).to_be_focused()
    case.keyboard.type("misread")
    # Who types has claimed the case.
    expect(case.get_by_role("button", name="Claim")).to_have_count(0)
    case.keyboard.press("Escape")
    case.keyboard.press("a")
    case.keyboard.press("Enter")
    until(lambda: read_json(site, DECIDED, number) is not None)
    places, overrides = read_json(site, DECIDED, number)
    assert places == [
        {"field": "income", "document": "payslip", "page": 1, "at": [0.5, 0.3, 0.23, 0.02],
         "text": "2.500,00 EUR"}
    ]  # fmt: skip
    assert overrides == [{"field": "income", "old": 3000, "new": 2500.0, "reason": "misread"}]


def test_arrows_move_and_resize_the_frame_and_escape_takes_it_back(
    case: Page, site: Site, number: str
) -> None:
    case.get_by_role("textbox", name="Paid on", exact=True).focus()
    button = case.get_by_role("button", name="Mark where Paid on stands")
    button.focus()
    case.keyboard.press("Enter")
    frame = case.get_by_role("application", name="Where Paid on stands")
    expect(frame).to_be_focused()
    before = frame.evaluate("(one) => [parseFloat(one.style.left), parseFloat(one.style.width)]")
    case.keyboard.press("ArrowRight")
    case.keyboard.press("Shift+ArrowRight")
    after = frame.evaluate("(one) => [parseFloat(one.style.left), parseFloat(one.style.width)]")
    assert [later - first for first, later in zip(before, after, strict=True)] == pytest.approx(
        [0.5, 0.5]
    )
    assert saved_place(site, number, "paid")["document"] == "payslip"
    case.keyboard.press("Escape")
    expect(frame).to_have_count(0)
    expect(case.get_by_role("textbox", name="Paid on", exact=True)).to_be_focused()
    until(lambda: read_json(site, DRAFT, number)["places"] == {})


def test_selected_text_is_taken_into_the_field_with_its_place(
    case: Page, site: Site, number: str
) -> None:
    case.get_by_role("textbox", name="Paid on", exact=True).focus()
    sheet = sheet_of(case)
    word = sheet.get_by_text("1.10.2026", exact=True)
    word.dblclick()
    case.evaluate("(one) => getSelection().selectAllChildren(one)", word.element_handle())
    case.get_by_role("button", name="Use for Paid on").click()
    expect(case.get_by_role("textbox", name="Paid on", exact=True)).to_have_value("2026-10-01")
    assert saved_place(site, number, "paid")["at"] == pytest.approx([0.1, 0.4, 0.15, 0.02])


def test_a_region_of_an_image_is_shown_beside_its_field(
    case: Page, site: Site, number: str, axe: Callable[[Page], None]
) -> None:
    where = case.get_by_role("button", name="Read on Photo of the car")
    expect(where).to_be_visible()
    # What is drawn there is not blank.
    until(
        lambda: where.locator("canvas").evaluate(
            "(one) => new Set(one.getContext('2d').getImageData(0, 0, 99, 40).data).size > 2"
        )
    )
    where.click()
    panel = case.get_by_role("tabpanel", name="Photo of the car")
    expect(panel).to_be_visible()
    expect(panel.get_by_role("button", name="Number plate")).to_have_class("document-box linked")
    axe(case)


def test_a_place_is_marked_by_touch(browser: Browser, site: Site, number: str) -> None:
    context = browser.new_context(
        base_url=site.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    come_signed_in(page, "reviewer", url=site.url)
    page.goto(f"/review/cases/{number}/")
    page.get_by_role("button", name="Mark where Net income stands").tap()
    sheet = sheet_of(page)
    page.touchscreen.tap(*point(sheet, 0.55, 0.31))
    use = page.get_by_role("button", name="Use “2.500,00” as the value")
    expect(use).to_be_visible()
    assert saved_place(site, number, "income")["at"] == pytest.approx([0.5, 0.3, 0.15, 0.02])
    use.tap()
    expect(page.get_by_role("textbox", name="Net income", exact=True)).to_have_value("2500.00")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
