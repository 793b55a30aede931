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
# The folders of a template that hold assets.
ASSETS = ("policies", "prompts", "tables")


@dataclass(frozen=True, slots=True)
class Example:
    """A document under examples/. ``key`` is its path there, without the extension.

    ``assets`` are the texts of the files of assets that it comes with, such as prompts.
    """

    key: str
    document: Document
    assets: tuple[str, ...] = ()


@cache
def list_examples() -> Mapping[str, Example]:
    """Return the examples by key, read once from ``examples/<trade>/flow.yaml``: no query.

    The assets of one are ``examples/<trade>/prompts/*.yaml``, ``…/tables/*.yaml`` and so on.
    """
    root = Path(settings.BASE_DIR) / "examples"
    paths = [path for path in root.glob("*/flow.yaml") if path.parent.name != NO_TEMPLATE]
    paths.sort(key=lambda path: (path.parent.name != FIRST, path))
    return {example.key: example for example in map(_read_example, paths)}


def _read_example(path: Path) -> Example:
    assets = [each for folder in ASSETS for each in sorted((path.parent / folder).glob("*.yaml"))]
    return Example(
        key=f"{path.parent.name}/flow",
        document=parse(path.read_text()),
        assets=tuple(each.read_text() for each in assets),
    )
