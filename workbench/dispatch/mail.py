"""Sending mail. No other code may send any.

Every address is one address alone, and every header one line, wherever they come from.
"""

from collections.abc import Mapping, Sequence

from django.core.mail import EmailMessage

from workbench.values.mail_addresses import read_header, read_mail_address


def send_mail(
    *,
    to: Sequence[str],
    subject: str,
    body: str,
    reply_to: str | None = None,
    headers: Mapping[str, str],
) -> None:
    """Send a plain text to the addresses. Each of them sees the others.

    Raises: ValueRefused; SMTPException, OSError.
    """
    message = EmailMessage(
        subject=read_header(subject),
        body=body,
        to=[read_mail_address(each) for each in to],
        reply_to=[read_mail_address(reply_to)] if reply_to else None,
        headers={name: read_header(value) for name, value in headers.items()},
    )
    message.send()


def check_recipients(message: EmailMessage) -> None:
    """Check a mail that a library has composed. Raises: ValueRefused."""
    read_header(str(message.subject))
    for each in message.recipients():
        read_mail_address(each)
