"""The trees that FEEL is read into."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from flows.tables.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """A variable; ``?`` is the value that a cell is asked about."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    of: "Node"
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Negative:
    of: "Node"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``sign`` is one of ``= != < <= > >=``."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logic:
    """``sign`` is and, or."""

    sign: str
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class Interval:
    """``includes`` says of both ends whether they belong to it."""

    low: "Node"
    high: "Node"
    includes: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Within:
    """``value in tests``: the tests are those of a cell."""

    value: "Node"
    tests: "Tests"


@dataclass(frozen=True, slots=True)
class Bound:
    """A test such as ``>= 5``."""

    sign: str
    than: "Node"


@dataclass(frozen=True, slots=True)
class Tests:
    """What a cell asks of a value: any of these, or with ``negated`` none. Empty is ``-``."""

    items: tuple["Bound | Node", ...]
    negated: bool = False


Node: TypeAlias = (
    Literal | Name | Path | Call | Negative | Arithmetic | Comparison | Logic | Choice | Interval
    | ListOf | Within
)  # fmt: skip


def walk(tree: "Node | Bound | Tests") -> Iterator["Node | Bound | Tests"]:
    """Yield a tree and all that is in it."""
    rest: list[Node | Bound | Tests] = [tree]
    while rest:
        node = rest.pop()
        yield node
        rest.extend(list_parts(node))


def list_parts(node: "Node | Bound | Tests") -> tuple["Node | Bound | Tests", ...]:  # noqa: PLR0911 - a case for each kind
    match node:
        case Path(of=of) | Negative(of=of):
            return (of,)
        case Call(args=parts) | Logic(parts=parts) | ListOf(items=parts) | Tests(items=parts):
            return parts
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return (left, right)
        case Interval(low=left, high=right) | Within(value=left, tests=right):
            return (left, right)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case Bound(than=than):
            return (than,)
    return ()


def list_names(tree: "Node | Bound | Tests") -> set[str]:
    """Return the variables that a tree reads, ``?`` among them."""
    return {node.name for node in walk(tree) if isinstance(node, Name)}
