"""Tell people of budgets that are nearly or wholly spent: of each once in its period."""

from datetime import UTC, date, datetime

from django.urls import reverse

from flows.costs.budgets import BudgetState, list_states
from flows.spending.amounts import format_amount
from flows.spending.models import Budget, Period, Reached
from workbench.dispatch.clock import clock_task
from workbench.dispatch.sweeps import Sweep
from workbench.shell.announcements import Announcement, announce

TASK = "costs.tell"


@clock_task(TASK, 30, "Tell of a budget")
def tell_of_budgets(now: datetime) -> None:
    """Announce each budget that is nearly or wholly spent and was not announced as that yet."""
    sweep = Sweep(TASK, now)
    passed_over = sweep.ids_passed_over()
    found = [state for state in list_states(now) if state.state != "ok"]
    sweep.each(
        [state for state in found if state.budget.pk not in passed_over],
        lambda state: _tell_once(state, now),
        key=lambda state: str(state.budget.pk),
    )


def _tell_once(state: BudgetState, now: datetime) -> None:
    budget, begins = state.budget, _begin_of(state.budget, now)
    field = f"told_{state.state}"
    # What is wholly spent is told once, also if nobody was told that it was nearly spent.
    told = {"told_near": begins, field: begins}
    untold = Budget.objects.filter(pk=budget.pk).exclude(**{field: begins})
    if untold.update(**told):
        announce(_describe(state), now)


def _begin_of(budget: Budget, now: datetime) -> date:
    today = now.astimezone(UTC).date()
    return today.replace(day=1) if budget.period == Period.MONTH else today


def _describe(state: BudgetState) -> Announcement:
    budget = state.budget
    spent = f"{format_amount(state.spent or 0)} of {format_amount(budget.amount)}"
    is_reached = state.state == "reached"
    refuses = is_reached and budget.when_reached == Reached.STOP
    return Announcement(
        kind="budget",
        title=f"The budget for {state.whose} is {'spent' if is_reached else 'nearly spent'}",
        said=f"{spent} this {budget.period}." + " Calls are refused." * refuses,
        path=reverse("flows:budget-list"),
        permission="connections.manage",
    )
