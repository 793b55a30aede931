"""The fields that every step has in the inspector: what to do on failure, how often to execute."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.editor.fields import Field, build_field
from flows.graph.model import Retry
from flows.graph.operations import parse_edge
from flows.steps.base import RunningStep, StepType

Json = Any
FieldSchema = dict[str, Json]
NUMBER, WHOLE, TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}
NAMES = {"type": "array"}  # written in one line, with commas between
LONG = {"type": "string", "maxLength": 4000}
DEFAULT = Retry()


def describe(kind: FieldSchema, title: str, help_text: str, **more: Json) -> FieldSchema:
    return {**kind, "title": title, "description": help_text, **more}


FAILURE_FIELDS: dict[str, FieldSchema] = {
    "/timeout_seconds": describe(
        NUMBER, "Time-out", "Seconds an attempt may take.", examples=[30]
    ),
    "/retry/max_attempts": describe(
        WHOLE, "Attempts", "1 tries once and gives up.", default=DEFAULT.max_attempts, examples=[4]
    ),
    "/retry/on": describe(
        NAMES, "Try again only on", "Classes of errors, with commas between; empty means any.",
        examples=["timeout, http.5xx, http.429"],
    ),
    "/retry/not_on": describe(
        NAMES, "Never try again on", "Takes precedence over the list above.", examples=["http.501"]
    ),
    "/retry/initial_seconds": describe(
        NUMBER, "First pause", "Seconds before the second attempt.", default=DEFAULT.initial_seconds
    ),
    "/retry/factor": describe(
        NUMBER, "Growth", "Each pause is this many times the one before.", default=DEFAULT.factor
    ),
    "/retry/max_seconds": describe(
        NUMBER, "Longest pause", "Seconds.", default=DEFAULT.max_seconds
    ),
    "/retry/jitter": describe(
        NUMBER, "Spread", "The share by which a pause is shortened or lengthened at random.",
        default=DEFAULT.jitter,
    ),
    "/retry/deadline_seconds": describe(
        NUMBER, "Deadline", "Seconds within which all attempts must end.", examples=[600]
    ),
    "/compensate": describe(TEXT, "Undone by", "The step that undoes this one."),
    "/runbook": describe(
        LONG, "Runbook", "What to do when it fails; shown beside the failing step."
    ),
}  # fmt: skip
FREQUENCY_FIELDS: dict[str, FieldSchema] = {
    "/limit/key": describe(
        TEXT, "Limit by", "What shares the limit; empty for this step alone.",
        examples=["${ input.customer }"],
    ),
    "/limit/concurrency": describe(
        WHOLE, "Most at once", "Calls under way together.", examples=[5]
    ),
    "/limit/per_second": describe(
        NUMBER, "Most a second", "Calls that begin in a second.", examples=[0.5]
    ),
    "/cache/ttl_seconds": describe(
        NUMBER, "Reuse its result for",
        "Seconds. Only for a step whose result depends on its config and input alone.",
        examples=[3600],
    ),
    "/max_visits": describe(
        WHOLE, "Most visits",
        "A loop needs one step with a limit; after it the run leaves by port “limit”.",
        examples=[3],
    ),
}  # fmt: skip
CALLS_ONLY = ("limit", "cache")


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading; ``open`` if the step has set one of them."""

    title: str
    fields: Sequence[Field]
    open: bool


def list_execution_groups(
    document: Mapping[str, Json],
    step_id: str,
    step_type: StepType | None,
    problems: Sequence[Json],
) -> list[Group]:
    """Return the fields by heading, for one step of a draft."""
    step = document["steps"][step_id]
    failure = list(_build_fields(FAILURE_FIELDS, step, problems))
    if step_type is None or step_type.ports(_config(step)):
        failure.insert(0, build_error_route(document, step_id))
    frequency = list(
        _build_fields(_leave_out_limits(FREQUENCY_FIELDS, step, step_type), step, problems)
    )
    return [_build_group("When it fails", failure), _build_group("How often", frequency)]


def _config(step: Mapping[str, Json]) -> Mapping[str, Json]:
    config = step.get("with")
    return config if isinstance(config, dict) else {}


def _leave_out_limits(
    known: Mapping[str, FieldSchema], step: Mapping[str, Json], step_type: StepType | None
) -> dict[str, FieldSchema]:
    """Leave out the limits of calls for a step that calls nothing, unless it has set one."""
    calls = step_type is None or isinstance(step_type, RunningStep)
    return {
        path: schema
        for path, schema in known.items()
        if calls or (key := path.split("/")[1]) not in CALLS_ONLY or key in step
    }


def _build_fields(
    known: Mapping[str, FieldSchema], step: Mapping[str, Json], problems: Sequence[Json]
) -> Iterator[Field]:
    for path, schema in known.items():
        made = build_field(schema, {}, get_value(step, path), path, path, problems)
        if schema["type"] == "array":
            made.problems += [
                each for each in problems if each["field"].startswith(f"{made.name}[")
            ]
            made.kind = "names" if made.value is None or _are_texts(made.value) else "json"
        yield made


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def get_value(step: Mapping[str, Json], path: str) -> Json:
    value: Json = step
    for part in path.strip("/").split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _build_group(title: str, fields: Sequence[Field]) -> Group:
    is_set = any(each.value not in (None, "", []) or each.problems for each in fields)
    return Group(title, fields, is_set)


def build_error_route(document: Mapping[str, Json], step_id: str) -> Field:
    """Return the field for where port ``error`` leads; ``choices`` are pairs of step and title."""
    ends = [parse_edge(edge) for edge in document["edges"]]
    others = {name: step for name, step in document["steps"].items() if name != step_id}
    return Field(
        kind="route",
        path="/error",
        label="After the last attempt",
        help="Where the run goes on when the step has failed for good.",
        value=[target for source, port, target in ends if (source, port) == (step_id, "error")],
        choices=[(name, step.get("title") or name) for name, step in others.items()],
    )
