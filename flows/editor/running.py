"""The inspector's fields that every step has: what happens when it fails, and how often it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.editor.fields import Field, make_field
from flows.graph.model import Retry
from flows.graph.operations import parse_edge
from flows.steps.base import RunningStep, StepType

Json = Any
Described = dict[str, Json]
NUMBER, WHOLE, TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}
NAMES = {"type": "array"}  # written in one line, with commas between
LONG = {"type": "string", "maxLength": 4000}
USUAL = Retry()


def described(kind: Described, title: str, help_text: str, **more: Json) -> Described:
    return {**kind, "title": title, "description": help_text, **more}


FAILING: dict[str, Described] = {
    "/timeout_seconds": described(
        NUMBER, "Time-out", "Seconds an attempt may take.", examples=[30]
    ),
    "/retry/max_attempts": described(
        WHOLE, "Attempts", "1 tries once and gives up.", default=USUAL.max_attempts, examples=[4]
    ),
    "/retry/on": described(
        NAMES, "Try again only on", "Classes of errors, with commas between; empty means any.",
        examples=["timeout, http.5xx, http.429"],
    ),
    "/retry/not_on": described(
        NAMES, "Never try again on", "Heard before the list above.", examples=["http.501"]
    ),
    "/retry/initial_seconds": described(
        NUMBER, "First pause", "Seconds before the second attempt.", default=USUAL.initial_seconds
    ),
    "/retry/factor": described(
        NUMBER, "Growth", "Each pause is this many times the one before.", default=USUAL.factor
    ),
    "/retry/max_seconds": described(
        NUMBER, "Longest pause", "Seconds.", default=USUAL.max_seconds
    ),
    "/retry/jitter": described(
        NUMBER, "Spread", "The share by which a pause is shortened or lengthened at random.",
        default=USUAL.jitter,
    ),
    "/retry/deadline_seconds": described(
        NUMBER, "Deadline", "Seconds in which all attempts must fit.", examples=[600]
    ),
    "/compensate": described(TEXT, "Undone by", "The step that undoes this one."),
    "/runbook": described(
        LONG, "Runbook", "What to do when it fails; shown beside the failing step."
    ),
}  # fmt: skip
OFTEN: dict[str, Described] = {
    "/limit/key": described(
        TEXT, "Limit by", "Who shares the limit; empty for this step alone.",
        examples=["${ input.customer }"],
    ),
    "/limit/concurrency": described(
        WHOLE, "Most at once", "Calls under way together.", examples=[5]
    ),
    "/limit/per_second": described(
        NUMBER, "Most a second", "Calls that begin in a second.", examples=[0.5]
    ),
    "/cache/ttl_seconds": described(
        NUMBER, "Reuse its result for",
        "Seconds. Only for a step that gives the same for the same config and input.",
        examples=[3600],
    ),
    "/max_visits": described(
        WHOLE, "Most visits",
        "A loop needs one step with a limit; past it the run leaves by port “limit”.",
        examples=[3],
    ),
}  # fmt: skip
CALLED_ONLY = ("limit", "cache")


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading; open where the step has set one of them."""

    title: str
    fields: Sequence[Field]
    open: bool


def running_groups(
    document: Mapping[str, Json],
    step_id: str,
    step_type: StepType | None,
    problems: Sequence[Json],
) -> list[Group]:
    step = document["steps"][step_id]
    failing = list(_fields(FAILING, step, problems))
    if step_type is None or step_type.ports(_config(step)):
        failing.insert(0, error_route(document, step_id))
    often = list(_fields(_that_fit(OFTEN, step, step_type), step, problems))
    return [_group("When it fails", failing), _group("How often", often)]


def _config(step: Mapping[str, Json]) -> Mapping[str, Json]:
    config = step.get("with")
    return config if isinstance(config, dict) else {}


def _that_fit(
    known: Mapping[str, Described], step: Mapping[str, Json], step_type: StepType | None
) -> dict[str, Described]:
    """Leave out the limits of a call where nothing is called, unless they stand there wrongly."""
    called = step_type is None or isinstance(step_type, RunningStep)
    return {
        path: schema
        for path, schema in known.items()
        if called or (key := path.split("/")[1]) not in CALLED_ONLY or key in step
    }


def _fields(
    known: Mapping[str, Described], step: Mapping[str, Json], problems: Sequence[Json]
) -> Iterator[Field]:
    for path, schema in known.items():
        made = make_field(schema, {}, value_at(step, path), path, path, problems)
        if schema["type"] == "array":
            made.problems += [
                each for each in problems if each["field"].startswith(f"{made.name}[")
            ]
            made.kind = "names" if made.value is None or _are_texts(made.value) else "json"
        yield made


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def value_at(step: Mapping[str, Json], path: str) -> Json:
    value: Json = step
    for part in path.strip("/").split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _group(title: str, fields: Sequence[Field]) -> Group:
    is_set = any(each.value not in (None, "", []) or each.problems for each in fields)
    return Group(title, fields, is_set)


def error_route(document: Mapping[str, Json], step_id: str) -> Field:
    """Return where the edges of port ``error`` lead. ``choices`` are pairs of step and title."""
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
