"""Ruled lines: straight, across or down the page. Places are in points."""

from typing import NamedTuple

_LEAST = 8.0
_STRAIGHT = 1.0


class Rule(NamedTuple):
    """A line ``at`` a height (or, if it goes down, at a place from the left), between two ends."""

    down: bool
    at: float
    start: float
    end: float

    @classmethod
    def between(cls, one: tuple[float, float], other: tuple[float, float]) -> "Rule | None":
        """Return the rule between two points; None if it is short, or neither across nor down."""
        (x1, y1), (x2, y2) = one, other
        if abs(y1 - y2) <= _STRAIGHT and abs(x1 - x2) >= _LEAST:
            return cls(False, (y1 + y2) / 2, min(x1, x2), max(x1, x2))
        if abs(x1 - x2) <= _STRAIGHT and abs(y1 - y2) >= _LEAST:
            return cls(True, (x1 + x2) / 2, min(y1, y2), max(y1, y2))
        return None


def turn_rule(rule: Rule, turned: int, width: float, height: float) -> Rule:
    """Return where a rule stands once the page has been turned clockwise by a quarter or more."""
    for _ in range(turned // 90):
        down, at, start, end = rule
        # (x, y) comes to stand at (height - y, x).
        rule = (
            Rule(False, at, height - end, height - start)
            if down
            else Rule(True, height - at, start, end)
        )
        width, height = height, width
    return rule
