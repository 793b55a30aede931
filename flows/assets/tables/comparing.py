"""Where two tables differ: by column, by row, by cell."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.kinds import Content, Difference, Piece
from flows.assets.word_diff import diff_words, show_whole
from flows.graph.yaml_text import write_yaml
from flows.tables.model import HITS, Row, Table, read_table

Json = Any
MOST_PLACES = 200
_SIDES = (("inputs", "Input", "when"), ("outputs", "Output", "then"))


def compare(before: Content, after: Content) -> list[Difference]:
    """Return the places that differ. Rows are told apart by their ids, columns by their names."""
    found: list[Difference] = []
    for each in _list_differences(before, after):
        if len(found) == MOST_PLACES:
            found.append(Difference("More", show_whole("", "Further differences are not listed.")))
            break
        found.append(each)
    return found


def _list_differences(before: Content, after: Content) -> Iterator[Difference]:
    yield from _differ("Description", before.get("description", ""), after.get("description", ""))
    yield from _differ("Hit policy", _say_policy(before), _say_policy(after))
    further = [", ".join(each.get("given", [])) for each in (before, after)]
    yield from _differ("Further inputs", *further)
    for side, label, _ in _SIDES:
        old, new = (
            {each["name"]: _to_yaml(each) for each in content.get(side, [])}
            for content in (before, after)
        )
        for name in {**old, **new}:
            yield from _differ(f"{label} {name}", old.get(name, ""), new.get(name, ""))
    yield from _compare_rows(read_table(before), read_table(after))
    tests = [{each["name"]: _to_yaml(each) for each in content.get("tests", [])}
             for content in (before, after)]  # fmt: skip
    for name in {**tests[0], **tests[1]}:
        yield from _differ(f"Test {name}", tests[0].get(name, ""), tests[1].get(name, ""))


def _differ(label: str, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(label, diff_words(before, after))


def _say_policy(content: Content) -> str:
    hit = content.get("hit", "")
    return f"{HITS.get(hit, '')} {content.get('aggregate', '')}".strip()


def _to_yaml(value: Mapping[str, Json]) -> str:
    return write_yaml(dict(value), inline=lambda path: False)


def _compare_rows(before: Table, after: Table) -> Iterator[Difference]:
    old, new = ({each.id: each for each in table.rows} for table in (before, after))
    for id_, row in new.items():
        if id_ not in old:
            yield Difference(f"Row {row.number}, added", show_whole("", _say_row(after, row)))
            continue
        mine, yours = _name_cells(before, old[id_]), _name_cells(after, row)
        for name in {**mine, **yours}:
            yield from _differ(f"Row {row.number}, {name}", mine.get(name, ""), yours.get(name, ""))
    for id_, row in old.items():
        if id_ not in new:
            yield Difference(
                f"Row {row.number} of before, removed", show_whole(_say_row(before, row), "")
            )
    stayed = [[id_ for id_ in rows if id_ in old and id_ in new] for rows in (old, new)]
    if stayed[0] != stayed[1]:
        orders = [", ".join(rows) for rows in stayed]
        yield Difference("Order of the rows", (Piece("gone", orders[0]), Piece("new", orders[1])))


def _name_cells(table: Table, row: Row) -> dict[str, str]:
    """Return the cells of a row by their columns. An input and an output may share a name."""
    inputs = {each.label: cell for each, cell in zip(table.inputs, row.when, strict=True)}
    outputs = {
        f"{each.label} (output)" if each.label in inputs else each.label: cell
        for each, cell in zip(table.outputs, row.then, strict=True)
    }
    return {**inputs, **outputs, "note": row.note}


def _say_row(table: Table, row: Row) -> str:
    return "; ".join(f"{name} {cell}" for name, cell in _name_cells(table, row).items() if cell)
