"""What a decision table consists of, read from its plain content.

```yaml
hit: U                                  # U, A, P, F, R, O or C
aggregate: sum                          # with C: sum, min, max or count
inputs:
  - {name: amount, type: number, values: "[0..100000]"}
  - {name: region, type: string, expression: applicant.region}
outputs:
  - {name: limit, type: number, default: "0"}
rows:
  - {id: r1, when: ["<= 1000", '"north"'], then: ["500"], note: Small loans}
```
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = Any
HITS: Mapping[str, str] = {
    "U": "Unique", "A": "Any", "P": "Priority", "F": "First", "R": "Rule order",
    "O": "Output order", "C": "Collect",
}  # fmt: skip
# What people choose it by.
HIT_HELP: Mapping[str, str] = {
    "U": "one row at most may match",
    "A": "several may match, all with the same outputs",
    "P": "the row whose output comes first in the list of its values",
    "F": "the first row that matches",
    "R": "all that match, in the order of the rows",
    "O": "all that match, in the order of the outputs' values",
    "C": "all that match: a list, or a sum, minimum, maximum or count",
}
AGGREGATES = ("sum", "min", "max", "count")
LISTS = frozenset({"R", "O", "C"})
MOST_ROWS = 2_000
MOST_COLUMNS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a table, where (``rows.2.when.0``), and what to do about it.

    A ``warning`` keeps the table from nothing. ``rows`` are the places of the rows that it is
    about; ``example`` is an input that shows it, as FEEL by the column's name. ``cells`` are those
    of a row that would fill a gap.
    """

    at: str
    message: str
    remedy: str = ""
    level: Literal["error", "warning"] = "error"
    rows: tuple[int, ...] = ()
    example: Mapping[str, str] | None = None
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """An input or output. ``values`` are those allowed, as a cell would ask for them."""

    name: str
    title: str
    kind: str
    values: str = ""
    expression: str = ""
    default: str = ""

    @property
    def label(self) -> str:
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class Row:
    """A rule. ``number`` counts from 1, as people see it."""

    number: int
    id: str
    when: tuple[str, ...]
    then: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``given`` are further inputs that cells read and no column asks about."""

    hit: str
    aggregate: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rows: tuple[Row, ...]
    given: tuple[str, ...] = ()

    @property
    def gives_list(self) -> bool:
        """Whether its result is a list of what each row gives."""
        return self.hit in LISTS and not self.aggregate


def read_table(content: Mapping[str, Json]) -> Table:
    """Return the table of a content that has its form. Rows are filled up to the columns."""
    inputs = tuple(map(_read_column, content.get("inputs", ())))
    outputs = tuple(map(_read_column, content.get("outputs", ())))
    return Table(
        hit=content.get("hit", "U"),
        aggregate=content.get("aggregate", "") if content.get("hit") == "C" else "",
        inputs=inputs,
        outputs=outputs,
        rows=tuple(
            Row(
                number=number,
                id=each.get("id") or f"r{number}",
                when=_fill_up(each.get("when", ()), len(inputs), "-"),
                then=_fill_up(each.get("then", ()), len(outputs), ""),
                note=each.get("note", ""),
            )
            for number, each in enumerate(content.get("rows", ()), 1)
        ),
        given=tuple(content.get("given", ())),
    )


def _read_column(each: Mapping[str, Json]) -> Column:
    return Column(
        name=each["name"],
        title=each.get("title", ""),
        kind=each.get("type", "any"),
        values=each.get("values", ""),
        expression=each.get("expression", ""),
        default=each.get("default", ""),
    )


def _fill_up(cells: Json, count: int, empty: str) -> tuple[str, ...]:
    given = [str(each) for each in cells][:count]
    return tuple(given + [empty] * (count - len(given)))
