"""A team lead gives cases to people, by key and by dragging, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

OPEN_CASES = """
from django.utils import timezone
from reviews.models import Queue, SlaPolicy
from tests.factories.cases import make_case
from tests.factories.queues import make_policy, make_queue
if not Queue.objects.filter(name="team-desk").exists():
    make_queue("team-desk")
if not SlaPolicy.objects.filter(name="standard").exists():
    make_policy()
for number in range(2):
    make_case(timezone.now(), queue="team-desk", title=f"Loan {number} to give")
"""


def test_a_lead_gives_a_case_by_key_and_another_by_dragging(
    page: Page, login: Callable[[Page, str], None], site: Site
) -> None:
    site.run(OPEN_CASES)
    login(page, "lead")
    page.goto("/review/team/?queue=team-desk")
    reviewers = page.locator('.lane[data-lane="reviewer"]')
    free = page.locator('.lane[data-lane=""]')
    expect(free.locator(".chip")).to_have_count(2)

    page.keyboard.press("j")
    page.keyboard.press("m")
    choices = page.locator("#give button[name=to]")
    expect(choices.first).to_be_visible()
    names = [choice.get_attribute("value") for choice in choices.all()]
    page.keyboard.press(str(names.index("reviewer") + 1))
    expect(reviewers.locator(".chip")).to_have_count(1)

    free.locator(".chip").first.drag_to(reviewers)
    expect(reviewers.locator(".chip")).to_have_count(2)
    expect(free.locator(".chip")).to_have_count(0)
