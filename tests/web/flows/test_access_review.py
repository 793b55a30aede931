"""What flows do to others without the right to it: on the health page, by API and by command."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from flows.graph.codec import parse
from flows.health.selectors import access, list_access_gaps
from flows.models import Flow, FlowVersion
from flows.publishing.services import approve_request, request_publish
from flows.services import create_flow, publish_version
from flows.triggers.models import Trigger
from flows.triggers.services import create_trigger, set_trigger_enabled
from tests.factories.people import ACTOR, make_person
from tests.factories.probes import publish_flow
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, Role, RoleGrant, User

pytestmark = pytest.mark.django_db


def emitting(event: str = "paid", name: str = "mine") -> Flow:
    """Store a version from before any right was asked for."""
    return publish_flow("tell -> b", name=name, tell={"type": "event.emit", "event": event})


def drafted(name: str = "mine") -> Flow:
    document = {
        "schema": "countersign/flow@1",
        "name": name,
        "steps": {
            "tell": {"type": "event.emit", "with": {"event": "paid"}},
            "call": {"type": "subflow", "with": {"flow": "theirs"}},
        },
        "edges": ["tell.done -> call"],
    }
    return create_flow(
        name=name, title=name, document=parse(document), author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


def publish(flow: Flow, who: User, *, actor: Actor | None = None) -> FlowVersion:
    return publish_version(
        flow_id=flow.pk, note="x", author=who, actor=actor or Actor.user(who), now=timezone.now(),
        revision=flow.draft_revision,
    )  # fmt: skip


def hearing(who: User, **more: Any) -> Trigger:
    publish_flow("a -> b", name="theirs")
    mine = publish_flow("a -> b", name="hears")
    return create_trigger(
        flow=mine, kind="flow", title="Nightly", config={"flow": "theirs"}, actor=Actor.user(who),
        now=timezone.now(), **more,
    ).trigger  # fmt: skip


def run_command() -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("flow", "rights", stdout=out)
    except SystemExit as left:
        return int(str(left.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def dan() -> User:
    return make_person("dan", Role.DESIGNER)


def test_a_version_from_before_the_rights_were_asked_is_listed() -> None:
    emitting()
    emitting("own.paid", name="own")
    [gap] = list_access_gaps()
    assert (gap.flow, gap.version, gap.trigger, gap.who) == ("mine", 1, None, "")
    assert gap.missing == ("events.send",)
    assert gap.remedy.startswith(
        "Rename it to begin with `mine.` and publish; or have the flow changed"
    )


def test_what_its_publisher_may_do_is_not_listed_until_they_lose_the_right(dan: User) -> None:
    publish_flow("a -> b", name="theirs")
    publish(drafted(), dan)
    assert list_access_gaps() == []
    RoleGrant.objects.filter(user=dan).update(flow_name="mine")
    emits, calls = list_access_gaps()
    assert (emits.who, emits.missing) == ("dan", ("events.send",))
    assert (calls.missing, calls.where) == (("runs.start", "runs.view"), "for the flow theirs")
    assert calls.remedy.startswith("Give dan what is missing, or have the flow changed")
    RoleGrant.objects.filter(user=dan).update(flow_name="")
    User.objects.filter(pk=dan.pk).update(is_active=False)
    assert len(list_access_gaps()) == 2


def test_what_the_server_published_is_not_listed() -> None:
    publish_flow("a -> b", name="theirs")
    flow = drafted()
    publish_version(
        flow_id=flow.pk, note="x", author=None, now=timezone.now(), revision=0,
        actor=Actor.system("manage.py flow", channel="command"),
    )  # fmt: skip
    assert list_access_gaps() == []


def test_whoever_approved_a_publication_answers_for_it(dan: User) -> None:
    publish_flow("a -> b", name="theirs")
    eve, flow = make_person("eve", Role.DESIGNER, flow="mine"), drafted()
    asked = request_publish(
        flow_id=flow.pk, revision=0, note="x", release=True, author=eve, actor=Actor.user(eve),
        now=timezone.now(),
    )  # fmt: skip
    approve_request(request_id=asked.pk, author=dan, actor=Actor.user(dan), now=timezone.now())
    assert list_access_gaps() == []
    RoleGrant.objects.filter(user=dan).delete()
    assert {gap.who for gap in list_access_gaps()} == {"dan"}


def test_a_token_stands_for_its_person(dan: User) -> None:
    publish_flow("a -> b", name="theirs")
    token = ApiToken.objects.create(
        user=dan, name="ci", digest="d", scopes=["flows.publish"], created_at=timezone.now()
    )
    publish(drafted(), dan, actor=Actor.token(token))
    assert list_access_gaps() == []
    RoleGrant.objects.filter(user=dan).delete()
    assert {gap.who for gap in list_access_gaps()} == {"dan · ci"}


def test_only_what_is_released_is_listed(dan: User) -> None:
    flow = emitting()
    Flow.objects.filter(pk=flow.pk).update(released=None)
    assert list_access_gaps() == []


def test_a_trigger_is_listed_once_its_author_may_no_longer_see_what_it_hears(dan: User) -> None:
    trigger = hearing(dan)
    hearing_self = create_trigger(
        flow=trigger.flow, kind="flow", title="Own", config={"flow": "hears"},
        actor=Actor.user(dan), now=timezone.now(),
    ).trigger  # fmt: skip
    assert list_access_gaps() == []
    RoleGrant.objects.filter(user=dan).delete()
    [gap] = list_access_gaps()
    assert (gap.trigger, gap.version, gap.label) == (trigger.pk, None, "trigger Nightly")
    assert (gap.who, gap.missing, gap.where) == ("dan", ("runs.view",), "for the flow theirs")
    now = timezone.now()
    set_trigger_enabled(trigger_id=trigger.pk, enabled=False, actor=Actor.user(dan), now=now)
    assert list_access_gaps() == []
    set_trigger_enabled(trigger_id=trigger.pk, enabled=True, actor=ACTOR, now=timezone.now())
    assert list_access_gaps() == []
    assert hearing_self.enabled


def test_a_trigger_of_which_the_ledger_does_not_know_the_author_is_listed(dan: User) -> None:
    trigger = hearing(dan)
    Trigger.objects.filter(pk=trigger.pk).update(changed_at=timezone.now())
    assert [gap.who for gap in list_access_gaps()] == [""]


def test_it_takes_seven_queries_and_the_documents_are_read_once(
    dan: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    hearing(dan)
    for number in range(5):
        publish(drafted(f"flow{number}"), dan)
    token = ApiToken.objects.create(
        user=dan, name="ci", digest="d", scopes=["flows.publish"], created_at=timezone.now()
    )
    for number in range(5, 10):
        publish(drafted(f"flow{number}"), dan, actor=Actor.token(token))
    RoleGrant.objects.filter(user=dan).update(flow_name="hears")
    access._kept.clear()
    with django_assert_num_queries(7):
        assert len(list_access_gaps()) == 21
    with django_assert_num_queries(6):
        list_access_gaps()


def test_the_command_lists_them_and_says_so_by_its_exit_code() -> None:
    assert run_command()[0] == 0
    emitting()
    code, said = run_command()
    assert code == 1
    assert said.startswith("mine, version 1, by nobody known: Step tell emits the event `paid`")
    assert (
        "Missing: events.send for the whole installation. Rename it to begin with `mine.`" in said
    )


def test_the_page_has_them_in_a_section_of_their_own(operator: Client) -> None:
    assert "Access review" not in text_of(operator.get("/health/"))
    emitting()
    page = text_of(operator.get("/health/panels/"))
    assert "Access review" in page
    assert "Step tell emits the event `paid`" in page
    assert "events.send" in page


def test_the_api_lists_them_to_who_may_see_the_health_of_the_whole_installation() -> None:
    emitting()
    everywhere = Api(Role.OPERATOR, scopes=["health.view"])
    [gap] = everywhere.get("/access-review").json()["items"]
    assert (gap["flow"], gap["version"], gap["missing"]) == ("mine", 1, ["events.send"])
    narrow = Api(Role.DESIGNER, scopes=["health.view"], flow="mine")
    assert narrow.get("/access-review").status_code == 403
