"""Random tables: they decide as a naive reading does, and their analysis is as asking shows."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.tables import syntax
from flows.tables.analysis import analyse
from flows.tables.compiling import compile_expression, compile_tests
from flows.tables.deciding import DecisionTable
from flows.tables.dmn import read_dmn, write_dmn
from flows.tables.errors import FeelError, TableRefused
from flows.tables.model import Problem, read_table
from flows.tables.parsing import parse_expression, parse_tests
from flows.tables.spreadsheet import read_csv, write_csv
from flows.tables.values import from_json, to_json, to_literal
from tests.unit.tables.reference import Made, decide_naively, inputs_of, tables

Json = Any
MANY = settings(max_examples=60, deadline=None)


def name_inputs(made: Made, values: list[Any]) -> dict[str, Json]:
    return {f"c{at}": to_json(value) for at, value in enumerate(values)}


def is_deciding(made: Made) -> bool:
    """Whether the table has no cell that is wrong: what generated cells never are."""
    return analyse(read_table(made.content)).compiled.is_fit


@MANY
@given(st.data())
def test_a_table_decides_as_a_naive_reading_does(data: st.DataObject) -> None:
    made = data.draw(tables())
    table = DecisionTable("random", made.content)
    for _ in range(8):
        values = data.draw(inputs_of(made))
        try:
            found: Json = table.decide(name_inputs(made, values)).result
        except TableRefused:
            found = "refused"
        assert found == decide_naively(made, values), (made.content, values)


@MANY
@given(st.data())
def test_a_gap_is_found_exactly_where_no_row_matches(data: st.DataObject) -> None:
    made = data.draw(tables(hits="UAPF"))
    found = analyse(read_table(made.content))
    for gap in found.gaps:
        assert not made.find(read_example(made, gap)), (made.content, gap)
    if not found.is_whole:
        return
    for _ in range(12):
        values = data.draw(inputs_of(made))
        in_gaps = [gap for gap in found.gaps if lies_in(gap, values)]
        # The gaps lie apart from each other, and together are all that no row matches.
        assert len(in_gaps) == (0 if made.find(values) else 1), (made.content, values)


def test_a_row_that_nothing_matches_overlaps_with_none() -> None:
    rows = [
        {"id": f"r{at}", "when": [cell], "then": ["0"]} for at, cell in enumerate(["-", "[0..0)"])
    ]
    content = {"hit": "U", "inputs": [{"name": "c", "type": "number"}],
               "outputs": [{"name": "result", "type": "number"}], "rows": rows}  # fmt: skip
    found = analyse(read_table(content)).problems
    assert not [each for each in found if len(each.rows) == 2]


@MANY
@given(st.data())
def test_an_overlap_is_found_exactly_where_two_rows_match(data: st.DataObject) -> None:
    made = data.draw(tables(hits="UA"))
    found = analyse(read_table(made.content))
    overlaps = {each.rows: each for each in found.problems if len(each.rows) == 2}
    for rows, problem in overlaps.items():
        assert set(rows) <= set(made.find(read_example(made, problem))), (made.content, problem)
    for _ in range(12):
        matching = made.find(data.draw(inputs_of(made)))
        for at, one in enumerate(matching):
            for two in matching[at + 1 :]:
                outputs = [made.content["rows"][each]["then"] for each in (one, two)]
                if made.content["hit"] == "U" or outputs[0] != outputs[1]:
                    assert (one, two) in overlaps, (made.content, one, two)


@MANY
@given(st.data())
def test_a_row_that_never_decides_is_one_that_no_input_makes_decide(data: st.DataObject) -> None:
    made = data.draw(tables(hits="FP"))
    found = analyse(read_table(made.content))
    hidden = {each.rows[0] for each in found.warnings if "never decides" in each.message}
    dead = {each.rows[0] for each in found.errors if "can match" in each.message}
    if found.errors:
        return
    table = DecisionTable("random", made.content)
    for _ in range(12):
        given_ = name_inputs(made, data.draw(inputs_of(made)))
        for row in table.decide(given_).rows:
            assert row.number - 1 not in hidden | dead, (made.content, given_)


@MANY
@given(tables())
def test_a_table_written_as_dmn_or_csv_is_read_without_loss(made: Made) -> None:
    content = {"description": "", **made.content}
    assert read_dmn(write_dmn("random", "Random", content)) == ("Random", content)
    assert read_csv(write_csv(content), content) == content


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=20)
        | st.decimals(-(10**9), 10**9, places=4) | st.dates() | st.datetimes()
        | st.timedeltas().map(abs),
        lambda inner: st.lists(inner, max_size=3), max_leaves=5,
    )
)  # fmt: skip
def test_the_literal_of_a_value_is_read_as_that_value(value: Any) -> None:
    assert compile_expression(parse_expression(to_literal(value)))({}) == value


@given(st.text(max_size=60) | st.text('0123456789.,()[]"-<>= notand?', max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    for read in (parse_tests, parse_expression):
        try:
            found = read(text)
        except FeelError:
            continue
        if isinstance(found, syntax.Tests):
            compile_tests(found)(Decimal(1), {})
        else:
            compile_expression(found)({})


def read_example(made: Made, problem: Problem) -> list[Any]:
    assert problem.example is not None
    literals = [problem.example[each["name"]] for each in made.content["inputs"]]
    return [compile_expression(parse_expression(each))({}) for each in literals]


def lies_in(gap: Problem, values: list[Any]) -> bool:
    return all(
        compile_tests(parse_tests(cell))(from_json(to_json(value)), {}) is True
        for cell, value in zip(gap.cells, values, strict=True)
    )
