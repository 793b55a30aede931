"""The fitted scorecard, in plain Python: no fitting library is needed to score."""

from functools import cache
from pathlib import Path

from flows.steps.models import LOCAL
from flows.steps.scorecard import Scorecard

PATH = Path(__file__).with_name("scorecard.json")


@cache
def load() -> Scorecard:
    """Return the scorecard, registered as the local model ``scorecard``."""
    scorecard = Scorecard.load(PATH)
    LOCAL.register(scorecard)
    return scorecard
