"""How the machinery does, and what it holds back or has given up."""

from flows.health.selectors.machinery import get_health
from flows.health.selectors.resilience import (
    get_breaker,
    get_resilience,
    list_breakers,
    list_dead_groups,
    list_dead_run_ids,
)

__all__ = [
    "get_breaker",
    "get_health",
    "get_resilience",
    "list_breakers",
    "list_dead_groups",
    "list_dead_run_ids",
]
