"""Personal data in texts: what has a form that can be checked.

Found are mail addresses, phone numbers, accounts, cards, national ids with their check digits,
dates of birth beside words that say so, and IP addresses. Names and postal addresses have no form:
they are found only in fields that are declared to hold them, and where the value of such a field is
repeated.
"""

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import phonenumbers
from stdnum import iban, luhn

from flows.guards.context import compile_words, find_last, is_near
from flows.guards.findings import Hit
from flows.guards.folding import Folded, fold_forms, fold_in_place
from flows.guards.identity_numbers import find_identity_numbers
from flows.guards.text_runs import Run, list_runs

KINDS = ("email", "phone", "iban", "card", "national_id", "birth_date", "ip")
REGIONS = ("DE", "FR", "GB", "US")
MOST_REGIONS = 8
# Past so many candidates, a run of digits is taken for a phone number without a look at the plans.
MOST_LOOKED_UP = 2_000

_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._%+-'")
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_MOST_LOCAL, _MOST_HOST = 64, 253

_PHONE_WORDS = compile_words(
    "tel!", "tel.", "telef", "phone", "call", "mobile", "cell", "fax", "whatsapp", "sms",
    "reach me", "ring!", "ruf!", "anruf", "handy", "mobil", "nummer lautet", "joindre",
    "appel", "portable", "numero de",
)  # fmt: skip
_OTHER_NUMBERS = compile_words(
    "order", "invoice", "ticket", "ref", "parcel", "tracking", "serial", "article", "item", "isbn",
    "sku", "customer n", "customer id", "case n", "contract", "policy", "account", "batch",
    "part n",
    "bestell", "rechnung", "auftrag", "sendung", "vorgang", "kundennummer", "artikel", "vertrag",
    "aktenzeichen", "seriennummer", "commande", "facture", "colis", "suivi", "dossier", "contrat",
    "client n", "version", "build", "transaction", "transaktion", "reference", "id ", "id:", "no.",
    "nr.", "konto", "meter", "zahler", "compteur", "model", "modell", "modele",
)  # fmt: skip
_CARD_WORDS = compile_words(
    "card", "visa", "master", "amex", "karte", "kreditkarte", "carte", "cb ", "pan!", "credit",
    "debit", "paid with", "bezahlt mit",
)  # fmt: skip
_BIRTH_WORDS = compile_words(
    "born", "birth", "dob", "d.o.b", "geboren", "geb.", "geburtsdatum", "geburtstag", "ne le",
    "née le", "né le", "nee le", "naissance", "nato il", "nata il", "nacid", "geboortedatum",
)  # fmt: skip
_VERSION_WORDS = compile_words(
    "version", "v.", "release", "build", "firmware", "update to", "upgrade to", "driver", "section",
    "chapter", "clause", "kapitel", "abschnitt", "fassung", "ziffer", "paragraph", "article", "sdk",
    "mise a jour", "logiciel", "section", "chapitre",
)  # fmt: skip
_DATE = re.compile(
    r"(?<![\d.])(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}-\d{2}-\d{2}"
    r"|\d{1,2}\.? ?(?:[A-Za-zäéû]{3,9})\.?,? (?:19|20)\d{2}"
    r"|(?:[A-Z][a-z]{2,8}) \d{1,2}(?:st|nd|rd|th)?, (?:19|20)\d{2})(?![\d])"
)
_DAY = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:19|20)\d{2}|(?:19|20)\d{2}([./-])\d{1,2}\2\d{1,2}")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f:]{6,39}(?![0-9A-Za-z:])")
_IBAN_START = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}\d{2}(?=[ \-]?[0-9A-Za-z])")
_IBAN_HEAD = re.compile(r"[A-Za-z]{2}\d{2}[ -]\Z")
_LONGEST_IBAN, _SHORTEST_IBAN = 34, 15

_CARD_PREFIXES = (
    "4", "51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "27", "34", "37", "6011", "65",
    "644", "645", "646", "647", "648", "649", "35", "30", "36", "38", "39", "50", "56", "57", "58",
    "63", "67",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PersonalRule:
    """What is looked for: the kinds, and the regions that a number without ``+`` may be of."""

    kinds: frozenset[str] = frozenset(KINDS)
    regions: tuple[str, ...] = REGIONS


def find_personal(text: str, rule: PersonalRule) -> list[Hit]:
    """Return the personal data in a text, in its order. Where two overlap, the surer one stays."""
    folded = fold_forms(text)
    low = fold_in_place(folded.text)
    found = [
        hit
        for kind, find in _FINDERS.items()
        if kind in rule.kinds
        for hit in find(folded.text, low, rule)
    ]
    placed = [_place(hit, folded) for hit in found]
    return drop_overlaps(placed)


def _place(hit: Hit, folded: Folded) -> Hit:
    start, end = folded.span(hit.start, hit.end)
    return Hit(hit.kind, hit.rule, start, end, hit.score)


def drop_overlaps(hits: Collection[Hit]) -> list[Hit]:
    """Return the hits in their order, and of those that overlap the surest, then the longest."""
    taken: list[Hit] = []
    ends = -1
    for hit in sorted(hits, key=lambda each: (each.start, -each.score, each.start - each.end)):
        if hit.start >= ends:
            taken.append(hit)
            ends = hit.end
        elif (hit.score, hit.end - hit.start) > (taken[-1].score, taken[-1].end - taken[-1].start):
            taken[-1] = hit
            ends = max(ends, hit.end)
    return taken


def _find_emails(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    at = low.find("@")
    while at >= 0:
        start, end = at, at + 1
        while start > 0 and at - start < _MOST_LOCAL and _is_local(low[start - 1]):
            start -= 1
        while end < len(low) and end - at < _MOST_HOST and _is_host(low[end]):
            end += 1
        while end > at + 1 and low[end - 1] in ".-":
            end -= 1
        while start < at and low[start] in ".'-":
            start += 1
        host = low[at + 1 : end]
        is_address = "://" not in low[max(0, start - 40) : start].rpartition(" ")[2]
        if (
            is_address
            and start < at
            and "." in host
            and ".." not in host
            and _is_top(host.rsplit(".", 1)[1])
        ):
            yield Hit("email", "personal.email", start, end, 0.98)
        at = low.find("@", max(end, at + 1))


def _is_local(character: str) -> bool:
    return character in _LOCAL or (not character.isascii() and character.isalnum())


def _is_host(character: str) -> bool:
    return character in _HOST or (not character.isascii() and character.isalnum())


def _is_top(part: str) -> bool:
    return 2 <= len(part) <= 24 and (part.isalpha() or part.startswith("xn--"))  # noqa: PLR2004


def _find_phones(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    looked_up = 0
    for run in list_runs(text, "()/.- \u00a0"):
        at, is_fresh = 0, True
        while at < len(run.groups):
            after, is_found = at + 1, False
            for start, end, digits in run.list_windows(at, 15):
                first, looked_up = _find_phone_start(text, start), looked_up + 1
                number = text[first:end].replace("\u00a0", " ")
                if not _may_be_phone(number, digits, low, first):
                    continue
                if looked_up > MOST_LOOKED_UP:
                    score = 0.6
                else:
                    score = _score_phone(number, digits, low, first, rule.regions)
                if not is_fresh and number[:1] not in "+(":
                    # In the middle of another number, such as an account, chance makes many.
                    score = min(score, 0.3)
                if score:
                    yield Hit("phone", "personal.phone", first, end, score)
                    after, is_found = bisect_left(run.groups, (end,)), True
                    break
            at, is_fresh = after, is_found


def _find_phone_start(text: str, start: int) -> int:
    """Return where a number begins whose first digit is at ``start``: with its ``+`` or ``(``."""
    start = start - 1 if start and text[start - 1] in "+(" else start
    return start - 1 if start and text[start] == "(" and text[start - 1] == "+" else start


def _may_be_phone(number: str, digits: str, low: str, start: int) -> bool:
    """Return whether a run of digits is worth a look at the plans. A date is not."""
    if _DAY.fullmatch(number):
        return False
    is_written_so = number[:1] == "+" or digits.startswith("00") or _has_groups(number, digits)
    return is_written_so or find_last((_PHONE_WORDS, _OTHER_NUMBERS), low, start) is not None


def _score_phone(number: str, digits: str, low: str, start: int, regions: Sequence[str]) -> float:
    """Return how sure it is that a run of digits is a phone number; 0 if no plan has it."""
    is_international = number.lstrip("(").startswith("+") or digits.startswith("00")
    nearest = find_last((_PHONE_WORDS, _OTHER_NUMBERS), low, start)
    if nearest == 1 and not number.lstrip("(").startswith("+"):
        return 0.2
    if digits.startswith("00"):
        number = "+" + digits[2:]
    if not _is_in_a_plan(number, ("ZZ",) if is_international else regions):
        return 0.35 if nearest == 0 and number[:1] in "+0(" else 0.0
    if is_international or nearest == 0:
        return 0.97 if is_international else 0.93
    return 0.6 if number[:1] in "0(" else 0.45


def _has_groups(number: str, digits: str) -> bool:
    """Return whether it is written as phone numbers are: with a leading 0, in groups."""
    return number[:1] in "0(" or (len(digits) == 10 and number.count("-") == 2)  # noqa: PLR2004


def _is_in_a_plan(number: str, regions: Sequence[str]) -> bool:
    for region in regions:
        try:
            parsed = phonenumbers.parse(number, None if region == "ZZ" else region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return True
    return False


def _find_ibans(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    past = 0
    for match in _IBAN_START.finditer(text):
        if match.start() < past:
            continue
        if end := _find_iban_end(text, match.start()):
            past = end
            yield Hit("iban", "personal.iban", match.start(), end, 0.99)


def _find_iban_end(text: str, start: int) -> int | None:
    """Return where an account number that begins here ends, by its check digits, or None."""
    signs = ""
    for at in range(start, min(start + _LONGEST_IBAN + 12, len(text))):
        sign = text[at]
        if sign.isascii() and sign.isalnum():
            signs += sign
        elif sign not in " -\u00a0":
            return None
        ends = at + 1 == len(text) or not text[at + 1].isalnum()
        if ends and sign.isalnum() and _SHORTEST_IBAN <= len(signs) <= _LONGEST_IBAN:
            # The sum first: it is quicker, and rules most out.
            is_account = _adds_up(signs.upper()) and iban.is_valid(signs)
            if is_account:
                return at + 1
    return None


def _adds_up(signs: str) -> bool:
    try:
        return int("".join(str(int(each, 36)) for each in signs[4:] + signs[:4])) % 97 == 1
    except ValueError:
        return False


def _find_cards(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    for run in list_runs(text, " -\u00a0"):
        at = 0
        while at < len(run.groups):
            hit = next((hit for hit in _try_cards(text, low, run, at)), None)
            if hit:
                yield hit
            at = bisect_left(run.groups, (hit.end,)) if hit else at + 1


def _try_cards(text: str, low: str, run: Run, at: int) -> Iterator[Hit]:
    for start, end, digits in run.list_windows(at, 19):
        if len(digits) < 13 or not digits.startswith(_CARD_PREFIXES):  # noqa: PLR2004
            continue
        if len(set(digits)) < 2 or not luhn.is_valid(digits):  # noqa: PLR2004
            continue
        if _IBAN_HEAD.search(text, max(0, start - 5), start):
            continue
        nearest = find_last((_CARD_WORDS, _OTHER_NUMBERS), low, start)
        against = 0.4 if end - start == len(digits) else 0.7
        yield Hit("card", "personal.card", start, end, {None: 0.85, 0: 0.99, 1: against}[nearest])


def _find_national_ids(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    for hit in find_identity_numbers(text, low):
        if not _IPV4.fullmatch(text[hit.start : hit.end]):
            yield hit


def _find_birth_dates(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    if not any(sign.isdigit() for sign in text):
        return
    for match in _DATE.finditer(text):
        if is_near(_BIRTH_WORDS, low, match.start(), match.end()):
            yield Hit("birth_date", "personal.birth_date", match.start(), match.end(), 0.9)


def _find_ips(text: str, low: str, rule: PersonalRule) -> Iterator[Hit]:
    if "." in text:
        for match in _IPV4.finditer(text):
            if _is_address(match[0]):
                score = 0.3 if is_near(_VERSION_WORDS, low, match.start(), 0) else 0.85
                yield Hit("ip", "personal.ip", match.start(), match.end(), score)
    if "::" in text or text.count(":") > 5:  # noqa: PLR2004
        for match in _IPV6.finditer(text):
            if match[0].count(":") > 1 and _is_address(match[0]):
                yield Hit("ip", "personal.ip", match.start(), match.end(), 0.9)


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)


_FINDERS: dict[str, Callable[[str, str, PersonalRule], Iterator[Hit]]] = {
    "email": _find_emails,
    "iban": _find_ibans,
    "card": _find_cards,
    "national_id": _find_national_ids,
    "phone": _find_phones,
    "birth_date": _find_birth_dates,
    "ip": _find_ips,
}
