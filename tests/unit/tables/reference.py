"""Random tables, and a naive reading of them to compare with.

The reading knows nothing of FEEL: each cell of a generated table comes with a Python function that
says what it asks. So it shares no code with what it is compared with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Json = Any
Ask = Callable[[Any], bool]
WORDS = ("north", "south", "east", "west")
NUMBERS = st.one_of(
    st.integers(-8, 8).map(Decimal), st.integers(-16, 16).map(lambda each: Decimal(each) / 2)
)


@dataclass(frozen=True)
class Cell:
    text: str
    ask: Ask


@dataclass(frozen=True)
class Made:
    """A table's content, and for each row what its cells ask."""

    content: dict[str, Json]
    rows: Sequence[Sequence[Cell]]

    def find(self, values: Sequence[Any]) -> list[int]:
        return [
            at for at, cells in enumerate(self.rows)
            if all(cell.ask(value) for cell, value in zip(cells, values, strict=True))
        ]  # fmt: skip


ANY = Cell("-", lambda value: True)


@st.composite
def number_cells(draw: st.DrawFn) -> Cell:
    how = draw(st.sampled_from(("any", "bound", "interval", "list", "not")))
    if how == "any":
        return ANY
    if how == "bound":
        sign, than = draw(st.sampled_from(("<", "<=", ">", ">="))), draw(NUMBERS)
        return Cell(f"{sign} {than}", _bound(sign, than))
    if how == "interval":
        low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
        start, end = draw(st.sampled_from("[(]")), draw(st.sampled_from("])["))
        return Cell(f"{start}{low}..{high}{end}", _interval(low, high, start == "[", end == "]"))
    chosen = draw(st.lists(NUMBERS, min_size=1, max_size=3))
    text = ", ".join(map(str, chosen))
    if how == "list":
        return Cell(text, lambda value: value in chosen)
    return Cell(f"not({text})", lambda value: value not in chosen)


def _bound(sign: str, than: Decimal) -> Ask:
    return _of_numbers({
        "<": lambda value: value < than, "<=": lambda value: value <= than,
        ">": lambda value: value > than, ">=": lambda value: value >= than,
    }[sign])  # fmt: skip


def _of_numbers(ask: Ask) -> Ask:
    """Return the question for which null is neither above nor below anything."""
    return lambda value: value is not None and ask(value)


def _interval(low: Decimal, high: Decimal, with_low: bool, with_high: bool) -> Ask:
    return _of_numbers(
        lambda value: (
            (value > low or (with_low and value == low))
            and (value < high or (with_high and value == high))
        )
    )


@st.composite
def word_cells(draw: st.DrawFn) -> Cell:
    chosen = draw(st.lists(st.sampled_from(WORDS), max_size=3, unique=True))
    if not chosen:
        return ANY
    text = ", ".join(f'"{each}"' for each in chosen)
    if draw(st.booleans()):
        return Cell(f"not({text})", lambda value: value not in chosen)
    return Cell(text, lambda value: value in chosen)


@st.composite
def truth_cells(draw: st.DrawFn) -> Cell:
    wanted = draw(st.sampled_from((None, True, False)))
    return ANY if wanted is None else Cell(str(wanted).lower(), lambda value: value is wanted)


CELLS = {"number": number_cells(), "string": word_cells(), "boolean": truth_cells()}
VALUES = {
    # Of quarters, so that there is one in every space between two boundaries.
    "number": st.integers(-40, 40).map(lambda each: Decimal(each) / 4),
    "string": st.sampled_from((*WORDS, "elsewhere")),
    "boolean": st.booleans(),
}


@st.composite
def tables(draw: st.DrawFn, hits: str = "UAPFROC", most_rows: int = 6) -> Made:
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=3))
    rows = [[draw(CELLS[kind]) for kind in kinds]
            for _ in range(draw(st.integers(1, most_rows)))]  # fmt: skip
    outputs = [draw(st.integers(0, 2)) for _ in rows]
    content = {
        "hit": draw(st.sampled_from(hits)),
        "inputs": [{"name": f"c{at}", "type": kind} for at, kind in enumerate(kinds)],
        "outputs": [{"name": "result", "type": "number", "values": "2, 1, 0"}],
        "rows": [
            {"id": f"r{at}", "when": [cell.text for cell in cells], "then": [str(output)]}
            for at, (cells, output) in enumerate(zip(rows, outputs, strict=True))
        ],
    }  # fmt: skip
    return Made(content, rows)


@st.composite
def inputs_of(draw: st.DrawFn, made: Made) -> list[Any]:
    return [draw(VALUES[each["type"]]) for each in made.content["inputs"]]


def decide_naively(made: Made, values: Sequence[Any]) -> Json:
    """Return what the table decides, or "refused"."""
    found = made.find(values)
    outputs = [int(made.content["rows"][at]["then"][0]) for at in found]
    hit = made.content["hit"]
    if hit in "ROC":
        return sorted(outputs, reverse=True) if hit == "O" else outputs
    if not found:
        return None
    if (hit == "U" and len(found) > 1) or (hit == "A" and len(set(outputs)) > 1):
        return "refused"
    return max(outputs) if hit == "P" else outputs[0]
