from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reviews.rules.covering import Away, closes_a_circle, follow_covers

START = datetime(2026, 3, 2, tzinfo=UTC)


def away(person: int, cover: int | None, start: int = 0, end: int = 5) -> Away:
    return Away(person, cover, START + timedelta(days=start), START + timedelta(days=end))


def test_who_is_present_stands_in_for_themselves() -> None:
    assert follow_covers(1, START, []) == 1
    assert follow_covers(1, START, [away(1, 2, start=1)]) == 1


def test_covers_are_followed_while_both_are_away() -> None:
    aways = [away(1, 2), away(2, 3, start=2)]
    assert follow_covers(1, START, aways) == 2
    assert follow_covers(1, START + timedelta(days=2), aways) == 3
    assert follow_covers(1, START + timedelta(days=5), aways) == 1


def test_a_chain_that_ends_with_nobody_gives_nobody() -> None:
    assert follow_covers(1, START, [away(1, 2), away(2, None)]) is None


def test_covers_form_a_circle_only_where_their_dates_overlap() -> None:
    aways = [away(1, 2, 0, 5), away(2, 3, 4, 8)]
    assert closes_a_circle(away(3, 1, 4, 5), aways)
    assert not closes_a_circle(away(3, 1, 5, 8), aways)
    assert closes_a_circle(away(9, 9), [])


people = st.integers(1, 5)
plans = st.builds(
    lambda person, cover, start, length: away(person, cover, start, start + length),
    people, people, st.integers(0, 10), st.integers(1, 6),
)  # fmt: skip


@given(st.lists(plans, max_size=8))
def test_what_is_planned_without_circles_always_finds_who_is_present(found: list[Away]) -> None:
    planned: list[Away] = []
    for each in found:
        own = [p for p in planned if p.person == each.person]
        if any(p.starts_at < each.ends_at and each.starts_at < p.ends_at for p in own):
            continue
        if not closes_a_circle(each, planned):
            planned.append(each)
    for day in range(17):
        at = START + timedelta(days=day)
        away_now = {p.person for p in planned if p.holds(at)}
        for person in range(1, 6):
            assert follow_covers(person, at, planned) not in away_now
            assert follow_covers(person, at, planned) is not None
