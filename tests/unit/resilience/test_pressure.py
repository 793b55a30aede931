"""A worker takes less when commits are slow."""

import pytest

from flows.runtime.pressure import CommitPace, riders_allowed


@pytest.mark.parametrize(
    ("seconds", "allowed"), [(0, 64), (0.25, 64), (0.5, 32), (1, 16), (8, 2), (600, 1)]
)
def test_the_slower_the_commits_the_fewer_riders(seconds: float, allowed: int) -> None:
    assert riders_allowed(64, seconds) == allowed


def test_a_commit_that_hangs_counts_before_it_ends() -> None:
    pace = CommitPace()
    pace.begin(at=100)
    assert pace.slowest_seconds(at=103) == 3


def test_a_slow_commit_is_forgotten_after_five_seconds() -> None:
    pace = CommitPace()
    pace.begin(at=100)
    pace.end(at=102)
    pace.begin(at=102)
    pace.end(at=102.01)
    assert pace.slowest_seconds(at=104) == 2
    assert pace.slowest_seconds(at=107.005) == pytest.approx(0.01)
    assert pace.slowest_seconds(at=120) == 0
