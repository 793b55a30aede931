"""The documents of an applicant: drawn as PDF or scanned, and read as any other file is.

The demo draws a payslip and an application form from the application itself. What is on them is
then found in the file alone: by its text, or of a scan by the OCR engine, where one is installed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fpdf import FPDF

from examples.scanning import Scanner, scan
from flows.documents.errors import Unreadable
from flows.documents.extraction.fields import Extracted, extract_fields
from flows.documents.extraction.rules import FieldRule
from flows.documents.model import ReadDocument
from flows.documents.ocr.engines import find_engine
from flows.documents.reading import ReadOptions, read_document
from flows.documents.validators import Check, judge, weigh

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89  # A4 in points
MARGIN, LINE_HEIGHT, VALUE_LEFT = 48.0, 42.0, 230.0
LABEL_SIZE, VALUE_SIZE, SMALLEST_SIZE = 14, 16, 8
MOST_SKEW = 2.0
# A fixed date of creation: with the current one, each attempt would give other bytes.
DRAWN_AT = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A document as an applicant hands it in, and what is to be found on it."""

    id: str
    title: str
    content: bytes
    media_type: str
    rules: tuple[FieldRule, ...]
    checks: tuple[Check, ...] = ()

    @property
    def is_scan(self) -> bool:
        return self.media_type == "image/jpeg"

    @property
    def name(self) -> str:
        return f"{self.id}.{'jpg' if self.is_scan else 'pdf'}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to draw. With a key it is a field to be found, of a type."""

    label: str
    text: str
    key: str = ""
    type: str = "text"


def format_money(value: float) -> str:
    return f"{value:,.2f} DM"


# --- Reading ------------------------------------------------------------------


Keep = Callable[[bytes, str, str], dict[str, Any]]


def read(drawn: Drawn, keep: Keep) -> tuple[ReadDocument, list[Extracted]]:
    """Return the document as it was read, and its fields.

    ``keep`` stores bytes under a media type and a name, and returns the reference.
    """
    artifact = keep(drawn.content, drawn.media_type, drawn.name)
    with TemporaryDirectory(prefix="countersign-demo-") as folder:
        path = Path(folder) / drawn.name
        path.write_bytes(drawn.content)
        document = read_document(path, artifact, ReadOptions()).document
    found = extract_fields(document, drawn.rules)
    return document, weigh(found, judge(drawn.checks, found, {}))


def is_ocr_installed() -> bool:
    try:
        find_engine(None, "")
    except Unreadable:
        return False
    return True


# --- Drawing ------------------------------------------------------------------


def draw(
    name: str, title: str, sender: str, entries: Sequence[Entry], checks: tuple[Check, ...] = ()
) -> Drawn:
    """Draw one page: the title, then a line for each entry."""
    pdf = _draw_page(title, sender)
    top = 210.0
    for entry in entries:
        pdf.set_font("Helvetica", size=LABEL_SIZE)
        pdf.set_text_color(90)
        pdf.text(MARGIN, top, entry.label)
        pdf.set_text_color(20)
        pdf.text(VALUE_LEFT, top, _fit_text(pdf, entry.text))
        pdf.set_draw_color(225)
        pdf.line(MARGIN, top + 14, PAGE_WIDTH - MARGIN, top + 14)
        top += LINE_HEIGHT
    rules = tuple(
        FieldRule.model_validate(
            {"key": each.key, "label": each.label, "type": each.type, "anchors": [each.label],
             "where": "right", "required": True}
        )
        for each in entries
        if each.key
    )  # fmt: skip
    return Drawn(name, title, bytes(pdf.output()), "application/pdf", rules, checks)


def hand_in_scan(drawn: Drawn, applicant: str) -> Drawn:
    """Return the document as a scan: a picture, a little skewed and noisy, without any text."""
    seed = sum(applicant.encode())
    skew = MOST_SKEW * ((seed % 21) / 10 - 1)
    content = scan(drawn.content, Scanner(skew=skew, noise=0.3), seed)
    return Drawn(drawn.id, drawn.title, content, "image/jpeg", drawn.rules, drawn.checks)


def _fit_text(pdf: FPDF, text: str) -> str:
    """Set the largest size at which the text fits, and return it, cut if it fits at no size."""
    text = text.encode("latin-1", "replace").decode("latin-1")
    width = PAGE_WIDTH - MARGIN - VALUE_LEFT
    for size in range(VALUE_SIZE, SMALLEST_SIZE - 1, -1):
        pdf.set_font("Helvetica", "B", size)
        if pdf.get_string_width(text) <= width:
            return text
    while pdf.get_string_width(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _draw_page(title: str, sender: str) -> FPDF:
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_creation_date(DRAWN_AT)
    pdf.set_title(title)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.set_fill_color(34, 60, 92)
    pdf.rect(0, 0, PAGE_WIDTH, 14, style="F")
    pdf.set_font("Helvetica", size=13)
    pdf.set_text_color(90)
    pdf.text(MARGIN, 72, sender.encode("latin-1", "replace").decode("latin-1"))
    pdf.set_font("Helvetica", "B", 30)
    pdf.set_text_color(20)
    pdf.text(MARGIN, 120, title)
    pdf.set_font("Helvetica", size=11)
    pdf.set_text_color(120)
    pdf.text(MARGIN, 146, "Specimen, generated for a demonstration")
    return pdf


def payslip(applicant: str, paper: Mapping[str, Any]) -> Drawn:
    """Draw the payslip. ``paper`` has what it says: employer, net_income, month."""
    net = paper["net_income"]
    gross = round(net / 0.68, 2)
    entries = [
        Entry("Employee", applicant),
        Entry("Employer", paper["employer"], "employer"),
        Entry("Period", paper["month"]),
        Entry("Gross pay", format_money(gross), "gross_income", "amount"),
        Entry("Tax and insurance", format_money(gross - net), "deductions", "amount"),
        Entry("Net pay", format_money(net), "net_income", "amount"),
    ]
    checks = (Check(kind="sum", fields=["net_income", "deductions"], total="gross_income"),)
    return draw("payslip", "Payslip", paper["employer"], entries, checks)


def application_form(applicant: str, application: Mapping[str, Any]) -> Drawn:
    months = application["duration_months"]
    entries = [
        Entry("Applicant", applicant),
        Entry("Amount", format_money(application["amount"]), "amount", "amount"),
        Entry("Duration", f"{months} months", "duration_months", "integer"),
        Entry("Purpose", str(application["purpose"]).replace("_", " "), "purpose"),
        Entry("Housing", str(application["housing"]), "housing"),
        Entry("Employed since", str(application["employed_since"]).replace("_", " ")),
        Entry("Credits at this bank", str(application["existing_credits"])),
        Entry("Telephone", "yes" if application["telephone"] else "no"),
    ]
    return draw("application", "Loan application", "To the bank", entries)
