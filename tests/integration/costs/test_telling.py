"""Budgets that are nearly or wholly spent: who is told, and that nobody is told twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from flows.costs.budgets import BudgetKey, BudgetSettings
from flows.costs.services import set_budget
from flows.costs.telling import tell_of_budgets
from flows.models import Run
from reviews.models.notices import Notice
from reviews.notices.selectors import count_unread
from tests.factories.charges import pay
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR, make_person, signed_in
from tests.factories.runs import make_run
from workbench.accounts.models import Role, RoleGrant

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture
def run() -> Run:
    return make_run(make_flow("loan"))


def put(period: str = "day", amount: float = 10, **more: Any) -> None:
    settings = BudgetSettings(amount=amount, **more)
    set_budget(key=BudgetKey("all", "", period), settings=settings, actor=ACTOR, now=NOW)


def told() -> list[tuple[str, str]]:
    return [(each.title, each.said) for each in Notice.objects.order_by("pk")]


NEAR = ("The budget for all connections is nearly spent", "8.00 EUR of 10.00 EUR this day.")


def test_a_budget_is_told_of_once_when_it_is_near_and_once_when_it_is_spent(run: Run) -> None:
    make_person("ann", Role.ADMIN)
    put()
    tell_of_budgets(NOW)
    assert told() == []
    pay(run, "8", at=NOW)
    for _ in range(3):
        tell_of_budgets(NOW)
    assert told() == [NEAR]
    pay(run, "3", at=NOW)
    for _ in range(3):
        tell_of_budgets(NOW)
    spent = "11.00 EUR of 10.00 EUR this day. Calls are refused."
    assert told() == [NEAR, ("The budget for all connections is spent", spent)]


def test_what_is_spent_at_one_blow_is_told_once(run: Run) -> None:
    make_person("ann", Role.ADMIN)
    put(when_reached="warn")
    pay(run, "12", at=NOW)
    tell_of_budgets(NOW)
    put(amount=13)
    tell_of_budgets(NOW)
    title = "The budget for all connections is spent"
    assert told() == [(title, "12.00 EUR of 10.00 EUR this day.")]


@pytest.mark.parametrize(
    ("period", "again_after"), [("day", timedelta(days=1)), ("month", timedelta(days=25))]
)
def test_the_next_period_is_told_of_anew(run: Run, period: str, again_after: timedelta) -> None:
    make_person("ann", Role.ADMIN)
    put(period)
    pay(run, "8", at=NOW)
    tell_of_budgets(NOW)
    tell_of_budgets(NOW + again_after)
    assert len(told()) == 1
    pay(run, "8", at=NOW + again_after)
    tell_of_budgets(NOW + again_after)
    tell_of_budgets(NOW + again_after)
    assert len(told()) == 2


def test_those_are_told_who_may_change_budgets_and_it_is_shown_while_they_may(run: Run) -> None:
    ann = make_person("ann", Role.ADMIN)
    for name, role in (("dee", Role.DESIGNER), ("lea", Role.LEAD), ("oli", Role.OPERATOR)):
        make_person(name, role)
    make_person("gone", Role.ADMIN)
    ann.__class__.objects.filter(username="gone").update(is_active=False)
    put()
    pay(run, "8", at=NOW)
    tell_of_budgets(NOW)
    notice = Notice.objects.get()
    assert (notice.person, notice.kind) == (ann, "budget")
    client = signed_in(ann)
    assert NEAR[0] in client.get(reverse("reviews:notices")).content.decode()
    assert (
        client.get(reverse("reviews:notice", args=[notice.pk]))["Location"] == "/insights/budgets/"
    )
    RoleGrant.objects.filter(user=ann).update(role=Role.LEAD)
    ann = ann.__class__.objects.get(pk=ann.pk)
    assert count_unread(ann) == 0
    again: Client = signed_in(ann)
    assert NEAR[0] not in again.get(reverse("reviews:notices")).content.decode()


def test_a_notice_of_a_budget_is_read_over_http(run: Run) -> None:
    ann = make_person("ann", Role.ADMIN)
    put()
    pay(run, "8", at=NOW)
    tell_of_budgets(NOW)
    [item] = signed_in(ann).get("/api/v1/notices").json()["items"]
    assert (item["case"], item["title"], item["said"], item["path"]) == (
        None,
        *NEAR,
        "/insights/budgets/",
    )
