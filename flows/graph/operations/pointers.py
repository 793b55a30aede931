"""Fields by RFC 6901 pointer, such as ``/with/cases/0/port``: find, set and remove them."""

from flows.graph.operations.arguments import read_text
from flows.graph.operations.refusals import OperationRefused, malformed
from flows.graph.operations.values import ABSENT, Json, Mapped, Result, same, without

MOST_DIGITS = 9


def set_at(root: Mapped, op: Mapped, fields: frozenset[str]) -> Result:
    """Return a copy of root with ``op['path']`` set, and ``{path, value?}`` that undoes it.

    Without ``op['value']`` the field is removed. ``fields`` are those of root that may be set.
    Raises: OperationRefused; ``field_changed`` if ``op['old']`` (``null`` for none) is not the
    current value.
    """
    path = read_text(op, "path")
    keys = parse_pointer(path)
    if keys[0] not in fields:
        remedy = f"Set one of: {', '.join(sorted(fields))}."
        raise OperationRefused("field_unknown", f"The field `{path}` can't be set.", remedy)
    if "value" in op and keys == ["type"] and not isinstance(op["value"], str):
        raise malformed("A step's `type` must be text.")
    current = value_at(root, keys)
    if "old" in op:
        check_unchanged(path, op["old"], None if current is ABSENT else current)
    if "value" not in op and (current is ABSENT or keys == ["type"]):
        raise OperationRefused(
            "path_missing", f"The field `{path}` can't be removed.", "Set it instead."
        )
    undo = undo_of_change(root, keys)
    return write_at(root, keys, op.get("value", ABSENT), path), undo


def check_unchanged(path: str, old: Json, current: Json) -> None:
    """Raise OperationRefused ``field_changed`` if the author edited another value than this."""
    if not same(old, current):
        raise OperationRefused(
            "field_changed",
            f"Somebody else has changed `{path}` in the meantime.",
            "Keep their value, or set yours again.",
            current=current,
        )


def parse_pointer(path: str) -> list[str]:
    """Return the pointer's keys."""
    if not path.startswith("/"):
        raise malformed(f"`{path}` is not a pointer: a pointer starts with `/`.")
    return [key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/")]


def format_pointer(keys: list[str]) -> str:
    """Return the keys as a pointer."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def index_in(root: list[Json], key: str) -> int | None:
    """Return the place in the list that the key names, or None if it names none."""
    # No list has so many items, and Python reads no number of more than 4,300 digits.
    index = int(key) if key.isdecimal() and len(key) <= MOST_DIGITS else None
    return index if index is not None and index < len(root) else None


def value_at(root: Json, keys: list[str]) -> Json:
    """Return the value at the keys, or ABSENT."""
    for key in keys:
        if isinstance(root, dict) and key in root:
            root = root[key]
        elif isinstance(root, list) and (index := index_in(root, key)) is not None:
            root = root[index]
        else:
            return ABSENT
    return root


def undo_of_change(root: Mapped, keys: list[str]) -> Mapped:
    """Return ``{path, value?}`` that brings back the present value at the keys.

    Writing makes the objects on the way: the undo removes the topmost of those it made.
    """
    for depth in range(1, len(keys) + 1):
        if value_at(root, keys[:depth]) is ABSENT:
            return {"path": format_pointer(keys[:depth])}
    return {"path": format_pointer(keys), "value": value_at(root, keys)}


def write_at(root: Json, keys: list[str], value: Json, path: str) -> Json:
    """Return a copy of root with the value at the keys, making objects on the way.

    ABSENT removes what is there. ``path`` is the whole pointer, for messages.
    """
    key, rest = keys[0], keys[1:]
    if isinstance(root, list):
        return write_in_list(root, key, rest, value, path)
    if not isinstance(root, dict):
        raise OperationRefused(
            "path_missing",
            f"`{path}` passes through a value that has no fields.",
            "Set the field above it first.",
        )
    if rest:
        return {**root, key: write_at(root.get(key, {}), rest, value, path)}
    return without(root, key) if value is ABSENT else {**root, key: value}


def write_in_list(root: list[Json], key: str, rest: list[str], value: Json, path: str) -> Json:
    """Return a copy of the list with one item changed. Items are never added or removed."""
    index = index_in(root, key)
    if index is None or (value is ABSENT and not rest):
        raise OperationRefused(
            "path_missing",
            f"`{path}` does not name an item of its list that can be set.",
            "Set the whole list.",
        )
    item = write_at(root[index], rest, value, path) if rest else value
    return [*root[:index], item, *root[index + 1 :]]
