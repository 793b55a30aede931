"""Names and addresses, which have no form: values of fields that are declared to hold them."""

from collections.abc import Collection
from typing import Any

from flows.guards.findings import Hit, Path
from flows.guards.folding import fold_words
from flows.guards.masking import LABELS, TOKEN
from flows.guards.places import Leaf, list_leaves

Json = Any
SHORTEST = 4  # characters of a value that is looked for in other texts
MOST = 50


class Declared:
    """The fields, and their values folded, as other texts are searched for them."""

    def __init__(self, fields: Collection[str], values: Collection[str]) -> None:
        self.fields = frozenset(field.lower() for field in fields)
        self.values = sorted(values, key=len, reverse=True)[:MOST]

    def holds(self, path: Path) -> bool:
        """Return whether the way leads through a declared field."""
        return any(isinstance(part, str) and part.lower() in self.fields for part in path)


def list_declared(value: Json, fields: Collection[str]) -> Declared:
    """Return what is declared to be personal in a value. Raises: ValueTooLarge."""
    known = Declared(fields, ())
    if not fields:
        return known
    texts = {
        fold_words(leaf.text.strip()).text
        for leaf in list_leaves(value)
        if known.holds(leaf.path) and _is_open(leaf)
    }
    return Declared(fields, [text for text in texts if len(text) >= SHORTEST])


def find_declared(leaf: Leaf, declared: Declared) -> list[Hit]:
    """Return a hit for a declared field, or for each place where the value of one is repeated."""
    if declared.holds(leaf.path) and _is_open(leaf):
        return [Hit("declared", "personal.declared", 0, len(leaf.text), 1.0)]
    folded, found = fold_words(leaf.text), []
    for value in declared.values:
        at = folded.text.find(value)
        while at >= 0:
            end = at + len(value)
            if not _is_in_word(folded.text, at, end):
                found.append(Hit("declared", "personal.repeated", *folded.span(at, end), 0.95))
            at = folded.text.find(value, end)
    return found


def _is_open(leaf: Leaf) -> bool:
    """Return whether the leaf is a value that no guard has replaced yet."""
    text = leaf.text.strip()
    is_replaced = text in _MASKS or TOKEN.fullmatch(text) is not None
    return bool(text) and not leaf.is_key and not is_replaced


_MASKS = {f"[{label}]" for label in LABELS.values()}


def _is_in_word(text: str, start: int, end: int) -> bool:
    before = start > 0 and text[start - 1].isalnum()
    return before or (end < len(text) and text[end].isalnum())
