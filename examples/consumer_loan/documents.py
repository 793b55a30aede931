"""The documents of an applicant, drawn as PDF, and the fields to be read on them.

The demo has no scanner: it draws a payslip and an application form from the application itself, and
so knows where each value stands. The same application gives the same bytes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89  # A4 in points
MARGIN, LINE_HEIGHT, VALUE_LEFT = 48.0, 42.0, 230.0
LABEL_SIZE, VALUE_SIZE, SMALLEST_SIZE = 14, 16, 8
# A fixed date of creation: with the current one, each attempt would give other bytes.
DRAWN_AT = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Field:
    """A value on a page. ``box`` is left, top, right, bottom, in points from the upper left."""

    key: str
    label: str
    value: Any
    text: str
    page: int
    box: tuple[float, float, float, float]
    confidence: float

    def as_box(self) -> dict[str, Any]:
        """Return the field with its box as shares of the page, as a case shows it."""
        left, top, right, bottom = self.box
        at = (left / PAGE_WIDTH, top / PAGE_HEIGHT,
              (right - left) / PAGE_WIDTH, (bottom - top) / PAGE_HEIGHT)  # fmt: skip
        return {
            "key": self.key,
            "page": self.page,
            "at": [round(share, 5) for share in at],
            "text": self.text,
            "confidence": self.confidence,
        }

    def as_field(self) -> dict[str, Any]:
        """Return the field with its value and its box in points, for later steps."""
        return {
            "field": self.key,
            "page": self.page,
            "box": [round(each, 2) for each in self.box],
            "value": self.value,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Drawn:
    """A document and the fields read from it."""

    id: str
    title: str
    content: bytes
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to draw. With a key it becomes a field that is read."""

    label: str
    value: Any
    text: str
    key: str = ""


def invent_confidence(applicant: str, key: str) -> float:
    """Return a made-up confidence, 0.7 to 0.99: always the same for an applicant and a field."""
    digest = hashlib.sha256(f"{applicant}/{key}".encode()).digest()
    return round(0.7 + 0.29 * (1 - (digest[0] / 255) ** 3), 2)


def format_money(value: float) -> str:
    return f"{value:,.2f} DM"


def draw(name: str, title: str, sender: str, applicant: str, entries: list[Entry]) -> Drawn:
    """Draw one page: the title, then a line for each entry."""
    pdf = _draw_page(title, sender)
    fields = []
    top = 210.0
    for entry in entries:
        pdf.set_font("Helvetica", size=LABEL_SIZE)
        pdf.set_text_color(90)
        pdf.text(MARGIN, top, entry.label)
        pdf.set_text_color(20)
        text = _fit_text(pdf, entry.text)
        pdf.text(VALUE_LEFT, top, text)
        pdf.set_draw_color(225)
        pdf.line(MARGIN, top + 14, PAGE_WIDTH - MARGIN, top + 14)
        if entry.key:
            right = VALUE_LEFT + pdf.get_string_width(text)
            box = (VALUE_LEFT - 4, top - 15, right + 4, top + 6)
            sure = invent_confidence(applicant, f"{name}.{entry.key}")
            fields.append(Field(entry.key, entry.label, entry.value, text, 1, box, sure))
        top += LINE_HEIGHT
    lines = [f"{entry.label}: {entry.text}" for entry in entries]
    return Drawn(name, title, bytes(pdf.output()), "\n".join([title, *lines]), tuple(fields))


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
        Entry("Employee", applicant, applicant),
        Entry("Employer", paper["employer"], paper["employer"], "employer"),
        Entry("Period", paper["month"], paper["month"]),
        Entry("Gross pay", gross, format_money(gross)),
        Entry("Tax and insurance", round(gross - net, 2), format_money(gross - net)),
        Entry("Net pay", net, format_money(net), "net_income"),
    ]
    return draw("payslip", "Payslip", paper["employer"], applicant, entries)


def application_form(applicant: str, application: Mapping[str, Any]) -> Drawn:
    months = application["duration_months"]
    purpose = str(application["purpose"]).replace("_", " ")
    entries = [
        Entry("Applicant", applicant, applicant),
        Entry("Amount", application["amount"], format_money(application["amount"]), "amount"),
        Entry("Duration", months, f"{months} months", "duration_months"),
        Entry("Purpose", application["purpose"], purpose, "purpose"),
        Entry("Housing", application["housing"], str(application["housing"]), "housing"),
        Entry("Employed since", None, str(application["employed_since"]).replace("_", " ")),
        Entry("Credits at this bank", None, str(application["existing_credits"])),
        Entry("Telephone", None, "yes" if application["telephone"] else "no"),
    ]
    return draw("application", "Loan application", "To the bank", applicant, entries)
