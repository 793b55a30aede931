"""How the machinery does, and what it holds back or has given up."""

from flows.health.selectors.budgets import list_budget_problems
from flows.health.selectors.machinery import get_health
from flows.health.selectors.resilience import (
    get_breaker,
    get_resilience,
    list_breakers,
    list_dead_groups,
    list_dead_run_ids,
)
from flows.health.selectors.set_aside import get_set_aside_row, list_set_aside_rows

__all__ = [
    "get_breaker",
    "get_health",
    "get_resilience",
    "get_set_aside_row",
    "list_breakers",
    "list_budget_problems",
    "list_dead_groups",
    "list_dead_run_ids",
    "list_set_aside_rows",
]
