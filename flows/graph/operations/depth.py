"""How deep a change makes the document: no deeper than a document that is read may be."""

from collections.abc import Iterator

from flows.graph.json_values import MAX_DEPTH
from flows.graph.operations.pointers import format_pointer
from flows.graph.operations.refusals import OperationRefused
from flows.graph.operations.values import Json, Mapped

# A field of a step stands below `steps` and the step's id.
_ABOVE = 2
_SHOWN_KEYS = 6


def check_depth(document: Mapped, op: Mapped) -> None:
    """Raise OperationRefused ``too_deep`` if the document that ``op`` gave nests too deep.

    Only an operation that is long or deep itself can have made it so: for others nothing is read.
    """
    path = op.get("path")
    keys = path.count("/") if isinstance(path, str) else 0
    if not _is_deeper(op, MAX_DEPTH - _ABOVE - keys):
        return
    for place in _deepest_places(document):
        shown = format_pointer(place[:_SHOWN_KEYS])
        raise OperationRefused(
            "too_deep",
            f"`{shown}` would nest deeper than {MAX_DEPTH} levels.",
            "Flatten it, or move the value into an input or an artifact.",
        )


def _is_deeper(value: Json, levels: int) -> bool:
    return any(len(place) > levels for place in _places(value, max(levels, 0)))


def _deepest_places(document: Mapped) -> Iterator[list[str]]:
    return (place for place in _places(document, MAX_DEPTH) if len(place) > MAX_DEPTH)


def _places(value: Json, levels: int) -> Iterator[list[str]]:
    """Yield the keys to each value that is at most one level deeper than ``levels``."""
    waiting: list[tuple[Json, list[str]]] = [(value, [])]
    while waiting:
        current, place = waiting.pop()
        yield place
        if len(place) > levels:
            continue
        if isinstance(current, dict):
            waiting += [(item, [*place, key]) for key, item in current.items()]
        elif isinstance(current, list):
            waiting += [(item, [*place, str(index)]) for index, item in enumerate(current)]
