"""Two people edit the same settings: the second sees both values, and decides."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

MAKE_QUEUE = """
from reviews.models import Queue
from tests.factories.queues import make_queue
Queue.objects.filter(name="shared-desk").delete()
make_queue("shared-desk")
"""
CHANGE_QUEUE = """
from django.utils import timezone
from reviews.models import Queue
from reviews.settings.services.queues import change_queue
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
change_queue(
    queue=Queue.objects.get(name="shared-desk"),
    values={"title": "Appeals over 5,000", "work_limit": 4, "lease_seconds": 1800},
    actor=Actor.user(User.objects.get(username="admin")), now=timezone.now(),
)
"""
PAGE = "/review/queues/shared-desk/settings/"
TITLE = "print(__import__('reviews.models').models.Queue.objects.get(name='shared-desk').title)"
LOOKS = {"1440": (1440, 900, "light"), "1440-dark": (1440, 900, "dark"), "390": (390, 844, "light")}


@pytest.mark.parametrize("look", LOOKS)
def test_a_stale_save_shows_both_and_saves_only_when_it_is_told_to(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    site: Site,
    tmp_path: Path,
    look: str,
) -> None:
    site.run(MAKE_QUEUE)
    login(page, "lead")
    width, height, scheme = LOOKS[look]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(PAGE)
    title = page.get_by_label("Title")
    title.fill("Appeals of all kinds")
    site.run(CHANGE_QUEUE)
    page.get_by_role("button", name="Save settings").click()
    notice = page.get_by_role("alert").filter(has_text="while you were editing it")
    expect(notice).to_contain_text("admin saved this")
    row = notice.get_by_role("row").filter(has_text="Title")
    expect(row).to_contain_text("Appeals over 5,000")
    expect(row).to_contain_text("Appeals of all kinds")
    expect(title).to_have_value("Appeals of all kinds")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=tmp_path / f"conflict-{look}.png", full_page=True)
    # Enter in a field is the usual save, which is refused again.
    title.press("Enter")
    expect(notice).to_be_visible()
    assert site.run(TITLE).strip() == "Appeals over 5,000"
    notice.get_by_role("button", name="Save mine over it").press("Enter")
    page.wait_for_url("**/review/queues/shared-desk/")
    assert site.run(TITLE).strip() == "Appeals of all kinds"


def test_a_stale_draft_shows_what_was_saved_and_what_was_typed(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    site: Site,
    tmp_path: Path,
) -> None:
    site.run(
        "from tests.factories.flows import make_flow\nfrom flows.models import Flow\n"
        "Flow.objects.filter(name='shared-loan').exists() or make_flow('shared-loan')"
    )
    login(page, "designer")
    page.goto("/flows/shared-loan/text/")
    text = page.get_by_label("Flow document")
    text.fill(text.input_value().replace("Consumer loan", "Car loan"))
    site.run(
        "from django.utils import timezone\nfrom flows.models import Flow\n"
        "from flows.services import save_draft\nfrom workbench.accounts.models import User\n"
        "flow = Flow.objects.get(name='shared-loan')\n"
        "draft = {**flow.draft, 'title': 'House loan'}\n"
        "admin = User.objects.get(username='admin')\n"
        "save_draft(flow_id=flow.pk, document=draft, author=admin, now=timezone.now())"
    )
    page.get_by_role("button", name="Save the draft").click()
    notice = page.get_by_role("alert").filter(has_text="while you were editing it")
    expect(notice).to_contain_text("admin saved this")
    expect(page.locator("ins").filter(has_text="House loan")).to_be_visible()
    expect(page.locator("ins").filter(has_text="Car loan")).to_be_visible()
    axe(page)
    page.screenshot(path=tmp_path / "conflict-draft.png", full_page=True)
    page.get_by_role("link", name="Reload and drop mine").click()
    expect(page.get_by_label("Flow document")).to_have_value(re.compile("House loan"))
