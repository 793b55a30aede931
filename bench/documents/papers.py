"""Invent what a payslip or form says. The same seed gives the same papers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from stdnum import iban

LAYOUTS = ("list", "table", "boxes", "letter", "german")
FONTS = ("Helvetica", "Times")
MOST_SKEW = 3.0
_FIRST = ("Anna", "Jonas", "Miriam", "Peter", "Elif", "Tom", "Sofia", "Lukas", "Nadia", "Henrik",
          "Clara", "Viktor")  # fmt: skip
_LAST = ("Bergmann", "Okafor", "Lindqvist", "Marino", "Schulze", "Novak", "Fischer", "Adeyemi",
         "Larsen", "Weber", "Kowalski", "Brandt")  # fmt: skip
_FIRMS = ("Nordhafen Werft", "Stadtwerke Lindau", "Alpenblick Hotels", "Rheinufer Logistik",
          "Optik Feinglas", "Brauerei Sonnenfeld", "Feldkirch Maschinenbau",
          "Schulamt Westkreis")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paper:
    """What a document says, how it is drawn, and how it is scanned."""

    number: int
    layout: str
    font: str
    skew: float
    noise: float
    employee: str
    employer: str
    personnel: str
    pay_date: str
    iban: str
    gross: float
    tax: float
    social: float
    net: float

    @property
    def values(self) -> dict[str, str | float]:
        names = ("employee", "employer", "personnel", "pay_date", "iban", "gross", "tax",
                 "social", "net")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def invent(
    count: int, seed: int = 7, *, layouts: Sequence[str] = LAYOUTS, first: int = 0
) -> Iterator[Paper]:
    """Yield papers numbered from ``first``, in these layouts by turns."""
    random = Random(seed)
    for number in range(count):
        layout, font = layouts[number % len(layouts)], FONTS[number // len(layouts) % len(FONTS)]
        yield _invent(first + number, layout, font, random)


def _invent(number: int, layout: str, font: str, random: Random) -> Paper:
    gross = round(random.uniform(1_500, 9_500), 2)
    tax, social = round(gross * random.uniform(0.1, 0.3), 2), round(gross * 0.198, 2)
    return Paper(
        number=number,
        layout=layout,
        font=font,
        skew=round(random.uniform(-MOST_SKEW, MOST_SKEW), 2),
        noise=round(random.uniform(0.1, 0.6), 2),
        employee=f"{random.choice(_FIRST)} {random.choice(_LAST)}",
        employer=f"{random.choice(_FIRMS)} {random.choice(('GmbH', 'AG', 'KG'))}",
        personnel=f"{random.choice('ABCDEFGH')}{random.randrange(10_000, 99_999)}",
        pay_date=f"{random.choice((2025, 2026))}-{random.randrange(1, 13):02}-"
        f"{random.randrange(1, 29):02}",
        iban=_make_iban(random),
        gross=gross,
        tax=tax,
        social=social,
        net=round(gross - tax - social, 2),
    )


def _make_iban(random: Random) -> str:
    bare = f"{random.randrange(10**17, 10**18)}"
    return f"DE{iban.calc_check_digits(f'DE00{bare}')}{bare}"
