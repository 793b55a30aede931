"""The editor's form of a contract: a row for each field. What was learned of it stays as it is."""

from collections.abc import Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Content, FormUnread
from flows.contracts.leaves import MOST_FIELDS, TYPES
from flows.contracts.model import DRIFT_KS, DRIFT_PSI, WINDOWS
from workbench.http.numbers import number_in
from workbench.values.numbers import read_number
from workbench.values.refusals import ValueRefused

Json = Any
Row = dict[str, Json]
TEXTS = ("description", "flow", "step", "psi_at_least", "ks_at_least", "window_days")
FIELDS = (
    "path", "type", "required", "lowest", "highest", "categories", "oldest_hours", "missing",
)  # fmt: skip
PER_CENT = 100


def fill_form(content: Content, posted: Any = None) -> dict[str, Any]:
    """Return what the template shows: the content, or what was posted, with its rows changed."""
    values = _from_content(content) if posted is None else _from_posted(posted)
    if posted is not None and posted.get("row"):
        _change_rows(values["field"], posted["row"])
    references = _references_of(content)
    for row in values["field"]:
        row["is_learned"] = row["path"].strip() in references
    windows = [(str(days), days) for days in WINDOWS]
    return {"fields": values, "types": TYPES, "windows": windows}


def read_edit(draft: Content, posted: Any) -> dict[str, Json]:
    """Return the draft with what the form says of its fields. Raises: FormUnread."""
    values, problems = _from_posted(posted), list[AssetProblem]()
    references = _references_of(draft)
    content: dict[str, Json] = {
        **{name: values[name].strip() for name in ("description", "flow", "step")},
        "fields": [
            _read_field(at, row, references, problems) for at, row in enumerate(values["field"])
        ],
        "drift": _read_drift(values, problems),
        "learned": draft.get("learned", {}),
    }
    if problems:
        raise FormUnread(problems)
    return content


def _read_drift(values: Mapping[str, Json], problems: list[AssetProblem]) -> Row:
    usual = (("psi_at_least", DRIFT_PSI), ("ks_at_least", DRIFT_KS))
    read = {name: _read_number(name, values[name], problems) or of for name, of in usual}
    days = number_in(values["window_days"])
    return {**read, "window_days": days if days in WINDOWS else 1}


def _references_of(content: Content) -> dict[str, Json]:
    fields = content.get("fields", [])
    return {each["path"]: each["reference"] for each in fields if "reference" in each}


def _from_content(content: Content) -> dict[str, Any]:
    drift = content.get("drift", {})
    return {
        **{name: content.get(name, "") for name in ("description", "flow", "step")},
        "psi_at_least": _write(drift.get("psi_at_least", DRIFT_PSI)),
        "ks_at_least": _write(drift.get("ks_at_least", DRIFT_KS)),
        "window_days": str(drift.get("window_days", 1)),
        "field": [_show_field(each) for each in content.get("fields", [])],
    }


def _show_field(each: Mapping[str, Json]) -> Row:
    share = each.get("missing_at_most")
    return {
        "path": each["path"],
        "type": each.get("type", "any"),
        "required": "on" if each.get("required") else "",
        **{name: _write(each.get(name)) for name in ("lowest", "highest", "oldest_hours")},
        "categories": "\n".join(each.get("categories", [])),
        "missing": "" if share is None else _write(round(share * PER_CENT, 6)),
    }


def _write(number: float | None) -> str:
    return "" if number is None else f"{number:.12g}"


def _from_posted(posted: Any) -> dict[str, Any]:
    rows = min(number_in(posted.get("field-rows", "")) or 0, MOST_FIELDS)
    return {
        **{name: posted.get(name, "") for name in TEXTS},
        "field": [
            {name: posted.get(f"field-{at}-{name}", "") for name in FIELDS} for at in range(rows)
        ],
    }


def _change_rows(rows: list[Row], act: str) -> None:
    """Add, remove or move a row as the pressed button says; ignore what is none."""
    word, _, rest = act.partition(":")
    if act == "add:field" and len(rows) < MOST_FIELDS:
        rows.append({**dict.fromkeys(FIELDS, ""), "type": "any", "focus": True})
    at = number_in(rest.partition(":")[2])
    if at is None or at >= len(rows):
        return
    if word == "remove":
        del rows[at]
    elif word == "up" and at > 0:
        rows[at - 1], rows[at] = {**rows[at], "focus": True}, rows[at - 1]


def _read_field(
    at: int, row: Row, references: Mapping[str, Json], problems: list[AssetProblem]
) -> Row:
    path = row["path"].strip()
    read: Row = {"path": path, "type": row["type"] if row["type"] in TYPES else "any"}
    if row["required"]:
        read["required"] = True
    for name in ("lowest", "highest", "oldest_hours"):
        if (number := _read_number(f"field-{at}-{name}", row[name], problems)) is not None:
            read[name] = number
    if names := [line.strip() for line in row["categories"].splitlines() if line.strip()]:
        read["categories"] = list(dict.fromkeys(names))
    share = _read_number(f"field-{at}-missing", row["missing"], problems)
    if share is not None:
        read["missing_at_most"] = round(share / PER_CENT, 8)
    if path in references:
        read["reference"] = references[path]
    return read


def _read_number(field: str, text: str, problems: list[AssetProblem]) -> float | None:
    if not text.strip():
        return None
    try:
        return float(read_number(text))
    except ValueRefused as error:
        problems.append(AssetProblem(field, error.message, error.remedy))
        return None
