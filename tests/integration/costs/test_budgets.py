"""Budgets: how much is spent of each, and setting, changing and removing them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flows.costs.budgets import BudgetKey, BudgetSettings, list_states
from flows.costs.services import BudgetInvalid, BudgetUnknown, remove_budget, set_budget
from flows.spending.limits import BudgetReached, check_budgets, known_budgets
from flows.spending.models import Budget
from tests.factories.charges import pay
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR
from tests.factories.runs import make_run
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
ALL = BudgetKey("all", "", "month")


def put(key: BudgetKey = ALL, amount: float = 10, **more: Any) -> Budget:
    settings = BudgetSettings(amount=amount, **more)
    return set_budget(key=key, settings=settings, actor=ACTOR, now=NOW)


def recorded() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("action", flat=True))


def states() -> dict[str, tuple[str, Any]]:
    return {" ".join(each.parts): (each.state, each.spent) for each in list_states(NOW)}


def test_a_budget_is_set_changed_and_removed_and_each_is_in_the_ledger() -> None:
    row = put()
    assert (row.revision, row.changed_by) == (1, ACTOR.name)
    assert put(amount=20, when_reached="warn").revision == 2
    assert put(amount=20, when_reached="warn").revision == 2  # nothing changed
    remove_budget(key=ALL, actor=ACTOR, now=NOW)
    assert recorded() == ["budget.set", "budget.set", "budget.removed"]
    payload = Entry.objects.order_by("pk")[1].payload.body
    assert '"amount":"20.00 EUR"' in str(payload)
    with pytest.raises(BudgetUnknown):
        remove_budget(key=ALL, actor=ACTOR, now=NOW)


@pytest.mark.parametrize(
    ("key", "field", "said"),
    [
        (BudgetKey("flow", "nowhere", "day"), "name", "There is no flow 'nowhere'"),
        (BudgetKey("connection", "nowhere", "day"), "name", "There is no connection 'nowhere'"),
        (BudgetKey("flow", "", "day"), "name", "There is no flow ''"),
        (BudgetKey("all", "loan", "day"), "name", "Leave it out"),
        (BudgetKey("team", "loan", "day"), "payer", "connection, flow, all"),
        (BudgetKey("all", "", "year"), "period", "run, day, month"),
    ],
)
def test_a_budget_for_what_is_not_there_is_refused(key: BudgetKey, field: str, said: str) -> None:
    with pytest.raises(BudgetInvalid, match=said) as caught:
        put(key)
    assert caught.value.field == field
    assert not Budget.objects.exists()
    assert recorded() == []


@pytest.mark.parametrize("amount", [0, -1, float("nan"), float("inf"), 1e9])
def test_an_amount_is_above_nothing_and_bounded(amount: float) -> None:
    with pytest.raises(ValueError, match="amount"):
        BudgetSettings(amount=amount)


def test_an_amount_that_the_database_would_round_to_nothing_is_refused() -> None:
    with pytest.raises(BudgetInvalid, match="above 0"):
        put(amount=0.0000001)


def test_a_budget_stays_to_be_changed_and_removed_when_its_connection_is_gone() -> None:
    row, key = make_connection(), BudgetKey("connection", "risk", "day")
    put(key)
    row.delete()
    assert put(key, 5).revision == 2
    remove_budget(key=key, actor=ACTOR, now=NOW)


def test_a_budget_counts_at_once_in_the_process_that_set_it() -> None:
    make_connection()
    known_budgets.forget()
    run = make_run(make_flow())
    pay(run, "2", at=NOW)
    asked: dict[str, Any] = {"connection": "risk", "flow": "loan", "run_id": run.pk, "now": NOW}
    check_budgets(**asked)
    key = BudgetKey("connection", "risk", "day")
    put(key, 1)
    with pytest.raises(BudgetReached, match=r"1.00 EUR a day for the connection risk is spent"):
        check_budgets(**asked)
    remove_budget(key=key, actor=ACTOR, now=NOW)
    check_budgets(**asked)


def test_a_budget_is_near_from_its_share_on_and_reached_when_it_is_spent(
    django_assert_num_queries: Any,
) -> None:
    make_connection()
    run = make_run(make_flow())
    pay(run, "8", at=NOW)
    pay(run, "1.5", at=NOW - timedelta(days=2))
    pay(run, "100", at=NOW - timedelta(days=20))  # of another month
    put(ALL, 9.5)
    put(BudgetKey("flow", "loan", "month"), 10, warn_at=0.95)
    put(BudgetKey("flow", "loan", "day"), 10, warn_at=0.81)
    put(BudgetKey("connection", "risk", "day"), 10)
    put(BudgetKey("all", "", "run"), 1)
    with django_assert_num_queries(2):
        found = states()
    assert found == {
        "all - month": ("reached", 9.5),
        "flow loan month": ("near", 9.5),
        "flow loan day": ("ok", 8),
        "connection risk day": ("near", 8),
        "all - run": ("ok", None),
    }


def test_a_budget_of_which_nothing_is_spent_is_all_right() -> None:
    put()
    [state] = list_states(NOW)
    assert (state.state, state.spent, state.share) == ("ok", Decimal(0), 0.0)


# --- The command ----------------------------------------------------------------------


def budget(*arguments: str) -> str:
    out = StringIO()
    call_command("budget", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_sets_lists_and_removes() -> None:
    make_flow()
    assert budget("list") == "There are no budgets.\n"
    line = budget("set", "flow", "loan", "month", "12.50", "--warn-at", "90")
    assert line == "flow loan month: 12.50 EUR, stop; 0.00 EUR spent, ok\n"
    budget("set", "all", "-", "day", "3", "--when-reached", "warn")
    assert budget("list").splitlines() == [
        "all - day: 3.00 EUR, warn; 0.00 EUR spent, ok",
        "flow loan month: 12.50 EUR, stop; 0.00 EUR spent, ok",
    ]
    assert Budget.objects.get(payer="flow").warn_at == pytest.approx(0.9)
    assert budget("remove", "flow", "loan", "month") == "Removed.\n"
    assert set(recorded()) == {"budget.set", "budget.removed"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "flow", "nowhere", "day", "1"), "There is no flow"),
        (("set", "all", "-", "day", "much"), "no number"),
        (("set", "all", "-", "day", "0"), "amount"),
        (("set", "all", "-", "day", "nan"), "amount"),
        (("set", "all", "-", "day", "1", "--warn-at", "200"), "warn_at"),
        (("remove", "all", "-", "day"), "no such budget"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        budget(*arguments)


def test_the_command_can_fail_when_a_budget_is_spent() -> None:
    put(BudgetKey("all", "", "day"), 1)
    budget("list", "--fail-when-reached")
    pay(make_run(make_flow()), "1")
    with pytest.raises(SystemExit):
        budget("list", "--fail-when-reached")
