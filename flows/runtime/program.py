"""A published version made ready to run: graph, step types, expressions. Cached by version."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from threading import Lock
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from flows.engine.graph import Graph, compile_graph
from flows.engine.lanes import Lane, lane_of
from flows.expressions import ExpressionError, Template, compile_template
from flows.graph.codec import parse
from flows.graph.model import Document, Step
from flows.graph.rules_secrets import find_secret_fault
from flows.models import FlowVersion
from flows.steps.base import StepConfig, StepFailure, StepType
from flows.steps.registry import all_step_types, get_step_type
from workbench.values.checking import check_value
from workbench.values.refusals import ValueRefused
from workbench.values.schemas import make_validator

Json = Any

# Bare CEL fields name steps too, so references are looked for in all of a config's text. To load
# one output too many costs a row; to miss one would be wrong.
_STEP_NAMES = re.compile(r"steps\.([A-Za-z_][A-Za-z0-9_]*)|steps\[\\?[\"']([^\"'\\]+)")


# What is not published is pinned to nothing: its steps take what is released.
NO_PINS: Mapping[str, int] = MappingProxyType({})


def step_references(value: Json) -> frozenset[str]:
    """Return the ids of the steps that expressions inside ``value`` may read."""
    found = _STEP_NAMES.findall(json.dumps(value, default=str))
    return frozenset(dotted or indexed for dotted, indexed in found)


@dataclass(frozen=True)
class BoundStep:
    """A step of a version with its type and its compiled config."""

    step: Step
    type: StepType
    template: Template
    references: frozenset[str]
    late: Mapping[str, Json]

    def config(self, bindings: Mapping[str, Json]) -> Any:
        """Return the config, rendered and checked. Raises StepFailure, never to be retried."""
        if self._constant is not None:
            return self._constant
        try:
            rendered = self.template.render(bindings)
            if self.type.waits:
                # What a step waits with is stored: the title of a case, the payload of an event.
                check_value(rendered)
            return self.type.Config.model_validate({**rendered, **self.late})
        except ExpressionError as error:
            raise StepFailure(str(error), kind="expression", retryable=False) from error
        except ValueRefused as error:
            raise StepFailure(f"`with` {error}", kind="config", retryable=False) from error
        except ValidationError as error:
            raise StepFailure(_first_error(error), kind="config", retryable=False) from error

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets its config reads."""
        used = (placed.expression.secrets for placed in self.template.expressions)
        return frozenset(name for names in used for name in names)

    @cached_property
    def secrets_fault(self) -> str:
        """Why its secrets are not given, or "". A version may be older than the rule on them."""
        places = self.type.list_secret_places(self.step.config)
        for placed in self.template.expressions:
            if placed.expression.secrets and (
                fault := find_secret_fault(placed.path, placed.expression, places)
            ):
                return f"`with.{placed.path}`: {' '.join(fault)}"
        return ""

    @cached_property
    def _constant(self) -> StepConfig | None:
        if "${" in json.dumps(dict(self.step.config), default=str):
            return None
        try:
            return self.type.Config.model_validate(dict(self.step.config))
        except ValidationError:
            return None


class Program:
    """What a worker needs of a version. Immutable; shared by threads."""

    def __init__(
        self,
        version_id: int,
        flow_id: int,
        number: int,
        document: Document,
        pins: Mapping[str, int] = NO_PINS,
    ) -> None:
        self.version_id = version_id
        self.flow_id = flow_id
        self.number = number
        self.document = document
        self.pins = pins
        waits = {type_.name: type_.waits for type_ in all_step_types()}
        asks = {type_.name: type_.asking for type_ in all_step_types()}
        self.graph: Graph = compile_graph(document, waits, asks)
        self.steps = {step.id: _bind(step) for step in document.steps.values()}
        self._output = compile_template(dict(document.output))
        self.output_references = step_references(dict(document.output))

    @property
    def flow(self) -> str:
        return self.document.name

    def pins_of(self, bound: BoundStep) -> dict[str, int]:
        """Return the pins of the assets that a step uses."""
        used = bound.type.list_assets(bound.step.config)
        return {name: self.pins[name] for name in used if name in self.pins}

    @cached_property
    def input_validator(self) -> Any:
        """The input contract as a validator; a flow without one takes anything."""
        schema = dict(self.document.input) or True
        return make_validator(schema)

    @property
    def has_output(self) -> bool:
        return bool(self.document.output)

    def render_output(self, bindings: Mapping[str, Json]) -> Json:
        """Return the run's output. Raises ExpressionError, ValueRefused."""
        output = self._output.render(bindings)
        check_value(output)
        return output


def run_bindings(
    run_id: int, program: Program, started_at: datetime, priority: int | None = None
) -> dict[str, Json]:
    """Return what expressions see as ``run``. Without a priority its lane is the flow's."""
    lane = program.document.lane or Lane.STANDARD if priority is None else lane_of(priority)
    return {
        "id": run_id,
        "flow": program.flow,
        "version": program.number,
        "started_at": started_at.isoformat(),
        "lane": str(lane),
    }


def _bind(step: Step) -> BoundStep:
    type_ = get_step_type(step.type)
    late = {key: value for key, value in step.config.items() if key in type_.late_fields}
    now = {key: value for key, value in step.config.items() if key not in late}
    read = [dict(step.config), step.limit.key if step.limit else ""]
    return BoundStep(step, type_, compile_template(now), step_references(read), late)


def _first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"Its config does not fit: {where}: {first['msg']}."


_cache: dict[int, Program] = {}
_lock = Lock()
_MOST_PROGRAMS = 512


def load_program(version_id: int) -> Program:
    """Return the program of a version. Versions are immutable, so it is read once a process."""
    program = _cache.get(version_id)
    if program is None:
        fields = ("id", "flow_id", "number", "document", "pins")
        version = FlowVersion.with_parts.only(*fields).get(pk=version_id)
        program = Program(
            version.pk, version.flow_id, version.number, parse(version.document), version.pins
        )
        with _lock:
            while len(_cache) >= _MOST_PROGRAMS:
                _cache.pop(next(iter(_cache)))
            _cache[version_id] = program
    return program


def cached_program(version_id: int) -> Program | None:
    return _cache.get(version_id)


def forget_programs() -> None:
    """Empty the cache. Tests that roll a database back need it: ids are used again."""
    _cache.clear()
