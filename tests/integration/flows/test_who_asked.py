"""Who asked for a run goes with it to whatever it causes; nobody asks through a system's start."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from flows.events.receiving import receive_event
from flows.models import Flow, Run
from flows.selectors.run_filters import RunFilters
from flows.services import rerun, start_run
from flows.services.bulk import Act, start_bulk_act
from flows.triggers import listening
from flows.triggers.firing import fire
from flows.triggers.jobs import start_at_end
from flows.triggers.services import create_trigger
from tests.driving import deliver_outbox, driving, ended
from tests.factories.people import ACTOR, make_person
from tests.factories.probes import publish_flow
from tests.waiting import until
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, Role, User
from workbench.accounts.permissions import Reach

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_view() -> Iterator[None]:
    listening.forget()
    yield
    listening.forget()


@pytest.fixture
def ada() -> User:
    return make_person("ada")


def start(flow: Flow, actor: Actor, **given: Any) -> Run:
    return start_run(flow=flow, input=given, actor=actor, now=timezone.now()).run


def listen(flow: Flow, kind: str, /, **config: Any) -> Any:
    made = create_trigger(
        flow=flow, kind=kind, title=kind, config=config, input="${ input }", actor=ACTOR, now=NOW
    )
    listening.forget()
    return made.trigger


def test_the_person_asks_by_page_token_and_link(ada: User) -> None:
    flow = publish_flow("a -> b")
    token = ApiToken.objects.create(user=ada, name="x", digest="d", created_at=NOW)
    for actor in (Actor.user(ada), Actor.user(ada, "api"), Actor.token(token), Actor.link(ada)):
        assert start(flow, actor).requested_by == [ada.pk]
    assert start(flow, ACTOR).requested_by == []


@pytest.mark.parametrize(
    "call",
    [
        {"type": "subflow", "wait": True},
        {"type": "subflow", "wait": False},
        {"type": "for_each", "items": [1, 2]},
    ],
)
def test_a_called_run_has_the_requesters_of_its_caller(ada: User, call: Any) -> None:
    publish_flow("a -> b", name="called")
    flow = publish_flow("call -> after", call={"flow": "called", "input": {}, **call})
    with driving():
        run = ended(start(flow, Actor.user(ada)))
    asked = list(Run.objects.filter(pk__gt=run.pk).values_list("requested_by", flat=True))
    assert asked
    assert all(each == [ada.pk] for each in asked)


def test_a_run_that_an_event_starts_has_who_sent_it(ada: User) -> None:
    listen(publish_flow("a -> b"), "event", event="e")
    receive_event(
        name="e", key="", payload={}, event_id="1", actor=Actor.user(ada), now=timezone.now()
    )
    deliver_outbox(timezone.now())
    assert Run.objects.get().requested_by == [ada.pk]


def test_a_run_that_an_emitted_event_starts_has_who_asked_for_its_cause(ada: User) -> None:
    heard = publish_flow("a -> b", name="heard")
    listen(heard, "event", event="e")
    flow = publish_flow("tell -> b", tell={"type": "event.emit", "event": "e"})
    with driving():
        ended(start(flow, Actor.user(ada)))
        # The clock of the block delivers the event, and then that it was heard.
        found = until(lambda: Run.objects.filter(flow=heard).first(), "the run that hears it")
    assert found.requested_by == [ada.pk]


def test_a_run_that_another_end_starts_has_who_asked_for_that_one(ada: User) -> None:
    after = publish_flow("a -> b", name="after")
    flow = publish_flow("a -> b", name="before")
    listen(after, "flow", flow="before", on=["completed"])
    with driving():
        run = ended(start(flow, Actor.user(ada)))
    start_at_end({"run": run.pk, "status": "completed", "at": timezone.now().isoformat()}, NOW)
    assert [run.requested_by for run in Run.objects.filter(flow=after)] == [[ada.pk]]


def test_nobody_asks_through_a_webhook_or_a_schedule() -> None:
    trigger = listen(publish_flow("a -> b"), "event", event="e")
    fire(trigger=trigger, key="k", given={}, now=NOW)
    assert Run.objects.get().requested_by == []


@pytest.mark.parametrize(
    ("given", "asks"),
    [(None, False), ({"n": 1}, False), ({"n": 2}, True), ({"n": True}, True), ({"n": 1.0}, True)],
)
def test_who_reruns_asks_only_with_another_input(ada: User, given: Any, asks: bool) -> None:
    ops = make_person("ops")
    old = start(publish_flow("a -> b"), Actor.user(ada), n=1)
    new = rerun(run_id=old.pk, step=None, input=given, actor=Actor.user(ops), now=NOW).run
    assert new.requested_by == sorted([ada.pk, *([ops.pk] if asks else [])])


def test_a_rerun_of_many_keeps_who_asked_for_each(ada: User) -> None:
    ben, ops = make_person("ben"), make_person("ops", Role.OPERATOR)
    flow = publish_flow("a -> b")
    old = [start(flow, Actor.user(each)) for each in (ada, ben)]
    Run.objects.update(status="failed")
    start_bulk_act(
        act=Act.RERUN, filters=RunFilters(flow=flow.name), within=Reach(True, frozenset()),
        actor=Actor.user(ops), now=NOW,
    )  # fmt: skip
    deliver_outbox(timezone.now())
    again = {run.rerun_of_id: run.requested_by for run in Run.objects.exclude(rerun_of_id=None)}
    assert again == {old[0].pk: [ada.pk], old[1].pk: [ben.pk]}


# Where a person starts a run, or none does: without `asked_by`, the actor's person asks.
STARTED_BY_AN_ACTOR = {
    "flows/api/runs.py", "flows/views/start.py", "flows/management/flow/run.py",
    "reviews/outside/services.py", "reviews/management/commands/load_demo.py",
}  # fmt: skip


def test_what_starts_a_run_for_another_cause_says_who_asked() -> None:
    """A new place that starts runs either names who asked, or is entered above."""
    silent = set()
    for folder in ("flows", "reviews", "workbench"):
        for path in Path(settings.BASE_DIR, folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if _starts_runs(node) and not _names_requesters(node):
                    silent.add(str(path.relative_to(settings.BASE_DIR)))
    assert silent == STARTED_BY_AN_ACTOR


def _starts_runs(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    # The store's own start_runs takes rows, no actor.
    given = {keyword.arg for keyword in node.keywords}
    return name in {"start_run", "start_runs"} and "actor" in given


def _names_requesters(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and "asked_by" in {each.arg for each in node.keywords}
