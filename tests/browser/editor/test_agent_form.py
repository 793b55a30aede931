"""The form of an agent step: a list of tools, each with fields of its own."""

import os
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Login, Site
from tests.browser.editor.test_editor import MAKE_FLOW, open_editor, saved
from tests.browser.waiting import until

AGENT: dict[str, Any] = {
    "steps": {
        "agent": {
            "type": "agent.run",
            "title": "Settle it",
            "with": {"model": "assistant", "goal": "Settle it.", "tools": []},
        },
        "done": {"type": "end", "title": "Done"},
    },
    "edges": ["agent.done -> done"],
    "layout": {"agent": [0, 0], "done": [336, 0]},
}
READ = """
import json
from flows.models import Flow
print(json.dumps(Flow.objects.get(name="{name}").draft["steps"]["agent"]["with"]))
"""


def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOOT"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=False)


def fill(page: Page, path: str, value: str) -> None:
    page.locator(f"[data-path='/with/{path}']").fill(value)
    page.locator(f"[data-path='/with/{path}']").press("Tab")
    saved(page)


def test_a_tool_and_where_people_decide_are_added_by_the_form(
    page: Page, site: Site, login: Login, axe: Any
) -> None:
    import json

    site.run(MAKE_FLOW.format(name="agent-form", parts=repr(AGENT)))
    login(page, "designer")
    open_editor(page, "agent-form")
    page.locator("[data-step=agent]").click()
    tools = page.locator("#inspector [data-list='/with/tools']")
    expect(tools).to_be_visible()
    tools.get_by_role("button", name="Add", exact=True).last.click()
    expect(page.locator("[data-path='/with/tools/0/name']")).to_be_visible()
    saved(page)
    fill(page, "tools/0/name", "refund")
    fill(page, "tools/0/description", "Pay money back.")
    page.locator("[data-path='/with/tools/0/type']").select_option("http.request")
    saved(page)
    fill(page, "tools/0/with", '{"url": "https://pay.example.com/", "method": "POST"}')
    fill(page, "tools/0/schema", '{"type": "object"}')
    page.locator("[data-path='/with/tools/0/ask']").select_option("when")
    saved(page)
    fill(page, "tools/0/when", "item.amount > 100.0")
    fill(page, "review/queue", "underwriting")
    fill(page, "review/sla", "standard")
    fill(page, "limits/turns", "5")
    kept = json.loads(site.run(READ.format(name="agent-form")))
    assert kept["tools"] == [
        {
            "name": "refund",
            "description": "Pay money back.",
            "type": "http.request",
            "with": {"url": "https://pay.example.com/", "method": "POST"},
            "schema": {"type": "object"},
            "ask": "when",
            "when": "item.amount > 100.0",
        }
    ]
    assert kept["review"] == {"queue": "underwriting", "sla": "standard"}
    assert kept["limits"] == {"turns": 5}
    card = page.locator("[data-step=agent].step-card")
    expect(card).to_contain_text("assistant, 1 tool")
    until(
        page,
        lambda: (
            "taken_over" in card.inner_text() or page.locator("[data-port=taken_over]").count() > 0
        ),
    )
    shoot(page, "agent-light")
    page.locator("[data-path='/with/tools/0/name']").scroll_into_view_if_needed()
    shoot(page, "agent-tools-light")
    page.emulate_media(color_scheme="dark")
    shoot(page, "agent-tools-dark")
    page.set_viewport_size({"width": 390, "height": 844})
    shoot(page, "agent-390")
