"""Read and write the flow document as YAML, JSON or a mapping: lossless, in a stable order."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from flows.graph.json_values import Lines, Path, TextProblem, copy_value, read_json
from flows.graph.model import Document, Json, Limit, Retry, Step
from flows.graph.problems import DocumentError
from flows.graph.reader import DocumentReader, TooManyProblems
from flows.graph.yaml_text import read_yaml, write_yaml
from workbench.values.refusals import NotJson

MAX_TEXT_BYTES = 1_000_000


def parse(source: str | bytes | Mapping[str, Any]) -> Document:
    """Read a document from YAML or JSON text, or from a mapping of plain JSON values.

    Raises:
        DocumentError: with every fault of form that was found. Faults of meaning, such as an
            edge to an unknown step, are for ``validation.validate``.
    """
    try:
        data, lines = _read_source(source)
    except TextProblem as problem:
        raise DocumentError([problem.as_problem()]) from None
    reader = DocumentReader(lines)
    try:
        document = reader.read_document(data)
    except TooManyProblems:
        raise DocumentError(reader.problems) from None
    if reader.problems:
        raise DocumentError(reader.problems)
    return document


def to_mapping(document: Document) -> dict[str, Json]:
    """Return the document as plain JSON values; fields that hold their default are left out."""
    data: dict[str, Json] = {"schema": document.schema, "name": document.name}
    _put(data, "title", document.title)
    _put(data, "description", document.description)
    _put(data, "lane", document.lane)
    _put(data, "input", dict(document.input))
    _put(data, "output", dict(document.output))
    data["steps"] = {name: _step_to_mapping(step) for name, step in document.steps.items()}
    data["edges"] = [str(edge) for edge in document.edges]
    _put(data, "layout", {name: list(place) for name, place in document.layout.items()})
    _put(data, "notes", {name: dict(note) for name, note in document.notes.items()})
    _put(data, "groups", {name: dict(group) for name, group in document.groups.items()})
    _put(data, "samples", dict(document.samples))
    _put(data, "tests", [dict(test) for test in document.tests])
    return data


def to_json(document: Document) -> str:
    """Return indented JSON with a final newline."""
    return json.dumps(to_mapping(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_yaml(document: Document) -> str:
    """Return YAML that diffs well: an edge or a place on each line, long texts as blocks."""
    return write_yaml(to_mapping(document), inline=_is_inline)


def _is_inline(path: Path) -> bool:
    """Return whether the value at the path is written on one line of YAML."""
    match path:
        case ("layout", _) | ("steps", _, "retry" | "limit" | "cache"):
            return True
        case _:
            return False


def _put(data: dict[str, Json], key: str, value: Json) -> None:
    """Set the field, unless it would hold its default."""
    if value not in (None, "", [], {}):
        data[key] = value


def _step_to_mapping(step: Step) -> dict[str, Json]:
    data: dict[str, Json] = {"type": step.type}
    _put(data, "title", step.title)
    _put(data, "with", dict(step.config))
    if step.retry is not None:
        data["retry"] = _retry_to_mapping(step.retry)
    if step.limit is not None:
        data["limit"] = {
            item.name: value
            for item in fields(Limit)
            if (value := getattr(step.limit, item.name)) not in ("", None)
        }
    if step.cache is not None:
        data["cache"] = {"ttl_seconds": step.cache.ttl_seconds}
    for key in ("timeout_seconds", "max_visits", "compensate", "runbook"):
        _put(data, key, getattr(step, key))
    return data


def _retry_to_mapping(retry: Retry) -> dict[str, Json]:
    values = {item.name: (getattr(retry, item.name), item.default) for item in fields(Retry)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, (value, default) in values.items()
        if name == "max_attempts" or default is MISSING or value != default
    }


def _read_source(source: str | bytes | Mapping[str, Any]) -> tuple[Json, Lines]:
    if isinstance(source, Mapping):
        return copy_value(source), {}
    text = _decode(source)
    if text.lstrip().startswith("{"):
        try:
            return read_json(text), {}
        except NotJson:
            pass  # YAML may begin with a brace too, and its error names the line.
    return read_yaml(text)


def _decode(source: str | bytes) -> str:
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "replace"))
    if size > MAX_TEXT_BYTES:
        raise TextProblem(
            "document.too_large",
            f"The document has {size:,} bytes; the limit is {MAX_TEXT_BYTES:,}.",
            "Move large samples and tables out of the flow, or split it into subflows.",
        )
    try:
        return source.decode("utf-8-sig") if isinstance(source, bytes) else source
    except UnicodeDecodeError:
        raise TextProblem(
            "document.not_utf8", "The document is not UTF-8 text.", "Save it as UTF-8."
        ) from None
