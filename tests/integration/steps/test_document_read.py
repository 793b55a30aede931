"""A run reads a file that it holds, keeps images of its pages, and a case shows both."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Journal, Run
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import find_held
from flows.runtime.labels import Label
from reviews.models import Case
from tests.driving import driving, ended, start
from tests.factories.files import make_pdf
from tests.factories.people import make_person
from tests.factories.probes import publish_flow
from tests.factories.queues import make_policy, make_queue
from tests.waiting import until
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
READ = {"type": "document.read", "file": "${ input.file }", "images": True}


def store(content: bytes) -> dict[str, Any]:
    return store_artifact(
        content=content, media_type="application/pdf", name="letter.pdf", now=timezone.now()
    )


def launch(flow: Any, file: dict[str, Any], *, held: bool = True) -> Run:
    given = {file["artifact"]: Label("letter.pdf", "application/pdf")} if held else {}
    return start(flow, {"file": file}, passed_on=given)


def test_a_run_reads_its_file_and_holds_the_page_images() -> None:
    flow = publish_flow("read -> after", read=READ, output={"text": "${ steps.read.output.text }"})
    file = store(make_pdf("Dear Sir", "Yours sincerely"))
    with driving():
        run = ended(launch(flow, file))
    assert run.output == {"text": "Dear Sir\nYours sincerely"}
    finished = Journal.objects.get(run_id=run.pk, step="read", kind="step.finished")
    assert finished.provenance["pages"] == 2
    pages = finished.data["pages"]
    images = [page["image"]["artifact"] for page in pages]
    assert find_held(run.pk, images).keys() == set(images)


def test_a_file_that_the_run_does_not_hold_is_not_read() -> None:
    flow = publish_flow("read -> after", read={**READ, "file": store(make_pdf("Secret"))})
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "artifact")


def test_what_cannot_be_read_fails_with_what_to_do() -> None:
    flow = publish_flow("read -> after", read=READ)
    with driving():
        run = ended(launch(flow, store(b"PK\x03\x04word/document.xml")))
    assert (run.status, run.error["kind"]) == ("failed", "unreadable")
    assert "Save it as a PDF" in run.error["message"]


def test_a_case_has_the_words_and_the_page_images() -> None:
    make_queue("desk")
    make_policy()
    document = {
        "id": "letter", "title": "Letter", "artifact": "${ input.file }",
        "media_type": "application/pdf", "words": "${ steps.read.output }",
    }  # fmt: skip
    review = {
        "type": "review.case", "queue": "desk", "sla": "standard", "title": "A letter",
        "documents": [document],
    }  # fmt: skip
    flow = publish_flow("read -> review", "review.approved -> after", read=READ, review=review)
    with driving():
        run = launch(flow, store(make_pdf("Dear Sir")))
        case = until(lambda: Case.objects.filter(run_id=run.pk).first(), "the case")
    client = Client()
    client.force_login(make_person("lead", Role.LEAD))
    address = f"/review/cases/{case.pk}/documents/letter/"
    (page,) = client.get(f"{address}words/").json()["pages"]
    (line,) = page["lines"]
    assert [word[0] for word in line["words"]] == ["Dear", "Sir"]
    image = client.get(page["image"])
    assert (image.status_code, image["Content-Type"]) == (200, "image/jpeg")
    assert image["Content-Security-Policy"] == "default-src 'none'; sandbox"
    image.close()
    assert client.get(f"{address}pages/2/").status_code == 404
    assert client.get(f"/review/cases/{case.pk}/documents/other/words/").status_code == 404
    outsider = Client()
    assert outsider.get(f"{address}words/").status_code == 302
