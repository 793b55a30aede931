"""The step type `notify`: send an e-mail.

The mail server is not part of our transaction: if a worker dies between its answer and our commit,
the step is taken over and sends the mail again. Both mails have the same Message-ID, made from the
step run's idempotency key, so that mail servers and readers which honour it keep only one.
"""

from collections.abc import Mapping
from email.utils import parseaddr
from smtplib import SMTPException, SMTPResponseException
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from pydantic import AfterValidator, Field

from flows.steps.base import (
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.registry import register

# From this SMTP status on, a refusal is permanent; below it, the server may take the mail later.
PERMANENT = 500


def _check_one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise ValueError("must be one line: a line break would start another mail header")
    return text


def _check_address(text: str) -> str:
    address = parseaddr(_check_one_line(text))[1]
    name, _, domain = address.rpartition("@")
    if not name or not domain or " " in address:
        raise ValueError(f"{text!r} is not an e-mail address: write name@example.com")
    return text


Address = Annotated[str, AfterValidator(_check_address)]


@register
class Notify(RunningStep):
    name = "notify"
    title = "Notify"
    summary = "Sends an e-mail"
    icon = "mail"
    category = "People"
    effects: ClassVar[bool] = True

    class Config(StepConfig):
        to: list[Address] = Field(
            min_length=1,
            max_length=50,
            title="To",
            description="E-mail addresses.",
            examples=[["applicant@example.com"]],
        )
        subject: Annotated[str, AfterValidator(_check_one_line)] = Field(
            min_length=1, max_length=200, title="Subject"
        )
        body: str = Field(default="", max_length=100_000, title="Text", description="Plain text.")
        reply_to: Address | None = Field(default=None, title="Reply to")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {
                "message_id": {"type": "string"},
                "to": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["message_id", "to"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        to = config.get("to")
        first = text_of(to[0] if isinstance(to, list) and to else to)
        return f"To {first}" if first else "Choose whom to write to"

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Send the mail. Raises: StepFailure of kind ``mail``, final if the server says so."""
        message_id = f"<{ctx.idempotency_key}@{urlsplit(settings.SITE_URL).hostname}>"
        message = EmailMessage(
            subject=config.subject,
            body=config.body,
            to=config.to,
            reply_to=[config.reply_to] if config.reply_to else None,
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        )
        try:
            message.send()
        except SMTPResponseException as error:
            raise StepFailure(
                f"Step {ctx.step_id!r}: the mail server refused the mail with "
                f"{error.smtp_code} {_decode(error.smtp_error)}. Check its addresses.",
                kind="mail",
                retryable=error.smtp_code < PERMANENT,
            ) from error
        except (SMTPException, OSError) as error:
            raise StepFailure(
                f"Step {ctx.step_id!r}: the mail server cannot be reached: {error}. "
                "Check EMAIL_HOST.",
                kind="mail",
            ) from error
        return Result(output={"message_id": message_id, "to": config.to})


def _decode(error: bytes | str) -> str:
    return error.decode("utf-8", "replace") if isinstance(error, bytes) else error
