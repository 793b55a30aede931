"""The first-run tour: who sees it, what it says next, and that it ends."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from flows import services
from flows.graph.operations import normal_form
from flows.models import Flow, Run
from flows.selectors.tour import get_tour
from tests.factories.people import make_person
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(now: datetime) -> User:
    return make_person("ada", Role.DESIGNER)


def flow_with(now: datetime, **steps: Any) -> Flow:
    draft = normal_form({"schema": "countersign/flow@1", "name": "first", "steps": steps})
    return Flow.objects.create(
        name="first", title="First", draft=draft, created_at=now, updated_at=now
    )


READY = {"hello": {"type": "transform", "with": {"output": {"greeting": "Hello"}}}}


@pytest.mark.parametrize(
    ("steps", "done", "title"),
    [
        ({}, 1, "Add a step"),
        ({"hello": {"type": "transform"}}, 2, "Settle its settings"),
        (READY, 3, "Publish it"),
    ],
)
def test_the_hint_is_about_what_the_flow_lacks(
    ada: User, now: datetime, steps: dict[str, Any], done: int, title: str
) -> None:
    tour = get_tour(ada, flow_with(now, **steps))
    assert tour
    assert (tour.done, tour.stage.title) == (done, title)


def test_publishing_and_a_run_bring_it_to_its_end(ada: User, now: datetime) -> None:
    flow = flow_with(now, **READY)
    actor = Actor.user(ada)
    services.publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="First",
        author=ada,
        actor=actor,
        now=now,
        release=True,
    )
    flow.refresh_from_db()
    tour = get_tour(ada, flow)
    assert tour
    assert (tour.done, tour.stage.title) == (4, "Start a run")
    services.start_run(flow=flow, input={}, actor=actor, now=now, trigger="manual")
    tour = get_tour(ada, flow)
    assert tour
    assert tour.stage.title == "Watch it run"
    Run.objects.filter(flow=flow).update(status="completed", finished_at=now)
    tour = get_tour(ada, flow)
    assert tour
    assert tour.finished


def test_a_run_that_nobody_started_by_hand_is_not_the_tours(ada: User, now: datetime) -> None:
    flow, actor = flow_with(now, **READY), Actor.user(ada)
    services.publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="First",
        author=ada,
        actor=actor,
        now=now,
        release=True,
    )
    flow.refresh_from_db()
    services.start_run(flow=flow, input={}, actor=actor, now=now, trigger="demo")
    tour = get_tour(ada, flow)
    assert tour
    assert tour.stage.title == "Start a run"


def test_a_large_flow_is_nobodys_first(ada: User, now: datetime) -> None:
    steps = {f"s{n}": {"type": "transform"} for n in range(21)}
    assert get_tour(ada, flow_with(now, **steps)) is None


def test_the_tour_is_shown_until_it_is_ended(ada: User, now: datetime, client: Client) -> None:
    client.force_login(ada)
    assert "Guided tour" in client.get("/flows/").content.decode()
    answer = client.post("/tour/end/", {"next": "/flows/?q=a"})
    assert answer["Location"] == "/flows/?q=a"
    assert "Guided tour" not in client.get("/flows/").content.decode()


def test_the_end_of_the_tour_leads_to_no_other_site(ada: User, client: Client) -> None:
    client.force_login(ada)
    answer = client.post("/tour/end/", {"next": "https://elsewhere.example/"})
    assert answer["Location"] == "/flows/"


def test_whoever_may_not_draw_is_not_shown_it(now: datetime) -> None:
    assert get_tour(make_person("ben", Role.AUDITOR), None) is None


def test_a_flow_that_others_released_is_none_to_begin_with(ada: User, now: datetime) -> None:
    flow = flow_with(now, **READY)
    other = make_person("cy", Role.DESIGNER)
    services.publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="Theirs",
        author=other,
        actor=Actor.user(other),
        now=now,
        release=True,
    )
    flow.refresh_from_db()
    assert get_tour(ada, flow) is None
