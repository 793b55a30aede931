import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from pydantic import ValidationError

from flows.steps.base import StepFailure
from flows.steps.notify import Notify
from tests.unit.steps.contexts import context


class RefusingBackend(BaseEmailBackend):
    """A mail server that answers with what its class says."""

    answer: Exception = OSError("nobody there")

    def send_messages(self, email_messages: Any) -> int:
        raise self.answer


def send(run_id: int = 12, attempt: int = 1, **config: Any) -> Any:
    given = {"to": ["someone@example.com"], "subject": "Approved", "body": "Good news.", **config}
    return Notify().run(context(run_id=run_id, attempt=attempt), Notify.Config(**given))


def test_a_mail_is_sent_and_named() -> None:
    result = send(reply_to="desk@example.com")
    (message,) = mail.outbox
    assert (message.to, message.subject, message.body) == (
        ["someone@example.com"],
        "Approved",
        "Good news.",
    )
    assert message.reply_to == ["desk@example.com"]
    assert message.message()["Message-ID"] == result.output["message_id"]


def test_a_repeated_attempt_has_the_same_message_id_and_another_run_has_not() -> None:
    first, again, other = send(), send(attempt=2), send(run_id=13)
    assert first.output["message_id"] == again.output["message_id"]
    assert other.output["message_id"] != first.output["message_id"]


@pytest.mark.parametrize(
    "config",
    [
        {"to": []},
        {"to": ["nobody"]},
        {"to": ["a@example.com\nBcc: b@example.com"]},
        {"to": ["a@example.com, b@example.com"]},
        {"to": ["a@example.com;b@example.com"]},
        {"to": ["fine@example.com", "a@example.com,b@example.com"]},
        {"to": ['"a@example.com" <b@example.com>']},
        {"reply_to": "a@example.com,b@example.com"},
        {"subject": "Hello\x0bBcc: b@example.com"},
        {"subject": "Hello\r\nBcc: b@example.com"},
        {"subject": ""},
        {"reply_to": "nobody"},
    ],
)
def test_an_invalid_mail_or_a_smuggled_header_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        send(**config)
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (smtplib.SMTPDataError(451, b"try later"), True),
        (smtplib.SMTPDataError(554, b"no"), False),
        (smtplib.SMTPServerDisconnected("gone"), True),
        (ConnectionRefusedError("refused"), True),
    ],
)
def test_a_mail_server_that_refuses_says_whether_to_try_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch, answer: Exception, retryable: bool
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.RefusingBackend"
    monkeypatch.setattr(RefusingBackend, "answer", answer)
    with pytest.raises(StepFailure) as caught:
        send()
    assert (caught.value.kind, caught.value.retryable) == ("mail", retryable)
