"""Draw a paper as a PDF of one page, in one of five layouts, and say how its fields are found."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from fpdf import FPDF

from bench.documents.papers import Paper
from flows.documents.extraction.rules import FieldRule
from flows.documents.validators import Check

WIDTH, HEIGHT, MARGIN = 595.28, 841.89, 54.0
DRAWN_AT = datetime(2026, 1, 2, tzinfo=UTC)
_IBAN = "[A-Z]{2}[0-9]{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}"
_ENGLISH: Mapping[str, Sequence[str]] = {
    "employee": ["Employee", "Name of employee"],
    "employer": ["Employer", "Company"],
    "personnel": ["Personnel number", "Staff no."],
    "pay_date": ["Date of payment", "Paid on"],
    "iban": ["IBAN", "Paid to account"],
    "gross": ["Gross pay", "Gross salary"],
    "tax": ["Income tax"],
    "social": ["Social insurance"],
    "net": ["Net pay", "Amount paid"],
}
_GERMAN: Mapping[str, Sequence[str]] = {
    "employee": ["Mitarbeiter"],
    "employer": ["Arbeitgeber"],
    "personnel": ["Personalnummer"],
    "pay_date": ["Zahltag"],
    "iban": ["IBAN"],
    "gross": ["Gesamtbrutto"],
    "tax": ["Lohnsteuer"],
    "social": ["Sozialversicherung"],
    "net": ["Auszahlungsbetrag"],
}
_TYPES = {"personnel": "code", "pay_date": "date", "iban": "code", "gross": "amount",
          "tax": "amount", "social": "amount", "net": "amount"}  # fmt: skip
_PATTERNS = {"iban": _IBAN, "personnel": "[A-Z][0-9]{5}"}
CHECKS = (
    Check(kind="sum", fields=["net", "tax", "social"], total="gross"),
    Check(kind="check_digits", fields=["iban"], format="iban"),
)


def list_rules(layout: str) -> list[FieldRule]:
    """Return the fields of a layout, as its owner would declare them."""
    labels = _GERMAN if layout == "german" else _ENGLISH
    where = {"boxes": "below", "table": "either"}.get(layout, "right")
    return [
        FieldRule.model_validate(
            {"key": key, "type": _TYPES.get(key, "text"), "required": True,
             "anchors": list(anchors), "where": where, "pattern": _PATTERNS.get(key, "")}
        )
        for key, anchors in labels.items()
    ]  # fmt: skip


def locale_of(layout: str) -> str:
    return "de" if layout == "german" else "en"


def draw(paper: Paper) -> bytes:
    """Return the PDF, whose text can be read as it stands."""
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_creation_date(DRAWN_AT)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.set_font(paper.font, "B", 20)
    titles = {"german": "Entgeltabrechnung", "boxes": "Statement of earnings"}
    pdf.text(MARGIN, 90, titles.get(paper.layout, "Payslip"))
    pdf.set_font(paper.font, size=11)
    _DRAWINGS[paper.layout](pdf, paper)
    return bytes(pdf.output())


def write_values(paper: Paper) -> dict[str, str]:
    """Return the values as they are printed."""
    german = paper.layout == "german"
    year, month, day = paper.pay_date.split("-")
    spaced = " ".join(paper.iban[at : at + 4] for at in range(0, len(paper.iban), 4))
    texts = {key: str(value) for key, value in paper.values.items()}
    texts["pay_date"] = f"{day}.{month}.{year}" if german else paper.pay_date
    texts["iban"] = spaced
    for key in ("gross", "tax", "social", "net"):
        text = f"{paper.values[key]:,.2f}"
        texts[key] = text.translate(str.maketrans(",.", ".,")) if german else text
    return texts


def _list(pdf: FPDF, paper: Paper) -> None:
    """A label, and its value in a column to the right."""
    texts = write_values(paper)
    for at, (key, labels) in enumerate(_ENGLISH.items()):
        top = 150 + at * 34
        pdf.text(MARGIN, top, labels[0])
        unit = " EUR" if key in ("gross", "tax", "social", "net") else ""
        pdf.text(240, top, texts[key] + unit)
        pdf.set_draw_color(200)
        pdf.line(MARGIN, top + 10, WIDTH - MARGIN, top + 10)


def _table(pdf: FPDF, paper: Paper) -> None:
    """The people above, then a table with a column of amounts, right aligned."""
    texts = write_values(paper)
    for at, key in enumerate(("employee", "employer", "personnel", "pay_date", "iban")):
        pdf.text(MARGIN, 140 + at * 22, f"{_ENGLISH[key][-1]}:")
        pdf.text(210, 140 + at * 22, texts[key])
    top = 300.0
    pdf.set_font(paper.font, "B", 11)
    for left, text in ((MARGIN, "Item"), (330, "Rate"), (470, "Amount")):
        pdf.text(left, top, text)
    pdf.set_font(paper.font, size=11)
    rows = (("gross", ""), ("tax", "22.4 %"), ("social", "19.8 %"), ("net", ""))
    for at, (key, rate) in enumerate(rows, 1):
        line = top + at * 24
        pdf.line(MARGIN, line - 15, WIDTH - MARGIN, line - 15)
        pdf.text(MARGIN, line, _ENGLISH[key][0])
        pdf.text(330, line, rate)
        pdf.text(WIDTH - MARGIN - pdf.get_string_width(texts[key]), line, texts[key])


def _boxes(pdf: FPDF, paper: Paper) -> None:
    """A form: each label small in the corner of a box, its value below it."""
    texts = write_values(paper)
    for at, (key, labels) in enumerate(_ENGLISH.items()):
        left, top = MARGIN + (at % 2) * 245, 130 + (at // 2) * 62
        pdf.rect(left, top, 235, 52)
        pdf.set_font(paper.font, size=9)
        pdf.text(left + 6, top + 14, labels[0])
        pdf.set_font(paper.font, size=13)
        pdf.text(left + 6, top + 38, texts[key])


def _letter(pdf: FPDF, paper: Paper) -> None:
    """Label and value on one line with a colon, close together, amid sentences."""
    texts = write_values(paper)
    pdf.text(MARGIN, 140, "With this letter we confirm what you were paid. Please keep it for")
    pdf.text(MARGIN, 156, "your records; a bank may ask you to show it.")
    for at, (key, labels) in enumerate(_ENGLISH.items()):
        pdf.text(MARGIN, 196 + at * 20, f"{labels[0]}: {texts[key]}")
    pdf.text(MARGIN, 410, "Questions are answered by the personnel office, from 9 to 12.")


def _german(pdf: FPDF, paper: Paper) -> None:
    """Two pairs of label and value side by side, in German."""
    texts = write_values(paper)
    for at, (key, labels) in enumerate(_GERMAN.items()):
        left, top = MARGIN + (at % 2) * 250, 150.0 + (at // 2) * 40
        if key == "iban":
            left, top = MARGIN, 370.0
        pdf.text(left, top, labels[0])
        pdf.text(left + 112, top, texts[key])


_DRAWINGS: Mapping[str, Callable[[FPDF, Paper], None]] = {
    "list": _list,
    "table": _table,
    "boxes": _boxes,
    "letter": _letter,
    "german": _german,
}
