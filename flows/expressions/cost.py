"""How much an evaluation can build: an upper bound from the sizes of what it reads.

CEL stops a loop at 10,000 items, but nothing stops a text that doubles with each ``map`` or is
copied once for each item: a short expression reached 962 MB. The estimate walks the expression's
tree with sizes in the place of values. A loop's body counts with the mean size of the items where
its cost grows in proportion to size, and with the largest where it grows faster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.expressions.budget import count_bytes
from flows.expressions.errors import ExpressionError
from flows.expressions.syntax import Call, Const, Ident, Items, Loop, Node, PathNode, Select
from flows.expressions.values import KeyPath

MAX_WORK_BYTES = 16_000_000
MAX_READ_BYTES = 4_000_000
# CEL copies the list that a map or filter has built so far for each further item, and keeps the
# copies to the end, 33 bytes each: 5,000 items make 12.5 million, which take 400 MB.
MAX_COPIES = 6_000_000
COPY_COST = 1.5
# The estimate itself looks at each term in Python.
ESTIMATE_COST = 120
MAX_DATA_DEPTH = 100

_WORD = 16  # bytes for a number, or around a text
# Values that cannot make an expression without loops large are not worth an estimate.
SMALL = frozenset({int, float, bool, type(None)})
SHORT = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a value, on average and at most; ``part_`` is the same for its items."""

    mean: float = _WORD
    peak: float = _WORD
    count: float = 0
    part_mean: float = _WORD
    part_peak: float = _WORD


SCALAR = Size()


class TooMuch(Exception):
    """The data that is read is larger than the budget."""


def measure(value: Any, budget: float = MAX_READ_BYTES, depth: int = 0) -> Size:
    """Return the size of a JSON value. Raises: TooMuch, as soon as it exceeds the budget."""
    if type(value) in SMALL:
        return SCALAR
    if isinstance(value, str):
        size = _WORD + count_bytes(value)
        if size > budget:
            raise TooMuch
        return Size(size, size)
    if isinstance(value, Mapping):
        parts = [*value.keys(), *value.values()]
        return _measure_parts(parts, len(value), budget, depth)
    if isinstance(value, list | tuple):
        return _measure_parts(value, len(value), budget, depth)
    return SCALAR


def _measure_parts(parts: Any, count: int, budget: float, depth: int) -> Size:
    if depth > MAX_DATA_DEPTH:
        raise TooMuch
    total = peak = float(_WORD)
    for part in parts:
        size = measure(part, budget - total, depth + 1).mean
        total += size
        peak = max(peak, size)
        if total > budget:
            raise TooMuch
    return Size(total, total, count, total / max(count, 1), peak)


class CostTooHigh(ExpressionError):
    """One expression could build or read too much."""

    def __init__(self) -> None:
        super().__init__(
            "The expression would build or read too much.",
            "Work on a smaller part of the input, or use a python step.",
        )


class TooManyCopies(CostTooHigh):
    """A list would be copied too often as it is built: with fewer items it could be."""


def estimate_cost(
    tree: Node, sizes: Mapping[KeyPath, Size], passing: Mapping[Loop, int] | None = None
) -> float:
    """Return what evaluating costs at most, in units of the budget.

    ``passing`` is how many items pass the filters for which that is known.

    Raises: TooManyCopies, or CostTooHigh if it could build more than MAX_WORK_BYTES.
    """
    estimator = _Estimator(sizes, passing or {})
    estimator.estimate(tree, {}, 1)
    return estimator.work + COPY_COST * estimator.copies + ESTIMATE_COST * estimator.terms


class _Estimator:
    def __init__(self, sizes: Mapping[KeyPath, Size], passing: Mapping[Loop, int]) -> None:
        self.sizes = sizes
        self.passing = passing
        self.terms = 0
        self.work = 0.0
        self.copies = 0.0

    def estimate(self, node: Node, names: Mapping[str, Size], times: float) -> Size:
        size = self._estimate_node(node, names, times)
        self.terms += 1
        self.work += times * size.mean
        if self.work > MAX_WORK_BYTES:
            raise CostTooHigh
        if self.copies > MAX_COPIES:
            raise TooManyCopies
        return size

    def _estimate_node(  # noqa: PLR0911 - one answer for each kind of node
        self, node: Node, names: Mapping[str, Size], times: float
    ) -> Size:
        match node:
            case Const(str() | bytes() as text):
                return Size(_WORD + 4 * len(text), _WORD + 4 * len(text))
            case PathNode(path, test):
                return SCALAR if test else self.sizes.get(path, SCALAR)
            case Ident(name):
                return names.get(name, SCALAR)
            case Select(operand, _, test):
                whole = self.estimate(operand, names, times)
                return SCALAR if test else _estimate_part(whole)
            case Items(items):
                return self._estimate_items(items, names, times)
            case Call():
                return self._estimate_call(node, names, times)
            case Loop():
                return self._estimate_loop(node, names, times)
        return SCALAR

    def _estimate_items(
        self, items: tuple[Node, ...], names: Mapping[str, Size], times: float
    ) -> Size:
        parts = [self.estimate(item, names, times) for item in items] or [SCALAR]
        mean = _WORD + sum(part.mean for part in parts)
        peak = _WORD + sum(part.peak for part in parts)
        largest = max((part.peak for part in parts), default=_WORD)
        return Size(mean, peak, len(parts), mean / max(len(parts), 1), largest)

    def _estimate_call(  # noqa: PLR0911 - one answer for each kind of function
        self, node: Call, names: Mapping[str, Size], times: float
    ) -> Size:
        args = [self.estimate(arg, names, times) for arg in node.args]
        match node.function:
            case "_+_":
                return _add_sizes(args)
            case "_?_:_":
                return _take_larger(args[1:])
            case "dyn":
                return args[0]
            case "_[_]":
                return _estimate_part(args[0])
            case "matches":
                # The matcher may be in several states of the pattern at once for each character.
                self.work += times * (8 * args[0].peak + 64 * args[-1].peak)
                return SCALAR
            case name if name in _TEXTS:
                return _estimate_text(name, args)
        return SCALAR

    def _estimate_loop(self, node: Loop, names: Mapping[str, Size], times: float) -> Size:
        over = self.estimate(node.range, names, times)
        if not isinstance(node.range, PathNode | Items):
            # The inner loop's length depends on the outer item: count that item at its largest.
            names = {name: replace(size, mean=size.peak) for name, size in names.items()}
        item = Size(over.part_mean, over.part_peak, over.part_mean / _WORD)
        inner = {**names, node.variable: item, node.total: SCALAR}
        built = _find_appended(node)
        if built is None:
            self.estimate(node.step, inner, times * over.count)
            return SCALAR
        passing = self.passing.get(node, over.count)
        self.copies += times * passing * passing / 2
        for test in built[1:]:
            self.estimate(test, inner, times * over.count)
        part = self.estimate(built[0], inner, times * over.count)
        # Those that pass may be the largest.
        mean = min(part.peak, over.count * part.mean / max(passing, 1))
        peak = _WORD + passing * part.peak
        return Size(_WORD + passing * mean, peak, passing, mean, part.peak)


def _find_appended(node: Loop) -> tuple[Node, ...] | None:
    """Return what a map or filter appends each time, and its condition; None for other loops."""
    match node.step:
        case Call("_+_", (Ident(), Items((item,)))):
            return (item,)
        case Call("_?_:_", (test, Call("_+_", (Ident(), Items((item,)))), Ident())):
            return item, test
    return None


_TEXTS = frozenset({
    "string", "bytes", "lowerAscii", "upperAscii", "trim", "substring", "charAt", "reverse",
    "split", "join", "replace", "format", "strings.quote",
})  # fmt: skip


def _estimate_part(whole: Size) -> Size:
    if whole.count:
        return Size(whole.part_peak, whole.part_peak, whole.part_peak / _WORD)
    # The shape is unknown: the part may be all of it.
    return Size(whole.mean, whole.peak, whole.mean / _WORD)


def _add_sizes(args: list[Size]) -> Size:
    return Size(
        sum(arg.mean for arg in args),
        sum(arg.peak for arg in args),
        sum(arg.count for arg in args),
        max(arg.part_mean for arg in args),
        max(arg.part_peak for arg in args),
    )


def _take_larger(args: list[Size]) -> Size:
    return Size(*(max(getattr(arg, name) for arg in args) for name in Size.__slots__))


def _estimate_text(name: str, args: list[Size]) -> Size:
    first, rest = args[0], args[1:]
    peak = sum(arg.peak for arg in args)
    match name:
        case "replace":
            peak = first.peak * rest[1].peak if len(rest) > 1 else first.peak
        case "join":
            peak = first.peak + first.count * (rest[0].peak if rest else 0)
        case "format":
            peak += 500 * first.peak  # `%.1000f` makes a thousand digits of six characters
        case "split":
            peak = _WORD * first.peak
            return Size(peak, peak, first.peak, _WORD + first.peak / _WORD, first.peak)
        case _:
            return Size(2 * sum(arg.mean for arg in args), 2 * peak)
    return Size(peak, peak)
