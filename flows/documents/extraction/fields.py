"""Find the fields of a document by their rules, and say how sure each is.

The confidence of a field is a product: the least confidence of its words, as the document's reader
gave it; how well its label or pattern fits; its share among the different values that fit; and of
a model's, what the model is sure of. What checks make of it is in ``validators``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.documents.extraction.anchors import find_by_anchor
from flows.documents.extraction.candidates import (
    MOST_WORDS,
    Candidate,
    read_at,
    read_run,
)
from flows.documents.extraction.columns import find_in_tables
from flows.documents.extraction.evidence import check_cited
from flows.documents.extraction.rules import FieldRule, Source
from flows.documents.extraction.tokens import Sheet, fold_label, lay_out
from flows.documents.extraction.typed import LOCALES, Json, Locale
from flows.documents.model import Place, ReadDocument

# A form that no label confirms may be another value's.
PATTERN_ALONE = 0.95
# How much a worse candidate counts beside the best: the matches are raised to this power.
RIVALRY = 8
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Extracted:
    """A field as it was found; without a value, all but key and label is empty.

    ``confidence`` is None where a model cannot tell how sure it is.
    """

    key: str
    name: str
    value: Json = None
    text: str = ""
    confidence: float | None = 0.0
    source: Source = "anchor"
    page: int | None = None
    at: Place | None = None
    lines: tuple[int, ...] = ()
    not_found_in_text: bool = False
    refusal: str = ""

    @property
    def is_found(self) -> bool:
        return self.value is not None

    def as_json(self) -> dict[str, Json]:
        return {
            "key": self.key,
            "label": self.name,
            "value": self.value,
            "text": self.text,
            "confidence": self.confidence,
            "source": self.source,
            "page": self.page,
            "at": list(self.at) if self.at else None,
            "lines": list(self.lines),
            "not_found_in_text": self.not_found_in_text,
        }


def extract_fields(
    document: ReadDocument,
    rules: Sequence[FieldRule],
    locale: str = "en",
    answer: Mapping[str, Any] | None = None,
    sureness: Mapping[str, float] | None = None,
) -> list[Extracted]:
    """Return each field, in the order of the rules.

    ``answer`` is what a model said of the fields that it is to find (``evidence``), and
    ``sureness`` how sure it is of each, where it can tell.
    """
    sheets, known = lay_out(document), LOCALES[locale]
    labels = [fold_label(label) for rule in rules for label in rule.anchors]
    found = []
    for rule in rules:
        if rule.by == "model":
            sure = None if sureness is None else sureness.get(rule.key)
            found.append(_take_cited(document, rule, (answer or {}).get(rule.key), sure, known))
        else:
            found.append(_take_best(rule, _list_candidates(document, sheets, rule, labels, known)))
    return found


def correct(
    document: ReadDocument,
    found: Sequence[Extracted],
    rules: Sequence[FieldRule],
    corrected: Mapping[str, Json],
    locale: str = "en",
) -> list[Extracted]:
    """Return the fields with the values that people set, which stand.

    Each has the place at which the document says so, if there is just one.
    """
    sheets, known = lay_out(document), LOCALES[locale]
    return [
        _set_value(each, corrected[each.key], locate(sheets, rule, corrected[each.key], known))
        if each.key in corrected
        else each
        for each, rule in zip(found, rules, strict=True)
    ]


def _set_value(field: Extracted, value: Json, place: Candidate | None) -> Extracted:
    text = "" if value is None else str(value)
    person: Source = "person"
    bare = Extracted(field.key, field.name, value, text, 1.0, person)
    if place is None:
        return bare
    return replace(bare, text=place.text, page=place.page, at=place.at, lines=place.lines)


def locate(
    sheets: Sequence[Sheet], rule: FieldRule, value: Json, locale: Locale
) -> Candidate | None:
    """Return where the document says the value, None if nowhere or at several places."""
    if value in (None, "", []) or isinstance(value, list):
        return None
    # By form alone, and word by word: a text may begin within a line.
    plain = rule.model_copy(update={"pattern": ""})
    found = [
        each
        for sheet in sheets
        for row in sheet.rows
        for start in range(len(row.tokens))
        for end in range(start + 1, min(row.end_of_text(start), start + MOST_WORDS) + 1)
        if (each := read_run(row, start, end, plain, locale, 1.0)) and each.value == value
    ]
    return found[0] if len(found) == 1 else None


def _list_candidates(
    document: ReadDocument,
    sheets: Sequence[Sheet],
    rule: FieldRule,
    labels: Sequence[str],
    locale: Locale,
) -> list[Candidate]:
    match rule.by:
        case "anchor":
            return list(find_by_anchor(sheets, rule, labels, locale))
        case "table":
            return list(find_in_tables(document, rule, locale))
        case _:
            return _find_by_pattern(sheets, rule, locale)


def _find_by_pattern(sheets: Sequence[Sheet], rule: FieldRule, locale: Locale) -> list[Candidate]:
    found = []
    for sheet in sheets:
        for row in sheet.rows:
            start = 0
            while start < len(row.tokens):
                end = row.end_of_text(start)
                each = read_at(row, start, end, rule, locale, PATTERN_ALONE)
                if each is not None:
                    found.append(each)
                start += len(each.text.split()) if each is not None else 1
    return found


def _take_best(rule: FieldRule, candidates: Sequence[Candidate]) -> Extracted:
    """Return the best candidate as the field; different values that fit as well divide it."""
    empty = Extracted(rule.key, rule.name, source=rule.by)
    if not candidates:
        return empty
    best = max(candidates, key=lambda each: (each.match, each.words))
    rivals: dict[str, float] = {}
    for each in candidates:
        value = repr(each.value)
        rivals[value] = max(rivals.get(value, 0.0), (each.match / best.match) ** RIVALRY)
    confidence = best.words * best.match / sum(rivals.values())
    return _fill(empty, best, confidence)


def _take_cited(
    document: ReadDocument,
    rule: FieldRule,
    answer: Mapping[str, Any] | None,
    sure: float | None,
    locale: Locale,
) -> Extracted:
    cited = check_cited(document, rule, answer, locale)
    empty = Extracted(rule.key, rule.name, source="model", text=cited.text, refusal=cited.refusal)
    if cited.is_absent:
        # Shown, so that a person sees what was claimed, and trusted by nobody.
        return replace(empty, value=cited.text, not_found_in_text=True)
    if cited.candidate is None:
        return empty
    confidence = None if sure is None else sure * cited.candidate.words
    return _fill(empty, cited.candidate, confidence)


def _fill(empty: Extracted, found: Candidate, confidence: float | None) -> Extracted:
    return replace(
        empty,
        value=found.value,
        text=found.text,
        confidence=None if confidence is None else round(confidence, DIGITS),
        page=found.page,
        at=found.at,
        lines=found.lines,
    )
