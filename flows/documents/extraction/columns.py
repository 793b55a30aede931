"""Find values in a column of a table, and texts by their place among a document's words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.documents.extraction.anchors import compare_labels
from flows.documents.extraction.candidates import Candidate, make_candidate
from flows.documents.extraction.rules import FieldRule
from flows.documents.extraction.tokens import Token, cut_place, fold_label, list_tokens
from flows.documents.extraction.typed import Json, Locale, read_value
from flows.documents.model import Page, ReadDocument, Table
from workbench.values.folding import fold
from workbench.values.refusals import ValueRefused


@dataclass(frozen=True, slots=True)
class Cell:
    value: Json
    text: str
    tokens: tuple[Token, ...]


def find_in_tables(document: ReadDocument, rule: FieldRule, locale: Locale) -> Iterator[Candidate]:
    """Yield the value of the row that is asked for, or the list of all, of each table."""
    for page in document.pages:
        for table in page.tables:
            found = _find_column(table, rule.column)
            if found is None:
                continue
            head, column, match = found
            cells = list(_read_cells(page, table, head, column, rule, locale))
            if rule.row:
                yield from (make_candidate(c.value, c.text, match, c.tokens) for c in cells[:1])
            elif cells:
                tokens = [token for cell in cells for token in cell.tokens]
                values = [cell.value for cell in cells]
                yield make_candidate(values, "; ".join(c.text for c in cells), match, tokens)


def _find_column(table: Table, wanted: str) -> tuple[int, int, float] | None:
    """Return the row of the head and the column below it, and how alike the head is."""
    label = fold_label(wanted)
    for at, row in enumerate(table.rows):
        for column, cell in enumerate(row):
            if match := compare_labels(label, fold_label(cell)):
                return at, column, match
    return None


def _read_cells(
    page: Page, table: Table, head: int, column: int, rule: FieldRule, locale: Locale
) -> Iterator[Cell]:
    tokens = [t for line in page.lines if line.number in set(table.lines)
              for t in list_tokens(line, page.number)]  # fmt: skip
    wanted, begun = fold_label(rule.row), 0
    for row in table.rows[head + 1 :]:
        text = row[column] if column < len(row) else ""
        # Each is looked for after the one before it, as rows may hold the same value.
        span = find_text(tokens, text, begun) if text.strip() else None
        if span is not None:
            begun = span.after
        if wanted and not any(fold_label(cell).startswith(wanted) for cell in row if cell):
            continue
        try:
            value = read_value(text, rule.type, locale)
        except ValueRefused:
            continue
        if span is not None:
            yield Cell(value, text, span.tokens)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a text stands: the tokens, cut to it. ``after`` counts the tokens up to its end."""

    tokens: tuple[Token, ...]
    after: int


def find_text(tokens: Sequence[Token], text: str, begin: int = 0) -> Span | None:
    """Return where the text stands among the tokens, whatever spaces are between its words."""
    wanted = _squeeze(text)
    if not wanted:
        return None
    places = [(at, n) for at in range(begin, len(tokens))
              for n in range(len(_squeeze(tokens[at].text)))]  # fmt: skip
    whole = "".join(_squeeze(each.text) for each in tokens[begin:])
    start = _find_whole(whole, wanted, places)
    if start is None:
        return None
    used = places[start : start + len(wanted)]
    return Span(tuple(_cut(tokens[at], used, at) for at in dict.fromkeys(at for at, _ in used)),
                used[-1][0] + 1)  # fmt: skip


def _find_whole(whole: str, wanted: str, places: Sequence[tuple[int, int]]) -> int | None:
    """Return where the text begins; never inside a number, so that 19 is not found in 1190."""
    start = whole.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        before = start > 0 and places[start][0] == places[start - 1][0]
        after = end < len(whole) and places[end][0] == places[end - 1][0]
        cut = (before and _joined(whole[start - 1], wanted[0])) or (
            after and _joined(wanted[-1], whole[end])
        )
        if not cut:
            return start
        start = whole.find(wanted, start + 1)
    return None


def _joined(one: str, other: str) -> bool:
    """Return whether two characters within a word belong to one number or name."""
    marks = ".,'"
    return (one.isalnum() or one in marks) and (other.isalnum() or other in marks)


def _cut(token: Token, used: Sequence[tuple[int, int]], at: int) -> Token:
    own = [n for index, n in used if index == at]
    length = max(1, len(_squeeze(token.text)))
    place = cut_place(token.at, own[0], own[-1] + 1, length)
    return Token(token.text, place, token.confidence, token.page, token.line)


def _squeeze(text: str) -> str:
    return "".join(fold(text).split())
