"""What starting a run answers: the run, whether it is new, and why a key cannot be used again."""

from typing import Any

import pytest
from django.utils import timezone

from flows.engine.lanes import PRIORITY, Lane
from flows.models import Run, Token
from flows.runtime.program import forget_programs
from flows.services import (
    IdempotencyKeyReused,
    InputInvalid,
    NewRun,
    Started,
    migrate_run,
    move_to_lane,
    rerun,
    start_run,
    start_runs,
)
from tests.factories.flows import make_flow
from workbench.accounts.actors import Actor

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
CAR = {"amount": 1200, "purpose": "car"}


@pytest.fixture(autouse=True)
def fresh_programs() -> None:
    forget_programs()


def start(flow: Any, **options: Any) -> Started:
    return start_run(flow=flow, actor=ACTOR, now=timezone.now(), **{"input": CAR, **options})


def test_the_first_start_with_a_key_is_new_and_a_repeat_gives_its_run() -> None:
    flow = make_flow()
    first, again = (start(flow, idempotency_key="order-1") for _ in range(2))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.run == first.run
    assert start(flow).is_new


def test_of_a_batch_each_run_says_whether_it_is_new() -> None:
    flow = make_flow()
    known = start(flow, idempotency_key="a").run
    batch = [NewRun(CAR, "b"), NewRun(CAR, "a"), NewRun(CAR), NewRun(CAR, "b")]
    made = start_runs(flow=flow, runs=batch, actor=ACTOR, now=timezone.now())
    assert [each.is_new for each in made] == [True, False, True, False]
    assert made[1].run == known
    assert made[3].run == made[0].run
    assert Run.objects.count() == 3


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"input": {"amount": 1, "purpose": "car"}}, "input"),
        ({"priority": PRIORITY[Lane.BULK]}, "lane"),
        ({"version_number": 2}, "version"),
    ],
)
def test_a_key_used_for_another_start_is_refused_with_its_run_and_a_remedy(
    changed: dict[str, Any], word: str
) -> None:
    flow = make_flow(versions=2)
    flow.released = flow.versions.get(number=1)
    flow.save()
    first = start(flow, idempotency_key="order-1").run
    if number := changed.pop("version_number", None):
        changed["version_id"] = flow.versions.get(number=number).pk
    with pytest.raises(IdempotencyKeyReused, match=f"another {word}") as refused:
        start(flow, idempotency_key="order-1", **changed)
    assert (refused.value.run_id, "new key" in refused.value.remedy) == (first.pk, True)
    assert Run.objects.count() == 1


def test_a_key_given_to_two_different_runs_of_a_batch_starts_neither() -> None:
    flow = make_flow()
    batch = [NewRun(CAR, "a"), NewRun({"amount": 1, "purpose": "car"}, "a")]
    with pytest.raises(IdempotencyKeyReused):
        start_runs(flow=flow, runs=batch, actor=ACTOR, now=timezone.now())
    assert Run.objects.count() == 0


def test_a_repeat_is_not_refused_for_what_became_of_the_run() -> None:
    flow = make_flow(versions=2)
    one, two = (flow.versions.get(number=number) for number in (1, 2))
    same = {"idempotency_key": "order-1", "version_id": one.pk, "priority": PRIORITY[Lane.BULK]}
    run = start(flow, **same).run
    now = timezone.now()
    move_to_lane(run_id=run.pk, lane=Lane.INTERACTIVE, actor=ACTOR, now=now)
    migrate_run(run_id=run.pk, version_id=two.pk, actor=ACTOR, now=now)
    assert start(flow, **same).run.pk == run.pk
    with pytest.raises(IdempotencyKeyReused, match="another lane"):
        start(flow, **{**same, "priority": PRIORITY[Lane.INTERACTIVE]})
    with pytest.raises(IdempotencyKeyReused, match="another version"):
        start(flow, **{**same, "version_id": two.pk})


def test_a_rerun_with_the_key_of_another_run_leaves_that_run_alone() -> None:
    flow = make_flow()
    old, other = start(flow).run, start(flow, idempotency_key="order-1").run
    tokens = list(Token.objects.filter(run=other).values())
    with pytest.raises(IdempotencyKeyReused):
        again(old, key="order-1")
    other.refresh_from_db()
    assert other.rerun_of_id is None
    assert list(Token.objects.filter(run=other).values()) == tokens


def test_a_rerun_says_whether_it_is_new() -> None:
    old = start(make_flow()).run
    first, repeated = again(old, key="k"), again(old, key="k")
    assert (first.is_new, repeated.is_new) == (True, False)
    assert repeated.run.pk == first.run.pk
    assert first.run.rerun_of_id == old.pk


def again(run: Run, *, key: str) -> Started:
    return rerun(run_id=run.pk, step=None, actor=ACTOR, now=timezone.now(), idempotency_key=key)


@pytest.mark.parametrize("unfit", [2**53, float("inf"), "a\0b", "\ud800"])
def test_an_input_that_cannot_be_kept_starts_nothing(unfit: Any) -> None:
    flow = make_flow()
    with pytest.raises(InputInvalid) as refused:
        start(flow, input={**CAR, "more": [unfit]})
    assert refused.value.errors[0]["path"] == "more/0"
    assert not Run.objects.exists()
