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
    """Return ``examples/<name>/flow.yaml`` of each example, by key.

    The single patterns beside them teach one rule each and are nothing to start from.
    """
    root = Path(settings.BASE_DIR) / "examples"
    found = {}
    for path in sorted(root.glob("*/flow.yaml")):
        text = path.read_text()
        if SCHEMA not in text:
            continue
        key = path.relative_to(root).with_suffix("").as_posix()
        try:
            found[key] = Example(key, parse(text))
        except DocumentError:
            continue
    return found
