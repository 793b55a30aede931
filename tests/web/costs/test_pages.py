"""Insights > Cost and > Budgets, and cost on the pages of runs and flows."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Run
from flows.spending.models import Budget
from tests.factories.charges import pay
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.runs import make_run
from tests.web.pages import page, revision_on, text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
COST, BUDGETS = "/insights/cost/", "/insights/budgets/"
MONTH = {"target": "all:", "period": "month", "amount": "50", "warn_at": "80",
         "when_reached": "stop"}  # fmt: skip


@pytest.fixture
def admin(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


def pay_some(count: int = 1) -> Run:
    """Make runs of two flows that paid; return the last one of ``loan``."""
    loan, claim = make_flow("loan"), make_flow("claim", title="Insurance claim")
    run = make_run(loan)
    for number in range(count):
        run = make_run(loan, status="completed", outcome="approved")
        pay(run, "0.04", step=f"score{number}", tokens=(1200, 30))
        pay(run, "0.002", step="ask", connection=f"chat{number}")
        pay(make_run(claim, status="failed"), "2", step="read")
    return run


# --- The page of costs --------------------------------------------------------------


def test_the_page_shows_totals_a_chart_and_what_an_outcome_costs(designer: Client) -> None:
    pay_some()
    text = page(designer, COST)
    assert "2.04 EUR" in text  # in all
    assert "0.042 EUR" in text  # an approved loan
    assert "Approved" in text
    assert "Insurance claim" in text
    assert 'role="img"' in text
    assert text.count('<g class="bar">') == 30
    assert "As a table" in text


def test_an_empty_page_says_what_will_be_there(designer: Client) -> None:
    assert "Nothing was paid in these days" in page(designer, COST)
    pay(make_run(make_flow()), at=timezone.now() - timedelta(days=40))
    assert "Nothing was paid in these days" in page(designer, COST)
    assert "1.00 EUR" in page(designer, f"{COST}?days=90")


def test_a_period_that_cannot_be_shown_is_refused(designer: Client) -> None:
    pay_some()
    for wrong in ("days=8", "from=soon", "from=2026-03-02&to=2026-03-01"):
        text = page(designer, f"{COST}?{wrong}", 422)
        assert "This period cannot be shown." in text
        assert "EUR" not in text
        assert designer.get(f"{COST}steps.csv?{wrong}").status_code == 422


def test_the_page_takes_as_many_queries_for_many_payments_as_for_one(
    designer: Client, django_assert_max_num_queries: Any
) -> None:
    pay_some()
    # Session, person, grants, notices; of costs: total, days, four tables, titles.
    with django_assert_max_num_queries(12):
        page(designer, COST)
    for run in Run.objects.select_related("flow"):
        for number in range(5):
            pay(run, step=f"more{number}", connection=f"more{number}")
    with django_assert_max_num_queries(12):
        page(designer, COST)


def test_a_person_sees_only_the_flows_of_their_reach(client_of: ClientOf) -> None:
    pay_some()
    narrow = client_of(Role.DESIGNER, flow="loan")
    text = page(narrow, COST)
    assert "Insurance claim" not in text
    assert "2.04 EUR" not in text
    assert "0.042 EUR" in text
    assert "Only flows whose insights you may see are counted." in text
    for table in ("days", "connections", "flows", "steps", "outcomes"):
        rows = text_of(narrow.get(f"{COST}{table}.csv"))
        assert "claim" not in rows
        assert "2.0" not in rows
    assert client_of(Role.REVIEWER).get(COST).status_code == 403


def test_each_table_sorts_by_each_column(designer: Client) -> None:
    pay_some(2)
    text = page(designer, f"{COST}?steps=calls&flows=-flow")
    assert text.count('aria-sort="ascending"') == 1
    assert text.count('aria-sort="descending"') == 3
    rows = text[text.index('id="by-flows"') : text.index('id="by-steps"')]
    assert rows.index("Consumer loan") < rows.index("Insurance claim")  # loan, claim
    # Turned round, and with the order of the other table kept.
    assert "steps=-calls" in text
    assert "flows=-flow&amp;steps=-calls" in text


@pytest.mark.parametrize("table", ["days", "connections", "flows", "steps", "outcomes"])
def test_each_table_is_a_file(designer: Client, table: str) -> None:
    pay_some()
    answer = designer.get(f"{COST}{table}.csv?days=7")
    assert answer["Content-Type"].startswith("text/csv")
    assert f"cost-{table}-" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert sum(float(row["cost"]) for row in rows) == pytest.approx(2.042)
    assert page(designer, f"{COST}nothing.csv", 404)


def test_a_file_computes_nothing(designer: Client) -> None:
    pay(make_run(make_flow()), connection="=HYPERLINK(1)")
    assert "\r\n'=HYPERLINK(1)," in text_of(designer.get(f"{COST}connections.csv"))


def test_what_people_call_things_is_escaped(designer: Client) -> None:
    pay(make_run(make_flow(title="<b>x</b>")), connection="<i>y</i>", step="<u>z</u>")
    text = page(designer, COST)
    assert "<b>x" not in text
    assert "<i>y" not in text
    assert "<u>z" not in text


# --- Runs and flows -----------------------------------------------------------------


def test_a_run_and_its_flow_show_what_they_cost(designer: Client) -> None:
    run = pay_some()
    text = page(designer, f"/runs/{run.pk}/")
    assert "0.042 EUR" in text
    assert "Cost by connection" in text
    assert "0.042 EUR" in page(designer, f"/runs/{run.pk}/head/")
    assert "0.042 EUR" in page(designer, "/flows/loan/")


def test_a_run_that_paid_nothing_shows_no_cost(designer: Client) -> None:
    run = make_run(make_flow())
    assert "Cost by connection" not in page(designer, f"/runs/{run.pk}/")
    assert "EUR" not in page(designer, "/flows/loan/")


# --- Budgets ------------------------------------------------------------------------


def test_an_admin_sets_changes_and_removes_a_budget(admin: Client, designer: Client) -> None:
    make_connection("risk")
    make_flow()
    assert "No budgets yet" in page(admin, BUDGETS)
    assert "Risk" in page(admin, f"{BUDGETS}new/")
    sent = {**MONTH, "target": "connection:risk"}
    assert admin.post(f"{BUDGETS}new/", sent)["Location"] == BUDGETS
    pay(make_run(make_flow("other")), "42")
    text = page(designer, BUDGETS)
    assert "The connection risk" in text
    assert "Nearly spent" in text
    assert "84 %" in text
    assert "new/" not in text.partition("<main")[2]
    url = f"{BUDGETS}connection/risk/month/"
    changed = {**MONTH, "amount": "60", "revision": revision_on(admin, url)}
    assert admin.post(url, changed)["Location"] == BUDGETS
    assert Budget.objects.get().amount == 60
    known = revision_on(admin, url)
    assert admin.post(f"{url}remove/", {"revision": known})["Location"] == BUDGETS
    assert not Budget.objects.exists()
    assert page(admin, url, 404)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": ""}, "This field is required"),
        ({"amount": "0"}, "above 0"),
        ({"amount": "-1"}, "above 0"),
        ({"amount": "much"}, "much"),
        ({"warn_at": "0"}, "up to 100 %"),
        ({"warn_at": "101"}, "up to 100 %"),
        ({"target": "flow:nowhere"}, "Select a valid choice"),
        ({"period": "year"}, "Select a valid choice"),
        ({"when_reached": "explode"}, "Select a valid choice"),
    ],
)
def test_a_budget_that_does_not_hold_is_refused(
    admin: Client, changes: dict[str, str], said: str
) -> None:
    answer = admin.post(f"{BUDGETS}new/", {**MONTH, **changes})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Budget.objects.exists()


def test_a_second_budget_of_the_same_kind_is_refused(admin: Client) -> None:
    admin.post(f"{BUDGETS}new/", MONTH)
    answer = admin.post(f"{BUDGETS}new/", {**MONTH, "amount": "1"})
    assert "change that one" in text_of(answer)
    assert Budget.objects.get().amount == 50


def test_the_list_of_budgets_takes_as_many_queries_for_many(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    for name in ("a", "b", "c", "d"):
        make_connection(name)
        admin.post(f"{BUDGETS}new/", {**MONTH, "target": f"connection:{name}"})
    with django_assert_max_num_queries(8):
        page(admin, BUDGETS)


def test_only_who_manages_connections_sets_budgets(client_of: ClientOf) -> None:
    operator = client_of(Role.OPERATOR)
    assert page(operator, BUDGETS)
    assert operator.get(f"{BUDGETS}new/").status_code == 403
    assert operator.post(f"{BUDGETS}new/", MONTH).status_code == 403
    assert client_of(Role.REVIEWER).get(BUDGETS).status_code == 403
    # What is of all flows is not for a grant that is narrowed to one.
    assert client_of(Role.DESIGNER, flow="loan").get(BUDGETS).status_code == 403


# --- Health -------------------------------------------------------------------------


def test_budgets_that_are_near_or_spent_are_problems(
    admin: Client, operator: Client, client_of: ClientOf
) -> None:
    admin.post(f"{BUDGETS}new/", MONTH)
    admin.post(f"{BUDGETS}new/", {**MONTH, "period": "day", "amount": "40"})
    assert "budget" not in page(operator, "/health/").lower()
    pay(make_run(make_flow()), "42")
    for url in ("/health/", "/health/panels/", "/"):
        text = page(operator, url)
        assert "The budget for all connections is nearly spent" in text
        assert "42.00 EUR of 50.00 EUR this month." in text
        assert "The budget for all connections is spent" in text
        assert "42.00 EUR of 40.00 EUR this day." in text


def test_a_budget_that_only_warns_is_no_error(admin: Client, operator: Client) -> None:
    admin.post(f"{BUDGETS}new/", {**MONTH, "when_reached": "warn"})
    pay(make_run(make_flow()), "50")
    assert "Calls go on: it only warns." in page(operator, "/health/")
