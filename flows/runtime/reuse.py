"""Reuse the results of steps that are declared stable, found by what they depend on.

What is kept is the result's place in a journal. It is written before the commit of the step that
made the result: if that commit is refused or lost, the place is empty and counts as no result.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from flows.engine import events
from flows.models import Journal, KeptResult
from flows.runtime.actions import Leave
from flows.runtime.held import find_held, find_passed_on, give_artifacts
from flows.runtime.program import BoundStep
from flows.runtime.sealing import find_changes
from flows.store.rows import Claim
from workbench.dispatch.clock import clock_task
from workbench.dispatch.sweeps import Sweep

Json = Any

FORGOTTEN_A_BATCH = 1000
# A reused result does not cost again what its call cost.
_COSTS = (
    "cost", "tokens", "latency_ms", "input_tokens", "output_tokens", "charges", "calls", "batch",
)  # fmt: skip


def result_key(parts: Json) -> str:
    """Digest what a result depends on, as list_dependencies returns it."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()


def list_dependencies(
    bound: BoundStep, config: Any, bindings: Mapping[str, Json], flow: str, pins: Mapping[str, int]
) -> Json:
    """Return what the result depends on: type, config as rendered, and what else it reads.

    ``config`` must have been rendered without the values of secrets. ``pins`` are those of the
    assets that the step uses; a step without any has the key that it always had. Call it in a
    thread for a type that asks models, whose connections may have to be read.
    """
    models = bound.type.list_revisions(config, flow)
    return {
        "type": bound.type.name,
        "config": config.model_dump(mode="json"),
        "late": dict(bound.late),
        "run": _run_parts(bound, bindings),
        **({"pins": dict(pins)} if pins else {}),
        **({"models": dict(models)} if models else {}),
    }


def _run_parts(bound: BoundStep, bindings: Mapping[str, Json]) -> Json:
    if not (bound.late or bound.type.reads_run(bound.step.config)):
        return None
    return {"input": bindings.get("input"), "steps": bindings.get("steps")}


def find_result(
    key: str, run_id: int, now: datetime, *, named: Collection[str] = (), is_sealed: bool = False
) -> Leave | None:
    """Return the kept result, its origin in the provenance, or None. Two queries.

    One that ``is_sealed`` and was changed since is none.

    ``named`` are the artifacts that the call names. What was found in one of them is not given to a
    run that does not hold it, though it knows its digest. The run with ``run_id`` comes to hold
    what the result names and its maker holds.
    """
    kept = KeptResult.objects.filter(key=key, expires_at__gt=now).first()
    if kept is None:
        return None
    row = Journal.objects.filter(
        run_id=kept.run_id,
        token_id=kept.token_id,
        activation=kept.activation,
        kind=events.STEP_FINISHED,
    ).first()
    if row is None or (is_sealed and find_changes(row)):
        return None
    if find_held(row.run_id, named).keys() - find_held(run_id, named).keys():
        return None
    give_artifacts(run_id, find_passed_on(row.run_id, row.data))
    made = {name: value for name, value in (row.provenance or {}).items() if name not in _COSTS}
    provenance = {
        **made,
        "reused_from": f"{row.run_id}:{row.seq}",
        "made_at": kept.made_at.isoformat(),
    }
    return Leave(tuple(row.port.split(",")), row.data, provenance)


def remember_result(key: str, claim: Claim, now: datetime, *, ttl_seconds: float) -> None:
    """Keep where in the journal the activation's result will be. One statement."""
    kept = KeptResult(
        key=key,
        run_id=claim.run_id,
        token_id=claim.token_id,
        activation=claim.activation,
        made_at=now,
        expires_at=now + timedelta(seconds=ttl_seconds),
    )
    KeptResult.objects.bulk_create(
        [kept],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["run_id", "token_id", "activation", "made_at", "expires_at"],
    )


@clock_task("flows.kept_results", 600.0, "Forget a kept result")
def forget_expired(now: datetime) -> bool:
    """Delete the places of results that are too old to be reused."""
    sweep = Sweep("flows.kept_results", now)
    old = KeptResult.objects.filter(expires_at__lte=now).exclude(pk__in=sweep.passed_over)
    keys = list(old.values_list("pk", flat=True)[:FORGOTTEN_A_BATCH])
    sweep.together(keys, lambda some: KeptResult.objects.filter(pk__in=some).delete(), key=str)
    if len(keys) < FORGOTTEN_A_BATCH:
        sweep.forget_gone()
    return len(keys) == FORGOTTEN_A_BATCH
