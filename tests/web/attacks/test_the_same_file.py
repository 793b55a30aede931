"""Sending a file that somebody else has sent: to learn what they called it, or to call it."""

import importlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from flows.models import Artifact, ArtifactUpload, Flow, Run, RunArtifact
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import give_artifacts
from flows.runtime.labels import Label, list_labels
from reviews.models import Attachment
from reviews.rules.attachments import NewFile
from reviews.services.conversation import add_comment
from tests.factories.cases import make_case
from tests.factories.flows import NOW, make_flow
from tests.factories.people import make_person, person, signed_in
from tests.factories.probes import publish_flow
from tests.factories.queues import make_office
from tests.factories.runs import make_run
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 the payslip of B. Ahlers"


def test_who_sends_the_same_content_is_not_told_its_other_name() -> None:
    names = []
    for query in ("?name=dismissal-of-b-ahlers.txt", "", "?name=mine.txt"):
        program = Api(Role.OPERATOR)
        sent = program.client.post(f"/api/v1/artifacts{query}", b"x" * 9, content_type="text/plain")
        names.append(sent.json()["name"])
    assert names == ["dismissal-of-b-ahlers.txt", "", "mine.txt"]


def send(program: Api, name: str, media_type: str = "application/pdf") -> dict[str, Any]:
    """Upload the PDF; return the reference to it."""
    sent = program.client.post(f"/api/v1/artifacts?name={name}", PDF, content_type=media_type)
    return dict(sent.json())


def start(program: Api, flow: Flow, given: dict[str, Any]) -> Run:
    answer = program.post(f"/flows/{flow.name}/runs", {"input": given})
    assert answer.status_code in {200, 201, 202}, answer.content
    return Run.objects.latest("pk")


def read(served: Any) -> bytes:
    return b"".join(served.streaming_content)


def label_of(run: Run) -> Label:
    held = RunArtifact.objects.get(run=run)
    return Label(held.name, held.media_type)


def test_a_run_shows_the_name_and_type_of_its_own_giver_and_not_of_the_first() -> None:
    flow = publish_flow("a -> b")
    stranger, owner = Api(Role.OPERATOR), Api(Role.OPERATOR)
    send(stranger, "dismissal-of-b-ahlers.txt", "text/plain")
    run = start(owner, flow, {"document": send(owner, "payslip.pdf")})
    make_person("aud", Role.AUDITOR)
    data = text_of(signed_in("aud").get(f"/runs/{run.pk}/data/"))
    assert "payslip.pdf" in data
    assert "application/pdf" in data
    assert "dismissal" not in data
    for served in (
        signed_in("aud").get(
            f"/artifacts/{RunArtifact.objects.get().artifact.digest}/?run={run.pk}"
        ),
        owner.get(f"/artifacts/{RunArtifact.objects.get().artifact.digest}", run=run.pk),
    ):
        assert 'filename="payslip.pdf"' in served["Content-Disposition"]
        assert "text/plain" not in served["Content-Type"]
        assert read(served) == PDF


def test_one_program_that_sends_the_same_file_for_two_people_mixes_up_no_names() -> None:
    flow, intake = publish_flow("a -> b"), Api(Role.OPERATOR)
    first, second = send(intake, "ahlers.pdf"), send(intake, "baker.pdf")
    assert label_of(start(intake, flow, {"document": first})).name == "ahlers.pdf"
    assert label_of(start(intake, flow, {"document": second})).name == "baker.pdf"
    # Without a word of the giver in the input, what they said when they sent it.
    bare = {"document": {"artifact": first["artifact"]}}
    assert label_of(start(intake, flow, bare)) == Label("baker.pdf", "application/pdf")


def test_who_gives_what_runs_call_differently_tells_no_name_of_either() -> None:
    flow = publish_flow("a -> b")
    ann, ben, eve = (Api(Role.OPERATOR) for _ in range(3))
    digest = send(ann, "ann.pdf")["artifact"]
    start(ann, flow, {"document": {"artifact": digest}})
    assert label_of(start(eve, flow, {"document": {"artifact": digest}})).name == "ann.pdf"
    send(ben, "ben.pdf")
    start(ben, flow, {"document": {"artifact": digest}})
    assert label_of(start(eve, flow, {"document": {"artifact": digest}})) == Label()


def test_a_case_shows_the_document_as_its_run_was_given_it() -> None:
    make_office(ada=Role.REVIEWER)
    store_artifact(content=PDF, media_type="text/plain", name="harmless.txt", now=timezone.now())
    digest = Artifact.objects.get().digest
    document = {"id": "slip", "title": "Slip", "artifact": {"artifact": digest}}
    case = make_case(timezone.now(), documents=[document])
    give_artifacts(case.run_id, {digest: Label("payslip.pdf", "application/pdf")})
    served = signed_in("ada").get(f"/review/cases/{case.pk}/documents/slip/")
    assert served["Content-Type"] == "application/pdf"
    assert 'filename="payslip.pdf"' in served["Content-Disposition"]
    assert read(served) == PDF


def test_a_file_of_a_comment_is_served_by_its_own_name_and_its_content() -> None:
    make_office(ada=Role.REVIEWER)
    store_artifact(content=PDF, media_type="text/plain", name="dismissal.txt", now=timezone.now())
    case = make_case(timezone.now())
    add_comment(
        case_id=case.pk, body="Here", files=[NewFile("payslip.pdf", PDF)], acting=person("ada"),
        now=timezone.now(),
    )  # fmt: skip
    file = Attachment.objects.get()
    for address in ("/review/cases/{}/attachments/{}/", "/api/v1/cases/{}/attachments/{}"):
        served = signed_in("ada").get(address.format(case.pk, file.pk))
        assert served["Content-Type"] == "application/pdf"
        assert 'filename="payslip.pdf"' in served["Content-Disposition"]
        assert read(served) == PDF


def test_the_name_in_an_input_cannot_break_the_answer_that_sends_the_file() -> None:
    run = make_run(make_flow())
    kept = store_artifact(content=PDF, media_type="text/plain", name="a", now=timezone.now())
    said = {**kept, "name": "a\r\nSet-Cookie: b=c", "media_type": 7}
    give_artifacts(run.pk, list_labels([said]))
    make_person("aud", Role.AUDITOR)
    served = signed_in("aud").get(f"/artifacts/{kept['artifact']}/?run={run.pk}")
    assert (served.status_code, read(served)) == (200, PDF)
    assert "Set-Cookie" not in served.headers
    assert label_of(run) == Label("a  Set-Cookie: b=c", "")


def test_no_row_of_the_content_says_what_it_is_called() -> None:
    """Whatever would be kept there, the next who stores the same content would see or choose."""
    kept = {field.name for field in Artifact._meta.get_fields() if field.concrete}
    assert kept == {"id", "digest", "size", "path", "created_at"}


# --- Rows of the release before --------------------------------------------------


def test_rows_of_the_release_before_get_no_name_that_another_may_have_chosen() -> None:
    state = MigrationLoader(connection).project_state(("flows", "0012_label_holdings")).apps
    ann, eve = make_person("ann"), make_person("eve")
    run = make_run(make_flow())
    uploaders = {"mine": [(ann, 0)], "shared": [(ann, 0), (eve, 9)], "found": [(eve, 9)]}
    for number, (name, people) in enumerate(uploaders.items()):
        kept = state.get_model("flows", "Artifact").objects.create(
            digest=str(number) * 64, name=f"{name}.pdf", media_type="application/pdf", size=1,
            path="x", created_at=NOW,
        )  # fmt: skip
        RunArtifact.objects.create(run=run, artifact_id=kept.pk)
        for user, days in people:
            at = NOW + timedelta(days=days)
            ArtifactUpload.objects.create(artifact_id=kept.pk, user=user, at=at)
    migration = importlib.import_module("flows.migrations.0013_move_labels_to_holdings")
    migration.move(state, None)
    uploads = ArtifactUpload.objects.order_by("artifact_id", "user__username")
    assert list(uploads.values_list("user__username", "name", "media_type")) == [
        ("ann", "mine.pdf", "application/pdf"),
        ("ann", "shared.pdf", "application/pdf"),
        ("eve", "", "application/pdf"),
        ("eve", "", "application/pdf"),
    ]
    held = RunArtifact.objects.order_by("artifact_id")
    assert list(held.values_list("name", "media_type")) == [
        ("mine.pdf", "application/pdf"),
        ("", "application/pdf"),
        ("found.pdf", "application/pdf"),
    ]
