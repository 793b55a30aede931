"""The differences between two documents, as lines of text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from flows.graph.codec import parse, to_yaml
from flows.graph.problems import DocumentError
from flows.graph.yaml_text import write_yaml

Json = Any
CONTEXT_LINES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison. ``kind`` is same, new, gone, or fold for lines left out."""

    kind: str
    text: str


def to_text(document: Mapping[str, Json]) -> str:
    """Return a document as YAML, even a draft that cannot be parsed yet."""
    try:
        return to_yaml(parse(document))
    except DocumentError:
        return write_yaml(dict(document), inline=lambda path: False)


def list_line_changes(old: Mapping[str, Json] | None, new: Mapping[str, Json]) -> list[Line]:
    """Return the lines that differ, with some lines around them."""
    before = to_text(_without_layout(old)).splitlines() if old else []
    after = to_text(_without_layout(new)).splitlines()
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    lines: list[Line] = []
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        if group[0][1] > 0:
            lines.append(Line("fold", f"line {group[0][1] + 1}"))
        for tag, a, b, c, d in group:
            lines += _lines(tag, before[a:b], after[c:d])
    return lines


def _lines(tag: str, before: list[str], after: list[str]) -> Iterator[Line]:
    if tag == "equal":
        yield from (Line("same", text) for text in before)
        return
    yield from (Line("gone", text) for text in before)
    yield from (Line("new", text) for text in after)


def _without_layout(document: Mapping[str, Json]) -> Mapping[str, Json]:
    """Leave out the layout: a reader of changes does not look for where a step is drawn."""
    return {key: value for key, value in document.items() if key != "layout"}
