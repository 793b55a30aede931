"""The step types of this package. Importing them registers them."""

from flows.steps import (
    branch,
    chat,
    document_read,
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
    "document_read",
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
