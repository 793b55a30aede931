"""An e-mail is taken apart in a process of its own, within bounds."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from flows.documents.errors import Unreadable
from flows.documents.html_text import read_html
from flows.documents.unpacking import UnpackedMail, unpack_mail
from tests.factories.files import make_pdf

pytestmark = pytest.mark.unit


def write_mail(text: str = "Dear Sir", subject: str = "Payslip") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada <ada@example.com>", "loans@example.com, Ben <b@example.com>"
    mail["Subject"], mail["Date"] = subject, "Mon, 30 Nov 2026 10:00:00 +0100"
    mail["Message-ID"] = "<1@example.com>"
    mail.set_content(text)
    return mail


def unpack(mail: EmailMessage | bytes, folder: Path) -> UnpackedMail:
    path = folder / "mail.eml"
    path.write_bytes(mail if isinstance(mail, bytes) else bytes(mail))
    return unpack_mail(path, folder)


def attach(mail: EmailMessage, content: bytes, name: str, kind: str = "octet-stream") -> None:
    mail.add_attachment(content, maintype="application", subtype=kind, filename=name)


def test_headers_text_and_attachments_by_their_content(tmp_path: Path) -> None:
    mail, slip = write_mail("Grüße"), make_pdf("Net 100")
    mail.add_alternative("<p>Never read</p>", subtype="html")
    attach(mail, slip, "../../slip.docx", "msword")
    found = unpack(mail, tmp_path)
    assert (found.sender[0].name, found.sender[0].address) == ("Ada", "ada@example.com")
    assert [each.address for each in found.to] == ["loans@example.com", "b@example.com"]
    assert (found.subject, found.text) == ("Payslip", "Grüße")
    assert found.date == "2026-11-30T09:00:00+00:00"
    [kept] = found.attachments
    assert (kept.name, kept.media_type) == (".._.._slip.docx", "application/pdf")
    assert (tmp_path / str(kept.number)).read_bytes() == slip


def test_an_attached_mail_is_one_and_what_it_has_attached_follows(tmp_path: Path) -> None:
    inner, mail = write_mail("Inside", "Inner"), write_mail()
    attach(inner, make_pdf("x"), "a.pdf")
    mail.add_attachment(inner)
    found = unpack(mail, tmp_path)
    assert [(each.name, each.of) for each in found.attachments] == [("Inner.eml", 0), ("a.pdf", 1)]
    assert found.attachments[0].message is not None
    assert found.attachments[0].message.text == "Inside"
    again = unpack((tmp_path / "1").read_bytes(), tmp_path)
    assert again.subject == "Inner"


def test_an_attachment_that_is_two_things_is_named_and_the_others_kept(tmp_path: Path) -> None:
    mail = write_mail()
    attach(mail, b"\x89PNG\r\n\x1a\n<script>", "both.png")
    attach(mail, b"", "empty.pdf")
    attach(mail, make_pdf("x"), "good.pdf")
    found = unpack(mail, tmp_path)
    assert [(each.name, each.code) for each in found.refused] == [
        ("both.png", "ambiguous"), ("empty.pdf", "empty")
    ]  # fmt: skip
    assert [each.name for each in found.attachments] == ["good.pdf"]


def test_a_name_in_which_an_address_stands_is_a_name(tmp_path: Path) -> None:
    mail = bytes(write_mail()).replace(b"Ada <", b"=?utf-8?q?Boss=2C_boss=40bank=2Ecom?= <")
    [sender] = unpack(mail, tmp_path).sender
    assert sender.address == "ada@example.com"


def encrypted() -> EmailMessage:
    mail = write_mail()
    mail.set_type("application/pkcs7-mime")
    return mail


def deep(depth: int) -> EmailMessage:
    mail = write_mail()
    for _ in range(depth):
        outer = write_mail()
        outer.add_attachment(mail)
        mail = outer
    return mail


def many_attachments() -> EmailMessage:
    mail = write_mail()
    for number in range(101):
        attach(mail, b"%PDF-1.7", f"{number}.pdf")
    return mail


def cut() -> bytes:
    mail = write_mail()
    attach(mail, make_pdf("x" * 1000), "a.pdf")
    return bytes(mail)[:-200]


def nested_parts(depth: int) -> bytes:
    heads = [
        f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(depth)
    ]
    return b"From: a@b.c\r\nSubject: x\r\n" + "".join(heads).encode()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("mail", "code"),
    [
        (encrypted(), "encrypted"),
        (write_mail("-----BEGIN PGP MESSAGE-----\nhQEM"), "encrypted"),
        (cut(), "broken"),
        (deep(6), "too_large"),
        (many_attachments(), "too_large"),
        (write_mail("x" * 500_001), "too_large"),
        (make_pdf("no mail"), "unsupported_type"),
    ],
    ids=["smime", "pgp", "cut", "deep", "many", "long", "pdf"],
)
def test_what_cannot_be_taken_apart_says_why(
    mail: EmailMessage | bytes, code: str, tmp_path: Path
) -> None:
    with pytest.raises(Unreadable) as refused:
        unpack(mail, tmp_path)
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.mark.timeout(120)
@pytest.mark.parametrize("depth", [50, 5000])
def test_parts_in_parts_are_bounded(depth: int, tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        unpack(nested_parts(depth), tmp_path)


def test_headers_that_are_malformed_do_no_harm(tmp_path: Path) -> None:
    head = b"From: <@@>,;:\r\nTo: =?x?q?=FF?=\r\nSubject: =?utf-8?b?%%?=\r\nDate: never\r\n"
    found = unpack(head + b'Content-Type: text/plain; charset="nope"\r\n\r\nHello \xff', tmp_path)
    assert found.date is None
    assert found.text.startswith("Hello")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<style>p{}</style><script>x()</script><p>Hi <b>you</b>", "Hi you"),
        ("<div style='display: none'>no <div>no</div></div><div>yes</div>", "yes"),
        ("<p hidden>no<p>yes", "yes"),
        ("<p hidden>no<div>yes</div>", "yes"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\tb\n\nc"),
        ("a<br>b &amp; c", "a\nb & c"),
        ("<p>a\n  b</p>", "a b"),
    ],
)
def test_html_is_read_as_people_see_it(page: str, text: str) -> None:
    assert "\n".join(filter(None, read_html(page).split("\n"))) == "\n".join(
        filter(None, text.split("\n"))
    )
