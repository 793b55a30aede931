"""Ask a model for the tests of a draft, in the background, test by test.

What it answers is written down with each call. A worker that dies loses its part of some seconds;
whoever plays that again finds the answers of before, and pays for none of them twice.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from flows.assets.errors import AssetInvalid, TestsEnded, TestsUnderWay
from flows.assets.kinds import (
    AssetKind,
    Check,
    Piece,
    TestBudget,
    TestResult,
    get_kind,
)
from flows.assets.models import Asset, AssetTestRun, TestRunState
from flows.models import RecordedAnswer
from flows.runtime.recalling import NO_FLOW, find_record, save_records
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.dispatch.outage import is_passing
from workbench.dispatch.outbox import enqueue
from workbench.live import nudge_on_commit

Json = Any
JOB = "assets.tests_part"
MOST_CALLS = 200
# A part is stored after about this long, so that progress shows and a stop takes effect.
PART_SECONDS = 2.0


class StoredBudget(TestBudget):
    """The budget of a test run, kept in its row: each call is counted there before it is made.

    A run that was stopped meanwhile has none left.
    """

    def __init__(self, run: AssetTestRun) -> None:
        super().__init__(run.model, run.judge, run.calls, run.cost)
        self.run = run

    def begin_call(self) -> bool:
        is_cheap = Q(cost=0) | Q(cost_made__lt=F("cost"))
        row = AssetTestRun.objects.filter(is_cheap, pk=self.run.pk, state=TestRunState.RUNNING)
        return row.filter(calls_made__lt=F("calls")).update(calls_made=F("calls_made") + 1) == 1

    def recall(self, digest: str) -> RecordedAnswer | None:
        found = find_record(NO_FLOW, digest)
        return found if found is not None and found.at >= self.run.created_at else None

    def note(self, record: RecordedAnswer) -> None:
        cost = float(record.provenance.get("cost") or 0)
        with transaction.atomic():
            super().note(record)
            save_records([record])
            row = AssetTestRun.objects.filter(pk=self.run.pk)
            row.update(cost_made=F("cost_made") + cost)


@transaction.atomic
def start_test_run(
    *, asset: Asset, budget: TestBudget, author: User | None, actor: Actor, now: datetime
) -> AssetTestRun:
    """Store what is to be asked, and ring a worker. Raises: AssetInvalid, TestsUnderWay."""
    kind = get_kind(asset.kind)
    if problems := kind.check(asset.draft):
        raise AssetInvalid(problems)
    try:
        with transaction.atomic():
            made = AssetTestRun.objects.create(
                asset=asset, content=asset.draft, draft_revision=asset.draft_revision,
                model=budget.model, judge=budget.judge, calls=budget.calls, cost=budget.cost,
                total=len(kind.split_tests(asset.draft)), started_by=author, created_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise TestsUnderWay(
            "A model is being asked for these tests already.", "Wait for the end, or stop it."
        ) from None
    _record("asset.tested", made, actor, {"calls": budget.calls, "cost": budget.cost}, now)
    enqueue(JOB, {"run": made.pk}, now=now)
    return made


@transaction.atomic
def stop_test_run(*, run_id: int, actor: Actor, now: datetime) -> None:
    """Begin no further call; results so far are kept. Raises: TestsEnded."""
    stopped = AssetTestRun.objects.filter(pk=run_id, state=TestRunState.RUNNING).update(
        state=TestRunState.CANCELLED, finished_at=now
    )
    if stopped != 1:
        raise TestsEnded("These tests have ended.", "Their results are kept.")
    run = AssetTestRun.objects.select_related("asset").get(pk=run_id)
    _record("asset.tests_stopped", run, actor, {}, now)
    nudge_on_commit([run.group], {"state": run.state})


def play_tests(*, run_id: int, now: datetime) -> None:
    """Run the next tests and store their results; the job for the rest is in that transaction.

    An error of ours ends the tests, and is told. Raises: what may be over at the next delivery.
    """
    run = AssetTestRun.objects.select_related("asset").filter(pk=run_id).first()
    if run is None or not run.is_running:
        return
    try:
        results = _run_next(run, get_kind(run.asset.kind))
    except Exception as error:
        if is_passing(error):
            raise
        told = f"{type(error).__name__}: {error}"[:500]
        row = AssetTestRun.objects.filter(pk=run.pk, state=TestRunState.RUNNING)
        row.update(state=TestRunState.FAILED, error=told, finished_at=now)
        nudge_on_commit([run.group], {"state": TestRunState.FAILED})
        raise
    with transaction.atomic():
        _store(run, results, now)


def _run_next(run: AssetTestRun, kind: AssetKind) -> list[TestResult]:
    budget, ends = StoredBudget(run), time.monotonic() + PART_SECONDS
    results: list[TestResult] = []
    for content in kind.split_tests(run.content)[run.done :]:
        results += kind.run_tests(run.asset.name, content, budget)
        if time.monotonic() > ends:
            break
    return results


def _store(run: AssetTestRun, results: Sequence[TestResult], now: datetime) -> None:
    done = run.done + len(results)
    is_over = done >= run.total
    kept = {"done": done, "results": [*run.results, *(asdict(each) for each in results)]}
    row = AssetTestRun.objects.filter(pk=run.pk, done=run.done)
    ended = {"state": TestRunState.COMPLETED, "finished_at": now} if is_over else {}
    if row.filter(state=TestRunState.RUNNING).update(**kept, **ended) == 1:
        if not is_over:
            enqueue(JOB, {"run": run.pk}, now=now)
    else:
        # It was stopped meanwhile: what was answered before is kept.
        row.filter(state=TestRunState.CANCELLED).update(**kept)
    nudge_on_commit([run.group], {"done": done})


def read_results(run: AssetTestRun) -> list[TestResult]:
    """Return the results as the tests gave them."""
    return [_read_result(each) for each in run.results]


def _read_result(kept: Mapping[str, Json]) -> TestResult:
    checks = [
        Check(**{**check, "pieces": tuple(Piece(**piece) for piece in check["pieces"])})
        for check in kept["checks"]
    ]
    return TestResult(**{**kept, "checks": tuple(checks)})


def _record(
    action: str, run: AssetTestRun, actor: Actor, payload: dict[str, Json], now: datetime
) -> None:
    asset = run.asset
    named = {"kind": asset.kind, "name": asset.name, "title": asset.title, "model": run.model}
    subject = (asset.kind, asset.name)
    record(action=action, subject=subject, actor=actor, payload={**named, **payload}, now=now)
