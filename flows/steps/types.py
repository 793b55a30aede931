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
    policy,
    python,
    regions,
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
    "policy",
    "python",
    "regions",
    "transform",
    "wait",
]
