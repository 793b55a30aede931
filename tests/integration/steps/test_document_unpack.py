"""A run takes an e-mail apart, holds its attachments, and reads them."""

from email.message import EmailMessage

import pytest
from django.utils import timezone

from flows.runtime.artifacts import store_artifact
from flows.runtime.held import find_held
from flows.runtime.labels import Label
from tests.driving import driving, ended, start
from tests.factories.files import make_pdf
from tests.factories.probes import publish_flow

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_holds_what_was_attached_and_reads_it() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ada@example.com", "Payslip"
    mail.set_content("See the attachment")
    mail.add_attachment(make_pdf("Net pay 100"), maintype="a", subtype="b", filename="slip")
    file = store_artifact(
        content=bytes(mail), media_type="message/rfc822", name="m.eml", now=timezone.now()
    )
    flow = publish_flow(
        "unpack -> read",
        unpack={"type": "document.unpack", "file": "${ input.file }"},
        read={"type": "document.read", "file": "${ steps.unpack.output.attachments[0] }"},
        output={
            "subject": "${ steps.unpack.output.subject }",
            "text": "${ steps.read.output.text }",
            "kept": "${ steps.unpack.output.attachments[0].artifact }",
        },
    )
    with driving():
        run = ended(start(flow, {"file": file}, passed_on={file["artifact"]: Label("m.eml", "")}))
    assert run.output is not None
    assert (run.output["subject"], run.output["text"]) == ("Payslip", "Net pay 100")
    held = find_held(run.pk, [run.output["kept"]])
    assert held[run.output["kept"]] == Label("slip", "application/pdf")


def test_what_is_no_mail_fails_with_what_to_do() -> None:
    file = store_artifact(
        content=make_pdf("x"), media_type="message/rfc822", name="m.eml", now=timezone.now()
    )
    flow = publish_flow(unpack={"type": "document.unpack", "file": "${ input.file }"})
    with driving():
        run = ended(start(flow, {"file": file}, passed_on={file["artifact"]: Label()}))
    assert (run.status, run.error["kind"]) == ("failed", "unreadable")
    assert "Save the e-mail as .eml" in run.error["message"]
