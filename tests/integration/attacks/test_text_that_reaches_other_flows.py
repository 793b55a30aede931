"""A designer of one flow writes steps that reach the runs and the triggers of other flows."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.utils import timezone

from flows.graph.codec import parse
from flows.models import Flow, FlowVersion
from flows.services import OtherFlowOutOfReach, create_flow, publish_version, release_version
from flows.triggers.models import Trigger
from flows.triggers.services import TriggerInvalid, create_trigger, set_trigger_enabled
from tests.factories.people import ACTOR, make_person
from tests.factories.probes import publish_flow
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, Role, RoleGrant, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def eve() -> User:
    return make_person("eve", Role.DESIGNER, flow="mine")


@pytest.fixture
def dan() -> User:
    return make_person("dan", Role.DESIGNER)


def draft(**step: Any) -> Flow:
    document = {
        "schema": "countersign/flow@1",
        "name": "mine",
        "title": "Mine",
        "input": {"type": "object", "properties": {"of": {"type": "string"}}},
        "steps": {"tell": step, "done": {"type": "end", "with": {"outcome": "done"}}},
        "edges": ["tell.done -> done"],
    }
    return create_flow(
        name="mine", title="Mine", document=parse(document), author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


def emitting(event: str) -> Flow:
    return draft(type="event.emit", **{"with": {"event": event}})


def publish(flow: Flow, who: User | None, *, actor: Actor | None = None) -> FlowVersion:
    return publish_version(
        flow_id=flow.pk, note="x", author=who, now=timezone.now(),
        actor=actor or (Actor.user(who) if who else ACTOR),
        revision=Flow.objects.get(pk=flow.pk).draft_revision,
    )  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        "theirs.paid",
        "paid",
        "mine",
        "mine-too.paid",
        "Mine.paid",
        " mine.paid",
        "${ input.of }",
        "${ 'mine.' + input.of }",
        "min${ input.of }.paid",
        "mine${ input.of }",
        "$${mine.paid",
    ],
)
def test_a_designer_cannot_publish_an_event_that_other_flows_wait_for(
    event: str, eve: User, dan: User
) -> None:
    flow = emitting(event)
    with pytest.raises(OtherFlowOutOfReach, match=r"Step tell .*events\.send") as refused:
        publish(flow, eve)
    assert "begin with `mine.`" in refused.value.remedy
    assert "someone who has that permission" in refused.value.remedy
    assert not flow.versions.exists()
    assert publish(flow, dan).number == 1


@pytest.mark.parametrize("event", ["mine.paid", "mine.${ input.of }", "mine.a.b", "mine.$${x"])
def test_an_event_under_the_name_of_its_flow_needs_nothing_more(event: str, eve: User) -> None:
    assert publish(emitting(event), eve).number == 1


def test_the_server_may_publish_any_event() -> None:
    assert publish(emitting("paid"), None).number == 1


@pytest.mark.parametrize("flow_of_grant", ["mine", ""])
def test_a_token_publishes_the_events_that_its_person_may_send(flow_of_grant: str) -> None:
    person = make_person("pat", Role.DESIGNER, flow=flow_of_grant)
    token = ApiToken.objects.create(
        user=person, name="ci", digest="d", scopes=["flows.publish"],
        created_at=timezone.now(),
    )  # fmt: skip
    flow = emitting("paid")
    if flow_of_grant:
        with pytest.raises(OtherFlowOutOfReach, match=r"events\.send"):
            publish(flow, person, actor=Actor.token(token))
    else:
        assert publish(flow, person, actor=Actor.token(token)).number == 1


@pytest.mark.parametrize("kind", ["subflow", "for_each"])
def test_a_designer_cannot_call_a_version_that_they_may_not_release(kind: str, eve: User) -> None:
    publish_flow("a -> b", name="theirs")
    RoleGrant.objects.create(
        user=eve, role=Role.OPERATOR, flow_name="theirs", granted_at=timezone.now()
    )
    more: Mapping[str, Any] = {"items": [{}]} if kind == "for_each" else {}
    flow = draft(type=kind, **{"with": {"flow": "theirs", "version": 1, **more}})
    with pytest.raises(OtherFlowOutOfReach, match=r"version of the flow theirs.*flows\.publish"):
        publish(flow, User.objects.get(pk=eve.pk))


def test_a_designer_cannot_release_a_version_from_before_the_rights_were_asked(
    eve: User, dan: User
) -> None:
    flow = publish_flow("a -> b", name="mine")
    stored = FlowVersion.objects.create(
        flow=flow, number=2, digest="d", published_at=timezone.now(),
        document={**flow.draft, "steps": {"tell": {"type": "event.emit", "with": {"event": "x"}}},
                  "edges": []},
    )  # fmt: skip
    with pytest.raises(OtherFlowOutOfReach, match=r"events\.send"):
        release_version(version_id=stored.pk, actor=Actor.user(eve), now=timezone.now())
    assert Flow.objects.get(pk=flow.pk).released_id == flow.released_id
    release_version(version_id=stored.pk, actor=Actor.user(dan), now=timezone.now())
    assert Flow.objects.get(pk=flow.pk).released_id == stored.pk


def test_who_may_not_send_events_may_release_what_someone_published_who_may(
    eve: User, dan: User
) -> None:
    flow = emitting("paid")
    version = publish(flow, dan)
    release_version(version_id=version.pk, actor=Actor.user(eve), now=timezone.now())
    RoleGrant.objects.filter(user=dan).delete()
    with pytest.raises(OtherFlowOutOfReach):
        release_version(version_id=version.pk, actor=Actor.user(eve), now=timezone.now())


def test_a_designer_cannot_turn_on_a_trigger_from_before_the_rights_were_asked(
    eve: User, dan: User
) -> None:
    publish_flow("a -> b", name="theirs")
    mine = publish_flow("a -> b", name="mine")
    trigger = create_trigger(
        flow=mine, kind="flow", title="Hears", config={"flow": "theirs"}, enabled=False,
        actor=Actor.user(dan), now=timezone.now(),
    ).trigger  # fmt: skip
    with pytest.raises(TriggerInvalid, match=r"runs\.view"):
        set_trigger_enabled(
            trigger_id=trigger.pk, enabled=True, actor=Actor.user(eve), now=timezone.now()
        )
    assert not Trigger.objects.get(pk=trigger.pk).enabled
