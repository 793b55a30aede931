"""What finishes together is written together: one transaction, few statements, nothing twice."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.models import Journal, Run, Token
from flows.runtime.actions import Finish, Leave
from flows.runtime.program import load_program
from flows.runtime.transitions import commit
from flows.services import start_runs
from flows.services.starting import NewRun
from flows.store import get_store
from flows.store.rows import Claim
from tests.driving import journal, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from workbench.dispatch.models import Outbox

pytestmark = pytest.mark.django_db(transaction=True)


def claims(limit: int = 200) -> list[Claim]:
    return get_store().claim(worker_id=1, limit=limit, now=timezone.now())


def finish(claimed: Sequence[Claim], output: Any = None) -> list[Claim | None]:
    """Commit the claims in one batch, each with an output."""
    now = timezone.now()
    items = [
        Finish(claim, load_program(claim.version_id), Leave(("done",), output), now, now)
        for claim in claimed
    ]
    return commit(items, worker_id=1)


def branching(count: int, **options: Any) -> Run:
    names = [f"b{n}" for n in range(count)]
    flow = publish_flow(
        *(f"split -> {name}" for name in names),
        *(f"{name} -> meet" for name in names),
        meet={"type": "join"},
        **options,
    )
    return start(flow)


def test_branches_of_one_batch_are_journalled_without_a_gap_and_join_in_it() -> None:
    run = branching(8, output={"last": "${ steps.b7.output.n }"})
    [adopted] = finish(claims())
    assert adopted is not None
    others = claims()
    assert len(others) == 7
    assert finish([adopted, *others], {"n": 7}) == [None] * 8
    run.refresh_from_db()
    # The output was read from what this batch had not written yet.
    assert (run.status, run.output) == ("completed", {"last": 7})
    told = journal(run)
    assert [line for line in told if line.startswith("step.finished b")] == [
        f"step.finished b{n}" for n in range(8)
    ]
    assert told[-2:] == ["join.fired meet", "run.completed"]
    assert not Token.objects.filter(run=run).exists()


def test_a_repeated_item_of_a_batch_changes_nothing() -> None:
    run = branching(3)
    [adopted] = finish(claims())
    assert adopted is not None
    finish([adopted, adopted])
    finish([adopted])
    assert journal(run).count(f"step.finished {adopted.step}") == 1


def test_a_batch_of_branches_takes_no_more_queries_than_one_branch() -> None:
    if connection.vendor != "postgresql":
        # In one process a statement costs no round trip, and SQLite has none for many rows.
        assert get_store().lock_rows == ""
        return
    run = branching(60)
    finish(claims())
    some = claims()
    taken = []
    for batch in (some[:1], some[1:51]):
        with CaptureQueriesContext(connection) as queries:
            finish(batch)
        taken.append(len(queries))
    assert taken[0] == taken[1]
    assert Journal.objects.filter(run=run, kind="step.finished").count() == 52


def test_children_that_end_together_send_their_caller_one_message() -> None:
    flow = publish_flow(work={}, output={"n": "${ steps.work.output }"})
    now = timezone.now()
    for wait_id in (77, 78):
        new = [NewRun({})] * 3
        start_runs(flow=flow, runs=new, actor=ACTOR, now=now, parent_wait_id=wait_id)
    finish(claims(), 5)
    assert list(Run.objects.values_list("status", "output")) == [("completed", {"n": 5})] * 6
    sent = Outbox.objects.filter(job="flows.child_ended").values_list("args__wait", flat=True)
    assert sorted(sent) == [77, 78]
