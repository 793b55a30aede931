"""A designer of one flow tries to get at the data, the files and the work of another flow."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from flows.graph.codec import parse
from flows.graph.operations import normal_form
from flows.models import Flow, FlowVersion
from flows.runtime.artifacts import store_artifact
from flows.runtime.labels import Label
from flows.runtime.program import forget_programs
from flows.services import OtherFlowOutOfReach, create_flow, publish_version
from flows.services.giving import note_upload
from flows.testing.trial import Trial, play_trial
from flows.triggers.models import Trigger
from flows.triggers.services import TriggerInvalid, change_trigger, create_trigger
from tests.driving import driving, ended, start
from tests.factories.people import make_person
from tests.factories.probes import calls, forget_calls, publish_flow
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_programs()
    forget_calls()
    yield
    forget_programs()


@pytest.fixture
def eve() -> User:
    return make_person("eve", Role.DESIGNER, flow="mine")


def draft(called: str, owner: User, kind: str = "subflow") -> Flow:
    more: dict[str, Any] = {"items": [{}]} if kind == "for_each" else {}
    document = {
        "schema": "countersign/flow@1",
        "name": "mine",
        "title": "Mine",
        "input": {"type": "object", "properties": {"flow": {"type": "string"}}},
        "steps": {
            "call": {"type": kind, "with": {"flow": called, **more}},
            "done": {"type": "end", "with": {"outcome": "done"}},
        },
        "edges": ["call.done -> done"],
    }
    return create_flow(
        name="mine", title="Mine", document=parse(document), author=owner, actor=Actor.user(owner),
        now=timezone.now(),
    )  # fmt: skip


def publish(flow: Flow, who: User) -> FlowVersion:
    return publish_version(
        flow_id=flow.pk, note="x", author=who, actor=Actor.user(who), now=timezone.now(),
        revision=Flow.objects.get(pk=flow.pk).draft_revision,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["subflow", "for_each"])
@pytest.mark.parametrize("called", ["theirs", "${ input.flow }"])
def test_a_designer_cannot_publish_a_call_of_a_flow_that_they_may_not_start(
    called: str, kind: str, eve: User
) -> None:
    publish_flow("a -> b", name="theirs")
    flow = draft(called, eve, kind)
    with pytest.raises(OtherFlowOutOfReach, match=r"runs\.start"):
        publish(flow, eve)
    assert not flow.versions.exists()
    assert publish(flow, make_person("dan", Role.DESIGNER)).number == 1


def test_a_designer_cannot_hear_the_ends_of_a_flow_whose_runs_they_may_not_see(eve: User) -> None:
    publish_flow("a -> b", name="theirs")
    mine = publish_flow("a -> b", name="mine")
    usual: Any = {"title": "Hears", "actor": Actor.user(eve), "now": timezone.now()}
    with pytest.raises(TriggerInvalid, match=r"runs\.view"):
        create_trigger(flow=mine, kind="flow", config={"flow": "theirs"}, **usual)
    own = create_trigger(flow=mine, kind="flow", config={"flow": "mine"}, **usual).trigger
    with pytest.raises(TriggerInvalid, match=r"runs\.view"):
        change_trigger(trigger_id=own.pk, input="${ input }", config={"flow": "theirs"}, **usual)
    assert [each.listens_to for each in Trigger.objects.all()] == ["mine"]


def test_a_cached_result_about_a_file_is_not_given_to_a_run_that_does_not_hold_it(
    eve: User,
) -> None:
    owner = make_person("owner", Role.DESIGNER)
    found = store_artifact(
        content=b"payslip", media_type="text/plain", name="a.txt", now=timezone.now()
    )
    note_upload(digest=found["artifact"], label=Label(), user=owner, now=timezone.now())
    read = {"give": {"of": "${ input.digest }"}, "cache": {"ttl_seconds": 3600}}
    theirs = publish_flow("read -> b", name="theirs", read=read)
    mine = publish_flow("read -> b", name="mine", read=read)
    given = {"digest": found["artifact"]}
    with driving():
        # Named as a text, it is given to whoever may give it, and to nobody else.
        for flow in (theirs, mine):
            ended(start(flow, given, **({"actor": Actor.user(owner)} if flow == theirs else {})))
    assert calls["read"] == 2


def test_a_trial_of_a_draft_reads_only_files_that_its_player_could_give_to_a_run(
    eve: User,
) -> None:
    owner = make_person("owner", Role.DESIGNER, flow="theirs")
    found = store_artifact(
        content=b"payslip", media_type="text/plain", name="a.txt", now=timezone.now()
    )
    note_upload(digest=found["artifact"], label=Label(), user=owner, now=timezone.now())
    flow = publish_flow("look -> b", name="mine", look={"read": "${ input.digest }"})
    trial = Trial(json.dumps({"digest": found["artifact"]}))
    document = normal_form(flow.draft)

    played = play_trial(document, trial, actor=Actor.user(eve), now=timezone.now())
    assert "no artifact" in str(played.path[0].error)
    assert "payslip" not in str(played)
    own = play_trial(document, trial, actor=Actor.user(owner), now=timezone.now())
    assert own.path[0].output == {"read": "payslip"}
