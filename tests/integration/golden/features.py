"""What the patterns' plays leave out: failures, time, operations. Acted on documents 51 and up."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from flows.engine.lanes import Lane
from flows.models import Run
from flows.services import (
    migrate_run,
    move_to_lane,
    pause_run,
    rerun,
    resume_run,
    retry_run,
)
from tests.factories.people import ACTOR
from tests.integration.patterns.stage import Stage

Play = Callable[[Stage], None]


def retry(stage: Stage) -> None:
    run = stage.start()
    stage.pass_time(60)
    stage.pass_time(60)
    assert stage.status(run) == "completed"


def error_port(stage: Stage) -> None:
    assert stage.status(stage.start()) == "completed"


def failure_and_retry(stage: Stage) -> None:
    run = stage.start()
    assert stage.status(run) == "failed"
    _operate(stage, retry_run, run)
    assert stage.status(run) == "failed"
    stage.cancel(run)


def compensation(stage: Stage) -> None:
    run = stage.start()
    assert stage.finished(run)[-4:] == ["hotel_off", "flight_off", "undo", "told"] or (
        stage.finished(run)[-3:] == ["hotel_off", "flight_off", "told"]
    )
    assert stage.status(run) == "completed"


def visits(stage: Stage) -> None:
    assert stage.status(stage.start()) == "completed"


def late(stage: Stage) -> None:
    in_time = stage.start(order="o1")
    stage.event("paid", "o1")
    assert stage.finished(in_time)[-1] == "ship"
    past = stage.start(order="o2")
    stage.pass_time(3600)
    assert stage.finished(past)[-1] == "remind"


def timed_out(stage: Stage) -> None:
    run = stage.start(order="o1")
    stage.pass_time(3600)
    assert stage.finished(run) == ["give_up"]


def early_event(stage: Stage) -> None:
    stage.event("paid", "o1", amount=7)
    run = stage.start(order="o1")
    assert stage.status(run) == "completed"


def for_each_threshold(stage: Stage) -> None:
    run = stage.start(lines=["a", "b", "c"])
    for line in ("a", "c"):
        stage.event("line.there", line)
    second = stage.children(run)[1]
    stage.cancel(second)
    assert stage.status(run) == "completed"
    stopped = stage.start(lines=["d", "e", "f"])
    for child in stage.children(stopped)[:2]:
        stage.cancel(child)
    assert stage.status(stopped) == "failed"


def failing_subflow(stage: Stage) -> None:
    run = stage.start(line="a")
    [child] = stage.children(run)
    stage.cancel(child)
    assert stage.finished(run)[-1] == "by_hand"


def taken_again(stage: Stage) -> None:
    stage.start(q=1)
    run = stage.start(q=1)
    assert stage.status(run) == "completed"


def operations(stage: Stage) -> None:
    run = stage.start(order="o1")
    _operate(stage, pause_run, run)
    stage.event("paid", "o1")
    _operate(stage, move_to_lane, run, lane=Lane.BULK)
    _operate(stage, migrate_run, run, version_id=run.version_id)
    _operate(stage, resume_run, run)
    assert stage.status(run) == "completed"
    _operate(stage, rerun, run, step="ship")
    assert stage.status(Run.objects.latest("pk")) == "completed"


def _operate(stage: Stage, service: Callable[..., Any], run: Run, **given: Any) -> None:
    service(run_id=run.pk, actor=ACTOR, now=timezone.now(), **given)
    stage.settle()


FEATURES: dict[int, Play] = {
    51: retry,
    52: error_port,
    53: failure_and_retry,
    54: compensation,
    55: visits,
    56: late,
    57: timed_out,
    58: early_event,
    59: for_each_threshold,
    60: failing_subflow,
    61: taken_again,
    62: operations,
}
