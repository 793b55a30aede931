"""Applying an operation: the handler of each by name, and the batch of several."""

from collections.abc import Callable, Mapping

from flows.graph.operations.depth import check_depth
from flows.graph.operations.edges import connect, disconnect, reconnect
from flows.graph.operations.flow import replace, set_flow
from flows.graph.operations.groups import add_group, remove_group, set_group
from flows.graph.operations.layout import move
from flows.graph.operations.notes import add_note, remove_note, set_note
from flows.graph.operations.refusals import OperationRefused, malformed
from flows.graph.operations.sections import normal_form
from flows.graph.operations.steps import add_step, remove_step, rename_step, set_field
from flows.graph.operations.values import Json, Mapped, Result

MAX_NESTING = 8


def apply(document: Mapping[str, Json], operation: Json) -> Result:
    """Return the changed document, and the operation that undoes the change.

    The document comes in normal form and shares with the given one whatever did not change.
    Raises: OperationRefused, with nothing changed.
    """
    if not isinstance(operation, dict) or not isinstance(operation.get("op"), str):
        raise malformed("An operation is an object with the key `op`.")
    handler = HANDLERS.get(operation["op"])
    if handler is None:
        raise OperationRefused(
            "unknown_operation",
            f"There is no operation `{operation['op']}`.",
            f"Use one of: {', '.join(sorted(HANDLERS))}.",
        )
    changed, undo = handler(normal_form(document), operation)
    check_depth(changed, operation)
    return changed, undo


def batch(document: Mapped, op: Mapped) -> Result:
    """Apply several operations, or none if one is refused. ``{operations, label?}``"""
    operations = op.get("operations")
    if not isinstance(operations, list) or not operations:
        raise malformed("A batch needs `operations`, a list of at least one.")
    if measure_nesting(op) > MAX_NESTING:
        raise malformed(f"Batches may be nested at most {MAX_NESTING} deep.")
    inverses = []
    for each in operations:
        document, inverse = apply(document, each)
        inverses.append(inverse)
    undo: Mapped = {"op": "batch", "operations": inverses[::-1]}
    return document, ({**undo, "label": op["label"]} if "label" in op else undo)


def measure_nesting(op: Json) -> int:
    """Return how deep batches are nested, without recursion and not far past the limit."""
    depth, level = 0, [op]
    while level and depth <= MAX_NESTING:
        batches = [each for each in level if isinstance(each, dict) and each.get("op") == "batch"]
        parts = [each.get("operations") for each in batches]
        level = [each for part in parts if isinstance(part, list) for each in part]
        depth += bool(batches)
    return depth


HANDLERS: dict[str, Callable[[Mapped, Mapped], Result]] = {
    "add_step": add_step,
    "remove_step": remove_step,
    "rename_step": rename_step,
    "set_field": set_field,
    "set_flow": set_flow,
    "replace": replace,
    "batch": batch,
    "connect": connect,
    "disconnect": disconnect,
    "reconnect": reconnect,
    "move": move,
    "add_note": add_note,
    "set_note": set_note,
    "remove_note": remove_note,
    "add_group": add_group,
    "set_group": set_group,
    "remove_group": remove_group,
}
