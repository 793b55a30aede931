"""The template with a prompt, as a newcomer plays it: nothing connected, no prompt written."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from flows.assets.kinds import TestBudget
from flows.assets.models import Asset
from flows.assets.prompts.kind import PROMPT
from flows.assets.selectors import get_asset
from flows.models import Flow, Journal, Run
from flows.runtime.flow_tests import run_flow_tests
from flows.selectors.examples import list_examples
from flows.services import start_run
from flows.steps.pins import list_asset_uses
from reviews.models import Case
from reviews.rules.answers import Answer
from tests.driving import driving, ended
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR, make_person, signed_in
from tests.factories.prompts import make_prompt
from tests.integration.examples.test_templates import decide, publish
from tests.waiting import until
from workbench.accounts.models import Role
from workbench.audit.services import verify

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "letters/flow"


@pytest.fixture(autouse=True)
def _queues(settings: Any, tmp_path: Any) -> None:
    settings.VAR_DIR = tmp_path
    call_command("load_demo", queues_only=True, stdout=StringIO())


def play(sample: str) -> Run:
    flow, document = publish("letters")
    given = document.samples[sample]
    return start_run(flow=flow, input=given, actor=ACTOR, now=timezone.now()).run


def test_a_letter_with_orders_never_reaches_the_model_and_its_case_shows_the_finding() -> None:
    run = play("orders")
    with driving():
        until(Case.objects.exists, "the case")
    assert not Journal.objects.filter(run=run, step="sort").exists()
    labels = [each["label"] for each in Case.objects.get().shown["flags"]]
    assert labels == ["Instructions to a model", "Not sorted"]


@pytest.mark.parametrize(
    ("sample", "topic", "urgent"), [("sure", "loan", False), ("urgent", "card", True)]
)
def test_a_letter_that_the_model_is_sure_of_is_sorted_without_people(
    sample: str, topic: str, urgent: bool
) -> None:
    run = play(sample)
    with driving():
        ended(run)
    assert run.outcome == "sorted", run.error
    assert run.output == {"topic": topic, "urgent": urgent, "sorted_by": "model"}
    assert not Case.objects.exists()
    asked = Journal.objects.get(run=run, step="sort", kind="step.finished").provenance
    assert asked is not None
    assert (asked["model"], asked["prompt"]) == ("nearest-example", "letter-topic@1")


def test_a_letter_that_it_is_unsure_of_waits_for_a_person_who_corrects_it() -> None:
    run = play("unsure")
    reviewer = make_person("reviewer", Role.REVIEWER)
    with driving():
        case = until(lambda: Case.objects.select_related("queue").first(), "the case")
        assert (case.queue.name, case.fields) == ("support", {"topic": "card", "urgent": True})
        assert case.confidence is not None
        assert case.confidence < 0.7
        (_, sorting) = case.shown["show"]
        assert {each["key"]: each["confidence"] for each in sorting["fields"]} == {
            "topic": pytest.approx(float(case.confidence), abs=1e-3),
            "urgent": pytest.approx(float(case.confidence), abs=1e-3),
        }
        why = {"topic": "The loan is what it is about."}
        decide(case, reviewer, Answer("approved", fields={"topic": "loan"}, why=why))
        ended(run)
    assert run.outcome == "sorted_by_hand", run.error
    assert run.output == {"topic": "loan", "urgent": True, "sorted_by": "person"}


def test_the_model_that_comes_with_it_passes_the_prompt_s_own_tests() -> None:
    publish("letters")
    version = get_asset("prompt", "letter-topic").released
    assert version is not None
    results = PROMPT.run_tests(
        "letter-topic", version.content, TestBudget(model="nearest-example", calls=20)
    )
    assert [(each.name, each.reason) for each in results if each.state != "passed"] == []
    assert version.tests == {"passed": 3, "failed": 0, "skipped": 0, "stale": 0}


def test_the_page_of_its_tests_offers_the_model_that_comes_with_it_and_connections() -> None:
    publish("letters")
    make_connection("assistant", kind="openai", flows=["letters"])
    client = signed_in(make_person("designer", Role.DESIGNER))
    shown = client.get("/prompts/letter-topic/tests/").content.decode()
    for name in ("nearest-example", "assistant"):
        assert f'value="{name}"' in shown, name


# --- Where a template becomes a flow ------------------------------------------------


def create(client: Client) -> Any:
    return client.post("/flows/new/", {"from": KEY, "name": "", "title": ""})


def test_the_page_makes_the_prompt_with_the_flow_released_and_in_the_ledger() -> None:
    assert create(signed_in(make_person("designer", Role.DESIGNER))).status_code == 302
    flow = Flow.objects.get(name="letters")
    assert all(each.passed for each in run_flow_tests(flow_document(), now=timezone.now()))
    assert flow.title == "Letters by a prompt"
    version = get_asset("prompt", "letter-topic").released
    assert version is not None
    assert version.number == 1
    assert version.published_by is not None
    assert version.published_by.username == "designer"
    assert verify().ok


def flow_document() -> Any:
    return list_examples()[KEY].document


def test_a_prompt_that_has_the_name_stays_as_it_is() -> None:
    made = make_prompt("letter-topic")
    assert create(signed_in(make_person("designer", Role.DESIGNER))).status_code == 302
    kept = Asset.objects.get(name="letter-topic")
    assert (kept.pk, kept.draft, kept.versions.count()) == (made.pk, made.draft, 1)


def test_one_who_may_not_write_prompts_gets_neither_flow_nor_prompt_and_is_told_why() -> None:
    answer = create(signed_in(make_person("designer", Role.DESIGNER, flow="letters")))
    assert answer.status_code == 422
    assert "prompt letter-topic, which you may not create" in answer.content.decode()
    assert (Flow.objects.count(), Asset.objects.count()) == (0, 0)


def test_each_template_comes_with_the_assets_that_its_steps_name() -> None:
    named = {key: list_asset_uses(each.document) for key, each in list_examples().items()}
    found = {key: len(each.assets) for key, each in list_examples().items() if each.assets}
    assert found == {key: len({use.asset for use in uses}) for key, uses in named.items() if uses}
    assert found == {"insurance_claim/flow": 1, KEY: 1, "refunds/flow": 1}
