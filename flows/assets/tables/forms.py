"""The editor's grid of a table: fields to a content, and a content to fields.

Columns, rows and tests are numbered from 0: ``in-0-name``, ``row-3-when-0``, ``row-3-then-1``;
``row-rows`` says how many rows there are. With its script the page sends all of them as one JSON
mapping, ``grid``. A button named ``row`` changes the grid and saves nothing (``add:row:3``,
``remove:in:1``), so that the form works before its script has loaded.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content, FormUnread
from flows.assets.tables.content import MOST_TESTS, name_rows
from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml
from flows.tables.compiled import find_variables
from flows.tables.model import AGGREGATES, HIT_HELP, HITS, MOST_COLUMNS, MOST_ROWS, read_table
from flows.tables.values import TYPES
from workbench.http.numbers import number_in
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
Fields = dict[str, Any]
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "in": ("name", "title", "type", "expression", "values"),
    "out": ("name", "title", "type", "values", "default"),
}
TEXTS = ("description", "hit", "aggregate", "also")
_SIDES = {"in": "when", "out": "then"}
_KEYS = {"in": "inputs", "out": "outputs"}
_MOST = {"in": MOST_COLUMNS, "out": MOST_COLUMNS, "row": MOST_ROWS, "test": MOST_TESTS}
# Types whose values stand in a test as they are, without quotes.
_PLAIN = frozenset(TYPES) - {"number", "integer", "boolean", "any"}


def fill_form(content: Content, posted: Any = None) -> dict[str, Any]:
    """Return what the template shows: the content, or what was posted, with its rows changed."""
    fields = _from_content(content) if posted is None else _from_posted(posted)
    if posted is not None:
        _change(fields, posted.get("row", ""))
        _follow_columns(fields)
    return {
        "fields": fields,
        "types": TYPES,
        "hits": [(each, HITS[each], HIT_HELP[each]) for each in HITS],
        "aggregates": AGGREGATES,
    }


def read_form(posted: Any) -> dict[str, Json]:
    """Return the content that a posted form holds. Raises: FormUnread."""
    return _to_content(_from_posted(posted))


# --- From a content -----------------------------------------------------------------------------


def _from_content(content: Content) -> Fields:
    table = read_table(content)
    variables = _list_variables(content)
    types = {each.name: each.kind for each in table.inputs if not each.expression}
    single = table.outputs[0].kind if len(table.outputs) == 1 and not table.gives_list else "any"
    return {
        "description": content.get("description", ""),
        "hit": table.hit,
        "aggregate": content.get("aggregate", ""),
        "also": ", ".join(table.given),
        **{
            side: [{name: each.get(name, "") for name in names} for each in content.get(key, [])]
            for (side, names), key in zip(COLUMNS.items(), _KEYS.values(), strict=True)
        },
        "row": [
            {"id": each.id, "when": list(each.when), "then": list(each.then), "note": each.note}
            for each in table.rows
        ],
        "given": variables,
        "test": [
            {
                "name": test["name"],
                "given": [
                    _write(test["inputs"][name], types.get(name, "any"))
                    if name in test.get("inputs", {}) else ""
                    for name in variables
                ],
                "expect": _write(test["expect"], single) if "expect" in test else "",
                "rows": ", ".join(test["rows"]) or "none" if "rows" in test else "",
            }
            for test in content.get("tests", [])
        ],
    }  # fmt: skip


def _list_variables(content: Content) -> list[str]:
    """Return what the table is given, in the order of its columns."""
    table = read_table(content)
    variables = find_variables(table)
    named = [each.name for each in table.inputs if each.name in variables]
    return [*named, *sorted(variables - set(named))]


def _write(value: Json, kind: str) -> str:
    """Return a value as a test's field holds it: text as it is where only text is meant."""
    if isinstance(value, str) and kind in _PLAIN:
        return value
    return json.dumps(value, ensure_ascii=False)


# --- From what was posted -----------------------------------------------------------------------


def _from_posted(posted: Any) -> Fields:
    given = _read_grid(posted)
    columns = {
        side: [
            {name: _text(given, f"{side}-{at}-{name}") for name in names}
            for at in range(_count(given, f"{side}-rows", MOST_COLUMNS))
        ]
        for side, names in COLUMNS.items()
    }
    variables = [_text(given, f"given-{at}") for at in range(_count(given, "given-rows", 100))]
    return {
        **{name: _text(given, name) for name in TEXTS},
        **columns,
        "row": [_read_row(given, at, columns)
                for at in range(_count(given, "row-rows", MOST_ROWS))],
        "given": variables,
        "test": [
            {
                **{name: _text(given, f"test-{at}-{name}") for name in ("name", "expect", "rows")},
                "given": [_text(given, f"test-{at}-given-{of}") for of in range(len(variables))],
            }
            for at in range(_count(given, "test-rows", MOST_TESTS))
        ],
    }  # fmt: skip


def _read_grid(posted: Any) -> Any:
    """Return what ``grid`` holds, or the form itself where its script did not run."""
    try:
        found = read_json(posted.get("grid", "") or "null")
    except ValueRefused:
        found = None
    if not isinstance(found, dict):
        return posted
    return {**{name: posted.get(name, "") for name in TEXTS}, **found}


def _read_row(given: Any, at: int, columns: Mapping[str, list[Json]]) -> Json:
    return {
        "id": _text(given, f"row-{at}-id"),
        "note": _text(given, f"row-{at}-note"),
        **{
            cells: [_text(given, f"row-{at}-{cells}-{of}") for of in range(len(columns[side]))]
            for side, cells in _SIDES.items()
        },
    }


def _text(given: Any, name: str) -> str:
    value = given.get(name, "")
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""


def _count(given: Any, name: str, most: int) -> int:
    return min(number_in(str(given.get(name, ""))) or 0, most)


def _to_content(fields: Fields) -> dict[str, Json]:
    content: dict[str, Json] = {
        "description": fields["description"],
        "hit": fields["hit"] if fields["hit"] in HITS else "U",
        "aggregate": fields["aggregate"],
        **{
            key: [{name: value for name, value in each.items() if value or name == "name"}
                  for each in fields[side]]
            for side, key in _KEYS.items()
        },
        "rows": [
            {
                **({"id": row["id"]} if row["id"] else {}),
                "when": [each or "-" for each in row["when"]],
                "then": row["then"],
                **({"note": row["note"]} if row["note"] else {}),
            }
            for row in fields["row"]
        ],
    }  # fmt: skip
    if given := _split(fields["also"]):
        content["given"] = given
    content["tests"] = _read_tests(fields, content)
    return content


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _read_tests(fields: Fields, content: Content) -> list[Json]:
    """Return the tests. Raises: FormUnread."""
    types = {each["name"]: each.get("type", "any") for each in content["inputs"]}
    outputs = content["outputs"]
    single = len(outputs) == 1 and content["hit"] not in ("R", "O", "C")
    problems: list[AssetProblem] = []
    tests = []
    for at, row in enumerate(fields["test"]):
        test: dict[str, Json] = {"name": row["name"] or f"Test {at + 1}"}
        named = zip(fields["given"], row["given"], strict=True)
        test["inputs"] = {
            name: _read(text, types.get(name, "any"), f"tests.{at}.given.{of}", problems)
            for of, (name, text) in enumerate(named) if text
        }  # fmt: skip
        if row["expect"]:
            kind = outputs[0].get("type", "any") if single else "any"
            test["expect"] = _read(row["expect"], kind, f"tests.{at}.expect", problems)
        if row["rows"]:
            ids = _split(row["rows"])
            test["rows"] = [] if ids == ["none"] else ids
        tests.append(test)
    if problems:
        raise FormUnread(problems)
    return tests


def _read(text: str, kind: str, field: str, problems: list[AssetProblem]) -> Json:
    """Return the value of a test's field: text where the column holds such, else YAML or JSON."""
    if kind in _PLAIN and text != "null":
        # What is in quotes is the same text: people copy it from the table.
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    try:
        return read_yaml(text)[0]
    except TextProblem as error:
        problems.append(AssetProblem(field, error.message, error.remedy))
        return None


# --- Rows and columns that change ---------------------------------------------------------------


def _change(fields: Fields, act: str) -> None:
    """Do what the pressed button says; ignore what is none. ``focus`` is the field to go to."""
    word, _, rest = act.partition(":")
    group, _, index = rest.partition(":")
    if word == "fill":
        _fill_gap(fields, rest)
        return
    rows, at = fields.get(group), number_in(index)
    if group not in _MOST or not isinstance(rows, list):
        return
    if word == "add" and len(rows) < _MOST[group]:
        _add(fields, group, len(rows) if at is None else min(at + 1, len(rows)))
    elif at is not None and at < len(rows) and word in _ACTS:
        _ACTS[word](fields, group, at)


def _add(fields: Fields, group: str, at: int, row: Json = None) -> None:
    if row is None:
        row = _NEW[group](fields)
    fields[group].insert(at, row)
    _each_row(fields, group, lambda cells: cells.insert(at, "-" if group == "in" else ""))
    fields["focus"] = _name_place(group, at)


def _name_place(group: str, at: int) -> str:
    """Return the id of the field to go to; the ids are the places that problems name."""
    if group in _KEYS:
        return f"{_KEYS[group]}.{at}"
    return f"rows.{at}.when.0" if group == "row" else f"tests.{at}.name"


def _remove(fields: Fields, group: str, at: int) -> None:
    del fields[group][at]
    _each_row(fields, group, lambda cells: cells.pop(at))
    last = max(0, min(at, len(fields[group]) - 1))
    fields["focus"] = _name_place(group, last)


def _move(fields: Fields, group: str, at: int, to: int) -> None:
    if not 0 <= to < len(fields[group]):
        return

    def swap(rows: list[Any]) -> None:
        rows[at], rows[to] = rows[to], rows[at]

    swap(fields[group])
    _each_row(fields, group, swap)
    fields["focus"] = _name_place(group, to)


def _copy(fields: Fields, group: str, at: int) -> None:
    if group == "row" and len(fields["row"]) < MOST_ROWS:
        row = fields["row"][at]
        copied = {**row, "id": "", "when": list(row["when"]), "then": list(row["then"])}
        _add(fields, group, at + 1, copied)


def _each_row(fields: Fields, group: str, change: Callable[[list[str]], object]) -> None:
    """Change the cells of every row as its columns are changed."""
    if group in _SIDES:
        for row in fields["row"]:
            change(row[_SIDES[group]])


def _fill_gap(fields: Fields, text: str) -> None:
    """Add a row with these cells, as the list of gaps offers."""
    try:
        cells = read_json(text)
    except ValueRefused:
        return
    if not isinstance(cells, list) or len(cells) != len(fields["in"]):
        return
    row = {**_NEW["row"](fields), "when": [str(each)[:2_000] for each in cells]}
    at = len(fields["row"])
    if at < MOST_ROWS:
        _add(fields, "row", at, row)
        fields["focus"] = f"rows.{at}.then.0"


_ACTS: Mapping[str, Callable[[Fields, str, int], None]] = {
    "remove": _remove,
    "up": lambda fields, group, at: _move(fields, group, at, at - 1),
    "down": lambda fields, group, at: _move(fields, group, at, at + 1),
    "copy": _copy,
}


def _new_column(side: str) -> Callable[[Fields], Json]:
    def make(fields: Fields) -> Json:
        taken = {each["name"] for each in fields[side]}
        stem = "input" if side == "in" else "output"
        number = next(each for each in range(1, MOST_COLUMNS + 2) if f"{stem} {each}" not in taken)
        return {**dict.fromkeys(COLUMNS[side], ""), "name": f"{stem} {number}", "type": "string"}

    return make


_NEW: Mapping[str, Callable[[Fields], Json]] = {
    "in": _new_column("in"),
    "out": _new_column("out"),
    "row": lambda fields: {
        "id": "", "note": "", "when": ["-"] * len(fields["in"]), "then": [""] * len(fields["out"]),
    },
    "test": lambda fields: {
        "name": "", "given": [""] * len(fields["given"]), "expect": "", "rows": "",
    },
}  # fmt: skip


def _follow_columns(fields: Fields) -> None:
    """Give each row its id, and each test a field for each input, as saving them would."""
    for row, named in zip(fields["row"], name_rows(fields["row"]), strict=True):
        row["id"] = named["id"]
    variables = _list_variables({"inputs": fields["in"], "given": _split(fields["also"])})
    for test in fields["test"]:
        before = dict(zip(fields["given"], test["given"], strict=False))
        test["given"] = [before.get(name, "") for name in variables]
    fields["given"] = variables
