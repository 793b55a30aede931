"""The template of an agent, as a newcomer plays it: nothing connected, a person before money."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from flows.models import Journal, Run
from flows.services import start_run
from reviews.models import Case
from reviews.rules.answers import Answer
from tests.driving import driving, ended
from tests.factories.people import ACTOR, make_person
from tests.integration.examples.test_templates import decide, publish
from tests.waiting import until
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _queues(settings: Any, tmp_path: Any) -> None:
    settings.VAR_DIR = tmp_path
    call_command("load_demo", queues_only=True, stdout=StringIO())


def play(sample: str) -> Run:
    flow, document = publish("refunds")
    given = document.samples[sample]
    return start_run(flow=flow, input=given, actor=ACTOR, now=timezone.now()).run


def list_refunds(run: Run) -> list[float]:
    rows = Journal.objects.filter(run__root_id=run.pk, step="refund", kind="step.finished")
    return [row.data["amount"] for row in rows]


def test_a_small_refund_is_paid_and_told_to_the_customer() -> None:
    run = play("small")
    with driving():
        ended(run)
    assert run.outcome == "settled", run.error
    assert run.output == {"outcome": "refunded", "turns": 3}
    assert list_refunds(run) == [18.5]


def test_a_large_refund_waits_for_a_person_who_pays_half() -> None:
    run = play("large")
    reviewer = make_person("reviewer", Role.REVIEWER)
    with driving():
        case = until(lambda: Case.objects.select_related("queue").first(), "the case")
        assert case.title == "Refund: order A-1002, amount 240.0, reason never arrived"
        assert list_refunds(run) == []
        why = {"amount": "Half of it was delivered."}
        decide(case, reviewer, Answer("approved", fields={"amount": 120}, why=why))
        ended(run)
    assert run.outcome == "settled", run.error
    assert list_refunds(run) == [120.0]


def test_a_request_that_is_against_the_rules_is_refused_whatever_it_says() -> None:
    run = play("unfit")
    with driving():
        ended(run)
    assert run.output == {"outcome": "none", "turns": 2}
    assert list_refunds(run) == []


def test_what_the_policy_leaves_to_people_never_reaches_the_agent() -> None:
    run = play("lawyer")
    with driving():
        ended(run)
    assert run.outcome == "by_hand", run.error
    row = Journal.objects.get(run_id=run.pk, step="may_settle", kind="step.finished")
    assert row.data["reasons"] == ["The message speaks of lawyer."]
    assert row.provenance["policies"][0]["policy"] == "refund-requests@1"
