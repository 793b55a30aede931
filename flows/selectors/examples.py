"""The flows that come with the product, to start from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from flows.graph.codec import parse
from flows.graph.model import SCHEMA, Document
from flows.graph.problems import DocumentError


@dataclass(frozen=True, slots=True)
class Example:
    """A document under examples/. ``key`` is its path there, without the ending."""

    key: str
    document: Document


@cache
def list_examples() -> Mapping[str, Example]:
    """Return the documents under examples/ by key; other YAML files there are passed over."""
    root = Path(settings.BASE_DIR) / "examples"
    found = {}
    for path in sorted(root.rglob("*.yaml")):
        text = path.read_text()
        if SCHEMA not in text:
            continue
        key = path.relative_to(root).with_suffix("").as_posix()
        try:
            found[key] = Example(key, parse(text))
        except DocumentError:
            continue
    return found
