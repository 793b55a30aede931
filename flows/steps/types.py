"""The step types of this package. Importing them registers them."""

from flows.steps import (
    branch,
    chat,
    end,
    http,
    infer,
    join,
    mcp,
    notify,
    python,
    regions,
    rules_table,
    transform,
    wait,
)

__all__ = [
    "branch",
    "chat",
    "end",
    "http",
    "infer",
    "join",
    "mcp",
    "notify",
    "python",
    "regions",
    "rules_table",
    "transform",
    "wait",
]
