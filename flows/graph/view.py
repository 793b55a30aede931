"""What the rules of validation look at: a document and its step types, read only once."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from typing import Any

import jsonschema_rs

from flows.expressions import Expression, ExpressionError, compile_expression, compile_template
from flows.graph.json_values import Path, format_path
from flows.graph.model import Document, Edge, Json, Step
from flows.graph.problems import Problem
from flows.graph.reaching import Reaching
from flows.graph.rework import Asking
from workbench.values.schemas import BoundedValidator

# Fields of this name hold a condition: a bare expression that must give true or false.
CONDITION = "when"


@dataclass(frozen=True)
class TypeFacts:
    """What validation needs to know of a step type.

    ``ports`` and ``output_schema`` take a step's raw config, which may be wrong, and never raise.
    ``error`` is not among the ports, as every type has it. ``secret_fields`` name the fields of
    the config that hold nothing but secrets, ``secret_places`` returns the paths in which secrets
    may stand. ``runs`` says that a worker calls it. ``check`` returns problems
    that a schema cannot express. ``acts_outside`` says that a call with this config changes the
    outside world. By ``optional_ports`` a step leaves only where an edge takes them. ``reaches``
    takes the flow's name and a step, and returns what the step does beyond that flow. A type that
    is ``part_of`` another stands in what steps of that one expand to, and in no other document.
    ``asking`` returns how a step with this config asks people, or None.
    """

    name: str
    ports: Callable[[Mapping[str, Json]], tuple[str, ...]]
    config_schema: Mapping[str, Json]
    output_schema: Callable[[Mapping[str, Json]], Mapping[str, Json]]
    waits: bool = False
    runs: bool = True
    secret_fields: Sequence[str] = ()
    secret_places: Callable[[Mapping[str, Json]], tuple[str, ...]] = lambda _: ()
    check: Callable[[Step], Sequence[Problem]] = lambda _: ()
    acts_outside: Callable[[Mapping[str, Json]], bool] = lambda _: False
    optional_ports: Callable[[Mapping[str, Json]], tuple[str, ...]] = lambda _: ()
    reaches: Callable[[str, Step], Sequence[Reaching]] = lambda _flow, _step: ()
    part_of: str = ""
    asking: Callable[[Mapping[str, Json]], Asking | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Used:
    """An expression and its place; ``step`` is "" in the flow's output."""

    step: str
    field: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Broken:
    """An expression that does not compile."""

    step: str
    field: str
    error: ExpressionError


class View:
    """A document with its step types, and what follows from both."""

    def __init__(self, document: Document, catalogue: Mapping[str, TypeFacts]) -> None:
        self.document = document
        self.steps = document.steps
        self.catalogue = catalogue
        self.uses: list[Used] = []
        self.broken: list[Broken] = []
        self._collect_expressions()

    def facts(self, step: str) -> TypeFacts | None:
        return self.catalogue.get(self.steps[step].type)

    def ports(self, step: str) -> tuple[str, ...]:
        """Return the ports that the type gives this step, or () if the type is unknown."""
        facts = self.facts(step)
        return tuple(facts.ports(self.steps[step].config)) if facts else ()

    def all_ports(self, step: str) -> tuple[str, ...]:
        """Return every port an edge may leave by: the type's, ``error`` and ``limit``."""
        limit = ("limit",) if self.steps[step].max_visits is not None else ()
        own, facts = self.ports(step), self.facts(step)
        optional = facts.optional_ports(self.steps[step].config) if facts else ()
        return (*own, *optional, "error", *limit) if own else limit

    def output_schema(self, step: str) -> Mapping[str, Json]:
        facts = self.facts(step)
        return facts.output_schema(self.steps[step].config) if facts else {}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The edges that join two steps of the flow."""
        known = self.steps
        return tuple(e for e in self.document.edges if e.source in known and e.target in known)

    @cached_property
    def after(self) -> dict[str, set[str]]:
        return self._map_neighbours(lambda edge: (edge.source, edge.target))

    @cached_property
    def before(self) -> dict[str, set[str]]:
        return self._map_neighbours(lambda edge: (edge.target, edge.source))

    def _map_neighbours(self, ends: Callable[[Edge], tuple[str, str]]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {step: set() for step in self.steps}
        for edge in self.edges:
            here, there = ends(edge)
            found[here].add(there)
        for step, undo in self.undone_by.items():
            here, there = ends(Edge(step, "", undo))
            found[here].add(there)
        return found

    @cached_property
    def undone_by(self) -> dict[str, str]:
        """For each step that can be undone, the step that undoes it. No edge leads there."""
        return {
            name: step.compensate
            for name, step in self.steps.items()
            if step.compensate and step.compensate in self.steps and step.compensate != name
        }

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """Steps without an edge from another step: a run begins on each."""
        entered = {edge.target for edge in self.edges if edge.source != edge.target}
        entered.update(self.undone_by.values())
        return tuple(step for step in self.steps if step not in entered)

    @cached_property
    def reachable(self) -> frozenset[str]:
        return find_reachable(self.starts, self.after) | frozenset(self.starts)

    @cache  # noqa: B019 - a view lives as long as one validation
    def ancestors(self, step: str) -> frozenset[str]:
        """Return the steps that may have run before this one starts; itself only in a loop."""
        return find_reachable([step], self.before)

    def find_never_before(self, step: str, names: frozenset[str]) -> frozenset[str]:
        """Return those of the names that cannot have run when this step starts.

        The search goes backwards and stops once all are found: most names are of near neighbours.
        """
        missing, seen, open_ = set(names), {step}, [step]
        for here in open_:
            if not missing:
                break
            missing -= self.before[here]
            open_ += self.before[here] - seen
            seen |= self.before[here]
        return frozenset(missing)

    def _collect_expressions(self) -> None:
        for name, step in self.steps.items():
            facts = self.facts(name)
            schema = facts.config_schema if facts else {}
            bare = dict(find_bare_expressions(step.config, schema))
            for path, source in bare.items():
                wanted = bool if path[-1] == CONDITION else None
                self._add_expressions(name, ("with", *path), partial(compile_bare, source, wanted))
            for path, text in walk_texts(step.config):
                if path not in bare:
                    self._add_expressions(name, ("with", *path), partial(compile_text, text))
            if step.limit is not None:
                self._add_expressions(name, ("limit", "key"), partial(compile_text, step.limit.key))
        for path, text in walk_texts(self.document.output):
            self._add_expressions("", ("output", *path), partial(compile_text, text))

    def _add_expressions(
        self, step: str, path: Path, build: Callable[[], list[Expression]]
    ) -> None:
        field = format_path(path)
        try:
            self.uses += [Used(step, field, expression) for expression in build()]
        except ExpressionError as error:
            self.broken.append(Broken(step, field, error))


def compile_bare(source: str, result: type | None) -> list[Expression]:
    return [compile_expression(source, result=result)]


def compile_text(text: str) -> list[Expression]:
    if "${" not in text:
        return []
    return [each.expression for each in compile_template(text).expressions]


def find_reachable(starts: Sequence[str], next_of: Mapping[str, set[str]]) -> frozenset[str]:
    """Return every step that can be reached from the starts by at least one move."""
    found: set[str] = set()
    open_ = list(starts)
    while open_:
        for step in next_of[open_.pop()]:
            if step not in found:
                found.add(step)
                open_.append(step)
    return frozenset(found)


def walk_texts(value: Json, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield path and text of each text inside a value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk_texts(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from walk_texts(item, (*path, index))


def find_bare_expressions(
    value: Json, schema: Mapping[str, Json], root: Mapping[str, Json] | None = None, path: Path = ()
) -> Iterator[tuple[Path, str]]:
    """Yield path and text of each text that a schema marks with ``format: cel``."""
    root = schema if root is None else root
    schema = resolve_reference(schema, root)
    if isinstance(value, str):
        if schema.get("format") == "cel":
            yield path, value
        return
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from find_bare_expressions(value, option, root, path)
    if isinstance(value, Mapping):
        fields, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            inner = fields.get(key, rest)
            if isinstance(inner, Mapping):
                yield from find_bare_expressions(item, inner, root, (*path, str(key)))
    elif isinstance(value, list | tuple) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from find_bare_expressions(item, schema["items"], root, (*path, index))


def resolve_reference(schema: Mapping[str, Json], root: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the schema that a ``$ref`` inside the same schema leads to, or the schema itself."""
    for _ in range(10):
        ref = schema.get("$ref")
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return schema
        found: Any = root
        for part in ref[2:].split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        if not isinstance(found, Mapping):
            return {}
        schema = found
    return {}


class RemoteReference(ValueError):
    """A schema refers to something outside itself."""


def _refuse_retrieval(uri: str) -> Any:
    raise RemoteReference(uri)


def schema_validator(schema: Mapping[str, Json]) -> BoundedValidator:
    """Return a validator that reads nothing but the schema: no network, no files.

    Raises:
        ValueError: the schema is wrong, or refers to something outside itself.
    """
    return _make_validator(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=512)
def _make_validator(schema: str) -> BoundedValidator:
    make = jsonschema_rs.Draft202012Validator
    return BoundedValidator(json.loads(schema), make, retriever=_refuse_retrieval)
