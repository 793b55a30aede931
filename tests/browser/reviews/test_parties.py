"""The case page names who asked and who edited, and says why someone is shut out."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

OPEN_CASE = """
from django.utils import timezone
from reviews.models import CaseParty, Queue, SlaPolicy
from tests.factories.cases import make_case
from tests.factories.queues import make_policy, make_queue
from workbench.accounts.models import User
if not Queue.objects.filter(name="parties-desk").exists():
    make_queue("parties-desk")
if not SlaPolicy.objects.filter(name="standard").exists():
    make_policy()
case = make_case(
    timezone.now(), queue="parties-desk", asked_by=["reviewer"], requested_by="A branch",
    four_eyes=True, value=4200, confidence=0.9, suggestion="approved",
)
CaseParty.objects.create(
    case=case, user=User.objects.get(username="lead"), part="edited", proved=False,
    how="Answer to question 1", at=timezone.now(),
)
print(case.pk)
"""


def test_the_page_names_the_parties_and_why_one_is_shut_out(
    page: Page, login: Callable[[Page, str], None], site: Site, axe: Callable[[Page], None]
) -> None:
    number = site.run(OPEN_CASE).split()[-1]
    login(page, "reviewer")
    page.goto(f"/review/cases/{number}/")
    parties = page.get_by_label("Who has a part in this case")
    expect(parties).to_contain_text("Asked for by")
    expect(parties).to_contain_text("reviewer (the flow says A branch)")
    expect(parties).to_contain_text("lead (unproved)")
    expect(page.get_by_text("You asked for this, so someone else must decide it.")).to_be_visible()
    axe(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(parties).to_be_in_viewport()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
