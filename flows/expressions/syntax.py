"""An expression's tree, read from CEL's own serialized form.

Limits and references are checked on the tree that CEL itself parsed, with macros expanded: a parser
of our own could be made to disagree with it. The field numbers are those of
``cel/expr/checked.proto`` and ``syntax.proto``.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.expressions.wire import Fields, find_all, find_last, read_fields


@dataclass(frozen=True, slots=True)
class Const:
    value: Any


@dataclass(frozen=True, slots=True)
class Ident:
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.field``; with ``test`` it is ``has(operand.field)``."""

    operand: "Node"
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """``function`` is an operator such as ``_+_`` or a name; a receiver comes first in ``args``."""

    function: str
    args: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list or mapping that is written out, or a message, whose type ``message`` names."""

    items: tuple["Node", ...]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """An expanded macro: all, exists, exists_one, map or filter. ``fields`` are as serialized."""

    variable: str
    range: "Node"
    total: str
    start: "Node"
    step: "Node"
    fields: Fields = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PathNode:
    """A static path from a variable: ``("steps", "score", "output")``."""

    path: tuple[str, ...]
    test: bool = False


Node = Const | Ident | Select | Call | Items | Loop | PathNode


def read_tree(serialized: bytes) -> Node:
    """Return the tree of a serialized expression, a CheckedExpr in an Any."""
    checked = read_fields(find_last(read_fields(serialized), 2))
    return _read_node(find_last(checked, 4))


def _read_node(data: bytes) -> Node:
    for number, value in read_fields(data):
        reader = _READERS.get(number)
        if reader:
            return reader(read_fields(value))
    return Const(None)


def _read_const(fields: Fields) -> Node:  # noqa: PLR0911 - one answer for each kind
    kind: int = fields[0][0] if fields else 1
    value: Any = fields[0][1] if fields else None
    match kind:
        case 2:
            return Const(bool(value))
        case 3:
            return Const(value - 2**64 if value >= 2**63 else value)
        case 4:
            return Const(value)
        case 5:
            return Const(struct.unpack("<d", value)[0])
        case 6:
            return Const(value.decode())
        case 7:
            return Const(value)
        case _:
            return Const(None)


def _read_ident(fields: Fields) -> Node:
    return Ident(find_last(fields, 1).decode())


def _read_select(fields: Fields) -> Node:
    return Select(
        _read_node(find_last(fields, 1)),
        find_last(fields, 2).decode(),
        bool(find_last(fields, 3, 0)),
    )


def _read_call(fields: Fields) -> Node:
    receiver = [_read_node(value) for value in find_all(fields, 1)]
    return Call(find_last(fields, 2).decode(), (*receiver, *map(_read_node, find_all(fields, 3))))


def _read_list(fields: Fields) -> Node:
    return Items(tuple(map(_read_node, find_all(fields, 1))))


def _read_struct(fields: Fields) -> Node:
    items: list[Node] = []
    for entry in map(read_fields, find_all(fields, 2)):
        items += [_read_node(value) for number, value in entry if number in {3, 4}]
    return Items(tuple(items), find_last(fields, 1).decode())


def _read_loop(fields: Fields) -> Node:
    return Loop(
        variable=find_last(fields, 1).decode(),
        range=_read_node(find_last(fields, 2)),
        total=find_last(fields, 3).decode(),
        start=_read_node(find_last(fields, 4)),
        step=_read_node(find_last(fields, 6)),
        fields=fields,
    )


_READERS = {
    3: _read_const,
    4: _read_ident,
    5: _read_select,
    6: _read_call,
    7: _read_list,
    8: _read_struct,
    9: _read_loop,
}


def with_paths(node: Node, bound: frozenset[str] = frozenset()) -> Node:
    """Return the tree with each static path from a variable as a single node."""
    if path := _find_path(node, bound):
        return PathNode(path, isinstance(node, Select) and node.test)
    match node:
        case Select():
            return Select(with_paths(node.operand, bound), node.field, node.test)
        case Call():
            return Call(node.function, tuple(with_paths(arg, bound) for arg in node.args))
        case Items():
            return Items(tuple(with_paths(item, bound) for item in node.items), node.message)
        case Loop():
            inner = bound | {node.variable, node.total}
            return Loop(
                node.variable,
                with_paths(node.range, bound),
                node.total,
                with_paths(node.start, bound),
                with_paths(node.step, inner),
                node.fields,
            )
    return node


def _find_path(node: Node, bound: frozenset[str]) -> tuple[str, ...]:
    match node:
        case Ident(name):
            return () if name in bound else (name,)
        case Select(operand, field, _):
            before = _find_path(operand, bound)
            return (*before, field) if before else ()
        case Call("_[_]", (operand, Const(str() as field))):
            before = _find_path(operand, bound)
            return (*before, field) if before else ()
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and every node below it."""
    yield node
    for child in list_children(node):
        yield from walk(child)


def list_children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below this one."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return node.args
        case Items():
            return node.items
        case Loop():
            return (node.range, node.start, node.step)
    return ()
