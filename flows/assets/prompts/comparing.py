"""Where two prompts differ, by word."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.kinds import Content, Difference
from flows.assets.prompts.hiding import HIDDEN
from flows.assets.word_diff import diff_words, show_whole
from flows.graph.yaml_text import write_yaml

Json = Any
# How many places are compared by word; those after them stand whole, before and after.
MOST_BY_WORD = 20


def compare(before: Content, after: Content) -> list[Difference]:
    """Return the places that differ: the texts first, then what surrounds them."""
    old, new = dict(_list_places(before)), dict(_list_places(after))
    labels = sorted({**old, **new}, key=_rank)
    changed = [label for label in labels if old.get(label) != new.get(label)]
    # What stands on one side alone takes no time.
    whole = [label for label in changed if label in old and label in new][MOST_BY_WORD:]
    return [
        Difference(label, show_whole(old[label], new[label]))
        if label in whole
        else _tell(label, old.get(label, ""), new.get(label, ""))
        for label in changed
    ]


def _tell(label: str, before: str, after: str) -> Difference:
    """Return what differs in a place. The role of a part is a word of it only if it changed."""
    if label.startswith("Part "):
        (old, old_text), (new, new_text) = (_split_role(text) for text in (before, after))
        if old == new or not (before and after):
            return Difference(f"{label}, {new or old}", diff_words(old_text, new_text))
    return Difference(label, diff_words(before, after))


def _split_role(part: str) -> tuple[str, str]:
    role, _, text = part.partition("\n")
    return role, text


def _rank(label: str) -> int:
    return next((at for at, word in enumerate(_ORDER) if label.startswith(word)), len(_ORDER))


_ORDER = (
    "Description", "Part", "Variable", "Example", "Examples from cases", "Answer", "Parameters",
    "Test",
)  # fmt: skip


def _list_places(content: Content) -> Iterator[tuple[str, str]]:
    if content.get("description"):
        yield "Description", content["description"]
    for index, part in enumerate(content.get("parts", []), 1):
        yield f"Part {index}", f"{part['role']}\n{part['text']}"
    for name, variable in content.get("variables", {}).items():
        yield f"Variable {name}", _to_yaml(variable)
    for index, example in enumerate(content.get("examples", []), 1):
        yield f"Example {index}", _to_yaml(example)
    if content.get(HIDDEN):
        yield "Examples from cases that you may not see", str(content[HIDDEN])
    for key, label in (
        ("from_cases", "Examples from cases"), ("answer", "Answer"), ("parameters", "Parameters"),
    ):  # fmt: skip
        if content.get(key):
            yield label, _to_yaml(content[key])
    for test in content.get("tests", []):
        yield f"Test {test['name']}", _to_yaml(test)


def _to_yaml(value: Mapping[str, Json]) -> str:
    return write_yaml(dict(value), inline=lambda path: False)
