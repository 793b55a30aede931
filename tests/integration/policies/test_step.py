"""The step `policy` in runs: ports, pins, provenance, and what tests and drafts are given."""

from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from flows.assets.errors import AssetInvalid, AssetTestsFailed
from flows.assets.models import Asset, AssetVersion
from flows.graph.codec import parse
from flows.models import Flow, Journal, Run
from flows.services import create_flow
from flows.services.errors import FlowInvalid
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.policies import BROKEN, CONTENT, change_policy, make_policy
from tests.factories.prompts import publish_again

pytestmark = pytest.mark.django_db(transaction=True)
STEP = {"policy": "refunds", "input": {"amount": "${ input.amount }", "days": 90}}


def publish(**step: Any) -> Flow:
    document = {
        "schema": "countersign/flow@1",
        "name": "paying",
        "title": "Paying",
        "steps": {
            "ask": {"type": "policy", "with": {**STEP, **step}},
            "yes": {"type": "end", "with": {"outcome": "allowed"}},
            "no": {"type": "end", "with": {"outcome": "refused"}},
        },
        "edges": ["ask.allowed -> yes", "ask.refused -> no"],
    }
    flow = create_flow(
        name="paying", title="Paying", document=parse(document), author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    publish_again(flow)
    return flow


def play(flow: Flow, amount: Any) -> Run:
    run = start(Flow.objects.get(pk=flow.pk), {"amount": amount})
    with driving():
        return ended(run)


def row_of(run: Run) -> Journal:
    return Journal.objects.get(run_id=run.pk, kind="step.finished", step="ask")


def test_a_run_goes_on_as_the_policy_says_and_tells_which_version_decided() -> None:
    make_policy()
    flow = publish()
    allowed, refused = play(flow, 10), play(flow, 60)
    assert (allowed.outcome, refused.outcome) == ("allowed", "refused")
    assert row_of(refused).data == {
        "allow": False, "reasons": ["60 is above 50."], "obligations": {"review": "lead"},
        "policy": "refunds", "version": 1, "fault": "",
    }  # fmt: skip
    [made] = row_of(refused).provenance["policies"]
    assert (made["policy"], made["allow"]) == ("refunds@1", False)
    assert len(made["input_sha256"]) == 64


def test_a_flow_keeps_the_version_that_it_was_published_with() -> None:
    policy = make_policy()
    flow = publish()
    change_policy(policy, data={"most": 5}, tests=[])
    assert play(flow, 10).outcome == "allowed"
    assert Flow.objects.get(pk=flow.pk).released.pins == {"policy/refunds": 1}


def test_a_policy_that_fails_refuses() -> None:
    make_policy("broken", source=BROKEN)
    run = play(publish(policy="broken"), 10)
    assert run.outcome == "refused"
    assert row_of(run).data["fault"] == "error"


def test_a_flow_that_names_no_released_policy_is_not_published() -> None:
    with pytest.raises(FlowInvalid):
        publish(policy="nowhere")


def test_what_cannot_be_read_or_fails_its_tests_is_not_published() -> None:
    policy = make_policy()
    with pytest.raises(AssetInvalid) as invalid:
        change_policy(policy, source="package refunds\n\nallow if {")
    assert invalid.value.problems[0].field == "source, line 3"
    with pytest.raises(AssetTestsFailed):
        change_policy(policy, **{**CONTENT, "data": {"most": 5}})
    # A failure is no refusal that a test may expect.
    wanted = [{"name": "Refused", "input": {}, "allow": False}]
    with pytest.raises(AssetTestsFailed):
        change_policy(policy, source=BROKEN.replace("broken", "refunds"), tests=wanted)
    assert AssetVersion.objects.count() == 1


def test_a_policy_goes_through_a_repository_without_loss(tmp_path: Any, capsys: Any) -> None:
    policy = make_policy()
    call_command("policy", "export", "refunds")
    written = capsys.readouterr().out
    file = tmp_path / "refunds.yaml"
    file.write_text(written)
    Asset.objects.filter(pk=policy.pk).update(name="old")
    call_command("policy", "import", str(file), "--publish", "From the repository")
    made = Asset.objects.get(kind="policy", name="refunds")
    assert made.released.content == policy.released.content
    call_command("policy", "test", str(file))
    assert "ok: Small" in capsys.readouterr().out
    module = tmp_path / "refunds.rego"
    call_command("policy", "export", "refunds", "--format", "rego")
    module.write_text(capsys.readouterr().out.replace("30", "60"))
    call_command("policy", "import", str(module))
    made.refresh_from_db()
    assert "input.days < 60" in made.draft["source"]
    assert made.draft["tests"] == CONTENT["tests"]
