"""How two lanes of a run are told apart."""

import pytest

from flows.backtest.lanes import Exit, Lane, classify, find_first_difference


def lane(*path: str, verdict: str = "approved", people: int = 0) -> Lane:
    """Write a step as ``step.port`` or ``step.port=value``."""
    passed = []
    for each in path:
        left, _, value = each.partition("=")
        step, _, port = left.partition(".")
        passed.append(Exit(step, port, value))
    return Lane(verdict, people=people, path=tuple(passed))


@pytest.mark.parametrize(
    ("draft", "baseline", "kind"),
    [
        (lane(verdict="declined"), lane(), "flipped"),
        (lane(verdict="declined", people=1), lane(), "flipped"),
        (lane(people=1), lane(), "rerouted"),
        (lane(people=2), lane(people=1), "same"),
        (lane("a.done=2"), lane("a.done=1"), "changed"),
        (lane("a.done=1"), lane("a.done=1"), "same"),
    ],
)
def test_the_gravest_difference_gives_the_kind(draft: Lane, baseline: Lane, kind: str) -> None:
    assert classify(draft, baseline) == kind


@pytest.mark.parametrize(
    ("draft", "baseline", "step"),
    [
        (lane("a.done", "b.done"), lane("a.done", "b.done"), ""),
        # Parallel branches may be played in another order: that is no difference.
        (lane("a.done", "b.done"), lane("b.done", "a.done"), ""),
        (lane("a.done", "b.yes"), lane("a.done", "b.no"), "b"),
        (lane("a.done=1", "b.yes"), lane("a.done=2", "b.yes"), "a"),
        (lane("a.done", "new.done", "b.yes"), lane("a.done", "b.yes"), "new"),
        (lane("a.done"), lane("a.done", "gone.done"), "gone"),
        (lane("a.done", "a.done"), lane("a.done"), "a"),
    ],
)
def test_the_first_difference_is_the_first_step_left_otherwise(
    draft: Lane, baseline: Lane, step: str
) -> None:
    assert find_first_difference(draft, baseline) == step
