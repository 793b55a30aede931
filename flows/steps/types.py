"""The step types of this package. Importing them registers them."""

from flows.steps import (
    branch,
    chat,
    document_classify,
    document_extract,
    document_read,
    document_split,
    end,
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
    "document_classify",
    "document_extract",
    "document_read",
    "document_split",
    "end",
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
