"""Read a value as it is written in a document, by its declared type and locale. Nothing is guessed.

A text that could be read in two ways under its locale, or in none, is no value.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from workbench.values.checking import check_value
from workbench.values.folding import fold
from workbench.values.numbers import ENGLISH, Marks, read_number
from workbench.values.refusals import ValueRefused
from workbench.values.times import read_date

Json = Any
ValueType = Literal["text", "code", "number", "integer", "amount", "date"]
NUMBERS = frozenset({"number", "integer", "amount"})


@dataclass(frozen=True, slots=True)
class Locale:
    """How numbers and dates are written. ``order`` is that of dates in digits: dmy, mdy, or ""."""

    marks: Marks
    order: str
    months: tuple[str, ...]


_ENGLISH = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
            "october", "november", "december")  # fmt: skip
_GERMAN = ("januar", "februar", "marz", "april", "mai", "juni", "juli", "august", "september",
           "oktober", "november", "dezember")  # fmt: skip
_FRENCH = ("janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre",
           "octobre", "novembre", "decembre")  # fmt: skip
_SPANISH = ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
            "septiembre", "octubre", "noviembre", "diciembre")  # fmt: skip
_ITALIAN = ("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
            "settembre", "ottobre", "novembre", "dicembre")  # fmt: skip
_DUTCH = ("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
          "oktober", "november", "december")  # fmt: skip
# In plain English, 03/04/2026 is two days; 03.04.2026 is written day first wherever it is.
LOCALES = {
    "en": Locale(ENGLISH, "", _ENGLISH),
    "en-GB": Locale(ENGLISH, "dmy", _ENGLISH),
    "en-US": Locale(ENGLISH, "mdy", _ENGLISH),
    "de": Locale(Marks(",", "."), "dmy", _GERMAN),
    "de-CH": Locale(Marks(".", "'"), "dmy", _GERMAN),
    "fr": Locale(Marks(",", "\u202f"), "dmy", _FRENCH),
    "es": Locale(Marks(",", "."), "dmy", _SPANISH),
    "it": Locale(Marks(",", "."), "dmy", _ITALIAN),
    "nl": Locale(Marks(",", "."), "dmy", _DUTCH),
}
_CURRENCY = re.compile(r"[€$£¥]|[A-Z]{2,3}\$?")
_DIGITS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})\.?(?:st|nd|rd|th)?\s+([^\W\d]+)\.?,?\s+(\d{4})")
_MONTH_FIRST = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
# A value is no sentence; what ends a short word is an abbreviation's.
_FULL_STOP = re.compile(r"(?<=[^\W\d_]{5})\.$")
_LEAST_OF_MONTH = 3
_MOST_TEXT = 2000


def read_value(text: str, kind: ValueType, locale: Locale) -> Json:
    """Return the value: a number, a date as ISO 8601 text, a text. Raises: ValueRefused."""
    cleaned = " ".join(text.split()).strip()
    if not cleaned or len(cleaned) > _MOST_TEXT:
        raise ValueRefused("There is no text that could be a value.", "Mark another place.")
    match kind:
        case "amount":
            return _read_amount(cleaned, locale)
        case "number" | "integer":
            return _read_plain_number(cleaned, locale, whole=kind == "integer")
        case "date":
            return _read_day(cleaned, locale).isoformat()
        case "code":
            code = re.sub(r"\s", "", cleaned).strip(".,;:")
            check_value(code)
            return code
        case _:
            value = _FULL_STOP.sub("", cleaned)
            check_value(value)
            return value


def _read_amount(text: str, locale: Locale) -> int | float:
    """Read a number beside one currency; a minus may follow it, as in books."""
    bare = text
    for end in (r"^(?:{0})\s*", r"\s*(?:{0})$"):
        taken = re.sub(end.format(_CURRENCY.pattern), "", bare, count=1)
        if taken != bare:
            bare = taken
            break
    if bare.endswith(("-", "\u2212")) and not bare.startswith(("-", "\u2212")):
        bare = f"-{bare[:-1].rstrip()}"
    return _read_plain_number(bare, locale, whole=False)


def _read_plain_number(text: str, locale: Locale, *, whole: bool) -> int | float:
    if re.search(r"\d[eE][+-]?\d", text):
        # An exponent on paper is a letter that was misread.
        raise ValueRefused(f"{text!r} is not a number.", "Mark another place.")
    return read_number(text.replace("\u2019", "'"), locale.marks, whole=whole)


def _read_day(text: str, locale: Locale) -> date:
    if found := _DIGITS.fullmatch(text):
        first, mark, second, year = found.groups()
        order = "dmy" if mark == "." else locale.order
        if not order:
            raise ValueRefused(
                f"{text!r} could be two days.", "Set a locale that says which comes first."
            )
        day, month = (first, second) if order == "dmy" else (second, first)
        return read_date(f"{year}-{int(month):02}-{int(day):02}")
    if found := _NAMED.fullmatch(text):
        return _name_day(found[1], found[2], found[3], locale)
    if found := _MONTH_FIRST.fullmatch(text):
        return _name_day(found[2], found[1], found[3], locale)
    return read_date(text)


def _name_day(day: str, name: str, year: str, locale: Locale) -> date:
    """Return the day of a month that is written out, or begun with at least three letters."""
    short = fold(name)
    known = [at for at, month in enumerate(locale.months, 1) if month.startswith(short)]
    if len(short) < _LEAST_OF_MONTH or len(known) != 1:
        raise ValueRefused(f"{name!r} is no month.", "Write it out, or set the right locale.")
    return read_date(f"{year}-{known[0]:02}-{int(day):02}")
