"""A draft tried on the canvas in real Chromium: by key, with a checkpoint, kept as a test."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Login, Site

MAKE_FLOW = """
from django.utils import timezone
from flows.graph.operations import normal_form
from flows.models import Flow
steps = {
    "score": {"type": "transform", "title": "Score", "with": {"output": {"p": "${ input.p }"}}},
    "look": {"type": "review.case", "title": "Look",
             "with": {"queue": "q", "sla": "s", "title": "Loan"}},
    "yes": {"type": "end", "title": "Yes", "with": {"outcome": "granted"}},
}
document = {
    "schema": "countersign/flow@1", "name": "trial", "title": "Trial", "steps": steps,
    "edges": ["score.done -> look", "look.approved -> yes"],
    "layout": {"score": [0, 0], "look": [336, 0], "yes": [672, 0]},
    "samples": {"half": {"p": 0.5}},
}
now = timezone.now()
Flow.objects.create(name="trial", title="Trial", draft=normal_form(document), created_at=now,
                    updated_at=now)
"""


def test_a_designer_tries_a_draft_answers_its_checkpoint_and_keeps_the_test(
    page: Page, login: Login, site: Site, axe: Callable[[Page], None]
) -> None:
    site.run(MAKE_FLOW)
    login(page, "designer")
    page.goto("/flows/trial/edit/")
    expect(page.locator("flow-canvas .flow-stage")).to_be_visible()
    page.keyboard.press("t")
    drawer = page.locator("#test-drawer")
    expect(drawer.get_by_label("Input", exact=True)).to_have_value('{\n  "p": 0.5\n}')

    drawer.get_by_role("button", name="Run all").click()
    expect(page.locator('[data-step="look"]')).to_have_attribute("data-state", "waiting_for_person")
    # The question has the focus: Enter answers with the first port.
    approved = drawer.get_by_role("button", name="Approved")
    expect(approved).to_be_focused()
    axe(page)
    page.keyboard.press("Enter")
    expect(drawer.locator(".bench-outcome")).to_contain_text("as granted")
    expect(page.locator('[data-step="yes"]')).to_have_attribute("data-state", "done")

    drawer.get_by_label("Name of the test").fill("Who is looked at may be granted")
    drawer.get_by_role("button", name="Save as a test").click()
    expect(drawer.get_by_text("Kept as test 1")).to_be_visible()
    drawer.get_by_role("button", name="Tests", exact=True).click()
    drawer.get_by_role("button", name="Run all tests").click()
    expect(drawer.get_by_text("All 1 pass")).to_be_visible()
    # The canvas has heard of the edit: it can be undone there.
    tests = page.evaluate("document.querySelector('flow-canvas').document.tests")
    assert [each["name"] for each in tests] == ["Who is looked at may be granted"]
