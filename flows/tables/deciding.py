"""Decide by a table: which rows match, and what they give by the hit policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from flows.tables.compiled import Compiled, Output, check_output, compile_table
from flows.tables.compiling import Matches, Scope
from flows.tables.errors import TableRefused
from flows.tables.model import Row, read_table
from flows.tables.values import (
    ARITHMETIC,
    Value,
    coerce,
    compare,
    equals,
    finite,
    from_json,
    to_json,
)

Json = Any
Outputs = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a table decided.

    ``rows`` are those that the result rests on; none where a default stands in or nothing matched.
    """

    result: Json
    rows: tuple[Row, ...]
    is_default: bool = False
    is_none: bool = False


class DecisionTable:
    """A table that decides. ``label`` is how errors name it, such as ``limits@3``."""

    def __init__(self, label: str, content: Mapping[str, Json]) -> None:
        """Raises: TableRefused, for a table with an error."""
        self.label = label
        made = compile_table(read_table(content))
        if not made.is_fit:
            first = next(each for each in made.problems if each.level == "error")
            raise TableRefused(f"{label}: {first.message}", first.remedy, first.at)
        self._made = made
        self.table = made.table
        self.variables = made.variables
        self._rows = [_list_asked(made, at) for at in range(len(self.table.rows))]

    def decide(self, given: Mapping[str, Json]) -> Decision:
        """Return what the table decides on these inputs.

        Raises: TableRefused, which names the input, or the rows and the column.
        """
        scope = self._read(given)
        values = self._ask(scope)
        found = self._match(values, scope)
        if not found:
            return self._decide_without(scope)
        return self._policies[self.table.hit](self, found, scope)

    # --- What is given ---

    def _read(self, given: Mapping[str, Json]) -> dict[str, Value]:
        if missing := sorted(self.variables - given.keys()):
            raise TableRefused(
                f"{self.label}: the input {missing[0]!r} is not given.",
                "Give it a value; null where there is none.", missing[0],
            )  # fmt: skip
        if unknown := sorted(given.keys() - self.variables):
            raise TableRefused(
                f"{self.label}: there is no input {unknown[0]!r}.",
                f"The table takes {', '.join(sorted(self.variables))}.", unknown[0],
            )  # fmt: skip
        return {name: from_json(value) for name, value in given.items()}

    def _ask(self, scope: dict[str, Value]) -> list[Value]:
        """Return the value of each column. A named one is of the column's type in cells too."""
        values = []
        for at, column in enumerate(self.table.inputs):
            source, allowed = self._made.sources[at], self._made.allowed[at]
            assert source is not None
            try:
                value = coerce(source(scope), column.kind)
            except ValueError as error:
                raise TableRefused(
                    f"{self.label}, {column.label}: {error}.", "Give the table another value.",
                    column.name,
                ) from None  # fmt: skip
            if value is not None and allowed and allowed.matches(value, {}) is not True:
                raise TableRefused(
                    f"{self.label}, {column.label}: {to_json(value)!r} is not allowed"
                    f" ({column.values}).",
                    "Give the table another value, or allow this one.", column.name,
                )  # fmt: skip
            if not column.expression:
                scope[column.name] = value
            values.append(value)
        return values

    def _match(self, values: Sequence[Value], scope: Scope) -> list[int]:
        found = []
        only_one = self.table.hit == "F"
        for at, asked in enumerate(self._rows):
            for column, matches in asked:
                if matches(values[column], scope) is not True:
                    break
            else:
                found.append(at)
                if only_one:
                    break
        return found

    # --- What it gives ---

    def _decide_without(self, scope: Scope) -> Decision:
        if any(self._made.defaults):
            given = [None if each is None else each.evaluate(scope)
                     for each in self._made.defaults]  # fmt: skip
            result = self._to_result(tuple(given))
            return Decision([result] if self.table.gives_list else result, (), is_default=True)
        if self.table.aggregate == "count":
            return Decision(0, ())
        if self.table.gives_list:
            return Decision([], ())
        return Decision(None, (), is_none=True)

    def _list_rows(self, found: Sequence[int]) -> tuple[Row, ...]:
        return tuple(self.table.rows[at] for at in found)

    def _evaluate(self, at: int, scope: Scope) -> Outputs:
        outputs = self._made.outputs[at]
        return tuple(self._evaluate_cell(at, index, each, scope)
                     for index, each in enumerate(outputs))  # fmt: skip

    def _evaluate_cell(self, at: int, index: int, cell: Output | None, scope: Scope) -> Value:
        assert cell is not None
        if cell.is_constant:
            return cell.constant
        value, column = cell.evaluate(scope), self.table.outputs[index]
        if problem := check_output(value, column, self._made.ranks[index]):
            where = f"{self.label}, row {self.table.rows[at].number}, {column.label}"
            raise TableRefused(f"{where}: {problem[0]}", problem[1], f"rows.{at}.then.{index}")
        return value

    def _to_result(self, outputs: Outputs) -> Json:
        """Return the value of a single output, or the outputs by name."""
        if len(outputs) == 1:
            return to_json(outputs[0])
        names = [each.name for each in self.table.outputs]
        return {name: to_json(value) for name, value in zip(names, outputs, strict=True)}

    def _rank(self, outputs: Outputs) -> tuple[int, ...]:
        """Return what sorts outputs by the order of their values, the first column first."""
        return tuple(
            ranks.index(value) if value in ranks else len(ranks)
            for value, ranks in zip(outputs, self._made.ranks, strict=True)
            if ranks is not None
        )

    def _refuse_rows(self, found: Sequence[int], what: str, remedy: str) -> TableRefused:
        numbers = [str(self.table.rows[at].number) for at in found]
        named = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
        return TableRefused(f"{self.label}: rows {named} {what}", remedy, f"rows.{found[-1]}")

    # --- Hit policies ---

    def _decide_unique(self, found: Sequence[int], scope: Scope) -> Decision:
        if len(found) > 1:
            raise self._refuse_rows(
                found, "match the same input, and one at most may.",
                "Make them exclude each other, or choose another hit policy.",
            )  # fmt: skip
        return self._decide_first(found, scope)

    def _decide_first(self, found: Sequence[int], scope: Scope) -> Decision:
        result = self._to_result(self._evaluate(found[0], scope))
        return Decision(result, self._list_rows(found[:1]))

    def _decide_any(self, found: Sequence[int], scope: Scope) -> Decision:
        given = [self._evaluate(at, scope) for at in found]
        for at, outputs in zip(found[1:], given[1:], strict=True):
            if equals(list(outputs), list(given[0])) is not True:
                raise self._refuse_rows(
                    (found[0], at), "match the same input and give other outputs.",
                    "Give them the same outputs, or make them exclude each other.",
                )  # fmt: skip
        return Decision(self._to_result(given[0]), self._list_rows(found))

    def _decide_priority(self, found: Sequence[int], scope: Scope) -> Decision:
        best = min(found, key=lambda at: self._rank(self._evaluate(at, scope)))
        return self._decide_first([best], scope)

    def _decide_output_order(self, found: Sequence[int], scope: Scope) -> Decision:
        ordered = sorted(found, key=lambda at: self._rank(self._evaluate(at, scope)))
        return self._decide_rule_order(ordered, scope)

    def _decide_rule_order(self, found: Sequence[int], scope: Scope) -> Decision:
        given = [self._to_result(self._evaluate(at, scope)) for at in found]
        return Decision(given, self._list_rows(found))

    def _decide_collect(self, found: Sequence[int], scope: Scope) -> Decision:
        how = self.table.aggregate
        if not how:
            return self._decide_rule_order(found, scope)
        if how == "count":
            return Decision(len(found), self._list_rows(found))
        given = [self._evaluate(at, scope)[0] for at in found]
        if how == "sum":
            return Decision(to_json(self._sum(found, given)), self._list_rows(found))
        best = self._find_best(found, given, -1 if how == "min" else 1)
        rows = [at for at, value in zip(found, given, strict=True) if compare(value, best) == 0]
        return Decision(to_json(best), self._list_rows(rows))

    def _sum(self, found: Sequence[int], given: Sequence[Value]) -> Value:
        total = Decimal(0)
        for at, value in zip(found, given, strict=True):
            if not isinstance(value, Decimal):
                raise self._refuse_value(at, value, "cannot be added up")
            total = ARITHMETIC.add(total, value)
        return finite(total)

    def _find_best(self, found: Sequence[int], given: Sequence[Value], wanted: int) -> Value:
        best = given[0]
        for at, value in zip(found, given, strict=True):
            order = compare(value, best)
            if order is None:
                raise self._refuse_value(at, value, "cannot be compared")
            best = value if order == wanted else best
        return best

    def _refuse_value(self, at: int, value: Value, what: str) -> TableRefused:
        row, column = self.table.rows[at], self.table.outputs[0]
        return TableRefused(
            f"{self.label}, row {row.number}, {column.label}: {to_json(value)!r} {what}.",
            "Write a number.", f"rows.{at}.then.0",
        )  # fmt: skip

    _policies: ClassVar[Mapping[str, Callable[..., Decision]]] = {
        "U": _decide_unique,
        "A": _decide_any,
        "P": _decide_priority,
        "F": _decide_first,
        "R": _decide_rule_order,
        "O": _decide_output_order,
        "C": _decide_collect,
    }


def _list_asked(made: Compiled, at: int) -> list[tuple[int, Matches]]:
    """Return the cells of a row that ask something, with their columns."""
    return [
        (column, cell.matches)
        for column, cell in enumerate(made.cells[at])
        if cell is not None and cell.tests.items
    ]
