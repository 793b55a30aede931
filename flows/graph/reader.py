"""Reading a document out of plain JSON values, collecting every fault of form on the way."""

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from flows.graph.json_values import Lines, Path, format_path
from flows.graph.model import LANES, SCHEMA, Cache, Document, Edge, Json, Limit, Retry, Step
from flows.graph.problems import MAX_PROBLEMS, Problem, suggest

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


class TooManyProblems(Exception):
    """The document has more faults than anybody would read; reading it on is of no use."""


class DocumentReader:
    """Builds a document and adds each fault of form to ``problems``.

    A field that has the wrong form is read as if it were missing. Raises: TooManyProblems.
    """

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.problems: list[Problem] = []

    def read_document(self, data: Json) -> Document:
        if not isinstance(data, dict):
            self.add_problem(
                (),
                "document.not_a_mapping",
                "The document is not a mapping.",
                f"Start it with `schema: {SCHEMA}`, `name:` and `steps:`.",
            )
            return Document(name="")
        self.check_keys(data, (), _DOCUMENT_KEYS)
        self.check_schema(data)
        return Document(
            name=self.read_name(data),
            title=self.read_text(data, (), "title"),
            description=self.read_text(data, (), "description"),
            input=self.read_mapping(data, (), "input"),
            output=self.read_mapping(data, (), "output"),
            steps={
                name: self.read_step(name, step)
                for name, step in self.read_mapping(data, (), "steps").items()
            },
            edges=tuple(self.read_edges(data)),
            layout=self.read_layout(data),
            notes=self.read_mappings(data, "notes"),
            groups=self.read_mappings(data, "groups"),
            tests=self.read_tests(data),
            samples=self.read_mapping(data, (), "samples"),
            lane=self.read_lane(data),
        )

    def check_schema(self, data: dict[str, Json]) -> None:
        if data.get("schema") != SCHEMA:
            self.add_problem(
                ("schema",),
                "document.schema",
                f"The schema is not {SCHEMA}.",
                f"Write `schema: {SCHEMA}` as the first line.",
            )

    def read_name(self, data: dict[str, Json]) -> str:
        name = self.read_text(data, (), "name")
        if not name and not any(problem.field == "name" for problem in self.problems):
            self.add_problem(
                ("name",),
                "document.name",
                "The flow has no name.",
                "Add `name:` with letters, digits and hyphens.",
            )
        return name

    def read_lane(self, data: dict[str, Json]) -> str:
        lane = self.read_text(data, (), "lane")
        if lane and lane not in LANES:
            self.add_problem(
                ("lane",),
                "document.lane",
                f"There is no lane {lane!r}.",
                f"Write one of: {', '.join(LANES)}.",
            )
        return lane

    def read_step(self, name: str, data: Json) -> Step:
        path: Path = ("steps", name)
        if not _NAME.match(name):
            self.add_problem(
                path,
                "document.step_name",
                f"An edge cannot name a step called {name!r}.",
                "Use letters, digits and underscores.",
            )
        if not isinstance(data, dict):
            self.add_problem(
                path, "document.step", "The step is not a mapping.", "Give it at least a `type:`."
            )
            return Step(id=name, type="")
        self.check_keys(data, path, _STEP_KEYS)
        if not data.get("type"):
            self.add_problem(
                (*path, "type"),
                "document.step_type",
                "The step has no type.",
                "Add `type:`, such as `type: http.request`.",
            )
        return Step(
            id=name,
            type=self.read_text(data, path, "type"),
            title=self.read_text(data, path, "title"),
            config=self.read_mapping(data, path, "with"),
            retry=self.read_retry(data, path),
            limit=self.read_limit(data, path),
            cache=self.read_cache(data, path),
            timeout_seconds=self.read_number(data, path, "timeout_seconds"),
            max_visits=self.read_whole(data, path, "max_visits"),
            compensate=self.read_text(data, path, "compensate") or None,
            runbook=self.read_text(data, path, "runbook"),
        )

    def read_retry(self, step: dict[str, Json], path: Path) -> Retry | None:
        if step.get("retry") is None:
            return None
        data, path = self.read_mapping(step, path, "retry"), (*path, "retry")
        self.check_keys(data, path, _RETRY_KEYS)
        readers: dict[str, Callable[..., Any]] = {
            "max_attempts": self.read_whole,
            "on": self.read_names,
            "not_on": self.read_names,
        }
        given: dict[str, Any] = {
            key: readers.get(key, self.read_number)(data, path, key)
            for key in _RETRY_KEYS
            if data.get(key) is not None
        }
        return Retry(**{key: value for key, value in given.items() if value is not None})

    def read_limit(self, step: dict[str, Json], path: Path) -> Limit | None:
        if step.get("limit") is None:
            return None
        data, path = self.read_mapping(step, path, "limit"), (*path, "limit")
        self.check_keys(data, path, _LIMIT_KEYS)
        return Limit(
            key=self.read_text(data, path, "key"),
            concurrency=self.read_whole(data, path, "concurrency"),
            per_second=self.read_number(data, path, "per_second"),
        )

    def read_cache(self, step: dict[str, Json], path: Path) -> Cache | None:
        data, path = self.read_mapping(step, path, "cache"), (*path, "cache")
        if not data:
            return None
        self.check_keys(data, path, ("ttl_seconds",))
        seconds = self.read_number(data, path, "ttl_seconds")
        return Cache(seconds) if seconds is not None else None

    def read_edges(self, data: dict[str, Json]) -> list[Edge]:
        edges = []
        for index, item in enumerate(self.read_sequence(data, "edges")):
            found = _EDGE.match(item) if isinstance(item, str) else None
            if found:
                edges.append(Edge(*found.groups()))
            else:
                self.add_problem(
                    ("edges", index),
                    "document.edge",
                    f"{item!r} is not an edge.",
                    "Write `step.port -> step`, such as `score.done -> route`.",
                )
        return edges

    def read_layout(self, data: dict[str, Json]) -> dict[str, tuple[float, float]]:
        places = {}
        for name, place in self.read_mapping(data, (), "layout").items():
            match place:
                case [x, y] if _is_number(x) and _is_number(y):
                    places[name] = (x, y)
                case _:
                    self.add_problem(
                        ("layout", name),
                        "document.layout",
                        "A place must be two numbers.",
                        "Write it as `[80, 120]`.",
                    )
        return places

    def read_mappings(self, data: dict[str, Json], key: str) -> dict[str, dict[str, Json]]:
        items = self.read_mapping(data, (), key)
        return {name: self.read_mapping(items, (key,), name) for name in items}

    def read_tests(self, data: dict[str, Json]) -> tuple[dict[str, Json], ...]:
        tests = self.read_sequence(data, "tests")
        for index, test in enumerate(tests):
            if not isinstance(test, dict):
                self.add_wrong_kind(("tests", index), "a mapping")
        return tuple(test for test in tests if isinstance(test, dict))

    def read_text(self, data: dict[str, Json], path: Path, key: str) -> str:
        return self.read_value(data, path, key, "", lambda v: isinstance(v, str), "text")  # type: ignore[no-any-return]

    def read_number(self, data: dict[str, Json], path: Path, key: str) -> float | None:
        return self.read_value(data, path, key, None, _is_number, "a number")  # type: ignore[no-any-return]

    def read_whole(self, data: dict[str, Json], path: Path, key: str) -> int | None:
        return self.read_value(data, path, key, None, _is_whole, "a whole number")  # type: ignore[no-any-return]

    def read_names(self, data: dict[str, Json], path: Path, key: str) -> tuple[str, ...]:
        return tuple(self.read_value(data, path, key, [], _is_names, "a list of names"))

    def read_mapping(self, data: dict[str, Json], path: Path, key: str) -> dict[str, Json]:
        return self.read_value(data, path, key, {}, lambda v: isinstance(v, dict), "a mapping")  # type: ignore[no-any-return]

    def read_sequence(self, data: dict[str, Json], key: str) -> list[Json]:
        return self.read_value(data, (), key, [], lambda v: isinstance(v, list), "a list")  # type: ignore[no-any-return]

    def read_value(
        self,
        data: dict[str, Json],
        path: Path,
        key: str,
        default: Json,
        fits: Callable[[Json], bool],
        kind: str,
    ) -> Json:
        """Return the field's value if it fits, else the default. ``kind`` says what would fit."""
        value = data.get(key)
        if value is None:
            return default
        if fits(value):
            return value
        self.add_wrong_kind((*path, key), kind)
        return default

    def add_wrong_kind(self, path: Path, kind: str) -> None:
        self.add_problem(
            path,
            "document.wrong_kind",
            f"This must be {kind}.",
            f"Write {kind} here; quote a value that must stay text.",
        )

    def check_keys(self, data: dict[str, Json], path: Path, known: tuple[str, ...]) -> None:
        for key in data:
            if key not in known:
                self.add_problem(
                    (*path, key),
                    "document.unknown_field",
                    f"There is no field {key!r}.",
                    suggest(key, known),
                )

    def add_problem(self, path: Path, code: str, message: str, remedy: str) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            raise TooManyProblems
        step, rest = ("", path)
        if len(path) > 1 and path[0] == "steps":
            step, rest = str(path[1]), path[2:]
        line = next((self.lines[p] for p in _list_upwards(path) if p in self.lines), None)
        self.problems.append(
            Problem("error", code, step, format_path(rest), message, remedy, line=line)
        )


def _list_upwards(path: Path) -> list[Path]:
    """Return the path and those above it, up to the root."""
    return [path[:end] for end in range(len(path), -1, -1)]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_names(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
