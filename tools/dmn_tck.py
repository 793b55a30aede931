"""``python -m tools.dmn_tck FOLDER``: run the tests of DMN's compatibility kit that are of tables.

FOLDER is a copy of the kit (its ``TestCases``, or a part of it). Of each file of test cases the
decisions that are decision tables are decided on the inputs, and compared with what the kit
expects. Decisions that need another decision get its result where that is a table, or an expression
that tables know. Literal expressions are judged where they rest on a table. The rest is out of
scope, with the reason. Exit code 1 if a result is another than the kit's.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from flows.tables.compiling import compile_expression
from flows.tables.deciding import DecisionTable
from flows.tables.dmn import Types, list_decisions, parse_dmn, read_decision
from flows.tables.elements import find_child, get_tag, list_children, read_text
from flows.tables.errors import FeelError, OutOfScope, TableRefused
from flows.tables.parsing import parse_expression
from flows.tables.values import TEXTUAL, Months, from_json, read_typed, to_json

Json = Any
MOST_DEPTH = 20
_TYPES: Mapping[str, Callable[[str], Json]] = {
    "boolean": lambda text: text == "true",
    "string": lambda text: text,
    **dict.fromkeys(("decimal", "double", "float", "integer", "int", "long"), Decimal),
    **{
        name: lambda text, kind=kind: read_typed(text, kind)  # type: ignore[misc]
        for name, kind in (
            ("date", "date"), ("time", "time"), ("dateTime", "date and time"),
        )
    },
    "duration": lambda text: _read_duration(text)  # noqa: PLW0108 - it is defined below,
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of one expected result. ``state`` is passed, failed or out of scope."""

    file: str
    case: str
    decision: str
    state: str
    why: str = ""


def run(folder: Path) -> list[Outcome]:
    """Return what came of each expected result in the folder."""
    return [each for path in sorted(folder.rglob("*.xml")) for each in _run_file(path)]


def _run_file(path: Path) -> Iterator[Outcome]:
    try:
        root: Element = fromstring(path.read_bytes(), forbid_dtd=True)
    except (ParseError, DefusedXmlException):
        return
    if get_tag(root) != "testCases":
        return
    named = read_text(find_child(root, "modelName"))
    try:
        model = _Model(parse_dmn((path.parent / named).read_bytes()))
    except (TableRefused, OSError) as error:
        model, refused = None, str(error)
    else:
        refused = ""
    for case in list_children(root, "testCase"):
        for result in list_children(case, "resultNode"):
            decision = result.get("name", "")
            if model is None:
                state, why = "out of scope", f"the model is not read: {refused}"
            else:
                state, why = _judge(model, case, result)
            yield Outcome(path.stem, case.get("id", ""), decision, state, why)


class _Model:
    """The decisions of a model by name, each made into a table when it is first asked."""

    def __init__(self, root: Element) -> None:
        self.types = Types(root)
        self.decisions = {each.get("name", ""): each for each in list_decisions(root)}
        ids = {each.get("id", ""): name for name, each in self.decisions.items()}
        self.needs = {
            name: [ids[required] for required in _list_required(each) if required in ids]
            for name, each in self.decisions.items()
        }
        self.input_types = {
            each.get("name", ""): self.types.resolve(variable.get("typeRef", ""))
            for each in list_children(root, "inputData")
            if (variable := find_child(each, "variable")) is not None
        }
        self._tables: dict[str, DecisionTable] = {}

    def decide(self, name: str, given: Mapping[str, Json], depth: int = 0) -> Json:
        """Return what a decision gives. Raises: OutOfScope, TableRefused."""
        if name not in self.decisions:
            raise OutOfScope("it is no decision of this model", "")
        if depth > MOST_DEPTH:
            raise OutOfScope("its decisions need each other", "")
        found = dict(given)
        for needed in self.needs[name]:
            if needed not in found:
                found[needed] = self.decide(needed, given, depth + 1)
        expression = find_child(self.decisions[name], "literalExpression")
        if expression is not None and (depth or self._rests_on_table(name)):
            return _evaluate(read_text(find_child(expression, "text")), found)
        table = self._find(name)
        inputs = {each: found.get(each) for each in table.variables}
        return table.decide(inputs).result

    def _rests_on_table(self, name: str) -> bool:
        """Return whether one of the decisions that a decision needs is a table."""
        return any(
            find_child(self.decisions[needed], "decisionTable") is not None
            for needed in self.needs[name]
        )

    def _find(self, name: str) -> DecisionTable:
        if name not in self._tables:
            content = read_decision(self.decisions[name], self.types)
            try:
                self._tables[name] = DecisionTable(name, content)
            except TableRefused as error:
                raise OutOfScope(f"{error}", "") from error
        return self._tables[name]


def _evaluate(text: str, given: Mapping[str, Json]) -> Json:
    """Return the value of an expression. Raises: OutOfScope."""
    try:
        tree = parse_expression(text, given.keys())
    except FeelError as error:
        raise OutOfScope(error.message, error.remedy) from error
    return to_json(compile_expression(tree)({key: from_json(each) for key, each in given.items()}))


def _list_required(decision: Element) -> Iterator[str]:
    for requirement in list_children(decision, "informationRequirement"):
        for each in list_children(requirement, "requiredDecision"):
            yield each.get("href", "").removeprefix("#")


def _judge(model: _Model, case: Element, result: Element) -> tuple[str, str]:
    if case.get("type", "decision") != "decision":
        return "out of scope", f"it asks a {case.get('type')}"
    try:
        given = {
            name: _type(_read(each), model.input_types.get(name, "any"))
            for each in list_children(case, "inputNode") if (name := each.get("name", ""))
        }  # fmt: skip
        expected = _read(find_child(result, "expected"))
        found = model.decide(result.get("name", ""), given)
    except OutOfScope as error:
        return "out of scope", error.message
    except TableRefused as error:
        # The standard has null where a table cannot decide.
        wants_null = (
            result.get("errorResult") == "true" or _read(find_child(result, "expected")) is None
        )
        return ("passed", "") if wants_null else ("failed", str(error))
    if _same(expected, from_json(found)):
        return "passed", ""
    return "failed", f"expected {_plain(expected)!r}, got {found!r}"


# --- Values -------------------------------------------------------------------------------------


def _read(node: Element | None) -> Json:
    """Return the value of a node: typed by its ``xsi:type``, text without one, a list, parts."""
    if node is None:
        return None
    if (listed := find_child(node, "list")) is not None:
        return [_read(each) for each in list_children(listed, "item")]
    parts = list(list_children(node, "component"))
    if parts:
        return {each.get("name", ""): _read(each) for each in parts}
    value = find_child(node, "value")
    if value is None or value.get(f"{{{_XSI}}}nil") == "true":
        return None
    kind = value.get(f"{{{_XSI}}}type", "").rpartition(":")[2]
    text = value.text or ""
    return _TYPES[kind](text) if kind in _TYPES else _Untyped(text)


_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class _Untyped(str):
    """The text of a value whose type the kit does not say."""

    __slots__ = ()


def _plain(value: Json) -> Json:
    """Return a value as a run would give it to a table: numbers, and dates as text."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, _Untyped):
        return _guess(value)
    return value


def _type(value: Json, kind: str) -> Json:
    """Return the value of an input; where the kit gives mere text, as the model types it."""
    if isinstance(value, _Untyped) and kind == "string":
        return str(value)
    if isinstance(value, str) and kind in TEXTUAL:
        return read_typed(value, kind)
    return _plain(value)


def _guess(text: str) -> Json:
    if text in ("true", "false"):
        return text == "true"
    try:
        return Decimal(text)
    except ArithmeticError:
        return str(text)


def _read_duration(text: str) -> Json:
    months = read_typed(text, "years and months duration")
    return read_typed(text, "days and time duration") if months is None else months


def _same(expected: Json, found: Json) -> bool:
    if isinstance(expected, _Untyped):
        return _same(_guess(expected), found) or str(expected) == found
    if isinstance(expected, list) and isinstance(found, list):
        # What is collected has no order, unless the hit policy gives one; ours is that of the rows.
        return len(expected) == len(found) and all(map(_same, expected, found))
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            _same(each, found[key]) for key, each in expected.items()
        )
    if isinstance(expected, Decimal) and isinstance(found, Decimal):
        return abs(expected - found) < Decimal("1e-8")
    if isinstance(expected, date | time | timedelta | datetime | Months):
        return isinstance(found, str) and any(
            read_typed(found, kind) == expected for kind in TEXTUAL
        )
    return bool(expected == found) and isinstance(expected, bool) == isinstance(found, bool)


# --- What is printed ----------------------------------------------------------------------------


def report(outcomes: Sequence[Outcome]) -> str:
    states = Counter(each.state for each in outcomes)
    lines = [f"{states[state]:6} {state}" for state in ("passed", "failed", "out of scope")]
    failed = [each for each in outcomes if each.state == "failed"]
    lines += [f"\nFailed: {len(failed)}"] if failed else []
    lines += [f"  {each.file} {each.case} {each.decision}: {each.why}" for each in failed]
    why = Counter(_shorten(each.why) for each in outcomes if each.state == "out of scope")
    lines += ["\nOut of scope, and why:"] if why else []
    lines += [f"{count:6} {reason}" for reason, count in why.most_common(30)]
    return "\n".join(lines)


def _shorten(why: str) -> str:
    """Return a reason without the names in it, so that it can be counted."""
    kind = why.partition(" is ")[2] if why.startswith("The decision ") else why
    return kind if len(kind) <= 100 else f"{kind[:97]}..."  # noqa: PLR2004


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__)
        return 2
    outcomes = run(Path(arguments[0]))
    print(report(outcomes))
    return 1 if any(each.state == "failed" for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
