"""Pages chosen as in a dialog for printing."""

import pytest

from flows.documents.choosing import ChoiceUnread, choose_pages, read_ranges
from flows.documents.errors import Unreadable


@pytest.mark.parametrize(
    ("written", "chosen"),
    [("", [1, 2, 3, 4, 5]), (" 4-, 1,2 - 2, 1", [1, 2, 4, 5]), ("5", [5]),
     ("1-3, 2-4", [1, 2, 3, 4]), ("4-9, 7", [4, 5]), ("1-999999", [1, 2, 3, 4, 5])],
)  # fmt: skip
def test_pages_are_chosen_once_and_in_order(written: str, chosen: list[int]) -> None:
    assert choose_pages(read_ranges(written), 5) == chosen


@pytest.mark.parametrize("written", ["0", "3-1", "a", "-2", "1-2-3", "²", "1;2", "9999999"])
def test_a_choice_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ChoiceUnread, match="no page or range of pages"):
        read_ranges(written)


@pytest.mark.parametrize("written", ["6", "6-", "7-9, 12"])
def test_pages_beyond_the_last_alone_are_refused(written: str) -> None:
    with pytest.raises(Unreadable, match="The file has 5 pages") as refused:
        choose_pages(read_ranges(written), 5)
    assert refused.value.code == "no_page"
