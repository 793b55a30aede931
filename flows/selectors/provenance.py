"""What a run's steps rest on: models, decision tables and policies."""

from dataclasses import dataclass
from typing import Any

from flows.engine import events
from flows.models import Journal

Json = Any
SHOWN = (
    "provider", "model", "version", "digest", "parameters", "prompt", "calibration", "table",
    "rows",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What the steps of a run rest on, each by its newest output."""

    models: list[dict[str, Json]]
    policies: list[dict[str, Json]]


def list_made_by(run_id: int) -> MadeBy:
    """Return the models that steps asked, and the tables and policies that decided: one query.

    A decision table stands among the models, as ``table: limits@3`` with the rows that decided.
    """
    rows = (
        Journal.objects.filter(run_id=run_id, kind=events.STEP_FINISHED)
        .exclude(provenance=None)
        .order_by("seq")
        .values_list("step", "provenance")
    )
    models: dict[str, dict[str, Json]] = {}
    policies: dict[str, list[Json]] = {}
    for step, made in rows:
        if made and (made.get("model") or made.get("table")):
            models[step] = {name: made[name] for name in SHOWN if made.get(name)}
        if made and made.get("policies"):
            policies[step] = made["policies"]
    return MadeBy(
        [{"step": step, **made} for step, made in models.items()],
        [{"step": step, **each} for step, decided in policies.items() for each in decided],
    )
