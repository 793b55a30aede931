"""Where two policies differ, by word."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.kinds import Content, Difference
from flows.assets.word_diff import diff_words
from flows.graph.yaml_text import write_yaml

Json = Any
_LABELS = {
    "description": "Description", "language": "Language", "source": "Source", "query": "Query",
    "data": "Data", "connection": "Connection",
}  # fmt: skip


def compare(before: Content, after: Content) -> list[Difference]:
    """Return the places that differ: what decides first, then its tests."""
    old, new = dict(_list_places(before)), dict(_list_places(after))
    return [
        Difference(label, diff_words(old.get(label, ""), new.get(label, "")))
        for label in {**old, **new}
        if old.get(label, "") != new.get(label, "")
    ]


def _list_places(content: Content) -> Iterator[tuple[str, str]]:
    for key, label in _LABELS.items():
        if value := content.get(key):
            yield label, value if isinstance(value, str) else _to_yaml(value)
    for test in content.get("tests", []):
        yield f"Test {test['name']}", _to_yaml(test)


def _to_yaml(value: Mapping[str, Json]) -> str:
    return write_yaml(dict(value), inline=lambda path: False)
