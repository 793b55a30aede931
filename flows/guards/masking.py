"""Replace what was found by a mask, which is final, or by tokens, which can be turned back.

A token is ``[IBAN 1 kqzrmtbw]``: what it stands for, its number in the run, and a random code. The
same original has the same token all through a run, so that texts still tell who is meant.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.guards.findings import Hit, Path
from flows.guards.places import replace_leaves

Json = Any
LABELS = {
    "email": "E-mail",
    "phone": "Phone",
    "iban": "IBAN",
    "card": "Card",
    "national_id": "ID number",
    "birth_date": "Birth date",
    "ip": "IP address",
    "declared": "Personal data",
    "secret": "Secret",
    "listed": "Listed",
}
CODE_LETTERS = "bcdfghjkmnpqrstvwxz"  # no vowels, so that no word comes of them, and no digits
CODE_LENGTH = 8
TOKEN = re.compile(
    r"\[(?P<label>[A-Z][A-Za-z-]{0,20}(?: [a-z]{1,20}){0,2}) (?P<number>[0-9]{1,6}) "
    rf"(?P<code>[{CODE_LETTERS}]{{{CODE_LENGTH}}}|test)\]"
)
# Where a mask goes: a text of the value (its way, whether it is a key).
Place = tuple[Path, bool]


@dataclass(frozen=True, slots=True)
class Original:
    """What a token stands for, and its kind. ``json`` is the text or number as JSON."""

    kind: str
    json: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Characters ``start`` to ``end`` of a text, to be replaced."""

    kind: str
    start: int
    end: int
    with_token: bool


def label_of(kind: str) -> str:
    """Return the word that a mask shows for a kind."""
    return LABELS.get(kind, "Removed")


def join_cuts(hits: Sequence[tuple[Hit, bool]]) -> list[Cut]:
    """Return what to cut out of one text: each hit, those that overlap as one.

    With each hit comes whether a token replaces it; a mask, which is final, wins.
    """
    cuts: list[Cut] = []
    for hit, with_token in sorted(hits, key=lambda each: (each[0].start, -each[0].end)):
        if hit.start >= hit.end:
            continue
        if cuts and hit.start < cuts[-1].end:
            last = cuts[-1]
            cuts[-1] = Cut(
                last.kind, last.start, max(last.end, hit.end), last.with_token and with_token
            )
        else:
            cuts.append(Cut(hit.kind, hit.start, hit.end, with_token))
    return cuts


def find_original(value: Json, cut: Cut) -> Original:
    """Return what a cut takes out of a text or number. A number is taken whole."""
    part = value if isinstance(value, int) else str(value)[cut.start : cut.end]
    return Original(cut.kind, json.dumps(part, ensure_ascii=False))


def cut_out(
    value: Json, cuts: Mapping[Place, Sequence[Cut]], tokens: Mapping[Original, str]
) -> Json:
    """Return the value with each cut replaced by its token, or by ``[Phone]``."""

    def change(each: Json, path: Path, is_key: bool) -> Json:
        found = cuts.get((path, is_key))
        return each if not found else _cut_text(each, found, tokens)

    return replace_leaves(value, change)


def _cut_text(value: Json, cuts: Sequence[Cut], tokens: Mapping[Original, str]) -> str:
    if isinstance(value, int):
        return _sign_of(value, cuts[0], tokens)
    text, at = str(value), 0
    pieces: list[str] = []
    for cut in cuts:
        pieces += [text[at : cut.start], _sign_of(text, cut, tokens)]
        at = cut.end
    return "".join(pieces) + text[at:]


def _sign_of(value: Json, cut: Cut, tokens: Mapping[Original, str]) -> str:
    return tokens[find_original(value, cut)] if cut.with_token else f"[{label_of(cut.kind)}]"


def list_tokens(value: Json) -> list[str]:
    """Return the tokens in the texts of a value, each once, in their order."""
    found: dict[str, None] = {}

    def note(each: Json, path: Path, is_key: bool) -> Json:
        if isinstance(each, str):
            found.update(dict.fromkeys(match[0] for match in TOKEN.finditer(each)))
        return each

    replace_leaves(value, note)
    return list(found)


def restore(value: Json, originals: Mapping[str, str]) -> Json:
    """Return the value with each token turned back. ``originals`` are JSON texts by token."""

    def change(each: Json, path: Path, is_key: bool) -> Json:
        if not isinstance(each, str):
            return each
        if each in originals and not is_key:
            return json.loads(originals[each])
        return TOKEN.sub(lambda match: _text_of(match[0], originals), each)

    return replace_leaves(value, change)


def _text_of(token: str, originals: Mapping[str, str]) -> str:
    return str(json.loads(originals[token])) if token in originals else token
