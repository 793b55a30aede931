"""Budgets that are nearly or wholly spent, as problems of the machinery."""

from datetime import datetime
from typing import Any

from flows.costs.budgets import BudgetState, list_states
from flows.health.selectors.machinery import Problem
from flows.spending.amounts import format_amount
from flows.spending.models import Reached
from workbench.accounts.permissions import reach


def list_budget_problems(principal: Any, now: datetime) -> list[Problem]:
    """Return the budgets to look at, for whom may see budgets: two queries at most."""
    if not reach(principal, "connections.view").everywhere:
        return []
    return [_describe(state) for state in list_states(now) if state.state != "ok"]


def _describe(state: BudgetState) -> Problem:
    budget = state.budget
    spent = f"{format_amount(state.spent or 0)} of {format_amount(budget.amount)}"
    name = f"The budget for {state.whose}"
    if state.state == "near":
        return Problem("warning", f"{name} is nearly spent", f"{spent} this {budget.period}.")
    if budget.when_reached == Reached.WARN:
        return Problem(
            "warning",
            f"{name} is spent",
            f"{spent} this {budget.period}. Calls go on: it only warns.",
        )
    return Problem(
        "error",
        f"{name} is spent",
        f"{spent} this {budget.period}. Steps leave by their port budget, or fail. Raise it, or "
        f"wait for the next {budget.period}.",
    )
