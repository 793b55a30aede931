"""The flow document as YAML and JSON text, and as a plain mapping: lossless, in a stable order."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from flows.graph.model import LANES, SCHEMA, Cache, Document, Edge, Json, Limit, Retry, Step
from flows.graph.plain import Lines, Path, TextProblem, plain_copy, read_json
from flows.graph.problems import DocumentError, Problem, suggestion
from flows.graph.yaml_text import read_yaml, write_yaml

MAX_TEXT_BYTES = 1_000_000

_EDGE = re.compile(r"\s*([^\s.>]+)\.([^\s.>]+)\s*->\s*([^\s.>]+)\s*\Z")
_NAME = re.compile(r"[^\s.>]+\Z")
_DOCUMENT_KEYS = (
    "schema", "name", "title", "description", "lane", "input", "output", "steps", "edges", "layout",
    "notes", "groups", "samples", "tests",
)  # fmt: skip
_STEP_KEYS = (
    "type", "title", "with", "retry", "limit", "cache", "timeout_seconds", "max_visits",
    "compensate", "runbook",
)  # fmt: skip
_RETRY_KEYS = tuple(item.name for item in fields(Retry))
_LIMIT_KEYS = tuple(item.name for item in fields(Limit))


def parse(source: str | bytes | Mapping[str, Any]) -> Document:
    """Read a document from YAML or JSON text, or from a mapping of plain JSON values.

    Raises:
        DocumentError: with every fault of form that was found. What a form cannot show, such as
            an edge to an unknown step, is for ``validation.validate``.
    """
    try:
        data, lines = _read(source)
    except TextProblem as problem:
        raise DocumentError([problem.as_problem()]) from None
    reader = _Reader(lines)
    document = reader.document(data)
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
    data["steps"] = {name: _step_mapping(step) for name, step in document.steps.items()}
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
    """Return YAML that diffs well: one edge a line, one place a line, long texts as blocks."""
    return write_yaml(to_mapping(document), inline=_inline)


def _inline(path: Path) -> bool:
    match path:
        case ("layout", _) | ("steps", _, "retry" | "limit" | "cache"):
            return True
        case _:
            return False


def _put(data: dict[str, Json], key: str, value: Json) -> None:
    if value not in (None, "", [], {}):
        data[key] = value


def _step_mapping(step: Step) -> dict[str, Json]:
    data: dict[str, Json] = {"type": step.type}
    _put(data, "title", step.title)
    _put(data, "with", dict(step.config))
    if step.retry is not None:
        data["retry"] = _retry_mapping(step.retry)
    if step.limit is not None:
        data["limit"] = {
            key: value
            for key in _LIMIT_KEYS
            if (value := getattr(step.limit, key)) not in ("", None)
        }
    if step.cache is not None:
        data["cache"] = {"ttl_seconds": step.cache.ttl_seconds}
    for key in ("timeout_seconds", "max_visits", "compensate", "runbook"):
        _put(data, key, getattr(step, key))
    return data


def _retry_mapping(retry: Retry) -> dict[str, Json]:
    values = {item.name: (getattr(retry, item.name), item.default) for item in fields(Retry)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, (value, default) in values.items()
        if name == "max_attempts" or default is MISSING or value != default
    }


def _read(source: str | bytes | Mapping[str, Any]) -> tuple[Json, Lines]:
    if isinstance(source, Mapping):
        return plain_copy(source), {}
    text = _text(source)
    if text.lstrip().startswith("{"):
        try:
            return read_json(text), {}
        except json.JSONDecodeError:
            pass  # YAML may begin with a brace too, and its error names the line.
    return read_yaml(text)


def _text(source: str | bytes) -> str:
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


class _Reader:
    """Builds a document and collects every fault on the way."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.problems: list[Problem] = []

    def document(self, data: Json) -> Document:
        if not isinstance(data, dict):
            self.fault((), "document.not_a_mapping", "The document is not a mapping.",
                       f"Start it with `schema: {SCHEMA}`, `name:` and `steps:`.")  # fmt: skip
            return Document(name="")
        self.known_keys(data, (), _DOCUMENT_KEYS)
        self.schema(data)
        return Document(
            name=self.name(data),
            title=self.text(data, (), "title"),
            description=self.text(data, (), "description"),
            input=self.mapping(data, (), "input"),
            output=self.mapping(data, (), "output"),
            steps={
                name: self.step(name, step)
                for name, step in self.mapping(data, (), "steps").items()
            },
            edges=tuple(self.edges(data)),
            layout=self.layout(data),
            notes=self.mappings(data, "notes"),
            groups=self.mappings(data, "groups"),
            tests=self.tests(data),
            samples=self.mapping(data, (), "samples"),
            lane=self.lane(data),
        )

    def schema(self, data: dict[str, Json]) -> None:
        if data.get("schema") != SCHEMA:
            self.fault(("schema",), "document.schema", f"The schema is not {SCHEMA}.",
                       f"Write `schema: {SCHEMA}` as the first line.")  # fmt: skip

    def name(self, data: dict[str, Json]) -> str:
        name = self.text(data, (), "name")
        if not name and not any(problem.field == "name" for problem in self.problems):
            self.fault(("name",), "document.name", "The flow has no name.",
                       "Add `name:` with letters, digits and hyphens.")  # fmt: skip
        return name

    def lane(self, data: dict[str, Json]) -> str:
        lane = self.text(data, (), "lane")
        if lane and lane not in LANES:
            self.fault(("lane",), "document.lane", f"There is no lane {lane!r}.",
                       f"Write one of: {', '.join(LANES)}.")  # fmt: skip
        return lane

    def step(self, name: str, data: Json) -> Step:
        path: Path = ("steps", name)
        if not _NAME.match(name):
            self.fault(path, "document.step_name", f"An edge cannot name a step called {name!r}.",
                       "Use letters, digits and underscores.")  # fmt: skip
        if not isinstance(data, dict):
            self.fault(path, "document.step", "The step is not a mapping.",
                       "Give it at least a `type:`.")  # fmt: skip
            return Step(id=name, type="")
        self.known_keys(data, path, _STEP_KEYS)
        if not data.get("type"):
            self.fault((*path, "type"), "document.step_type", "The step has no type.",
                       "Add `type:`, such as `type: http.request`.")  # fmt: skip
        return Step(
            id=name,
            type=self.text(data, path, "type"),
            title=self.text(data, path, "title"),
            config=self.mapping(data, path, "with"),
            retry=self.retry(data, path),
            limit=self.limit(data, path),
            cache=self.cache(data, path),
            timeout_seconds=self.number(data, path, "timeout_seconds"),
            max_visits=self.whole(data, path, "max_visits"),
            compensate=self.text(data, path, "compensate") or None,
            runbook=self.text(data, path, "runbook"),
        )

    def retry(self, step: dict[str, Json], path: Path) -> Retry | None:
        if step.get("retry") is None:
            return None
        data, path = self.mapping(step, path, "retry"), (*path, "retry")
        self.known_keys(data, path, _RETRY_KEYS)
        readers: dict[str, Callable[..., Any]] = {
            "max_attempts": self.whole, "on": self.names, "not_on": self.names,
        }  # fmt: skip
        given: dict[str, Any] = {
            key: readers.get(key, self.number)(data, path, key)
            for key in _RETRY_KEYS
            if data.get(key) is not None
        }
        return Retry(**{key: value for key, value in given.items() if value is not None})

    def limit(self, step: dict[str, Json], path: Path) -> Limit | None:
        if step.get("limit") is None:
            return None
        data, path = self.mapping(step, path, "limit"), (*path, "limit")
        self.known_keys(data, path, _LIMIT_KEYS)
        return Limit(
            key=self.text(data, path, "key"),
            concurrency=self.whole(data, path, "concurrency"),
            per_second=self.number(data, path, "per_second"),
        )

    def cache(self, step: dict[str, Json], path: Path) -> Cache | None:
        data, path = self.mapping(step, path, "cache"), (*path, "cache")
        if not data:
            return None
        self.known_keys(data, path, ("ttl_seconds",))
        seconds = self.number(data, path, "ttl_seconds")
        return Cache(seconds) if seconds is not None else None

    def edges(self, data: dict[str, Json]) -> list[Edge]:
        edges = []
        for index, item in enumerate(self.sequence(data, "edges")):
            found = _EDGE.match(item) if isinstance(item, str) else None
            if found:
                edges.append(Edge(*found.groups()))
            else:
                self.fault(("edges", index), "document.edge", f"This is no edge: {item!r}.",
                           "Write `step.port -> step`, such as `score.done -> route`.")  # fmt: skip
        return edges

    def layout(self, data: dict[str, Json]) -> dict[str, tuple[float, float]]:
        places = {}
        for name, place in self.mapping(data, (), "layout").items():
            match place:
                case [int() | float() as x, int() | float() as y] if _is_number(x) and _is_number(
                    y
                ):
                    places[name] = (x, y)
                case _:
                    self.fault(("layout", name), "document.layout", "A place is two numbers.",
                               "Write it as `[80, 120]`.")  # fmt: skip
        return places

    def mappings(self, data: dict[str, Json], key: str) -> dict[str, dict[str, Json]]:
        items = self.mapping(data, (), key)
        return {name: self.mapping(items, (key,), name) for name in items}

    def tests(self, data: dict[str, Json]) -> tuple[dict[str, Json], ...]:
        tests = self.sequence(data, "tests")
        for index, test in enumerate(tests):
            if not isinstance(test, dict):
                self.wrong(("tests", index), "a mapping")
        return tuple(test for test in tests if isinstance(test, dict))

    def text(self, data: dict[str, Json], path: Path, key: str) -> str:
        return self.value(data, path, key, "", lambda v: isinstance(v, str), "text")  # type: ignore[no-any-return]

    def number(self, data: dict[str, Json], path: Path, key: str) -> float | None:
        return self.value(data, path, key, None, _is_number, "a number")  # type: ignore[no-any-return]

    def whole(self, data: dict[str, Json], path: Path, key: str) -> int | None:
        return self.value(data, path, key, None, _is_whole, "a whole number")  # type: ignore[no-any-return]

    def names(self, data: dict[str, Json], path: Path, key: str) -> tuple[str, ...]:
        return tuple(self.value(data, path, key, [], _is_names, "a list of names"))

    def mapping(self, data: dict[str, Json], path: Path, key: str) -> dict[str, Json]:
        return self.value(data, path, key, {}, lambda v: isinstance(v, dict), "a mapping")  # type: ignore[no-any-return]

    def sequence(self, data: dict[str, Json], key: str) -> list[Json]:
        return self.value(data, (), key, [], lambda v: isinstance(v, list), "a list")  # type: ignore[no-any-return]

    def value(
        self,
        data: dict[str, Json],
        path: Path,
        key: str,
        default: Json,
        fits: Callable[[Json], bool],
        kind: str,
    ) -> Json:
        value = data.get(key)
        if value is None:
            return default
        if fits(value):
            return value
        self.wrong((*path, key), kind)
        return default

    def wrong(self, path: Path, kind: str) -> None:
        self.fault(path, "document.wrong_kind", f"This must be {kind}.",
                   f"Write {kind} here; quote a value that must stay text.")  # fmt: skip

    def known_keys(self, data: dict[str, Json], path: Path, known: tuple[str, ...]) -> None:
        for key in data:
            if key not in known:
                self.fault((*path, key), "document.unknown_field", f"There is no field {key!r}.",
                           suggestion(key, known))  # fmt: skip

    def fault(self, path: Path, code: str, message: str, remedy: str) -> None:
        step, rest = ("", path)
        if len(path) > 1 and path[0] == "steps":
            step, rest = str(path[1]), path[2:]
        line = next((self.lines[p] for p in _upwards(path) if p in self.lines), None)
        self.problems.append(
            Problem("error", code, step, field_path(rest), message, remedy, line=line)
        )


def field_path(path: Path) -> str:
    """Return a path as authors read it: ``with.cases[0].when``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def _upwards(path: Path) -> list[Path]:
    return [path[:end] for end in range(len(path), -1, -1)]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_names(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
