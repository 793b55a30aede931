"""Read a number that a person typed, by the marks of a stated locale. Nothing is guessed."""

import re
from dataclasses import dataclass
from functools import cache

from workbench.values.checking import MAX_INTEGER
from workbench.values.refusals import ValueRefused

MOST_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Marks:
    """How a locale writes numbers: its decimal mark, and what may stand between thousands."""

    decimal: str = "."
    thousands: str = ","

    @property
    def example(self) -> str:
        return f"1{self.thousands}234{self.decimal}5"


ENGLISH = Marks()


def read_number(text: str, marks: Marks = ENGLISH, *, whole: bool = False) -> int | float:
    """Return the number that the text holds: ``1234.5``, ``1,234.5``, ``-3``, ``1e6``.

    Thousands are three digits each, or not separated at all. A space, a no-break space and the
    locale's mark may separate them. A number without a decimal mark or exponent is an ``int``.

    Raises: ValueRefused for anything else, and for a number that cannot be kept exactly.
    """
    cleaned = text.strip()
    found = _pattern(marks).fullmatch(cleaned) if len(cleaned) <= MOST_CHARACTERS else None
    if found is None:
        raise ValueRefused(
            f"{text!r} is not a number as it is written here.", f"Write it as {marks.example}."
        )
    digits = re.sub(r"\D", "", found["whole"])
    sign = "-" if found["sign"] in ("-", "\u2212") else ""
    if found["fraction"] is None and found["exponent"] is None:
        return _checked(int(sign + digits))
    if whole:
        raise ValueRefused(f"{text!r} is not a whole number.", "Leave the decimals out.")
    number = float(f"{sign}{digits}.{found['fraction'] or 0}e{found['exponent'] or 0}")
    return _finite(number)


@cache
def _pattern(marks: Marks) -> re.Pattern[str]:
    between = f"[{re.escape(marks.thousands)} \u00a0\u202f]"
    return re.compile(
        rf"(?P<sign>[+\-\u2212]?)(?P<whole>[0-9]+|[0-9]{{1,3}}(?P<mark>{between})[0-9]{{3}}"
        rf"(?:(?P=mark)[0-9]{{3}})*)(?:{re.escape(marks.decimal)}(?P<fraction>[0-9]+))?"
        r"(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
    )


def _checked(number: int) -> int:
    if abs(number) > MAX_INTEGER:
        raise ValueRefused(
            "The whole number has more than 15 digits and would be rounded.",
            f"Use a number within ±{MAX_INTEGER}, or a field for text.",
        )
    return number


def _finite(number: float) -> float:
    if abs(number) == float("inf"):
        raise ValueRefused("The number is too large to be kept.", "Use a smaller one.")
    return number
