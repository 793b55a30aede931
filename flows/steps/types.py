"""Imports every step type of this package, once: importing is registering."""

from flows.steps import (
    branch,
    end,
    http,
    infer,
    join,
    notify,
    python,
    regions,
    transform,
    wait,
)

__all__ = [
    "branch",
    "end",
    "http",
    "infer",
    "join",
    "notify",
    "python",
    "regions",
    "transform",
    "wait",
]
