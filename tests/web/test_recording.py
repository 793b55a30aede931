"""Each view that changes something says what it records, or why it records nothing."""

from tests.web.recorded_acts import RECORDED
from tests.web.recording import NOT_RECORDED, list_changing_views
from workbench.audit.actions import list_actions


def test_every_changing_view_says_what_it_records() -> None:
    views = list_changing_views()
    assert len(views) > 140
    assert sorted(views - set(RECORDED) - set(NOT_RECORDED)) == []


def test_no_row_is_of_a_view_that_is_gone() -> None:
    assert sorted((set(RECORDED) | set(NOT_RECORDED)) - list_changing_views()) == []
    assert not set(RECORDED) & set(NOT_RECORDED)


def test_the_actions_are_registered() -> None:
    named = {action for row in RECORDED.values() for action in row.split()}
    assert sorted(named - set(list_actions())) == []
