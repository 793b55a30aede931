"""The editor on a telephone: fingers on the canvas, and the settings as a sheet from below."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.conftest import Login, Site
from tests.browser.editor.test_editor import made
from tests.browser.waiting import until

__all__ = ["made"]
Point = tuple[float, float]
# Of the canvas, where no card is.
EMPTY: Point = (200, 620)
VIEW = """() => {
  const style = getComputedStyle(document.querySelector('.react-flow__viewport'));
  const { e, f, a } = new DOMMatrix(style.transform);
  return [e, f, a];
}"""


class Fingers:
    """Touches as the browser gets them from a screen."""

    def __init__(self, session: CDPSession) -> None:
        self.session = session

    def down(self, *points: Point) -> None:
        self._send("touchStart", points)

    def move(self, *points: Point) -> None:
        self._send("touchMove", points)

    def up(self) -> None:
        self._send("touchEnd", ())

    def _send(self, kind: str, points: tuple[Point, ...]) -> None:
        touches = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


@pytest.fixture
def phone(browser: Browser, site: Site, login: Login, made: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    login(page, "designer")
    page.goto(f"/flows/{made}/edit/")
    expect(page.locator("[data-step=first].step-card")).to_be_visible()
    yield page
    context.close()


@pytest.fixture
def fingers(phone: Page) -> Fingers:
    return Fingers(phone.context.new_cdp_session(phone))


def view_of(page: Page) -> Any:
    """Return where the canvas is looked at, as ``[x, y, zoom]``."""
    return page.evaluate(VIEW)


def test_one_finger_moves_the_canvas_and_two_zoom(phone: Page, fingers: Fingers) -> None:
    x, y = EMPTY
    left, _, zoom = view_of(phone)
    fingers.down(EMPTY)
    for step in range(1, 6):
        fingers.move((x - step * 20, y))
    fingers.up()
    until(phone, lambda: view_of(phone)[0] < left - 40)
    assert view_of(phone)[2] == zoom
    fingers.down((x - 40, y), (x + 40, y))
    for step in range(1, 6):
        fingers.move((x - 40 - step * 10, y), (x + 40 + step * 10, y))
    fingers.up()
    until(phone, lambda: view_of(phone)[2] > zoom * 1.3)
    shown = phone.locator(".zoom-level")
    until(phone, lambda: shown.inner_text() == f"{round(view_of(phone)[2] * 100)} %")


def test_a_long_press_opens_the_menu_and_lifting_the_finger_chooses_nothing(
    phone: Page, fingers: Fingers, axe: Callable[[Page], None]
) -> None:
    card = phone.locator("[data-step=first].step-card")
    box = card.bounding_box()
    assert box
    fingers.down((box["x"] + 60, box["y"] + 20))
    menu = phone.get_by_role("dialog", name="What to do")
    expect(menu).to_contain_text("Duplicate")
    fingers.up()
    expect(phone.get_by_role("combobox", name="What to do")).to_be_focused()
    axe(phone)
    phone.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(phone.locator(".step-card")).to_have_count(3)


def test_on_a_phone_the_settings_open_as_a_sheet_that_can_be_closed(
    phone: Page, fingers: Fingers, axe: Callable[[Page], None]
) -> None:
    phone.locator("[data-step=first].step-card").tap()
    phone.get_by_role("button", name="Show the inspector").tap()
    expect(
        phone.locator("#inspector [data-step=first], #inspector[data-step=first]")
    ).to_be_visible()
    # The step that is set stays in sight above the sheet.
    expect(phone.locator("[data-step=first].step-card")).to_be_in_viewport()
    axe(phone)
    handle, editor = phone.locator("[data-sheet-handle]"), phone.locator("[data-editor]")
    handle.tap()
    expect(handle).to_have_attribute("aria-expanded", "true")
    handle.press("ArrowDown")
    expect(handle).to_have_attribute("aria-expanded", "false")
    handle.press("ArrowDown")
    expect(editor).to_have_attribute("data-pane-closed", "")
    expect(phone.locator(".flow-stage")).to_be_focused()
    phone.get_by_role("button", name="Show the inspector").tap()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + 10
    fingers.down((x, y))
    for step in range(1, 8):
        fingers.move((x, y + step * 50))
    fingers.up()
    expect(editor).to_have_attribute("data-pane-closed", "")
