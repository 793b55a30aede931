"""The step type `notify`: send an e-mail.

The mail server is not part of our transaction: if a worker dies between its answer and our commit,
the step is taken over and sends the mail again. Both mails have the same Message-ID, made from the
step run's idempotency key, so that mail servers and readers which honour it keep only one.
"""

from collections.abc import Mapping
from smtplib import SMTPException, SMTPResponseException
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
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
from workbench.dispatch.mail import send_mail
from workbench.values.mail_addresses import read_header, read_mail_address

# From this SMTP status on, a refusal is permanent; below it, the server may take the mail later.
PERMANENT = 500


Address = Annotated[str, AfterValidator(read_mail_address)]
OneLine = Annotated[str, AfterValidator(read_header)]


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
            description="E-mail addresses, each alone: name@example.com.",
            examples=[["applicant@example.com"]],
        )
        subject: OneLine = Field(min_length=1, max_length=200, title="Subject")
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
        try:
            send_mail(
                subject=config.subject,
                body=config.body,
                to=config.to,
                reply_to=config.reply_to,
                headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
            )
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
