"""Hit policies, defaults and refusals, and what an analysis says of a table."""

import time
from typing import Any

import pytest

from flows.tables.analysis import analyse
from flows.tables.deciding import DecisionTable
from flows.tables.errors import TableRefused
from flows.tables.model import read_table

Json = Any


def make(hit: str = "U", *rows: tuple[str, str], **more: Json) -> Json:
    return {
        "hit": hit,
        "inputs": [{"name": "n", "type": "number"}],
        "outputs": [{"name": "result", "type": "string", "values": '"high", "low"'}],
        "rows": [{"id": f"r{at}", "when": [when], "then": [then]}
                 for at, (when, then) in enumerate(rows, 1)],
        **more,
    }  # fmt: skip


def decide(content: Json, **given: Json) -> tuple[Json, list[str]]:
    found = DecisionTable("limits@3", content).decide(given)
    return found.result, [each.id for each in found.rows]


BOTH = (("> 0", '"low"'), ("> 5", '"high"'))


@pytest.mark.parametrize(
    ("hit", "expected"),
    [
        ("F", ("low", ["r1"])),
        ("P", ("high", ["r2"])),
        ("R", (["low", "high"], ["r1", "r2"])),
        ("O", (["high", "low"], ["r2", "r1"])),
        ("C", (["low", "high"], ["r1", "r2"])),
    ],
)  # fmt: skip
def test_each_hit_policy_gives_what_the_standard_says(hit: str, expected: Json) -> None:
    assert decide(make(hit, *BOTH), n=9) == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [("sum", (7, ["r1", "r2"])), ("min", (3, ["r1"])), ("max", (4, ["r2"])),
     ("count", (2, ["r1", "r2"])), ("", ([3, 4], ["r1", "r2"]))],
)  # fmt: skip
def test_collected_values_are_aggregated(how: str, expected: Json) -> None:
    outputs = [{"name": "days", "type": "number"}]
    content = make("C", ("> 0", "3"), ("> 5", "4"), aggregate=how, outputs=outputs)
    assert decide(content, n=9) == expected


def test_a_unique_table_refuses_two_rows_and_names_them() -> None:
    with pytest.raises(
        TableRefused, match="limits@3: rows 1 and 2 match the same input"
    ) as refused:
        decide(make("U", *BOTH), n=9)
    assert "exclude each other" in refused.value.remedy
    assert decide(make("U", *BOTH), n=3) == ("low", ["r1"])


def test_an_any_table_refuses_rows_that_contradict() -> None:
    with pytest.raises(TableRefused, match="rows 1 and 2 match the same input and give other"):
        decide(make("A", *BOTH), n=9)
    assert decide(make("A", BOTH[0], ("> 5", '"low"')), n=9) == ("low", ["r1", "r2"])


def test_where_no_row_matches_the_default_stands_in_or_nothing_is_decided() -> None:
    content = make("U", *BOTH)
    found = DecisionTable("t", content).decide({"n": -1})
    assert (found.result, found.is_none, found.rows) == (None, True, ())
    content["outputs"][0]["default"] = '"low"'
    found = DecisionTable("t", content).decide({"n": -1})
    assert (found.result, found.is_default, found.is_none) == ("low", True, False)
    assert decide(make("C", *BOTH), n=-1) == ([], [])
    assert decide(make("C", *BOTH, aggregate="count"), n=-1) == (0, [])


def test_several_outputs_are_named() -> None:
    content = make("U", outputs=[{"name": "limit", "type": "number"}, {"name": "by"}])
    content["rows"] = [{"id": "a", "when": ["-"], "then": ["n * 2", "null"]}]
    assert decide(content, n=1.5) == ({"limit": 3, "by": None}, ["a"])


def test_an_input_may_be_an_expression_of_what_is_given() -> None:
    content = make("U", ("> 0.5", '"high"'), ("<= 0.5", '"low"'))
    content["inputs"] = [{"name": "share", "type": "number", "expression": "loan.sum / income"}]
    assert decide(content, loan={"sum": 60}, income=100) == ("high", ["r1"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "the input 'n' is not given"),
        ({"n": 1, "m": 2}, "there is no input 'm'"),
        ({"n": "much"}, "limits@3, n: 'much' is no number"),
        ({"n": True}, "True is no number"),
        ({"n": 101}, "n: 101 is not allowed"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_refused_by_name(given: Json, words: str) -> None:
    content = make("F", ("-", '"low"'))
    content["inputs"][0]["values"] = "[0..100]"
    with pytest.raises(TableRefused, match=words) as refused:
        DecisionTable("limits@3", content).decide(given)
    assert refused.value.remedy


def test_an_output_that_is_computed_must_be_of_its_type_and_allowed() -> None:
    with pytest.raises(TableRefused, match='limits@3, row 1, result: "a3" is none of "high"'):
        decide(make("F", ("-", '"a" + string(n)')), n=3)


@pytest.mark.parametrize(
    ("content", "at", "words"),
    [
        (make("U", ("car", '"low"')), "rows.0.when.0", "Row 1, n: car names no input."),
        (make("U", ('"car"', '"low"')), "rows.0.when.0", 'Row 1, n: "car" is no number.'),
        (make("U", ("> ", '"low"')), "rows.0.when.0", "Row 1, n: It breaks off."),
        (make("U", ("-", "")), "rows.0.then.0", "Row 1, result: it is empty."),
        (make("U", ("-", "5")), "rows.0.then.0", "Row 1, result: 5 is no string."),
        (make("U", ("-", '"no"')), "rows.0.then.0", 'Row 1, result: "no" is none of'),
        (make("U", ("[5..1]", '"low"')), "rows.0.when.0", "nothing can match"),
        (make("U", ("n > 5", '"low"')), "rows.0.when.0", "a condition about other values"),
        (make("U", *BOTH), "rows.1", "Rows 1 and 2 match the same input."),
        (make("A", *BOTH), "rows.1", "and contradict"),
        (make("P", ("-", "1"), outputs=[{"name": "r"}]), "outputs.0.values", "order of its"),
        (make("C", ("-", "1"), aggregate="sum", outputs=[{"name": "r"}, {"name": "s"}]),
         "aggregate", "one output"),
        (make("U"), "rows", "There is no row."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(content: Json, at: str, words: str) -> None:
    found = analyse(read_table(content)).errors
    assert any(each.at == at and words in each.message and each.remedy for each in found), found


def test_a_gap_has_an_example_and_the_cells_that_fill_it() -> None:
    content = make("U", ("[0..10)", '"low"'), ("(10..20]", '"high"'))
    found = analyse(read_table(content))
    assert [each.cells for each in found.gaps] == [("< 0, 10, > 20",)]
    content["inputs"][0]["values"] = "[0..20]"
    found = analyse(read_table(content))
    assert [(each.cells, each.example) for each in found.gaps] == [(("10",), {"n": "10"})]
    content["rows"].append({"id": "r3", "when": list(found.gaps[0].cells), "then": ['"low"']})
    found = analyse(read_table(content))
    assert (found.gaps, found.problems, found.is_whole) == ((), (), True)


def test_between_two_whole_numbers_there_is_no_gap() -> None:
    rows = (("<= 3", '"low"'), (">= 4", '"high"'))
    content = make("U", *rows)
    assert [each.example for each in analyse(read_table(content)).gaps] == [{"n": "3.5"}]
    content["inputs"][0]["type"] = "integer"
    assert analyse(read_table(content)).gaps == ()


def test_rows_that_read_other_inputs_are_named_as_not_looked_at() -> None:
    content = make("U", ("> m", '"low"'))
    content["inputs"].append({"name": "m", "type": "number"})
    content["rows"][0]["when"].append("-")
    found = analyse(read_table(content))
    assert not found.is_whole
    assert "row 1" in found.notes[0]
    assert found.errors == []


def test_a_table_that_is_too_large_is_said_not_to_be_analysed_whole() -> None:
    columns = 12
    content: Json = {
        "hit": "U",
        "inputs": [{"name": f"c{at}", "type": "number"} for at in range(columns)],
        "outputs": [{"name": "r", "type": "number"}],
        "rows": [
            {"when": [f"[{(row * 7 + at * 3) % 50}..{(row * 7 + at * 3) % 50 + 40}]"
                      for at in range(columns)], "then": ["1"]}
            for row in range(60)
        ],
    }  # fmt: skip
    began = time.perf_counter()
    found = analyse(read_table(content))
    assert time.perf_counter() - began < 20
    assert not found.is_whole
    assert any("too large" in note or "more" in note for note in found.notes)
