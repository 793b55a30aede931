"""The example flows that come with the product."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from flows.graph.codec import parse
from flows.graph.model import Document

# The demo's flow, which the documentation describes.
FIRST = "consumer_loan"
# For benchmarks: its steps do nothing.
NO_TEMPLATE = "trivial"


@dataclass(frozen=True, slots=True)
class Example:
    """A document under examples/. ``key`` is its path there, without the extension."""

    key: str
    document: Document


@cache
def list_examples() -> Mapping[str, Example]:
    """Return the examples by key, read once from ``examples/<trade>/flow.yaml``: no query."""
    root = Path(settings.BASE_DIR) / "examples"
    paths = [path for path in root.glob("*/flow.yaml") if path.parent.name != NO_TEMPLATE]
    paths.sort(key=lambda path: (path.parent.name != FIRST, path))
    keys = [f"{path.parent.name}/flow" for path in paths]
    return {
        key: Example(key, parse(path.read_text())) for key, path in zip(keys, paths, strict=True)
    }
