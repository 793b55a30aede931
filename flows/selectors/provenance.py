"""The models that a run's steps asked."""

from typing import Any

from flows.engine import events
from flows.models import Journal

Json = Any
SHOWN = ("provider", "model", "version", "digest", "parameters", "prompt", "calibration")


def list_models_used(run_id: int) -> list[dict[str, Json]]:
    """Return, for each step, the model of its newest output and its version: one query."""
    rows = (
        Journal.objects.filter(run_id=run_id, kind=events.STEP_FINISHED)
        .exclude(provenance=None)
        .order_by("seq")
        .values_list("step", "provenance")
    )
    newest = {step: made for step, made in rows if made and made.get("model")}
    return [
        {"step": step, **{name: made[name] for name in SHOWN if made.get(name)}}
        for step, made in newest.items()
    ]
