"""Take an e-mail apart: headers, text and attachments. Only a child process does so.

An e-mail in an e-mail is an attachment, and what is attached to it follows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from email import errors, message_from_binary_file, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from flows.documents.errors import Unreadable
from flows.documents.filetypes import MAIL, find_media_type, settle_type
from flows.documents.html_text import read_html

Json = Any
MOST_MAIL_BYTES = 50 * 1024 * 1024
MOST_PARTS, MOST_ATTACHMENTS, MOST_DEPTH = 500, 100, 5
MOST_CHARACTERS, MOST_HEADER_CHARACTERS, MOST_ADDRESSES = 500_000, 2_000, 200

_ENCRYPTED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
_PGP = re.compile(rb"^-----BEGIN PGP MESSAGE-----", re.MULTILINE)
# That the end is missing, or that no part begins: the rest was not sent.
_CUT = (errors.CloseBoundaryNotFoundDefect, errors.StartBoundaryNotFoundDefect)
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# The source's own lines are kept: what was signed stays as it was.
_AS_SENT = policy.default.clone(refold_source="none")


@dataclass(slots=True)
class _Mail:
    """What was found so far. Attachments are written into ``folder``, each by its number."""

    folder: Path
    attachments: list[dict[str, Json]] = field(default_factory=list)
    refused: list[dict[str, Json]] = field(default_factory=list)
    parts: int = 0


def take_apart(path: Path, folder: Path) -> dict[str, Json]:
    """Return headers and text, with the attachments, which are written into the folder.

    Raises: Unreadable.
    """
    if (size := path.stat().st_size) > MOST_MAIL_BYTES:
        raise Unreadable(
            "too_large", f"The e-mail has {size:,} bytes; at most {MOST_MAIL_BYTES:,} are read.",
            "Send its attachments by themselves.",
        )  # fmt: skip
    if (media_type := find_media_type(path)) != MAIL:
        raise Unreadable(
            "unsupported_type", f"The file is of the type {media_type}, and no e-mail.",
            "Save the e-mail as .eml, and send that.",
        )  # fmt: skip
    try:
        with path.open("rb") as file:
            message = message_from_binary_file(file, policy=_AS_SENT)
        mail = _Mail(folder)
        told = _read_message(message, mail, depth=0, of=0)
    except MemoryError:
        raise Unreadable(
            "too_large", "The e-mail takes too much memory.", "Send its attachments by themselves."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    return {**told, "attachments": mail.attachments, "refused": mail.refused}


def _read_message(message: Any, mail: _Mail, *, depth: int, of: int) -> dict[str, Json]:
    if depth > MOST_DEPTH:
        raise _too_deep()
    plain: list[str] = []
    for part, text in _walk(message, mail):
        if text is None:
            _attach(part, mail, depth=depth, of=of)
        elif text:
            plain.append(text)
    whole = "\n\n".join(plain)
    if len(whole) > MOST_CHARACTERS:
        raise Unreadable(
            "too_large", f"The e-mail has a text of {len(whole):,} characters; "
            f"at most {MOST_CHARACTERS:,} are read.", "Send the text as an attachment.",
        )  # fmt: skip
    return {**_read_headers(message), "text": whole}


def _walk(part: Any, mail: _Mail) -> Iterator[tuple[Any, str | None]]:
    """Yield each part that says something: with its text, or None for an attachment."""
    mail.parts += 1
    if mail.parts > MOST_PARTS:
        raise Unreadable(
            "too_large", f"The e-mail has more than {MOST_PARTS} parts.",
            "Send its attachments by themselves.",
        )  # fmt: skip
    kind = part.get_content_type()
    _refuse_unreadable(part, kind)
    if not part.is_multipart() or kind == MAIL:
        yield part, _read_text(part, kind)
        return
    found = [list(_walk(each, mail)) for each in part.get_payload()]
    chosen = _choose(found) if kind == "multipart/alternative" else None
    for number, said in enumerate(found):
        for each, text in said:
            # Of alternatives one is the text, and the others say the same again.
            if text is None or chosen in {None, number}:
                yield each, text


def _choose(alternatives: list[list[tuple[Any, str | None]]]) -> int:
    """Return which alternative is the text: one that is plain, else the last that has any."""
    with_text = [
        (any(part.get_content_type() == "text/plain" for part, text in said if text), -number)
        for number, said in enumerate(alternatives)
        if any(text for _, text in said)
    ]
    plain = [-number for is_plain, number in with_text if is_plain]
    return plain[0] if plain else max((-number for _, number in with_text), default=0)


def _refuse_unreadable(part: Any, kind: str) -> None:
    """Raises: Unreadable, for a part that is encrypted or cut off."""
    if any(isinstance(each, _CUT) for each in part.defects):
        raise Unreadable("broken", "The e-mail ends early.", "Send it again, whole.")
    if kind in _ENCRYPTED and part.get_param("smime-type") == "signed-data":
        raise Unreadable(
            "unsupported_type", "The e-mail is wrapped in its signature (S/MIME).",
            "Ask the sender to sign it in clear text, or to send the files by themselves.",
        )  # fmt: skip
    if kind in _ENCRYPTED:
        raise _encrypted()


def _encrypted() -> Unreadable:
    return Unreadable(
        "encrypted", "The e-mail is encrypted.",
        "Ask the sender to send it without encryption, or by another way.",
    )  # fmt: skip


def _too_deep() -> Unreadable:
    return Unreadable(
        "too_large", f"E-mails are attached to one another more than {MOST_DEPTH} deep.",
        "Send the innermost by themselves.",
    )  # fmt: skip


# --- Text ---------------------------------------------------------------------------


def _read_text(part: Any, kind: str) -> str | None:
    """Return the text of a part that is read as such, None for an attachment. Raises: Unreadable"""
    if kind not in {"text/plain", "text/html"} or _name_of(part):
        return None
    if part.get_content_disposition() == "attachment":
        return None
    content = _decode(part)
    if _PGP.search(content):
        raise _encrypted()
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return _clean(read_html(text) if kind == "text/html" else text).strip()


def _decode(part: Any) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _clean(text: str) -> str:
    """Return the text as it can be kept: without characters of control and halves of a pair."""
    return _UNFIT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


# --- Headers ------------------------------------------------------------------------


def _read_headers(message: Any) -> dict[str, Json]:
    return {
        "from": _read_addresses(message, "From"),
        "to": _read_addresses(message, "To"),
        "cc": _read_addresses(message, "Cc"),
        "reply_to": _read_addresses(message, "Reply-To"),
        "subject": _header(message, "Subject"),
        "date": _read_date(message),
        "message_id": _header(message, "Message-ID"),
    }


def _header(message: Any, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except Exception:  # noqa: BLE001, RUF100 - the library raises whatever a malformed one makes it
        value = next((str(raw) for key, raw in message.raw_items() if key == name), "")
    return " ".join(_clean(value).split())[:MOST_HEADER_CHARACTERS]


def _read_addresses(message: Any, name: str) -> list[dict[str, str]]:
    try:
        # As the header is built, so that a name in which an address stands is a name.
        found = [(each.display_name, each.addr_spec) for each in message[name].addresses]
    except Exception:  # noqa: BLE001, RUF100 - the library raises whatever a malformed one makes it
        found = getaddresses([_header(message, name)])
    told = [(_clean(said), _clean(address)) for said, address in found[:MOST_ADDRESSES]]
    return [{"name": said, "address": address} for said, address in told if said or address]


def _read_date(message: Any) -> str | None:
    """Return the date in UTC, None where there is none that can be read."""
    try:
        date = parsedate_to_datetime(_header(message, "Date"))
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return None


# --- Attachments --------------------------------------------------------------------


def _attach(part: Any, mail: _Mail, *, depth: int, of: int) -> None:
    """Keep an attachment; name one that is refused. What an e-mail has attached comes after it."""
    nested = part.get_payload(0) if _is_mail(part) else None
    about: dict[str, Json] = {"name": _name_of(part) or _make_name(nested), "of": of}
    if len(mail.attachments) + len(mail.refused) >= MOST_ATTACHMENTS:
        raise Unreadable(
            "too_large", f"The e-mail has more than {MOST_ATTACHMENTS} attachments.",
            "Send them in several e-mails.",
        )  # fmt: skip
    number = len(mail.attachments) + 1
    content = _encode(nested) if nested is not None else _decode(part)
    try:
        said = part.get_content_type()
        media_type = MAIL if nested is not None else settle_type(BytesIO(content), said)
    except Unreadable as refused:
        mail.refused.append({**about, "code": refused.code, "problem": str(refused)})
        return
    (mail.folder / str(number)).write_bytes(content)
    kept = {**about, "number": number, "media_type": media_type, "message": None}
    mail.attachments.append(kept)
    if nested is not None:
        kept["message"] = _read_message(nested, mail, depth=depth + 1, of=number)


def _is_mail(part: Any) -> bool:
    return bool(part.get_content_type() == MAIL and part.is_multipart())


def _encode(nested: EmailMessage) -> bytes:
    try:
        return nested.as_bytes(policy=_AS_SENT)
    except Exception:  # noqa: BLE001, RUF100 - the library raises whatever a malformed one makes it
        raise Unreadable(
            "broken", "An e-mail that is attached is damaged.", "Send it by itself."
        ) from None


def _name_of(part: Any) -> str:
    try:
        name = part.get_filename("")
    except Exception:  # noqa: BLE001, RUF100 - the library raises whatever a malformed one makes it
        return "attachment"
    return " ".join(_clean(str(name)).replace("/", "_").replace("\\", "_").split())[:200]


def _make_name(nested: Any) -> str:
    if nested is None:
        return "attachment"
    return f"{_header(nested, 'Subject')[:100].replace('/', '_') or 'message'}.eml"
