"""The step types of this package. Importing them registers them."""

from flows.steps import (
    branch,
    chat,
    end,
    guard,
    http,
    infer,
    join,
    mcp,
    notify,
    python,
    regions,
    transform,
    wait,
)

__all__ = [
    "branch",
    "chat",
    "end",
    "guard",
    "http",
    "infer",
    "join",
    "mcp",
    "notify",
    "python",
    "regions",
    "transform",
    "wait",
]
