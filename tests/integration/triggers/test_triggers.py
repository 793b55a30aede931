"""Each cause starts one run: by schedule, by event, by another flow's end."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.events.receiving import receive_event
from flows.models import Flow, Run, Token
from flows.services import pause_flow, retry_run
from flows.triggers import listening
from flows.triggers.clock import fire_schedules, prune_firings
from flows.triggers.firing import MOST_DEPTH, fire
from flows.triggers.jobs import start_at_end
from flows.triggers.models import Firing, Trigger
from flows.triggers.services import (
    TriggerInvalid,
    change_trigger,
    create_trigger,
    delete_trigger,
    set_trigger_enabled,
)
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.racing import at_once
from workbench.audit.models import Entry
from workbench.dispatch.models import Outbox
from workbench.dispatch.sweeps import list_set_aside
from workbench.secrets.models import Secret

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
Deliver = Callable[[], int]


@pytest.fixture(autouse=True)
def _fresh_view() -> Iterator[None]:
    listening.forget()
    yield
    listening.forget()


def add(flow: Flow, kind: str, /, now: datetime = NOW, **config: Any) -> Trigger:
    given = config.pop("input", "${ input }")
    made = create_trigger(
        flow=flow, kind=kind, title=f"a {kind}", config=config, input=given, actor=ACTOR, now=now
    )
    listening.forget()
    return made.trigger


# --- Lanes ---


@pytest.mark.parametrize(
    ("config", "priority"), [({}, 100), ({"lane": "bulk"}, 200), ({"lane": "interactive"}, 20)]
)
def test_a_run_is_in_the_lane_that_its_trigger_names(config: dict[str, Any], priority: int) -> None:
    trigger = add(publish_flow("a -> b"), "event", event="e", **config)
    fire(trigger=trigger, key="k", given={}, now=NOW)
    assert Run.objects.get().priority == priority
    assert Token.objects.get().priority == priority


def test_a_trigger_of_before_there_were_lanes_goes_on_in_the_standard_one() -> None:
    trigger = add(publish_flow("a -> b"), "event", event="e")
    trigger.config = {"event": "e", "filter": ""}
    fire(trigger=trigger, key="k", given={}, now=NOW)
    assert Run.objects.get().priority == 100


def test_a_trigger_that_names_no_lane_leaves_it_to_the_flow() -> None:
    flow = publish_flow("a -> b")
    assert flow.released is not None
    flow.released.document["lane"] = "bulk"
    flow.released.save()
    fire(trigger=add(flow, "event", event="e"), key="k", given={}, now=NOW)
    assert Run.objects.get().priority == 200


def test_a_lane_that_there_is_not_is_refused() -> None:
    with pytest.raises(TriggerInvalid, match="lane"):
        add(publish_flow("a -> b"), "event", event="e", lane="fast")


# --- Schedules ---


def test_a_schedule_fires_once_an_instant_and_never_early() -> None:
    flow = publish_flow("a -> b")
    trigger = add(flow, "schedule", cron="*/5 * * * *")
    assert trigger.next_at == NOW + timedelta(minutes=5)
    fire_schedules(NOW + timedelta(seconds=299.9))
    assert not Run.objects.exists()
    for second in (300, 300, 301, 330):
        fire_schedules(NOW + timedelta(seconds=second))
    run = Run.objects.get()
    assert run.input["scheduled_at"] == "2026-03-10T10:05:00+00:00"
    assert run.trigger == "schedule"
    trigger.refresh_from_db()
    assert trigger.next_at == NOW + timedelta(minutes=10)


def test_two_clocks_fire_each_instant_once() -> None:
    flow = publish_flow("a -> b")
    for _ in range(3):
        add(flow, "schedule", cron="* * * * *", missed="all", most=100)

    def tick(_: int) -> None:
        for minute in range(1, 6):
            fire_schedules(NOW + timedelta(minutes=minute))

    at_once(tick, 4)
    fire_schedules(NOW + timedelta(minutes=5))
    assert Run.objects.count() == 15
    assert (
        Firing.objects.filter(outcome="started").values("trigger", "key").distinct().count() == 15
    )


def test_missed_instants_are_named_and_the_policy_is_kept() -> None:
    flow = publish_flow("a -> b")
    add(flow, "schedule", cron="0 * * * *", missed="once")
    fire_schedules(NOW + timedelta(hours=5, minutes=30))
    assert Run.objects.get().input["scheduled_at"] == "2026-03-10T15:00:00+00:00"
    skipped = Firing.objects.get(outcome="skipped")
    assert "2026-03-10T11:00:00" in skipped.error


def test_a_flow_that_refuses_does_not_stop_the_schedule_nor_the_others() -> None:
    paused, flow = publish_flow("a -> b", name="paused"), publish_flow("a -> b")
    broken = add(paused, "schedule", cron="* * * * *")
    add(flow, "schedule", cron="* * * * *")
    pause_flow(flow_id=paused.pk, actor=ACTOR, now=NOW)
    fire_schedules(NOW + timedelta(minutes=1))
    assert Run.objects.get().flow_id == flow.pk
    assert "paused" in Firing.objects.get(trigger=broken).error
    broken.refresh_from_db()
    assert broken.next_at == NOW + timedelta(minutes=2)


def test_a_disabled_schedule_does_not_fire_and_does_not_catch_up() -> None:
    trigger = add(publish_flow("a -> b"), "schedule", cron="0 * * * *", missed="all")
    off = {"trigger_id": trigger.pk, "actor": ACTOR}
    set_trigger_enabled(enabled=False, now=NOW, **off)  # type: ignore[arg-type]
    fire_schedules(NOW + timedelta(hours=3))
    set_trigger_enabled(enabled=True, now=NOW + timedelta(hours=3), **off)  # type: ignore[arg-type]
    fire_schedules(NOW + timedelta(hours=3, minutes=1))
    assert not Run.objects.exists()
    fire_schedules(NOW + timedelta(hours=4))
    assert Run.objects.count() == 1


# --- Events ---


def event(number: int, now: datetime = NOW, **payload: Any) -> list[int]:
    return receive_event(
        name="order.paid", key="", payload=payload, event_id=f"e{number}", actor=ACTOR, now=now
    )


def test_an_event_starts_the_flows_that_listen_and_pass_their_filter(
    deliver_outbox: Deliver,
) -> None:
    flow = publish_flow("a -> b")
    add(flow, "event", event="order.paid", filter="input.data.amount > 100",
        input={"amount": "${ input.data.amount }"})  # fmt: skip
    add(flow, "event", event="order.lost")
    event(1, amount=500)
    event(1, amount=500)
    event(2, amount=5)
    event(3, other="no amount: the filter fails closed")
    deliver_outbox()
    assert [run.input for run in Run.objects.all()] == [{"amount": 500}]


def test_a_delivery_that_is_repeated_starts_no_second_run(deliver_outbox: Deliver) -> None:
    add(publish_flow("a -> b"), "event", event="order.paid")
    event(1)
    row = Outbox.objects.get(job="flows.event_heard")
    deliver_outbox()
    row.pk = None
    row.save()
    deliver_outbox()
    assert Run.objects.count() == 1


# --- Another flow's end ---


@pytest.mark.parametrize("output", [None, {"x": 1}], ids=["the short way", "with an output"])
def test_a_run_that_completes_starts_the_flow_that_listens(
    deliver_outbox: Deliver, output: Any
) -> None:
    first = publish_flow("a -> b", name="first", output=output)
    second = publish_flow("a -> b", name="second")
    add(second, "flow", now=timezone.now() - timedelta(seconds=5), flow="first",
        input={"of": "${ input.run }", "was": "${ input.status }"})  # fmt: skip
    with driving():
        run = ended(start(first))
    assert run.status == "completed"
    deliver_outbox()
    [started] = Run.objects.filter(flow=second)
    assert started.input == {"of": run.pk, "was": "completed"}


def test_a_flow_that_nobody_listens_to_rings_for_nobody() -> None:
    with driving():
        ended(start(publish_flow("a -> b")))
    assert not Outbox.objects.filter(job="flows.run_ended").exists()


def test_only_the_ends_that_are_asked_for_and_each_once(deliver_outbox: Deliver) -> None:
    first = publish_flow("a -> b", name="first", b={"fail_times": 9})
    second = publish_flow("a -> b", name="second")
    early = timezone.now() - timedelta(seconds=5)
    add(second, "flow", now=early, flow="first", on=["failed"])
    add(second, "flow", now=early, flow="first", on=["completed"])
    with driving():
        run = ended(start(first))
        retry_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        run.refresh_from_db()
        ended(run)
    deliver_outbox()
    assert [made.input["status"] for made in Run.objects.filter(flow=second)] == ["failed"]


def test_an_end_before_the_trigger_was_there_is_not_heard() -> None:
    first, second = publish_flow("a -> b", name="first"), publish_flow("a -> b", name="second")
    with driving():
        run = ended(start(first))
    add(second, "flow", now=timezone.now(), flow="first")
    at = run.finished_at.isoformat()
    start_at_end({"run": run.pk, "status": "completed", "at": at}, timezone.now())
    assert not Run.objects.filter(flow=second).exists()


def test_flows_that_start_one_another_end_at_the_limit() -> None:
    flow = publish_flow("a -> b")
    trigger = add(flow, "flow", flow="kit")
    made = fire(trigger=trigger, key="deep", given={}, now=NOW, depth=MOST_DEPTH + 1)
    assert made.firing.outcome == "refused"
    assert "started one another" in made.firing.error
    assert not Run.objects.exists()


# --- Keeping them ---


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("schedule", {"cron": "every day"}, "not a cron line"),
        ("schedule", {"cron": "0 7 * * *", "zone": "Mars/Base"}, "no time zone"),
        ("schedule", {}, "cron"),
        ("schedule", {"cron": "* * * * * *"}, "there is none for seconds"),
        ("event", {"event": "x", "filter": "1 +"}, "filter"),
        ("event", {"event": "x", "unknown": 1}, "unknown"),
        ("flow", {"flow": "nowhere"}, "no flow"),
        ("flow", {"flow": "kit", "on": ["failed"], "outcome": "x"}, "outcome"),
        ("webhook", {"input": "${ steps.a.output }"}, "steps is not known"),
        ("fax", {}, "no trigger of kind"),
    ],
)
def test_a_wrong_trigger_is_refused_by_its_field(
    kind: str, config: dict[str, Any], said: str
) -> None:
    flow = publish_flow("a -> b")
    with pytest.raises(TriggerInvalid, match=said):
        add(flow, kind, **config)
    assert not Trigger.objects.exists()


def test_each_change_is_in_the_ledger_and_a_removed_webhook_leaves_no_secret() -> None:
    flow = publish_flow("a -> b")
    trigger = add(flow, "webhook")
    assert Secret.objects.count() == 1
    given: dict[str, Any] = {"trigger_id": trigger.pk, "actor": ACTOR, "now": NOW}
    change_trigger(title="other", config={"max_bytes": 10}, input={}, **given)
    set_trigger_enabled(enabled=False, **given)
    set_trigger_enabled(enabled=False, **given)
    delete_trigger(**given)
    assert not Secret.objects.exists()
    acts = Entry.objects.filter(action__startswith="trigger.").order_by("pk")
    assert [entry.action.split(".")[1] for entry in acts] == [
        "created", "changed", "disabled", "deleted",
    ]  # fmt: skip


def test_old_firings_are_forgotten() -> None:
    trigger = add(publish_flow("a -> b"), "event", event="x")
    fire(trigger=trigger, key="old", given={}, now=NOW)
    prune_firings(NOW + timedelta(days=29))
    assert Firing.objects.count() == 1
    prune_firings(NOW + timedelta(days=31))
    assert not Firing.objects.exists()


# --- Set aside ---


def change(trigger: Trigger) -> None:
    config = {"cron": "0 * * * *", "zone": "UTC"}
    change_trigger(
        trigger_id=trigger.pk, title="mended", config=config, input={}, actor=ACTOR, now=NOW
    )


def turn_off(trigger: Trigger) -> None:
    set_trigger_enabled(trigger_id=trigger.pk, enabled=False, actor=ACTOR, now=NOW)


def delete(trigger: Trigger) -> None:
    delete_trigger(trigger_id=trigger.pk, actor=ACTOR, now=NOW)


@pytest.mark.parametrize("mend", [change, turn_off, delete])
def test_a_mended_schedule_is_no_longer_set_aside(mend: Callable[[Trigger], None]) -> None:
    flow = publish_flow("a -> z", name="mended")
    trigger = add(flow, "schedule", cron="0 * * * *", zone="UTC")
    Trigger.objects.filter(pk=trigger.pk).update(
        config={**trigger.config, "zone": "Mars/Olympus"}, next_at=NOW
    )
    fire_schedules(NOW)
    assert [row.key for row in list_set_aside()] == [str(trigger.pk)]
    Trigger.objects.filter(pk=trigger.pk).update(config=trigger.config)
    mend(trigger)
    assert not list_set_aside()
