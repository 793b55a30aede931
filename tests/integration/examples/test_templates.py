"""Each template on the real engine: made as a page makes it, published, run to its checkpoint."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from examples.document_intake.page import set_page
from flows.models import Run, RunArtifact, Wait
from flows.runtime.artifacts import store_artifact
from flows.runtime.labels import Label
from flows.selectors.examples import list_examples
from flows.services import create_flow_from_template, publish_version, start_run
from reviews.models import Case, Decision, Queue, SlaPolicy
from reviews.rules.answers import Answer
from reviews.selectors.acting import make_acting
from reviews.selectors.parties import list_parties
from reviews.services.decisions import decide_case
from reviews.services.looks import note_serving
from tests.driving import driving, ended
from tests.factories.people import ACTOR, make_person, signed_in
from tests.waiting import until
from workbench.accounts.models import Role, User

# The sample that goes to people, and the queue it waits in.
UNSURE = {
    "support_triage": ("risky", "support"),
    "document_intake": ("changed_account", "intake"),
    "insurance_claim": ("large", "claims"),
    "content_moderation": ("rude", "moderation"),
}


WRONG_SUM = """Mühlbach Papier
Invoice

Invoice number: 2026-0417
Date: 02.03.2026
Net                                 1,000.00
VAT 19 %                              190.00
Total                               1,200.00

Payable within 30 days
IBAN: DE89 3704 0044 0532 0130 00
"""


def publish(trade: str) -> Any:
    example = list_examples()[f"{trade}/flow"]
    flow = create_flow_from_template(example, author=None, actor=ACTOR, now=timezone.now())
    publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="First",
        author=None,
        actor=ACTOR,
        now=timezone.now(),
    )
    flow.refresh_from_db()
    return flow, example.document


def decide(case: Case, user: User, answer: Answer) -> None:
    for evidence in ("", *answer.opened):
        note_serving(case=case, user=user, now=timezone.now(), evidence=evidence)
    decide_case(
        case_id=case.pk,
        answer=answer,
        acting=make_acting(user),
        now=timezone.now(),
        commit_now=True,
    )


@pytest.mark.django_db(transaction=True)
def test_each_template_runs_to_its_checkpoint_and_by_a_decision_to_its_end(
    settings: Any, tmp_path: Any
) -> None:
    settings.VAR_DIR = tmp_path
    call_command("load_demo", queues_only=True, stdout=StringIO())
    reviewer, second = make_person("reviewer", Role.REVIEWER), make_person("second", Role.REVIEWER)
    runs = {}
    with driving():
        for trade, (sample, _) in UNSURE.items():
            flow, document = publish(trade)
            runs[trade] = start_run(
                flow=flow, input=document.samples[sample], actor=ACTOR, now=timezone.now()
            ).run
        until(lambda: Case.objects.count() == len(UNSURE), "a case of each template")
        for trade, run in runs.items():
            case = Case.objects.select_related("queue").get(run_id=run.pk)
            assert case.queue.name == UNSURE[trade][1]
            assert case.confidence is not None
            assert case.shown["reasons"]
            decide(
                case, reviewer, Answer("approved", opened=tuple(case.rules["required_evidence"]))
            )
        sign_off = until(lambda: Case.objects.filter(step="sign_off").first(), "the second case")
        assert [(p.user, p.part) for p in list_parties(sign_off)] == [(reviewer, "decided")]
        decide(sign_off, second, Answer("approved"))
        outcomes = {trade: ended(run).outcome for trade, run in runs.items()}
    made = Decision.objects.get(case__run_id=runs["insurance_claim"].pk, case__step="sign_off")
    assert made.receipt["models"] == [
        {"step": "fraud", "provider": "table", "table": "claim-signs@1"}
    ]
    auditor = signed_in(make_person("auditor", Role.AUDITOR))
    shown = auditor.get(reverse("reviews:receipt", args=[made.case_id])).content.decode()
    assert "claim-signs@1, no row" in " ".join(shown.split())
    assert outcomes == {
        "support_triage": "answered",
        "document_intake": "filed",
        "insurance_claim": "paid",
        "content_moderation": "published",
    }
    assert not Wait.objects.filter(state="open").exists()
    assert RunArtifact.objects.filter(media_type="application/pdf").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_file_is_read_and_what_its_case_shows_comes_from_it(settings: Any, tmp_path: Any) -> None:
    """The sum on the page is wrong: a person corrects the total, and the run goes on with it."""
    settings.VAR_DIR = tmp_path
    call_command("load_demo", queues_only=True, stdout=StringIO())
    reviewer = make_person("reviewer", Role.REVIEWER)
    content, _ = set_page("Invoice", WRONG_SUM)
    file = store_artifact(
        content=content, media_type="application/pdf", name="i.pdf", now=timezone.now()
    )
    with driving():
        flow, document = publish("document_intake")
        given = {name: value for name, value in document.samples["clear"].items() if name != "text"}
        run = start_run(
            flow=flow, input={**given, "document": file}, actor=ACTOR, now=timezone.now(),
            passed_on={file["artifact"]: Label.of("i.pdf", "application/pdf")},
        ).run  # fmt: skip
        case = until(Case.objects.first, "a case of the file")
        assert [each["label"] for each in case.shown["flags"]] == ["The sum is wrong"]
        (shown,) = case.shown["documents"]
        assert shown["artifact"]["artifact"] == file["artifact"]
        boxes = {box["key"]: box for box in shown["boxes"]}
        assert boxes["total"]["text"] == "1,200.00"
        assert boxes["total"]["at"][1] > boxes["net"]["at"][1]
        total = next(
            field for group in case.shown["show"] for field in group.get("fields") or ()
            if field.get("key") == "total"
        )  # fmt: skip
        assert (total["value"], total["confidence"]) == (1200.0, 0.32)
        decide(
            case, reviewer,
            Answer("approved", opened=tuple(case.rules["required_evidence"]),
                   fields={"total": 1190.0}, why={"total": "The sum says so"}),
        )  # fmt: skip
        assert ended(run).outcome == "filed"
    case.refresh_from_db()
    assert case.fields["total"] == 1190.0


@pytest.mark.django_db
def test_queues_alone_are_loaded_without_people_or_runs() -> None:
    call_command("load_demo", queues_only=True, stdout=StringIO())
    call_command("load_demo", queues_only=True, stdout=StringIO())
    assert (Queue.objects.count(), SlaPolicy.objects.count()) == (5, 1)
    assert (User.objects.count(), Run.objects.count()) == (0, 0)
