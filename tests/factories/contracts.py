"""Contracts that are released, and recorded outputs of a step."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from random import Random
from typing import Any

from flows.assets.kinds import get_kind
from flows.assets.models import Asset
from flows.assets.services import create_asset, publish_asset
from flows.contracts.learning import Learner
from flows.engine import events
from flows.models import Flow, Journal, Run, RunStatus
from tests.factories.flows import NOW
from tests.factories.people import ACTOR

Json = Any
CONTRACT: Json = {
    "description": "What the fee is.",
    "flow": "loan",
    "step": "fee",
    "fields": [{"path": "fee", "type": "number", "required": True, "lowest": 0, "highest": 100}],
    "drift": {"psi_at_least": 0.2, "ks_at_least": 0.15, "window_days": 1},
    "learned": {},
}


def make_contract(
    name: str = "fees", *, released: bool = True, learned_from: Sequence[Json] = (), **changes: Json
) -> Asset:
    content = {**CONTRACT, **changes}
    if learned_from:
        learner = Learner()
        for output in learned_from:
            learner.add(output, NOW)
        content["fields"] = [rule.as_json() for rule in learner.propose()]
    asset = create_asset(
        kind=get_kind("contract"), name=name, title="Fees", content=content, actor=ACTOR, now=NOW
    )
    if released:
        publish_asset(
            asset_id=asset.pk, revision=1, note="First", author=None, actor=ACTOR, now=NOW
        )
        asset.refresh_from_db()
    return asset


def make_fees(count: int = 120, mean: float = 20, seed: int = 1) -> list[Json]:
    random = Random(seed)
    return [{"fee": round(max(0.0, random.gauss(mean, 4)), 3)} for _ in range(count)]


def record_outputs(
    flow: Flow, day: date, outputs: Sequence[Json], *, step: str = "fee", trigger: str = "api",
    model: str = "", hour: int = 9,
) -> list[Run]:  # fmt: skip
    """Write a completed run for each output, as the engine would have left it on that day."""
    at = datetime.combine(day, time(hour), UTC)
    runs = Run.objects.bulk_create(
        Run(flow=flow, version=flow.released, status=RunStatus.COMPLETED, started_at=at,
            finished_at=at, trigger=trigger, seq=1)
        for _ in outputs
    )  # fmt: skip
    provenance = {"model": model, "version": "1"} if model else None
    Journal.objects.bulk_create(
        Journal(run=run, seq=1, kind=events.STEP_FINISHED, step=step, token_id=run.pk,
                activation=1, attempt=1, port="done", data=output, provenance=provenance,
                began_at=at, at=at)
        for run, output in zip(runs, outputs, strict=True)
    )  # fmt: skip
    return runs
