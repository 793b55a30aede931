"""Runs with their journals, tokens, waits and timers, as the engine leaves them."""

from datetime import datetime, timedelta

from flows.models import Flow, Journal, Run, RunStatus, Timer, Token, TokenState, Wait
from flows.runtime.held import give_artifacts, list_named
from flows.runtime.labels import NOTHING, label_as_said
from tests.factories.flows import NOW, Json


def make_run(
    flow: Flow, *, status: str = RunStatus.RUNNING, started: datetime = NOW, **more: Json
) -> Run:
    ended = status not in {RunStatus.RUNNING, RunStatus.PAUSED}
    values = {
        "version": flow.released or flow.versions.order_by("number").last(),
        "input": {"amount": 1200, "purpose": "car"},
        "started_at": started,
        "finished_at": started + timedelta(seconds=3) if ended else None,
        "started_by": "Ada Lovelace",
        **more,
    }
    run = Run.objects.create(flow=flow, status=status, **values)
    give_artifacts(run.pk, label_as_said(list_named(run.input), run.input, NOTHING))
    add_journal(run, "run.started", data={"trigger": run.trigger})
    return run


def add_journal(
    run: Run,
    kind: str,
    step: str = "",
    *,
    after: float = 0,
    took: float | None = None,
    **more: Json,
) -> Journal:
    """Append a row ``after`` seconds from the start; with ``took``, it began that much before."""
    run.seq += 1
    run.save(update_fields=["seq"])
    at = run.started_at + timedelta(seconds=after)
    values = {
        "at": at,
        "began_at": at - timedelta(seconds=took) if took is not None else None,
        **more,
    }
    return Journal.objects.create(run_id=run.pk, seq=run.seq, kind=kind, step=step, **values)


def add_token(run: Run, step: str, state: str = TokenState.RUNNING, **more: Json) -> Token:
    return Token.objects.create(
        run=run, step=step, state=state, **{"since": run.started_at, **more}
    )


def make_waiting_run(flow: Flow, step: str = "review", **more: Json) -> Run:
    """A run that waits for a person in the queue underwriting."""
    run = make_run(flow, **more)
    token = add_token(run, step, TokenState.WAITING)
    detail = {"queue": "underwriting", "case": 7}
    add_journal(
        run,
        "step.waiting",
        step,
        after=1,
        token_id=token.pk,
        activation=1,
        attempt=1,
        data={"kind": "case", **detail},
    )
    Wait.objects.create(
        run=run, token_id=token.pk, activation=1, step=step, kind="case", key="7",
        detail=detail, opened_at=run.started_at + timedelta(seconds=1),
    )  # fmt: skip
    return run


def make_failed_run(
    flow: Flow, step: str = "fee", message: str = "The rate service is down.", **more: Json
) -> Run:
    """A run that failed at a step after three attempts."""
    error = {"kind": "http", "message": message, "step": step, "detail": {"status": 503}}
    run = make_run(flow, status=RunStatus.FAILED, error=error, **more)
    token = add_token(run, step, TokenState.FAILED, attempt=3)
    named = {"token_id": token.pk, "activation": 1}
    for attempt in (1, 2):
        add_journal(
            run,
            "step.retrying",
            step,
            after=attempt,
            took=0.4,
            attempt=attempt,
            data={**error, "due_at": None},
            **named,
        )
    add_journal(run, "step.failed", step, after=3, took=0.4, attempt=3, data=error, **named)
    add_journal(run, "run.failed", after=3, data=error)
    return run


def make_completed_run(flow: Flow, **more: Json) -> Run:
    run = make_run(
        flow, status=RunStatus.COMPLETED, outcome="settled", output={"fee": 24.0}, **more
    )
    token = add_token(run, "fee")
    add_journal(
        run,
        "step.finished",
        "fee",
        after=1,
        took=0.8,
        token_id=token.pk,
        activation=1,
        attempt=1,
        port="done",
        data={"fee": 24.0},
        provenance={"model": "rates-2"},
    )
    add_journal(
        run,
        "step.finished",
        "settle",
        after=2,
        took=0.1,
        token_id=token.pk,
        activation=2,
        attempt=1,
        data={"outcome": "settled", "output": None},
    )
    add_journal(run, "run.completed", after=2, data={"outcome": "settled"})
    token.delete()
    return run


def make_retrying_run(flow: Flow, step: str = "fee", **more: Json) -> Run:
    run = make_run(flow, **more)
    token = add_token(run, step, TokenState.WAITING)
    due_at = run.started_at + timedelta(minutes=5)
    error = {"kind": "http", "message": "The rate service is down."}
    add_journal(
        run,
        "step.retrying",
        step,
        after=1,
        took=0.4,
        token_id=token.pk,
        activation=1,
        attempt=1,
        data={**error, "due_at": due_at.isoformat()},
    )
    Timer.objects.create(run=run, token_id=token.pk, activation=1, purpose="retry", due_at=due_at)
    return run
