"""National identity, tax and insurance numbers, by check digits and the words beside them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from flows.guards.context import compile_words, is_near
from flows.guards.findings import Hit

_WORDS = compile_words(
    "national id", "identity", "id card", "id number", "passport", "social security", "ssn!",
    "nhs!", "national insurance", "nino!", "tax id", "tax number", "tin!", "personal number",
    "insurance n",
    "steuer", "idnr", "id-nr", "identifikationsnummer", "sozialversicherung", "ausweis", "ahv!",
    "versichertennummer", "securite sociale", "sécurité sociale", "numero de secu",
    "numéro de sécu", "nir!", "dni!", "nie!", "codice fiscale", "bsn!", "burgerservice", "pesel",
    "personnummer", "rijksregister", "registre national", "numero fiscal", "numéro fiscal", "cpr!",
    "henkilötunnus",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """A kind of number: how many signs it has, and how sure its form is alone and by its words."""

    name: str
    length: int
    alone: float
    beside_words: float
    has_letters: bool = False
    shape: str = ""

    @property
    def rule(self) -> str:
        return f"personal.national_id.{self.name.replace('.', '_')}"


# Where a plain number of so many digits adds up by chance too often, only words make it one.
_NUMBERS = (
    Number("fr.nir", 15, 0.85, 0.99),
    Number("ch.ssn", 13, 0.9, 0.99, shape=r"756\d{10}"),
    Number("it.codicefiscale", 16, 0.95, 0.99, has_letters=True, shape=r"[A-Z]{6}\d\d[A-Z].*"),
    Number("es.dni", 9, 0.6, 0.97, has_letters=True, shape=r"\d{8}[A-Z]"),
    Number("es.nie", 9, 0.7, 0.97, has_letters=True, shape=r"[XYZ]\d{7}[A-Z]"),
    Number("de.idnr", 11, 0.3, 0.97),
    Number("pl.pesel", 11, 0.35, 0.97),
    Number("be.nn", 11, 0.35, 0.97),
    Number("nl.bsn", 9, 0.2, 0.95),
    Number("gb.nhs", 10, 0.2, 0.95),
    Number("at.vnr", 10, 0.2, 0.95),
    Number("se.personnummer", 10, 0.35, 0.95),
    Number("us.ssn", 9, 0.2, 0.9),
    Number("uk.nino", 9, 0.6, 0.97, has_letters=True, shape=r"[A-CEGHJ-PR-TW-Z]{2}\d{6}[A-D]"),
)
_LENGTHS = {each.length for each in _NUMBERS}
_DASHED_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")


def find_identity_numbers(text: str, low: str) -> Iterator[Hit]:
    """Yield the numbers in a text that a country gives to a person."""
    past = 0
    for match in _DIGITS_NEAR.finditer(text):
        if match.start() < past:
            continue
        if hit := _try_from(text, low, match.start()):
            past = hit.end
            yield hit


# A word with a digit in it: an identity number begins with one.
_DIGITS_NEAR = re.compile(r"(?<![\w.@/-])(?=[A-Za-z]{0,6}[0-9])[0-9A-Za-z]", re.ASCII)
_LONGEST = 24


def _try_from(text: str, low: str, start: int) -> Hit | None:
    """Return the surest number that begins here, in groups or not."""
    best: Hit | None = None
    signs, at = "", start
    while at < min(start + _LONGEST, len(text)):
        sign = text[at]
        if sign.isascii() and sign.isalnum():
            signs += sign
        elif sign not in " .-/" or (at + 1 < len(text) and text[at + 1] in " .-/"):
            break
        at += 1
        ends = at == len(text) or not (text[at].isalnum() or text[at] in "@_")
        if ends and sign.isalnum() and len(signs) in _LENGTHS:
            hit = _judge(signs.upper(), text, low, start, at)
            best = hit if hit and (best is None or hit.score > best.score) else best
    return best


def _judge(signs: str, text: str, low: str, start: int, end: int) -> Hit | None:
    best: Hit | None = None
    is_digits = signs.isdigit()
    for number in _NUMBERS:
        if number.length != len(signs) or number.has_letters == is_digits:
            continue
        if number.shape and not re.fullmatch(number.shape, signs):
            continue
        if not _check_of(number.name)(signs):
            continue
        beside = is_near(_WORDS, low, start, end, after=16)
        score = number.beside_words if beside else number.alone
        if number.name == "us.ssn" and not beside and _DASHED_SSN.fullmatch(text[start:end]):
            score = 0.7
        if best is None or score > best.score:
            best = Hit("national_id", number.rule, start, end, score)
    return best


def _check_of(name: str) -> Callable[[str], bool]:
    if name == "uk.nino":
        return lambda signs: True
    check: Callable[[str], bool] = import_module(f"stdnum.{name}").is_valid
    return check
