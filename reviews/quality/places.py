"""Where a corrected value stands on the pages that a case showed, if they say it just once."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.documents.extraction.fields import locate
from flows.documents.extraction.rules import FieldRule
from flows.documents.extraction.tokens import Sheet, lay_out
from flows.documents.extraction.typed import LOCALES, ValueType
from flows.documents.model import Line, Page, ReadDocument, Word
from workbench.values.times import is_date

Json = Any
# What a page is taken for whose size a case does not keep: upright A4.
_WIDTH, _HEIGHT = 595.0, 842.0


def find_value(document: Mapping[str, Json], value: Json) -> dict[str, Json] | None:
    """Return ``{page, at, text}`` of the value, None if it stands nowhere or at several places.

    It is looked for as each locale writes it, since a case does not say which one it is.
    """
    rule = FieldRule(key="it", type=_type_of(value), by="model")
    sheets = _lay_out(document.get("words") or ())
    found = {}
    for locale in LOCALES.values():
        place = locate(sheets, rule, value, locale)
        if place is not None:
            found[place.page, place.at] = place
    if len(found) != 1:
        return None
    (place,) = found.values()
    return {"page": place.page, "at": list(place.at), "text": place.text}


def _type_of(value: Json) -> ValueType:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "amount"
    text = str(value)
    if is_date(text):
        return "date"
    return "text" if " " in text or not any(each.isdigit() for each in text) else "code"


def _lay_out(pages: Sequence[Mapping[str, Json]]) -> list[Sheet]:
    number = 0
    made = []
    for page in pages:
        lines = []
        for line in page.get("lines") or ():
            number += 1
            lines.append(_make_line(number, line))
        made.append(
            Page(number=page["number"], width=_WIDTH, height=_HEIGHT, source="text", lines=lines)
        )
    read = ReadDocument(artifact={}, media_type="", pages=made, text="", engine="")
    return lay_out(read)


def _make_line(number: int, line: Mapping[str, Json]) -> Line:
    _, top, _, height = line["at"]
    words = [Word(text=text, at=(left, top, wide, height), confidence=1.0)
             for text, left, wide in line["words"]]  # fmt: skip
    text = " ".join(word.text for word in words)
    return Line(number=number, text=text, at=line["at"], confidence=1.0, words=words)
