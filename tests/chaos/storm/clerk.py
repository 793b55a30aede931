"""Does for the storm what a web process does for people: one act a line, by the services.

An act that is not answered may have been done or not; it is asked for again and must then change
nothing more.
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone

from flows.engine.errors import RunNotActive
from flows.models import Flow, Run
from flows.services import (
    NewRun,
    RunNotFailed,
    cancel_run,
    pause_run,
    resume_run,
    retry_run,
    start_runs,
)
from workbench.accounts.actors import Actor

ACTOR = Actor.system("storm")


def serve(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(1)
        while True:
            client, _ = listening.accept()
            with client, client.makefile("rwb") as lines:
                for line in lines:
                    lines.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
                    lines.flush()


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    act = order.pop("act")
    try:
        return {"done": _ACTS[act](**order)}
    except DatabaseError as error:
        connection.close()
        return {"again": f"{type(error).__name__}: {error}"}
    except Exception as error:
        connection.close()
        return {"wrong": f"{act} {order}: {type(error).__name__}: {error}"}


def _start(flow: str, runs: list[Any]) -> list[int]:
    found = Flow.objects.get(name=flow)
    new = [NewRun(given, key) for key, given in runs]
    started = start_runs(flow=found, runs=new, actor=ACTOR, now=timezone.now())
    return [each.run.pk for each in started]


def _event(name: str, key: str) -> bool:
    from flows.events.receiving import receive_event

    receive_event(
        name=name, key=key, payload={"key": key}, event_id=key, actor=ACTOR, now=timezone.now()
    )
    return True


def _cancel(key: str) -> bool:
    run = Run.objects.only("pk").get(idempotency_key=key)
    try:
        cancel_run(run_id=run.pk, reason="The storm says so.", actor=ACTOR, now=timezone.now())
    except RunNotActive:
        return False
    return True


def _pause(key: str, paused: bool) -> bool:
    run = Run.objects.only("pk").get(idempotency_key=key)
    act = pause_run if paused else resume_run
    try:
        act(run_id=run.pk, actor=ACTOR, now=timezone.now())
    except RunNotActive:
        return False
    return True


def _retry(key: str) -> bool:
    run = Run.objects.only("pk").get(idempotency_key=key)
    try:
        retry_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
    except RunNotFailed:
        return False
    return True


def _decide(case: int, outcome: str, commit_now: bool) -> bool:
    from reviews.errors import CaseAlreadyDecided, CaseClosed
    from reviews.rules.answers import Answer
    from reviews.selectors.acting import make_acting
    from reviews.services.decisions import decide_case
    from tests.chaos.storm.mix import REVIEWER
    from workbench.accounts.models import User

    person = make_acting(User.objects.get(username=REVIEWER))
    try:
        with transaction.atomic():
            decide_case(
                case_id=case,
                answer=Answer(outcome),
                acting=person,
                now=timezone.now(),
                commit_now=commit_now,
            )
    except (CaseAlreadyDecided, CaseClosed):
        return False
    return True


_ACTS: dict[str, Callable[..., Any]] = {
    "start": _start,
    "event": _event,
    "cancel": _cancel,
    "pause": _pause,
    "decide": _decide,
    "retry": _retry,
}
