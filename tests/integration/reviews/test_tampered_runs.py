"""What was changed between a document's extraction and the decision is seen at the receipt."""

import json
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from flows.models import Artifact, Journal, Run, Timer
from flows.runtime.artifacts import store_artifact
from flows.runtime.labels import Label
from reviews.models import Case, Decision
from reviews.services.receipt_check import check_receipt
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide
from tests.factories.files import make_pdf
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.waiting import until
from workbench.accounts.models import Role, User
from workbench.audit.services import verify

pytestmark = pytest.mark.django_db(transaction=True)
READ = {"type": "document.read", "file": "${ input.file }"}
EXTRACT = {
    "type": "document.extract",
    "document": "${ steps.read.output }",
    "fields": [
        {"key": "net", "type": "amount", "anchors": ["Net pay"]},
        {"key": "employer", "anchors": ["Employer"]},
    ],
}
REVIEW = {
    "type": "review.case",
    "queue": "underwriting",
    "sla": "standard",
    "title": "Payslip",
    "documents": ["${ steps.fields.output.document }"],
    "show": [
        "${ steps.fields.output.group }",
        {"title": "Rated", "fields": [{"label": "Grade", "value": "${ steps.rate.output.grade }"}]},
    ],
}


def make_run() -> Run:
    """Start a run whose extraction is done, and which has not come to its case."""
    make_office(ada=Role.REVIEWER, lea=Role.LEAD)
    flow = publish_flow(
        "read -> fields", "fields -> hold", "hold -> rate", "rate -> review",
        "review.approved -> after",
        read=READ, fields=EXTRACT, review=REVIEW, after={},
        hold={"type": "wait", "seconds": 3600},
        rate={"give": {"grade": 3}},
    )  # fmt: skip
    content = make_pdf("Employer  Nordhafen Werft", "Net pay  2,000.00")
    file = store_artifact(
        content=content, media_type="application/pdf", name="slip.pdf", now=timezone.now()
    )
    run = start(flow, {"file": file}, passed_on={file["artifact"]: Label("slip.pdf")})
    with driving():
        until(lambda: Timer.objects.filter(run=run).exists())
    return run


def decide_run(run: Run) -> Decision:
    """Let the run go on to its case, decide that, and return the decision."""
    Timer.objects.filter(run=run).update(due_at=timezone.now())
    with driving():
        until(lambda: Case.objects.filter(run_id=run.pk).exists())
    case = Case.objects.get(run_id=run.pk)
    decide(case, "ada", approve(), timezone.now())
    with driving():
        ended(run)
    return Decision.objects.get(case=case)


def read_data(run: Run, step: str) -> Any:
    return Journal.objects.get(run_id=run.pk, step=step, kind="step.finished").data


def write_data(run: Run, step: str, data: Any) -> None:
    """Change a step's output by SQL, as somebody with the database could."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_journal SET data = %s"
            " WHERE run_id = %s AND step = %s AND kind = 'step.finished'",
            [json.dumps(data), run.pk, step],
        )


def change_net(run: Run) -> None:
    """Change the net pay wherever the extraction has it."""
    text = json.dumps(read_data(run, "fields")).replace("2000.0", "9000.0")
    write_data(run, "fields", json.loads(text))


def differences(decision: Decision) -> list[tuple[str, list[str]]]:
    decision.refresh_from_db()
    return [(each.place, each.parts) for each in check_receipt(decision.case, decision)]


def faults() -> list[str]:
    # The factory publishes its flow without an entry.
    return [each.detail for each in verify().faults if "version" not in each.detail]


def test_nothing_is_said_of_what_nobody_changed(client: Client) -> None:
    decision = decide_run(make_run())
    assert differences(decision) == []
    assert faults() == []
    client.force_login(User.objects.get(username="lea"))
    page = client.get(reverse("reviews:receipt", args=[decision.case_id])).content.decode()
    assert "Changed outside" not in page
    answer = client.get(f"/api/v1/cases/{decision.case_id}/receipt/check").json()
    assert answer == {"ok": True, "decision": decision.pk, "differences": []}


def test_an_output_changed_before_the_case_opens_names_step_and_field(client: Client) -> None:
    run = make_run()
    change_net(run)
    decision = decide_run(run)
    assert decision.receipt["fields"]["net"] == 9_000.0
    [(place, parts)] = differences(decision)
    assert place == "step fields"
    assert {"values.net", "group.fields"} <= set(parts)
    assert "values.employer" not in parts
    assert any("output of step fields" in told and "values.net" in told for told in faults())
    client.force_login(User.objects.get(username="lea"))
    page = client.get(reverse("reviews:receipt", args=[decision.case_id])).content.decode()
    assert "step fields" in page
    assert "values.net" in page
    [told] = client.get(f"/api/v1/cases/{decision.case_id}/receipt/check").json()["differences"]
    assert (told["kind"], told["name"]) == ("step", "fields")
    assert "values.net" in told["parts"]


def test_an_output_that_was_put_back_after_the_case_opened_is_seen() -> None:
    run = make_run()
    before = read_data(run, "fields")
    change_net(run)
    decision = decide_run(run)
    write_data(run, "fields", before)
    [(place, parts)] = differences(decision)
    assert place == "step fields"
    assert "values.net" in parts
    [told] = faults()
    assert told.startswith(f"The output of step fields of run {run.pk} has another ")
    assert told.endswith(f"than case {decision.case_id} was made from.")


def test_an_output_of_any_step_that_a_case_shows_is_seen_once_the_case_is_open() -> None:
    run = make_run()
    decision = decide_run(run)
    write_data(run, "rate", {"grade": 1})
    assert differences(decision) == [("step rate", ["grade"])]
    assert len(faults()) == 1


def test_another_file_in_the_place_of_the_document_is_seen() -> None:
    run = make_run()
    decision = decide_run(run)
    [digest] = decision.receipt["evidence"]["artifacts"]
    path = Artifact.objects.get(digest=digest).path
    with default_storage.open(path, "wb") as file:
        file.write(make_pdf("Net pay  9,000.00"))
    assert differences(decision) == [("file Document", [])]
    assert any("The file at /artifact/artifact" in told for told in faults())
    default_storage.delete(path)
    assert differences(decision) == [("file Document", [])]


@pytest.mark.parametrize("place", ["case", "receipt"])
def test_a_case_or_a_receipt_that_was_changed_is_seen(place: str) -> None:
    run = make_run()
    if place == "case":
        Timer.objects.filter(run=run).update(due_at=timezone.now())
        with driving():
            until(lambda: Case.objects.filter(run_id=run.pk).exists())
        case = Case.objects.get(run_id=run.pk)
        case.fields["net"] = 9_000.0
        Case.objects.filter(pk=case.pk).update(fields=case.fields)
        decision = decide_run(run)
        assert differences(decision) == [("case", ["net"])]
        assert len(faults()) == 1
        return
    decision = decide_run(run)
    decision.receipt["decision"]["comment"] = "Fine"
    Decision.objects.filter(pk=decision.pk).update(receipt=decision.receipt)
    assert [name for name, _ in differences(decision)] == ["receipt"]
    assert any("The receipt of decision" in told for told in faults())
