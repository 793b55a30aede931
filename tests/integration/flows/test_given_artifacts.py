"""An artifact is read through a run that was given it by someone who might, or that made it."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from flows import selectors
from flows.events.receiving import receive_event
from flows.models import Event, Flow, Run, RunArtifact
from flows.runtime.artifacts import ArtifactMissing, read_artifact, store_artifact
from flows.runtime.held import RunHolder, calling_for, give_artifacts
from flows.runtime.labels import Label
from flows.runtime.program import forget_programs
from flows.services import InputInvalid, rerun, start_run
from flows.services.giving import note_upload
from flows.triggers.models import TriggerKind
from flows.triggers.services import create_trigger
from tests.driving import driving, ended, start
from tests.factories.people import make_person
from tests.factories.probes import publish_flow
from tests.waiting import until
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.accounts.permissions import EVERYWHERE

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
SYSTEM = Actor.system("test")
A_TEXT = Label("a.txt", "text/plain")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_programs()
    yield
    forget_programs()


def store(content: bytes = b"payslip") -> dict[str, Any]:
    return store_artifact(content=content, media_type="text/plain", name="a.txt", now=NOW)


def launch(flow: Flow, given: Any, who: User | None = None) -> Run:
    actor = Actor.user(who) if who else SYSTEM
    return start_run(flow=flow, input=given, actor=actor, now=NOW).run


def list_held(run: Run) -> set[str]:
    return {each.artifact.digest for each in selectors.list_run_artifacts(run)}


def list_names(run: Run) -> set[tuple[str, str]]:
    return {(each.name, each.media_type) for each in selectors.list_run_artifacts(run)}


def upload(who: User, content: bytes = b"payslip") -> dict[str, Any]:
    found = store(content)
    note_upload(digest=found["artifact"], label=A_TEXT, user=who, now=NOW)
    return found


def test_a_run_that_names_anothers_artifact_does_not_start() -> None:
    theirs, mine = publish_flow("a -> b"), publish_flow("a -> b", name="mine")
    owner = make_person("owner", Role.DESIGNER, flow=theirs.name)
    found = upload(owner)
    held = launch(theirs, {"document": found}, owner)
    assert list_held(held) == {found["artifact"]}

    attacker = make_person("eve", Role.DESIGNER, flow=mine.name)
    with pytest.raises(InputInvalid) as refused:
        launch(mine, {"list": [{"artifact": found["artifact"]}]}, attacker)
    [fault] = refused.value.errors
    assert fault["path"] == "list/0/artifact"
    assert "Upload it first" in fault["message"]
    assert not Run.objects.filter(flow=mine).exists()


def test_a_digest_as_plain_text_gives_nothing() -> None:
    theirs, mine = publish_flow("a -> b"), publish_flow("a -> b", name="mine")
    owner = make_person("owner", Role.DESIGNER, flow=theirs.name)
    found = upload(owner)
    launch(theirs, {"document": found}, owner)
    attacker = make_person("eve", Role.DESIGNER, flow=mine.name)
    digest = found["artifact"]
    run = launch(mine, {"note": digest, "prefixed": f"sha256:{digest}"}, attacker)
    assert list_held(run) == set()
    with pytest.raises(RunArtifact.DoesNotExist):
        selectors.get_artifact(digest, run_id=run.pk, within=EVERYWHERE)


def test_a_step_that_writes_a_digest_into_its_output_gets_nothing() -> None:
    digest = store()["artifact"]
    # The input has it in two halves, which a step puts together.
    flow = publish_flow(
        "a -> b",
        a={"type": "transform", "output": {"artifact": "${ input.first + input.last }"}},
    )
    with driving():
        run = ended(start(flow, {"first": digest[:30], "last": digest[30:]}))
    assert run.status == "completed", run.error
    assert list_held(run) == set()


def test_code_of_a_step_reads_only_what_its_run_holds() -> None:
    found, run = store(), launch(publish_flow("a -> b"), {})
    with calling_for(RunHolder(run.pk)), pytest.raises(ArtifactMissing):
        read_artifact(found["artifact"])
    give_artifacts(run.pk, {found["artifact"]: A_TEXT})
    with calling_for(RunHolder(run.pk)):
        assert read_artifact(found["artifact"])[1] == b"payslip"


def test_who_uploaded_it_or_sees_a_run_that_holds_it_may_give_it() -> None:
    flow = publish_flow("a -> b")
    owner, colleague = (make_person(n, Role.DESIGNER, flow=flow.name) for n in ("owner", "ann"))
    found = upload(owner)
    given = {"document": found, "text": found["artifact"]}
    with pytest.raises(InputInvalid):
        launch(flow, given, colleague)
    launch(flow, given, owner)
    assert list_held(launch(flow, given, colleague)) == {found["artifact"]}
    assert Run.objects.count() == 2


def test_who_lost_the_role_gives_nothing_that_they_only_saw() -> None:
    flow = publish_flow("a -> b")
    owner, ann = (make_person(n, Role.DESIGNER, flow=flow.name) for n in ("owner", "ann"))
    found = upload(owner)
    launch(flow, {"document": found}, owner)
    ann.grants.all().delete()
    with pytest.raises(InputInvalid):
        launch(flow, {"document": found}, User.objects.get(pk=ann.pk))


def test_a_reference_to_what_is_not_there_is_refused_and_another_word_is_not() -> None:
    flow = publish_flow("a -> b")
    missing = hashlib.sha256(b"never stored").hexdigest()
    with pytest.raises(InputInvalid):
        launch(flow, {"artifact": missing})
    launch(flow, {"artifact": "a vase", "checksum": missing})


def test_a_called_flow_holds_what_it_is_given_and_gives_back_what_it_made() -> None:
    child = publish_flow("a -> b", name="child", a={"store": "made by a step"}, output={
        "made": "${ steps.a.output }"})  # fmt: skip
    calling = {"type": "subflow", "flow": child.name, "input": {"document": "${ input.document }"}}
    flow = publish_flow("a -> b", a=calling)
    owner = make_person("owner", Role.DESIGNER, flow=flow.name)
    mine, other = upload(owner), upload(owner, b"another")
    given = {"document": mine, "other": other}
    with driving():
        run = ended(launch(flow, given, owner))
    assert run.status == "completed", run.error
    called = Run.objects.get(flow=child)
    made = hashlib.sha256(b"made by a step").hexdigest()
    assert list_held(called) == {mine["artifact"], made}
    assert list_held(run) == {mine["artifact"], other["artifact"], made}
    assert list_names(called) == list_names(run) == {("a.txt", "text/plain")}


def test_a_rerun_holds_what_it_reuses() -> None:
    flow = publish_flow("a -> b")
    owner = make_person("owner", Role.DESIGNER, flow=flow.name)
    operator = make_person("operator", Role.OPERATOR, flow=flow.name)
    found = upload(owner)
    run = launch(flow, {"document": found}, owner)
    again = rerun(run_id=run.pk, step=None, actor=Actor.user(operator), now=NOW).run
    assert list_held(again) == {found["artifact"]}
    assert list_names(again) == {("a.txt", "text/plain")}


def test_an_event_carries_what_its_sender_could_give() -> None:
    found = store()
    hearing = publish_flow("a -> b", name="hearing")
    create_trigger(
        flow=hearing, kind=TriggerKind.EVENT, title="On it", config={"event": "it.came"},
        actor=SYSTEM, now=NOW,
    )  # fmt: skip
    waiting = publish_flow("w -> b", name="waiting", w={"type": "event.wait", "event": "it.came"})
    digest = found["artifact"]
    with driving():
        run = start(waiting)
        until(lambda: run.waits.filter(state="open").exists(), "the run waits")
        receive_event(
            name="it.came", key="", payload={"document": found}, event_id="1", actor=SYSTEM,
            now=datetime.now(UTC), artifacts={digest: A_TEXT},
        )  # fmt: skip
        ended(run)
    assert list_held(run) == {digest}
    assert list_names(run) == {("a.txt", "text/plain")}
    assert Event.objects.get().artifacts == [digest]


def test_an_event_of_a_program_that_may_not_give_it_carries_nothing() -> None:
    found = store()
    waiting = publish_flow("w -> b", name="waiting", w={"type": "event.wait", "event": "it.came"})
    with driving():
        run = start(waiting)
        until(lambda: run.waits.filter(state="open").exists(), "the run waits")
        receive_event(
            name="it.came", key="", payload={"document": found}, event_id="1", actor=SYSTEM,
            now=datetime.now(UTC),
        )  # fmt: skip
        ended(run)
    assert not RunArtifact.objects.exists()
