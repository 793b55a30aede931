"""The fields of a step that asks a model: picked from lists, by mouse and by keys, without JSON."""

import json
import os
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Login, Site
from tests.browser.editor.test_editor import MAKE_FLOW, open_editor, saved

FLOW: dict[str, Any] = {
    "steps": {
        "ask": {"type": "llm.chat", "title": "Ask", "with": {"model": "", "user": "Which team?"}},
        "done": {"type": "end", "title": "Done"},
    },
    "edges": ["ask.done -> done"],
    "layout": {"ask": [0, 0], "done": [336, 0]},
}
MAKE_MODELS = """
from tests.factories.connections import make_connection
from flows.connections.models import Connection
if not Connection.objects.filter(name="big").exists():
    for name in ("big", "small", "next"):
        make_connection(name, kind="openai", title=f"The {name} one", flows=["*"])
    make_connection("secret", kind="openai", title="For others", flows=["elsewhere"])
"""
READ = """
import json
from flows.models import Flow
print(json.dumps(Flow.objects.get(name="{name}").draft["steps"]["ask"]["with"]))
"""


def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{folder}/{name}-{scheme}.png")
        page.emulate_media(color_scheme="light")


def at(page: Page, path: str) -> Any:
    return page.locator(f"#inspector select[data-path='/with/{path}']")


def kept(site: Site, name: str) -> Any:
    return json.loads(site.run(READ.format(name=name)))


def open_step(page: Page, site: Site, login: Login, name: str) -> Any:
    """Open a new flow's step that asks a model; return its field of the model."""
    site.run(MAKE_MODELS)
    site.run(MAKE_FLOW.format(name=name, parts=repr(FLOW)))
    login(page, "designer")
    page.set_viewport_size({"width": 1280, "height": 900})
    open_editor(page, name)
    page.locator("[data-step=ask]").click()
    model = at(page, "model")
    expect(model).to_be_visible()
    return model


def test_models_and_shares_are_chosen_from_lists_by_keys_alone(
    page: Page, site: Site, login: Login, axe: Any
) -> None:
    model = open_step(page, site, login, "models-form")
    refused = model.locator("optgroup[label='Not for this flow'] option")
    expect(refused).to_have_text(["secret · For others"])
    model.select_option("big")
    saved(page)
    then = page.locator("#inspector [data-list='/with/routing/then']")
    then.get_by_role("button", name="Add").focus()
    page.keyboard.press("Enter")
    first = at(page, "routing/then/0")
    expect(first).to_be_visible()
    first.focus()
    page.keyboard.type("small")
    page.keyboard.press("Tab")
    saved(page)
    shares = page.locator("#inspector [data-map='/with/routing/shares']")
    shares.locator("[data-map-name]").focus()
    page.keyboard.type("next ")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    share = page.locator("#inspector [data-path='/with/routing/shares/next']")
    expect(share).to_be_focused()
    share.fill("0.25")
    share.press("Tab")
    saved(page)
    share.scroll_into_view_if_needed()
    shoot(page, "models-form")
    assert kept(site, "models-form")["model"] == "big"
    assert kept(site, "models-form")["routing"] == {"then": ["small"], "shares": {"next": 0.25}}
    axe(page)
    shares.get_by_role("button", name="Remove next").click()
    expect(share).to_have_count(0)
    saved(page)
    assert kept(site, "models-form")["routing"] == {"then": ["small"]}


def test_a_model_can_be_an_expression_and_one_that_is_not_for_the_flow_is_warned_of(
    page: Page, site: Site, login: Login
) -> None:
    model = open_step(page, site, login, "models-by-lane")
    pick = model.locator("xpath=..")
    pick.get_by_role("button", name="Write an expression").click()
    text = pick.get_by_label("Model, as an expression")
    expect(text).to_be_focused()
    text.fill("${ run.lane == 'bulk' ? 'small' : 'big' }")
    text.press("Tab")
    saved(page)
    assert kept(site, "models-by-lane")["model"] == "${ run.lane == 'bulk' ? 'small' : 'big' }"
    pick.get_by_role("button", name="Choose from the list").click()
    model.select_option("secret")
    saved(page)
    expect(page.locator("#inspector")).to_contain_text("may not")
    page.set_viewport_size({"width": 390, "height": 844})
    model.scroll_into_view_if_needed()
    shoot(page, "models-form-phone")
