"""A contender that is up: what it can be asked, whoever it is."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.conversation import ProcessFailed, Speaker, ask_all

# Each contender's decisions of a burst are taken by so many at once.
DECIDERS = 8
FOLLOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """The processes of a contender that answer, by what they do.

    ``starters`` run the flows of W1 and start what waits, each its share; ``deciders`` decide;
    ``witnesses`` know when the step after a decision began.
    """

    starters: Sequence[Speaker]
    deciders: Sequence[Speaker] = ()
    witnesses: Sequence[Speaker] = ()

    def linear(self, runs: int) -> float:
        """Run flows of ten trivial steps; return steps a second, from first start to last end."""
        shares = [{"runs": share} for share in _shares(runs, len(self.starters))]
        answers = ask_all(self.starters, "linear", shares)
        seconds = max(a["ended"] for a in answers) - min(a["began"] for a in answers)
        return float(sum(a["steps"] for a in answers) / seconds)

    def decide(self, count: int, pace_seconds: float) -> tuple[list[float], float]:
        """Let runs wait, decide each, and see when its next step began.

        A pace of 0 decides all at once. Returns the seconds from each decision's commit to the
        next step's first line, and the runs resumed a second, counted from the first decision's
        beginning to the last first line.
        """
        shares = [{"count": share} for share in _shares(count, len(self.starters))]
        waiting = ask_all(self.starters, "pause", shares)
        if len(self.deciders) == 1:
            waiting = [[id_ for ids in waiting for id_ in ids]]
        # Two who decide half as often make as many decisions a second as one.
        how = {"pace_seconds": pace_seconds * len(self.deciders), "threads": DECIDERS}
        decided = _merged(
            ask_all(self.deciders, "decide", [{"ids": ids, **how} for ids in waiting])
        )
        began = self._followed(len(decided))
        waits = [began[id_] - committed for id_, (_, committed) in decided.items()]
        seconds = max(began.values()) - min(taken_up for taken_up, _ in decided.values())
        return waits, count / seconds

    def _followed(self, count: int) -> dict[str, float]:
        """Return when the step after each decision began; each witness tells what is new to it."""
        began: dict[str, float] = {}
        deadline = time.monotonic() + FOLLOW_SECONDS
        while len(began) < count:
            began |= _merged(ask_all(self.witnesses, "stamps", [{}] * len(self.witnesses)))
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{len(began)} of {count} decisions were followed.")
            time.sleep(0.05)
        return began


def _shares(count: int, parts: int) -> list[int]:
    return [count // parts + (n < count % parts) for n in range(parts)]


def _merged(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for answer in answers for key, value in answer.items()}
