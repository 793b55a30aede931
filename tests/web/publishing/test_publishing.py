"""Publishing by two, what differs on the canvas and field by field, runs that could move on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from flows import services
from flows.models import Flow, FlowVersion, PublishRule
from flows.publishing.models import PublishRequest
from flows.publishing.services import (
    OwnRequest,
    RequestAnswered,
    approve_request,
    refuse_request,
    request_publish,
)
from tests.factories.flows import LOAN, make_flow, make_version
from tests.factories.people import make_person
from tests.factories.runs import make_waiting_run
from tests.web.pages import publish, revision_on, text_of
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
PAGE = "/flows/loan/publish/"


def changed(flow: Flow, **steps: Any) -> None:
    flow.draft = {**flow.draft, "steps": {**flow.draft["steps"], **steps}}
    flow.draft_revision += 1
    flow.save()


SETTLED_LATE = {"type": "end", "title": "Settle", "with": {"outcome": "late"}}


@pytest.fixture
def flow() -> Flow:
    """A flow with one version, a draft that differs, and a rule that two must publish it."""
    flow = make_flow()
    changed(flow, settle=SETTLED_LATE)
    PublishRule.objects.create(flow=flow, second_person=True)
    return flow


def ask(flow: Flow, author: User) -> PublishRequest:
    return request_publish(
        flow_id=flow.pk, revision=flow.draft_revision, note="Later", release=True, author=author,
        actor=Actor.user(author), now=timezone.now(),
    )  # fmt: skip


def agree(asked: PublishRequest, person: User) -> FlowVersion:
    return approve_request(
        request_id=asked.pk, author=person, actor=Actor.user(person), now=timezone.now()
    )


# --- Two people ---


def test_one_person_alone_publishes_nothing_on_any_path(flow: Flow) -> None:
    person = make_person("ada", Role.DESIGNER)
    for agreed_by in (None, person):
        with pytest.raises(services.SecondPersonNeeded):
            services.publish_version(
                flow_id=flow.pk, revision=flow.draft_revision, note="n", author=person,
                actor=Actor.user(person), now=timezone.now(), agreed_by=agreed_by,
            )  # fmt: skip
    assert flow.versions.count() == 1


def test_a_second_person_agrees_and_the_version_is_published(flow: Flow) -> None:
    first, second = make_person("ada", Role.DESIGNER), make_person("ben", Role.DESIGNER)
    version = agree(ask(flow, first), second)
    assert (version.number, version.published_by, version.note) == (2, first, "Later")
    entry = Entry.objects.get(action="flow.published")
    assert entry.actor_id == str(second.pk)


def test_nobody_agrees_to_their_own_request(flow: Flow) -> None:
    person = make_person("ada", Role.DESIGNER)
    asked = ask(flow, person)
    with pytest.raises(OwnRequest):
        agree(asked, person)
    # The database holds it too, should a path forget it.
    with pytest.raises(IntegrityError), transaction.atomic():
        PublishRequest.objects.filter(pk=asked.pk).update(state="approved", answered_by=person)


def test_a_request_is_answered_once(flow: Flow) -> None:
    first, second = make_person("ada", Role.DESIGNER), make_person("ben", Role.DESIGNER)
    asked = ask(flow, first)
    refuse_request(
        request_id=asked.pk, reason="no", author=second, actor=Actor.user(second),
        now=timezone.now(),
    )  # fmt: skip
    with pytest.raises(RequestAnswered):
        agree(asked, second)
    assert flow.versions.count() == 1


def test_what_was_agreed_to_is_the_draft_that_was_asked_for(flow: Flow) -> None:
    first, second = make_person("ada", Role.DESIGNER), make_person("ben", Role.DESIGNER)
    asked = ask(flow, first)
    changed(flow, settle={**SETTLED_LATE, "title": "Slipped in"})
    with pytest.raises(services.DraftChanged):
        agree(asked, second)
    asked.refresh_from_db()
    assert (asked.state, flow.versions.count()) == ("open", 1)


def test_what_was_agreed_to_is_the_content_that_was_asked_for(flow: Flow) -> None:
    first, second = make_person("ada", Role.DESIGNER), make_person("ben", Role.DESIGNER)
    asked = ask(flow, first)
    changed(flow, settle={**SETTLED_LATE, "title": "Slipped in"})
    Flow.objects.update(draft_revision=asked.draft_revision)
    with pytest.raises(services.DraftChanged):
        agree(asked, second)
    assert flow.versions.count() == 1


@pytest.mark.parametrize("said", [{}, {"revision": ""}, {"revision": "0"}])
@pytest.mark.parametrize("second_person", [True, False])
def test_the_page_publishes_only_the_draft_that_it_showed(
    designer: Client, flow: Flow, second_person: bool, said: dict[str, str]
) -> None:
    PublishRule.objects.update(second_person=second_person)
    shown = revision_on(designer, PAGE)
    changed(flow, settle={**SETTLED_LATE, "title": "Slipped in"})
    refused = designer.post(PAGE, {"note": "As I saw it", "revision": shown, **said})
    assert refused.status_code == 409
    page = text_of(refused)
    assert "Nothing was published." in page
    assert ">As I saw it</textarea>" in page
    assert "Slipped in" in page
    assert (flow.versions.count(), PublishRequest.objects.count()) == (1, 0)
    fresh = f'name="revision" value="{flow.draft_revision}"'
    assert fresh in page
    sent = {"note": "Seen", "revision": str(flow.draft_revision)}
    assert designer.post(PAGE, sent).status_code == 302
    assert (flow.versions.count(), PublishRequest.objects.count()) == (
        (1, 1) if second_person else (2, 0)
    )


def test_a_page_that_asks_for_a_note_still_publishes_only_what_it_showed_first(
    designer: Client, flow: Flow
) -> None:
    shown = revision_on(designer, PAGE)
    changed(flow, settle={**SETTLED_LATE, "title": "Slipped in"})
    again = text_of(designer.post(PAGE, {"note": "", "revision": shown}))
    assert f'name="revision" value="{shown}"' in again


def test_a_failing_gate_leaves_the_request_open(flow: Flow) -> None:
    first, second = make_person("ada", Role.DESIGNER), make_person("ben", Role.DESIGNER)
    flow.draft = {
        **flow.draft,
        "tests": [{"name": "t", "input": "small", "expect": {"outcome": "never"}}],
    }
    flow.save()
    asked = ask(flow, first)
    with pytest.raises(services.FlowTestsFailed):
        agree(asked, second)
    asked.refresh_from_db()
    assert asked.state == "open"


def test_the_page_asks_and_another_persons_page_agrees(
    client_of: Callable[..., Client], flow: Flow
) -> None:
    first, second = client_of(Role.DESIGNER), client_of(Role.DESIGNER)
    assert "Ask to publish version 2" in text_of(first.get(PAGE))
    publish(first, {"note": "Later", "release": "1"})
    asked = PublishRequest.objects.get()
    mine, theirs = text_of(first.get(PAGE)), text_of(second.get(PAGE))
    assert "Withdraw" in mine
    assert "Agree and publish" not in mine
    assert "Approve and publish version 2" in theirs
    second.post(f"{PAGE}requests/{asked.pk}/", {"answer": "agree"})
    flow.refresh_from_db()
    assert flow.released is not None
    assert flow.released.number == 2


def test_only_an_admin_says_that_one_person_is_enough(
    client_of: Callable[..., Client], flow: Flow
) -> None:
    designer, both = client_of(Role.DESIGNER), client_of(Role.DESIGNER, Role.ADMIN)
    designer.post(f"{PAGE}rule/", {"second_person": "0"})
    assert PublishRule.objects.get().second_person is True
    both.post(f"{PAGE}rule/", {"second_person": "0"})
    assert PublishRule.objects.get().second_person is False
    designer.post(f"{PAGE}rule/", {"second_person": "1"})
    assert PublishRule.objects.get().second_person is True
    assert Entry.objects.filter(action="flow.rule_changed").count() == 2


# --- What differs ---


def test_the_page_tells_each_field_that_differs(designer: Client) -> None:
    flow = make_flow()
    changed(flow, settle=SETTLED_LATE, new={"type": "transform", "title": "New one"})
    shown = text_of(designer.get(PAGE))
    assert "<code>with.outcome</code>" in shown
    assert "<del>settled</del>" in shown
    assert "<ins>late</ins>" in shown
    assert "New one" in shown
    assert "Not backtested yet" in shown


def test_the_canvas_draws_both_as_one_and_marks_what_differs(designer: Client) -> None:
    flow = make_flow()
    steps = {"fee": LOAN["steps"]["fee"], "other": {"type": "end"}}
    flow.draft = {
        **LOAN, "steps": steps, "edges": ["fee.done -> other"],
        "layout": {"fee": [10, 0], "other": [320, 0]},
    }  # fmt: skip
    flow.save()
    data = designer.get("/flows/loan/compare/canvas.json?a=1").json()
    assert data["marks"] == {
        "steps": {"fee": "moved", "other": "added", "settle": "removed"},
        "edges": {"fee.done -> other": "added", "fee.done -> settle": "removed"},
    }
    assert data["document"]["layout"]["settle"] == [320, 0]
    assert data["document"]["steps"].keys() == {"fee", "other", "settle"}


def test_any_two_versions_are_compared(designer: Client) -> None:
    flow = make_flow()
    other = {**LOAN, "steps": {**LOAN["steps"], "settle": SETTLED_LATE}}
    make_version(flow, 2, other)
    shown = text_of(designer.get("/flows/loan/compare/?a=2&b=1"))
    assert "<del>late</del>" in shown
    assert "a=2&amp;b=1" in shown


# --- Runs that wait ---


def test_versions_tell_which_waiting_runs_could_go_on_with_the_release(
    client_of: Callable[..., Client], designer: Client
) -> None:
    review = {"type": "review.case", "with": {}}
    flow = make_flow(steps={**LOAN["steps"], "review": review, "old": review})
    make_waiting_run(flow, "review")
    make_waiting_run(flow, "old")
    kept = {**flow.draft, "steps": {**LOAN["steps"], "review": review}}
    flow.released = make_version(flow, 2, kept)
    flow.save()
    shown = text_of(designer.get("/flows/loan/versions/"))
    assert "1 waiting could move to v2" in shown
    assert "1 waiting at a step that v2 does not have" in shown
    operating = text_of(client_of(Role.OPERATOR).get("/flows/loan/versions/"))
    assert "/runs/many/?flow=loan&amp;version=1&amp;act=migrate" in operating
