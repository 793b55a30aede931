"""The editor's form of a policy: fields to a content, and a content to fields.

Tests are rows as those of prompts are: ``test-0-name``, with ``test-rows``, and buttons named
``row``.
"""

import json
from collections.abc import Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content, FormUnread
from flows.assets.policies.content import LANGUAGES, MOST_TESTS
from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml, write_yaml
from workbench.http.numbers import number_in

Json = Any
Row = dict[str, Json]
TEXTS = ("description", "language", "source", "query", "data", "connection")
FIELDS = ("name", "input", "allow", "reasons", "obligations")


def fill_form(content: Content, posted: Any = None) -> dict[str, Any]:
    """Return what the template shows: the content, or what was posted, with its rows changed."""
    values = _from_content(content) if posted is None else _from_posted(posted)
    if posted is not None and posted.get("row"):
        _change_rows(values["test"], posted["row"])
    return {"fields": values, "languages": LANGUAGES}


def read_form(posted: Any) -> dict[str, Json]:
    """Return the content that a posted form holds. Raises: FormUnread."""
    values, problems = _from_posted(posted), list[AssetProblem]()
    content: dict[str, Json] = {
        **{name: values[name] for name in ("language", "source")},
        **{name: values[name].strip() for name in ("description", "query", "connection")},
        "data": _read_mapping("data", values["data"], problems),
        "tests": [_read_test(at, row, problems) for at, row in enumerate(values["test"])],
    }
    if problems:
        raise FormUnread(problems)
    return content


def _from_content(content: Content) -> dict[str, Any]:
    return {
        **{name: content.get(name, "") for name in TEXTS},
        "data": _write(content.get("data")),
        "test": [_show_test(test) for test in content.get("tests", [])],
    }


def _show_test(test: Mapping[str, Json]) -> Row:
    return {
        "name": test["name"],
        "input": _write(test.get("input")),
        "allow": "on" if test["allow"] else "",
        "reasons": "\n".join(test["reasons"]) if "reasons" in test else "",
        "obligations": _write(test.get("obligations")),
    }


def _write(value: Json) -> str:
    return write_yaml(value, inline=lambda path: len(path) > 1).strip() if value else ""


def _from_posted(posted: Any) -> dict[str, Any]:
    rows = min(number_in(posted.get("test-rows", "")) or 0, MOST_TESTS)
    return {
        **{name: _line(posted.get(name, "")) for name in TEXTS},
        "test": [
            {name: _line(posted.get(f"test-{at}-{name}", "")) for name in FIELDS}
            for at in range(rows)
        ],
    }


def _line(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _change_rows(rows: list[Row], act: str) -> None:
    """Add, remove or move a row as the pressed button says; ignore what is none."""
    word, _, rest = act.partition(":")
    if act == "add:test" and len(rows) < MOST_TESTS:
        rows.append({**dict.fromkeys(FIELDS, ""), "focus": True})
    at = number_in(rest.partition(":")[2])
    if at is None or at >= len(rows):
        return
    if word == "remove":
        del rows[at]
    elif word == "up" and at > 0:
        rows[at - 1], rows[at] = {**rows[at], "focus": True}, rows[at - 1]


def _read_test(at: int, row: Row, problems: list[AssetProblem]) -> Row:
    field = f"test-{at}"
    name = row["name"].strip()
    if not name:
        what = AssetProblem(f"{field}-name", "The test has no name.", "Name what it tests.")
        problems.append(what)
    test: Row = {"name": name}
    test["input"] = _read_mapping(f"{field}-input", row["input"], problems)
    test["allow"] = bool(row["allow"])
    if reasons := [each.strip() for each in row["reasons"].split("\n") if each.strip()]:
        test["reasons"] = reasons
    if row["obligations"].strip():
        test["obligations"] = _read_mapping(f"{field}-obligations", row["obligations"], problems)
    return test


def _read_mapping(field: str, text: str, problems: list[AssetProblem]) -> Row:
    if not text.strip():
        return {}
    try:
        value, _ = read_yaml(text)
        json.dumps(value)
    except TextProblem as error:
        problems.append(AssetProblem(field, error.message, error.remedy))
        return {}
    if not isinstance(value, dict):
        problems.append(AssetProblem(field, "It is no mapping.", "Write `name: value` a line."))
        return {}
    return value
