"""The run as a small graph."""

from typing import Any

from reviews.rules.run_picture import draw_picture

FLOW: dict[str, Any] = {
    "steps": {"score": {"title": "Score"}, "review": {}, "settle": {}, "unplaced": {}},
    "edges": ["score.done -> review", "review.approved -> settle", "review.rework -> unplaced"],
    "layout": {"score": [0, 0], "review": [300, 100], "settle": [600, 100]},
}


def test_steps_stand_where_the_designer_put_them_with_their_state() -> None:
    picture = draw_picture(FLOW, {"score": "done", "review": "waiting"})
    assert picture is not None
    assert [(n.title, n.state, n.x) for n in picture.nodes] == [
        ("Score", "done", 0), ("review", "waiting", 300), ("settle", "", 600),
    ]  # fmt: skip
    assert picture.box == "-20 -20 840 200"


def test_the_way_that_was_taken_is_told_from_the_others() -> None:
    picture = draw_picture(FLOW, {"score": "done", "review": "waiting"})
    assert picture is not None
    assert [line.taken for line in picture.lines] == [True, False]


def test_a_flow_without_a_layout_has_no_picture() -> None:
    assert draw_picture({"steps": {"a": {}}}, {}) is None
