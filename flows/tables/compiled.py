"""A table with its cells compiled, and what is wrong with each of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from flows.tables.compiling import (
    ASKED,
    Evaluate,
    Matches,
    Range,
    compile_expression,
    compile_tests,
)
from flows.tables.errors import FeelError
from flows.tables.functions import FUNCTIONS
from flows.tables.model import AGGREGATES, MOST_COLUMNS, MOST_ROWS, Column, Problem, Row, Table
from flows.tables.parsing import parse_expression
from flows.tables.parsing import parse_tests as parse_tests_anew
from flows.tables.syntax import (
    Arithmetic,
    Bound,
    Call,
    Comparison,
    Interval,
    ListOf,
    Literal,
    Logic,
    Node,
    Tests,
    Within,
    list_names,
)
from flows.tables.tokens import KEYWORDS
from flows.tables.values import Value, fits, kind_of, to_literal

# Cells repeat, in a table and from one keystroke of its editor to the next.
parse_tests = lru_cache(maxsize=20_000)(parse_tests_anew)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of an input. ``is_simple`` says that it asks of nothing but the value itself."""

    tests: Tests
    matches: Matches
    is_simple: bool


@dataclass(frozen=True, slots=True)
class Output:
    """A cell of an output. ``constant`` is its value where it reads no input."""

    evaluate: Evaluate
    is_constant: bool
    constant: Value = None


@dataclass(slots=True)
class Compiled:
    """A table that can decide, if ``problems`` has no error. Cells that are wrong are None."""

    table: Table
    variables: frozenset[str]
    problems: list[Problem] = field(default_factory=list)
    sources: list[Evaluate | None] = field(default_factory=list)
    allowed: list[Cell | None] = field(default_factory=list)
    cells: list[list[Cell | None]] = field(default_factory=list)
    outputs: list[list[Output | None]] = field(default_factory=list)
    defaults: list[Output | None] = field(default_factory=list)
    # The values that each output may have, in their order; None where it may have any.
    ranks: list[list[Value] | None] = field(default_factory=list)

    @property
    def is_fit(self) -> bool:
        return not any(each.level == "error" for each in self.problems)


def compile_table(table: Table) -> Compiled:
    """Return the table compiled, with each problem that a cell has by itself."""
    made = Compiled(table, find_variables(table))
    made.problems.extend(_check_shape(table))
    for at, column in enumerate(table.inputs):
        _compile_input(made, at, column)
    for at, column in enumerate(table.outputs):
        _compile_output_column(made, at, column)
    for at, row in enumerate(table.rows):
        _compile_row(made, at, row)
    if table.hit in ("P", "O") and table.outputs and not any(made.ranks):
        made.problems.append(Problem(
            "outputs.0.values", "No output has an order of its values.",
            "List the values of an output, the most important first, or choose another hit policy.",
        ))  # fmt: skip
    return made


def find_variables(table: Table) -> frozenset[str]:
    """Return what the table has to be given: the inputs, or what their expressions read."""
    return frozenset(_list_variables(table)) | set(table.given)


def _list_variables(table: Table) -> Iterator[str]:
    for column in table.inputs:
        if not column.expression:
            yield column.name
            continue
        try:
            yield from list_names(parse_expression(column.expression, {column.name})) - {ASKED}
        except FeelError:
            continue


def _check_shape(table: Table) -> Iterator[Problem]:
    if not table.inputs:
        yield Problem("inputs", "There is no input.", "Add a column that the rows ask about.")
    if not table.outputs:
        yield Problem("outputs", "There is no output.", "Add a column with what is decided.")
    if not table.rows:
        yield Problem("rows", "There is no row.", "Add one.")
    if len(table.rows) > MOST_ROWS:
        yield Problem("rows", f"There are more than {MOST_ROWS:,} rows.", "Split the table.")
    if max(len(table.inputs), len(table.outputs)) > MOST_COLUMNS:
        yield Problem("inputs", f"There are more than {MOST_COLUMNS} columns.", "Split the table.")
    for place, columns in (("inputs", table.inputs), ("outputs", table.outputs)):
        yield from _check_names(place, [each.name for each in columns])
    yield from _check_ids(table)
    if table.aggregate and len(table.outputs) > 1:
        yield Problem(
            "aggregate", f"A {table.aggregate} needs a table with one output.",
            "Keep one output, or collect a list.",
        )  # fmt: skip
    if table.aggregate not in ("", *AGGREGATES):
        yield Problem("aggregate", f"{table.aggregate!r} is none.", f"Use {', '.join(AGGREGATES)}.")


def _check_names(place: str, names: list[str]) -> Iterator[Problem]:
    for at, name in enumerate(names):
        field_ = f"{place}.{at}.name"
        if not name.strip():
            yield Problem(field_, "The column has no name.", "Give it one.")
        elif name in names[:at]:
            yield Problem(field_, f"Another column is named {name!r}.", "Choose another name.")
        elif name in KEYWORDS or name == "not":
            yield Problem(field_, f"{name!r} is a word of FEEL.", "Choose another name.")


def _check_ids(table: Table) -> Iterator[Problem]:
    seen = set[str]()
    for at, row in enumerate(table.rows):
        if row.id in seen:
            yield Problem(f"rows.{at}.id", f"Another row has the id {row.id!r}.", "Change it.")
        seen.add(row.id)


# --- Columns --------------------------------------------------------------------------------------


def _compile_input(made: Compiled, at: int, column: Column) -> None:
    place = f"inputs.{at}"
    made.sources.append(_compile_source(made, place, column))
    allowed = None
    if column.values:
        allowed = _compile_cell(made, f"{place}.values", column.values, column, column.label)
        if allowed is not None and not allowed.is_simple:
            made.problems.append(Problem(
                f"{place}.values", "Allowed values read other inputs.",
                "Write values, intervals or comparisons.",
            ))  # fmt: skip
    made.allowed.append(allowed)


def _compile_source(made: Compiled, place: str, column: Column) -> Evaluate | None:
    if not column.expression:
        name = column.name
        return lambda scope: scope.get(name)
    try:
        tree = parse_expression(column.expression, made.variables)
    except FeelError as error:
        made.problems.append(_refuse(f"{place}.expression", column.label, error))
        return None
    if ASKED in list_names(tree):
        made.problems.append(Problem(f"{place}.expression", "`?` is for cells.", "Name an input."))
        return None
    return compile_expression(tree)


def _compile_output_column(made: Compiled, at: int, column: Column) -> None:
    place = f"outputs.{at}"
    made.ranks.append(_read_ranks(made, place, column))
    default = None
    if column.default:
        default = _compile_output(made, f"{place}.default", column.default, at, column.label)
    made.defaults.append(default)


def _read_ranks(made: Compiled, place: str, column: Column) -> list[Value] | None:
    """Return the listed values of an output. An interval or comparison would have no order."""
    if not column.values:
        return None
    try:
        tests = parse_tests(column.values, made.variables)
    except FeelError as error:
        made.problems.append(_refuse(f"{place}.values", column.label, error))
        return None
    items = [None if isinstance(each, Bound) else _find_constant(each) for each in tests.items]
    if tests.negated or not all(each is not None and fits(each[0], column.kind) for each in items):
        made.problems.append(Problem(
            f"{place}.values", f"{column.label}: these are no list of {column.kind} values.",
            'Write them one after the other, such as "high", "low".',
        ))  # fmt: skip
        return None
    return [each[0] for each in items if each is not None]


# --- Cells ----------------------------------------------------------------------------------------


def _compile_row(made: Compiled, at: int, row: Row) -> None:
    inputs, outputs = made.table.inputs, made.table.outputs
    made.cells.append([
        _compile_cell(made, f"rows.{at}.when.{index}", row.when[index], column,
                      f"Row {row.number}, {column.label}")
        for index, column in enumerate(inputs)
    ])  # fmt: skip
    made.outputs.append([
        _compile_output(made, f"rows.{at}.then.{index}", row.then[index], index,
                        f"Row {row.number}, {column.label}")
        for index, column in enumerate(outputs)
    ])  # fmt: skip


def _compile_cell(made: Compiled, at: str, text: str, column: Column, where: str) -> Cell | None:
    try:
        tests = parse_tests(text, made.variables)
    except FeelError as error:
        made.problems.append(_refuse(at, where, error))
        return None
    names = {name for item in tests.items for name in list_names(item)}
    if unknown := sorted(names - made.variables - {ASKED}):
        made.problems.append(_refuse_name(at, where, unknown[0]))
        return None
    if problem := _check_types(tests, column.kind):
        made.problems.append(Problem(at, f"{where}: {problem[0]}", problem[1]))
        return None
    return Cell(tests, compile_tests(tests), not names)


def _compile_output(made: Compiled, at: str, text: str, index: int, where: str) -> Output | None:
    column = made.table.outputs[index]
    if not text.strip() or text.strip() == "-":
        made.problems.append(Problem(at, f"{where}: it is empty.", "Write a value, or null."))
        return None
    try:
        tree = parse_expression(text, made.variables)
    except FeelError as error:
        made.problems.append(_refuse(at, where, error))
        return None
    if unknown := sorted(list_names(tree) - made.variables):
        made.problems.append(_refuse_name(at, where, unknown[0]))
        return None
    constant = _find_constant(tree)
    if constant is None:
        return Output(compile_expression(tree), is_constant=False)
    if problem := check_output(constant[0], column, made.ranks[index]):
        made.problems.append(Problem(at, f"{where}: {problem[0]}", problem[1]))
        return None
    value = constant[0]
    return Output(lambda scope: value, is_constant=True, constant=value)


def check_output(value: Value, column: Column, ranks: list[Value] | None) -> tuple[str, str] | None:
    """Return what is wrong with an output's value, and what to do."""
    if not _is_plain(value):
        return "an interval is no value.", "Write one value."
    if not fits(value, column.kind):
        return f"{to_literal(value)} is no {column.kind}.", _write_as(column.kind)
    if ranks is not None and value is not None and value not in ranks:
        listed = ", ".join(map(to_literal, ranks))
        return f"{to_literal(value)} is none of {listed}.", "Write one of them, or add it to them."
    return None


def _is_plain(value: Value) -> bool:
    return not isinstance(value, Range) and not (
        isinstance(value, list) and not all(map(_is_plain, value))
    )


def _find_constant(tree: Node) -> tuple[Value] | None:
    """Return the value of what reads nothing, in a tuple, since null is a value too."""
    return None if list_names(tree) else (compile_expression(tree)({}),)


# --- Types ----------------------------------------------------------------------------------------


def _check_types(tests: Tests, kind: str) -> tuple[str, str] | None:
    """Return why a cell cannot be about a value of this type, and what to do."""
    if kind == "any":
        return None
    for item in tests.items:
        if problem := _check_item(item, kind):
            return problem
    return None


def _check_item(item: Bound | Node, kind: str) -> tuple[str, str] | None:
    if isinstance(item, Bound):
        if item.sign not in ("=", "!=") and kind == "boolean":
            return "true and false have no order.", "Write true or false."
        return _check_value(item.than, kind)
    if ASKED in list_names(item):
        if isinstance(item, Literal | Arithmetic | Interval | ListOf):
            return "it gives neither true nor false.", "Write a condition, such as ? > 5."
        return None
    if isinstance(item, Comparison | Logic | Within) and kind != "boolean":
        return "it is a condition about other values.", "Write it about ?, such as ? > 5."
    return _check_value(item, kind)


def _check_value(node: Node, kind: str) -> tuple[str, str] | None:
    gives = FUNCTIONS[node.name].gives if isinstance(node, Call) else "any"
    if isinstance(node, Call) and gives not in ("any", kind.replace("integer", "number")):
        return f"{node.name} gives no {kind}.", _write_as(kind)
    if (found := _find_constant(node)) is None:
        return None
    for value in _list_values(found[0]):
        if isinstance(value, Decimal) and kind == "integer":
            continue  # a boundary between two whole numbers
        if not fits(value, kind):
            return f"{_name(value)} is no {kind}.", _write_as(kind)
    if isinstance(node, Call) and found[0] is None:
        return "it has no value.", _write_as(kind)
    return None


def _list_values(value: Value) -> list[Value]:
    if isinstance(value, Range):
        return [value.low, value.high]
    if isinstance(value, list):
        return [each for item in value for each in _list_values(item)]
    return [value]


def _name(value: Value) -> str:
    return to_literal(value) if kind_of(value) != "context" else "this"


_EXAMPLES = {
    "number": "5", "integer": "5", "string": '"car", in quotes', "boolean": "true or false",
    "date": 'date("2026-03-31")', "time": 'time("09:00:00")',
    "date and time": 'date and time("2026-03-31T09:00:00Z")',
    "days and time duration": 'duration("P30D")', "years and months duration": 'duration("P1Y6M")',
}  # fmt: skip


def _write_as(kind: str) -> str:
    return f"Write {_EXAMPLES.get(kind, 'a value')}."


def _refuse(at: str, where: str, error: FeelError) -> Problem:
    return Problem(at, f"{where}: {error.message}", error.remedy)


def _refuse_name(at: str, where: str, name: str) -> Problem:
    return Problem(
        at, f"{where}: {name} names no input.",
        f'To mean the text, write it in quotes: "{name}". To mean an input, add it.',
    )  # fmt: skip
