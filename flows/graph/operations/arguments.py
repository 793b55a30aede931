"""Reading an operation's own fields. What does not have the right form is refused."""

from flows.graph.operations.refusals import malformed
from flows.graph.operations.values import PAIR, Json, Mapped


def read_text(op: Mapped, key: str) -> str:
    """Return the text at the key, which must be there and not empty."""
    value = op.get(key)
    if not isinstance(value, str) or not value:
        raise malformed(f"`{op['op']}` needs `{key}` as text.")
    return value


def read_mapping(op: Mapped, key: str) -> Mapped:
    """Return the object at the key, which must be there."""
    value = op.get(key)
    if not isinstance(value, dict):
        raise malformed(f"`{op['op']}` needs `{key}` as an object.")
    return value


def read_optional_mapping(op: Mapped, key: str) -> Mapped:
    """Return the object at the key, or an empty one."""
    return read_mapping(op, key) if key in op else {}


def read_edge_places(op: Mapped) -> list[list[Json]]:
    """Return ``edges``, the pairs of an edge and its index in the list of edges."""
    places = op.get("edges", [])
    if not isinstance(places, list) or not all(map(is_pair, places)):
        raise malformed("`edges` must be a list of pairs, [edge, index].")
    return places


def read_point(value: Json) -> list[float]:
    """Return a place on the canvas, [x, y]."""
    if not is_pair(value) or not all(map(is_number, value)):
        raise malformed("A place must be a pair of numbers, [x, y].")
    return list(value)


def read_index(value: Json) -> int:
    """Return an index into a list. It may lie past the end."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise malformed("`index` must be a whole number, counted from 0.")
    return value


def keep_known(values: Mapped, known: Mapped) -> Mapped:
    """Return the values whose keys are known. The others have been removed since."""
    return {key: value for key, value in values.items() if key in known}


def is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_pair(value: Json) -> bool:
    return isinstance(value, list) and len(value) == PAIR


def are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
