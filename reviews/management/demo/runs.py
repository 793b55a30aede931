"""The runs of past applications, as the flow's own functions would have gone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from examples.consumer_loan import rules, scorecard, steps
from examples.consumer_loan.generate import applications
from flows.engine import events
from flows.models import Flow, Journal, Run, RunStatus
from reviews.management.demo.records import OLDER_VERSION, Past
from workbench.accounts.models import User

Json = Any
TRIGGER = "demo-history"
WEEKS, SEED, BATCH = 12, 71, 200
# An older model was replaced by today's; it was less sure, and more often wrong.
REPLACED = timedelta(weeks=5)
LESS_SURE = 0.02
# The flow's cutoffs.
APPROVED_FROM, DECLINED_BELOW = 0.87, 0.7
OUTCOMES = {"approve": "approved", "decline": "declined"}
STEPS = ("receive", "prepare", "intake", "score", "affordability", "fraud", "checked", "route")


def make_past(flow: Flow, count: int, now: datetime, random: Random, asker: User) -> Iterator[Past]:
    """Yield past applications, the oldest first, spread over the weeks; ``asker`` started each."""
    for number, application in enumerate(applications(count, SEED)):
        age = timedelta(weeks=WEEKS * (1 - number / count), hours=1 + random.random())
        outputs, port = _run_steps(application, older=age > REPLACED)
        version = OLDER_VERSION if age > REPLACED else scorecard.load().version
        run = _run(flow, application, port, now - age, asker)
        yield Past(run, outputs, port, now - age, version)


def _run(flow: Flow, application: Mapping[str, Json], port: str, at: datetime, asker: User) -> Run:
    return Run(
        flow=flow,
        version_id=flow.released_id or 0,
        status=RunStatus.COMPLETED,
        input=dict(application),
        outcome=OUTCOMES.get(port, ""),
        trigger=TRIGGER,
        started_by=asker.label,
        requested_by=[asker.pk],
        started_at=at,
        finished_at=at + timedelta(seconds=2),
    )


def _run_steps(
    application: Mapping[str, Json], *, older: bool
) -> tuple[dict[str, dict[str, Json]], str]:
    """Return the outputs by step and the port of the branch."""
    prepared: Any = steps.prepare(dict(application), [])["application"]
    intake = _read_intake(prepared)
    prediction, score = _score(prepared, older=older)
    afford = steps.affordability(prepared)
    fraud = steps.fraud(prepared, intake["net_income"], intake["employer"])
    made: dict[str, Json] = {
        "prepare": {"application": prepared}, "intake": intake, "score": score,
        "affordability": dict(afford), "fraud": dict(fraud),
    }  # fmt: skip
    outputs = {name: {"output": output, "port": "done"} for name, output in made.items()}
    return outputs, _branch(prediction["probability_good"], [*afford["flags"], *fraud["flags"]])


def _read_intake(prepared: Mapping[str, Json]) -> dict[str, Any]:
    return {
        "documents": [],
        "net_income": float(prepared.get("net_income") or 2400),
        "net_income_confidence": 0.93,
        "employer": str(prepared.get("employer") or "Employer not stated"),
        "employer_confidence": 0.9,
    }


def _score(prepared: Any, *, older: bool) -> tuple[Mapping[str, Json], dict[str, Json]]:
    """Return the model's prediction, and the output of the step that asked it."""
    prediction, confidence, reasons = scorecard.load().predict(prepared)
    shown = [
        {"label": each.label, "value": each.text or each.value, "contribution": each.contribution}
        for each in reasons
    ]
    sure = max(0.5, confidence - LESS_SURE) if older else confidence
    return prediction, {"prediction": dict(prediction), "confidence": sure, "reasons": shown}


def _branch(good: float, flags: Sequence[rules.Flag]) -> str:
    if good >= APPROVED_FROM and not flags:
        return "approve"
    critical = any(flag["level"] == "critical" for flag in flags)
    return "decline" if good < DECLINED_BELOW and not critical else "unsure"


def write_runs(past: Sequence[Past]) -> None:
    Run.objects.bulk_create([each.run for each in past], batch_size=BATCH)
    journal = [row for each in past for row in _journal(each)]
    Journal.objects.bulk_create(journal, batch_size=BATCH)


def _journal(past: Past) -> Iterator[Journal]:
    """Yield what the run's page shows: the start, the steps with their outputs, and the end."""
    run = past.run
    yield Journal(run=run, seq=1, kind=events.RUN_STARTED, data=run.input, at=past.at)
    for number, step in enumerate(STEPS, 1):
        at = past.at + timedelta(milliseconds=120 * number)
        output = past.outputs.get(step, {}).get("output")
        asked = {"model": "scorecard", "version": past.version} if step == "score" else None
        yield Journal(
            run=run, seq=number + 1, kind=events.STEP_FINISHED, step=step, token_id=run.pk,
            activation=number, attempt=1, port=past.port if step == "route" else "done",
            data=output, provenance=asked, began_at=at, at=at + timedelta(milliseconds=90),
        )  # fmt: skip
    ended = {"outcome": run.outcome, "output": None}
    run.seq = len(STEPS) + 2
    at = past.at + timedelta(seconds=2)
    yield Journal(run=run, seq=run.seq, kind=events.RUN_COMPLETED, data=ended, at=at)
