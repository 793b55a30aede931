"""Sums of what was paid, on the database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Sum
from django.utils import timezone

from flows.costs import figures
from flows.costs.figures import BY_DAY, GROUPS, SUMS, Order, list_outcomes, list_sums, sum_all
from flows.costs.periods import Period, last_days
from flows.models import Flow, Run, Wait
from flows.selectors.costs import get_flow_cost, get_run_cost
from flows.spending.models import Spent, StepSpent
from flows.spending.without_runs import count_without_run
from tests.factories.charges import pay
from tests.factories.flows import make_flow
from tests.factories.runs import make_failed_run, make_run
from workbench.accounts.permissions import EVERYWHERE, NOWHERE, Reach

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
WEEK = last_days(7, NOW)
NAMES = Order("flow", descending=False)


def only(*flows: str, queue: str = "") -> Reach:
    return Reach(everywhere=False, scopes=frozenset((flow, queue) for flow in flows))


def pay_some() -> tuple[Run, Run]:
    loan, claim = make_run(make_flow("loan")), make_run(make_flow("claim"))
    pay(loan, "0.25", step="score", at=NOW, tokens=(7, 3))
    pay(loan, "0.5", step="score", at=NOW - timedelta(days=1))
    pay(loan, "1", step="ask", connection="chat", at=NOW, tokens=(100, 20))
    pay(claim, "2", step="ask", connection="chat", at=NOW)
    pay(claim, "64", step="ask", connection="chat", at=NOW - timedelta(days=7))
    return loan, claim


def sums_by(table: str, found: Reach = EVERYWHERE, order: Order | None = None) -> list[Any]:
    rows = list_sums(table, WEEK, found, order or Order())
    return [(*(row[key] for key in GROUPS[table]), row["cost"], row["calls"]) for row in rows]


def test_costs_are_summed_by_day_connection_flow_and_step() -> None:
    pay_some()
    total = sum_all(WEEK, EVERYWHERE)
    assert (total.cost, total.calls, total.tokens) == (Decimal("3.75"), 4, 130)
    today, before = NOW.date(), NOW.date() - timedelta(days=1)
    assert sums_by("days", order=BY_DAY) == [
        (before, Decimal("0.5"), 1),
        (today, Decimal("3.25"), 3),
    ]
    assert sums_by("connections") == [("chat", 3, 2), ("risk", Decimal("0.75"), 2)]
    assert sums_by("flows") == [("claim", 2, 1), ("loan", Decimal("1.75"), 3)]
    assert sums_by("steps") == [
        ("claim", "ask", 2, 1),
        ("loan", "ask", 1, 1),
        ("loan", "score", Decimal("0.75"), 2),
    ]


def test_a_reach_sees_its_own_flows_and_no_other() -> None:
    pay_some()
    assert sum_all(WEEK, only("loan")).cost == Decimal("1.75")
    assert sums_by("connections", only("loan")) == [("chat", 1, 1), ("risk", Decimal("0.75"), 2)]
    for nothing in (NOWHERE, only("loan", queue="office"), only("")):
        assert sum_all(WEEK, nothing).calls == 0
        assert sums_by("steps", nothing) == []
        assert list_outcomes(WEEK, nothing, Order()) == []


@pytest.mark.parametrize("table", list(GROUPS))
@pytest.mark.parametrize("is_descending", [True, False])
def test_each_column_sorts(table: str, is_descending: bool) -> None:
    pay_some()
    for column in figures.COLUMNS[table]:
        rows = list_sums(table, WEEK, EVERYWHERE, Order(column, is_descending))
        values = [row[column] for row in rows]
        assert values == sorted(values, reverse=is_descending)


def test_an_order_that_no_column_has_is_the_usual_one() -> None:
    assert Order.read("steps", "-calls") == Order("calls", descending=True)
    assert Order.read("steps", "step") == Order("step", descending=False)
    assert Order.read("steps", "pk; DROP TABLE") == Order()
    assert Order.read("flows", "step") == Order()


def test_a_table_is_bounded_by_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pay_some()
    monkeypatch.setattr(figures, "MOST_ROWS", 1)
    assert sums_by("steps") == [("claim", "ask", 2, 1)]
    assert sums_by("flows", order=NAMES) == [("claim", 2, 1)]


@pytest.mark.parametrize("table", list(GROUPS))
def test_a_table_is_one_query(table: str, django_assert_num_queries: Any) -> None:
    pay_some()
    with django_assert_num_queries(1):
        sums_by(table)
    with django_assert_num_queries(1):
        sum_all(WEEK, EVERYWHERE)


def test_what_was_paid_before_there_were_sums_by_step_is_summed() -> None:
    pay_some()
    fields = ("day", "flow", "step", "connection", "cost", "input_tokens", "output_tokens", "calls")
    known = sorted(StepSpent.objects.values_list(*fields))
    StepSpent.objects.all().delete()
    import_module("flows.spending.migrations.0002_spent_by_step").sum_charges(apps, None)
    assert sorted(StepSpent.objects.values_list(*fields)) == known


def test_a_day_is_that_of_utc() -> None:
    run = make_run(make_flow())
    pay(run, at=datetime.fromisoformat("2026-03-09T23:30:00-05:00"))
    assert StepSpent.objects.get().day == date(2026, 3, 10)
    assert sum_all(Period(date(2026, 3, 10), date(2026, 3, 10)), EVERYWHERE).calls == 1


# --- By outcome ---------------------------------------------------------------------


def ended(flow: Flow, outcome: str = "approved", **more: Any) -> Run:
    return make_run(flow, status="completed", outcome=outcome, **more)


def outcomes(found: Reach = EVERYWHERE) -> list[tuple[Any, ...]]:
    rows = list_outcomes(WEEK, found, Order())
    return [(r["flow"], r["outcome"], r["runs"], r["mean"], r["cost"]) for r in rows]


def test_an_outcome_costs_what_its_runs_and_all_they_led_to_have_paid() -> None:
    flow = make_flow()
    approved = [ended(flow) for _ in range(2)]
    pay(approved[0], "0.01", at=NOW)
    pay(approved[1], "0.03", at=NOW)
    called = ended(make_flow("check"), "fine", root_id=approved[1].pk)
    pay(called, "0.04", at=NOW - timedelta(days=30))
    failed = make_failed_run(flow)
    pay(failed, "1", at=NOW)
    pay(make_run(flow), "5", at=NOW)  # under way
    ended(flow)  # has paid nothing
    assert outcomes() == [
        ("loan", "failed", 1, 1, 1),
        ("loan", "approved", 2, Decimal("0.04"), Decimal("0.08")),
    ]
    assert outcomes(only("check")) == []


def test_outcomes_are_one_query_and_bounded(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = make_flow()
    for number in range(4):
        run = ended(flow)
        pay(run, str(number + 1), at=NOW + timedelta(minutes=number))
    with django_assert_num_queries(1):
        assert outcomes() == [("loan", "approved", 4, Decimal("2.5"), 10)]
    monkeypatch.setattr(figures, "MOST_CHARGES", 2)
    assert outcomes() == [("loan", "approved", 2, Decimal("3.5"), 7)]


# --- Of a run and of a flow ---------------------------------------------------------


def call(caller: Run, flow: str) -> Run:
    """Make a run that a step of ``caller`` has called."""
    wait = Wait.objects.create(
        run=caller, token_id=1, activation=1, step="call", kind="run", state="resolved",
        opened_at=NOW,
    )  # fmt: skip
    return make_run(make_flow(flow), parent_wait_id=wait.pk, root_id=caller.root_id or caller.pk)


def test_a_run_costs_what_it_paid_and_what_it_called_paid(django_assert_num_queries: Any) -> None:
    first = make_run(make_flow())
    second = call(first, "second")
    third, sibling = call(second, "third"), call(first, "sibling")
    for run, cost in ((first, "1"), (second, "2"), (third, "4"), (sibling, "8")):
        pay(run, cost, connection="chat" if run == third else "risk", tokens=(3, 2))
    with django_assert_num_queries(1):
        found = get_run_cost(first)
    assert (found.cost, found.own, found.calls, found.tokens) == (Decimal(15), Decimal(1), 4, 20)
    assert [(each.connection, each.cost, each.own) for each in found.connections] == [
        ("risk", Decimal(11), Decimal(1)),
        ("chat", Decimal(4), Decimal(0)),
    ]
    with django_assert_num_queries(2):
        found = get_run_cost(second)
    assert (found.cost, found.own) == (Decimal(6), Decimal(2))
    assert get_run_cost(third).cost == 4


def test_a_chain_that_paid_nothing_is_one_query(django_assert_num_queries: Any) -> None:
    called = call(make_run(make_flow()), "second")
    with django_assert_num_queries(1):
        assert get_run_cost(called).calls == 0


def test_a_flow_has_the_cost_of_its_last_thirty_days(django_assert_num_queries: Any) -> None:
    run, now = make_run(make_flow()), timezone.now()
    pay(run, "1", at=now)
    pay(run, "2", at=now - timedelta(days=29))
    pay(run, "4", at=now - timedelta(days=30))
    with django_assert_num_queries(1):
        assert get_flow_cost("loan", now) == {"cost": 3, "calls": 2, "days": 30}
    assert get_flow_cost("other", now)["calls"] == 0


def test_what_is_paid_without_a_run_is_a_row_of_its_own_and_every_table_adds_up() -> None:
    pay_some()
    made = {"provider": "connection", "model": "chat", "cost": 0.125, "input_tokens": 4}
    count_without_run([made, made], now=NOW, flow="loan")
    count_without_run([made], now=NOW)
    count_without_run([{**made, "model": "other", "cost": 0.5}], now=NOW)
    assert sum_all(WEEK, EVERYWHERE).cost == Decimal("4.625")
    for table in GROUPS:
        rows = list_sums(table, WEEK, EVERYWHERE, Order())
        total = sum_all(WEEK, EVERYWHERE)
        for column in SUMS:
            assert sum(row[column] for row in rows) == getattr(total, column), (table, column)
    spent = Spent.objects.filter(payer="all", day__gte=WEEK.first, day__lte=WEEK.last)
    assert spent.aggregate(paid=Sum("cost"))["paid"] == sum_all(WEEK, EVERYWHERE).cost
    chats = [row for row in list_sums("connections", WEEK, EVERYWHERE, Order())
             if row["connection"] == "chat"]  # fmt: skip
    assert [(row["without_run"], row["cost"], row["calls"]) for row in chats] == [
        (False, Decimal(3), 2),
        (True, Decimal("0.375"), 3),
    ]
    assert sum_all(WEEK, only("loan")).cost == Decimal("2")
