"""Numbers and times that people type are read one way, and refused with the remedy."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reviews.rules.answers import Answer, find_schema_problems, find_value_problems
from reviews.rules.posted import read_value

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("typed", ["1,5", "12,50", "1.500,00", "1e999", "many"])
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_a_number_that_could_mean_two_is_refused_with_the_way_to_write_it(
    typed: str, kind: str
) -> None:
    kept = read_value(typed, {"type": kind})
    assert kept == typed
    [(place, problem)] = find_schema_problems(
        {"properties": {"rate": {"type": kind}}}, {"rate": kept}, "form"
    ).items()
    assert place == "form.rate"
    if typed != "1e999":
        assert "Write it as 1,234.5." in problem


def test_a_number_that_would_be_rounded_is_refused() -> None:
    typed = "9007199254740993"
    kept = read_value(typed, {"type": "integer"})
    [problem] = find_schema_problems({"type": "integer"}, kept, "fields.n").values()
    assert "would be rounded" in problem


def test_a_typed_text_does_not_replace_a_number_that_has_no_schema() -> None:
    shown = {"show": [{"fields": [{"key": "income", "label": "Income", "editable": True}]}]}
    answer = Answer(outcome="approved", fields={"income": "1,5"})
    problems = find_value_problems(answer, rules={}, shown=shown, fields={"income": 3000})
    assert "Write it as 1,234.5." in problems["fields.income"]


def test_a_local_time_is_meant_in_the_zone_of_the_person() -> None:
    part = {"type": "string", "format": "date-time"}
    assert read_value("2026-07-01T10:00", part, zone=BERLIN) == "2026-07-01T08:00:00Z"


@pytest.mark.parametrize("typed", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_a_local_time_that_is_skipped_or_repeated_is_refused(typed: str) -> None:
    part = {"type": "string", "format": "date-time"}
    [problem] = find_schema_problems(part, read_value(typed, part, zone=BERLIN), "form.at").values()
    assert "Add one, such as Z or +02:00." in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [("date-time", "banana"), ("date", "2026-02-30"), ("email", "nobody"), ("uri", "x y")],
)
def test_formats_are_checked(name: str, value: Any) -> None:
    assert find_schema_problems({"format": name}, value, "form")


def test_a_time_of_day_needs_no_offset() -> None:
    assert not find_schema_problems({"format": "time"}, "09:30", "form")
    assert find_schema_problems({"format": "time"}, "25:00", "form")


@pytest.mark.parametrize("value", [2**53, float("inf"), "a\x00b", ["\ud800"]])
def test_a_value_that_cannot_be_kept_is_a_problem_of_its_field(value: object) -> None:
    shown = {"show": [{"fields": [{"key": "income", "label": "Income", "editable": True}]}]}
    answer = Answer(outcome="", fields={"income": value}, form={"rate": value})
    problems = find_value_problems(answer, rules={}, shown=shown, fields={"income": 3000})
    assert {name.split(".")[0] for name in problems} == {"fields", "form"}


@pytest.mark.parametrize("typed", ["2026-03-29T02:30", "2026-10-25T02:30"])
@pytest.mark.parametrize("place", ["form.at", "fields.at"])
def test_a_page_names_the_change_of_the_clocks(typed: str, place: str) -> None:
    part = {"type": "string", "format": "date-time"}
    kept = {"at": read_value(typed, part, zone=BERLIN)}
    shown = {"show": [{"fields": [{"key": "at", "label": "At", "editable": True, "schema": part}]}]}
    answer = Answer(
        outcome="approved",
        form=kept if place.startswith("form") else {},
        fields={} if place.startswith("form") else kept,
        zone=BERLIN,
    )
    form = {"type": "object", "properties": {"at": part}}
    problems = find_value_problems(answer, rules={"form": form}, shown=shown, fields={"at": None})
    assert f"The clocks in Europe/Berlin change at {typed!r}" in problems[place]
    assert "Add the offset from UTC" in problems[place]
