"""The step type ``review.case``: a run waits until people decide.

``open`` opens the case in the engine's transaction; deciding the case resolves the wait.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.graph.rework import Asking
from flows.steps.base import Json, Opened, Preview, StepContext, WaitingStep
from flows.steps.registry import register
from reviews.checkpoint.preview import minutes_of_cases, preview_case
from reviews.rules.checkpoint_config import (
    ACTS,
    EXPIRED,
    OUTCOMES,
    REFUSAL,
    REWORK,
    CheckpointConfig,
    find_form_faults,
)
from reviews.services.opening import cancel_case_of_wait, open_case

WAIT_KIND = "case"


@register
class ReviewCase(WaitingStep):
    """Opens a case and waits until people decide it, or until the SLA policy ends the wait."""

    name = "review.case"
    title = "Review"
    summary = "People decide"
    icon = "user-check"
    category = "People"
    asks_people = True

    Config = CheckpointConfig

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        allow = config.get("allow")
        if not isinstance(allow, list):
            return (*OUTCOMES, EXPIRED)
        outcomes = [name for name in allow if isinstance(name, str) and name not in ACTS]
        return (*dict.fromkeys(outcomes), EXPIRED)

    def asking(self, config: Mapping[str, Json]) -> Asking:
        alone = config.get("after_rework")
        named = alone if isinstance(alone, list) else []
        return Asking(
            returns=frozenset({REWORK}),
            onward=frozenset(self.ports(config)) - {*OUTCOMES, EXPIRED},
            alone=frozenset(name for name in named if isinstance(name, str)),
        )

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {
                "outcome": {"type": "string"},
                "kind": {"enum": ["person", "policy", "timeout", "forced"]},
                "reasons": {"type": "array", "items": {"type": "string"}},
                "grounds": {"type": "object"},
                "notice": {"type": "string"},
                "comment": {"type": "string"},
                "overrides": {"type": "array", "items": _OVERRIDE_SCHEMA},
                "places": {"type": "array", "items": _PLACE_SCHEMA},
                "fields": {"type": "object"},
                "form": config["form"] if isinstance(config.get("form"), dict) else {},
                "decided_by": {"type": "string"},
                "decision_id": {"type": ["integer", "null"]},
                "case_id": {"type": "integer"},
            },
            "required": ["outcome", "kind", "reasons", "comment", "overrides", "fields"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        queue = config.get("queue")
        if not isinstance(queue, str) or not queue:
            return "Choose a queue"
        quorum = config.get("quorum", 1)
        people = "" if quorum in (1, None) else f", {quorum} people"
        return f"{queue}{people} · SLA {config.get('sla') or 'missing'}"

    def example_output(self, config: Mapping[str, Json], port: str) -> Json:
        return {
            "outcome": port,
            "kind": "person",
            "reasons": [],
            "comment": "",
            "overrides": [],
            "fields": dict(_shown_values(config)),
        }

    def check(self, step: Step) -> Sequence[Problem]:
        """Return errors for schemas that no case can use, and warnings.

        Warnings are for reasons without evidence, and for a requester who is only shown.
        """
        codes = step.config.get("reason_codes")
        refusals = codes.get(REFUSAL) if isinstance(codes, Mapping) else None
        found = [_bad_schema(step, *fault) for fault in find_form_faults(step.config)]
        if step.config.get("requested_by"):
            found.append(_shown_requester(step))
        for number, code in enumerate(refusals if isinstance(refusals, list) else []):
            if isinstance(code, Mapping) and code.get("code") and not code.get("rests_on"):
                found.append(_missing_grounds(step, number, str(code["code"])))
        return found

    def preview(self, config: Mapping[str, Json]) -> Preview:
        return preview_case(config)

    def minutes_each(self, flow: str, step: str) -> float | None:
        return minutes_of_cases(flow, step)

    def open(self, ctx: StepContext, config: Any) -> Opened:
        case = open_case(ctx=ctx, config=config)
        return Opened(
            kind=WAIT_KIND, key=str(case.pk), detail={"case": case.pk, "queue": config.queue}
        )

    def cancel(self, wait_id: int, now: datetime) -> None:
        cancel_case_of_wait(wait_id=wait_id, now=now)


def _missing_grounds(step: Step, number: int, code: str) -> Problem:
    return Problem(
        "warning",
        "case.reason-ungrounded",
        step.id,
        f"with.reason_codes.{REFUSAL}[{number}].rests_on",
        f"The reason {code} rests on nothing, so a case can be rejected without evidence.",
        "Name what it rests on in `rests_on`: fields by `key`, documents or groups by `id`.",
    )


def _shown_requester(step: Step) -> Problem:
    return Problem(
        "warning",
        "case.requester-shown",
        step.id,
        "with.requested_by",
        "`requested_by` is only shown: it keeps nobody from deciding.",
        "Who asked for the run is kept out without it. To keep out who decided an earlier step, "
        "name the step in `apart_from`.",
    )


def _bad_schema(step: Step, path: tuple[str | int, ...], reason: str) -> Problem:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return Problem(
        "error",
        "case.schema",
        step.id,
        f"with{place}",
        f"{reason}.",
        "Correct the schema: a case with this one could never be decided.",
    )


def _shown_values(config: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield key and value of each field that the config shows; the config may be wrong anywhere."""
    show = config.get("show")
    for group in show if isinstance(show, list) else []:
        fields = group.get("fields") if isinstance(group, Mapping) else None
        for field in fields if isinstance(fields, list) else []:
            if isinstance(field, Mapping) and isinstance(field.get("key"), str):
                yield field["key"], field.get("value")


_OVERRIDE_SCHEMA = {
    "type": "object",
    "properties": {"field": {"type": "string"}, "old": {}, "new": {}, "reason": {"type": "string"}},
}
_PLACE_SCHEMA = {
    "type": "object",
    "properties": {
        "field": {"type": "string"},
        "document": {"type": "string"},
        "page": {"type": "integer"},
        "at": {"type": "array", "items": {"type": "number"}},
        "text": {"type": "string"},
    },
}
