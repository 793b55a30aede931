"""Choose the threshold on one half of the papers, to be shown on the other half.

The halves have different seeds, and one layout stands in the second alone: a threshold that only
suits the papers it was chosen on shows there.
"""

from bench.documents.measuring import Measured
from bench.documents.papers import LAYOUTS, Paper, invent

UNSEEN_LAYOUT = "letter"
MOST_WRONG = 1 / 200
CANDIDATES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995)


def invent_halves(count: int, seed: int = 7) -> tuple[list[Paper], list[Paper]]:
    """Return the papers to choose on, and those to show it on."""
    seen = [layout for layout in LAYOUTS if layout != UNSEEN_LAYOUT]
    half = count // 2
    return (
        list(invent(half, seed, layouts=seen)),
        list(invent(count - half, seed + 1, first=half)),
    )


def choose_threshold(measured: Measured) -> float | None:
    """Return the lowest threshold at which at most 1 value in 200 is to be expected wrong.

    Of n values of which k are wrong, (k + 1) / (n + 1) are: what conformal risk control adds, so
    that a few values without an error do not count as proof. None if no threshold does.
    """
    for threshold in CANDIDATES:
        sent = measured.send_on(threshold)
        wrong = sum(not each.is_right for each in sent)
        if (wrong + 1) / (len(sent) + 1) <= MOST_WRONG:
            return threshold
    return None
