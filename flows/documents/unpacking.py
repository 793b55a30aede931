"""An e-mail taken apart, in a process of its own whose time and memory are bounded."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from flows.documents.limits import Limits
from flows.documents.rendering import ask_about

Json = Any
SECONDS = 30.0


class Address(BaseModel):
    name: str
    address: str


class Message(BaseModel):
    """What an e-mail says. The date is in UTC, and None where there is none that can be read."""

    sender: list[Address] = Field(alias="from")
    to: list[Address]
    cc: list[Address]
    reply_to: list[Address]
    subject: str
    date: str | None
    message_id: str
    text: str


class Attachment(BaseModel):
    """A file of an e-mail. ``message`` says what one that is an e-mail says.

    ``of`` is the number of the e-mail that it was attached to, 0 for the outermost.
    """

    number: int
    of: int
    name: str
    media_type: str
    message: Message | None


class RefusedAttachment(BaseModel):
    """A file of an e-mail that is not kept, and why."""

    name: str
    of: int
    code: str
    problem: str


class UnpackedMail(Message):
    attachments: list[Attachment]
    refused: list[RefusedAttachment]


def unpack_mail(path: Path, folder: Path, limits: Limits = Limits()) -> UnpackedMail:
    """Return an e-mail taken apart. Its attachments are in the folder, each by its number.

    Raises: Unreadable, TooManyAsk.
    """
    made = ask_about(path, "unpack", limits, seconds=SECONDS, folder=str(folder.resolve()))
    return UnpackedMail.model_validate(made)
