"""The editor in real Chromium: by mouse, by keys, by two at once, and without a line."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Login, Site
from tests.browser.waiting import until, until_drawn, until_still

MAKE_FLOW = """
from django.utils import timezone
from flows.graph.operations import normal_form
from flows.models import Flow
document = {{"schema": "countersign/flow@1", "name": "{name}", "title": "Editor {name}", **{parts}}}
now = timezone.now()
draft = normal_form(document)
Flow.objects.create(name="{name}", title="Editor", draft=draft, created_at=now, updated_at=now)
"""
THREE: dict[str, Any] = {
    "steps": {
        "first": {"type": "transform", "title": "First", "with": {"output": {"a": 1}}},
        "second": {"type": "transform", "title": "Second", "with": {"output": {"b": 2}}},
        "last": {"type": "end", "title": "Last"},
    },
    "edges": ["first.done -> second", "second.done -> last"],
    "layout": {"first": [0, 0], "second": [336, 0], "last": [672, 0]},
}
Open = Callable[..., None]


@pytest.fixture
def made(site: Site, request: pytest.FixtureRequest) -> str:
    """Return the name of a new flow of three steps."""
    name = str(request.node.name).replace("[", "-").replace("]", "").replace("_", "-")[:80]
    site.run(MAKE_FLOW.format(name=name, parts=repr(THREE)))
    return name


def open_editor(page: Page, name: str) -> None:
    page.goto(f"/flows/{name}/edit/")
    expect(page.locator("flow-canvas .flow-stage")).to_be_visible()
    expect(page.locator("#inspector .inspect")).to_be_visible()


def saved(page: Page) -> None:
    unsent = "document.querySelector('flow-canvas').draft?.pending.length"
    until(page, lambda: page.evaluate(unsent) == 0)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-kind", "saved")


def press(page: Page, *keys: str) -> None:
    """Press what names a key, type the rest."""
    for each in keys:
        if len(each) == 1 or each in {"Enter", "Escape", "Tab", "Delete"}:
            page.keyboard.press(each)
        else:
            page.keyboard.type(each)
        until_drawn(page)


def document_of(page: Page) -> Any:
    # As text: what a browser hands over as values loses a key `__proto__`.
    return json.loads(
        page.evaluate("JSON.stringify(document.querySelector('flow-canvas').document)")
    )


def servers_document(page: Page, name: str) -> Any:
    return page.request.get(f"/flows/{name}/edit/draft/").json()["document"]


@contextmanager
def another(browser: Browser, site: Site, login: Login, role: str) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    login(page, role)
    yield page
    context.close()


def test_a_flow_is_drawn_by_keys_alone(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.locator(".flow-stage").focus()
    page.keyboard.press("Tab")
    expect(page.locator("[data-step=first]")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("[data-step=second]")).to_be_focused()

    press(page, "/", "branch", "Enter")
    expect(page.locator("[data-step=branch]")).to_be_focused()
    saved(page)
    edges = servers_document(page, made)["edges"]
    assert "second.done -> branch" in edges
    assert "branch.otherwise -> last" in edges, "one exit alone goes on where it went"
    press(page, "c", "error", "Enter", "last", "Enter")
    saved(page)
    assert "branch.error -> last" in servers_document(page, made)["edges"]

    before = servers_document(page, made)["layout"]["branch"]
    page.keyboard.press("Shift+ArrowDown")
    saved(page)
    assert servers_document(page, made)["layout"]["branch"] == [before[0], before[1] + 80]
    expect(page.locator("flow-canvas > [aria-live]")).to_contain_text("Moved Branch down")

    for _ in range(3):
        page.keyboard.press("Control+z")
    saved(page)
    assert servers_document(page, made)["steps"].keys() == THREE["steps"].keys()


def test_edges_notes_and_groups_are_in_reach_of_keys(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.locator(".flow-stage").focus()
    page.keyboard.press("Tab")
    press(page, "e", "First", "Enter", "lead it", "Enter", "last", "Enter")
    saved(page)
    assert servers_document(page, made)["edges"] == ["first.done -> last", "second.done -> last"]
    press(page, "Escape", "e", "second", "Enter", "insert", "Enter", "wait", "Enter")
    expect(page.locator("[data-step=wait].step-card")).to_be_focused()
    saved(page)
    assert "second.done -> wait" in servers_document(page, made)["edges"]

    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("[data-step=second].step-card")).to_be_focused()
    page.keyboard.press("Alt+Shift+ArrowLeft")
    page.keyboard.press("Control+g")
    press(page, "Machines", "Enter")
    expect(page.get_by_role("group", name="Group Machines, 2 steps")).to_be_attached()
    page.locator(".flow-stage").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Escape")
    while "group " not in (page.evaluate("document.activeElement.dataset.node") or ""):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Group Machines, 2 steps, folded")).to_be_visible()
    expect(page.locator("[data-step=first].step-card")).to_have_count(0)
    page.keyboard.press("Control+Shift+g")
    expect(page.locator("[data-step=first].step-card")).to_be_visible()

    press(page, "n", "Ask the desk", "Escape", ".", "blue", "Enter")
    saved(page)
    (note,) = servers_document(page, made)["notes"].values()
    assert (note["text"], note["colour"]) == ("Ask the desk", "blue")
    made_so_far = page.request.get(f"/flows/{made}/edit/operations/?since=0").json()["operations"]
    assert [each["op"].get("path") for each in made_so_far].count("/text") == 1
    assert servers_document(page, made)["groups"] == {}


def test_an_edge_that_the_rules_refuse_says_why_before_it_is_let_go(
    page: Page, login: Login, made: str, axe: Callable[[Page], None]
) -> None:
    login(page, "designer")
    open_editor(page, made)
    port = page.locator("[data-step=first] .port[data-port=done]").bounding_box()
    second = page.locator("[data-step=second].step-card").bounding_box()
    last = page.locator("[data-step=last].step-card").bounding_box()
    assert port
    assert second
    assert last
    page.mouse.move(port["x"] + 5, port["y"] + 5)
    page.mouse.down()
    page.mouse.move(second["x"] + 60, second["y"] + 30, steps=8)
    expect(page.locator(".refusal")).to_have_text("They are connected already.")
    expect(page.locator("[data-step=second].step-card")).to_have_attribute("data-refuses", "")
    axe(page)
    page.mouse.move(last["x"] + 60, last["y"] + 30, steps=8)
    expect(page.locator(".refusal")).to_have_count(0)
    page.mouse.up()
    saved(page)
    assert "first.done -> last" in servers_document(page, made)["edges"]


def test_an_edge_dropped_on_the_empty_canvas_leads_to_the_step_added_there(
    page: Page, login: Login, made: str
) -> None:
    login(page, "designer")
    open_editor(page, made)
    edge = page.locator(".react-flow__edge").nth(1)
    end = edge.locator(".react-flow__edgeupdater-target").bounding_box()
    assert end
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] - 40, end["y"] + 200, steps=10)
    page.mouse.up()
    page.get_by_role("dialog", name="Add a step here").locator("[data-key=wait]").click()
    saved(page)
    assert servers_document(page, made)["edges"] == ["first.done -> second", "second.done -> wait"]


def test_a_flow_is_drawn_by_mouse_alone(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    stage = page.locator(".flow-stage").bounding_box()
    assert stage
    page.locator(".flow-palette [data-key=wait]").drag_to(
        page.locator(".flow-stage"), target_position={"x": 300, "y": stage["height"] - 200}
    )
    expect(page.locator(".step-card[data-step=wait]")).to_be_visible()

    port = page.locator("[data-step=first] .port[data-port=done]").bounding_box()
    target = page.locator("[data-step=wait] .port.in").bounding_box()
    assert port
    assert target
    page.mouse.move(port["x"] + 5, port["y"] + 5)
    page.mouse.down()
    page.mouse.move(target["x"] + 5, target["y"] + 5, steps=12)
    page.mouse.up()
    saved(page)
    assert "first.done -> wait" in servers_document(page, made)["edges"]

    card = page.locator(".step-card[data-step=wait]").bounding_box()
    assert card
    page.mouse.move(card["x"] + 90, card["y"] + 30)
    page.mouse.down()
    page.mouse.move(card["x"] + 190, card["y"] + 70, steps=10)
    page.mouse.up()
    saved(page)
    assert servers_document(page, made)["layout"] == document_of(page)["layout"]

    page.mouse.move(port["x"] + 5, port["y"] + 5)
    page.mouse.down()
    # Below the card of the tour.
    page.mouse.move(stage["x"] + 500, stage["y"] + 260, steps=12)
    page.mouse.up()
    expect(page.get_by_role("dialog", name="Add a step here")).to_be_visible()
    page.locator(".popover [data-key=join]").click()
    saved(page)
    assert "first.done -> join" in servers_document(page, made)["edges"]


def test_deleting_a_step_joins_what_was_around_it(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.locator("[data-step=second]").click()
    page.keyboard.press("Delete")
    saved(page)
    assert servers_document(page, made)["edges"] == ["first.done -> last"]
    page.keyboard.press("Control+z")
    saved(page)
    assert servers_document(page, made)["edges"] == THREE["edges"]


def test_a_setting_is_an_edit_like_any_other(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.locator("[data-step=second]").click()
    expect(page.locator("#inspector [data-step=second]")).to_be_visible()
    page.locator("#field-title").fill("Renamed here")
    expect(page.locator("[data-step=second] .step-title")).to_have_text("Renamed here")
    page.locator("summary", has_text="When it fails").click()
    page.get_by_label("Try again only on").fill("timeout http.5xx")
    page.get_by_label("After the last attempt").select_option("last")
    page.locator("#field-id").fill("other")
    page.locator("#field-id").press("Tab")
    expect(page.locator("[data-step=other].step-card")).to_be_visible()
    saved(page)
    found = servers_document(page, made)
    assert found["steps"]["other"]["title"] == "Renamed here"
    assert {"other.done -> last", "other.error -> last"} <= set(found["edges"])
    assert found["steps"]["other"]["retry"] == {"on": ["timeout", "http.5xx"]}


def test_steps_go_through_the_clipboard_as_text(page: Page, login: Login, made: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    login(page, "designer")
    open_editor(page, made)
    page.locator(".flow-stage").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    assert "countersign/steps@1" in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Control+v")
    saved(page)
    found = servers_document(page, made)
    assert len(found["steps"]) == 6
    assert "first_2.done -> second_2" in found["edges"]


def test_two_see_one_another_and_end_on_one_document(
    page: Page, browser: Browser, site: Site, login: Login, made: str
) -> None:
    login(page, "designer")
    open_editor(page, made)
    with another(browser, site, login, "designer") as other:
        open_editor(other, made)
        other.locator("[data-step=first]").click()
        expect(page.locator("[data-step=first] .step-others")).to_be_visible()
        other.locator("#field-title").fill("From the other tab")
        expect(page.locator("[data-step=first] .step-title")).to_have_text("From the other tab")
        for number in range(30):
            for who, step in ((page, "second"), (other, "last")):
                op = {"op": "move", "steps": {step: [number * 8, number * 16]}}
                who.evaluate("op => document.querySelector('flow-canvas').edit(op)", op)
        saved(page)
        saved(other)
        expected = servers_document(page, made)
        until(page, lambda: document_of(page) == expected)
        until(other, lambda: document_of(other) == expected)


def test_without_a_line_edits_wait_and_say_so(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.route("**/operations/**", lambda route: route.abort())
    page.locator("[data-step=second]").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-save-state]")).to_contain_text("Offline: 2 changes wait")
    assert servers_document(page, made)["layout"]["second"] == [336, 0]
    page.on("dialog", lambda dialog: dialog.accept())
    page.unroute("**/operations/**")
    page.reload()
    saved(page)
    assert servers_document(page, made)["layout"]["second"] == [336, 32]


def test_a_field_that_both_changed_shows_both_values(
    page: Page, browser: Browser, site: Site, login: Login, made: str
) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.locator("[data-step=first]").click()
    expect(page.locator("#inspector [data-step=first]")).to_be_visible()
    page.route("**/operations/**", lambda route: route.abort())
    page.locator("#field-title").fill("Mine")
    expect(page.locator("[data-save-state]")).to_contain_text("Offline")
    with another(browser, site, login, "designer") as other:
        open_editor(other, made)
        op = {"op": "set_field", "step": "first", "path": "/title", "value": "Theirs"}
        other.evaluate("op => document.querySelector('flow-canvas').edit(op)", op)
        saved(other)
    page.unroute("**/operations/**")
    conflict = page.locator(".conflict")
    expect(conflict).to_contain_text("Mine", timeout=20_000)
    expect(conflict).to_contain_text("Theirs")
    conflict.get_by_role("button", name="Use mine").click()
    saved(page)
    assert servers_document(page, made)["steps"]["first"]["title"] == "Mine"


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_is_accessible(
    page: Page,
    login: Login,
    made: str,
    axe: Callable[[Page], None],
    width: int,
    scheme: Any,
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "designer")
    page.goto(f"/flows/{made}/edit/")
    expect(page.locator("[data-step=first].step-card")).to_be_attached()
    expect(page.locator("#inspector .inspect")).to_be_attached()
    until_still(page)
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dialogs_over_the_canvas_are_accessible(
    page: Page, login: Login, made: str, axe: Callable[[Page], None]
) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.locator(".flow-stage").focus()
    page.keyboard.press("Tab")
    expect(page.locator("[data-step=first].step-card")).to_be_focused()
    for key, name in ((".", "What to do"), ("/", "Add a step"), ("Shift+F", "Find a step")):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        axe(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="History of the draft").click()
    expect(page.locator("#editor-history .history")).to_be_visible()
    axe(page)


def test_auto_layout_keeps_the_first_step_in_place(page: Page, login: Login, made: str) -> None:
    login(page, "designer")
    open_editor(page, made)
    page.evaluate(
        "document.querySelector('flow-canvas').edit({op: 'move', steps: {last: [40, 24]}})"
    )
    page.locator(".flow-stage").focus()
    page.keyboard.press("Shift+L")
    until(page, lambda: document_of(page)["layout"]["last"][0] > 600)
    saved(page)
    assert servers_document(page, made)["layout"]["first"] == [0, 0]
