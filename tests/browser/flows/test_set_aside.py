"""What the clock has set aside, in a real browser: wide and narrow, light and dark."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

KEEP = """
from datetime import timedelta
from django.utils import timezone
from workbench.dispatch.models import SetAside
now = timezone.now()
for task, key, cause in (
    ("reviews.leases", "17", "ValueError: The lease of this case cannot be read."),
    ("flows.timers", "run:4711:5:1:wait", "DocumentError: " + "averylongwordwithoutanybreak" * 5),
    ("triggers.none", "3", "ScheduleInvalid: There is no time zone 'Mars/Olympus'."),
):
    SetAside.objects.create(task=task, key=key, cause=cause, failures=3, last_at=now,
        first_at=now - timedelta(minutes=2), retry_at=now + timedelta(hours=1))
"""
FORGET = "from workbench.dispatch.models import SetAside; SetAside.objects.all().delete()"


@pytest.fixture
def _some_are_set_aside(site: Site) -> Iterator[None]:
    site.run(KEEP)
    yield
    site.run(FORGET)


@pytest.mark.usefixtures("_some_are_set_aside")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_an_operator_sees_what_is_set_aside_and_has_it_tried(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "operator")
    page.goto("/health/")
    expect(page.get_by_text(" rows are set aside")).to_be_visible()
    panel = page.get_by_role("region", name="Set aside")
    expect(panel.get_by_role("link", name="Run 4711")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)
    panel.get_by_role("button", name="Try now").first.click()
    expect(page.get_by_text("The clock tries it now.")).to_be_visible()
