"""The models that a run's steps asked, and the tables that they decided by."""

from typing import Any

from flows.engine import events
from flows.models import Journal

Json = Any
SHOWN = (
    "provider", "model", "version", "digest", "parameters", "prompt", "calibration", "table",
    "rows",
)  # fmt: skip


def list_models_used(run_id: int) -> list[dict[str, Json]]:
    """Return, for each step, what made its newest output: one query.

    A model with its version, or a decision table (``table: limits@3``) with the rows that decided.
    """
    rows = (
        Journal.objects.filter(run_id=run_id, kind=events.STEP_FINISHED)
        .exclude(provenance=None)
        .order_by("seq")
        .values_list("step", "provenance")
    )
    newest = {step: made for step, made in rows if made and _is_shown(made)}
    return [
        {"step": step, **{name: made[name] for name in SHOWN if made.get(name)}}
        for step, made in newest.items()
    ]


def _is_shown(made: dict[str, Json]) -> bool:
    return bool(made.get("model") or made.get("table"))
