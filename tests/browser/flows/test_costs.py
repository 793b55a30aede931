"""Costs and budgets in a real browser: wide and narrow, light and dark."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

PAY = """
from datetime import timedelta
from django.utils import timezone
from flows.models import Flow
from tests.factories.charges import pay
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.runs import make_run
make_connection("chat")
flow = make_flow("priced", title="Priced loan")
for days in range(5):
    run = make_run(flow, status="completed", outcome="approved")
    at = timezone.now() - timedelta(days=days)
    pay(run, "0.04", connection="chat", step="ask", at=at, tokens=(1200, 80))
    pay(run, "0.002", connection="scorecard", step="score", at=at)
"""
FORGET = """
from flows.connections.models import Connection
from flows.models import Flow, Run
from flows.spending.models import Budget, Charge, Spent, StepSpent
for model in (Budget, Charge, Spent, StepSpent, Connection):
    model.objects.all().delete()
Run.objects.filter(flow__name="priced").delete()
"""


@pytest.fixture(scope="module")
def _some_was_paid(site: Site) -> Iterator[None]:
    site.run(PAY)
    yield
    site.run(FORGET)


@pytest.mark.usefixtures("_some_was_paid")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_people_see_what_models_cost_and_sort_it(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "designer")
    page.goto("/insights/cost/")
    expect(page.get_by_role("img", name="Cost by day")).to_be_visible()
    outcomes = page.get_by_role("region", name="By outcome")
    expect(outcomes.get_by_role("row", name="Priced loan").get_by_text("0.042 EUR")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)
    page.get_by_text("As a table").click()
    axe(page)
    connections = page.get_by_role("region", name="By connection")
    connections.get_by_role("link", name="Connection", exact=True).locator("visible=true").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"days=30&connections=connection#by-connections$"))
    expect(connections.locator("tbody th").first).to_have_text("chat")


@pytest.mark.usefixtures("_some_was_paid")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_an_admin_sets_a_budget_and_sees_it_spent(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "admin")
    page.goto("/insights/budgets/")
    page.get_by_role("link", name="Set a budget").first.click()
    axe(page)
    page.get_by_label("For").select_option("Chat")
    # Less than was paid today: on the first of a month that is all that counts.
    page.get_by_label("At most").fill("0.03")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("The budget for the connection chat is saved.")).to_be_visible()
    expect(page.get_by_role("row", name="The connection chat")).to_contain_text("Spent")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)
    page.get_by_role("link", name="The connection chat").click()
    axe(page)
    page.get_by_role("button", name="Remove this budget").click()
    expect(page.get_by_text("No budgets yet")).to_be_visible()
