"""For each task of the clock: one bad row among good ones harms only itself.

The good ones are done at once, the bad one is named and passed over until its time, and it is done
once it is mended. POISONED_AMONG is the number of good rows of the larger cases: 20 if not given.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.assets.models import Asset
from flows.drift import figuring
from flows.drift.models import FiguredDay
from flows.events import stream
from flows.models import (
    Event,
    Flow,
    KeptResult,
    PartialUpload,
    RecordedAnswer,
    Run,
    RunStatus,
    Timer,
    Token,
    Wait,
)
from flows.runtime.clock import LEASE_SECONDS
from flows.spending.models import Budget, Charge, Spent
from flows.store import get_store
from flows.triggers import listening
from flows.triggers.models import Firing, Trigger
from flows.triggers.services import create_trigger
from reviews.models import Case, Decision, Queue
from reviews.models.quality import QualityCheck, SampledRun
from reviews.quality.services import seeding
from reviews.quality.services.known_answers import add_known_answer
from reviews.quality.services.policies import Sampling, save_sampling_policy, set_queue_policy
from reviews.services.claims import claim_case
from reviews.services.decisions import decide_case
from reviews.services.moving import lock_free_cases
from reviews.team.services.absences import plan_absence
from tests.driving import driving, start
from tests.factories.cases import (
    approve,
    make_case,
    make_decided_case,
    make_held_case,
    make_review_version,
)
from tests.factories.contracts import make_contract
from tests.factories.people import ACTOR, make_person, person
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.integration.dispatch.poison import refusing
from tests.waiting import until
from workbench.accounts.models import IdempotentRequest, Role
from workbench.audit import sealing
from workbench.audit.models import BlockEntry, Tally, Unsealed
from workbench.audit.refusals import Refusal, note_refusal
from workbench.audit.services import record
from workbench.dispatch.clock import list_clock_tasks
from workbench.dispatch.models import Outbox, SetAside
from workbench.dispatch.outbox import enqueue, resend_all
from workbench.dispatch.redis_broker import redis_client

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
FEW = 3
MANY = int(os.environ.get("POISONED_AMONG", "20"))


@dataclass
class Scene:
    """Good rows and a bad one that are due ``at``; ``bad`` is what the task calls it."""

    bad: str
    at: datetime
    count_done: Callable[[], int]


class Stage:
    """What the scenes are built with. Leave ``poison`` to mend the bad row."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.request, self.poison = request, ExitStack()

    def refuse(self, model: Any, operation: str, condition: str) -> None:
        table = model._meta.db_table
        self.poison.enter_context(refusing(table, operation, condition))

    def fail(self, module: Any, name: str, is_bad: Callable[..., bool]) -> None:
        """Have the function fail when it is called for the bad row."""
        patch = self.poison.enter_context(pytest.MonkeyPatch.context())
        real = getattr(module, name)

        def failing(*args: Any, **options: Any) -> Any:
            if is_bad(*args, **options):
                raise ValueError("This row is poisoned.")
            return real(*args, **options)

        patch.setattr(module, name, failing)


Build = Callable[[Stage, int], Scene]
SCENES: dict[str, Build] = {}


def scene(task: str) -> Callable[[Build], Build]:
    def keep(build: Build) -> Build:
        SCENES[task] = build
        return build

    return keep


def office() -> Queue:
    return make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD)


# --- Reviews ----------------------------------------------------------------------


@scene("reviews.commit_window")
def decisions(stage: Stage, good: int) -> Scene:
    office()
    ids = []
    for _ in range(good + 1):
        case = make_case(NOW)
        claim_case(case_id=case.pk, acting=person("ada"), now=NOW)
        made = decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=NOW)
        ids.append(made.pk)
    stage.refuse(Decision, "UPDATE", f"OLD.id = {ids[0]}")
    done = Decision.objects.filter(state="committed")
    return Scene(str(ids[0]), NOW + timedelta(seconds=6), done.count)


@scene("reviews.sla")
def due_cases(stage: Stage, good: int) -> Scene:
    office()
    cases = [make_case(NOW) for _ in range(good + 1)]
    stage.refuse(Case, "UPDATE", f"OLD.id = {cases[1].pk}")
    done = Case.objects.filter(events__kind="sla_breached").distinct()
    return Scene(str(cases[1].pk), NOW + timedelta(hours=9), done.count)


@scene("reviews.leases")
def leases(stage: Stage, good: int) -> Scene:
    office()
    cases = [make_held_case("ada", NOW) for _ in range(good + 1)]
    stage.refuse(Case, "UPDATE", f"OLD.id = {cases[0].pk}")
    done = Case.objects.filter(state="open")
    return Scene(str(cases[0].pk), NOW + timedelta(hours=1), done.count)


@scene("reviews.samples")
def samples(stage: Stage, good: int) -> Scene:
    office()
    version = make_review_version()
    Flow.objects.filter(pk=version.flow_id).update(released=version)
    wanted = Sampling(flow="loan", step="review", percent=100)
    policy = save_sampling_policy(wanted=wanted, acting=person("lea"), now=NOW)
    runs = [
        Run.objects.create(
            flow=version.flow, version=version, seq=2, status=RunStatus.COMPLETED,
            outcome="approved", started_at=NOW, finished_at=NOW,
        )
        for _ in range(good + 1)
    ]  # fmt: skip
    stage.refuse(SampledRun, "UPDATE", f"OLD.run_id = {runs[0].pk}")
    done = SampledRun.objects.exclude(state="waiting")
    return Scene(f"policy:{policy.pk}:run:{runs[0].pk}", NOW, done.count)


@scene("reviews.known_answers")
def known_answers(stage: Stage, good: int) -> Scene:
    queue = office()
    for _ in range(good + 1):
        answered = make_decided_case("ada", approve(), NOW)
        add_known_answer(case=answered, outcome="approved", note="", acting=person("lea"), now=NOW)
    policy = set_queue_policy(
        queue=queue, second_percent=0, known_percent=100, independent_percent=0,
        acting=person("lea"), now=NOW,
    )  # fmt: skip
    cases = [make_case(NOW) for _ in range(good + 1)]
    bad = f"case:{cases[0].pk}"
    stage.fail(seeding, "open_check", lambda *_, source, **__: source == bad)
    return Scene(f"policy:{policy.pk}:{bad}", NOW, QualityCheck.objects.count)


@scene("reviews.absences")
def absences(stage: Stage, good: int) -> Scene:
    office()
    cases = [make_held_case("ada", NOW) for _ in range(good + 1)]
    begins = NOW + timedelta(days=1)
    plan_absence(
        person=person("ada").user, starts_at=begins, ends_at=begins + timedelta(days=5),
        cover=person("ben").user, acting=person("ada"), now=NOW,
    )  # fmt: skip
    stage.refuse(Case, "UPDATE", f"OLD.id = {cases[0].pk}")
    done = Case.objects.filter(claimed_by__username="ben")
    return Scene(f"case:{cases[0].pk}", begins, done.count)


# --- Flows ------------------------------------------------------------------------


@scene("triggers.schedules")
def schedules(stage: Stage, good: int) -> Scene:
    listening.forget()
    flow = publish_flow("a -> b")
    made = [
        create_trigger(
            flow=flow, kind="schedule", title=f"number {number}", config={"cron": "0 11 * * *"},
            input="${ input }", actor=ACTOR, now=NOW,
        ).trigger
        for number in range(good + 1)
    ]  # fmt: skip
    bad = made[0]
    Trigger.objects.filter(pk=bad.pk).update(config={**bad.config, "zone": "Mars/Olympus"})
    stage.poison.callback(Trigger.objects.filter(pk=bad.pk).update, config=bad.config)
    return Scene(str(bad.pk), NOW + timedelta(hours=1), Run.objects.count)


@scene("triggers.stream")
def entries(stage: Stage, good: int) -> Scene:
    url = stage.request.getfixturevalue("redis_url")
    settings = stage.request.getfixturevalue("settings")
    settings.REDIS_URL, settings.EVENT_STREAM = url, "test-poison"
    # The clock of this test runs ahead of the one by which Redis tells how long one has had it.
    stage.request.getfixturevalue("monkeypatch").setattr(stream, "RETRIED_MS", 0)
    client = redis_client(url)
    client.delete("test-poison")
    ids = []
    for number in range(good + 1):
        about = {"specversion": "1.0", "id": str(number), "source": "/shop", "type": "paid"}
        ids.append(client.xadd("test-poison", {"event": json.dumps({**about, "data": number})}))
    client.close()
    stage.fail(stream, "receive_event", lambda *, event_id, **_: event_id == "/shop#0")
    return Scene(ids[0].decode(), NOW, Event.objects.count)


@scene("flows.timers")
def timers(stage: Stage, good: int) -> Scene:
    flow = publish_flow("a -> b", a={"type": "wait", "seconds": 3600})
    runs = [start(flow) for _ in range(good + 1)]
    with driving():
        until(lambda: Timer.objects.count() == len(runs), "the timers")
    bad = Timer.objects.order_by("pk")[0]
    stage.refuse(Wait, "UPDATE", f"OLD.run_id = {bad.run_id}")
    key = f"run:{bad.run_id}:{bad.token_id}:{bad.activation}:{bad.purpose}"
    done = Wait.objects.filter(state="resolved")
    return Scene(key, timezone.now() + timedelta(hours=2), done.count)


@scene("flows.takeover")
def orphans(stage: Stage, good: int) -> Scene:
    flow = publish_flow("a -> b")
    for _ in range(good + 1):
        start(flow)
    at = timezone.now()
    long_ago = at - timedelta(seconds=LEASE_SECONDS + 1)
    worker = get_store().register_worker("gone:1", long_ago)
    held = get_store().claim(worker_id=worker, limit=good + 1, now=long_ago)
    assert len(held) == good + 1
    bad = Token.objects.order_by("pk")[0]
    stage.refuse(Token, "UPDATE", f"OLD.id = {bad.pk}")
    return Scene(str(bad.pk), at, Token.objects.filter(state="ready").count)


@scene("flows.kept_results")
def kept_results(stage: Stage, good: int) -> Scene:
    for number in range(good + 1):
        KeptResult.objects.create(
            key=f"key{number}", run_id=1, token_id=1, activation=1, made_at=NOW, expires_at=NOW
        )
    stage.refuse(KeptResult, "DELETE", "OLD.key = 'key0'")
    return Scene("key0", NOW, lambda: good + 1 - KeptResult.objects.count())


@scene("triggers.prune")
def firings(stage: Stage, good: int) -> Scene:
    trigger = create_trigger(
        flow=publish_flow("a -> b"), kind="event", title="paid", config={"event": "paid"},
        input="${ input }", actor=ACTOR, now=NOW,
    ).trigger  # fmt: skip
    old = [
        Firing.objects.create(trigger=trigger, outcome="skipped", at=NOW) for _ in range(good + 1)
    ]
    stage.refuse(Firing, "DELETE", f"OLD.id = {old[0].pk}")
    return Scene(
        str(old[0].pk), NOW + timedelta(days=31), lambda: good + 1 - Firing.objects.count()
    )


@scene("backtests.prune_answers")
def recorded_answers(stage: Stage, good: int) -> Scene:
    old = RecordedAnswer.objects.bulk_create(
        RecordedAnswer(flow="loan", digest=str(number), answer={}, at=NOW)
        for number in range(good + 1)
    )
    stage.refuse(RecordedAnswer, "DELETE", "OLD.digest = '0'")
    at = NOW + timedelta(days=500)
    return Scene(str(old[0].pk), at, lambda: good + 1 - RecordedAnswer.objects.count())


@scene("costs.prune")
def payments(stage: Stage, good: int) -> Scene:
    old = Charge.objects.bulk_create(
        Charge(
            token_id=number, activation=1, attempt=1, fence=1, connection="risk", run_id=1,
            root_id=1, flow="loan", version_id=1, step="score", cost=1, at=NOW,
        )
        for number in range(good + 1)
    )  # fmt: skip
    stage.refuse(Charge, "DELETE", "OLD.token_id = 0")
    at = NOW + timedelta(days=500)
    return Scene(str(old[0].pk), at, lambda: good + 1 - Charge.objects.count())


@scene("flows.uploads")
def uploads(stage: Stage, good: int) -> Scene:
    user = make_person("sender", Role.OPERATOR)
    found = PartialUpload.objects.bulk_create(
        PartialUpload(user=user, name=f"{number}.pdf", size=5, changed_at=NOW)
        for number in range(good + 1)
    )
    is_bad = "OLD.name = '0.pdf'"
    stage.refuse(PartialUpload, "DELETE", is_bad)
    at = NOW + timedelta(days=2)
    return Scene(str(found[0].pk), at, lambda: good + 1 - PartialUpload.objects.count())


@scene("costs.tell")
def budgets(stage: Stage, good: int) -> Scene:
    made = Budget.objects.bulk_create(
        Budget(payer="flow", name=f"flow-{number}", period="day", amount=1, changed_at=NOW)
        for number in range(good + 1)
    )
    Spent.objects.bulk_create(
        Spent(payer="flow", name=each.name, day=NOW.date(), cost=1) for each in made
    )
    stage.refuse(Budget, "UPDATE", "OLD.name = 'flow-0'")
    return Scene(str(made[0].pk), NOW, Budget.objects.exclude(told_reached=None).count)


@scene("drift.figure")
def compared(stage: Stage, good: int) -> Scene:
    for number in range(good + 1):
        make_contract(f"fees-{number}")
    bad = Asset.objects.get(name="fees-0")
    days = [NOW.date() - timedelta(days=back) for back in range(90, 0, -1)]
    FiguredDay.objects.bulk_create(
        FiguredDay(contract=asset, day=day, number=1, outputs=0, figured_at=NOW)
        for asset in Asset.objects.filter(kind="contract")
        for day in days[:-1]
    )
    stage.fail(figuring, "_keep", lambda asset, *rest: asset.pk == bad.pk)
    done = FiguredDay.objects.filter(day=days[-1])
    return Scene(f"{bad.pk}/{days[-1]}", NOW, done.count)


# --- The ground -------------------------------------------------------------------


@scene("accounts.prune_idempotent_requests")
def answers(stage: Stage, good: int) -> Scene:
    old = [
        IdempotentRequest.objects.create(
            principal="user:1", key=f"key{number}", route="/", request_digest="", created_at=NOW
        )
        for number in range(good + 1)
    ]
    stage.refuse(IdempotentRequest, "DELETE", f"OLD.id = {old[0].pk}")
    return Scene(
        str(old[0].pk),
        NOW + timedelta(days=3),
        lambda: good + 1 - IdempotentRequest.objects.count(),
    )


@scene("dispatch.resend_due")
def messages(stage: Stage, good: int) -> Scene:
    rows = [enqueue("tests.none", {}, now=NOW) for _ in range(good + 1)]
    stage.refuse(Outbox, "UPDATE", f"OLD.id = {rows[0].pk}")
    put_off = Outbox.objects.filter(ring_at__gt=NOW + timedelta(seconds=5))
    return Scene(str(rows[0].pk), NOW + timedelta(seconds=5), put_off.count)


@scene("audit.seal")
def ledger_entries(stage: Stage, good: int) -> Scene:
    with transaction.atomic():
        made = [
            record(
                action="run.paused", subject=("run", str(number)), actor=ACTOR, payload={}, now=NOW
            )
            for number in range(good + 1)
        ]
    bad = made[0].pk
    stage.fail(sealing, "check_leaf", lambda entry, _: entry == bad)
    before = set(Unsealed.objects.values_list("entry_id", flat=True)) - {each.pk for each in made}
    sealed = BlockEntry.objects.exclude(entry_id__in=before)
    return Scene(str(bad), NOW, sealed.count)


@scene("audit.count_refusals")
def refusals(stage: Stage, good: int) -> Scene:
    for number in range(good + 1):
        user = ("user", str(number))
        for _ in range(2):
            refused = Refusal("token.refused", user, ACTOR, {"why": ""}, most=1, at=NOW)
            note_refusal(refused)
    bad = Tally.objects.order_by("pk")[0].pk
    stage.refuse(Tally, "DELETE", f"OLD.id = {bad}")
    return Scene(str(bad), NOW + timedelta(minutes=2), lambda: good + 1 - Tally.objects.count())


# --- The rule ---------------------------------------------------------------------


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(request)
    yield made
    made.poison.close()


def sweep(task: str, now: datetime) -> None:
    """Call the task as the clock does: again at once while it has more to do."""
    function = next(each.function for each in list_clock_tasks() if each.name == task)
    for _ in range(1000):
        if not function(now):
            return
    raise AssertionError(f"{task} never comes to an end")


@pytest.mark.parametrize("task", [each.name for each in list_clock_tasks()])
def test_a_bad_row_harms_only_itself(task: str, stage: Stage) -> None:
    assert task in SCENES, f"Write a scene of {task}: one bad row among good ones."
    scene = SCENES[task](stage, FEW)

    sweep(task, scene.at)
    assert scene.count_done() == FEW
    kept = SetAside.objects.get(task=task, key=scene.bad)
    assert "This row is poisoned" in kept.cause or "Mars/Olympus" in kept.cause

    sweep(task, scene.at + timedelta(seconds=1))
    kept.refresh_from_db()
    assert kept.failures == 1
    sweep(task, kept.retry_at)
    kept.refresh_from_db()
    assert kept.failures == 2

    stage.poison.close()
    sweep(task, kept.retry_at - timedelta(seconds=1))
    assert scene.count_done() == FEW
    sweep(task, kept.retry_at)
    assert scene.count_done() == FEW + 1
    assert not SetAside.objects.exists()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("task", [each.name for each in list_clock_tasks()])
@pytest.mark.parametrize("bad", [0, 1])
def test_one_bad_row_does_not_make_many_good_ones_late(task: str, bad: int, stage: Stage) -> None:
    scene = SCENES[task](stage, MANY)
    if not bad:
        stage.poison.close()
    function = next(each.function for each in list_clock_tasks() if each.name == task)
    began, late, done = time.monotonic(), [], 0
    more = True
    while more:
        more = bool(function(scene.at))
        new = scene.count_done() - done
        done += new
        late += [time.monotonic() - began] * new
    assert done == MANY + 1 - bad
    assert SetAside.objects.filter(task=task, key=scene.bad).exists() == bool(bad)
    assert bad or not SetAside.objects.exists()
    print(  # noqa: T201 - for whoever measures
        f"\n{task}: {bad} bad, {done} good, p99 late by {late[int(0.99 * done) - 1] * 1000:.0f} ms"
    )


# What a row alone costs. To read for each what a batch can read once is what made them slow.
STATEMENTS_A_ROW = {
    "dispatch.resend_due": 0.2,
    "flows.timers": 0.2,
    "reviews.absences": 1.2,
    "reviews.commit_window": 20,
    "reviews.known_answers": 16,
    "reviews.leases": 1.2,
    "reviews.sla": 0.2,
}


@pytest.mark.parametrize("task", STATEMENTS_A_ROW)
def test_a_row_costs_few_statements(task: str, stage: Stage) -> None:
    good = 39
    scene = SCENES[task](stage, good)
    stage.poison.close()
    with CaptureQueriesContext(connection) as statements:
        sweep(task, scene.at)
    assert scene.count_done() == good + 1
    about_the_batch = 40
    assert len(statements) <= STATEMENTS_A_ROW[task] * (good + 1) + about_the_batch


@pytest.mark.parametrize("task", STATEMENTS_A_ROW)
def test_a_bad_row_costs_few_statements_more(task: str, stage: Stage) -> None:
    good = 39
    scene = SCENES[task](stage, good)
    with CaptureQueriesContext(connection) as statements:
        sweep(task, scene.at)
    assert scene.count_done() == good
    about_the_bad_row = 220 if task == "reviews.sla" else 180
    assert len(statements) <= 1.3 * STATEMENTS_A_ROW[task] * (good + 1) + about_the_bad_row


def test_a_case_that_somebody_works_on_is_passed_on_after_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder is away, and a transaction of another person has the row while it is looked at."""
    scene = SCENES["reviews.absences"](stage, 2)
    stage.poison.close()
    in_use = int(scene.bad.removeprefix("case:"))
    monkeypatch.setattr(
        "reviews.services.passing.lock_free_cases",
        lambda ids: lock_free_cases(set(ids) - {in_use}),
    )
    sweep("reviews.absences", scene.at)
    assert scene.count_done() == 3


def test_a_full_batch_of_bad_rows_does_not_starve_a_good_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.triggers.clock.SCHEDULE_BATCH", 2)
    scene = SCENES["triggers.schedules"](stage, 3)
    bad = Trigger.objects.order_by("pk")[:3]
    for each in bad:
        Trigger.objects.filter(pk=each.pk).update(config={**each.config, "zone": "Mars/Olympus"})
    sweep("triggers.schedules", scene.at)
    assert scene.count_done() == 1
    assert SetAside.objects.count() == 3


def test_a_row_that_is_gone_is_set_aside_no_longer(stage: Stage) -> None:
    scene = SCENES["reviews.leases"](stage, 1)
    sweep("reviews.leases", scene.at)
    stage.poison.close()
    Case.objects.filter(pk=scene.bad).update(state="open", claimed_by=None, lease_until=None)
    sweep("reviews.leases", scene.at + timedelta(seconds=5))
    assert not SetAside.objects.exists()


def test_an_sla_that_cannot_be_read_keeps_no_other_case_from_its_act() -> None:
    office()
    bad, good = make_case(NOW), make_case(NOW)
    Case.objects.filter(pk=bad.pk).update(sla={"breach": "expire", "acts": "none"})
    sweep("reviews.sla", NOW + timedelta(hours=9))
    assert good.events.filter(kind="sla_breached").exists()
    assert SetAside.objects.get().key == str(bad.pk)


def test_after_a_loss_of_redis_one_bad_message_keeps_no_other_from_being_sent_again() -> None:
    bad, good = enqueue("tests.none", {}, now=NOW), enqueue("tests.none", {}, now=NOW)
    with refusing("dispatch_outbox", "UPDATE", f"OLD.id = {bad.pk}"):
        resend_all(NOW)
    good.refresh_from_db()
    assert good.ring_at == NOW
    assert SetAside.objects.get().key == str(bad.pk)
