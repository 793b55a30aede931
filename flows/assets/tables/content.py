"""What a table holds, as plain JSON: what ``flows.tables.model`` describes, and tests.

```yaml
tests:
  - {name: A small loan, inputs: {amount: 500}, expect: 250, rows: [r1]}
```

``expect`` is the result, ``rows`` are the ids of those that decide; what is left out is not looked
at.
"""

from collections.abc import Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content
from flows.tables.model import AGGREGATES, HITS, MOST_COLUMNS, MOST_ROWS
from flows.tables.tokens import LONGEST
from flows.tables.values import TYPES
from workbench.values.schemas import make_validator

Json = Any
KEYS = ("description", "hit", "aggregate", "inputs", "given", "outputs", "rows", "tests")
MOST_TESTS = 200
_INPUT = ("name", "title", "type", "expression", "values")
_OUTPUT = ("name", "title", "type", "values", "default")
_ROW = ("id", "when", "then", "note")
_TEST = ("name", "inputs", "expect", "rows")

_CELL = {"type": "string", "maxLength": LONGEST}
_CELLS = {"type": "array", "maxItems": MOST_COLUMNS, "items": _CELL}
_NAME = {"type": "string", "maxLength": 80, "pattern": r"^(\S(.*\S)?)?$"}
_ID = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$"}


def _columns(*more: str) -> Mapping[str, Json]:
    return {
        "type": "array",
        "maxItems": MOST_COLUMNS,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {
                "name": _NAME,
                "title": {"type": "string", "maxLength": 200},
                "type": {"enum": list(TYPES)},
                **dict.fromkeys(more, _CELL),
            },
        },
    }


_FORM: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["inputs", "outputs", "rows"],
    "properties": {
        "description": {"type": "string", "maxLength": 2_000},
        "hit": {"enum": list(HITS)},
        "aggregate": {"enum": ["", *AGGREGATES]},
        "inputs": _columns("expression", "values"),
        "given": {"type": "array", "maxItems": MOST_COLUMNS, "items": _NAME},
        "outputs": _columns("values", "default"),
        "rows": {
            "type": "array",
            "maxItems": MOST_ROWS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["when", "then"],
                "properties": {
                    "id": _ID,
                    "when": _CELLS,
                    "then": _CELLS,
                    "note": {"type": "string", "maxLength": 1_000},
                },
            },
        },
        "tests": {
            "type": "array",
            "maxItems": MOST_TESTS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "inputs": {"type": "object"},
                    "expect": {},
                    "rows": {"type": "array", "maxItems": MOST_ROWS, "items": _ID},
                },
            },
        },
    },
}
_VALIDATOR = make_validator(_FORM)


def make_empty() -> dict[str, Json]:
    """Return the draft to begin with: one input, one output, and a row that matches everything."""
    return {
        "description": "",
        "hit": "F",
        "inputs": [{"name": "amount", "type": "number"}],
        "outputs": [{"name": "result", "type": "string"}],
        "rows": [{"id": "r1", "when": ["-"], "then": ['"to be decided"']}],
        "tests": [],
    }


def to_normal_form(content: Content) -> dict[str, Json]:
    """Return the content with its keys in their fixed order, and an id for each row."""
    found = {key: content[key] for key in KEYS if key in content}
    if found.get("hit") != "C" or not found.get("aggregate"):
        found.pop("aggregate", None)
    for key, order in (("inputs", _INPUT), ("outputs", _OUTPUT), ("tests", _TEST)):
        if key in found:
            found[key] = [_sort(each, order) for each in found[key]]
    found["rows"] = [_sort(each, _ROW) for each in name_rows(content.get("rows", []))]
    return found


def _sort(each: Mapping[str, Json], order: tuple[str, ...]) -> dict[str, Json]:
    # A text that says nothing is left out; a result may be the empty text.
    return {key: each[key] for key in order
            if key in each and (each[key] != "" or key in ("name", "expect"))}  # fmt: skip


def name_rows(rows: list[Json]) -> list[Json]:
    """Return the rows, those without an id with the next one that is free."""
    numbers = [int(each["id"][1:]) for each in rows
               if each.get("id", "").startswith("r") and each["id"][1:].isdecimal()
               and len(each["id"]) < 9]  # fmt: skip # noqa: PLR2004
    last = max(numbers, default=0)
    named = []
    for row in rows:
        if row.get("id"):
            named.append(row)
        else:
            last += 1
            named.append({**row, "id": f"r{last}"})
    return named


def check_form(content: Content) -> list[AssetProblem]:
    """Return where the content has not the form of a table."""
    return [
        AssetProblem(
            ".".join(map(str, fault.instance_path)) or "content",
            f"{fault.message}.",
            "See docs/decision-tables.md for the form of a table.",
        )
        for fault in _VALIDATOR.iter_errors(dict(content))
    ]
