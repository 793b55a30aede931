"""How many items pass a filter, counted without building their list.

A filter copies the list that it has built for each further item that passes, so what it costs
depends on their number. The filter's own tree, with a number in place of the list, counts them.
"""

from flows.expressions.syntax import Call, Items, Loop, Node, PathNode, list_children
from flows.expressions.wire import Fields, find_all, find_last, read_fields, write_fields

# The numbers of nodes that are put in: CEL numbers its own from 1.
_ZERO, _ONE, _TOTAL, _SUM, _STEP, _LOOP = range(1_000_001, 1_000_007)


def list_filters(node: Node) -> list[Loop]:
    """Return the filters over a path that stand in no other loop's body."""
    if isinstance(node, Loop):
        return [node] if _is_filter(node) else list_filters(node.range)
    return [each for child in list_children(node) for each in list_filters(child)]


def _is_filter(loop: Loop) -> bool:
    match loop.range, loop.step:
        case PathNode(), Call("_?_:_", (_, Call("_+_", (_, Items((_,)))), _)):
            return True
    return False


def write_counter(loop: Loop, serialized: bytes) -> bytes:
    """Return an expression that gives how many items pass the filter, serialized.

    ``serialized`` is the expression in which the filter stands: its types stay those of the names.
    """
    outer = read_fields(serialized)
    checked = read_fields(find_last(outer, 2))
    counted = write_fields(*_replace(checked, 4, _write_loop(loop.fields)))
    return write_fields(*_replace(outer, 2, counted))


def _write_loop(fields: Fields) -> bytes:
    """Return the filter with ``total + 1`` for each item that passes, from 0."""
    step = read_fields(find_last(read_fields(find_last(fields, 6)), 6))
    condition = next(find_all(step, 3))
    total = write_fields((2, _TOTAL), (4, write_fields((1, find_last(fields, 3)))))
    more = _write_call(_SUM, b"_+_", total, _write_int(_ONE, 1))
    counting = _write_call(_STEP, b"_?_:_", condition, more, total)
    loop = _replace(_replace(fields, 4, _write_int(_ZERO, 0)), 6, counting)
    return write_fields((2, _LOOP), (9, write_fields(*loop)))


def _write_int(number: int, value: int) -> bytes:
    return write_fields((2, number), (3, write_fields((3, value))))


def _write_call(number: int, function: bytes, *args: bytes) -> bytes:
    call = write_fields((2, function), *((3, arg) for arg in args))
    return write_fields((2, number), (6, call))


def _replace(fields: Fields, number: int, value: bytes) -> Fields:
    return [(key, value if key == number else kept) for key, kept in fields]
