"""The editor's form of a prompt: fields to a content, and a content to fields.

Rows are numbered from 0: ``part-0-role``, ``variable-2-name``; ``part-rows`` says how many there
are. A button named ``row`` adds, removes or moves one (``add:part``, ``remove:part:1``,
``up:part:1``) and saves nothing, so that the form works before its script has loaded.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content, FormUnread
from flows.assets.prompts.content import EXPECTATIONS, OWN_KEYWORDS, ROLES
from flows.assets.prompts.filling import to_text
from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml, write_yaml
from workbench.http.numbers import number_in

Json = Any
Row = dict[str, Json]
TYPES = ("string", "number", "integer", "boolean", "array", "object", "any")
MOST_ROWS = 200
GROUPS: Mapping[str, tuple[str, ...]] = {
    "part": ("role", "text"),
    "variable": ("name", "title", "type", "required", "sample", "more"),
    "example": ("variables", "answer", "case"),
    "test": ("name", "variables", "recorded", "of", "model"),
}
TEXTS = (
    "description", "answer", "temperature", "max_tokens", "parameters", "cases-flow", "cases-queue",
    "cases-count", "cases-corrected", "cases-variables", "cases-answer", "cases-leave_out",
)  # fmt: skip
EXPECTED = ("kind", "value", "at_least")


def fill_form(content: Content, posted: Any = None) -> dict[str, Any]:
    """Return what the template shows: the content, or what was posted, with its rows changed."""
    values = _from_content(content) if posted is None else _from_posted(posted)
    if posted is not None and posted.get("row"):
        _change_rows(values, posted["row"])
    # A template cannot read a key with a hyphen.
    values["cases"] = {name.removeprefix("cases-"): values[name] for name in TEXTS if "-" in name}
    return {"fields": values, "roles": ROLES, "types": TYPES, "expectations": EXPECTATIONS.items()}


def read_form(posted: Any) -> dict[str, Json]:
    """Return the content that a posted form holds. Raises: FormUnread."""
    return _Reader(_from_posted(posted)).read()


# --- Between a content and the values of fields ------------------------------------


def _from_content(content: Content) -> dict[str, Any]:
    parameters = dict(content.get("parameters", {}))
    cases, has_schema = content.get("from_cases") or {}, bool(content.get("answer"))
    return {
        "description": content.get("description", ""),
        "part": [dict(part) for part in content.get("parts", [])],
        "variable": [_show_variable(*each) for each in content.get("variables", {}).items()],
        "example": [_show_example(each, has_schema) for each in content.get("examples", [])],
        "answer": _write(content.get("answer")),
        "temperature": _plain(parameters.pop("temperature", "")),
        "max_tokens": _plain(parameters.pop("max_tokens", "")),
        "parameters": _write(parameters),
        "test": [_show_test(each, has_schema) for each in content.get("tests", [])],
        "cases-flow": cases.get("flow", ""),
        "cases-queue": cases.get("queue", ""),
        "cases-count": _plain(cases.get("count", "")),
        "cases-corrected": "on" if cases.get("only_corrected") else "",
        "cases-leave_out": ", ".join(cases.get("leave_out", ())),
        "cases-variables": _write(cases.get("variables")),
        "cases-answer": _write(cases.get("answer")),
    }


def _show_variable(name: str, variable: Mapping[str, Json]) -> Row:
    type_ = variable.get("type", "any")
    simple = type_ if isinstance(type_, str) and type_ in TYPES else "any"
    own = OWN_KEYWORDS | {"title"} | ({"type"} if simple == type_ else set())
    return {
        "name": name,
        "title": variable.get("title", ""),
        "type": simple,
        "required": "on" if variable.get("required") is not False else "",
        "sample": _show_value(variable.get("sample", ""), plain=simple == "string"),
        "more": _write({key: value for key, value in variable.items() if key not in own}),
    }


def _show_example(example: Mapping[str, Json], has_schema: bool) -> Row:
    return {
        "variables": _write(example["variables"]),
        "answer": _show_value(example["answer"], plain=not has_schema),
        "case": _plain(example.get("case", "")),
    }


def _show_test(test: Mapping[str, Json], has_schema: bool) -> Row:
    recorded = test.get("recorded") or {}
    return {
        "name": test["name"],
        "variables": _write(test.get("variables")),
        "recorded": _show_value(recorded.get("answer", ""), plain=not has_schema),
        "of": recorded.get("of", ""),
        "model": recorded.get("model", ""),
        "expect": [
            {
                "kind": each["kind"],
                "value": _show_value(each.get("value", ""), plain=each["kind"] != "equals"),
                "at_least": _plain(each.get("at_least", "")),
            }
            for each in test.get("expect", [])
        ],
    }


def _show_value(value: Json, *, plain: bool) -> str:
    """Return a value as a field holds it: text as it is where only text is meant, else JSON."""
    if value == "" or (plain and isinstance(value, str)):
        return str(value)
    if isinstance(value, str):
        return to_text([value])[1:-1]  # as JSON, in its quotes
    return _write(value) if isinstance(value, dict | list) and value else to_text(value)


def _write(value: Json) -> str:
    if not value:
        return ""
    text = write_yaml(value, inline=lambda path: len(path) > 2).strip()  # noqa: PLR2004
    # A text that ends with a line break may end the YAML, and then the break is part of it.
    return text if read_yaml(text)[0] == value else f"{text}\n"


def _plain(value: Json) -> str:
    return str(value) if value != "" else ""


# --- From what was posted ----------------------------------------------------------


def _from_posted(posted: Any) -> dict[str, Any]:
    values: dict[str, Any] = {name: _line(posted.get(name, "")) for name in TEXTS}
    for group, fields in GROUPS.items():
        values[group] = [
            {name: _line(posted.get(f"{group}-{at}-{name}", "")) for name in fields}
            for at in range(_count(posted, f"{group}-rows"))
        ]
    for at, test in enumerate(values["test"]):
        test["expect"] = [
            {name: _line(posted.get(f"test-{at}-expect-{row}-{name}", "")) for name in EXPECTED}
            for row in range(_count(posted, f"test-{at}-expect-rows"))
        ]
    return values


def _count(posted: Any, name: str) -> int:
    return min(number_in(posted.get(name, "")) or 0, MOST_ROWS)


def _line(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _change_rows(values: dict[str, Any], act: str) -> None:
    """Add, remove or move a row as the pressed button says; ignore what is none."""
    word, _, rest = act.partition(":")
    group, _, index = rest.partition(":")
    rows = _find_rows(values, group)
    if rows is None:
        return
    if word == "add" and len(rows) < MOST_ROWS:
        # The cursor goes where the new row is.
        rows.append({**_NEW_ROWS[group.partition(".")[0]](), "focus": True})
    at = number_in(index)
    if at is None or at >= len(rows):
        return
    if word == "remove":
        del rows[at]
    elif word == "up" and at > 0:
        rows[at - 1], rows[at] = {**rows[at], "focus": True}, rows[at - 1]


def _find_rows(values: dict[str, Any], group: str) -> list[Row] | None:
    """Return the rows of a group, or those of ``expect.N``, the assertions of a test."""
    if group in GROUPS:
        rows: list[Row] = values[group]
        return rows
    name, _, index = group.partition(".")
    at = number_in(index)
    if name == "expect" and at is not None and at < len(values["test"]):
        expected: list[Row] = values["test"][at]["expect"]
        return expected
    return None


_NEW_ROWS: Mapping[str, Callable[[], Row]] = {
    "part": lambda: {"role": "user", "text": ""},
    "variable": lambda: {"name": "", "title": "", "type": "string", "required": "on",
                         "sample": "", "more": ""},
    "example": lambda: {"variables": "", "answer": "", "case": ""},
    "test": lambda: {"name": "", "variables": "", "recorded": "", "of": "", "model": "",
                     "expect": []},
    "expect": lambda: {"kind": "contains", "value": "", "at_least": ""},
}  # fmt: skip


class _Reader:
    """Reads the values of fields into a content, and collects what cannot be read."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.problems: list[AssetProblem] = []

    def read(self) -> dict[str, Json]:
        answer = self.read_mapping("answer", self.values["answer"])
        content: dict[str, Json] = {
            "description": self.values["description"].strip(),
            "variables": self.read_variables(),
            "parts": [dict(part) for part in self.values["part"]],
            "examples": self.read_examples(bool(answer)),
            "answer": answer,
            "parameters": self.read_parameters(),
            "tests": self.read_tests(bool(answer)),
        }
        if cases := self.read_cases():
            content["from_cases"] = cases
        if self.problems:
            raise FormUnread(self.problems)
        return content

    def read_variables(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for at, row in enumerate(self.values["variable"]):
            name = row["name"].strip()
            if not name or name in found:
                what = "Another variable has this name." if name else "The variable has no name."
                self.add_problem(f"variable-{at}-name", what, "Give each its own name.")
                continue
            found[name] = self.read_variable(at, row)
        return found

    def read_variable(self, at: int, row: Row) -> Row:
        variable: Row = {} if row["type"] == "any" else {"type": row["type"]}
        if row["title"].strip():
            variable["title"] = row["title"].strip()
        variable |= self.read_mapping(f"variable-{at}-more", row["more"])
        if not row["required"]:
            variable["required"] = False
        if row["sample"]:
            field = f"variable-{at}-sample"
            variable["sample"] = self.read_value(
                field, row["sample"], plain=row["type"] == "string"
            )
        return variable

    def read_examples(self, has_schema: bool) -> list[Json]:
        return [
            {
                "variables": self.read_mapping(f"example-{at}-variables", row["variables"]),
                "answer": self.read_value(f"example-{at}-answer", row["answer"], not has_schema),
                **({"case": case} if (case := number_in(row["case"])) is not None else {}),
            }
            for at, row in enumerate(self.values["example"])
        ]

    def read_parameters(self) -> Row:
        found: Row = {}
        for name in ("temperature", "max_tokens"):
            if text := self.values[name].strip():
                found[name] = self.read_number(name, text)
        return found | self.read_mapping("parameters", self.values["parameters"])

    def read_tests(self, has_schema: bool) -> list[Json]:
        return [self.read_test(at, row, has_schema) for at, row in enumerate(self.values["test"])]

    def read_test(self, at: int, row: Row, has_schema: bool) -> Row:
        test: Row = {"name": row["name"].strip()}
        if not test["name"]:
            self.add_problem(f"test-{at}-name", "The test has no name.", "Name what it tests.")
        if variables := self.read_mapping(f"test-{at}-variables", row["variables"]):
            test["variables"] = variables
        test["expect"] = [
            self.read_expected(f"test-{at}-expect-{index}", each)
            for index, each in enumerate(row["expect"])
        ]
        if row["recorded"].strip():
            answer = self.read_value(f"test-{at}-recorded", row["recorded"], not has_schema)
            said = {name: row[name] for name in ("of", "model") if row[name]}
            test["recorded"] = {"answer": answer, **said}
        return test

    def read_expected(self, field: str, row: Row) -> Row:
        wanted: Row = {"kind": row["kind"]}
        if row["kind"] != "schema":
            plain = row["kind"] != "equals"
            wanted["value"] = self.read_value(f"{field}-value", row["value"], plain)
        if row["at_least"].strip():
            wanted["at_least"] = self.read_number(f"{field}-at_least", row["at_least"])
        return wanted

    def read_cases(self) -> Row:
        given = self.values
        if not given["cases-flow"].strip():
            return {}
        found: Row = {"flow": given["cases-flow"].strip()}
        if given["cases-queue"].strip():
            found["queue"] = given["cases-queue"].strip()
        found["count"] = self.read_number("cases-count", given["cases-count"] or "5")
        if given["cases-corrected"]:
            found["only_corrected"] = True
        if left_out := [each.strip() for each in given["cases-leave_out"].split(",")]:
            found |= {"leave_out": [each for each in left_out if each]} if any(left_out) else {}
        for name in ("variables", "answer"):
            if keys := self.read_mapping(f"cases-{name}", given[f"cases-{name}"]):
                found[name] = keys
        return found

    def read_number(self, field: str, text: str) -> Json:
        value = self.read_value(field, text.strip(), plain=False)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add_problem(field, f"{text[:40]!r} is not a number.", "Write a number.")
        return value

    def read_mapping(self, field: str, text: str) -> Row:
        if not text.strip():
            return {}
        known = len(self.problems)
        value = self.read_value(field, text, plain=False)
        if isinstance(value, dict):
            return value
        if len(self.problems) == known:
            remedy = "Write `name: value`, one a line, or JSON."
            self.add_problem(field, "This is no mapping.", remedy)
        return {}

    def read_value(self, field: str, text: str, plain: bool) -> Json:
        """Return the text itself where only text is meant, else the YAML or JSON in it."""
        if plain:
            return text
        try:
            return read_yaml(text)[0] if text.strip() else ""
        except TextProblem as error:
            self.add_problem(field, error.message, error.remedy)
            return ""

    def add_problem(self, field: str, message: str, remedy: str) -> None:
        self.problems.append(AssetProblem(field, message, remedy))
