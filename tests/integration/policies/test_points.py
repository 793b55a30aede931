"""Points: a policy decides without a step, is named where it did, and can always be detached."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.assets.contents import CONTENTS
from flows.assets.errors import AssetExists, AssetInvalid, AssetUnknown
from flows.assets.models import Asset, PolicyAttachment
from flows.assets.policies import attachments
from flows.assets.policies.attaching import attach_policy, detach_policy
from flows.assets.policies.attachments import KnownAttachments
from flows.graph.codec import parse, to_mapping
from flows.models import Flow, Journal, Run
from flows.policies.points import CONNECTION, POINTS, START, TOOL_CALL, Point, judge_step
from flows.services import publish_version, release_version
from flows.services.errors import PolicyRefused
from flows.steps.base import StepFailure
from flows.steps.outgoing import Outgoing, send
from reviews.errors import NotAuthorised, PersonUnfit
from reviews.models import Case, Decision
from reviews.services.claims import claim_case, claim_next
from reviews.services.passing import (
    assign_case,
    delegate_case,
    hand_over,
    reserve_for_familiar,
)
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide, make_case
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR, person
from tests.factories.policies import BROKEN, NO, YES, attach, change_policy, make_policy
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.integration.connections.model_server import ModelServer, serving_a_model
from workbench.accounts.models import Role
from workbench.audit.models import Entry
from workbench.audit.selectors import sentence_of

pytestmark = pytest.mark.django_db(transaction=True)


def flow_of_probes(name: str = "probes", **steps: Any) -> Flow:
    return publish_flow("a -> b", name=name, **steps)


def payload_of(action: str) -> Any:
    entry = Entry.objects.filter(action=action).latest("id")
    return json.loads(entry.payload.body or "")


def play(flow: Flow) -> Run:
    run = start(flow)
    with driving():
        return ended(run)


# --- Attaching ----------------------------------------------------------------------------------


def test_attaching_and_detaching_are_in_the_ledger() -> None:
    made = attach(NO, "start", flow="loan")
    assert "start" in sentence_of(Entry.objects.get(action="policy.attached"))
    detach_policy(attachment_id=made.pk, actor=ACTOR, now=timezone.now())
    assert Entry.objects.filter(action="policy.detached", subject_id="no").exists()
    assert not PolicyAttachment.objects.exists()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"policy": "nowhere"}, AssetUnknown),
        ({"point": "nowhere"}, AssetInvalid),
        ({"queue": "desk"}, AssetInvalid),
        ({"point": "egress", "flow": "loan"}, AssetInvalid),
    ],
)
def test_what_cannot_be_attached_is_refused(given: dict[str, str], error: type[Exception]) -> None:
    make_policy("yes", source=YES)
    wanted = {"policy": "yes", "point": "start", "flow": "", "queue": "", **given}
    with pytest.raises(error):
        attach_policy(**wanted, actor=ACTOR, now=timezone.now())
    assert not PolicyAttachment.objects.exists()


def test_a_policy_is_attached_once_to_a_place() -> None:
    attach(YES, "start")
    with pytest.raises(AssetExists):
        attach(YES, "start")
    attach(YES, "start", flow="loan")


# --- Start --------------------------------------------------------------------------------------


def test_a_start_is_refused_by_policy_version_and_reason_and_nothing_starts() -> None:
    attach(NO, "start")
    flow = flow_of_probes()
    with pytest.raises(PolicyRefused, match=r"The policy no@1 refuses it: It is Friday\."):
        start(flow)
    assert not Run.objects.exists()
    refused = payload_of("policy.refused")
    assert refused["policies"][0]["policy"] == "no@1"


def test_a_start_that_is_allowed_tells_in_the_ledger_which_version_decided() -> None:
    attach(YES, "start")
    start(flow_of_probes())
    [told] = payload_of("run.started")["policies"]
    assert (told["policy"], told["point"], told["allow"]) == ("yes@1", "start", True)
    assert len(told["input_sha256"]) == 64


def test_the_released_version_decides_and_a_rollback_takes_effect() -> None:
    attach(YES, "start")
    flow = flow_of_probes()
    start(flow)
    policy = Asset.objects.get(name="yes")
    change_policy(policy, source=YES.replace("true", "false"))
    CONTENTS.forget()
    with pytest.raises(PolicyRefused, match="yes@2"):
        start(flow)


def test_all_attached_policies_have_to_allow_it_and_only_those_of_the_flow_are_asked() -> None:
    attach(YES, "start")
    attach(NO, "start", flow="guarded")
    start(flow_of_probes("free"))
    with pytest.raises(PolicyRefused, match="no@1"):
        start(flow_of_probes("guarded"))


def test_a_policy_that_fails_refuses_and_a_command_gets_everybody_in_again(capsys: Any) -> None:
    attach(BROKEN, "start")
    flow = flow_of_probes()
    with pytest.raises(PolicyRefused, match="broken@1 refuses it: The policy failed"):
        start(flow)
    call_command("policy", "points")
    listed = capsys.readouterr().out
    number = PolicyAttachment.objects.get().pk
    assert f"{number}\tbroken" in listed
    call_command("policy", "detach", str(number))
    assert start(flow)


def test_a_repeated_key_gives_its_run_whatever_the_policy_says_now() -> None:
    flow = flow_of_probes()
    first = start(flow, idempotency_key="once")
    attach(NO, "start")
    assert start(flow, idempotency_key="once").pk == first.pk


def test_without_attachments_a_start_costs_no_query_more(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = flow_of_probes()
    start(flow)
    with CaptureQueriesContext(database) as queries:
        start(flow)
    assert not [each for each in queries if "policyattachment" in each["sql"]]
    asked: list[str] = []
    monkeypatch.setattr(attachments, "decide_by_name", lambda *given, **more: asked.append("x"))
    start(flow)
    assert asked == []


def test_a_process_that_cannot_read_what_is_attached_goes_on_with_what_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = KnownAttachments()
    attach(NO, "start")
    assert known.list_attached("start", "loan", "") == ["no"]

    def fail() -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(attachments, "_read_rows", fail)
    known.forget()
    assert known.list_attached("start", "loan", "") == ["no"]
    monkeypatch.setattr(attachments, "retry_while_away", lambda call: call())
    with pytest.raises(DatabaseError):
        KnownAttachments().list_attached("start", "loan", "")


# --- Publish ------------------------------------------------------------------------------------


def change(flow: Flow, title: str) -> None:
    document = to_mapping(parse({**flow.draft, "title": title}))
    Flow.objects.filter(pk=flow.pk).update(draft=document, draft_revision=flow.draft_revision + 1)
    flow.refresh_from_db()


def publish(flow: Flow) -> Any:
    flow.refresh_from_db()
    return publish_version(
        flow_id=flow.pk, note="More", author=None, actor=ACTOR, now=timezone.now(),
        revision=flow.draft_revision,
    )  # fmt: skip


def test_a_publication_is_judged_by_the_document_and_told_in_the_ledger() -> None:
    flow = flow_of_probes()
    change(flow, "Changed")
    rule = (
        'package friday\n\nimport rego.v1\n\nallow := input.document.title == "Changed"\n\n'
        'reasons := ["No."] if input.note != "More"\n'
    )
    attach(rule, "publish")
    version = publish(flow)
    [told] = payload_of("flow.published")["policies"]
    assert (told["policy"], told["point"]) == ("friday@1", "publish")
    change(flow, "Other")
    with pytest.raises(PolicyRefused, match="friday@1"):
        publish(flow)
    assert flow.versions.latest("number").number == version.number


# --- Release ------------------------------------------------------------------------------------

FORWARD = """\
package forward

import rego.v1

default allow := false

allow if not input.is_rollback

reasons contains sprintf("From %v only forward.", [input.before]) if input.is_rollback
"""


def release(flow: Flow, number: int) -> Flow:
    version = flow.versions.get(number=number)
    return release_version(version_id=version.pk, actor=ACTOR, now=timezone.now())


def test_going_back_is_judged_and_nothing_is_released_where_a_policy_refuses() -> None:
    flow = flow_of_probes()
    change(flow, "Changed")
    attach(FORWARD, "release")
    publish(flow)
    [told] = payload_of("flow.released")["policies"]
    assert (told["policy"], told["point"], told["allow"]) == ("forward@1", "release", True)
    with pytest.raises(PolicyRefused, match=r"forward@1 refuses it: From 2 only forward\."):
        release(flow, 1)
    flow.refresh_from_db()
    assert flow.released is not None
    assert flow.released.number == 2
    assert payload_of("policy.refused")["policies"][0]["policy"] == "forward@1"


def test_a_rollback_that_is_allowed_names_the_policy_in_the_ledger() -> None:
    flow = flow_of_probes()
    change(flow, "Changed")
    publish(flow)
    attach(YES, "release")
    release(flow, 1)
    [told] = payload_of("flow.rolled_back")["policies"]
    assert (told["policy"], told["point"]) == ("yes@1", "release")


def test_a_publication_that_releases_is_judged_as_a_release_too_and_makes_no_version() -> None:
    flow = flow_of_probes()
    change(flow, "Changed")
    attach(NO, "release")
    with pytest.raises(PolicyRefused, match="no@1"):
        publish(flow)
    assert flow.versions.count() == 1
    flow.refresh_from_db()
    publish_version(
        flow_id=flow.pk, note="Only published", author=None, actor=ACTOR, now=timezone.now(),
        revision=flow.draft_revision, release=False,
    )  # fmt: skip
    assert flow.versions.count() == 2


# --- Reviewer -----------------------------------------------------------------------------------

OWN_AREA = """\
package area

import rego.v1

default allow := false

allow if input.fields.name != input.person.name

reasons contains "Nobody reviews their own loan." if not allow
"""


def made_for(now: datetime, name: str) -> Case:
    fields = [{"key": "name", "label": "Name", "value": name}]
    return make_case(now, show=[{"title": "Applicant", "fields": fields}])


def test_a_person_whom_a_policy_refuses_cannot_claim_and_the_ledger_says_which(
    now: datetime,
) -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)
    attach(OWN_AREA, "reviewer", queue="underwriting")
    case = made_for(now, "ada")
    with pytest.raises(NotAuthorised, match=r"area@1 refuses it: Nobody reviews their own"):
        claim_case(case_id=case.pk, acting=person("ada"), now=now)
    assert "area@1" in payload_of("case.act_refused")["reason"]
    assert claim_case(case_id=case.pk, acting=person("ben"), now=now).claimed_by is not None
    [told] = payload_of("case.claimed")["policies"]
    assert (told["policy"], told["point"], told["allow"]) == ("area@1", "reviewer", True)
    assert len(told["input_sha256"]) == 64


def test_next_passes_over_what_a_policy_refuses_and_gives_the_next_case(now: datetime) -> None:
    queue = make_office(ada=Role.REVIEWER)
    attach(OWN_AREA, "reviewer")
    cases = [made_for(now, name) for name in ("ada", "ada", "bo", "ada")]
    taken = claim_next(queue=queue, acting=person("ada"), now=now)
    assert taken == cases[2]
    assert claim_next(queue=queue, acting=person("ada"), now=now) is None
    assert Case.objects.filter(claimed_by=None).count() == 3


def test_a_case_is_given_to_nobody_whom_a_policy_refuses(now: datetime) -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD)
    attach(OWN_AREA, "reviewer", flow="loan")
    case = made_for(now, "ada")
    with pytest.raises(PersonUnfit, match="area@1"):
        assign_case(case_id=case.pk, to=person("ada").user, acting=person("lea"), now=now)
    assign_case(case_id=case.pk, to=person("ben").user, acting=person("lea"), now=now)
    assert payload_of("case.assigned")["policies"][0]["policy"] == "area@1"
    with pytest.raises(PersonUnfit, match="area@1"):
        delegate_case(case_id=case.pk, to=person("ada").user, acting=person("ben"), now=now)


def test_a_case_of_who_is_away_goes_back_to_its_queue_where_a_policy_refuses_the_cover(
    now: datetime,
) -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)
    attach(OWN_AREA, "reviewer")
    case = made_for(now, "ada")
    claim_case(case_id=case.pk, acting=person("ben"), now=now)
    hand_over(case_id=case.pk, person=person("ben").user, cover=person("ada").user, now=now)
    case.refresh_from_db()
    assert case.claimed_by is None
    assert "area@1" in payload_of("case.released")["reason"]


def test_a_case_that_comes_back_is_kept_for_nobody_whom_a_policy_refuses(now: datetime) -> None:
    make_office(ada=Role.REVIEWER)
    case = made_for(now, "ada")
    reserve_for_familiar(case, person("ada").user, now)
    assert case.familiar is not None
    attach(OWN_AREA, "reviewer")
    reserve_for_familiar(case, person("ada").user, now)
    assert case.familiar is None


def test_a_decision_on_a_free_case_is_refused_to_who_may_not_have_it(now: datetime) -> None:
    make_office(ada=Role.REVIEWER)
    attach(OWN_AREA, "reviewer")
    with pytest.raises(NotAuthorised, match="area@1"):
        decide(made_for(now, "ada"), "ada", approve(), now)
    assert not Decision.objects.exists()


# --- Decision -----------------------------------------------------------------------------------

FOUR_EYES = """\
package eyes

import rego.v1

default allow := false

allow if count(reasons) == 0

reasons contains "Rejections need a comment." if {
    input.outcome == "rejected"
    input.comment == ""
}
"""


def test_a_decision_is_judged_and_its_receipt_names_policy_version_and_input(
    now: datetime,
) -> None:
    make_office(ada=Role.REVIEWER)
    attach(FOUR_EYES, "decision", queue="underwriting")
    case = make_case(now)
    decision = decide(case, "ada", approve(), now)
    decision.refresh_from_db()
    [told] = decision.receipt["policies"]
    assert (told["policy"], told["point"], told["allow"]) == ("eyes@1", "decision", True)
    assert len(told["input_sha256"]) == 64


def test_a_decision_that_a_policy_refuses_is_not_made(now: datetime) -> None:
    make_office(ada=Role.REVIEWER)
    attach(NO, "decision", flow="loan")
    case = make_case(now)
    with pytest.raises(NotAuthorised, match=r"The policy no@1 refuses it: It is Friday\."):
        decide(case, "ada", approve(), now)
    assert not Decision.objects.exists()
    case.refresh_from_db()
    assert case.state == "open"


def test_a_decision_in_another_queue_is_not_judged_and_its_receipt_says_nothing(
    now: datetime,
) -> None:
    make_office(ada=Role.REVIEWER)
    attach(NO, "decision", queue="elsewhere")
    decision = decide(make_case(now), "ada", approve(), now)
    decision.refresh_from_db()
    assert "policies" not in decision.receipt


# --- A policy that fails, at each point ---------------------------------------------------------


def try_to_start(now: datetime) -> None:
    start(flow_of_probes())


def try_to_publish(now: datetime) -> None:
    flow = flow_of_probes()
    change(flow, "Changed")
    publish(flow)


def try_to_release(now: datetime) -> None:
    flow = flow_of_probes()
    release(flow, 1)


def try_to_claim(now: datetime) -> None:
    make_office(ada=Role.REVIEWER)
    claim_case(case_id=make_case(now).pk, acting=person("ada"), now=now)


def try_to_decide(now: datetime) -> None:
    make_office(ada=Role.REVIEWER)
    decide(make_case(now), "ada", approve(), now)


def try_to_call(now: datetime) -> None:
    send(Outgoing("GET", "http://127.0.0.1:9/x", {}, {}, None, 5, 1000), now)


TRIED: dict[str, Callable[[datetime], None]] = {
    "start": try_to_start,
    "publish": try_to_publish,
    "release": try_to_release,
    "reviewer": try_to_claim,
    "decision": try_to_decide,
    "egress": try_to_call,
    "tool_call": lambda now: judged_in_step(
        TOOL_CALL, tool="refund", arguments={}, model="m"
    ),
    "connection": lambda now: judged_in_step(CONNECTION, model="m", provider="p"),
}  # fmt: skip


def judged_in_step(point: Point, **told: Any) -> None:
    verdict = judge_step(point, **told)
    if not verdict.allowed:
        raise StepFailure(verdict.refusal, kind="policy", retryable=False)


@pytest.mark.parametrize("point", list(POINTS))
def test_a_policy_that_fails_refuses_at_every_point(
    point: str, now: datetime, settings: Any
) -> None:
    settings.OUTGOING_ALLOWLIST = ["127.0.0.1:9"]
    attach(BROKEN, point)
    with pytest.raises(
        (PolicyRefused, NotAuthorised, StepFailure),
        match=r"broken@1 refuses it: The policy failed",
    ):
        TRIED[point](now)


# --- In steps -----------------------------------------------------------------------------------


@pytest.fixture
def model(settings: Any) -> Any:
    with serving_a_model() as server:
        settings.OUTGOING_ALLOWLIST = [server.address]
        server.answer = {"label": "a"}
        yield server


EGRESS = """\
package hosts

import rego.v1

default allow := false

allow if {
    input.method == "GET"
    input.host == "127.0.0.1"
    input.path == "/predict"
    input.step == "ask"
}

reasons := [sprintf("%v is no host of ours.", [input.host])] if not allow
"""


def calling(server: ModelServer, path: str = "predict") -> Flow:
    ask = {"type": "http.request", "url": f"http://{server.address}/{path}"}
    return publish_flow("ask -> after", "ask.error -> failed", name=f"call-{path}", ask=ask)


def test_an_address_is_judged_and_the_steps_provenance_tells_by_which_version(
    model: ModelServer,
) -> None:
    attach(EGRESS, "egress")
    run = play(calling(model))
    made = Journal.objects.get(run_id=run.pk, kind="step.finished", step="ask").provenance
    assert made["status"] == 200
    [told] = made["policies"]
    assert (told["policy"], told["point"], told["allow"]) == ("hosts@1", "egress", True)


def test_an_address_that_a_policy_refuses_is_not_called(model: ModelServer) -> None:
    attach(NO, "egress")
    run = play(calling(model))
    assert model.asked == []
    failed = Journal.objects.get(run_id=run.pk, kind="step.failed", step="ask")
    assert "The policy no@1 refuses it" in failed.data["message"]
    assert failed.provenance["policies"][0]["policy"] == "no@1"


def test_what_is_no_step_of_a_run_is_judged_too(model: ModelServer) -> None:
    attach(NO, "egress")
    request = Outgoing("GET", f"http://{model.address}/predict", {}, {}, None, 5, 1000)
    with pytest.raises(StepFailure, match="no@1"):
        send(request, timezone.now())
    assert model.asked == []


def test_a_policy_for_egress_on_a_server_does_not_judge_its_own_call(settings: Any) -> None:
    with serving_a_model() as opa, serving_a_model() as other:
        settings.OUTGOING_ALLOWLIST = [opa.address, other.address]
        opa.answer = {"result": {"allow": True}}
        make_connection("opa", kind="opa", address=f"http://{opa.address}")
        make_policy("remote", source=YES, connection="opa")
        attach_policy(
            policy="remote", point="egress", flow="", queue="", actor=ACTOR, now=timezone.now()
        )
        send(Outgoing("GET", other.url, {}, {}, None, 5, 1000), timezone.now())
        assert len(opa.asked) == 1
        assert len(other.asked) == 1


ONLY_SECOND = """\
package models

import rego.v1

allow := input.model == "second"
"""


def test_a_route_goes_on_to_the_next_model_where_a_policy_refuses_one(model: ModelServer) -> None:
    for name in ("first", "second"):
        make_connection(name, address=model.url)
    attach(ONLY_SECOND, "connection")
    ask = {
        "type": "model.infer", "model": "first", "input": {"a": 1}, "routing": {"then": ["second"]},
    }  # fmt: skip
    run = play(publish_flow("ask -> after", "ask.error -> failed", name="routed", ask=ask))
    made = Journal.objects.get(run_id=run.pk, kind="step.finished", step="ask").provenance
    assert made["model"] == "second"
    assert [each["allow"] for each in made["policies"]] == [False, True]
    assert len(model.asked) == 1


def test_each_point_has_a_schema_of_its_input() -> None:
    assert list(POINTS) == [
        "start", "publish", "release", "reviewer", "decision", "tool_call", "egress", "connection",
    ]  # fmt: skip
    for point in POINTS.values():
        assert point.schema["additionalProperties"] is False
    assert START.schema["required"]
