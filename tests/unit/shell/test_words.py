"""Spans, times, states and JSON as pages say them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template

from flows.models import RunStatus, TokenState
from workbench.shell.durations import ago_text, duration_text
from workbench.shell.icons import icon_markup, render_icon
from workbench.shell.jsonview import MAX_ITEMS, render_json
from workbench.shell.statuses import LOOKS, look_of

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def render(source: str, **context: Any) -> str:
    return Template("{% load shell %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (1, "1 s"),
        (4.25, "4.2 s"),
        (59.7, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (187_200, "2 d 4 h"),
        (-90, "\N{MINUS SIGN}1 min 30 s"),
    ],
)
def test_a_span_is_said_in_at_most_two_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "just now"), (-3, "just now"), (45, "45 s ago"), (3599, "59 min ago"), (-7300, "in 2 h")],
)
def test_an_instant_is_said_relative_to_now(seconds: int, text: str) -> None:
    assert ago_text(NOW - timedelta(seconds=seconds), NOW) == text


def test_every_state_of_runs_and_tokens_has_a_look() -> None:
    assert {*RunStatus.values, *TokenState.values} <= LOOKS.keys()


def test_every_look_has_an_icon_that_ships_and_a_known_tone() -> None:
    for value, look in LOOKS.items():
        assert look.icon in icon_markup(), value
        assert look.tone in {"idle", "active", "waiting", "good", "bad"}, value


def test_an_unknown_state_is_shown_by_its_own_word() -> None:
    assert look_of("held_back").word == "Held back"


def test_a_status_has_icon_word_and_tone() -> None:
    html = render("{% status value %}", value=RunStatus.FAILED)
    assert '<svg class="icon"' in html
    assert "<span>Failed</span>" in html
    assert 'data-tone="bad"' in html


def test_an_icon_is_hidden_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in render_icon("play")
    assert 'aria-label="Play &lt;b&gt;"' in render_icon("play", "Play <b>")
    assert render_icon("no-such-icon") == render_icon("box")


def test_a_time_has_its_machine_form_and_its_absolute_form() -> None:
    html = render("{% ago when %}", when=NOW)
    assert 'datetime="2026-03-10T10:00:00+00:00"' in html
    assert 'title="10 Mar 2026, 10:00:00 UTC"' in html


@pytest.mark.parametrize("tag", ["ago", "moment", "duration", "number"])
def test_a_missing_value_is_shown_as_a_dash(tag: str) -> None:
    assert "\N{EN DASH}" in render(f"{{% {tag} value %}}", value=None)


def test_numbers_are_grouped() -> None:
    assert ">1,240,500<" in render("{% number value %}", value=1240500)
    assert ">0.834<" in render("{% number value 3 %}", value=0.8342)


def test_json_is_escaped_in_keys_and_values() -> None:
    html = render_json({"<script>": ["</span><b>", None, True, 1.5, {}, []]})
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_a_long_list_says_how_much_is_left() -> None:
    assert "… and 5 more" in render_json(list(range(MAX_ITEMS + 5)))


def test_json_without_end_is_cut() -> None:
    deep: Any = "leaf"
    for _ in range(500):
        deep = [deep]
    assert "[…]" in render_json(deep)
